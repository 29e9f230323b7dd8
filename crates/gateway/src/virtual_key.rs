//! Virtual keys: what bots sign with, read from `<data>/bots/`.
//!
//! A file of version 1 holds an HMAC secret. One of version 2 holds a public
//! key only: the private one is the bot's alone.

mod secret;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::config::BotConfig;
use crate::halts::Subject;
use crate::limits;

pub use secret::{PublicKeyError, public_key_scheme};
pub(crate) use secret::{VirtualSecret, verify};

/// One bot that may authenticate.
pub(crate) struct Identity {
    /// Its name.
    pub(crate) name: String,
    /// Its number; it stays the same over reloads while the process runs.
    pub(crate) number: u32,
    /// Its account.
    pub(crate) account: String,
    /// Where it may come from.
    pub(crate) config: BotConfig,
    /// Verifies its signatures.
    pub(crate) secret: VirtualSecret,
}

impl Identity {
    /// Whom halts know it as.
    pub(crate) fn subject<'a>(&'a self, venue: &'a str) -> Subject<'a> {
        Subject {
            bot: Some(&self.name),
            team: self.config.policy.team.as_deref(),
            account: &self.account,
            venue,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .field("secret", &"<redacted>")
            .finish_non_exhaustive()
    }
}

/// Every bot that may authenticate, by virtual API key.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    by_key: HashMap<String, Arc<Identity>>,
}

#[derive(Deserialize)]
struct KeyFile {
    v: u32,
    bot: String,
    api_key: String,
    secret: Option<String>,
    scheme: Option<String>,
    public_key: Option<String>,
    #[serde(default)]
    suspended: bool,
}

impl KeyFile {
    fn verifier(&self) -> Option<VirtualSecret> {
        match (self.v, &self.secret, &self.scheme, &self.public_key) {
            (1, Some(secret), None, None) => Some(VirtualSecret::hmac(secret.as_bytes())),
            (2, None, Some(scheme), Some(pem)) => VirtualSecret::public(pem.as_bytes())
                .ok()
                .filter(|secret| secret.scheme() == scheme),
            _ => None,
        }
    }
}

impl Identities {
    /// Reads the virtual key of every configured bot; `numbers` gives each bot
    /// its number and learns of new ones. A bot without a file, or a suspended
    /// one, cannot authenticate.
    ///
    /// # Errors
    /// A file that cannot be read, in one line.
    pub(crate) fn read(
        directory: &Path,
        bots: &BTreeMap<String, BotConfig>,
        numbers: &mut HashMap<String, u32>,
    ) -> Result<Self, String> {
        let mut by_key = HashMap::new();
        for (name, config) in bots {
            let path = directory.join(format!("{name}.json"));
            let text = match std::fs::metadata(&path) {
                Ok(found) if found.len() > limits::VIRTUAL_KEY_BYTES => {
                    return Err(format!("`{}` is too large for a virtual key", path.display()));
                }
                Ok(_) => std::fs::read_to_string(&path)
                    .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(format!("`{}` cannot be read: {error}", path.display()));
                }
            };
            // The error of the parser could quote the file, so it is not told.
            let (file, secret) = serde_json::from_str(&text)
                .ok()
                .filter(|file: &KeyFile| file.bot == *name)
                .and_then(|file| file.verifier().map(|secret| (file, secret)))
                .ok_or_else(|| {
                    format!(
                        "`{}` is no virtual key of bot `{name}`; revoke the bot and add it again",
                        path.display()
                    )
                })?;
            if file.suspended {
                continue;
            }
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(name.clone()).or_insert(next);
            let identity = Identity {
                name: name.clone(),
                number,
                account: config.policy.account.clone(),
                config: config.clone(),
                secret,
            };
            if by_key.insert(file.api_key, Arc::new(identity)).is_some() {
                return Err(format!("two bots have the virtual key of `{name}`; add it again"));
            }
        }
        Ok(Self { by_key })
    }

    /// The bot with that virtual API key. The key is a public name, not a
    /// secret: what is compared in constant time is the signature.
    pub(crate) fn find(&self, api_key: &str) -> Option<&Arc<Identity>> {
        self.by_key.get(api_key)
    }

    /// The virtual API keys, in no order.
    pub(crate) fn api_keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().map(String::as_str)
    }

    /// Those who may authenticate, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Identity>> {
        self.by_key.values()
    }

    /// How many bots may authenticate.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bots() -> BTreeMap<String, BotConfig> {
        let text = "data_dir = \"d\"\n[listen]\nhttp = \"127.0.0.1:0\"\n[venue.binance]\n\
                    base_url = \"http://127.0.0.1:1\"\n[account.main]\nvenue = \"binance\"\n\
                    [bot.a]\naccount = \"main\"\npreset = \"taker\"\n\
                    [bot.b]\naccount = \"main\"\npreset = \"taker\"\n";
        crate::Config::parse(text, Path::new("/")).unwrap().bots
    }

    fn read(files: &[(&str, &str)]) -> Result<Identities, String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Identities::read(directory.path(), &bots(), &mut HashMap::new())
    }

    #[test]
    fn bots_with_a_file_authenticate() {
        let identities = read(&[
            ("a.json", r#"{"v":1,"bot":"a","api_key":"K","secret":"S","created":"now"}"#),
            ("c.json", r#"{"v":1,"bot":"c","api_key":"L","secret":"S","created":"now"}"#),
        ])
        .unwrap();
        assert_eq!(identities.len(), 1);
        assert_eq!(identities.find("K").unwrap().name, "a");
        assert!(identities.find("L").is_none());
        assert!(!format!("{identities:?}").contains("\"S\""));
    }

    #[test]
    fn suspended_bots_do_not() {
        let file = r#"{"v":1,"bot":"a","api_key":"K","secret":"S","suspended":true}"#;
        assert_eq!(read(&[("a.json", file)]).unwrap().len(), 0);
    }

    #[test]
    fn a_damaged_file_is_named_and_not_quoted() {
        for file in [
            "{\"secret\":\"SECRET\"",
            r#"{"v":2,"bot":"a","api_key":"K","secret":"SECRET"}"#,
            r#"{"v":1,"bot":"a","api_key":"K"}"#,
            r#"{"v":2,"bot":"a","api_key":"K","scheme":"ed25519","public_key":"SECRET"}"#,
            r#"{"v":3,"bot":"a","api_key":"K","secret":"SECRET"}"#,
            r#"{"v":1,"bot":"b","api_key":"K","secret":"SECRET"}"#,
        ] {
            let error = read(&[("a.json", file)]).unwrap_err();
            assert!(error.contains("a.json") && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn two_bots_with_one_key_are_refused() {
        let file = |bot: &str| format!(r#"{{"v":1,"bot":"{bot}","api_key":"K","secret":"S"}}"#);
        assert!(read(&[("a.json", &file("a")), ("b.json", &file("b"))]).is_err());
    }
}
