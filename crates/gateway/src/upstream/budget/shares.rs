//! Who used how much of what all share, in one period.

use std::collections::HashMap;

use super::Who;
use crate::limits;

/// Who used how much in this period.
#[derive(Debug, Default)]
pub(super) struct Shares {
    period: u64,
    used: HashMap<Who, u32>,
    /// How many asked in the period before.
    before: usize,
}

impl Shares {
    /// Takes an amount from somebody's share: what may be used in all, over
    /// those who ask. Where it would be over the share nothing is taken, and
    /// the answer is no; a single amount above a share passes once.
    pub(super) fn take(&mut self, who: Who, amount: u32, most: u64, period: u64) -> bool {
        let (who, used) = self.with(who, amount, period);
        let askers = self.used.len().max(self.before).max(1) as u64;
        let has = u64::from(used) <= most / askers || used == amount;
        if has {
            self.used.insert(who, used);
        }
        has
    }

    /// Takes an amount that nobody else wants: it counts all the same.
    pub(super) fn take_freely(&mut self, who: Who, amount: u32, period: u64) {
        let (who, used) = self.with(who, amount, period);
        self.used.insert(who, used);
    }

    /// Whose share it is, and what they would have used.
    fn with(&mut self, who: Who, amount: u32, period: u64) -> (Who, u32) {
        if self.period != period {
            let before = if self.period + 1 == period { self.used.len() } else { 0 };
            *self = Self { period, used: HashMap::new(), before };
        }
        let known = self.used.contains_key(&who);
        // INVARIANT (bounded): of more askers than are kept the rest is one.
        let who = if known || self.used.len() < limits::SHARES { who } else { Who::Source(None) };
        (who, self.used.get(&who).copied().unwrap_or(0).saturating_add(amount))
    }
}
