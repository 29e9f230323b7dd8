//! Verifies a whole log offline, trusting nothing but a key and, where there
//! is one, a checkpoint kept elsewhere.
//!
//! INVARIANT (checkable): this needs nothing but the log's directory and its
//! public key, and says what it cannot know.

mod report;
mod tree;

use std::path::Path;
use std::sync::Arc;

use tlog_tiles::Hash;

use crate::checkpoint::{CHECKPOINT_FILE, Checkpoint, MAX_CHECKPOINT_BYTES, verify_checkpoint};
use crate::cursor::{Cursor, Position, Step, newest_sync_mark, segment_numbers};
use crate::error::{CheckpointError, Error, at};
use crate::merkle::{Frontier, Head};
use crate::storage::{Disk, Storage, read_small};
use crate::tail;

pub use report::{Finding, MAX_FINDINGS, Report, What};

/// An entry that was read while verifying; for a caller that compares
/// contents with records of its own.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    /// Its index.
    pub index: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its leaf hash.
    pub leaf_hash: Hash,
}

/// Verifies the log in `dir` against the key `vkey` and, where given, a signed
/// checkpoint kept `outside`, older or newer than the one in the directory.
/// `each` sees every entry in order.
///
/// # Errors
/// The key is malformed, there is no log, or the disk fails. What is wrong
/// with the log is in the report.
pub fn verify(
    dir: &Path,
    vkey: &str,
    outside: Option<&[u8]>,
    each: impl FnMut(Checked<'_>),
) -> Result<Report, Error> {
    verify_on(Arc::new(Disk), dir, vkey, outside, each)
}

/// [`verify`] on any storage.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(
    storage: Arc<dyn Storage>,
    dir: &Path,
    vkey: &str,
    outside: Option<&[u8]>,
    each: impl FnMut(Checked<'_>),
) -> Result<Report, Error> {
    let (mut report, tree) = own_tree(&storage, dir, vkey)?;
    report.segments = segment_numbers(&*storage, dir)?.len() as u64;
    report.outside = match outside.map(|note| verify_checkpoint(note, vkey)).transpose() {
        Err(CheckpointError::Key(why)) => return Err(CheckpointError::Key(why).into()),
        Err(error) => {
            report.find(None, What::Outside, format!("kept elsewhere: {error}"));
            None
        }
        Ok(outside) => outside,
    };
    let own = report.checkpoint.as_ref().map(Checkpoint::head);
    let mut walk = Walk {
        own,
        outside: report.outside.as_ref().map(Checkpoint::head),
        tree,
        report,
        frontier: Frontier::default(),
        each,
    };
    walk.run(&storage, dir)?;
    Ok(walk.finish())
}

/// How often a checkpoint that is replaced while its tiles are read is read anew.
const ATTEMPTS: usize = 20;

/// The checkpoint in the directory with its tree, and a report of what is
/// wrong with them.
fn own_tree(
    storage: &Arc<dyn Storage>,
    dir: &Path,
    vkey: &str,
) -> Result<(Report, tree::Tree), Error> {
    let origin = crate::reader::Reader::open_on(Arc::clone(storage), dir)?.origin()?;
    let path = dir.join(CHECKPOINT_FILE);
    let read = || read_small(&**storage, &path, MAX_CHECKPOINT_BYTES).map_err(at("read", &path));
    let mut note = read()?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut report = Report::new(origin.clone());
        report.checkpoint = own_checkpoint(note.as_deref(), vkey, &mut report)?;
        let own = report.checkpoint.as_ref().map(Checkpoint::head);
        let tree = tree::Tree::read(storage, dir, own, &mut report);
        // A publisher at work may have replaced both.
        let now = read()?;
        if report.verified() || now == note || attempt == ATTEMPTS {
            return Ok((report, tree));
        }
        note = now;
    }
}

