//! Connections: one thread each, frames in, frames out.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::core::Core;
use crate::limits::{ASK_FRAME_BYTES, CONNECTIONS};
use crate::protocol::control::ConnectionKind;
use crate::protocol::{LENGTH_BYTES, decode_asks, encode_answers, frame_length};

/// A connection's thread needs little; memory may be locked.
const STACK_BYTES: usize = 512 * 1024;
/// What one read takes at first, bytes.
const READ_BYTES: usize = 16 * 1024;

/// Every open connection.
pub(super) struct Connections {
    core: Arc<Mutex<Core>>,
    open: Vec<(UnixStream, JoinHandle<()>)>,
}

impl Connections {
    pub(super) const fn new(core: Arc<Mutex<Core>>) -> Self {
        Self { core, open: Vec::new() }
    }

    /// Serves one more connection. One too many is refused.
    pub(super) fn open(&mut self, end: OwnedFd, kind: ConnectionKind) -> std::io::Result<()> {
        self.open.retain(|(_, thread)| !thread.is_finished());
        if self.open.len() >= CONNECTIONS {
            return Err(std::io::Error::other(format!("over {CONNECTIONS} connections")));
        }
        let stream = UnixStream::from(end);
        stream.set_nonblocking(false)?;
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

    /// The range of the next frame's content; none at the end, or where the
    /// stream breaks or carries what is no frame.
    fn next(&mut self, stream: &mut impl Read) -> Option<&[u8]> {
        loop {
            let have = self.buffer.get(self.start..self.end)?;
            let mut wanted = LENGTH_BYTES;
            if let Some(header) = have.first_chunk::<LENGTH_BYTES>() {
                wanted += frame_length(*header, ASK_FRAME_BYTES).ok()?;
                if have.len() >= wanted {
                    let content = self.start + LENGTH_BYTES;
                    self.start += wanted;
                    return self.buffer.get(content..self.start);
                }
            }
            // Make room for the whole of what is coming.
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
            let space = self.buffer.get_mut(self.end..)?;
            match stream.read(space) {
                Ok(0) => return None,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
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
    while let Some(content) = frames.next(&mut stream.0) {
        let Ok(asks) = decode_asks(content) else { break };
        out.clear();
        {
            // A poisoned state answers nothing any more; the supervisor sees it
            // and starts the signer anew.
            let Ok(mut core) = core.lock() else { break };
            let answers = core.answer(&asks, kind);
            if encode_answers(&answers, &mut out).is_err() {
                break;
            }
        }
        if stream.0.write_all(&out).is_err() {
            break;
        }
    }
}
