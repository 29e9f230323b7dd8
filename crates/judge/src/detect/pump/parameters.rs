//! What the pump detector is tuned by: the same for every instrument.

use std::fmt;

use serde::Deserialize;

/// Parameters with their units. The defaults were chosen on recorded trades of
/// 17 symbols, in the middle of wide plateaus; `docs/detection.md` has the
/// figures for each of them 20% up and down.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Memory of the recent buys, time constant in seconds.
    pub recent_s: f64,
    /// Memory of the price baseline, time constant in seconds.
    pub price_memory_s: f64,
    /// Memory of the volume and order baselines, time constant in seconds.
    pub baseline_s: f64,
    /// What is only learnt from, never alerted on, after the first trade or a
    /// silence of [`crate::bounds::PUMP_SILENCE_MS`], milliseconds.
    pub warm_up_ms: u64,
    /// A buy this far above the price baseline counts 1: a fraction, 0.032 is 3.2%.
    pub jump: f64,
    /// Recent buy volume that counts 1: hours of usual volume.
    pub volume_hours: f64,
    /// Recent buy orders above the usual that count 1.
    pub orders: f64,
    /// Each of the three must count at least this.
    pub floor: f64,
    /// None of the three counts more than this, so that one alone cannot alert.
    pub cap: f64,
    /// Score that alerts around a full hour for which pumps are announced.
    pub scheduled_score: f64,
    /// Score that alerts at any other time.
    pub score: f64,
    /// "Around a full hour" begins this long before it, milliseconds.
    pub before_hour_ms: u64,
    /// "Around a full hour" ends this long after it, milliseconds.
    pub after_hour_ms: u64,
    /// First hour of the UTC day, 0 to 23, for which pumps are customarily
    /// announced: Europe and America are awake.
    pub first_hour: u64,
    /// Last such hour.
    pub last_hour: u64,
    /// Sweep: first hour of the day before which one rush order is enough: most
    /// pumps are announced for this hour or later.
    pub sweep_first_hour: u64,
    /// Sweep: fills of one order that count as eating through the book.
    pub sweep_fills: f64,
    /// Sweep: how far above the price baseline the order must end: a fraction.
    pub sweep_jump: f64,
    /// Sweep: fills times recent buy volume in hours of usual volume.
    pub sweep_strength: f64,
    /// No second alert for this long, and the first stays in force,
    /// milliseconds.
    pub cooldown_ms: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            recent_s: 8.0,
            price_memory_s: 400.0,
            baseline_s: 72_000.0,
            warm_up_ms: 3_600_000,
            jump: 0.032,
            volume_hours: 0.65,
            orders: 9.0,
            floor: 0.3,
            cap: 4.0,
            scheduled_score: 1.0,
            score: 8.0,
            before_hour_ms: 60_000,
            after_hour_ms: 60_000,
            first_hour: 12,
            last_hour: 22,
            sweep_first_hour: 15,
            sweep_fills: 5.0,
            sweep_jump: 0.01,
            sweep_strength: 0.7,
            cooldown_ms: 1_800_000,
        }
    }
}

/// A parameter with which the detector would say nothing or anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongParameter(&'static str);

impl fmt::Display for WrongParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for WrongParameter {}

impl Parameters {
    /// Whether the detector can work with these: memories, scales and scores
    /// above zero, hours of a day.
    pub fn check(&self) -> Result<(), WrongParameter> {
        let positive = [
            self.recent_s,
            self.price_memory_s,
            self.baseline_s,
            self.jump,
            self.volume_hours,
            self.orders,
            self.floor,
            self.cap,
            self.scheduled_score,
            self.score,
            self.sweep_fills,
            self.sweep_jump,
            self.sweep_strength,
        ];
        if !positive.iter().all(|number| number.is_finite() && *number > 0.0) {
            return Err(WrongParameter("a parameter of the pump detector is not above zero"));
        }
        if self.cap * self.cap < self.score.max(self.scheduled_score) {
            return Err(WrongParameter("no score reaches what `score` asks: `cap` is too low"));
        }
        if self.first_hour > self.last_hour || self.last_hour > 23 {
            return Err(WrongParameter("`first_hour` and `last_hour` are not hours of one day"));
        }
        Ok(())
    }
}
