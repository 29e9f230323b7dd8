//! The venue's request weight of this address, which bots and house share.
//!
//! The venue counts it by the minute and tells it with every answer; over its
//! limit it refuses, and bans the address that goes on. So reads stop early,
//! orders later, and what takes risk down last; and of the reads no bot has more
//! than its share.

pub(crate) mod orders;
mod shares;

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::egress::Egress;
use crate::clock::host_nanos;
use crate::limits;
use crate::shared::held;
use shares::Shares;

/// Who a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A bot, by its number.
    Bot(u32),
    /// Whoever asks for public data from there; none: over the Unix socket.
    Source(Option<IpAddr>),
}

/// What a request is for: how much of the weight may be gone before it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Asks.
    Read,
    /// Adds risk.
    Order,
    /// Takes risk down.
    Cancel,
}

impl Purpose {
    /// The part of the limit that it may use up, percent.
    const fn percent(self) -> u64 {
        match self {
            Self::Read => 70,
            Self::Order => 90,
            Self::Cancel => 98,
        }
    }
}

/// One host's weight.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// A minute's limit; zero while the venue has not told it.
    limit: AtomicU32,
    /// The minute, and what the venue said was used in it.
    told: AtomicU64,
    /// Of requests under way, which the venue may not have counted.
    pending: AtomicU32,
    /// Until when the venue wants quiet, Unix ms.
    quiet_until_ms: AtomicU64,
    shares: Mutex<Shares>,
}

/// Weight held by a request until its answer; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Ticket<'b> {
    budget: &'b Budget,
    weight: u32,
    /// The address that it leaves from.
    pub(crate) egress: Egress,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.budget.pending.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

/// How long to wait, s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait(pub(crate) u64);

const MINUTE_MS: u64 = 60_000;

fn now_ms() -> u64 {
    host_nanos() / 1_000_000
}

impl Budget {
    /// The venue's limit of weight in a minute.
    pub(crate) fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The venue says how much of the minute is used.
    pub(crate) fn heard_used(&self, used: u32) {
        let minute = now_ms() / MINUTE_MS;
        let told = (minute << 32) | u64::from(used);
        // Answers overtake each other: within a minute it only grows.
        self.told.fetch_max(told, Ordering::Relaxed);
    }

    /// The venue wants quiet.
    pub(crate) fn heard_quiet(&self, seconds: u64) {
        let until = now_ms().saturating_add(seconds.min(limits::QUIET_MOST_S).saturating_mul(1000));
        self.quiet_until_ms.fetch_max(until, Ordering::Relaxed);
    }

