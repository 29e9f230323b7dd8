//! Listen keys of the futures user stream: made, kept alive, given up, expired.

use std::collections::BTreeMap;

/// How long a key lives without being kept alive, in milliseconds.
const LIFE_MS: i64 = 60 * 60 * 1000;
/// Keys held at most; an account has one at a time.
const MAX_KEYS: usize = 10_000;

#[derive(Debug, Clone)]
struct Held {
    account: usize,
    until_ms: i64,
}

/// The keys that are alive.
#[derive(Debug, Default)]
pub(crate) struct ListenKeys {
    keys: BTreeMap<String, Held>,
    /// Given up since the last look; at most one a request.
    closed: Vec<String>,
}

impl ListenKeys {
    /// The account's key, made where there is none; its life starts anew.
    pub(crate) fn start(&mut self, account: usize, made_up: String, now: i64) -> String {
        let until_ms = now.saturating_add(LIFE_MS);
        let mine = self.keys.iter_mut().find(|(_, held)| held.account == account);
        if let Some((key, held)) = mine {
            held.until_ms = until_ms;
            return key.clone();
        }
        if self.keys.len() < MAX_KEYS {
            self.keys.insert(made_up.clone(), Held { account, until_ms });
        }
        made_up
    }

    /// Keeps the account's key alive.
    pub(crate) fn keep_alive(&mut self, account: usize, now: i64) -> Option<String> {
        let (key, held) = self.keys.iter_mut().find(|(_, held)| held.account == account)?;
        held.until_ms = now.saturating_add(LIFE_MS);
        Some(key.clone())
    }

    /// Gives the account's key up.
    pub(crate) fn close(&mut self, account: usize) -> Option<String> {
        let key = self.keys.iter().find(|(_, held)| held.account == account)?.0.clone();
        self.keys.remove(&key);
        self.closed.push(key.clone());
        Some(key)
    }

    /// The keys given up since the last look: their streams end.
    pub(crate) fn take_closed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.closed)
    }

    /// The account of a key that is alive.
    pub(crate) fn account(&self, key: &str) -> Option<usize> {
        self.keys.get(key).map(|held| held.account)
    }

    /// Lets keys expire; returns those that did.
    pub(crate) fn expire(&mut self, now: i64) -> Vec<String> {
        let late: Vec<String> = self
            .keys
            .iter()
            .filter(|(_, held)| held.until_ms <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &late {
            self.keys.remove(key);
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_an_hour_from_its_last_call() {
        let mut keys = ListenKeys::default();
        let key = keys.start(3, "first".to_owned(), 0);
        assert_eq!(keys.start(3, "second".to_owned(), 10), key, "one key an account");
        assert_eq!(keys.account("first"), Some(3));
        assert!(keys.expire(LIFE_MS).is_empty(), "the second call began its life anew");
        assert_eq!(keys.keep_alive(3, LIFE_MS), Some(key.clone()));
        assert_eq!(keys.expire(2 * LIFE_MS - 1), Vec::<String>::new());
        assert_eq!(keys.expire(2 * LIFE_MS), [key]);
        assert_eq!(keys.account("first"), None);
        assert_eq!(keys.keep_alive(3, 0), None);
        assert_eq!(keys.close(3), None);
    }
}
