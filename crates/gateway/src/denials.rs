//! Denials, written one by one up to a rate and counted beyond it: a bot that
//! asks for the same impossible thing a thousand times a second must not fill
//! the disk.
//!
//! Nothing is left out silently: an entry says when counting begins, and one
//! every few seconds says how many there were and why. An attempt to move
//! value is always written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Instant;

use wire::model::Effect;

use crate::clock::host_nanos;
use crate::entry;
use crate::gateway::Gateway;
use crate::limits::{BOTS, DENIAL_CODES, DENIALS_AT_ONCE, DENIALS_PER_SECOND};
use crate::record::Purpose;
use crate::shared::held;

/// Every bot's denials.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    bots: Mutex<HashMap<(String, String), Bucket>>,
}

/// One bot's: how many may be written now, and what was not.
#[derive(Debug)]
struct Bucket {
    left: u32,
    filled: Instant,
    uncounted: Counted,
}

/// What was counted and not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    count: u64,
    /// Host time of the first, Unix ns.
    since_ns: u64,
    by_code: BTreeMap<&'static str, u64>,
    other_codes: u64,
}

/// What becomes of one denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Written,
    /// The first that is counted: the log is told that counting begins.
    Begins,
    Counted,
}

impl Bucket {
    fn new(now: Instant) -> Self {
        Self { left: DENIALS_AT_ONCE, filled: now, uncounted: Counted::default() }
    }

    fn fill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.filled).as_secs();
        if seconds > 0 {
            let more =
                u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(DENIALS_PER_SECOND);
            self.left = self.left.saturating_add(more).min(DENIALS_AT_ONCE);
            self.filled = now;
        }
    }
}

impl Counted {
    fn add(&mut self, code: &'static str, at_ns: u64) -> Fate {
        let first = self.count == 0;
        if first {
            self.since_ns = at_ns;
        }
        self.count = self.count.saturating_add(1);
        if self.by_code.len() < DENIAL_CODES || self.by_code.contains_key(code) {
            *self.by_code.entry(code).or_default() += 1;
        } else {
            self.other_codes = self.other_codes.saturating_add(1);
        }
        if first { Fate::Begins } else { Fate::Counted }
    }

    fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.since_ns = self.since_ns.min(other.since_ns);
        for (code, count) in other.by_code {
            *self.by_code.entry(code).or_default() += count;
        }
        self.other_codes = self.other_codes.saturating_add(other.other_codes);
    }
}

impl Denials {
    fn fate(
        &self,
        bot: &str,
        account: &str,
        effect: Effect,
        code: &'static str,
        now: Instant,
    ) -> Fate {
        if effect >= Effect::Borrow {
            return Fate::Written;
        }
        let mut bots = held(&self.bots);
        let name = (account.to_owned(), bot.to_owned());
        // INVARIANT (bounded): bots are as many as are configured; those of
        // earlier configurations share one place.
        let name = if bots.len() < BOTS || bots.contains_key(&name) {
            name
        } else {
            (String::new(), String::new())
        };
        let bucket = bots.entry(name).or_insert_with(|| Bucket::new(now));
        bucket.fill(now);
        if bucket.left > 0 {
            bucket.left -= 1;
            return Fate::Written;
        }
        bucket.uncounted.add(code, host_nanos())
    }

    /// What was counted since the last time, by account and bot.
    fn take(&self) -> Vec<((String, String), Counted)> {
        let mut bots = held(&self.bots);
        let counted = bots.iter_mut().filter(|(_, bucket)| bucket.uncounted.count > 0);
        counted
            .map(|(name, bucket)| (name.clone(), std::mem::take(&mut bucket.uncounted)))
            .collect()
    }

    fn give_back(&self, name: (String, String), counted: Counted) {
        let mut bots = held(&self.bots);
        let bucket = bots.entry(name).or_insert_with(|| Bucket::new(Instant::now()));
        if bucket.uncounted.count == 0 {
            bucket.uncounted = counted;
        } else {
            bucket.uncounted.merge(counted);
        }
    }

    /// Denials that are counted and not told yet.
    pub(crate) fn untold(&self) -> u64 {
        held(&self.bots).values().map(|bucket| bucket.uncounted.count).sum()
    }
}

