//! The gateway's end of the socket to the signer: whole frames out and in.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use vault::limits::ANSWER_FRAME_BYTES;
use vault::protocol::{LENGTH_BYTES, frame_length};
use vault::signer::Wait;

use crate::limits;

/// What one read takes at first, bytes: more than the answer to a usual frame.
const READ_BYTES: usize = 16 * 1024;
/// Looks at a polling signer between two turns of the other tasks.
const LOOKS_PER_TURN: usize = 4;

/// One connection.
pub(super) struct Line {
    /// Registered for reading only: that the signer has read a frame is no
    /// reason to wake.
    socket: AsyncFd<UnixStream>,
    wait: Wait,
    received: Vec<u8>,
    end: usize,
    /// How much of it was handed out already.
    used: usize,
}

impl Line {
    pub(super) fn new(stream: UnixStream, wait: Wait) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        #[expect(deprecated, reason = "the stream is owned by it; what replaces it is unsafe code")]
        let socket = AsyncFd::with_interest(stream, Interest::READABLE)?;
        Ok(Self { socket, wait, received: vec![0; READ_BYTES], end: 0, used: 0 })
    }

    /// Writes a frame, at once where there is room for it.
    pub(super) async fn write(&self, frame: &[u8]) -> Result<(), &'static str> {
        const BROKEN: &str = "it cannot be written to";
        let mut rest = frame;
        while !rest.is_empty() {
            match self.socket.get_ref().write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let again = self.socket.get_ref().try_clone().map_err(|_| BROKEN)?;
                    #[expect(deprecated, reason = "as in `new`")]
                    let full = AsyncFd::with_interest(again, Interest::WRITABLE);
                    let _ = full.map_err(|_| BROKEN)?.writable().await.map_err(|_| BROKEN)?;
                }
                Err(_) => return Err(BROKEN),
            }
        }
        Ok(())
    }

    /// The content of the next frame. What has come of it stays where this is
    /// dropped before it is whole.
    pub(super) async fn read(&mut self) -> Result<&[u8], &'static str> {
        self.received.copy_within(self.used..self.end, 0);
        self.end -= self.used;
        self.used = 0;
        let mut looks = match self.wait {
            Wait::Poll => limits::SIGNER_LOOKS,
            Wait::Block => 0,
        };
        loop {
            let received = self.received.get(..self.end).unwrap_or_default();
            let mut wanted = LENGTH_BYTES;
            if let Some(header) = received.first_chunk::<LENGTH_BYTES>() {
                wanted +=
                    frame_length(*header, ANSWER_FRAME_BYTES).map_err(|_| "a malformed answer")?;
                if self.end >= wanted {
                    self.used = wanted;
                    return self.received.get(LENGTH_BYTES..wanted).ok_or("a malformed answer");
                }
            }
            // One byte more than wanted, so that a whole answer is a short read.
            if self.received.len() <= wanted {
                self.received.resize(wanted + 1, 0);
            }
            if looks > 0 {
                looks -= 1;
                if !self.look()? {
                    if looks.is_multiple_of(LOOKS_PER_TURN) {
                        tokio::task::yield_now().await;
                    } else {
                        std::hint::spin_loop();
                    }
                }
                continue;
            }
            let space = self.received.get_mut(self.end..).unwrap_or_default();
            let mut ready = self.socket.readable().await.map_err(|_| "it cannot be read")?;
            match ready.get_inner().read(space) {
                Ok(0) => return Err("the signer closed it"),
                Ok(count) => {
                    self.end += count;
                    // A short read has emptied the socket; what comes after it
                    // is told anew.
                    if count < space.len() {
                        ready.clear_ready();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err("it cannot be read"),
            }
        }
    }

    /// Takes what is there; whether anything was.
    fn look(&mut self) -> Result<bool, &'static str> {
        let space = self.received.get_mut(self.end..).unwrap_or_default();
        match self.socket.get_ref().read(space) {
            Ok(0) => Err("the signer closed it"),
            Ok(count) => {
                self.end += count;
                Ok(true)
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(false)
            }
            Err(_) => Err("it cannot be read"),
        }
    }

    /// Waits for the end of a connection on which nothing is asked.
    pub(super) async fn ended(&self) -> &'static str {
        if self.end > self.used {
            return "an answer that nobody asked for";
        }
        loop {
            let Ok(mut ready) = self.socket.readable().await else { return "it cannot be read" };
            // Readiness may be left over from an answer that was polled for.
            match ready.get_inner().read(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return "the signer closed it",
                Ok(_) => return "an answer that nobody asked for",
            }
        }
    }
}

#[cfg(test)]
mod tests;
