//! Publishes the log as C2SP tlog-tiles, beside the writer.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tlog_tiles::{Hash, prove_tree};

use crate::checkpoint::{CHECKPOINT_FILE, MAX_CHECKPOINT_BYTES, checkpoint_body, read_unverified};
use crate::cursor::{Cursor, Position, Step};
use crate::error::{CheckpointError, Error, ProofError, at};
use crate::merkle::Head;
use crate::storage::{Access, read_small, write_atomic, write_temporary};
use crate::sync::{Shared, SyncHandle};
use crate::tiles::{Content, Edge, TILE_WIDTH, TileFiles, push_bundle, tile_path, tile_width};

/// What the signer is asked to sign.
#[derive(Debug)]
pub struct CheckpointRequest {
    /// The log's name.
    pub origin: String,
    /// How many entries the checkpoint covers; all are on disk.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The checkpoint before this one, if any.
    pub previous: Option<Head>,
    /// That this tree extends the previous one: for
    /// [`crate::verify_consistency`] or `tlog_tiles::check_tree`. Empty for
    /// the first checkpoint.
    pub consistency_proof: Vec<Hash>,
    tiles: TileFiles,
}

impl CheckpointRequest {
    /// The text to sign, with extension lines.
    ///
    /// # Errors
    /// A line is empty or has a line end in it.
    pub fn body(&self, extensions: &[&str]) -> Result<String, CheckpointError> {
        checkpoint_body(&self.origin, self.head(), extensions)
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root }
    }

    /// That this tree extends the one of `old_size` entries, for a signer that
    /// signed a checkpoint which never reached this disk (a crash in between).
    /// Empty for size 0.
    ///
    /// # Errors
    /// `old_size` is larger than this tree, or the tiles cannot be read.
    pub fn proof_from(&self, old_size: u64) -> Result<Vec<Hash>, Error> {
        if old_size == 0 {
            return Ok(Vec::new());
        }
        if old_size > self.size {
            return Err(ProofError::Shrunk { old: old_size, new: self.size }.into());
        }
        prove_tree(self.size, old_size, &self.tiles)
            .map_err(|_| Error::Mismatch { size: self.size, why: "the tiles cannot be read back" })
    }
}

/// What was published.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// A new checkpoint; the signed note, for places off this machine.
    Checkpoint {
        /// What it covers.
        head: Head,
        /// The signed note.
        note: String,
    },
    /// Nothing was appended since the last one; nothing was signed.
    Unchanged,
}

/// Publishes checkpoints and tiles of one log; one per log.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    edge: Edge,
    at: Position,
    /// The entries of the unfinished bundle.
    bundle: Vec<u8>,
    previous: Option<Head>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.publisher_taken.store(false, Ordering::Release);
    }
}

impl Publisher {
    pub(crate) fn open(shared: Arc<Shared>) -> Result<Self, Error> {
        if shared.publisher_taken.swap(true, Ordering::AcqRel) {
            return Err(Error::PublisherTaken);
        }
        // From here on, dropping it gives the place back.
        let mut publisher = Self {
            shared,
            edge: Edge::default(),
            at: Position::START,
            bundle: Vec::new(),
            previous: None,
        };
        publisher.resume()?;
        Ok(publisher)
    }

    /// Goes on from the checkpoint on disk. Where its tiles are missing or do
    /// not give its root, everything is published again from the entries.
    fn resume(&mut self) -> Result<(), Error> {
        let (storage, dir) = (Arc::clone(&self.shared.storage), self.shared.dir.clone());
        let path = dir.join(CHECKPOINT_FILE);
        let note = read_small(&*storage, &path, MAX_CHECKPOINT_BYTES).map_err(at("read", &path))?;
        let Some(note) = note else { return Ok(()) };
        let head = read_unverified(&note)?.head();
        self.previous = Some(head);
        let files = TileFiles::new(Arc::clone(&storage), &dir, head.size);
        let Ok(edge) = Edge::read(&files) else { return Ok(()) };
        if edge.root() != head.root {
            return Ok(());
        }
        let number = head.size / TILE_WIDTH;
        if tile_width(head.size, 0, number) > 0 {
            let Ok(bundle) = files.bundle(number) else { return Ok(()) };
            self.bundle = bundle;
        }
        let cursor = Cursor::seek(storage, &dir, head.size)?;
        if cursor.position().index != head.size {
            return Err(Error::Truncated { found: cursor.position().index, expected: head.size });
        }
        self.at = cursor.position();
        self.edge = edge;
        Ok(())
    }

