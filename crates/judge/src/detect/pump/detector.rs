//! The state machine: one trade in, perhaps an alert out.

use super::alert::{Alert, Evidence, Rule};
use super::baseline::{PriceBaseline, Rate, remaining, seconds};
use super::parameters::Parameters;
use crate::bounds::{
    PUMP_LATE_MS, PUMP_LATE_TRADES, PUMP_LATEST_MS, PUMP_LEAST_NUMBER, PUMP_MOST_NUMBER,
    PUMP_SILENCE_MS,
};

const HOUR_MS: u64 = 3_600_000;
const HOUR_S: f64 = 3_600.0;

/// Who took the liquidity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// The taker bought.
    Buyer,
    /// The taker sold.
    Seller,
}

/// One public trade. Numbers are scores' inputs, not money, hence `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarketTrade {
    /// The venue's time, milliseconds since 1970.
    pub at_ms: u64,
    /// Who took.
    pub taker: Taker,
    /// In the quote asset.
    pub price: f64,
    /// In the base asset.
    pub amount: f64,
}

/// What the judge asks before a buy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PumpState {
    /// Not enough trades seen yet to tell.
    Learning,
    /// Nothing like a pump.
    Quiet,
    /// An alert is in force.
    InForce(Alert),
}

/// The detector of one instrument. Bounded: it holds no list.
#[derive(Clone, Debug)]
pub struct PumpDetector {
    parameters: Parameters,
    learnt: Option<Learnt>,
    alert: Option<Alert>,
    /// Trades in a row that were older than the last good one.
    late: u32,
}

/// What the trades so far have taught.
#[derive(Clone, Debug)]
struct Learnt {
    since_ms: u64,
    last_ms: u64,
    recent_volume: f64,
    recent_orders: f64,
    volume: Rate,
    orders: Rate,
    buys: Option<Buys>,
}

#[derive(Clone, Copy, Debug)]
struct Buys {
    price: PriceBaseline,
    order_ms: u64,
    fills: u32,
}

impl PumpDetector {
    /// A detector that has seen nothing.
    pub const fn new(parameters: Parameters) -> Self {
        Self { parameters, learnt: None, alert: None, late: 0 }
    }

    /// Takes the next trade; an alert if this one raised it.
    ///
    /// Trades that cannot be (not a number, zero, negative, beyond the bounds)
    /// are passed over, and so are those that come late; nothing panics.
    pub fn trade(&mut self, trade: &MarketTrade) -> Option<Alert> {
        let sound = |number: f64| (PUMP_LEAST_NUMBER..=PUMP_MOST_NUMBER).contains(&number);
        if !sound(trade.price) || !sound(trade.amount) || trade.at_ms > PUMP_LATEST_MS {
            return None;
        }
        let at_ms = self.in_order(trade.at_ms)?;
        let parameters = self.parameters;
        let learnt = self.learnt.get_or_insert_with(|| Learnt::new(at_ms));
        learnt.pass(at_ms, &parameters);
        let quote = trade.price * trade.amount;
        let alert = match trade.taker {
            Taker::Buyer => {
                let seen = learnt.buy(at_ms, trade.price, quote, &parameters);
                let free = self.alert.is_none_or(|alert| at_ms >= alert.until_ms);
                let warm = learnt.is_warm(at_ms, &parameters);
                if warm && free { raise(at_ms, &seen, &parameters) } else { None }
            }
            Taker::Seller => None,
        };
        learnt.learn_volume(at_ms, quote, &parameters);
        if alert.is_some() {
            self.alert = alert;
        }
        alert
    }

    /// What is known at `now_ms`, milliseconds since 1970.
    pub fn state(&self, now_ms: u64) -> PumpState {
        match (self.alert, &self.learnt) {
            (Some(alert), _) if now_ms < alert.until_ms => PumpState::InForce(alert),
            (_, Some(learnt)) if learnt.is_warm(now_ms, &self.parameters) => PumpState::Quiet,
            _ => PumpState::Learning,
        }
    }

    /// The time at which a trade counts; none where it is too late to count.
    ///
    /// Feeds reorder a little: such trades count as of now. A feed that stays in
    /// the past was wrong about the present, so the detector starts afresh.
    fn in_order(&mut self, at_ms: u64) -> Option<u64> {
        let Some(last_ms) = self.learnt.as_ref().map(|learnt| learnt.last_ms) else {
            return Some(at_ms);
        };
        if at_ms.saturating_add(PUMP_LATE_MS) < last_ms {
            self.late = self.late.saturating_add(1);
            if self.late < PUMP_LATE_TRADES {
                return None;
            }
            self.restart(at_ms);
            return Some(at_ms);
        }
        self.late = 0;
        if at_ms.saturating_sub(last_ms) > PUMP_SILENCE_MS {
            self.restart(at_ms);
        }
        Some(at_ms.max(last_ms))
    }

    /// Forgets what was learnt. An alert stays in force, but from a future that
    /// never was no longer than a new one would.
    fn restart(&mut self, at_ms: u64) {
        self.learnt = None;
        self.late = 0;
        if let Some(alert) = &mut self.alert {
            let longest = at_ms.saturating_add(self.parameters.cooldown_ms);
            alert.until_ms = alert.until_ms.min(longest);
        }
    }
}

impl Learnt {
    fn new(at_ms: u64) -> Self {
        Self {
            since_ms: at_ms,
            last_ms: at_ms,
            recent_volume: 0.0,
            recent_orders: 0.0,
            volume: Rate::default(),
            orders: Rate::default(),
            buys: None,
        }
    }

