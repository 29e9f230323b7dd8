//! Connections: frames in, frames out. One thread each, or one that looks at
//! all of them without sleeping (`poll`).

mod poll;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::Wait;
use super::core::Core;
use crate::limits::{ASK_FRAME_BYTES, CONNECTIONS};
use crate::protocol::control::ConnectionKind;
use crate::protocol::{LENGTH_BYTES, decode_asks, encode_answers, frame_length};
use poll::Poller;

/// A connection's thread needs little; memory may be locked.
const STACK_BYTES: usize = 512 * 1024;
/// What one read takes at first, bytes.
const READ_BYTES: usize = 16 * 1024;

/// Every open connection.
pub(super) struct Connections {
    core: Arc<Mutex<Core>>,
    open: Vec<(UnixStream, JoinHandle<()>)>,
    wait: Wait,
    poller: Option<Poller>,
}

impl Connections {
    pub(super) const fn new(core: Arc<Mutex<Core>>, wait: Wait) -> Self {
        Self { core, open: Vec::new(), wait, poller: None }
    }

    /// Serves one more connection. One too many is refused.
    pub(super) fn open(&mut self, end: OwnedFd, kind: ConnectionKind) -> std::io::Result<()> {
        self.open.retain(|(_, thread)| !thread.is_finished());
        if self.open.len() >= CONNECTIONS {
            return Err(std::io::Error::other(format!("over {CONNECTIONS} connections")));
        }
        let stream = UnixStream::from(end);
        stream.set_nonblocking(false)?;
        // Whoever cancels everything waits for no gateway's connection.
        if self.wait == Wait::Poll && kind == ConnectionKind::Gateway {
            let poller = match &mut self.poller {
                Some(poller) => poller,
                none => none.insert(Poller::start(Arc::clone(&self.core))?),
            };
            return poller.take(stream, kind);
        }
        let kept = stream.try_clone()?;
        let core = Arc::clone(&self.core);
        let thread = std::thread::Builder::new()
            .name("connection".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(stream, kind, &core))?;
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
fn serve(stream: UnixStream, kind: ConnectionKind, core: &Mutex<Core>) {
    let mut stream = Ending(stream);
    let mut frames = Frames::new();
    let mut out = Vec::with_capacity(READ_BYTES);
    while let Next::Frame(content) = frames.next(&mut stream.0) {
        if answer(content, kind, core, &mut out).is_none() || stream.0.write_all(&out).is_err() {
            break;
        }
    }
}

/// Answers one frame into `out`; none where the connection has to end.
fn answer(
    content: &[u8],
    kind: ConnectionKind,
    core: &Mutex<Core>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let asks = decode_asks(content).ok()?;
    out.clear();
    // A poisoned state answers nothing any more; the supervisor sees it and
    // starts the signer anew.
    let answers = core.lock().ok()?.answer(&asks, kind);
    encode_answers(&answers, out).ok()
}
