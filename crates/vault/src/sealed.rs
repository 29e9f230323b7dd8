//! Sealed at rest: every secret under a data key (DEK) of its own, every DEK
//! wrapped by the vault's key-encryption key (KEK).
//!
//! A sealed blob is: 8 bytes of magic, `u16` version, `u8` kind, the name
//! behind its `u32` length, a 24-byte nonce and the wrapped DEK (48 bytes), a
//! 24-byte nonce and the sealed content behind its `u32` length. Both are
//! XChaCha20-Poly1305; the associated data of both is everything up to and
//! including the name, so that no blob can stand for another.

mod kek;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

pub use kek::{Derivation, Kek, PassphraseCost, UnsealSource};

use crate::limits::{NAME_BYTES, SEALED_FILE_BYTES};
use crate::memory::{Secret, random_key};
use crate::protocol::codec::{Decoder, Encoder};

const MAGIC: [u8; 8] = *b"CSGNSEAL";
const VERSION: u16 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const WRAPPED_BYTES: usize = 32 + TAG_BYTES;

/// What a sealed blob holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Nothing: tells a wrong passphrase from a damaged file.
    Check = 1,
    /// The log's Ed25519 seed.
    LogKey = 2,
    /// A venue key with its ceiling.
    VenueKey = 3,
    /// A private key that was generated here and has no id at a venue yet.
    GeneratedKey = 4,
}

/// Why something cannot be sealed or unsealed.
#[derive(Debug)]
pub enum SealError {
    /// The passphrase or key file does not fit this vault. Try the right one.
    WrongKey,
    /// The blob is not what it should be: damaged, exchanged or of another
    /// version. Restore it from a backup.
    Damaged(&'static str),
    /// The key file, credential or passphrase cannot be used; says why.
    Source(String),
    /// The operating system gave no random bytes.
    Random,
}

impl std::fmt::Display for SealError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WrongKey => f.write_str(
                "wrong passphrase or key file: it does not open this vault; try again with the \
                 one given at `countersign init`",
            ),
            Self::Damaged(what) => write!(
                f,
                "damaged vault file: {what}; restore it from a backup, or remove the key and add \
                 it again"
            ),
            Self::Source(what) => f.write_str(what),
            Self::Random => f.write_str("the operating system gives no random bytes"),
        }
    }
}

impl std::error::Error for SealError {}

/// What the associated data binds: magic, version, kind, name.
fn binding(kind: Kind, name: &str) -> Result<Vec<u8>, SealError> {
    let mut bytes = Vec::with_capacity(15 + name.len());
    let mut to = Encoder::new(&mut bytes);
    to.raw(&MAGIC);
    to.u16(VERSION);
    to.u8(kind as u8);
    to.string(name, NAME_BYTES, "name").map_err(|_| SealError::Damaged("name too long"))?;
    Ok(bytes)
}

fn nonce() -> Result<[u8; NONCE_BYTES], SealError> {
    let mut nonce = [0; NONCE_BYTES];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SealError::Random)?;
    Ok(nonce)
}

/// Seals `content` under a fresh DEK.
pub fn seal(kek: &Kek, kind: Kind, name: &str, content: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut blob = binding(kind, name)?;
    let bound = blob.clone();
    let dek = random_key().map_err(|_| SealError::Random)?;
    let (wrap_nonce, content_nonce) = (nonce()?, nonce()?);
    let encrypt = |key: &[u8; 32], nonce: &[u8], plain: &[u8]| {
        XChaCha20Poly1305::new(key.into())
            .encrypt(XNonce::from_slice(nonce), Payload { msg: plain, aad: &bound })
            .map_err(|_| SealError::Damaged("content too long"))
    };
    let wrapped = encrypt(kek.bytes(), &wrap_nonce, dek.as_slice())?;
    let sealed = encrypt(&dek, &content_nonce, content)?;
    let mut to = Encoder::new(&mut blob);
    to.raw(&wrap_nonce);
    to.raw(&wrapped);
    to.raw(&content_nonce);
    to.bytes(&sealed, SEALED_FILE_BYTES, "sealed content")
        .map_err(|_| SealError::Damaged("content too long"))?;
    if blob.len() > SEALED_FILE_BYTES {
        return Err(SealError::Damaged("content too long"));
    }
    Ok(blob)
}

/// The parts of a blob, read without any key.
struct Parts<'a> {
    kind: u8,
    name: &'a str,
    wrap_nonce: &'a [u8],
    wrapped: &'a [u8],
    content_nonce: &'a [u8],
    sealed: &'a [u8],
}

fn parts(blob: &[u8]) -> Result<Parts<'_>, SealError> {
    if blob.len() > SEALED_FILE_BYTES {
        return Err(SealError::Damaged("too long"));
    }
    let mut from = Decoder::new(blob);
    let damaged = |_| SealError::Damaged("cut short or not a sealed file");
    if from.array("magic").map_err(damaged)? != MAGIC {
        return Err(SealError::Damaged("not a sealed file"));
    }
    if from.u16("version").map_err(damaged)? != VERSION {
        return Err(SealError::Damaged("sealed by another version of countersign"));
    }
    let parts = Parts {
        kind: from.u8("kind").map_err(damaged)?,
        name: from.string(NAME_BYTES, "name").map_err(damaged)?,
        wrap_nonce: from.take(NONCE_BYTES, "nonce").map_err(damaged)?,
        wrapped: from.take(WRAPPED_BYTES, "data key").map_err(damaged)?,
        content_nonce: from.take(NONCE_BYTES, "nonce").map_err(damaged)?,
        sealed: from.bytes(SEALED_FILE_BYTES, "content").map_err(damaged)?,
    };
    from.end().map_err(|_| SealError::Damaged("something follows the sealed content"))?;
    Ok(parts)
}

/// Opens a blob that must be of this kind and name.
pub fn unseal(kek: &Kek, kind: Kind, name: &str, blob: &[u8]) -> Result<Secret, SealError> {
    let parts = parts(blob)?;
    if parts.kind != kind as u8 || parts.name != name {
        return Err(SealError::Damaged("it holds something other than its name says"));
    }
    let bound = binding(kind, name)?;
    let decrypt = |key: &[u8; 32], nonce: &[u8], sealed: &[u8]| {
        XChaCha20Poly1305::new(key.into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: &bound })
            .map(Zeroizing::new)
    };
    let dek =
        decrypt(kek.bytes(), parts.wrap_nonce, parts.wrapped).map_err(|_| SealError::WrongKey)?;
    let mut key = Zeroizing::new([0; 32]);
    if dek.len() != key.len() {
        return Err(SealError::Damaged("data key"));
    }
    key.copy_from_slice(&dek);
    decrypt(&key, parts.content_nonce, parts.sealed)
        .map(|content| Secret::new(content.to_vec()))
        .map_err(|_| SealError::Damaged("its content was changed"))
}

/// Reads whatever bytes as a sealed file, for the fuzzer: must neither panic
/// nor take more than the file's own size.
pub(crate) fn inspect(blob: &[u8]) -> bool {
    parts(blob).is_ok()
}

#[cfg(test)]
mod tests;
