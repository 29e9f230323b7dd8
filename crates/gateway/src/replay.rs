//! The replay cache: what every signed text was first used for.
//!
//! A Binance signature covers neither method nor path nor host, so a text that
//! was signed for a read could come back as a cancel. Each signed text is
//! therefore bound to the method, host and path that it first came with, until
//! its own deadline.
//!
//! Reads of one host pass for each other: ccxt in JavaScript starts with three
//! parameterless reads in one millisecond, which are one and the same text.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Mutex;

use crate::limits;
use crate::shared::held;

/// What a text was used for: where it went, as one number per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// Which endpoint (method and path) on which host: the address of its row
    /// in the endpoint table tells them apart.
    pub(crate) endpoint: &'static str,
    /// Which upstream host.
    pub(crate) host: u8,
    /// Whether it only reads: then an identical repeat passes.
    pub(crate) is_read: bool,
    /// When the text is no longer taken, Unix ms in venue time.
    pub(crate) deadline_ms: u64,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// It was used before, for this very thing.
    Repeated,
    /// It was used before, for something else.
    Redirected,
    /// The cache is full, so it cannot be told whether it was.
    Full,
}

/// A bot, and what tells the text that it signed from every other
/// ([`crate::virtual_key::VirtualSecret::mark`]).
type Key = (u32, [u8; 32]);

#[derive(Debug, Default)]
struct Shard {
    uses: HashMap<Key, Use>,
    by_deadline: BinaryHeap<Reverse<(u64, Key)>>,
    /// Until when a read passed unremembered, Unix ms: till then nothing but
    /// reads passes unremembered texts could come back as.
    unremembered_until_ms: u64,
}

/// Shared by all workers.
#[derive(Debug)]
pub(crate) struct ReplayCache {
    shards: Vec<Mutex<Shard>>,
    per_shard: usize,
}

impl ReplayCache {
    pub(crate) fn new(shards: usize, per_shard: usize) -> Self {
        let shards = shards.max(1);
        Self { shards: (0..shards).map(|_| Mutex::default()).collect(), per_shard }
    }

    /// Binds a signed text to its use, or says why it may not be used so.
    ///
    /// # Errors
    /// It was used before, or nobody can tell.
    pub(crate) fn admit(
        &self,
        bot: u32,
        signature: [u8; 32],
        usage: Use,
        now_ms: u64,
    ) -> Result<(), Replay> {
        let key = (bot, signature);
        // A signature or a hash is as good as random: its first byte spreads
        // evenly.
        let [first, ..] = signature;
        let Some(shard) = self.shards.get(usize::from(first) % self.shards.len()) else {
            return Err(Replay::Full);
        };
        let mut shard = held(shard);
        shard.forget_expired(now_ms);
        if let Some(known) = shard.uses.get(&key) {
            return if known.host != usage.host {
                Err(Replay::Redirected)
            } else if known.is_read && usage.is_read {
                Ok(())
            } else if known.endpoint != usage.endpoint {
                Err(Replay::Redirected)
            } else {
                Err(Replay::Repeated)
            };
        }
        if shard.uses.len() >= self.per_shard {
            if usage.is_read {
                shard.unremembered_until_ms = shard.unremembered_until_ms.max(usage.deadline_ms);
                return Ok(());
            }
            return Err(Replay::Full);
        }
        if !usage.is_read && now_ms <= shard.unremembered_until_ms {
            return Err(Replay::Full);
        }
        shard.uses.insert(key, usage);
        shard.by_deadline.push(Reverse((usage.deadline_ms, key)));
        Ok(())
    }
}

impl ReplayCache {
    /// Tells everything that is remembered, and gives the time until which
    /// something passed unremembered, Unix ms.
    pub(crate) fn each(&self, mut tell: impl FnMut(u32, [u8; 32], &Use)) -> u64 {
        let mut unremembered_until_ms = 0;
        for shard in &self.shards {
            let shard = held(shard);
            for ((bot, mark), usage) in &shard.uses {
                tell(*bot, *mark, usage);
            }
            unremembered_until_ms = unremembered_until_ms.max(shard.unremembered_until_ms);
        }
        unremembered_until_ms
    }

