//! Connections: frames in, frames out. One thread each, or one that looks at
//! all of them without sleeping (`polling`).

mod polling;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};

use super::Wait;
use super::core::Core;
use super::slow::{Bench, Outbox, Slow};
use crate::limits::{ASK_FRAME_BYTES, CONNECTIONS, SLOW_WAITING};
use crate::protocol::control::ConnectionKind;
use crate::protocol::{LENGTH_BYTES, decode_asks, encode_answers, frame_length};
use polling::Poller;

/// A connection's thread needs little; memory may be locked.
pub(super) const STACK_BYTES: usize = 512 * 1024;
/// What one read takes at first, bytes.
const READ_BYTES: usize = 16 * 1024;

/// Every open connection.
pub(super) struct Connections {
    core: Arc<Mutex<Core>>,
    open: Vec<(UnixStream, JoinHandle<()>)>,
    wait: Wait,
    poller: Option<Poller>,
    /// The thread for what takes long to sign, once there is a connection.
    slow: Option<(Bench, JoinHandle<()>)>,
}

impl Connections {
    pub(super) const fn new(core: Arc<Mutex<Core>>, wait: Wait) -> Self {
        Self { core, open: Vec::new(), wait, poller: None, slow: None }
    }

    /// Serves one more connection. One too many is refused.
    pub(super) fn open(&mut self, end: OwnedFd, kind: ConnectionKind) -> std::io::Result<()> {
        self.open.retain(|(_, thread)| !thread.is_finished());
        if self.open.len() >= CONNECTIONS {
            return Err(std::io::Error::other(format!("over {CONNECTIONS} connections")));
        }
        let stream = UnixStream::from(end);
        stream.set_nonblocking(false)?;
        let bench = match &self.slow {
            Some((bench, _)) => bench.clone(),
            None => self.slow.insert(Bench::start()?).0.clone(),
        };
        let caller = Caller::new(kind, bench);
        // Whoever cancels everything waits for no gateway's connection.
        if self.wait == Wait::Poll && kind == ConnectionKind::Gateway {
            let poller = match &mut self.poller {
                Some(poller) => poller,
                none => none.insert(Poller::start(Arc::clone(&self.core))?),
            };
            return poller.take(stream, caller);
        }
        let kept = stream.try_clone()?;
        let core = Arc::clone(&self.core);
        let thread = std::thread::Builder::new()
            .name("connection".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(stream, caller, &core))?;
        self.open.push((kept, thread));
        Ok(())
    }

    /// Ends every connection and waits for its thread, so that keys are wiped.
    pub(super) fn close(&mut self) {
        self.poller = None;
        for (stream, thread) in self.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
        if let Some((bench, thread)) = self.slow.take() {
            drop(bench);
            let _ = thread.join();
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.close();
    }
}

/// Reads frames off a stream, several a read where they come together.
struct Frames {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Frames {
    fn new() -> Self {
        Self { buffer: vec![0; READ_BYTES], start: 0, end: 0 }
    }

    /// The next frame's content.
    fn next(&mut self, stream: &mut impl Read) -> Next<'_> {
        loop {
            match self.whole() {
                Ok(Some((from, to))) => {
                    self.start = to;
                    return self.buffer.get(from..to).map_or(Next::End, Next::Frame);
                }
                Ok(None) => {}
                Err(()) => return Next::End,
            }
            let Some(space) = self.buffer.get_mut(self.end..) else { return Next::End };
            match stream.read(space) {
                Ok(0) => return Next::End,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Later,
                Err(_) => return Next::End,
            }
        }
    }

    /// Where the next frame's content stands, if all of it is there; otherwise
    /// there is room for the rest.
    fn whole(&mut self) -> Result<Option<(usize, usize)>, ()> {
        let have = self.buffer.get(self.start..self.end).ok_or(())?;
        let mut wanted = LENGTH_BYTES;
        if let Some(header) = have.first_chunk::<LENGTH_BYTES>() {
            wanted += frame_length(*header, ASK_FRAME_BYTES).map_err(drop)?;
            if have.len() >= wanted {
                return Ok(Some((self.start + LENGTH_BYTES, self.start + wanted)));
            }
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        Ok(None)
    }
}

/// What a look for a frame found.
enum Next<'a> {
    /// A frame's content.
    Frame(&'a [u8]),
    /// Nothing whole yet, on a stream that does not wait.
    Later,
    /// The end, a broken stream, or what is no frame.
    End,
}

/// Ends a connection whatever ends its thread; another descriptor of it is kept
/// elsewhere.
struct Ending(UnixStream);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Answers frames until the other end goes or talks nonsense.
fn serve(stream: UnixStream, mut caller: Caller, core: &Mutex<Core>) {
    let mut stream = Ending(stream);
    let mut frames = Frames::new();
    let mut out = Vec::with_capacity(READ_BYTES);
    loop {
        out.clear();
        let Ok(mut reader) = caller.reader(&stream.0) else { break };
        let went_on = match frames.next(&mut reader) {
            Next::Frame(content) => caller.answer(content, core, &mut out),
            Next::Later => Some(()),
            Next::End => None,
        };
        if went_on.and_then(|()| caller.finish(&mut out)).is_none()
            || stream.0.write_all(&out).is_err()
        {
            break;
        }
    }
}

/// Who asks on one connection.
struct Caller {
    kind: ConnectionKind,
    bench: Bench,
    outbox: Arc<Outbox>,
    /// Texts whose signatures have not been sent yet.
    waiting: usize,
}

impl Caller {
    fn new(kind: ConnectionKind, bench: Bench) -> Self {
        Self { kind, bench, outbox: Arc::default(), waiting: 0 }
    }

    /// Answers one frame into `out`; none where the connection has to end.
    fn answer(&mut self, content: &[u8], core: &Mutex<Core>, out: &mut Vec<u8>) -> Option<()> {
        let asks = decode_asks(content).ok()?;
        let mut slow = Slow { room: SLOW_WAITING.saturating_sub(self.waiting), jobs: Vec::new() };
        // A poisoned state answers nothing any more; the supervisor sees it and
        // starts the signer anew.
        let answers = core.lock().ok()?.answer(&asks, self.kind, &mut slow);
        encode_answers(&answers, out).ok()?;
        for job in slow.jobs {
            self.waiting += 1;
            self.bench.give(job, &self.outbox);
        }
        Some(())
    }

    /// Appends what has been signed meanwhile, a frame each.
    fn finish(&mut self, out: &mut Vec<u8>) -> Option<()> {
        if self.waiting == 0 {
            return Some(());
        }
        for answer in self.outbox.take() {
            self.waiting = self.waiting.saturating_sub(1);
            encode_answers(std::slice::from_ref(&answer), out).ok()?;
        }
        Some(())
    }

    /// What a connection that sleeps reads from: the stream alone where nothing
    /// is being signed for it.
    fn reader<'a>(&'a self, stream: &'a UnixStream) -> std::io::Result<Sleeping<'a>> {
        let bell = if self.waiting == 0 { None } else { Some(self.outbox.bell()?) };
        Ok(Sleeping { stream, bell })
    }
}

/// Reads when something has come, and lets go when a signature is done.
struct Sleeping<'a> {
    stream: &'a UnixStream,
    bell: Option<&'a OwnedFd>,
}

impl Read for Sleeping<'_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        if let Some(bell) = self.bell {
            let mut both =
                [PollFd::new(self.stream, PollFlags::IN), PollFd::new(bell, PollFlags::IN)];
            poll(&mut both, None)?;
            let [_, rung] = both;
            if !rung.revents().is_empty() {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        self.stream.read(space)
    }
}
