//! What an alert says, in numbers and in words.

use std::fmt;

/// Which pattern was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Price, volume and orders together.
    Surge,
    /// One rush order shortly before a full hour.
    Sweep,
}

impl Rule {
    /// Its name in logs and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Surge => "surge",
            Self::Sweep => "sweep",
        }
    }
}

/// What was measured, and against what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Price of the buy that raised the alert, in the quote asset.
    pub price: f64,
    /// What takers paid before, averaged over time.
    pub price_baseline: f64,
    /// Bought in the last seconds, in the quote asset.
    pub recent_volume: f64,
    /// Usual volume of an hour, both sides, in the quote asset.
    pub hourly_volume: f64,
    /// Separate buy orders in the last seconds.
    pub recent_orders: f64,
    /// How many would be usual in that time.
    pub usual_orders: f64,
    /// Fills of the last buy order: the levels that it ate.
    pub fills: u32,
    /// Whether the time is around a full hour for which pumps are announced.
    pub scheduled: bool,
}

/// Something like a pump has started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alert {
    /// When: the time of the trade that raised it, milliseconds since 1970.
    pub at_ms: u64,
    /// In force until then.
    pub until_ms: u64,
    /// Which pattern.
    pub rule: Rule,
    /// How strong; comparable within one rule.
    pub score: f64,
    /// The score that was needed.
    pub needed: f64,
    /// What was measured.
    pub evidence: Evidence,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = &self.evidence;
        write!(
            f,
            "{}: score {:.2} of {:.2} needed; price {:e} is {:+.1}% off its baseline {:.4e}; \
             bought {:.4e} lately, {:.2} hours of the usual volume; {:.1} buy orders lately where \
             {:.2} are usual; the last one had {} fills{}",
            self.rule.name(),
            self.score,
            self.needed,
            seen.price,
            (seen.price / seen.price_baseline - 1.0) * 100.0,
            seen.price_baseline,
            seen.recent_volume,
            seen.recent_volume / seen.hourly_volume,
            seen.recent_orders,
            seen.usual_orders,
            seen.fills,
            if seen.scheduled { "; around a full hour for which pumps are announced" } else { "" },
        )
    }
}