    /// Publishes a checkpoint over `head`, a [`crate::Log::head`] of this log:
    /// puts the entries on disk, writes the tiles, has `sign` sign, and
    /// writes the checkpoint last. `sign` returns the whole signed note.
    ///
    /// # Errors
    /// The disk failed, the bytes on disk do not hash to `head`, or the signer
    /// refused. Nothing is half-published: the old checkpoint stays, and the
    /// next call starts where this one did.
    pub fn publish<E: std::fmt::Display>(
        &mut self,
        head: Head,
        sign: impl FnOnce(&CheckpointRequest) -> Result<String, E>,
    ) -> Result<Published, Error> {
        if head.size == 0 || self.previous.is_some_and(|previous| head.size <= previous.size) {
            return Ok(Published::Unchanged);
        }
        SyncHandle { shared: Arc::clone(&self.shared) }.sync_through(head.size - 1)?;
        let mut batch = Batch::default();
        let (edge, bundle, position) = self.write_tiles(head, &mut batch)?;
        // The checkpoint is on disk after what it stands on.
        batch.sync(&self.shared)?;
        let tiles = TileFiles::new(Arc::clone(&self.shared.storage), &self.shared.dir, head.size);
        let mut request = CheckpointRequest {
            origin: self.shared.origin.clone(),
            size: head.size,
            root: head.root,
            previous: self.previous,
            consistency_proof: Vec::new(),
            tiles,
        };
        if let Some(previous) = self.previous {
            request.consistency_proof = request.proof_from(previous.size)?;
            crate::merkle::verify_consistency(previous, head, &request.consistency_proof)?;
        }
        let note = sign(&request).map_err(|error| Error::Sign(error.to_string()))?;
        check_note(&request, &note)?;
        let dir = &self.shared.dir;
        let path = dir.join(CHECKPOINT_FILE);
        write_atomic(&*self.shared.storage, &path, note.as_bytes()).map_err(at("write", &path))?;
        self.shared.storage.sync_dir(dir).map_err(at("sync", dir))?;
        let replaced = self.previous.replace(head);
        (self.edge, self.bundle, self.at) = (edge, bundle, position);
        self.remove_partial(replaced, head);
        Ok(Published::Checkpoint { head, note })
    }

    /// Reads the entries up to `head` back and writes every tile that changed.
    fn write_tiles(
        &self,
        head: Head,
        batch: &mut Batch,
    ) -> Result<(Edge, Vec<u8>, Position), Error> {
        let shared = &self.shared;
        let (mut edge, mut bundle) = (self.edge.clone(), self.bundle.clone());
        let mut cursor = Cursor::new(Arc::clone(&shared.storage), &shared.dir, self.at);
        while edge.size() < head.size {
            let leaf = match cursor.step()? {
                Step::Entry { entry, leaf, .. } => {
                    push_bundle(&mut bundle, entry);
                    leaf
                }
                Step::Stop(stop) => return Err(Error::Damaged(cursor.damage(&stop))),
            };
            for tile in edge.push(leaf, None) {
                if tile.level == 0 {
                    batch.write(shared, Content::Entries, tile.number, TILE_WIDTH, &bundle)?;
                    bundle.clear();
                }
                let bytes = crate::tiles::encode_hashes(&tile.hashes);
                batch.write(
                    shared,
                    Content::Hashes(tile.level),
                    tile.number,
                    TILE_WIDTH,
                    &bytes,
                )?;
            }
        }
        for (level, number, hashes) in edge.partial() {
            let width = hashes.len() as u64;
            let bytes = crate::tiles::encode_hashes(hashes);
            batch.write(shared, Content::Hashes(level), number, width, &bytes)?;
            if level == 0 {
                batch.write(shared, Content::Entries, number, width, &bundle)?;
            }
        }
        if edge.root() != head.root {
            return Err(Error::Mismatch {
                size: head.size,
                why: "the bytes on disk are not those that were appended",
            });
        }
        Ok((edge, bundle, cursor.position()))
    }

