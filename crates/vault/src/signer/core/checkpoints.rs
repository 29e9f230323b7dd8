//! The log's checkpoints: only what extends the last one is signed, and what is
//! newer than our state says that the state is spent.

use super::{Core, unwritable};
use crate::note::{Checkpoint, extends};
use crate::protocol::{RefusalCode, SignRefusal};
use crate::signer::refuse::gateway;

impl Core {
    /// Takes the newest checkpoint of the log. State older than it, or none
    /// where it has signed one, counts as spent.
    pub(super) fn show_checkpoint(&mut self, note: Option<&str>) -> Result<(), SignRefusal> {
        let shown = note
            .map(|note| {
                self.log_key.open(note).ok_or_else(|| {
                    gateway(
                        RefusalCode::CheckpointInconsistent,
                        "the checkpoint shown is not signed with this vault's log key",
                    )
                })
            })
            .transpose()?;
        let now = self.clock.look().window_ms;
        if let Some(shown) = shown {
            let stale = match self.checkpoint.last() {
                None => Some("the last checkpoint is missing from the signer's state"),
                Some(last) if last.size < shown.size => {
                    Some("the signer's state is older than the log")
                }
                Some(last) if last.size == shown.size && last.root != shown.root => {
                    Some("the log has two histories")
                }
                Some(_) if shown.sequence > self.log.sequence() => {
                    Some("signed.log is older than the log")
                }
                Some(_) => None,
            };
            if let Some(why) = stale {
                self.warn(format!("{why}: what moves value counts as spent for a day"));
                self.counters.spend_all(now);
                self.counters.save().map_err(|error| unwritable(&error.to_string()))?;
                if self.log.sequence() < shown.sequence {
                    self.spend_orders(why, now);
                }
                if self.checkpoint.last().is_none_or(|last| last.size < shown.size) {
                    self.checkpoint.keep(shown).map_err(|error| unwritable(&error.to_string()))?;
                }
            }
        }
        self.checkpoint_shown = true;
        Ok(())
    }

    pub(super) fn sign_checkpoint(
        &mut self,
        origin: &str,
        size: u64,
        root: &[u8; 32],
        prior_size: u64,
        proof: &[[u8; 32]],
    ) -> Result<String, SignRefusal> {
        let refuse = |what: String| Err(gateway(RefusalCode::CheckpointInconsistent, what));
        if origin != self.log_key.origin() {
            return refuse(format!("this signer's log is `{}`", self.log_key.origin()));
        }
        if !self.checkpoint_shown {
            return refuse("show the newest checkpoint (or that there is none) first".to_owned());
        }
        let (last_size, last_root) =
            self.checkpoint.last().map_or((0, [0; 32]), |last| (last.size, last.root));
        if prior_size != last_size {
            return refuse(format!("the last checkpoint signed has {last_size} leaves"));
        }
        if !extends(last_size, &last_root, size, root, proof) {
            return refuse(format!(
                "the tree of {size} leaves is not shown to extend the one of {last_size}"
            ));
        }
        // What the checkpoint says was signed must survive as long as it does.
        self.log.sync().map_err(|error| unwritable(&error.to_string()))?;
        let checkpoint = Checkpoint { size, root: *root, sequence: self.log.sequence() };
        self.checkpoint.keep(checkpoint.clone()).map_err(|error| unwritable(&error.to_string()))?;
        Ok(self.log_key.sign(&checkpoint))
    }
}
