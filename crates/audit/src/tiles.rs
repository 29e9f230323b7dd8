//! Tiles of the published tree (C2SP tlog-tiles): paths, entry bundles, the
//! growing right edge, and hashes read back from files.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog_tiles::{HASH_SIZE, Hash, HashReader, Tile};

use crate::error::{Error, at};
use crate::merkle::fold_root;
use crate::storage::{Storage, read_small};

/// Hashes or entries in a full tile.
pub(crate) const TILE_WIDTH: u64 = 256;
pub(crate) const TILE_HEIGHT: u8 = 8;
/// Levels of tiles in the largest log: 8 bits of size each.
pub(crate) const MAX_LEVELS: u8 = 6;
/// The longest entry bundle.
pub(crate) const MAX_BUNDLE_BYTES: usize =
    TILE_WIDTH as usize * (2 + crate::segment::MAX_ENTRY_BYTES);

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    /// Hashes at this level of tiles.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// The path of a tile below the log directory; `width` below 256 is a partial tile.
pub(crate) fn tile_path(dir: &Path, content: Content, number: u64, width: u64) -> PathBuf {
    let level = match content {
        Content::Hashes(level) => level.to_string(),
        Content::Entries => "entries".to_owned(),
    };
    let mut name = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        name = format!("x{:03}/{name}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH {
        name = format!("{name}.p/{width}");
    }
    dir.join("tile").join(level).join(name)
}

/// How wide tile `number` at `level` is in a tree of `size` entries; 0 where it is not in it.
pub(crate) fn tile_width(size: u64, level: u8, number: u64) -> u64 {
    let hashes = size >> (u32::from(level) * u32::from(TILE_HEIGHT));
    hashes.saturating_sub(number * TILE_WIDTH).min(TILE_WIDTH)
}

/// Hashes as a tile's bytes.
pub(crate) fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * HASH_SIZE);
    for hash in hashes {
        bytes.extend_from_slice(&hash.0);
    }
    bytes
}

/// A tile's bytes as hashes; `None` where they are not `width` hashes.
pub(crate) fn decode_hashes(bytes: &[u8], width: u64) -> Option<Vec<Hash>> {
    (bytes.len() as u64 == width * HASH_SIZE as u64).then_some(())?;
    bytes.chunks_exact(HASH_SIZE).map(|chunk| chunk.try_into().ok().map(Hash)).collect()
}

/// Adds an entry to a bundle: its length as two bytes, big end first, then the entry.
pub(crate) fn push_bundle(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle; `None` where it is malformed.
pub(crate) fn parse_bundle(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        if entries.len() as u64 == TILE_WIDTH {
            return None;
        }
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    bytes.is_empty().then_some(entries)
}

/// The last, unfinished tile at every level: what a tree needs to grow and to be published.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// A tile that just became full.
pub(crate) struct FullTile {
    pub(crate) level: u8,
    pub(crate) number: u64,
    pub(crate) hashes: Vec<Hash>,
}

impl Edge {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; the tiles that it fills. Where the leaf is the last of its
    /// tile and `top` is given, it is the root over that tile.
    pub(crate) fn push(&mut self, leaf: Hash, top: Option<Hash>) -> Vec<FullTile> {
        let mut full = Vec::new();
        let mut top = top;
        let mut hash = leaf;
        self.size += 1;
        for level in 0..MAX_LEVELS {
            let depth = usize::from(level);
            if self.levels.len() <= depth {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(depth) else { break };
            hashes.push(hash);
            if (hashes.len() as u64) < TILE_WIDTH {
                break;
            }
            let hashes = std::mem::take(hashes);
            hash = top.take().unwrap_or_else(|| Tile::subtree_hash(&encode_hashes(&hashes)));
            let shift = u32::from(level + 1) * u32::from(TILE_HEIGHT);
            let number = (self.size >> shift).saturating_sub(1);
            full.push(FullTile { level, number, hashes });
        }
        full
    }

    /// The unfinished tiles that are not empty: level, number, hashes.
    pub(crate) fn partial(&self) -> impl Iterator<Item = (u8, u64, &[Hash])> {
        (0..MAX_LEVELS).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty()).map(
            |(level, hashes)| {
                let shift = u32::from(level + 1) * u32::from(TILE_HEIGHT);
                (level, self.size >> shift, hashes.as_slice())
            },
        )
    }

    /// The root over the whole tree.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                // The largest complete subtree in front.
                let take = 1_usize << rest.len().ilog2();
                let (front, back) = rest.split_at_checked(take).unwrap_or((rest, &[]));
                peaks.push(Tile::subtree_hash(&encode_hashes(front)));
                rest = back;
            }
        }
        fold_root(&peaks)
    }

    /// The edge of a published tree, from its tiles.
    pub(crate) fn read(files: &TileFiles) -> Result<Self, Error> {
        let mut levels = Vec::new();
        for level in 0..MAX_LEVELS {
            let shift = u32::from(level) * u32::from(TILE_HEIGHT);
            let number = (files.size >> shift) / TILE_WIDTH;
            if files.size >> shift == 0 {
                break;
            }
            let width = tile_width(files.size, level, number);
            let hashes = if width == 0 { Vec::new() } else { files.hashes(level, number)? };
            levels.push(hashes);
        }
        Ok(Self { size: files.size, levels })
    }
}

