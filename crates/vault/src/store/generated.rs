//! Private keys that were generated here: sealed at once, and waiting for the
//! venue to give them an id.

use std::path::PathBuf;

use super::{StoreError, Vault, at, is_name};
use crate::files;
use crate::limits::{KEYS, SEALED_FILE_BYTES};
use crate::memory::Secret;
use crate::private_key;
use crate::protocol::control::Scheme;
use crate::sealed::{self, Kind, SealError};

impl Vault {
    fn generated_path(&self, name: &str) -> PathBuf {
        self.directory.join("keys").join(format!("{name}.generated"))
    }

    /// Generates and seals an Ed25519 key under that name and returns its
    /// public half in PEM; of one that is there already, its public half.
    pub(crate) fn generate(&self, name: &str) -> Result<String, StoreError> {
        if !is_name(name) {
            return Err(StoreError::Refused(format!("`{name}` is no name of a key")));
        }
        if self.names()?.iter().any(|known| known == name) {
            return Err(StoreError::Refused(format!(
                "there is a key `{name}` already; choose another name or revoke it first"
            )));
        }
        let generated = self.names_with(".generated")?;
        let pem = if generated.iter().any(|known| known == name) {
            self.generated(name)?
        } else {
            // INVARIANT (bounded).
            if generated.len() >= KEYS {
                return Err(StoreError::Refused(format!(
                    "{KEYS} generated keys wait to be added; add or revoke one first"
                )));
            }
            let pem = private_key::generate(Scheme::Ed25519).map_err(|_| SealError::Random)?;
            let blob = sealed::seal(&self.kek, Kind::GeneratedKey, name, pem.expose())?;
            let path = self.generated_path(name);
            files::replace(&path, &blob).map_err(at(&path))?;
            pem
        };
        private_key::public_pem(pem.expose())
            .ok_or_else(|| SealError::Damaged("a generated key").into())
    }

    /// The private key that was generated under that name.
    pub(crate) fn generated(&self, name: &str) -> Result<Secret, StoreError> {
        let path = self.generated_path(name);
        let missing = || {
            StoreError::Refused(format!(
                "no key was generated under the name `{name}`; run `countersign key generate` \
                 first"
            ))
        };
        if !is_name(name) {
            return Err(missing());
        }
        let blob = files::read_bounded(&path, SEALED_FILE_BYTES)
            .map_err(at(&path))?
            .ok_or_else(missing)?;
        Ok(sealed::unseal(&self.kek, Kind::GeneratedKey, name, &blob)?)
    }

    /// Removes what was generated under that name, if anything was.
    pub(crate) fn forget_generated(&self, name: &str) -> Result<(), StoreError> {
        if !is_name(name) {
            return Ok(());
        }
        let path = self.generated_path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| files::sync_parent(&path)).map_err(at(&path)),
        }
    }
}
