//! The published tree as a second witness: its tiles are checked against the
//! signed root, and then tell which entry is not what it was.

use std::path::Path;
use std::sync::Arc;

use tlog_tiles::{Hash, Tile};

use super::{Report, What};
use crate::merkle::Head;
use crate::storage::Storage;
use crate::tiles::{
    Edge, MAX_LEVELS, TILE_WIDTH, TileFiles, encode_hashes, parse_bundle, tile_width,
};

/// The tiles of one checkpoint.
pub(super) struct Tree {
    files: TileFiles,
    size: u64,
    /// Whether the tiles on the right edge give the signed root.
    edge: bool,
    group: Option<Group>,
    /// The unfinished group at the end, read at once: a live publisher
    /// removes its files when it goes on.
    last: Option<Group>,
}

/// The tile and the bundle of up to 256 entries.
struct Group {
    number: u64,
    hashes: Vec<Hash>,
    /// Whether the hash tile belongs to the signed tree.
    authentic: bool,
    bundle: Option<Vec<u8>>,
    /// Where the next entry stands in the bundle.
    at: usize,
}

impl Tree {
    /// Checks every tile above the lowest level against the one above it, and
    /// the edge against the signed root.
    pub(super) fn read(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        checkpoint: Option<Head>,
        report: &mut Report,
    ) -> Self {
        let size = checkpoint.map_or(0, |head| head.size);
        let files = TileFiles::new(Arc::clone(storage), dir, size);
        let mut tree = Self { files, size, edge: false, group: None, last: None };
        let Some(checkpoint) = checkpoint else { return tree };
        let wrong = match Edge::read(&tree.files) {
            Ok(edge) if edge.root() == checkpoint.root => None,
            Ok(_) => Some("the hash tiles do not give the checkpoint's root".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        tree.edge = wrong.is_none();
        if let Some(why) = wrong {
            report.find(None, What::HashTile, why);
        }
        if !size.is_multiple_of(TILE_WIDTH) {
            tree.last = Some(tree.read_group(size / TILE_WIDTH, report));
        }
        for level in 1..MAX_LEVELS {
            let mut number = 0;
            while tile_width(size, level, number) == TILE_WIDTH {
                if !tree.belongs(level, number) {
                    let why = format!("the hash tile {level}/{number} is not the checkpoint's");
                    report.find(None, What::HashTile, why);
                }
                number += 1;
            }
        }
        tree
    }

    /// Whether a tile hashes to its place in the tile above it, or is on the edge.
    fn belongs(&self, level: u8, number: u64) -> bool {
        if tile_width(self.size, level, number) < TILE_WIDTH {
            return self.edge;
        }
        let hashes = self.files.hashes(level, number);
        let above = self.files.hashes(level + 1, number / TILE_WIDTH);
        let place = usize::try_from(number % TILE_WIDTH).unwrap_or(usize::MAX);
        match (hashes, above) {
            (Ok(hashes), Ok(above)) => {
                above.get(place) == Some(&Tile::subtree_hash(&encode_hashes(&hashes)))
            }
            _ => false,
        }
    }

    /// Compares an entry with its tile and its bundle.
    pub(super) fn check(&mut self, index: u64, entry: &[u8], leaf: Hash, report: &mut Report) {
        if index >= self.size {
            return;
        }
        let number = index / TILE_WIDTH;
        if self.group.as_ref().is_none_or(|group| group.number != number) {
            let last = self.last.take_if(|last| last.number == number);
            self.group = Some(last.unwrap_or_else(|| self.read_group(number, report)));
        }
        let Some(group) = &mut self.group else { return };
        let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        match group.hashes.get(place) {
            Some(hash) if *hash == leaf => {}
            Some(_) if group.authentic => {
                let why = "its bytes are not those that the checkpoint covers".to_owned();
                report.find(Some(index), What::Entry, why);
            }
            Some(_) => {
                let why = "its bytes and its hash tile disagree".to_owned();
                report.find(Some(index), What::HashTile, why);
            }
            None => {}
        }
        if !group.next_is(entry) {
            let why = "the entry bundle holds other bytes".to_owned();
            report.find(Some(index), What::Bundle, why);
        }
    }

    fn read_group(&self, number: u64, report: &mut Report) -> Group {
        let first = number * TILE_WIDTH;
        let last = first + tile_width(self.size, 0, number) - 1;
        let hashes = self.files.hashes(0, number).unwrap_or_else(|error| {
            report.find(None, What::HashTile, format!("of entries {first} to {last}: {error}"));
            Vec::new()
        });
        let authentic = !hashes.is_empty() && self.belongs(0, number);
        if !hashes.is_empty() && !authentic {
            let why = format!("the hashes of entries {first} to {last} are not the checkpoint's");
            report.find(None, What::HashTile, why);
        }
        let bundle = match self.files.bundle(number) {
            Ok(bytes)
                if parse_bundle(&bytes).is_some_and(|e| e.len() as u64 == last - first + 1) =>
            {
                Some(bytes)
            }
            Ok(_) => {
                let why = format!("the bundle of entries {first} to {last} is malformed");
                report.find(None, What::Bundle, why);
                None
            }
            Err(error) => {
                report.find(None, What::Bundle, format!("of entries {first} to {last}: {error}"));
                None
            }
        };
        Group { number, hashes, authentic, bundle, at: 0 }
    }
}

impl Group {
    /// Whether the next entry in the bundle, if there is a bundle, is `entry`.
    fn next_is(&mut self, entry: &[u8]) -> bool {
        let Some(bundle) = &self.bundle else { return true };
        let rest = bundle.get(self.at..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<2>() else { return false };
        let length = usize::from(u16::from_be_bytes(*length));
        self.at += 2 + length;
        rest.get(..length) == Some(entry)
    }
}
