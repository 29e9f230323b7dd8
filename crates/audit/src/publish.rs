//! Publishes the log as C2SP tlog-tiles, beside the writer.

mod files;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tlog_tiles::{Hash, Tile, prove_tree};

use crate::checkpoint::{CHECKPOINT_FILE, MAX_CHECKPOINT_BYTES, checkpoint_body, read_unverified};
use crate::cursor::{Cursor, Position, Step, segment_path};
use crate::error::{CheckpointError, Error, ProofError, at};
use crate::merkle::Head;
use crate::recent::Run;
use crate::segment::{RECORD_HEADER, RecordStart};
use crate::storage::{Access, read_full, read_small, write_atomic};
use crate::sync::{Shared, SyncHandle, held};
use crate::tiles::{Content, Edge, TILE_WIDTH, TileFiles, push_bundle, tile_width};
use files::Files;

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

/// Where publishing stands: between two entries, with what it takes to go on.
#[derive(Clone, Debug)]
struct Place {
    edge: Edge,
    at: Position,
    /// The entries of the unfinished bundle.
    bundle: Vec<u8>,
}

impl Place {
    fn start() -> Self {
        Self { edge: Edge::default(), at: Position::START, bundle: Vec::new() }
    }

    /// Adds an entry, and writes the tiles that it fills. `top` is the root
    /// over the tile that it completes, where that is known.
    fn push(
        &mut self,
        (entry, leaf): (&[u8], Hash),
        top: Option<Hash>,
        shared: &Shared,
        files: &mut Files,
    ) -> Result<(), Error> {
        push_bundle(&mut self.bundle, entry);
        for tile in self.edge.push(leaf, top) {
            let bytes = crate::tiles::encode_hashes(&tile.hashes);
            if tile.level == 0 {
                if top.is_some_and(|top| checked(top) && Tile::subtree_hash(&bytes) != top) {
                    return Err(mismatch(self.edge.size(), "a tile does not hash to its root"));
                }
                files.write(shared, Content::Entries, tile.number, TILE_WIDTH, &self.bundle)?;
                self.bundle.clear();
            }
            files.write(shared, Content::Hashes(tile.level), tile.number, TILE_WIDTH, &bytes)?;
        }
        Ok(())
    }
}

/// Whether a tile is hashed again: one of 64, picked by its hash.
fn checked(top: Hash) -> bool {
    top.0.first().is_some_and(|byte| byte.is_multiple_of(64))
}

fn mismatch(size: u64, why: &'static str) -> Error {
    Error::Mismatch { size, why }
}

const NOT_APPENDED: &str = "the bytes on disk are not those that were appended";

