//! Packets between the supervisor and a child: one JSON object each, with
//! file descriptors beside it.
//!
//! The child's end is its standard input: taking over a numbered descriptor
//! would need unsafe code, standard input does not.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde_json::Value;
use vault::limits::{CHANGE_BYTES, CHANGE_SIGNATURE_BYTES, GRANTS};

/// Longest packet, bytes: a new key with the longest ceiling, spelt out.
pub(crate) const PACKET_BYTES: usize = 160 * 1024;
/// Longest packet that the gateway takes, bytes.
const GATEWAY_PACKET_BYTES: usize = gateway::limits::CONTROL_PACKET_BYTES;
/// Most file descriptors in one packet: a connection per worker and one more.
pub(crate) const PACKET_DESCRIPTORS: usize = 65;

const _: () = assert!(PACKET_BYTES >= 2 * (CHANGE_BYTES + GRANTS * CHANGE_SIGNATURE_BYTES) + 4096);
const _: () = assert!((crate::settings::WORKERS as usize) < PACKET_DESCRIPTORS);
const _: () = assert!(crate::settings::CONFIG_BYTES as usize + 8 * 1024 <= GATEWAY_PACKET_BYTES);

/// One end of a packet socket.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
}

/// One packet.
#[derive(Debug)]
pub(crate) struct Packet {
    /// The object.
    pub(crate) value: Value,
    /// The descriptors that came with it.
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Packet {
    /// The object's `kind`.
    pub(crate) fn kind(&self) -> &str {
        self.value.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// A text member of the object.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value.get(name).and_then(Value::as_str)
    }
}

impl Channel {
    /// A connected pair: ours, and the child's standard input.
    pub(crate) fn pair() -> std::io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self { socket: ours }, theirs))
    }

    /// Over a connected packet socket.
    pub(crate) const fn over(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// The end that a child was given as standard input.
    pub(crate) fn from_standard_input() -> std::io::Result<Self> {
        Ok(Self { socket: std::io::stdin().as_fd().try_clone_to_owned()? })
    }

    /// The socket itself, for a library that speaks on it from here on.
    pub(crate) fn into_socket(self) -> OwnedFd {
        self.socket
    }

    /// Sends one packet.
    pub(crate) fn send(&self, value: &Value, passed: &[BorrowedFd<'_>]) -> std::io::Result<()> {
        let text = value.to_string();
        if text.len() > PACKET_BYTES || passed.len() > PACKET_DESCRIPTORS {
            return Err(std::io::Error::other("packet over its bound"));
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PACKET_DESCRIPTORS))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !passed.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(passed)) {
            return Err(std::io::Error::other("too many descriptors"));
        }
        let parts = [IoSlice::new(text.as_bytes())];
        rustix::io::retry_on_intr(|| {
            sendmsg(&self.socket, &parts, &mut beside, SendFlags::NOSIGNAL)
        })?;
        Ok(())
    }

    /// Waits for one packet; `None` when the other side is gone.
    pub(crate) fn receive(&self) -> std::io::Result<Option<Packet>> {
        let mut bytes = vec![0_u8; PACKET_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PACKET_DESCRIPTORS))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            rustix::io::retry_on_intr(|| {
                recvmsg(&self.socket, &mut parts, &mut beside, RecvFlags::CMSG_CLOEXEC)
            })?
        };
        let mut descriptors = Vec::new();
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                descriptors.extend(passed);
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        let text = bytes.get(..received.bytes).unwrap_or_default();
        let value = serde_json::from_slice(text).map_err(std::io::Error::other)?;
        Ok(Some(Packet { value, descriptors }))
    }

    /// Waits for one packet at most so long; an error of kind `TimedOut`
    /// where none came.
    pub(crate) fn receive_within(&self, wait: Duration) -> std::io::Result<Option<Packet>> {
        let timeout = timespec(wait);
        let mut watched = [PollFd::new(&self.socket, PollFlags::IN)];
        let ready = rustix::io::retry_on_intr(|| poll(&mut watched, Some(&timeout)))?;
        if ready == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::TimedOut));
        }
        self.receive()
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A duration as `poll` takes it.
pub(crate) fn timespec(wait: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(wait.subsec_nanos()),
    }
}

/// A connected pair of stream sockets: one end for the signer, one for the
/// gateway.
pub(crate) fn stream_pair() -> std::io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn descriptors_arrive_in_their_order() {
        let (ours, theirs) = Channel::pair().unwrap();
        let theirs = Channel { socket: theirs };
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let (near, far) = stream_pair().unwrap();
        let hello = serde_json::json!({"kind": "start"});
        ours.send(&hello, &[reader.as_fd(), far.as_fd()]).unwrap();
        drop((reader, far));
        let packet = theirs.receive_within(Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!(packet.kind(), "start");
        let [reader, far] = <[OwnedFd; 2]>::try_from(packet.descriptors).unwrap();
        std::fs::File::from(writer).write_all(b"through the pipe").unwrap();
        let mut text = String::new();
        std::fs::File::from(reader).read_to_string(&mut text).unwrap();
        assert_eq!(text, "through the pipe");
        std::os::unix::net::UnixStream::from(near).write_all(b"x").unwrap();
        let mut byte = [0];
        std::os::unix::net::UnixStream::from(far).read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"x");
    }

    #[test]
    fn the_end_of_the_other_side_is_seen() {
        let (ours, theirs) = Channel::pair().unwrap();
        drop(theirs);
        assert!(ours.receive().unwrap().is_none());
    }

    #[test]
    fn a_packet_over_its_bound_is_refused() {
        let (ours, _theirs) = Channel::pair().unwrap();
        let long = serde_json::json!({"text": "x".repeat(PACKET_BYTES)});
        assert!(ours.send(&long, &[]).is_err());
    }
}
