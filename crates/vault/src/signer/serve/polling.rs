//! One thread that looks at every connection in turn and never sleeps: for a
//! signer that has a core of its own. Neither side is then woken by the other.
//!
//! What a frame may hold, and what is signed, is the same as otherwise. No
//! connection can keep the others waiting: nothing here blocks.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::super::core::Core;
use super::{Caller, Ending, Frames, Next, READ_BYTES, STACK_BYTES};
use crate::limits::CONNECTIONS;

/// Turns after which a connection that brought nothing counts as quiet.
const QUIET_AFTER: u32 = 4_096;
/// A quiet connection is looked at in one of so many turns.
const QUIET_TURNS: u32 = 16;
/// New connections, and the end, are looked for in one of so many turns.
const NEWS_TURNS: u32 = 64;

/// The thread, and how it is given connections.
pub(super) struct Poller {
    given: Option<SyncSender<Line>>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    pub(super) fn start(core: Arc<Mutex<Core>>) -> std::io::Result<Self> {
        let (given, news) = sync_channel(CONNECTIONS);
        let thread = std::thread::Builder::new()
            .name("connections".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || run(&core, &news))?;
        Ok(Self { given: Some(given), thread: Some(thread) })
    }

    /// Serves one more connection.
    pub(super) fn take(&self, stream: UnixStream, caller: Caller) -> std::io::Result<()> {
        let given =
            self.given.as_ref().and_then(|given| given.try_send(Line::new(stream, caller)).ok());
        given.ok_or_else(|| std::io::Error::other("the thread of the connections is gone"))
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        // Without a giver the thread ends.
        self.given = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(core: &Mutex<Core>, news: &Receiver<Line>) {
    let mut lines: Vec<Line> = Vec::with_capacity(CONNECTIONS);
    let mut turn = 0_u32;
    loop {
        if turn.is_multiple_of(NEWS_TURNS) {
            match news.try_recv() {
                // INVARIANT (bounded): one too many is closed.
                Ok(line) if lines.len() < CONNECTIONS => lines.push(line),
                Ok(_) | Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
        }
        turn = turn.wrapping_add(1);
        lines.retain_mut(|line| !line.is_due(turn) || line.turn(core).is_some());
        std::hint::spin_loop();
    }
}

/// One connection.
struct Line {
    stream: Ending,
    caller: Caller,
    frames: Frames,
    /// The answer, and how much of it is sent.
    out: Vec<u8>,
    sent: usize,
    /// Turns since the last frame.
    quiet: u32,
}

impl Line {
    fn new(stream: UnixStream, caller: Caller) -> Self {
        Self {
            stream: Ending(stream),
            caller,
            frames: Frames::new(),
            out: Vec::with_capacity(READ_BYTES),
            sent: 0,
            quiet: 0,
        }
    }

    const fn is_due(&self, turn: u32) -> bool {
        self.quiet < QUIET_AFTER || self.caller.waiting > 0 || turn.is_multiple_of(QUIET_TURNS)
    }

    /// Answers what has come; none where the connection has ended.
    fn turn(&mut self, core: &Mutex<Core>) -> Option<()> {
        // Who does not read what it asked for is asked no more.
        if self.sent < self.out.len() {
            return self.send();
        }
        self.out.clear();
        self.sent = 0;
        match self.frames.next(&mut Now(&self.stream.0)) {
            Next::Frame(content) => {
                self.quiet = 0;
                self.caller.answer(content, core, &mut self.out)?;
            }
            Next::Later => self.quiet = self.quiet.saturating_add(1),
            Next::End => return None,
        }
        self.caller.finish(&mut self.out)?;
        if self.out.is_empty() { Some(()) } else { self.send() }
    }

    fn send(&mut self) -> Option<()> {
        let rest = self.out.get(self.sent..)?;
        match send(&self.stream.0, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => {
                self.sent += count;
                Some(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Some(()),
            Err(_) => None,
        }
    }
}

/// Reads what is there and never waits.
struct Now<'a>(&'a UnixStream);

impl Read for Now<'_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        match recv(self.0, space, RecvFlags::DONTWAIT) {
            Ok((_, count)) => Ok(count),
            Err(Errno::AGAIN) => Err(ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }
}