    /// Whether a request may go now.
    ///
    /// # Errors
    /// How long to wait: the venue wants quiet, its weight is nearly gone, or
    /// whoever asks has had their share of it.
    pub(crate) fn admit(
        &self,
        who: Who,
        purpose: Purpose,
        weight: u32,
        egress: Egress,
    ) -> Result<Ticket<'_>, Wait> {
        self.admit_at(who, purpose, weight, now_ms())?;
        Ok(Ticket { budget: self, weight, egress })
    }

    fn admit_at(&self, who: Who, purpose: Purpose, weight: u32, now_ms: u64) -> Result<(), Wait> {
        let quiet_until = self.quiet_until_ms.load(Ordering::Relaxed);
        if quiet_until > now_ms {
            return Err(Wait((quiet_until - now_ms).div_ceil(1000)));
        }
        let limit = u64::from(self.limit.load(Ordering::Relaxed));
        if limit > 0 {
            let next_minute = Wait((MINUTE_MS - now_ms % MINUTE_MS).div_ceil(1000));
            let told = self.told.load(Ordering::Relaxed);
            let of_this_minute = told >> 32 == now_ms / MINUTE_MS;
            let used = if of_this_minute { told & u64::from(u32::MAX) } else { 0 };
            let pending = u64::from(self.pending.load(Ordering::Relaxed));
            let most = limit * purpose.percent() / 100;
            if used + pending + u64::from(weight) > most {
                return Err(next_minute);
            }
            if purpose == Purpose::Read
                && !held(&self.shares).take(who, weight, most, now_ms / MINUTE_MS)
            {
                return Err(next_minute);
            }
        }
        self.pending.fetch_add(weight, Ordering::Relaxed);
        Ok(())
    }

    /// How long the venue still wants quiet, s; zero where it does not.
    pub(crate) fn quiet_for_s(&self) -> u64 {
        let until = self.quiet_until_ms.load(Ordering::Relaxed);
        until.saturating_sub(now_ms()).div_ceil(1000)
    }

    /// Of this minute's weight, what is gone; all where the venue wants quiet.
    pub(crate) fn used(&self) -> u32 {
        if self.quiet_until_ms.load(Ordering::Relaxed) > now_ms() {
            return u32::MAX;
        }
        self.told().0.saturating_add(self.pending.load(Ordering::Relaxed))
    }

    /// Weight used in this minute and the limit, as the venue told them.
    pub(crate) fn told(&self) -> (u32, u32) {
        let told = self.told.load(Ordering::Relaxed);
        let used = if told >> 32 == now_ms() / MINUTE_MS { told & u64::from(u32::MAX) } else { 0 };
        (u32::try_from(used).unwrap_or(u32::MAX), self.limit.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Who = Who::Bot(1);
    const TWO: Who = Who::Bot(2);

    fn at(budget: &Budget, who: Who, purpose: Purpose, weight: u32, ms: u64) -> Result<(), u64> {
        // What was sent is counted by the venue at once here.
        match budget.admit_at(who, purpose, weight, ms) {
            Ok(()) => {
                budget.pending.fetch_sub(weight, Ordering::Relaxed);
                let minute = ms / MINUTE_MS;
                let told = budget.told.load(Ordering::Relaxed);
                let used = if told >> 32 == minute { told & 0xffff_ffff } else { 0 };
                budget.told.store((minute << 32) | (used + u64::from(weight)), Ordering::Relaxed);
                Ok(())
            }
            Err(Wait(seconds)) => Err(seconds),
        }
    }

    #[test]
    fn reads_stop_before_orders_and_orders_before_cancels() {
        let budget = Budget::default();
        budget.set_limit(1000);
        let spend = |purpose, weight| at(&budget, ONE, purpose, weight, 90_000);
        for _ in 0..7 {
            spend(Purpose::Read, 100).unwrap();
        }
        assert_eq!(spend(Purpose::Read, 1), Err(30));
        for _ in 0..2 {
            spend(Purpose::Order, 100).unwrap();
        }
        assert_eq!(spend(Purpose::Order, 1), Err(30));
        spend(Purpose::Cancel, 80).unwrap();
        assert_eq!(spend(Purpose::Cancel, 1), Err(30));
        // The next minute is a new one.
        at(&budget, ONE, Purpose::Read, 1, 120_000).unwrap();
    }

    #[test]
    fn a_flood_has_its_share_and_no_more() {
        let budget = Budget::default();
        budget.set_limit(1000);
        // The first to come may have all that reads may use ...
        for _ in 0..7 {
            at(&budget, ONE, Purpose::Read, 100, 1_000).unwrap();
        }
        assert!(at(&budget, TWO, Purpose::Read, 10, 1_000).is_err());
        at(&budget, TWO, Purpose::Order, 10, 1_000).unwrap();
        // ... and from when there are two, half of it.
        let later = 61_000;
        at(&budget, TWO, Purpose::Read, 10, later).unwrap();
        let flood = (0..100).take_while(|_| at(&budget, ONE, Purpose::Read, 10, later).is_ok());
        assert!(flood.count() <= 35);
        for _ in 0..30 {
            at(&budget, TWO, Purpose::Read, 10, later).unwrap();
        }
    }

    #[test]
    fn what_is_under_way_counts_and_quiet_is_kept() {
        let budget = Budget::default();
        budget.set_limit(100);
        let ticket = budget.admit(ONE, Purpose::Read, 70, Egress(0)).unwrap();
        assert!(budget.admit(TWO, Purpose::Read, 1, Egress(0)).is_err());
        drop(ticket);
        budget.admit(TWO, Purpose::Read, 1, Egress(0)).unwrap();
        budget.heard_quiet(2);
        assert!(budget.admit(ONE, Purpose::Cancel, 1, Egress(0)).is_err());
        assert_eq!(budget.used(), u32::MAX);
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let budget = Budget::default();
        budget.heard_used(1_000_000);
        budget.admit(ONE, Purpose::Read, 1_000_000, Egress(0)).unwrap();
    }
}
