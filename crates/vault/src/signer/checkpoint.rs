//! The last checkpoint that was signed: only what extends it is signed next.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::files;
use crate::note::Checkpoint;

const FIRST_LINE: &str = "countersign-checkpoint 1";
const FILE_BYTES: usize = 1024;

/// Where the last checkpoint is kept.
pub(crate) struct LastCheckpoint {
    path: PathBuf,
    last: Option<Checkpoint>,
}

impl LastCheckpoint {
    /// Reads what was kept; a damaged file counts as none.
    pub(crate) fn load(state: &Path) -> std::io::Result<Self> {
        let path = state.join("checkpoint");
        let content = files::read_bounded(&path, FILE_BYTES)?;
        let last =
            content.and_then(|bytes| from_text(std::str::from_utf8(&bytes).unwrap_or_default()));
        Ok(Self { path, last })
    }

    pub(crate) const fn last(&self) -> Option<&Checkpoint> {
        self.last.as_ref()
    }

    /// Keeps a checkpoint for good.
    pub(crate) fn keep(&mut self, checkpoint: Checkpoint) -> std::io::Result<()> {
        files::replace(&self.path, to_text(&checkpoint).as_bytes())?;
        self.last = Some(checkpoint);
        Ok(())
    }
}

fn to_text(checkpoint: &Checkpoint) -> String {
    format!(
        "{FIRST_LINE}\nsize {}\nroot {}\nsequence {}\n",
        checkpoint.size,
        STANDARD.encode(checkpoint.root),
        checkpoint.sequence
    )
}

fn from_text(text: &str) -> Option<Checkpoint> {
    let mut lines = text.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let checkpoint = Checkpoint {
        size: lines.next()?.strip_prefix("size ")?.parse().ok()?,
        root: STANDARD.decode(lines.next()?.strip_prefix("root ")?).ok()?.try_into().ok()?,
        sequence: lines.next()?.strip_prefix("sequence ")?.parse().ok()?,
    };
    lines.next().is_none().then_some(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_kept_and_a_damaged_one_is_none() {
        let state = tempfile::tempdir().unwrap();
        let mut kept = LastCheckpoint::load(state.path()).unwrap();
        assert!(kept.last().is_none());
        let checkpoint = Checkpoint { size: 4, root: [1; 32], sequence: 7 };
        kept.keep(checkpoint.clone()).unwrap();
        assert_eq!(LastCheckpoint::load(state.path()).unwrap().last(), Some(&checkpoint));
        let text = to_text(&checkpoint);
        for cut in 0..text.len() - 2 {
            assert!(from_text(text.get(..cut).unwrap()).is_none(), "cut {cut}");
        }
    }
}