    /// Removes the partial tiles that only the replaced checkpoint needed, and
    /// those whose full tile is there. What cannot be removed only takes space.
    fn remove_partial(&self, replaced: Option<Head>, head: Head) {
        let (storage, dir) = (&self.shared.storage, &self.shared.dir);
        let Some(replaced) = replaced else { return };
        for level in 0..crate::tiles::MAX_LEVELS {
            let number = (replaced.size >> (8 * u32::from(level))) / TILE_WIDTH;
            let (old, new) =
                (tile_width(replaced.size, level, number), tile_width(head.size, level, number));
            if old == 0 || old == new {
                continue;
            }
            let contents = [Content::Hashes(level), Content::Entries];
            for content in contents.into_iter().take(if level == 0 { 2 } else { 1 }) {
                let path = tile_path(dir, content, number, old);
                let path = match (new, path.parent()) {
                    (TILE_WIDTH, Some(parent)) => parent.to_owned(),
                    _ => path,
                };
                let _ = storage.remove(&path);
            }
        }
    }
}

/// More files than this are put on disk together with whatever else the file
/// system holds back, fewer one by one.
const FEW_FILES: usize = 16;
/// The most files that wait for their sync.
const MAX_WAITING: usize = 1024;

/// Files written for one checkpoint, and the directories that name them.
#[derive(Default)]
struct Batch {
    dirs: BTreeSet<PathBuf>,
    /// Written, but not on disk, and not yet renamed: from, to.
    waiting: Vec<(PathBuf, PathBuf)>,
}

impl Batch {
    fn write(
        &mut self,
        shared: &Shared,
        content: Content,
        number: u64,
        width: u64,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let path = tile_path(&shared.dir, content, number, width);
        let parent = path.parent().unwrap_or(&shared.dir);
        if !self.dirs.contains(parent) {
            shared.storage.create_dir(parent).map_err(at("create", parent))?;
            // A directory made just now is named by those above it.
            let above = parent.ancestors().take_while(|dir| dir.starts_with(&shared.dir));
            self.dirs.extend(above.map(Path::to_owned));
        }
        let (_, temporary) =
            write_temporary(&*shared.storage, &path, bytes).map_err(at("write", &path))?;
        self.waiting.push((temporary, path));
        if self.waiting.len() >= MAX_WAITING { self.flush(shared) } else { Ok(()) }
    }

    /// Puts what waits on disk, and then gives it its name: a name never
    /// stands for less than the whole file.
    fn flush(&mut self, shared: &Shared) -> Result<(), Error> {
        let storage = &shared.storage;
        if self.waiting.len() > FEW_FILES {
            storage.sync_all(&shared.dir).map_err(at("sync", &shared.dir))?;
        } else {
            for (from, _) in &self.waiting {
                let sync = || storage.open(from, Access::Write)?.sync_data();
                sync().map_err(at("sync", from))?;
            }
        }
        for (from, to) in self.waiting.drain(..) {
            storage.rename(&from, &to).map_err(at("rename", &from))?;
        }
        Ok(())
    }

    fn sync(&mut self, shared: &Shared) -> Result<(), Error> {
        self.flush(shared)?;
        for dir in self.dirs.iter().rev() {
            shared.storage.sync_dir(dir).map_err(at("sync", dir))?;
        }
        Ok(())
    }
}

/// The signer's note must be the checkpoint it was asked for. Who verifies
/// checks the signature; a wrong note must not get that far.
fn check_note(request: &CheckpointRequest, note: &str) -> Result<(), Error> {
    let signed = read_unverified(note.as_bytes())?;
    if signed.origin != request.origin || signed.size != request.size || signed.root != request.root
    {
        return Err(Error::Sign("the signer returned another checkpoint".to_owned()));
    }
    Ok(())
}