fn own_checkpoint(
    note: Option<&[u8]>,
    vkey: &str,
    report: &mut Report,
) -> Result<Option<Checkpoint>, Error> {
    // A bad key is the caller's mistake, also where there is nothing to check.
    let checked = verify_checkpoint(note.unwrap_or_default(), vkey);
    let why = match (checked, note) {
        (Err(CheckpointError::Key(why)), _) => return Err(CheckpointError::Key(why).into()),
        (_, None) => "there is no checkpoint: nothing vouches for the entries".to_owned(),
        (Err(error), _) => error.to_string(),
        (Ok(checkpoint), _) if checkpoint.origin != report.origin => {
            format!("the checkpoint is of `{}`, the log is `{}`", checkpoint.origin, report.origin)
        }
        (Ok(checkpoint), _) => return Ok(Some(checkpoint)),
    };
    report.find(None, What::Checkpoint, why);
    Ok(None)
}

struct Walk<F> {
    own: Option<Head>,
    outside: Option<Head>,
    tree: tree::Tree,
    report: Report,
    frontier: Frontier,
    each: F,
}

impl<F: FnMut(Checked<'_>)> Walk<F> {
    /// Reads every entry.
    fn run(&mut self, storage: &Arc<dyn Storage>, dir: &Path) -> Result<(), Error> {
        let mut cursor = Cursor::new(Arc::clone(storage), dir, Position::START);
        self.check_roots();
        loop {
            match cursor.step()? {
                Step::Entry { index, entry, leaf } => self.entry(index, entry, leaf),
                Step::Stop(stop) => {
                    let at = cursor.position();
                    let tail = tail::behind(&**storage, dir, at)?;
                    let mark = newest_sync_mark(&**storage, dir)?;
                    // A writer may have gone on before these two were read.
                    if let Step::Entry { index, entry, leaf } = cursor.step()? {
                        self.entry(index, entry, leaf);
                        continue;
                    }
                    self.report.torn_bytes = tail.bytes;
                    let damage = cursor.damage(&stop);
                    if tail.whole > 0 {
                        let follow = format!("{damage}; at least {} more follow", tail.whole);
                        self.report.find(Some(at.index), What::Damaged, follow);
                    } else if at.index < mark.max(self.own.map_or(0, |own| own.size)) {
                        self.report.find(Some(at.index), What::Damaged, damage.to_string());
                    }
                    return Ok(());
                }
            }
        }
    }

    fn entry(&mut self, index: u64, entry: &[u8], leaf: Hash) {
        self.report.entries += 1;
        self.report.bytes += entry.len() as u64;
        self.tree.check(index, entry, leaf, &mut self.report);
        self.frontier.push(leaf);
        self.check_roots();
        (self.each)(Checked { index, bytes: entry, leaf_hash: leaf });
    }

    /// Where the tree has the size of a checkpoint, it must have its root.
    fn check_roots(&mut self) {
        let size = self.frontier.size();
        if let Some(own) = self.own.filter(|own| own.size == size)
            && own.root != self.frontier.root()
        {
            let why = format!("the first {size} entries do not hash to the checkpoint's root");
            self.report.find(None, What::Root, why);
        }
        if let Some(outside) = self.outside.filter(|outside| outside.size == size)
            && outside.root != self.frontier.root()
        {
            let why = format!(
                "the first {size} entries are not those of the checkpoint kept elsewhere: an entry below {size} was rewritten"
            );
            self.report.find(None, What::Outside, why);
        }
    }

    fn finish(mut self) -> Report {
        let count = self.frontier.size();
        self.report.root = self.frontier.root();
        for (head, what, whose) in [
            (self.own, What::Missing, "the checkpoint"),
            (self.outside, What::Outside, "the checkpoint kept elsewhere"),
        ] {
            if let Some(head) = head.filter(|head| head.size > count) {
                let why = format!(
                    "entries {count} to {} cannot be read: {whose} covers {} entries, {count} are here",
                    head.size - 1,
                    head.size
                );
                self.report.find(Some(count), what, why);
            }
        }
        let covered = [self.own, self.outside].into_iter().flatten().map(|head| head.size).max();
        self.report.covered = covered.unwrap_or(0).min(count);
        self.report.statements();
        self.report
    }
}
