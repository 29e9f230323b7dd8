//! Signed checkpoints: the C2SP signed-note and tlog-checkpoint formats, and
//! the consistency proof that a new one extends the last (RFC 6962 2.1.2).
//!
//! Written here because the format crates bring some sixty others into the
//! process that holds the keys; their tests' oracle is those crates.

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::limits::{NOTE_BYTES, ORIGIN_BYTES, PROOF_HASHES};

/// The signature algorithm byte of Ed25519 in signed notes.
const ED25519_ALGORITHM: u8 = 1;
/// The extension line that carries the number of the last signature.
const SEQUENCE_LINE: &str = "countersign-signer-sequence ";

/// Whether a log may be called this: one word without `+`, as signed notes
/// want of key names.
pub(crate) fn check_origin(origin: &str) -> Result<(), String> {
    let fits = !origin.is_empty()
        && origin.len() <= ORIGIN_BYTES
        && origin.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
    if fits {
        Ok(())
    } else {
        Err(format!("`{origin}` cannot name a log: use letters, digits, `.`, `-` and `/`"))
    }
}

fn key_id(name: &str, public: &[u8]) -> [u8; 4] {
    let mut context = Context::new(&SHA256);
    context.update(name.as_bytes());
    context.update(b"\n");
    context.update(&[ED25519_ALGORITHM]);
    context.update(public);
    match context.finish().as_ref().first_chunk::<4>() {
        Some(id) => *id,
        None => [0; 4],
    }
}

/// A verifier key in signed-note form: `name+id+key`.
pub(crate) fn vkey(name: &str, public: &[u8]) -> String {
    let mut key = vec![ED25519_ALGORITHM];
    key.extend_from_slice(public);
    format!("{name}+{}+{}", hex::encode(key_id(name, public)), STANDARD.encode(key))
}

/// A checkpoint's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) size: u64,
    pub(crate) root: [u8; 32],
    /// The number of the last signature given when it was signed.
    pub(crate) sequence: u64,
}

/// Signs checkpoints with the log's key. The key pair wipes itself.
pub(crate) struct NoteSigner {
    origin: String,
    pair: Ed25519KeyPair,
}

impl NoteSigner {
    pub(crate) fn new(origin: &str, seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(Self { origin: origin.to_owned(), pair })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn vkey(&self) -> String {
        vkey(&self.origin, self.pair.public_key().as_ref())
    }

    /// The signed note.
    pub(crate) fn sign(&self, checkpoint: &Checkpoint) -> String {
        let body = format!(
            "{}\n{}\n{}\n{SEQUENCE_LINE}{}\n",
            self.origin,
            checkpoint.size,
            STANDARD.encode(checkpoint.root),
            checkpoint.sequence
        );
        let mut signature = key_id(&self.origin, self.pair.public_key().as_ref()).to_vec();
        signature.extend_from_slice(self.pair.sign(body.as_bytes()).as_ref());
        format!("{body}\n\u{2014} {} {}\n", self.origin, STANDARD.encode(signature))
    }

    /// Reads a note that this key signed; none where it did not, or where the
    /// content is not a checkpoint of ours.
    pub(crate) fn open(&self, note: &str) -> Option<Checkpoint> {
        if note.len() > NOTE_BYTES {
            return None;
        }
        let (text, signatures) = note.split_once("\n\n")?;
        let body = format!("{text}\n");
        let id = key_id(&self.origin, self.pair.public_key().as_ref());
        let public = UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref());
        // A witness may have added lines of its own.
        signatures.lines().find(|line| {
            line.strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .filter(|(name, _)| *name == self.origin)
                .and_then(|(_, encoded)| STANDARD.decode(encoded).ok())
                .and_then(|bytes| {
                    bytes
                        .strip_prefix(&id)
                        .map(|signature| public.verify(body.as_bytes(), signature).is_ok())
                })
                .unwrap_or(false)
        })?;
        let mut lines = text.lines();
        if lines.next()? != self.origin {
            return None;
        }
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let sequence = lines.next()?.strip_prefix(SEQUENCE_LINE)?.parse().ok()?;
        Some(Checkpoint { size, root, sequence })
    }
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    context.finish().as_ref().first_chunk::<32>().copied().unwrap_or_default()
}

/// Whether the proof shows that the tree (`size`, `root`) extends the tree
/// (`old_size`, `old_root`): RFC 9162 2.1.4.2. An empty old tree is extended by
/// everything, without proof.
pub(crate) fn extends(
    old_size: u64,
    old_root: &[u8; 32],
    size: u64,
    root: &[u8; 32],
    proof: &[[u8; 32]],
) -> bool {
    if proof.len() > PROOF_HASHES || old_size > size {
        return false;
    }
    if old_size == size {
        return proof.is_empty() && old_root == root;
    }
    if old_size == 0 {
        return proof.is_empty();
    }
    let mut hashes = proof.iter();
    // A complete old tree is its own first hash.
    let first = if old_size.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let Some(first) = first else { return false };
    let (mut old_at, mut at) = (old_size - 1, size - 1);
    while old_at & 1 == 1 {
        old_at >>= 1;
        at >>= 1;
    }
    let (mut old_hash, mut hash) = (*first, *first);
    for next in hashes {
        if at == 0 {
            return false;
        }
        if old_at & 1 == 1 || old_at == at {
            old_hash = node(next, &old_hash);
            hash = node(next, &hash);
            while old_at & 1 == 0 && old_at != 0 {
                old_at >>= 1;
                at >>= 1;
            }
        } else {
            hash = node(&hash, next);
        }
        old_at >>= 1;
        at >>= 1;
    }
    at == 0 && &old_hash == old_root && &hash == root
}

#[cfg(test)]
mod tests;
