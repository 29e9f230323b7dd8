//! Virtual keys: what a bot holds. Worth nothing anywhere but at this gateway.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rand::TryRngCore as _;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Length of a virtual API key and of its secret: what Binance's own have, so
/// that every client takes it for a key of the HMAC kind.
const KEY_CHARACTERS: usize = 64;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The file that holds one bot's virtual key.
#[derive(Deserialize, Serialize)]
pub(crate) struct VirtualKey {
    /// Version of the format.
    pub(crate) v: u32,
    /// The bot.
    pub(crate) bot: String,
    /// What goes into `X-MBX-APIKEY`.
    pub(crate) api_key: String,
    /// What the bot signs with.
    pub(crate) secret: String,
    /// When it was made, RFC 3339.
    pub(crate) created: String,
    /// Whether the gateway refuses it for now.
    #[serde(default)]
    pub(crate) suspended: bool,
}

impl std::fmt::Debug for VirtualKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualKey").field("bot", &self.bot).finish_non_exhaustive()
    }
}

impl VirtualKey {
    /// A new key from the operating system's generator.
    pub(crate) fn generate(bot: &str) -> Result<Self, Failure> {
        Ok(Self {
            v: 1,
            bot: bot.to_owned(),
            api_key: random_text()?,
            secret: random_text()?,
            created: jiff::Timestamp::now().to_string(),
            suspended: false,
        })
    }

    /// Where the key of that bot is kept.
    pub(crate) fn path(data_dir: &Path, bot: &str) -> PathBuf {
        data_dir.join("bots").join(format!("{bot}.json"))
    }

    /// Reads the key of that bot.
    pub(crate) fn read(data_dir: &Path, bot: &str) -> Result<Self, Failure> {
        let path = Self::path(data_dir, bot);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                Failure::negative(format!("there is no bot `{bot}` with a virtual key"))
                    .next("see `countersign bot list`")
            } else {
                Failure::file("read", &path, error)
            }
        })?;
        serde_json::from_str(&text)
            .map_err(|_| Failure::negative(format!("`{}` is damaged", path.display())))
            .map_err(|failure| failure.next("revoke the bot and add it again"))
    }

    /// Writes the key, replacing what was there, and leaves it to the owner
    /// of the directory.
    pub(crate) fn write(&self, data_dir: &Path) -> Result<(), Failure> {
        let path = Self::path(data_dir, &self.bot);
        let new = path.with_extension("json.new");
        let written = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            file.sync_all()?;
            inherit_owner(&new)?;
            std::fs::rename(&new, &path)
        };
        written().map_err(|error| Failure::file("write", &path, error))
    }
}

/// Gives a file to the owner of its directory, so that the gateway's user can
/// read what root wrote.
pub(crate) fn inherit_owner(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let Some(parent) = path.parent() else { return Ok(()) };
    let owner = std::fs::metadata(parent)?;
    std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))
}

/// Sixty-four letters and digits from the operating system's generator.
pub(crate) fn random_text() -> Result<String, Failure> {
    let mut text = String::with_capacity(KEY_CHARACTERS);
    let mut bytes = zeroize::Zeroizing::new([0_u8; 128]);
    while text.len() < KEY_CHARACTERS {
        rand::rngs::OsRng
            .try_fill_bytes(bytes.as_mut_slice())
            .map_err(|error| Failure::negative(format!("no random numbers: {error}")))?;
        // 248 is the largest multiple of 62 below 256: above it the letters
        // would not be equally likely.
        for byte in bytes.iter().filter(|byte| **byte < 248) {
            if let Some(letter) = ALPHABET.get(usize::from(*byte) % ALPHABET.len())
                && text.len() < KEY_CHARACTERS
            {
                text.push(char::from(*letter));
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_looks_like_the_venues_own() {
        let key = VirtualKey::generate("mm-1").unwrap();
        assert_eq!(key.api_key.len(), 64);
        assert_eq!(key.secret.len(), 64);
        assert_ne!(key.api_key, key.secret);
        assert!(key.secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!format!("{key:?}").contains(&key.secret));
    }
}
