//! The vault on disk: a header, the sealed log key, one sealed file per venue
//! key. Used by the signer, and by the short-lived process that adds a key.
//!
//! ```text
//! <vault>/vault.header         how the KEK is derived, the log's origin and vkey,
//!                              a sealed check, the sealed log key
//! <vault>/keys/NAME.sealed     one venue key with its ceiling
//! <vault>/keys/NAME.generated  a private key, sealed, that the venue has given
//!                              no id yet
//! ```

mod generated;
mod header;
mod key;

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

pub use header::Header;
pub use key::NewKey;
pub(crate) use key::{VenueKey, host_bits, host_groups, is_name, wide_rights};

use crate::ceiling::CeilingError;
use crate::files;
use crate::limits::{KEYS, SEALED_FILE_BYTES};
use crate::memory::random_key;
use crate::note;
use crate::protocol::{KeyHandle, KeyInfo};
use crate::sealed::{self, Derivation, Kek, Kind, PassphraseCost, SealError, UnsealSource};
use crate::signer::state;

/// Why the vault cannot be used.
#[derive(Debug)]
pub enum StoreError {
    /// Sealing or unsealing failed.
    Seal(SealError),
    /// The ceiling makes no sense.
    Ceiling(CeilingError),
    /// A file or directory cannot be used.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What was asked cannot be done; says what to do instead.
    Refused(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seal(error) => error.fmt(f),
            Self::Ceiling(error) => error.fmt(f),
            Self::File { path, error } => {
                write!(f, "`{}` cannot be used: {error}", path.display())
            }
            Self::Refused(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

impl From<CeilingError> for StoreError {
    fn from(error: CeilingError) -> Self {
        Self::Ceiling(error)
    }
}

pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::File { path, error }
}

/// Makes an empty vault with a fresh log key, and the signer's state. Returns
/// the log's verifier key (vkey), which is public. Refuses where a vault is.
pub fn init(
    vault: &Path,
    state: &Path,
    origin: &str,
    source: &UnsealSource,
    cost: PassphraseCost,
) -> Result<String, StoreError> {
    let path = Header::path(vault);
    if path.exists() {
        return Err(StoreError::Refused(format!(
            "there is a vault in `{}` already; move it away first",
            vault.display()
        )));
    }
    note::check_origin(origin).map_err(StoreError::Refused)?;
    let derivation = Derivation::fresh(source, cost)?;
    let kek = derivation.kek(source)?;
    let seed = random_key().map_err(|_| SealError::Random)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
        .map_err(|_| StoreError::Refused("no Ed25519 key can be made".to_owned()))?;
    let vkey = note::vkey(origin, pair.public_key().as_ref());
    let header = Header {
        derivation,
        origin: origin.to_owned(),
        vkey: vkey.clone(),
        check: sealed::seal(&kek, Kind::Check, "check", &[])?,
        log_key: sealed::seal(&kek, Kind::LogKey, origin, seed.as_slice())?,
    };
    let keys = vault.join("keys");
    files::private_directory(vault).map_err(at(vault))?;
    files::private_directory(&keys).map_err(at(&keys))?;
    state::create(state)?;
    files::replace(&path, header.to_text().as_bytes()).map_err(at(&path))?;
    Ok(vkey)
}

/// An opened vault: the KEK is in memory.
pub struct Vault {
    directory: PathBuf,
    header: Header,
    kek: Kek,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens the vault; a wrong passphrase or key file is told as that.
    pub fn open(directory: &Path, source: &UnsealSource) -> Result<Self, StoreError> {
        let header = Header::read(directory)?;
        let kek = header.derivation.kek(source)?;
        sealed::unseal(&kek, Kind::Check, "check", &header.check)?;
        Ok(Self { directory: directory.to_owned(), header, kek })
    }

    /// What stands in the header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The log's key.
    pub(crate) fn log_key(&self) -> Result<note::NoteSigner, StoreError> {
        let seed =
            sealed::unseal(&self.kek, Kind::LogKey, &self.header.origin, &self.header.log_key)?;
        let signer = note::NoteSigner::new(&self.header.origin, seed.expose())
            .ok_or(SealError::Damaged("the log's key"))?;
        if signer.vkey() == self.header.vkey {
            Ok(signer)
        } else {
            Err(SealError::Damaged("the log's key does not fit its vkey").into())
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join("keys").join(format!("{name}.sealed"))
    }

    /// The names of the sealed keys, sorted.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        self.names_with(".sealed")
    }

    fn names_with(&self, end: &str) -> Result<Vec<String>, StoreError> {
        let directory = self.directory.join("keys");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&directory).map_err(at(&directory))? {
            let file = entry.map_err(at(&directory))?.file_name();
            let Some(name) = file.to_str().and_then(|file| file.strip_suffix(end)) else {
                continue;
            };
            if is_name(name) {
                names.push(name.to_owned());
            }
            if names.len() > KEYS {
                return Err(StoreError::Refused(format!("a vault holds at most {KEYS} keys")));
            }
        }
        names.sort();
        Ok(names)
    }

    pub(crate) fn load(&self, name: &str) -> Result<VenueKey, StoreError> {
        let path = self.path(name);
        let blob = files::read_bounded(&path, SEALED_FILE_BYTES)
            .map_err(at(&path))?
            .ok_or_else(|| StoreError::Refused(format!("there is no key `{name}`")))?;
        let content = sealed::unseal(&self.kek, Kind::VenueKey, name, &blob)?;
        VenueKey::decode(name, content.expose())
    }

    pub(crate) fn save(&self, key: &VenueKey) -> Result<(), StoreError> {
        let content = key.encode()?;
        let blob = sealed::seal(&self.kek, Kind::VenueKey, &key.name, content.expose())?;
        let path = self.path(&key.name);
        files::replace(&path, &blob).map_err(at(&path))
    }

    /// Seals a new key and creates its counters in the signer's state. Only
    /// while no signer runs on this state: a running one takes keys over its
    /// control connection.
    pub fn add_key(&self, state: &Path, key: NewKey) -> Result<KeyInfo, StoreError> {
        let _alone = state::lock(state)?;
        let generation = state::next_generation(state, &key.name);
        let key = self.seal_new(key, generation)?;
        state::add_key(state, &key.name, generation)?;
        Ok(key.info(KeyHandle(0)))
    }

    /// Checks and seals; the counters are the caller's, who knows the generation
    /// from them.
    pub(crate) fn seal_new(&self, key: NewKey, generation: u64) -> Result<VenueKey, StoreError> {
        let names = self.names()?;
        if names.contains(&key.name) {
            return Err(StoreError::Refused(format!(
                "there is a key `{}` already; choose another name or remove it first",
                key.name
            )));
        }
        if names.len() >= KEYS {
            return Err(StoreError::Refused(format!("a vault holds at most {KEYS} keys")));
        }
        let key = VenueKey::new(key, generation)?;
        self.save(&key)?;
        Ok(key)
    }

    /// What anybody may know about each key; handles are in order of name.
    pub fn list(&self) -> Result<Vec<KeyInfo>, StoreError> {
        (0_u16..)
            .zip(self.names()?)
            .map(|(handle, name)| Ok(self.load(&name)?.info(KeyHandle(handle))))
            .collect()
    }

    /// Removes a key's sealed file. It cannot be had back.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        if !is_name(name) {
            return Err(StoreError::Refused(format!("there is no key `{name}`")));
        }
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(StoreError::Refused(format!("there is no key `{name}`")))
            }
            other => {
                other.map_err(at(&path))?;
                files::sync_parent(&path).map_err(at(&path))
            }
        }
    }
}

#[cfg(test)]
mod tests;
