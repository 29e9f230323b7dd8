//! The files of a published tree: written whole before a checkpoint names
//! them, and put on disk together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, at};
use crate::storage::{Access, StorageFile, write_temporary};
use crate::sync::Shared;
use crate::tiles::{Content, MAX_LEVELS, TILE_WIDTH, tile_path, tile_width};

/// More files than this are put on disk together with whatever else the file
/// system holds back, fewer one by one.
const FEW_FILES: usize = 16;
/// The most files that wait for another name.
const MAX_WAITING: usize = 1024;
/// The most unfinished tiles of which partial ones may lie about: one a level,
/// and those of checkpoints that nobody signed.
const MAX_UNFINISHED: usize = 64;
/// The most bytes of partial bundles that only older checkpoints need.
const MAX_PARTIAL_BYTES: u64 = 64 << 20;

/// Files written since the last checkpoint, and the partial tiles there are.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Entries that a checkpoint names. What it needs is replaced by rename.
    named: u64,
    /// The directories that name what is written.
    dirs: BTreeSet<PathBuf>,
    /// Written, but not on disk, while they are few.
    few: Vec<(Arc<dyn StorageFile>, PathBuf)>,
    many: bool,
    /// Files that wait for their name: from, to.
    renames: Vec<(PathBuf, PathBuf)>,
    /// Tiles with partial ones.
    unfinished: Vec<(Content, u64)>,
    /// Of partial bundles written since the last full one.
    partial_bytes: u64,
}

fn level(content: Content) -> u8 {
    match content {
        Content::Hashes(level) => level,
        Content::Entries => 0,
    }
}

impl Files {
    /// Goes on from a checkpoint over `size` entries.
    pub(super) fn resume(&mut self, size: u64) {
        self.named = size;
        for level in 0..MAX_LEVELS {
            let number = (size >> (8 * u32::from(level))) / TILE_WIDTH;
            if tile_width(size, level, number) > 0 {
                self.unfinished.push((Content::Hashes(level), number));
            }
        }
        self.unfinished.push((Content::Entries, size / TILE_WIDTH));
    }

    /// A checkpoint over `size` entries may be there from now on.
    pub(super) fn name(&mut self, size: u64) {
        self.named = self.named.max(size);
    }

    /// Forgets what was not put on disk: it is written again.
    pub(super) fn forget(&mut self) {
        self.dirs.clear();
        self.few.clear();
        self.many = false;
        self.renames.clear();
    }

    /// Writes a tile. A name that no checkpoint needs, and no client may read,
    /// gets its bytes directly; another one once they are on disk.
    pub(super) fn write(
        &mut self,
        shared: &Shared,
        content: Content,
        number: u64,
        width: u64,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let storage = &*shared.storage;
        let path = tile_path(&shared.dir, content, number, width);
        let parent = path.parent().unwrap_or(&shared.dir);
        if !self.dirs.contains(parent) {
            storage.create_dir(parent).map_err(at("create", parent))?;
            // A directory made just now is named by those above it.
            let above = parent.ancestors().take_while(|dir| dir.starts_with(&shared.dir));
            self.dirs.extend(above.map(Path::to_owned));
        }
        if width < TILE_WIDTH {
            self.begin_partial(shared, content, number, bytes.len());
        } else if content == Content::Entries {
            self.partial_bytes = 0;
        }
        let named = tile_width(self.named, level(content), number);
        // Instead of a partial tile a client may ask for the full one.
        let free = if width == TILE_WIDTH { named == 0 } else { named < width };
        let (file, written) = if free {
            let write = || {
                let file = storage.open(&path, Access::Replace)?;
                file.write_all_at(bytes, 0)?;
                Ok(file)
            };
            (write().map_err(at("write", &path))?, path)
        } else {
            let (file, temporary) =
                write_temporary(storage, &path, bytes).map_err(at("write", &path))?;
            self.renames.push((temporary.clone(), path));
            (file, temporary)
        };
        if !self.many && self.few.len() < FEW_FILES {
            self.few.push((file, written));
        } else {
            self.many = true;
            self.few.clear();
        }
        if self.renames.len() >= MAX_WAITING { self.sync(shared) } else { Ok(()) }
    }

    /// Puts what is written on disk, and then gives names to what waits for
    /// them: a name that a checkpoint needs never stands for less than the
    /// whole file.
    pub(super) fn sync(&mut self, shared: &Shared) -> Result<(), Error> {
        let storage = &*shared.storage;
        if self.many {
            storage.sync_all(&shared.dir).map_err(at("sync", &shared.dir))?;
            self.dirs.clear();
        }
        for (file, path) in &self.few {
            file.sync_data().map_err(at("sync", path))?;
        }
        for (from, to) in &self.renames {
            storage.rename(from, to).map_err(at("rename", from))?;
            self.dirs.extend(to.parent().map(Path::to_owned));
        }
        for dir in self.dirs.iter().rev() {
            storage.sync_dir(dir).map_err(at("sync", dir))?;
        }
        self.forget();
        Ok(())
    }

    fn begin_partial(&mut self, shared: &Shared, content: Content, number: u64, bytes: usize) {
        if content == Content::Entries {
            self.partial_bytes += bytes as u64;
        }
        if self.unfinished.contains(&(content, number)) {
            return;
        }
        if self.unfinished.len() >= MAX_UNFINISHED {
            // INVARIANT (bounded): what nobody signed is not needed.
            let named = self.named;
            self.remove_where(shared, |width| width == 0, named);
        }
        self.unfinished.push((content, number));
    }

    /// Removes partial tiles whose full one a checkpoint over `size` entries
    /// names: before, whoever has an older checkpoint may need them. Only
    /// partial bundles go earlier, where they take too much room.
    pub(super) fn remove_partial(&mut self, shared: &Shared, size: u64) {
        self.remove_where(shared, |width| width == TILE_WIDTH, size);
        if self.partial_bytes <= MAX_PARTIAL_BYTES {
            return;
        }
        let number = size / TILE_WIDTH;
        let newest = tile_path(&shared.dir, Content::Entries, number, size % TILE_WIDTH);
        let Some(dir) = newest.parent() else { return };
        for name in shared.storage.list(dir).unwrap_or_default() {
            if newest.file_name().is_none_or(|newest| newest != name.as_str()) {
                let _ = shared.storage.remove(&dir.join(name));
            }
        }
        self.partial_bytes = 0;
    }

    /// Removes the partial tiles of those that have such a width in a tree of
    /// `size` entries. What cannot be removed only takes space.
    fn remove_where(&mut self, shared: &Shared, gone: impl Fn(u64) -> bool, size: u64) {
        self.unfinished.retain(|(content, number)| {
            let gone = gone(tile_width(size, level(*content), *number));
            if gone {
                let partial = tile_path(&shared.dir, *content, *number, 1);
                let _ = partial.parent().map(|dir| shared.storage.remove(dir));
            }
            !gone
        });
    }
}
