//! What a gateway leaves to the one that follows it, so that no request is
//! lost in between: its bots' connections, with what was read of a request and
//! not yet acted on, and what it remembers of signed texts.
//!
//! A connection is passed on open instead of being closed while it is idle:
//! whoever closes an idle connection may do so just when a request arrives,
//! and that one is lost. A connection under TLS cannot be passed on, its keys
//! are in this process; it is told to close with its next answer.
//!
//! What arrives here comes from another gateway, maybe of another version, and
//! is believed as little as possible: where a connection comes from is read
//! from the socket itself.

pub(crate) mod memory;

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::limits;
use memory::Memory;

/// First byte of a packet: a connection, with what was read from it.
const CONNECTION: u8 = b'c';
/// First byte of a packet: a file with what is remembered.
const MEMORY: u8 = b'm';

/// A connection as a gateway passes it on.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) socket: OwnedFd,
    /// What was read from it and not acted on.
    pub(crate) read: Vec<u8>,
}

/// What was left.
#[derive(Debug, Default)]
pub(crate) struct Legacy {
    pub(crate) connections: Vec<Passed>,
    /// None where it is not whole: then nothing is known of signed texts.
    pub(crate) memory: Option<Memory>,
}

/// Takes what a gateway leaves, to its end.
pub(crate) fn take(from: &OwnedFd) -> Legacy {
    let mut legacy = Legacy::default();
    let mut bytes = vec![0; 1 + limits::PASSED_BYTES];
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            match recvmsg(from, &mut parts, &mut beside, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) => received,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "what the gateway before left cannot be taken");
                    return legacy;
                }
            }
        };
        let descriptor = beside.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
            _ => None,
        });
        let Some((kind, rest)) = bytes.get(..received.bytes).and_then(<[u8]>::split_first) else {
            return legacy;
        };
        match (*kind, descriptor) {
            // INVARIANT (bounded): no more than may ever be open at once.
            (CONNECTION, Some(socket)) if legacy.connections.len() < limits::PASSED => {
                legacy.connections.push(Passed { socket, read: rest.to_vec() });
            }
            (MEMORY, Some(file)) => match Memory::read(file) {
                Ok(memory) => legacy.memory = Some(memory),
                Err(error) => tracing::warn!(error, "what was remembered cannot be read"),
            },
            _ => tracing::error!("a connection of the gateway before is lost"),
        }
    }
}

/// A connection that another process can go on with.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Whether it is one.
    const PASSES: bool;

    /// Its socket.
    fn into_socket(self) -> Option<OwnedFd>;
}

impl Transport for TcpStream {
    const PASSES: bool = true;

    fn into_socket(self) -> Option<OwnedFd> {
        self.into_std().ok().map(OwnedFd::from)
    }
}

impl Transport for UnixStream {
    const PASSES: bool = true;

    fn into_socket(self) -> Option<OwnedFd> {
        self.into_std().ok().map(OwnedFd::from)
    }
}

impl Transport for tokio_rustls::server::TlsStream<TcpStream> {
    const PASSES: bool = false;

    fn into_socket(self) -> Option<OwnedFd> {
        None
    }
}

/// A gateway that leaves, as its workers see it.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Whether connections that cannot be passed on are told to close.
    closing: AtomicBool,
    /// Those of them that were open before they are told.
    told: AtomicUsize,
    to: OnceLock<OwnedFd>,
}

impl Leaving {
    /// From now on connections that cannot be passed on close with their next
    /// answer.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether they are told so.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Counts a connection that cannot be passed on, until it is dropped.
    pub(crate) fn told(self: &Arc<Self>) -> Option<Told> {
        (!self.is_closing()).then(|| {
            self.told.fetch_add(1, Ordering::AcqRel);
            Told(Arc::clone(self))
        })
    }

    /// Whether nobody is left to be told.
    pub(crate) fn all_told(&self) -> bool {
        self.told.load(Ordering::Acquire) == 0
    }

    /// From now on connections are passed on there.
    pub(crate) fn pass_to(&self, to: OwnedFd) {
        // A successor that hangs must not keep this one.
        let _ = rustix::net::sockopt::set_socket_timeout(
            &to,
            rustix::net::sockopt::Timeout::Send,
            Some(PATIENCE),
        );
        let _ = self.to.set(to);
    }

    /// Whether connections are passed on.
    pub(crate) fn passes(&self) -> bool {
        self.to.get().is_some()
    }

    /// Passes a connection on with what was read from it.
    pub(crate) fn pass(&self, socket: &OwnedFd, read: &[u8]) {
        if let Err(error) = self.send(CONNECTION, read, socket.as_fd()) {
            tracing::error!(%error, "a connection cannot be passed on");
        }
    }

    /// Passes on what is remembered. The last thing: whoever is given it takes
    /// texts up where this gateway stops.
    pub(crate) fn remember(&self, memory: &Memory) -> Result<(), String> {
        let file = memory.write()?;
        self.send(MEMORY, &[], file.as_fd()).map_err(|error| error.to_string())
    }

    fn send(&self, kind: u8, rest: &[u8], passed: BorrowedFd<'_>) -> std::io::Result<()> {
        let to = self.to.get().ok_or(std::io::ErrorKind::NotConnected)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        let rights = [passed];
        if !beside.push(SendAncillaryMessage::ScmRights(&rights)) {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        let kind = [kind];
        let parts = [IoSlice::new(&kind), IoSlice::new(rest)];
        let until = Instant::now() + PATIENCE;
        loop {
            match sendmsg(to, &parts, &mut beside, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                // So many are on their way that the system takes no more: the
                // successor takes some out.
                Err(rustix::io::Errno::TOOMANYREFS) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// How long a successor may take to take something.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection that is told to close.
#[derive(Debug)]
pub(crate) struct Told(Arc<Leaving>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.told.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::io::{Read as _, Write as _};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let kind = SocketType::SEQPACKET;
        socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn what_is_left_is_taken_whole() {
        let (old, new) = pair();
        let leaving = Leaving::default();
        leaving.pass_to(old);
        let (mut near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        leaving.pass(&far.into(), b"GET / HT");
        leaving.pass(&pair().0, b"");
        let cache = crate::replay::ReplayCache::default();
        leaving.remember(&Memory::of(&cache, &Default::default(), None)).unwrap();
        drop(leaving);
        let legacy = take(&new);
        assert!(legacy.memory.is_some());
        let [first, second] = <[Passed; 2]>::try_from(legacy.connections).unwrap();
        assert_eq!((&first.read[..], &second.read[..]), (&b"GET / HT"[..], &b""[..]));
        near.write_all(b"x").unwrap();
        let mut byte = [0];
        std::os::unix::net::UnixStream::from(first.socket).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    /// A gateway that dies on its way leaves no memory, and its successor knows
    /// that it knows nothing.
    #[test]
    fn what_is_not_whole_is_not_believed() {
        let (old, new) = pair();
        let leaving = Leaving::default();
        leaving.pass_to(old);
        leaving.pass(&pair().0, b"");
        drop(leaving);
        let legacy = take(&new);
        assert_eq!(legacy.connections.len(), 1);
        assert!(legacy.memory.is_none());
    }

    #[test]
    fn who_was_there_before_is_told_and_who_comes_after_is_not_waited_for() {
        let leaving = Arc::new(Leaving::default());
        let before = leaving.told();
        assert!(before.is_some() && !leaving.all_told());
        leaving.close();
        assert!(leaving.told().is_none());
        drop(before);
        assert!(leaving.all_told());
    }
}
