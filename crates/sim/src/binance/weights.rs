//! Request weight per address and minute, and the ban that follows overuse.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::binance::options::Limits;
use crate::binance::reject::Reject;

const MINUTE_MS: i64 = 60_000;
/// Addresses remembered at most.
const MAX_ADDRESSES: usize = 10_000;

#[derive(Debug, Default)]
struct Usage {
    window: i64,
    used: u32,
    refused: u32,
    banned_until_ms: i64,
}

/// Spot trading, the wallet and the futures are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Budget {
    Trading,
    Wallet,
    Futures,
}

/// Weight of wallet requests per minute.
const WALLET_PER_MINUTE: u32 = 180_000;

/// Weight used by each address.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    by_address: HashMap<(IpAddr, Budget), Usage>,
}

impl Weights {
    /// Charges a request to an address. Returns the weight used in this minute,
    /// and the refusal if it is over the limit or banned.
    pub(crate) fn charge(
        &mut self,
        address: IpAddr,
        path: &str,
        weight: u32,
        limits: &Limits,
        now: i64,
    ) -> (u32, Result<(), Reject>) {
        let (budget, limit) = if path.starts_with("/sapi") {
            (Budget::Wallet, WALLET_PER_MINUTE)
        } else if path.starts_with("/fapi") {
            (Budget::Futures, limits.futures_weight_per_minute)
        } else {
            (Budget::Trading, limits.weight_per_minute)
        };
        let place = (address, budget);
        if self.by_address.len() >= MAX_ADDRESSES && !self.by_address.contains_key(&place) {
            self.by_address.retain(|_, usage| usage.banned_until_ms > now);
        }
        let usage = self.by_address.entry(place).or_default();
        let window = now.div_euclid(MINUTE_MS);
        if usage.window != window {
            *usage = Usage { window, banned_until_ms: usage.banned_until_ms, ..Usage::default() };
        }
        if usage.banned_until_ms > now {
            return (usage.used, Err(banned(usage.banned_until_ms, now)));
        }
        usage.used = usage.used.saturating_add(weight);
        if usage.used <= limit {
            return (usage.used, Ok(()));
        }
        usage.refused = usage.refused.saturating_add(1);
        if usage.refused > limits.refusals_until_ban {
            usage.banned_until_ms = now.saturating_add(limits.ban_ms);
            return (usage.used, Err(banned(usage.banned_until_ms, now)));
        }
        let msg = format!(
            "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
        );
        let mut reject = Reject::new(429, -1003, msg);
        reject.retry_after_s = Some(MINUTE_MS.saturating_sub(now.rem_euclid(MINUTE_MS)) / 1000 + 1);
        (usage.used, Err(reject))
    }

    /// Forgets what was used, and every ban.
    pub(crate) fn clear(&mut self) {
        self.by_address.clear();
    }
}

fn banned(until_ms: i64, now: i64) -> Reject {
    let msg = format!(
        "Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates to avoid bans."
    );
    let mut reject = Reject::new(418, -1003, msg);
    reject.retry_after_s = Some(until_ms.saturating_sub(now) / 1000 + 1);
    reject
}