    /// Texts passed unremembered up to that time, Unix ms.
    pub(crate) fn unremembered_until(&self, until_ms: u64) {
        for shard in &self.shards {
            held(shard).unremembered_until_ms = until_ms;
        }
    }
}

impl Shard {
    fn forget_expired(&mut self, now_ms: u64) {
        while let Some(Reverse((deadline, key))) = self.by_deadline.peek() {
            if *deadline >= now_ms {
                return;
            }
            self.uses.remove(key);
            self.by_deadline.pop();
        }
    }
}

impl Default for ReplayCache {
    fn default() -> Self {
        Self::new(limits::REPLAY_SHARDS, limits::REPLAY_PER_SHARD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Use =
        Use { endpoint: "POST /api/v3/order", host: 0, is_read: false, deadline_ms: 1_000 };
    const READ: Use =
        Use { endpoint: "GET /api/v3/openOrders", host: 0, is_read: true, deadline_ms: 1_000 };

    #[test]
    fn an_order_passes_once() {
        let cache = ReplayCache::default();
        assert_eq!(cache.admit(1, [7; 32], ORDER, 500), Ok(()));
        assert_eq!(cache.admit(1, [7; 32], ORDER, 501), Err(Replay::Repeated));
        assert_eq!(cache.admit(1, [7; 32], ORDER, 1_000), Err(Replay::Repeated));
        // Another bot's signature is another text.
        assert_eq!(cache.admit(2, [7; 32], ORDER, 501), Ok(()));
    }

    #[test]
    fn a_read_may_be_repeated_but_not_turned_into_a_cancel() {
        let cache = ReplayCache::default();
        assert_eq!(cache.admit(1, [7; 32], READ, 500), Ok(()));
        assert_eq!(cache.admit(1, [7; 32], READ, 500), Ok(()));
        let cancel = Use { endpoint: "DELETE /api/v3/openOrders", is_read: false, ..READ };
        assert_eq!(cache.admit(1, [7; 32], cancel, 500), Err(Replay::Redirected));
        let elsewhere = Use { host: 1, ..READ };
        assert_eq!(cache.admit(1, [7; 32], elsewhere, 500), Err(Replay::Redirected));
        // Clients that ask several things in one millisecond sign one text.
        let other = Use { endpoint: "GET /sapi/v1/capital/config/getall", ..READ };
        assert_eq!(cache.admit(1, [7; 32], other, 500), Ok(()));
        assert_eq!(cache.admit(1, [7; 32], cancel, 500), Err(Replay::Redirected));
    }

    #[test]
    fn a_text_is_forgotten_after_its_deadline_only() {
        let cache = ReplayCache::new(1, 1);
        assert_eq!(cache.admit(1, [1; 32], ORDER, 500), Ok(()));
        assert_eq!(cache.admit(1, [2; 32], ORDER, 1_000), Err(Replay::Full));
        let later = Use { deadline_ms: 2_000, ..ORDER };
        assert_eq!(cache.admit(1, [2; 32], later, 1_001), Ok(()));
    }

    #[test]
    fn while_a_read_passed_unremembered_nothing_else_passes() {
        let cache = ReplayCache::new(1, 1);
        let short = Use { deadline_ms: 600, ..ORDER };
        assert_eq!(cache.admit(1, [1; 32], short, 500), Ok(()));
        // Full: the read passes, but is not remembered.
        assert_eq!(cache.admit(1, [2; 32], READ, 500), Ok(()));
        // There is room again, yet the read's text could come back as this.
        let cancel = Use { endpoint: "DELETE /api/v3/openOrders", ..ORDER };
        assert_eq!(cache.admit(1, [2; 32], cancel, 700), Err(Replay::Full));
        assert_eq!(cache.admit(1, [3; 32], READ, 700), Ok(()));
        let late = Use { deadline_ms: 9_000, ..cancel };
        assert_eq!(cache.admit(1, [4; 32], late, 1_001), Ok(()));
    }
}
