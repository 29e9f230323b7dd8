//! Stream keys (`listenKey`) of the gateway's own.
//!
//! The venue's opens an account's events to whoever holds it, without the
//! account's key and from everywhere. Bots get keys that stand for them here
//! and nowhere else: of the virtual key that asked, for the address that asked.
//!
//! INVARIANT (key custody): no capability of the venue's leaves the gateway.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use wire::model::Product;

use crate::limits;
use crate::shared::held;

/// How long a key lives without being kept alive, ms: the venue's hour
/// (USD-M futures, "Start User Data Stream").
const LIFE_MS: u64 = 60 * 60 * 1_000;
/// Characters of a key, as many as the venue's have: 64 of 62 kinds.
const CHARACTERS: usize = 64;
/// What keys are derived under.
const SECRET_BYTES: usize = 32;

/// Whose a key is.
///
/// INVARIANT (no free accusation): the call for a key is not signed, so whoever
/// knows the key id can make it; from another address it gets, keeps and ends
/// another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The virtual key.
    pub(crate) api_key: Arc<str>,
    /// None over the Unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Whose events it opens.
    pub(crate) product: Product,
}

struct Held {
    holder: Holder,
    until_ms: u64,
}

#[derive(Default)]
struct Table {
    held: HashMap<String, Held>,
    /// Keys that their holders have ended, and have not started again.
    closed: HashSet<String>,
}

/// The keys that are alive.
///
/// A key is derived from its holder under a secret of this gateway's, so that it
/// is the same after a restart: clients hold theirs for as long as the venue
/// would. Those of the process before live for an hour from the start.
pub(crate) struct StreamKeys {
    secret: hmac::Key,
    /// Whether there was a process before.
    follows_another: bool,
    /// Until when keys of the process before are taken, Unix ms in venue time.
    inherits_until_ms: AtomicU64,
    table: Mutex<Table>,
}

/// Hand-written: keys stay out of logs.
impl std::fmt::Debug for StreamKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamKeys").finish_non_exhaustive()
    }
}

