//! The key-encryption key and where it comes from.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

use super::SealError;
use crate::limits::PASSPHRASE_BYTES;
use crate::memory::Secret;

/// Least and most bytes of a key file or credential.
const KEY_FILE_BYTES: std::ops::RangeInclusive<usize> = 32..=4096;
const SALT_BYTES: usize = 16;
/// What the KEK is derived for; another use of the same key file would differ.
const PURPOSE: &[u8] = b"countersign vault key-encryption key v1";

/// Wraps every data key of one vault. Wiped on drop.
pub struct Kek(Zeroizing<[u8; 32]>);

impl Kek {
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn for_tests(byte: u8) -> Self {
        Self(Zeroizing::new([byte; 32]))
    }
}

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// What opens the vault.
#[derive(Clone, Debug)]
pub enum UnsealSource {
    /// Something a person typed.
    Passphrase(Secret),
    /// A file of 32 to 4096 random bytes that only its owner may read.
    KeyFile(PathBuf),
    /// What such a file or credential holds, read by somebody else.
    KeyMaterial(Secret),
    /// The same from systemd: `$CREDENTIALS_DIRECTORY/<name>`.
    Credential {
        /// The directory, as systemd passed it.
        directory: PathBuf,
        /// The credential's name.
        name: String,
    },
}

impl UnsealSource {
    /// The systemd credential of this name.
    pub fn credential(name: &str) -> Result<Self, SealError> {
        let directory = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
            SealError::Source(
                "CREDENTIALS_DIRECTORY is not set: start under systemd with LoadCredential="
                    .to_owned(),
            )
        })?;
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(SealError::Source(format!("`{name}` is not the name of a credential")));
        }
        Ok(Self::Credential { directory: directory.into(), name: name.to_owned() })
    }

    /// Reads a key file or credential now, so that the process may lose the
    /// right to open it afterwards.
    pub fn load(&self) -> Result<Secret, SealError> {
        match self {
            Self::Passphrase(passphrase) => Ok(passphrase.clone()),
            Self::KeyMaterial(bytes) if KEY_FILE_BYTES.contains(&bytes.expose().len()) => {
                Ok(bytes.clone())
            }
            Self::KeyMaterial(_) => Err(SealError::Source(format!(
                "a key file has {} to {} bytes; make one with `head -c 32 /dev/urandom`",
                KEY_FILE_BYTES.start(),
                KEY_FILE_BYTES.end()
            ))),
            Self::KeyFile(path) => read_key_file(path, true),
            Self::Credential { directory, name } => read_key_file(&directory.join(name), false),
        }
    }
}

fn read_key_file(path: &Path, own: bool) -> Result<Secret, SealError> {
    let fail = |what: String| SealError::Source(format!("key file `{}` {what}", path.display()));
    let mut file = File::open(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
    let about = file.metadata().map_err(|error| fail(format!("cannot be read: {error}")))?;
    if !about.is_file() {
        return Err(fail("is not a regular file".to_owned()));
    }
    if own && about.mode() & 0o077 != 0 {
        return Err(fail(format!(
            "may be read by others (mode {:o}); run `chmod 600` on it",
            about.mode() & 0o777
        )));
    }
    let secret = Secret::read_from(&mut file, *KEY_FILE_BYTES.end())
        .map_err(|error| fail(format!("cannot be used: {error}")))?;
    if secret.expose().len() < *KEY_FILE_BYTES.start() {
        return Err(fail(format!(
            "is shorter than {} bytes; make one with `head -c 32 /dev/urandom`",
            KEY_FILE_BYTES.start()
        )));
    }
    Ok(secret)
}

/// The work of argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassphraseCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl PassphraseCost {
    /// RFC 9106's second recommended setting: 64 MiB, 3 passes (about a tenth
    /// of a second).
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3 };
    /// The least that is accepted (RFC 9106 allows less; we test with this).
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1 };
    /// The most that is accepted: a changed header must not exhaust the
    /// machine.
    pub const MOST: Self = Self { memory_kib: 1024 * 1024, passes: 16 };

    const fn is_bounded(self) -> bool {
        self.memory_kib >= Self::LEAST.memory_kib
            && self.memory_kib <= Self::MOST.memory_kib
            && self.passes >= Self::LEAST.passes
            && self.passes <= Self::MOST.passes
    }
}

