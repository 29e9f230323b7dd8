//! Stream keys (`listenKey`) of the gateway's own.
//!
//! The venue's opens an account's events to whoever holds it, without the
//! account's key and from everywhere. Bots get keys that stand for them here
//! and nowhere else: of the virtual key that asked, for the address that asked.
//!
//! INVARIANT (key custody): no capability of the venue's leaves the gateway.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use wire::model::Product;

use crate::limits;
use crate::shared::held;

/// How long a key lives without being kept alive, ms: the venue's hour
/// (USD-M futures, "Start User Data Stream").
const LIFE_MS: u64 = 60 * 60 * 1_000;
/// Characters of a key, as many as the venue's have: 64 of 62 kinds.
const CHARACTERS: usize = 64;

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

/// The keys that are alive. They end with the process, as connections do.
#[derive(Default)]
pub(crate) struct StreamKeys {
    table: Mutex<HashMap<String, Held>>,
}

/// Hand-written: keys stay out of logs.
impl std::fmt::Debug for StreamKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamKeys").finish_non_exhaustive()
    }
}

impl StreamKeys {
    /// The holder's key, where there is one; its life starts anew. One that the
    /// caller names must be that key.
    pub(crate) fn keep_alive(
        &self,
        holder: &Holder,
        named: Option<&str>,
        now_ms: u64,
    ) -> Option<String> {
        let mut table = held(&self.table);
        let (key, held) = table.iter_mut().find(|(key, held)| {
            held.holder == *holder
                && held.until_ms > now_ms
                && named.is_none_or(|named| named == key.as_str())
        })?;
        held.until_ms = now_ms.saturating_add(LIFE_MS);
        Some(key.clone())
    }

    /// A new key for a holder.
    ///
    /// # Errors
    /// Its virtual key has too many, or there are no random numbers.
    pub(crate) fn start(&self, holder: Holder, now_ms: u64) -> Result<String, String> {
        let key = made_up()?;
        let mut table = held(&self.table);
        table.retain(|_, held| held.until_ms > now_ms);
        // INVARIANT (bounded).
        let own = table.values().filter(|held| held.holder.api_key == holder.api_key).count();
        if own >= limits::STREAM_KEYS {
            return Err(format!(
                "the virtual key has stream keys for {own} addresses; end one of them, or wait \
                 until it is an hour old"
            ));
        }
        table.insert(key.clone(), Held { holder, until_ms: now_ms.saturating_add(LIFE_MS) });
        Ok(key)
    }

    /// Ends the holder's key; whether it had one. One that the caller names must
    /// be that key.
    pub(crate) fn close(&self, holder: &Holder, named: Option<&str>) -> bool {
        let mut table = held(&self.table);
        let before = table.len();
        table.retain(|key, held| {
            held.holder != *holder || named.is_some_and(|named| named != key.as_str())
        });
        table.len() < before
    }

    /// Whose key this is, while it lives.
    pub(crate) fn holder(&self, key: &str, now_ms: u64) -> Option<Holder> {
        let table = held(&self.table);
        table.get(key).filter(|held| held.until_ms > now_ms).map(|held| held.holder.clone())
    }
}

/// Whether a text has the form of a stream key, ours or the venue's.
pub(crate) fn is_stream_key(text: &str) -> bool {
    text.len() == CHARACTERS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn made_up() -> Result<String, String> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random = SystemRandom::new();
    let mut key = String::with_capacity(CHARACTERS);
    while key.len() < CHARACTERS {
        let mut bytes = [0_u8; CHARACTERS];
        random.fill(&mut bytes).map_err(|_| "there are no random numbers".to_owned())?;
        // Each of 64 values, two of them left out, so that all are as likely.
        let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
        key.extend(letters.take(CHARACTERS - key.len()).map(|letter| char::from(*letter)));
    }
    Ok(key)
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

    #[test]
    fn a_key_lives_an_hour_from_its_last_call() {
        let keys = StreamKeys::default();
        let mine = holder("mine", 1);
        assert_eq!(keys.keep_alive(&mine, None, 0), None);
        let key = keys.start(mine.clone(), 0).unwrap();
        assert!(is_stream_key(&key), "{key}");
        assert_eq!(keys.holder(&key, LIFE_MS - 1), Some(mine.clone()));
        assert_eq!(keys.keep_alive(&mine, Some(&key), LIFE_MS - 1), Some(key.clone()));
        assert_eq!(keys.keep_alive(&mine, Some("another"), LIFE_MS), None);
        assert_eq!(keys.holder(&key, 2 * LIFE_MS - 2), Some(mine.clone()));
        assert_eq!(keys.holder(&key, 2 * LIFE_MS - 1), None);
        assert_eq!(keys.keep_alive(&mine, None, 2 * LIFE_MS), None);
    }

    #[test]
    fn another_address_has_a_key_of_its_own_and_ends_no_other() {
        let keys = StreamKeys::default();
        let (mine, theirs) = (holder("mine", 1), holder("mine", 2));
        let key = keys.start(mine.clone(), 0).unwrap();
        let spot = Holder { product: Product::Spot, ..mine.clone() };
        assert_eq!(keys.keep_alive(&spot, Some(&key), 0), None);
        assert_eq!(keys.keep_alive(&theirs, Some(&key), 0), None);
        assert!(!keys.close(&theirs, Some(&key)) && !keys.close(&theirs, None));
        let other = keys.start(theirs.clone(), 0).unwrap();
        assert_ne!(key, other);
        assert!(!keys.close(&mine, Some(&other)));
        assert!(keys.close(&theirs, None));
        assert_eq!((keys.holder(&other, 0), keys.holder(&key, 0)), (None, Some(mine)));
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let keys = StreamKeys::default();
        for last in 0..limits::STREAM_KEYS {
            assert!(keys.start(holder("mine", last as u8), 0).is_ok());
        }
        assert!(keys.start(holder("mine", 255), 0).is_err());
        assert!(keys.start(holder("another", 255), 0).is_ok());
        assert!(keys.start(holder("mine", 255), LIFE_MS).is_ok(), "those that ended do not count");
    }
}
