//! Signatures that take long (RSA: milliseconds) are made on a thread of their
//! own, so that nobody waits for another's. What is signed was decided, charged
//! and written before, in order and under the lock; only the arithmetic is
//! here.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use aws_lc_rs::signature::RsaKeyPair;
use rustix::event::{EventfdFlags, eventfd};

use super::prepared::rsa_base64;
use super::refuse::operator;
use super::serve::STACK_BYTES;
use crate::limits::{CONNECTIONS, SLOW_WAITING};
use crate::protocol::{Answer, RefusalCode, Signed};

/// A text that was decided and waits for its signature.
pub(super) struct Job {
    pub(super) key: Arc<RsaKeyPair>,
    /// The answer, without its signature.
    pub(super) signed: Signed,
}

impl Job {
    fn done(self) -> Answer {
        let Self { key, mut signed } = self;
        match rsa_base64(&key, &signed.text) {
            Some(signature) => {
                signed.signature = signature;
                Answer::Signed(signed)
            }
            None => failed(signed.id),
        }
    }
}

fn failed(id: u64) -> Answer {
    let refusal = operator(RefusalCode::Scheme, "the RSA key makes no signature; add it again");
    Answer::Refused { id, refusal }
}

/// What one frame may have signed later, and what it has.
#[derive(Default)]
pub(super) struct Slow {
    /// How many more texts of its connection may wait.
    pub(super) room: usize,
    /// What waits, in the order of the asks.
    pub(super) jobs: Vec<Job>,
}

/// What is signed for one connection and not yet sent. Bounded by what the
/// connection may have waiting.
#[derive(Default)]
pub(super) struct Outbox {
    done: Mutex<Vec<Answer>>,
    /// Rung when something is in it, where its connection sleeps.
    bell: OnceLock<OwnedFd>,
}

impl Outbox {
    /// What can be waited for beside the connection itself.
    pub(super) fn bell(&self) -> std::io::Result<&OwnedFd> {
        if let Some(bell) = self.bell.get() {
            return Ok(bell);
        }
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let bell = self.bell.get_or_init(|| bell);
        // What was put in while there was no bell rang none.
        if self.done.lock().is_ok_and(|done| !done.is_empty()) {
            ring(bell);
        }
        Ok(bell)
    }

    fn put(&self, answer: Answer) {
        // A poisoned box is of a connection whose thread failed.
        if let Ok(mut done) = self.done.lock() {
            done.push(answer);
        }
        if let Some(bell) = self.bell.get() {
            ring(bell);
        }
    }

    /// Takes everything that is done.
    pub(super) fn take(&self) -> Vec<Answer> {
        // Silenced first: what comes after that rings again.
        if let Some(bell) = self.bell.get() {
            let _ = rustix::io::read(bell, &mut [0; 8]);
        }
        self.done.lock().map(|mut done| std::mem::take(&mut *done)).unwrap_or_default()
    }
}

fn ring(bell: &OwnedFd) {
    let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
}

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Bench(SyncSender<(Job, Arc<Outbox>)>);

impl Bench {
    /// Starts the thread. It ends when nobody can give it work any more.
    pub(super) fn start() -> std::io::Result<(Self, JoinHandle<()>)> {
        // INVARIANT (bounded): as much as all connections may have waiting.
        let (give, work) = sync_channel(CONNECTIONS * SLOW_WAITING);
        let thread = std::thread::Builder::new()
            .name("rsa".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || run(&work))?;
        Ok((Self(give), thread))
    }

    /// Has a text signed; its answer comes into the outbox.
    pub(super) fn give(&self, job: Job, to: &Arc<Outbox>) {
        let id = job.signed.id;
        if self.0.try_send((job, Arc::clone(to))).is_err() {
            to.put(failed(id));
        }
    }
}

fn run(work: &Receiver<(Job, Arc<Outbox>)>) {
    for (job, to) in work {
        to.put(job.done());
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn rings(outbox: &Outbox) -> bool {
        let bell = outbox.bell().unwrap();
        let mut both = [PollFd::new(bell, PollFlags::IN)];
        poll(&mut both, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn what_was_done_before_anybody_waited_is_heard() {
        let outbox = Outbox::default();
        outbox.put(Answer::Ok);
        assert!(rings(&outbox));
        assert_eq!(outbox.take().len(), 1);
        assert!(!rings(&outbox));
        outbox.put(Answer::Ok);
        assert!(rings(&outbox));
    }
}