/// Publishes checkpoints and tiles of one log; one per log.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    /// At the newest checkpoint.
    done: Place,
    /// As far as full tiles are written.
    ahead: Place,
    files: Files,
    /// A run of which the rest is still to be published.
    run: Option<Run>,
    previous: Option<Head>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.publisher_taken.store(false, Ordering::Release);
        held(&self.shared.recent).clear();
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
            done: Place::start(),
            ahead: Place::start(),
            files: Files::default(),
            run: None,
            previous: None,
        };
        publisher.resume()?;
        publisher.ahead.clone_from(&publisher.done);
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
        self.files.resume(head.size);
        let files = TileFiles::new(Arc::clone(&storage), &dir, head.size);
        let Ok(edge) = Edge::read(&files) else { return Ok(()) };
        if edge.root() != head.root {
            return Ok(());
        }
        let number = head.size / TILE_WIDTH;
        let mut bundle = Vec::new();
        if tile_width(head.size, 0, number) > 0 {
            let Ok(found) = files.bundle(number) else { return Ok(()) };
            bundle = found;
        }
        let cursor = Cursor::seek(storage, &dir, head.size)?;
        if cursor.position().index != head.size {
            return Err(Error::Truncated { found: cursor.position().index, expected: head.size });
        }
        self.done = Place { edge, at: cursor.position(), bundle };
        Ok(())
    }

    /// Writes full tiles of what the writer has handed over, ahead of the
    /// checkpoint that will name them, so that little is left to do then and
    /// little waits in memory. Reads nothing back but a sample.
    ///
    /// # Errors
    /// The disk failed; nothing is lost, the next call or checkpoint starts
    /// again at the last checkpoint.
    pub fn advance(&mut self) -> Result<(), Error> {
        // INVARIANT (bounded): not what comes while this is at work.
        let end = self.shared.written.load(Ordering::Acquire);
        let mut outcome = Ok(());
        while outcome.is_ok() && self.ahead.edge.size() < end {
            let Some(run) = self.next_run() else { break };
            outcome = self.take(run, end);
        }
        outcome.inspect_err(|_| self.start_again())
    }

    /// Publishes a checkpoint over `head`, a [`crate::Log::hand_over`] or
    /// [`crate::Log::head`] of this log: puts the entries on disk, writes the
    /// tiles, has `sign` sign, and writes the checkpoint last. `sign` returns
    /// the whole signed note.
    ///
    /// # Errors
    /// The disk failed, the entries do not hash to `head`, or the signer
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
        self.write_tiles(head).inspect_err(|_| self.start_again())?;
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
        // From here on a checkpoint may name the tiles, whatever fails.
        self.files.name(head.size);
        let dir = &self.shared.dir;
        let path = dir.join(CHECKPOINT_FILE);
        write_atomic(&*self.shared.storage, &path, note.as_bytes()).map_err(at("write", &path))?;
        self.shared.storage.sync_dir(dir).map_err(at("sync", dir))?;
        self.previous = Some(head);
        self.done.clone_from(&self.ahead);
        self.files.remove_partial(&self.shared, head.size);
        Ok(Published::Checkpoint { head, note })
    }

    /// Forgets what was written since the last checkpoint: it is written again
    /// from the entries.
    fn start_again(&mut self) {
        self.ahead.clone_from(&self.done);
        self.files.forget();
        self.run = None;
    }

    /// Writes every tile that changed up to `head`, and puts them on disk.
    fn write_tiles(&mut self, head: Head) -> Result<(), Error> {
        if self.ahead.edge.size() > head.size {
            self.start_again();
        }
        while self.ahead.edge.size() < head.size {
            match self.next_run() {
                Some(run) => self.take(run, head.size)?,
                None => self.read_back(head.size)?,
            }
        }
        if self.ahead.edge.root() != head.root {
            return Err(mismatch(head.size, NOT_APPENDED));
        }
        let shared = &self.shared;
        // What the checkpoint before has already is there.
        let there = self.done.edge.size();
        for (level, number, hashes) in self.ahead.edge.partial() {
            let width = hashes.len() as u64;
            if tile_width(there, level, number) == width {
                continue;
            }
            let bytes = crate::tiles::encode_hashes(hashes);
            self.files.write(shared, Content::Hashes(level), number, width, &bytes)?;
            if level == 0 {
                let bundle = &self.ahead.bundle;
                self.files.write(shared, Content::Entries, number, width, bundle)?;
            }
        }
        // The checkpoint is on disk after what it stands on.
        self.files.sync(shared)
    }

    /// The run with the next entry, where the writer kept it.
    fn next_run(&mut self) -> Option<Run> {
        let next = self.ahead.edge.size();
        loop {
            let run = match self.run.take() {
                Some(run) => run,
                None => held(&self.shared.recent).take(next)?,
            };
            if run.end() > next {
                return Some(run);
            }
            held(&self.shared.recent).give_back(run);
        }
    }

    /// Publishes the entries of a run up to `end`. One record of it is read
    /// back, and must be what was appended.
    fn take(&mut self, run: Run, end: u64) -> Result<(), Error> {
        let mut tops = run.tops.iter().copied();
        let (mut at, mut rest) = (run.start, run.bytes.as_slice());
        let sample = run.start.index + sampled(&run);
        for leaf in &run.leaves {
            if at.index == end {
                break;
            }
            let record = RecordStart::decode(rest)
                .filter(|start| start.index == at.index)
                .and_then(|start| rest.split_at_checked(RECORD_HEADER + start.length));
            let Some((record, behind)) = record else {
                return Err(mismatch(at.index, "the writer's memory is damaged"));
            };
            let top = if (at.index + 1).is_multiple_of(TILE_WIDTH) { tops.next() } else { None };
            if at.index >= self.ahead.edge.size() {
                if at.index == sample {
                    self.read_sample(at, record)?;
                }
                let entry = record.get(RECORD_HEADER..).unwrap_or_default();
                self.ahead.push((entry, *leaf), top, &self.shared, &mut self.files)?;
            }
            at.offset += record.len() as u64;
            at.index += 1;
            rest = behind;
        }
        self.ahead.at = at;
        self.run = Some(run);
        Ok(())
    }

    fn read_sample(&self, at: Position, record: &[u8]) -> Result<(), Error> {
        let path = segment_path(&self.shared.dir, at.number);
        let mut bytes = vec![0; record.len()];
        let mut read = || {
            let file = self.shared.storage.open(&path, Access::Read)?;
            read_full(&*file, &mut bytes, at.offset)
        };
        read().map_err(crate::error::at("read", &path))?;
        if bytes != record {
            return Err(mismatch(at.index, NOT_APPENDED));
        }
        Ok(())
    }

    /// Reads entries back that the writer did not keep, up to those that it
    /// did, or to `end`.
    fn read_back(&mut self, end: u64) -> Result<(), Error> {
        let shared = &self.shared;
        let end = held(&shared.recent).front().map_or(end, |front| front.min(end));
        let mut cursor = Cursor::new(Arc::clone(&shared.storage), &shared.dir, self.ahead.at);
        while self.ahead.edge.size() < end {
            match cursor.step()? {
                Step::Entry { entry, leaf, .. } => {
                    self.ahead.push((entry, leaf), None, shared, &mut self.files)?;
                }
                Step::Stop(stop) => return Err(Error::Damaged(cursor.damage(&stop))),
            }
        }
        self.ahead.at = cursor.position();
        Ok(())
    }
}

/// Which record of a run is read back: its hashes say, so that none is
/// favoured and a test can tell.
fn sampled(run: &Run) -> u64 {
    let first = run.leaves.last().and_then(|leaf| leaf.0.first_chunk::<8>());
    let count = (run.leaves.len() as u64).max(1);
    first.map_or(0, |bytes| u64::from_le_bytes(*bytes) % count)
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