/// How the KEK comes from what is given, stored in the vault's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Derivation {
    /// A passphrase through argon2id, one lane.
    Argon2id {
        /// Its work.
        cost: PassphraseCost,
        /// Its salt.
        salt: [u8; SALT_BYTES],
    },
    /// Random bytes through HKDF-SHA256.
    Hkdf {
        /// Its salt.
        salt: [u8; SALT_BYTES],
    },
}

impl Derivation {
    /// A fresh derivation that fits the source.
    pub fn fresh(source: &UnsealSource, cost: PassphraseCost) -> Result<Self, SealError> {
        let mut salt = [0; SALT_BYTES];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| SealError::Random)?;
        match source {
            UnsealSource::Passphrase(_) if cost.is_bounded() => Ok(Self::Argon2id { cost, salt }),
            UnsealSource::Passphrase(_) => {
                Err(SealError::Source("the passphrase cost is out of bounds".to_owned()))
            }
            UnsealSource::KeyFile(_)
            | UnsealSource::KeyMaterial(_)
            | UnsealSource::Credential { .. } => Ok(Self::Hkdf { salt }),
        }
    }

    /// Whether a person has to type something.
    pub const fn wants_passphrase(&self) -> bool {
        matches!(self, Self::Argon2id { .. })
    }

    /// The KEK.
    pub fn kek(&self, source: &UnsealSource) -> Result<Kek, SealError> {
        if self.wants_passphrase() != matches!(source, UnsealSource::Passphrase(_)) {
            return Err(SealError::Source(
                if self.wants_passphrase() {
                    "this vault is sealed with a passphrase; give the passphrase"
                } else {
                    "this vault is sealed with a key file; give the key file or credential"
                }
                .to_owned(),
            ));
        }
        let given = source.load()?;
        let mut kek = Zeroizing::new([0; 32]);
        match self {
            Self::Argon2id { cost, salt } => {
                if given.expose().is_empty() || given.expose().len() > PASSPHRASE_BYTES {
                    return Err(SealError::Source(format!(
                        "a passphrase has 1 to {PASSPHRASE_BYTES} bytes"
                    )));
                }
                if !cost.is_bounded() {
                    return Err(SealError::Damaged("argon2id work out of bounds"));
                }
                let bad = |_| SealError::Damaged("argon2id parameters");
                let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(bad)?;
                let mut blocks = vec![Block::default(); params.block_count()];
                let hashed = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into_with_memory(
                        given.expose(),
                        salt,
                        kek.as_mut_slice(),
                        &mut blocks,
                    );
                blocks.zeroize();
                hashed.map_err(bad)?;
            }
            Self::Hkdf { salt } => {
                let unspecified = |_| SealError::Damaged("key derivation");
                hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
                    .extract(given.expose())
                    .expand(&[PURPOSE], hkdf::HKDF_SHA256)
                    .map_err(unspecified)?
                    .fill(kek.as_mut_slice())
                    .map_err(unspecified)?;
            }
        }
        Ok(Kek(kek))
    }

    /// One line for the header.
    pub(crate) fn to_line(&self) -> String {
        match self {
            Self::Argon2id { cost, salt } => {
                format!("argon2id {} {} {}", cost.memory_kib, cost.passes, STANDARD.encode(salt))
            }
            Self::Hkdf { salt } => format!("hkdf-sha256 {}", STANDARD.encode(salt)),
        }
    }

    /// Reads that line; the work is bounded here.
    pub(crate) fn from_line(line: &str) -> Result<Self, SealError> {
        let damaged = SealError::Damaged("key derivation in the header");
        let salt = |text: &str| {
            STANDARD.decode(text).ok().and_then(|bytes| <[u8; SALT_BYTES]>::try_from(bytes).ok())
        };
        let words: Vec<&str> = line.split(' ').collect();
        let read = match words.as_slice() {
            ["argon2id", memory, passes, text] => {
                match (memory.parse(), passes.parse(), salt(text)) {
                    (Ok(memory_kib), Ok(passes), Some(salt)) => {
                        let cost = PassphraseCost { memory_kib, passes };
                        cost.is_bounded().then_some(Self::Argon2id { cost, salt })
                    }
                    _ => None,
                }
            }
            ["hkdf-sha256", text] => salt(text).map(|salt| Self::Hkdf { salt }),
            _ => None,
        };
        read.ok_or(damaged)
    }
}
