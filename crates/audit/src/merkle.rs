//! The Merkle tree of RFC 6962, and what proofs say about it.

use tlog_tiles::{EMPTY_HASH, check_record, check_tree, node_hash};

pub use tlog_tiles::Hash;

use crate::error::ProofError;
use crate::tiles::TILE_HEIGHT;

/// The most entries a log may hold; beyond it, arithmetic on proofs is refused.
pub const MAX_ENTRIES: u64 = 1 << 40;

/// The most hashes a proof may have: the height of the largest tree.
pub const MAX_PROOF_HASHES: usize = 64;

/// The state of a tree at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// How many entries it holds.
    pub size: u64,
    /// Its root hash (RFC 6962 section 2.1).
    pub root: Hash,
}

/// The complete subtrees of a growing tree, largest first: enough to add a
/// leaf and to know the root, in 40 hashes at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier from its parts; `None` where they do not fit together.
    pub(crate) fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (size <= MAX_ENTRIES && peaks.len() == size.count_ones() as usize)
            .then_some(Self { size, peaks })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds one leaf: amortised one node hash. Where it completes a tile, the
    /// root over that tile's 256 leaves.
    pub(crate) fn push(&mut self, leaf: Hash) -> Option<Hash> {
        let mut hash = leaf;
        let mut left = self.size;
        let (mut height, mut tile) = (0, None);
        while left & 1 == 1 {
            // The bits of `size` count the peaks, so there is one to pop.
            let Some(peak) = self.peaks.pop() else { break };
            hash = node_hash(peak, hash);
            left >>= 1;
            height += 1;
            if height == TILE_HEIGHT {
                tile = Some(hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        tile
    }

    /// The root hash.
    pub(crate) fn root(&self) -> Hash {
        fold_root(&self.peaks)
    }

    /// Size and root.
    pub(crate) fn head(&self) -> Head {
        Head { size: self.size, root: self.root() }
    }
}

/// The root over complete subtrees, largest first.
pub(crate) fn fold_root(peaks: &[Hash]) -> Hash {
    let mut rest = peaks.iter().rev();
    let Some(last) = rest.next() else { return EMPTY_HASH };
    rest.fold(*last, |right, left| node_hash(*left, right))
}

/// The hash of an entry as a leaf: `SHA-256(0x00 || entry)`.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    tlog_tiles::record_hash(entry)
}

/// Checks that the tree `new` holds everything the tree `old` held, unchanged,
/// in front: what a signer asks before it signs an extension. The empty tree
/// is a prefix of every tree and needs no proof.
///
/// # Errors
/// [`ProofError`] where the proof does not show it: the log was rewritten or
/// cut, or the proof belongs to other trees.
pub fn verify_consistency(old: Head, new: Head, proof: &[Hash]) -> Result<(), ProofError> {
    if new.size > MAX_ENTRIES || proof.len() > MAX_PROOF_HASHES {
        return Err(ProofError::TooLarge);
    }
    if old.size > new.size {
        return Err(ProofError::Shrunk { old: old.size, new: new.size });
    }
    if old.size == 0 {
        return if proof.is_empty() && old.root == EMPTY_HASH {
            Ok(())
        } else {
            Err(ProofError::Inconsistent)
        };
    }
    check_tree(&proof.to_vec(), new.size, new.root, old.size, old.root)
        .map_err(|_| ProofError::Inconsistent)
}

/// Checks that the tree `head` holds `leaf` as its entry number `index`.
///
/// # Errors
/// [`ProofError`] where the proof does not show it.
pub fn verify_inclusion(
    head: Head,
    index: u64,
    leaf: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if head.size > MAX_ENTRIES || proof.len() > MAX_PROOF_HASHES {
        return Err(ProofError::TooLarge);
    }
    if index >= head.size {
        return Err(ProofError::NotCovered { index, size: head.size });
    }
    check_record(&proof.to_vec(), head.size, head.root, index, leaf)
        .map_err(|_| ProofError::NotIncluded { index })
}
