//! The vault's header: lines of a name and a value, in a fixed order.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{StoreError, at};
use crate::files;
use crate::sealed::{Derivation, SealError};

const FIRST_LINE: &str = "countersign-vault 1";
const HEADER_BYTES: usize = 16 * 1024;

/// What stands in the header; everything secret in it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the KEK comes from what is given.
    pub derivation: Derivation,
    /// The log's origin.
    pub origin: String,
    /// The log's public verifier key.
    pub vkey: String,
    pub(super) check: Vec<u8>,
    pub(super) log_key: Vec<u8>,
}

impl Header {
    pub(super) fn path(vault: &Path) -> PathBuf {
        vault.join("vault.header")
    }

    /// Reads the header without opening the vault.
    pub fn read(vault: &Path) -> Result<Self, StoreError> {
        let path = Self::path(vault);
        let content =
            files::read_bounded(&path, HEADER_BYTES).map_err(at(&path))?.ok_or_else(|| {
                StoreError::Refused(format!(
                    "there is no vault in `{}`; run `countersign init` first",
                    vault.display()
                ))
            })?;
        let damaged = SealError::Damaged("the vault's header");
        match std::str::from_utf8(&content).ok().and_then(Self::from_text) {
            Some(header) => Ok(header),
            None => Err(damaged.into()),
        }
    }

    pub(super) fn to_text(&self) -> String {
        format!(
            "{FIRST_LINE}\nkdf {}\norigin {}\nvkey {}\ncheck {}\nlog-key {}\n",
            self.derivation.to_line(),
            self.origin,
            self.vkey,
            STANDARD.encode(&self.check),
            STANDARD.encode(&self.log_key),
        )
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let header = Self {
            derivation: Derivation::from_line(value("kdf")?).ok()?,
            origin: value("origin")?.to_owned(),
            vkey: value("vkey")?.to_owned(),
            check: STANDARD.decode(value("check")?).ok()?,
            log_key: STANDARD.decode(value("log-key")?).ok()?,
        };
        lines.next().is_none().then_some(header)
    }
}
