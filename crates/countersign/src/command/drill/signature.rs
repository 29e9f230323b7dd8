//! The signature that most thefts through keys share: a probe, a gap, a burst,
//! to one destination or spread over several.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::record::{Action, Event, To, required};

/// Most destinations that a burst is spread over.
pub(crate) const FAN_OUT: u32 = 64;
/// Most transfers of one burst, and most probes.
const TRANSFERS: u32 = 1_000;
/// Longest gap and burst, seconds: a year.
const LONGEST_S: u64 = 31_536_000;

/// The block `signature` of a drill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    /// What the jitter of amounts and times depends on.
    pub(crate) seed: u64,
    /// Seconds after the start, of the first probe.
    #[serde(default)]
    pub(crate) at_s: u64,
    pub(crate) asset: String,
    /// Small transfers first, a minute apart; none is allowed.
    pub(crate) probes: u32,
    /// Of each probe, asset units.
    #[serde(deserialize_with = "required")]
    pub(crate) probe_amount: Decimal,
    /// From the first probe to the burst.
    pub(crate) gap_s: u64,
    /// How many transfers the burst has, what they come to, and how long it takes.
    pub(crate) burst: u32,
    #[serde(deserialize_with = "required")]
    pub(crate) burst_total: Decimal,
    pub(crate) burst_s: u64,
    pub(crate) to: To,
    /// Over how many addresses it is spread; 1 consolidates.
    #[serde(default = "super::record::one")]
    pub(crate) fan_out: u32,
}

impl Signature {
    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.burst == 0 || self.burst > TRANSFERS || self.probes > TRANSFERS {
            return Err(format!("a signature has 1 to {TRANSFERS} transfers in its burst"));
        }
        if self.fan_out == 0 || self.fan_out > FAN_OUT {
            return Err(format!("a signature fans out to 1 to {FAN_OUT} addresses"));
        }
        if self.fan_out > 1 && self.to == To::Own {
            return Err("the firm's own wallet is one address: `fan_out` is 1".to_owned());
        }
        if [self.at_s, self.gap_s, self.burst_s].iter().any(|s| *s > LONGEST_S) {
            return Err("a signature lasts at most a year".to_owned());
        }
        Ok(())
    }

    /// The same as hand-written events; the same for the same parameters.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let event = |at_s: u64, amount: Decimal, wallet: u32| Event {
            at_s,
            every_s: 0,
            times: 1,
            action: Action::Withdraw { asset: self.asset.clone(), amount, to: self.to, wallet },
        };
        let mut events: Vec<Event> = (0..self.probes)
            .map(|n| event(self.at_s + u64::from(n) * 60, self.probe_amount, 0))
            .collect();
        let weights: Vec<u32> =
            (0..self.burst).map(|_| random.random_range(50_u32..=150)).collect();
        let all: Decimal = weights.iter().map(|weight| Decimal::from(*weight)).sum();
        let mut left = self.burst_total;
        for (number, weight) in (0_u32..).zip(weights) {
            let last = number + 1 == self.burst;
            let share = self.burst_total.checked_mul(Decimal::from(weight));
            let share = share.and_then(|share| share.checked_div(all)).unwrap_or_default();
            // The last one takes what rounding left.
            let amount = if last { left } else { share.round_dp(2) };
            left = left.saturating_sub(amount);
            if amount <= Decimal::ZERO {
                continue;
            }
            let at = self.gap_s + self.burst_s * u64::from(number) / u64::from(self.burst);
            events.push(event(self.at_s + at, amount, number % self.fan_out));
        }
        events
    }
}
