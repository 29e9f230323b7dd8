//! Checkpoints: the log's tree head, signed by the signer, at most every
//! second while the log grows, and copied off the machine where configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use audit::{CheckpointRequest, Published, Publisher};
use tokio::sync::oneshot;
use vault::protocol::{Answer, Ask};

use super::signer::HouseSigner;
use crate::clock::host_nanos;
use crate::gateway::Gateway;
use crate::limits;

/// How often a copy stays under a name of its own, beside the newest: whoever
/// keeps the older ones can prove a rewriting.
const KEPT_EVERY: Duration = Duration::from_secs(600);
/// How often tiles are written between checkpoints: so what waits for them in
/// memory stays small.
const TILES_EVERY: Duration = Duration::from_millis(100);

const _: () = assert!(TILES_EVERY.as_millis() <= limits::CHECKPOINT_EVERY.as_millis());

/// What the publisher is asked.
enum Request {
    /// Publish now; the note, or why there is none.
    Publish(oneshot::Sender<Result<String, String>>),
    /// Publish once more and end.
    End,
}

/// Asks the publisher's thread.
#[derive(Clone)]
pub(crate) struct Handle {
    requests: SyncSender<Request>,
}

impl Handle {
    /// Publishes now; the newest signed note.
    ///
    /// # Errors
    /// In one line.
    pub(crate) async fn publish(&self) -> Result<String, String> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .try_send(Request::Publish(reply))
            .map_err(|_| "the publisher is busy or gone".to_owned())?;
        answer.await.unwrap_or_else(|_| Err("the publisher is gone".to_owned()))
    }

    /// Ends the thread after one more checkpoint.
    pub(crate) fn end(&self) {
        let _ = self.requests.send(Request::End);
    }
}

/// Starts the publisher's thread.
///
/// # Errors
/// The last checkpoint cannot be read, or there is no thread.
pub(crate) fn start(
    gateway: Arc<Gateway>,
    signer: Arc<HouseSigner>,
) -> Result<(Handle, std::thread::JoinHandle<()>), String> {
    let publisher = gateway.log.publisher().map_err(|error| error.to_string())?;
    let (requests, received) = sync_channel(4);
    let desk = Desk { gateway, signer, publisher, advanced: 0, failed: false, kept_at: None };
    let thread = std::thread::Builder::new()
        .name("checkpoints".to_owned())
        .spawn(move || desk.run(&received))
        .map_err(|error| error.to_string())?;
    Ok((Handle { requests }, thread))
}

struct Desk {
    gateway: Arc<Gateway>,
    signer: Arc<HouseSigner>,
    publisher: Publisher,
    /// Entries of which the full tiles are written.
    advanced: u64,
    failed: bool,
    kept_at: Option<Instant>,
}

impl Desk {
    fn run(mut self, requests: &Receiver<Request>) {
        let mut due = Instant::now() + limits::CHECKPOINT_EVERY;
        loop {
            match requests.recv_timeout(TILES_EVERY) {
                Err(RecvTimeoutError::Timeout) if Instant::now() < due => self.advance_quietly(),
                Err(RecvTimeoutError::Timeout) => {
                    self.publish_quietly();
                    due = Instant::now() + limits::CHECKPOINT_EVERY;
                }
                Ok(Request::Publish(reply)) => {
                    let _ = reply.send(self.publish());
                }
                Ok(Request::End) | Err(RecvTimeoutError::Disconnected) => {
                    self.publish_quietly();
                    return;
                }
            }
        }
    }

    fn publish_quietly(&mut self) {
        match self.publish() {
            Ok(_) => self.failed = false,
            Err(error) => self.tell(&error),
        }
    }

    /// Writes tiles ahead, where there is something to write.
    fn advance_quietly(&mut self) {
        let count = self.gateway.log.count();
        if count == self.advanced {
            return;
        }
        self.advanced = count;
        self.gateway.log.hand_over();
        if let Err(error) = self.publisher.advance() {
            self.tell(&error.to_string());
        }
    }

    /// Said once per failure, not every second.
    fn tell(&mut self, error: &str) {
        if !self.failed {
            self.failed = true;
            tracing::warn!(error, "no checkpoint could be published");
        }
    }

    fn publish(&mut self) -> Result<String, String> {
        let handed_at_ns = host_nanos();
        let head = self.gateway.log.hand_over();
        let signer = &self.signer;
        let published = self
            .publisher
            .publish(head, |request| sign(signer, request))
            .map_err(|error| error.to_string())?;
        self.gateway.log.covered(handed_at_ns);
        match published {
            Published::Checkpoint { note, head } => {
                let keep = self.kept_at.is_none_or(|at| at.elapsed() >= KEPT_EVERY);
                if keep {
                    self.kept_at = Some(Instant::now());
                }
                let kept = keep.then_some(head.size);
                for directory in &self.gateway.config.checkpoint_copies {
                    if let Err(error) = copy(directory, kept, &note) {
                        self.gateway.note(format!(
                            "checkpoints are not copied to `{}`: {error}",
                            directory.display()
                        ));
                    }
                }
                Ok(note)
            }
            Published::Unchanged => audit::Reader::open(self.gateway.log.directory())
                .and_then(|reader| reader.checkpoint())
                .map_err(|error| error.to_string())?
                .map(|stored| stored.note)
                .ok_or_else(|| "there is no checkpoint yet".to_owned()),
        }
    }
}

fn sign(signer: &HouseSigner, request: &CheckpointRequest) -> Result<String, String> {
    let ask = Ask::Checkpoint {
        origin: request.origin.clone(),
        size: request.size,
        root: request.root.0,
        prior_size: request.previous.map_or(0, |head| head.size),
        proof: request.consistency_proof.iter().map(|hash| hash.0).collect(),
    };
    match signer.ask(ask)? {
        Answer::Checkpoint { note } => Ok(note),
        _ => Err("the signer answered another question".to_owned()),
    }
}

/// Copies a checkpoint as the newest, and where it is to be kept under its
/// size too.
fn copy(directory: &Path, kept: Option<u64>, note: &str) -> std::io::Result<()> {
    let write = |name: String| -> std::io::Result<()> {
        let path: PathBuf = directory.join(&name);
        let new = directory.join(format!(".{name}.new"));
        std::fs::write(&new, note)?;
        std::fs::rename(&new, &path)
    };
    std::fs::create_dir_all(directory)?;
    if let Some(size) = kept {
        write(format!("checkpoint-{size:016}"))?;
    }
    write("checkpoint".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_keep_the_older_ones() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("off-machine");
        copy(&place, Some(5), "five").unwrap();
        copy(&place, None, "seven").unwrap();
        let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
        assert_eq!(read("checkpoint"), "seven");
        assert_eq!(read("checkpoint-0000000000000005"), "five");
    }
}