    const fn is_warm(&self, now_ms: u64, parameters: &Parameters) -> bool {
        now_ms.saturating_sub(self.since_ms) >= parameters.warm_up_ms
    }

    /// Lets time pass.
    fn pass(&mut self, at_ms: u64, parameters: &Parameters) {
        let elapsed_s = seconds(at_ms.saturating_sub(self.last_ms));
        self.last_ms = at_ms;
        if elapsed_s > 0.0 {
            let recent = remaining(elapsed_s, parameters.recent_s);
            self.recent_volume *= recent;
            self.recent_orders *= recent;
            let kept = remaining(elapsed_s, parameters.baseline_s);
            self.volume.pass(kept);
            self.orders.pass(kept);
        }
    }

    /// Takes a buy and says how things look with it.
    fn buy(&mut self, at_ms: u64, price: f64, quote: f64, parameters: &Parameters) -> Evidence {
        let usual_orders = self.orders.per_second(parameters.baseline_s) * parameters.recent_s;
        let buys = self.buys.get_or_insert_with(|| Buys {
            price: PriceBaseline::new(price, at_ms),
            order_ms: at_ms,
            fills: 0,
        });
        let price_baseline = buys.price.before(price, at_ms, parameters.price_memory_s);
        if buys.order_ms != at_ms {
            buys.order_ms = at_ms;
            buys.fills = 0;
        }
        buys.fills = buys.fills.saturating_add(1);
        if buys.fills == 1 {
            self.recent_orders += 1.0;
            self.orders.add(1.0);
        }
        self.recent_volume += quote;
        Evidence {
            price,
            price_baseline,
            recent_volume: self.recent_volume,
            hourly_volume: self.volume.per_second(parameters.baseline_s) * HOUR_S,
            recent_orders: self.recent_orders,
            usual_orders,
            fills: buys.fills,
            scheduled: is_scheduled(at_ms, parameters),
        }
    }

    /// Once there is a baseline, no trade counts for more than an hour of it: a
    /// misprint must not blind the detector for days.
    fn learn_volume(&mut self, at_ms: u64, quote: f64, parameters: &Parameters) {
        let hourly = self.volume.per_second(parameters.baseline_s) * HOUR_S;
        let clipped = self.is_warm(at_ms, parameters) && hourly > 0.0;
        self.volume.add(if clipped { quote.min(hourly) } else { quote });
    }
}

/// Applies both rules.
fn raise(at_ms: u64, seen: &Evidence, parameters: &Parameters) -> Option<Alert> {
    if seen.price_baseline <= 0.0 || seen.hourly_volume <= 0.0 {
        return None;
    }
    let alert = |rule, score, needed| Alert {
        at_ms,
        until_ms: at_ms.saturating_add(parameters.cooldown_ms),
        rule,
        score,
        needed,
        evidence: *seen,
    };
    let jump = seen.price / seen.price_baseline - 1.0;
    let hours = seen.recent_volume / seen.hourly_volume;
    let needed = if seen.scheduled { parameters.scheduled_score } else { parameters.score };
    let score = surge(jump, hours, seen, parameters);
    if score >= needed {
        return Some(alert(Rule::Surge, score, needed));
    }
    let fills = f64::from(seen.fills);
    let strength = fills * hours;
    let swept = jump >= parameters.sweep_jump && fills >= parameters.sweep_fills;
    if swept && strength >= parameters.sweep_strength && is_before(at_ms, seen, parameters) {
        return Some(alert(Rule::Sweep, strength, parameters.sweep_strength));
    }
    None
}

/// The score of the three measures together; zero where one is below the floor.
fn surge(jump: f64, hours: f64, seen: &Evidence, parameters: &Parameters) -> f64 {
    let jump = jump / parameters.jump;
    let volume = hours / parameters.volume_hours;
    // Arrivals scatter with the root of their number: in a busy market more
    // orders are nothing unusual.
    let scatter = (1.0 + seen.usual_orders).sqrt();
    let orders = (seen.recent_orders - seen.usual_orders) / scatter / parameters.orders;
    if jump.min(volume).min(orders) < parameters.floor {
        return 0.0;
    }
    let cap = parameters.cap;
    jump.min(cap) * (volume.min(cap) * orders.min(cap)).sqrt()
}

/// Around a full hour for which pumps are customarily announced.
const fn is_scheduled(at_ms: u64, parameters: &Parameters) -> bool {
    let since_window = at_ms.saturating_add(parameters.before_hour_ms);
    let hour = hour_of_day(since_window);
    since_window % HOUR_MS < parameters.before_hour_ms.saturating_add(parameters.after_hour_ms)
        && hour >= parameters.first_hour
        && hour <= parameters.last_hour
}

/// The part of that time before the hour strikes, where most are announced.
const fn is_before(at_ms: u64, seen: &Evidence, parameters: &Parameters) -> bool {
    let next_hour = hour_of_day(at_ms.saturating_add(HOUR_MS));
    seen.scheduled
        && at_ms % HOUR_MS >= HOUR_MS.saturating_sub(parameters.before_hour_ms)
        && next_hour >= parameters.sweep_first_hour
}

/// 0 to 23, UTC.
const fn hour_of_day(at_ms: u64) -> u64 {
    at_ms / HOUR_MS % 24
}
