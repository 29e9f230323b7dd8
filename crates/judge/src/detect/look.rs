//! What a detector looks at.

use wire::model::{Decimal, Side};

use crate::facts::Facts;
use crate::policy::config::BotPolicy;
use crate::time::UnixNanos;

/// One authenticated request, as detectors see it.
pub(crate) struct Look<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) policy: &'a BotPolicy,
    pub(crate) act: Act<'a>,
}

impl Look<'_> {
    pub(super) fn now(&self) -> UnixNanos {
        self.facts.now
    }
}

/// What it would do, as far as detectors care.
pub(crate) enum Act<'a> {
    Read,
    Cancel,
    Order(Order<'a>),
    ValueOut(ValueOut),
}

/// Orders of one market.
pub(crate) struct Order<'a> {
    pub(crate) market: &'a str,
    /// What they are worth together, micro-USD.
    pub(crate) worth: u64,
    pub(crate) count: u32,
    /// Whether one buys.
    pub(crate) buys: bool,
    /// The dearest buy and the cheapest sell, quote per base; none where no
    /// such order is there or it takes any price that is not known.
    pub(crate) dearest: Option<Decimal>,
    pub(crate) cheapest: Option<Decimal>,
    /// Distance on the losing side of the reference, bps; none without one.
    pub(crate) beyond_bps: Option<i64>,
}

/// A movement of value out of the venue.
#[derive(Clone, Copy)]
pub(crate) struct ValueOut {
    /// The fingerprint of asset, network, address and memo.
    pub(crate) destination: u64,
    /// What it is worth, micro-USD; none where no price is known: then it
    /// counts as large.
    pub(crate) micro_usd: Option<u64>,
    /// Whether configuration says that the destination was in use before.
    pub(crate) known: bool,
}

impl ValueOut {
    /// Whether it is at most so many USD.
    pub(super) fn is_small(&self, usd: u64) -> bool {
        self.micro_usd.is_some_and(|worth| worth <= usd.saturating_mul(MICRO))
    }

    /// What it is worth in words.
    pub(super) fn worth(&self) -> String {
        self.micro_usd.map_or_else(|| "of unknown worth".to_owned(), usd)
    }
}

/// Micro-USD of one USD.
pub(super) const MICRO: u64 = 1_000_000;
const MS_PER_HOUR: u64 = 3_600_000;

/// An amount of micro-USD in words, whole dollars.
pub(super) fn usd(micro: u64) -> String {
    format!("{} USD", micro / MICRO)
}

/// Whether `at` lies less than so many hours back; what lies ahead does.
pub(super) fn within_hours(now: UnixNanos, at: UnixNanos, hours: u32) -> bool {
    now.millis_since(at).is_none_or(|ms| ms < u64::from(hours) * MS_PER_HOUR)
}

/// What is kept of a name: SipHash with fixed keys, the same everywhere. A
/// name that is made to collide with one in use would need some 2^64 tries.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u64 {
    use std::hash::Hasher as _;
    #[expect(deprecated, reason = "fixed keys: the same everywhere")]
    let mut hasher = std::hash::SipHasher::new();
    for part in parts {
        hasher.write_u64(part.len() as u64);
        hasher.write(part);
    }
    hasher.finish()
}

impl Order<'_> {
    /// Whether it takes the losing side of a price by more than `bps`.
    pub(super) fn beyond(&self, price: Decimal, bps: u32) -> Option<(Side, Decimal)> {
        let factor = |up: bool| {
            let ten_thousand = i128::from(10_000);
            let by =
                if up { ten_thousand + i128::from(bps) } else { ten_thousand - i128::from(bps) };
            Decimal::from_i128_with_scale(by.max(0), 4)
        };
        let limit = |up: bool| price.checked_mul(factor(up));
        if let (Some(dearest), Some(most)) = (self.dearest, limit(true))
            && dearest > most
        {
            return Some((Side::Buy, dearest));
        }
        if let (Some(cheapest), Some(least)) = (self.cheapest, limit(false))
            && cheapest < least
        {
            return Some((Side::Sell, cheapest));
        }
        None
    }
}