impl StreamKeys {
    /// With the secret in a file, which is made where it is missing or damaged.
    /// Where it cannot be, keys end with the process.
    ///
    /// # Errors
    /// There are no random numbers.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let found = std::fs::read(path).ok().filter(|secret| secret.len() == SECRET_BYTES);
        let follows_another = found.is_some();
        let secret = match found {
            Some(secret) => secret,
            None => {
                let mut secret = vec![0; SECRET_BYTES];
                SystemRandom::new().fill(&mut secret).map_err(|_| "there are no random numbers")?;
                if let Err(error) = keep(path, &secret) {
                    tracing::warn!(%error, "stream keys will not outlive this process");
                }
                secret
            }
        };
        Ok(Self {
            secret: hmac::Key::new(hmac::HMAC_SHA512, &secret),
            follows_another,
            inherits_until_ms: AtomicU64::new(0),
            table: Mutex::default(),
        })
    }

    /// The venue's clock is known: keys of the process before are taken for an
    /// hour from now.
    pub(crate) fn inherit(&self, now_ms: u64) {
        if self.follows_another {
            self.inherits_until_ms.store(now_ms.saturating_add(LIFE_MS), Ordering::Release);
        }
    }

    /// The key that a holder has, alive or not.
    fn key_of(&self, holder: &Holder) -> String {
        const ALPHABET: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let address = holder.address.map(|address| address.to_string()).unwrap_or_default();
        let text = format!("{}|{address}|{}", holder.api_key, holder.product.name());
        let tag = hmac::sign(&self.secret, text.as_bytes());
        let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 62)).copied().map(char::from);
        tag.as_ref().iter().filter_map(letter).collect()
    }

    /// The holder's key, where it is alive; its life starts anew. One that the
    /// caller names must be that key.
    pub(crate) fn keep_alive(
        &self,
        holder: &Holder,
        named: Option<&str>,
        now_ms: u64,
    ) -> Option<String> {
        let key = self.key_of(holder);
        if named.is_some_and(|named| named != key) {
            return None;
        }
        let mut table = held(&self.table);
        if !self.is_alive(&table, &key, now_ms) {
            return None;
        }
        table.hold(key.clone(), holder.clone(), now_ms).ok()?;
        Some(key)
    }

    /// The key of a holder, alive from now on.
    ///
    /// # Errors
    /// Its virtual key has too many.
    pub(crate) fn start(&self, holder: Holder, now_ms: u64) -> Result<String, String> {
        let key = self.key_of(&holder);
        let mut table = held(&self.table);
        table.hold(key.clone(), holder, now_ms)?;
        table.closed.remove(&key);
        Ok(key)
    }

    /// Ends the holder's key; whether it was alive. One that the caller names
    /// must be that key.
    pub(crate) fn close(&self, holder: &Holder, named: Option<&str>, now_ms: u64) -> bool {
        let key = self.key_of(holder);
        let mut table = held(&self.table);
        if named.is_some_and(|named| named != key) || !self.is_alive(&table, &key, now_ms) {
            return false;
        }
        table.held.remove(&key);
        // INVARIANT (bounded): one for each that was held.
        table.closed.insert(key);
        true
    }

    fn is_alive(&self, table: &Table, key: &str, now_ms: u64) -> bool {
        match table.held.get(key) {
            Some(held) => held.until_ms > now_ms,
            None => {
                now_ms < self.inherits_until_ms.load(Ordering::Acquire)
                    && !table.closed.contains(key)
            }
        }
    }

    /// Whose key this is, for one of these virtual keys at an address, while it
    /// lives.
    pub(crate) fn holder<'k>(
        &self,
        key: &str,
        address: Option<IpAddr>,
        product: Product,
        api_keys: impl Iterator<Item = &'k str>,
        now_ms: u64,
    ) -> Option<Holder> {
        if let Some(held) = held(&self.table).held.get(key) {
            let holder = &held.holder;
            let fits = holder.address == address && holder.product == product;
            return (held.until_ms > now_ms && fits).then(|| holder.clone());
        }
        // Of the process before; asked for rarely, and for an hour.
        if now_ms >= self.inherits_until_ms.load(Ordering::Acquire) {
            return None;
        }
        let holder = api_keys
            .map(|api_key| Holder { api_key: api_key.into(), address, product })
            .find(|holder| self.key_of(holder) == key)?;
        self.keep_alive(&holder, Some(key), now_ms).map(|_| holder)
    }

    /// Whether a key that was shown is alive still.
    pub(crate) fn lives(&self, key: &str, now_ms: u64) -> Option<Holder> {
        let table = held(&self.table);
        table.held.get(key).filter(|held| held.until_ms > now_ms).map(|held| held.holder.clone())
    }
}

impl Table {
    /// INVARIANT (bounded): so many of a virtual key, and no more.
    fn hold(&mut self, key: String, holder: Holder, now_ms: u64) -> Result<(), String> {
        self.held.retain(|_, held| held.until_ms > now_ms);
        let own = self
            .held
            .iter()
            .filter(|(other, held)| held.holder.api_key == holder.api_key && **other != key);
        let own = own.count();
        if own >= limits::STREAM_KEYS {
            return Err(format!(
                "the virtual key has stream keys for {own} addresses; end one of them, or wait \
                 until it is an hour old"
            ));
        }
        let until_ms = now_ms.saturating_add(LIFE_MS);
        self.held.insert(key, Held { holder, until_ms });
        Ok(())
    }
}

/// Writes a secret where nobody else reads it.
fn keep(path: &Path, secret: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret)?;
    file.sync_data()
}