impl Gateway {
    /// Whether a bot's denial is counted and not written; where counting
    /// begins, the log is told here.
    pub(crate) fn leaves_out(
        &self,
        bot: &str,
        account: &str,
        effect: Effect,
        code: &'static str,
    ) -> bool {
        match self.denials.fate(bot, account, effect, code, Instant::now()) {
            Fate::Written => return false,
            Fate::Counted => {}
            Fate::Begins => {
                let entry = entry::plain("denials-counted", host_nanos(), |json| {
                    json.text("bot", bot);
                    json.text("account", account);
                });
                let _ = self.log.append(&entry, Purpose::Ordinary);
            }
        }
        true
    }

    /// Tells the log what was counted. What it does not take is told later.
    pub(crate) fn tell_denials(&self) {
        for (name, counted) in self.denials.take() {
            let (account, bot) = &name;
            let codes: Vec<(&str, u64)> =
                counted.by_code.iter().map(|(code, count)| (*code, *count)).collect();
            let entry = entry::plain("denials-left-out", host_nanos(), |json| {
                json.text("bot", bot);
                json.text("account", account);
                json.number("count", counted.count);
                json.number("since_ns", counted.since_ns);
                json.list("reasons", &codes, |(code, count), json| {
                    json.text("code", code);
                    json.number("count", *count);
                });
                json.number("other_reasons", counted.other_codes);
            });
            if self.log.append(&entry, Purpose::Ordinary).is_err() {
                self.denials.give_back(name, counted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ask(denials: &Denials, bot: &str, effect: Effect, now: Instant) -> Fate {
        denials.fate(bot, "main", effect, "collar", now)
    }

    #[test]
    fn denials_over_the_rate_are_counted() {
        let (denials, now) = (Denials::default(), Instant::now());
        for _ in 0..DENIALS_AT_ONCE {
            assert_eq!(ask(&denials, "a", Effect::Order, now), Fate::Written);
        }
        assert_eq!(ask(&denials, "a", Effect::Order, now), Fate::Begins);
        assert_eq!(ask(&denials, "a", Effect::Read, now), Fate::Counted);
        assert_eq!(ask(&denials, "b", Effect::Order, now), Fate::Written, "another bot's");
        assert_eq!(denials.untold(), 2);
        let later = now + Duration::from_secs(3);
        for _ in 0..3 * DENIALS_PER_SECOND {
            assert_eq!(ask(&denials, "a", Effect::Order, later), Fate::Written);
        }
        assert_eq!(ask(&denials, "a", Effect::Order, later), Fate::Counted);

        let taken = denials.take();
        let [(name, counted)] = &taken[..] else { panic!("{taken:?}") };
        assert_eq!((name.1.as_str(), counted.count), ("a", 3));
        assert_eq!(counted.by_code["collar"], 3);
        assert_eq!((denials.untold(), denials.take().len()), (0, 0));
        // What the log did not take is told with the next.
        denials.give_back(name.clone(), counted.clone());
        assert_eq!(ask(&denials, "a", Effect::Order, later), Fate::Counted);
        assert_eq!(denials.take()[0].1.count, 4);
    }

    #[test]
    fn an_attempt_to_move_value_is_always_written() {
        let (denials, now) = (Denials::default(), Instant::now());
        for _ in 0..DENIALS_AT_ONCE + 10 {
            ask(&denials, "a", Effect::Order, now);
        }
        for effect in
            [Effect::Borrow, Effect::Transfer, Effect::KeyAdministration, Effect::ValueOut]
        {
            assert_eq!(ask(&denials, "a", effect, now), Fate::Written, "{effect:?}");
        }
    }

    #[test]
    fn reasons_are_bounded_and_none_is_lost() {
        let mut counted = Counted::default();
        let codes: Vec<&'static str> =
            (0..DENIAL_CODES + 3).map(|number| &*format!("c{number}").leak()).collect();
        for code in &codes {
            counted.add(code, 1);
        }
        assert_eq!((counted.by_code.len(), counted.other_codes), (DENIAL_CODES, 3));
        assert_eq!(counted.count, codes.len() as u64);
    }
}