/// How many tiles are kept while proofs are made.
const MAX_CACHED_TILES: usize = 64;

/// The published tiles of a tree, read from files. What they say is checked by
/// who asks: against a root, or by the proof itself.
#[derive(Debug)]
pub(crate) struct TileFiles {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    size: u64,
    cache: RefCell<HashMap<(u8, u64), Vec<Hash>>>,
}

impl TileFiles {
    pub(crate) fn new(storage: Arc<dyn Storage>, dir: &Path, size: u64) -> Self {
        Self { storage, dir: dir.to_owned(), size, cache: RefCell::default() }
    }

    /// The hashes of one tile.
    pub(crate) fn hashes(&self, level: u8, number: u64) -> Result<Vec<Hash>, Error> {
        if let Some(hashes) = self.cache.borrow().get(&(level, number)) {
            return Ok(hashes.clone());
        }
        let width = tile_width(self.size, level, number);
        let bytes = self.read(Content::Hashes(level), number, width, 1 << 14)?;
        let hashes = decode_hashes(&bytes, width).ok_or(Error::Mismatch {
            size: self.size,
            why: "a hash tile has another length than its place asks for",
        })?;
        let mut cache = self.cache.borrow_mut();
        if cache.len() >= MAX_CACHED_TILES {
            // Those on the edge stay: a live publisher may remove their files.
            cache.retain(|(level, number), _| tile_width(self.size, *level, *number) < TILE_WIDTH);
        }
        cache.insert((level, number), hashes.clone());
        Ok(hashes)
    }

    /// The bytes of one entry bundle.
    pub(crate) fn bundle(&self, number: u64) -> Result<Vec<u8>, Error> {
        self.read(Content::Entries, number, tile_width(self.size, 0, number), MAX_BUNDLE_BYTES)
    }

    fn read(
        &self,
        content: Content,
        number: u64,
        width: u64,
        limit: usize,
    ) -> Result<Vec<u8>, Error> {
        let path = tile_path(&self.dir, content, number, width);
        let missing = || at("read", &path)(std::io::ErrorKind::NotFound.into());
        if width == 0 {
            return Err(missing());
        }
        read_small(&*self.storage, &path, limit).map_err(at("read", &path))?.ok_or_else(missing)
    }
}

impl HashReader for TileFiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let mut found = Vec::with_capacity(indexes.len());
        for index in indexes {
            let least = Tile::from_index(TILE_HEIGHT, *index);
            let hashes = self
                .hashes(least.level(), least.level_index())
                .map_err(|error| tlog_tiles::Error::InvalidInput(error.to_string()))?;
            let width = u32::try_from(hashes.len()).unwrap_or(0);
            if width < least.width() {
                return Err(tlog_tiles::Error::IndexesNotInTree);
            }
            let tile = Tile::new(TILE_HEIGHT, least.level(), least.level_index(), width, false);
            found.push(tile.hash_at_index(&encode_hashes(&hashes), *index)?);
        }
        Ok(found)
    }
}
