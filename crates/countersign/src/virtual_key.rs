//! Virtual keys: what a bot holds. Worth nothing anywhere but at this gateway.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rand::TryRngCore as _;
use serde::{Deserialize, Serialize};
use vault::private_key;
use vault::protocol::control::Scheme;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Length of a virtual API key and of its secret: what Binance's own have, so
/// that every client takes it for a key of the HMAC kind.
const KEY_CHARACTERS: usize = 64;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// How a bot signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BotScheme {
    /// HMAC-SHA256 with a secret
    Hmac,
    /// Ed25519 with a private key
    Ed25519,
    /// RSA (PKCS#1 v1.5, SHA-256) with a private key
    Rsa,
}

/// The file that holds one bot's virtual key: with a public key (version 2)
/// nothing in it signs.
#[derive(Deserialize, Serialize)]
pub(crate) struct VirtualKey {
    /// Version of the format.
    pub(crate) v: u32,
    /// The bot.
    pub(crate) bot: String,
    /// What goes into `X-MBX-APIKEY`.
    pub(crate) api_key: String,
    /// What the bot signs with, where that is an HMAC secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// What the public key is of: `ed25519` or `rsa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scheme: Option<String>,
    /// What verifies the bot's signatures, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<String>,
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
    /// A new key from the operating system's generator, and what the bot signs
    /// with: a secret, or a private key in PEM.
    pub(crate) fn generate(
        bot: &str,
        scheme: BotScheme,
    ) -> Result<(Self, Zeroizing<String>), Failure> {
        let scheme = match scheme {
            BotScheme::Hmac => {
                let secret = random_text()?;
                let key = Self { secret: Some(secret.clone()), ..Self::empty(bot, 1)? };
                return Ok((key, Zeroizing::new(secret)));
            }
            BotScheme::Ed25519 => Scheme::Ed25519,
            BotScheme::Rsa => Scheme::Rsa,
        };
        let none = || Failure::negative("no private key can be generated on this machine");
        let pem = private_key::generate(scheme).map_err(|_| none())?;
        let public = private_key::public_pem(pem.expose()).ok_or_else(none)?;
        let key = Self::of_public(bot, &public)?;
        let text = String::from_utf8(pem.expose().to_vec()).map_err(|_| none())?;
        Ok((key, Zeroizing::new(text)))
    }

    /// A key of a bot whose private key is its own.
    pub(crate) fn of_public(bot: &str, pem: &str) -> Result<Self, Failure> {
        let scheme = gateway::public_key_scheme(pem.as_bytes()).map_err(|error| {
            Failure::misuse(format!("the public key cannot be used: {error}"))
                .next("make it with `openssl pkey -in FILE -pubout`")
        })?;
        Ok(Self {
            scheme: Some(scheme.to_owned()),
            public_key: Some(pem.to_owned()),
            ..Self::empty(bot, 2)?
        })
    }

    fn empty(bot: &str, v: u32) -> Result<Self, Failure> {
        Ok(Self {
            v,
            bot: bot.to_owned(),
            api_key: random_text()?,
            secret: None,
            scheme: None,
            public_key: None,
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
        let (key, secret) = VirtualKey::generate("mm-1", BotScheme::Hmac).unwrap();
        assert_eq!(key.api_key.len(), 64);
        assert_eq!(secret.len(), 64);
        assert_ne!(key.api_key, *secret);
        assert_eq!(key.secret.as_ref(), Some(&*secret));
        assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!format!("{key:?}").contains(secret.as_str()));
    }

    #[test]
    fn a_private_key_is_the_bots_alone() {
        for (scheme, name) in [(BotScheme::Ed25519, "ed25519"), (BotScheme::Rsa, "rsa")] {
            let (key, secret) = VirtualKey::generate("mm-1", scheme).unwrap();
            assert!(secret.starts_with("-----BEGIN PRIVATE KEY-----\n"));
            let written = serde_json::to_string(&key).unwrap();
            assert!(!written.contains("PRIVATE") && !written.contains("secret"), "{written}");
            assert_eq!((key.v, key.scheme.as_deref()), (2, Some(name)));
        }
        let refused = VirtualKey::of_public("mm-1", "MCow").unwrap_err().to_string();
        assert!(refused.contains("PEM"), "{refused}");
    }
}
