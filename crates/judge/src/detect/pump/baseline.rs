//! Sums that forget: what is recent, and what is usual.

/// What remains of a sum after `elapsed_s`: near `exp(-elapsed/memory)`.
///
/// `(1 + x/8)^-8` needs no transcendental function, whose last bit differs
/// between platforms; it forgets a little more slowly in the tail.
pub(super) fn remaining(elapsed_s: f64, memory_s: f64) -> f64 {
    let one = 1.0 / (1.0 + elapsed_s / (8.0 * memory_s));
    let two = one * one;
    let four = two * two;
    four * four
}

/// The rate of something per second, forgetting, and right from the start: the
/// sum is divided by the weight of the time that it was gathered in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    sum: f64,
    weight: f64,
}

impl Rate {
    pub(super) fn pass(&mut self, kept: f64) {
        self.sum *= kept;
        self.weight = self.weight * kept + (1.0 - kept);
    }

    pub(super) fn add(&mut self, amount: f64) {
        self.sum += amount;
    }

    /// Per second; zero while no time has passed.
    pub(super) fn per_second(&self, memory_s: f64) -> f64 {
        let seconds = memory_s * self.weight;
        if seconds > 0.0 { self.sum / seconds } else { 0.0 }
    }
}

/// The price at which takers bought, averaged over the time that it stood.
///
/// Of buys only, so that the step between bid and ask, 2% where the tick is
/// coarse, is no jump. The price just seen counts only from when it has stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct PriceBaseline {
    average: f64,
    standing: f64,
    since_ms: u64,
}

/// One price pulls the average no further than as if it were this many times
/// it: a misprint must not blind the detector for hours.
const PULL: f64 = 2.0;

impl PriceBaseline {
    pub(super) const fn new(price: f64, at_ms: u64) -> Self {
        Self { average: price, standing: price, since_ms: at_ms }
    }

    /// The baseline as it was before `price`, which stands from now on.
    pub(super) fn before(&mut self, price: f64, at_ms: u64, memory_s: f64) -> f64 {
        let elapsed_s = seconds(at_ms.saturating_sub(self.since_ms));
        if elapsed_s > 0.0 {
            let kept = remaining(elapsed_s, memory_s);
            let standing = self.standing.max(self.average / PULL).min(self.average * PULL);
            self.average = self.average * kept + standing * (1.0 - kept);
        }
        self.standing = price;
        self.since_ms = at_ms;
        self.average
    }
}

/// Milliseconds as seconds; exact below 285,000 years.
#[expect(clippy::cast_precision_loss, reason = "bounded differences of milliseconds")]
pub(super) fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