/// Whether a text has the form of a stream key, ours or the venue's.
pub(crate) fn is_stream_key(text: &str) -> bool {
    text.len() == CHARACTERS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(api_key: &str, last: u8) -> Holder {
        Holder {
            api_key: api_key.into(),
            address: Some(IpAddr::from([192, 0, 2, last])),
            product: Product::UsdFutures,
        }
    }

    fn shown(keys: &StreamKeys, key: &str, by: &Holder, now_ms: u64) -> bool {
        let known = ["another", "mine"].into_iter();
        keys.holder(key, by.address, by.product, known, now_ms).is_some()
    }

    fn opened() -> (StreamKeys, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        (StreamKeys::open(&directory.path().join("stream-keys")).unwrap(), directory)
    }

    #[test]
    fn a_key_lives_an_hour_from_its_last_call() {
        let (keys, _directory) = opened();
        let mine = holder("mine", 1);
        assert_eq!(keys.keep_alive(&mine, None, 0), None);
        let key = keys.start(mine.clone(), 0).unwrap();
        assert!(is_stream_key(&key), "{key}");
        assert!(shown(&keys, &key, &mine, LIFE_MS - 1));
        assert_eq!(keys.keep_alive(&mine, Some(&key), LIFE_MS - 1), Some(key.clone()));
        assert_eq!(keys.keep_alive(&mine, Some("another"), LIFE_MS), None);
        assert!(shown(&keys, &key, &mine, 2 * LIFE_MS - 2));
        assert!(!shown(&keys, &key, &mine, 2 * LIFE_MS - 1));
        assert_eq!(keys.keep_alive(&mine, None, 2 * LIFE_MS), None);
    }

    #[test]
    fn another_address_has_a_key_of_its_own_and_ends_no_other() {
        let (keys, _directory) = opened();
        let (mine, theirs) = (holder("mine", 1), holder("mine", 2));
        let key = keys.start(mine.clone(), 0).unwrap();
        let spot = Holder { product: Product::Spot, ..mine.clone() };
        assert_eq!(keys.keep_alive(&spot, Some(&key), 0), None);
        assert_eq!(keys.keep_alive(&theirs, Some(&key), 0), None);
        assert!(!shown(&keys, &key, &theirs, 0) && !shown(&keys, &key, &spot, 0));
        assert!(!keys.close(&theirs, Some(&key), 0) && !keys.close(&theirs, None, 0));
        let other = keys.start(theirs.clone(), 0).unwrap();
        assert_ne!(key, other);
        assert!(!keys.close(&mine, Some(&other), 0));
        assert!(keys.close(&theirs, None, 0));
        assert!(!shown(&keys, &other, &theirs, 0) && shown(&keys, &key, &mine, 0));
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let (keys, _directory) = opened();
        for last in 0..limits::STREAM_KEYS {
            assert!(keys.start(holder("mine", last as u8), 0).is_ok());
        }
        assert!(keys.start(holder("mine", 255), 0).is_err());
        assert!(keys.start(holder("another", 255), 0).is_ok());
        assert!(keys.start(holder("mine", 255), LIFE_MS).is_ok(), "those that ended do not count");
    }

    #[test]
    fn the_next_process_takes_the_keys_of_this_one_for_an_hour() {
        let (keys, directory) = opened();
        let (mine, gone) = (holder("mine", 1), holder("gone", 1));
        let key = keys.start(mine.clone(), 0).unwrap();
        let lost = keys.start(gone.clone(), 0).unwrap();
        let next = StreamKeys::open(&directory.path().join("stream-keys")).unwrap();
        assert!(!shown(&next, &key, &mine, 5), "the clock is not known yet");
        next.inherit(5);
        assert!(!shown(&next, &key, &holder("mine", 2), 5), "from its own address alone");
        assert!(!shown(&next, &lost, &gone, 5), "a virtual key that is there no more");
        assert!(shown(&next, &key, &mine, 5));
        assert!(next.close(&mine, None, 6));
        assert!(!shown(&next, &key, &mine, 7), "what was ended stays so");
        assert_eq!(next.start(mine.clone(), 7), Ok(key.clone()));
        let late = StreamKeys::open(&directory.path().join("stream-keys")).unwrap();
        late.inherit(5);
        assert!(!shown(&late, &key, &mine, 5 + LIFE_MS));
        let (other, _directory) = opened();
        other.inherit(5);
        assert!(!shown(&other, &key, &mine, 5), "another gateway's");
        assert_eq!(other.keep_alive(&mine, None, 5), None, "nobody was before it");
    }
}
