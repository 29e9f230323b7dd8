//! Small markets of made-up trades, the same every time.

use std::fmt::Write as _;

/// 2023-11-14 16:00 UTC.
const START: u64 = 1_699_977_600_000;
const MINUTE: u64 = 60_000;
/// Prices are in units of this, as in a market with a coarse tick.
const TICK: f64 = 1e-9;
const PRICE: u64 = 10_000;

/// The files by name.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    vec![
        ("QUIET.csv", quiet()),
        ("PUMP.csv", pump()),
        ("RISE.csv", rise()),
        ("FINGER.csv", finger()),
    ]
}

/// Trades to be sorted: time, side, ticks, amount.
struct Market {
    trades: Vec<(u64, &'static str, u64, u64)>,
    seed: u64,
}

impl Market {
    fn new(seed: u64) -> Self {
        Self { trades: Vec::new(), seed }
    }

    /// A linear congruential generator (Knuth's constants): made up, but the
    /// same on every machine.
    fn below(&mut self, most: u64) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % most
    }

    /// Usual trading from minute to minute: one trade in some 40 s, bid and ask
    /// 0.5% apart, around `price(minute)`.
    fn usual(&mut self, minutes: std::ops::Range<u64>, price: impl Fn(u64) -> u64) {
        let mut at = START + minutes.start * MINUTE;
        while at < START + minutes.end * MINUTE {
            let (side, step) = if self.below(5) < 3 { ("buy", 50) } else { ("sell", 0) };
            let ticks = price((at - START) / MINUTE) + step + self.below(20);
            let amount = 50 + self.below(400);
            self.trades.push((at, side, ticks, amount));
            at += 5_000 + self.below(70_000);
        }
    }

    /// One market buy that eats `fills` levels, each `step` ticks higher.
    fn order(&mut self, at: u64, from: u64, fills: u64, step: u64, amount: u64) -> u64 {
        let mut ticks = from;
        for _ in 0..fills {
            self.trades.push((at, "buy", ticks, amount));
            ticks += step;
        }
        ticks
    }

    fn csv(mut self) -> String {
        self.trades.sort_by_key(|trade| trade.0);
        let mut text = "timestamp_ms,side,price,amount\n".to_owned();
        for (at, side, ticks, amount) in self.trades {
            let price = f64::from(u32::try_from(ticks).unwrap()) * TICK;
            let _ = writeln!(text, "{at},{side},{price:.9},{amount}");
        }
        text
    }
}

fn quiet() -> String {
    let mut market = Market::new(1);
    market.usual(0..270, |_| PRICE);
    market.csv()
}

/// At 20:00:01.5 a crowd buys for 20 s and then sells.
fn pump() -> String {
    let mut market = Market::new(2);
    market.usual(0..240, |_| PRICE);
    let mut ticks = PRICE + 50;
    let mut at = START + 240 * MINUTE + 1_500;
    for _ in 0..80 {
        let fills = 1 + market.below(5);
        ticks = market.order(at, ticks, fills, 25, 600);
        at += 50 + market.below(400);
    }
    for _ in 0..80 {
        ticks -= 60;
        market.trades.push((at, "sell", ticks, 500));
        at += 100 + market.below(2_000);
    }
    market.usual(245..270, |_| PRICE + 200);
    market.csv()
}

/// From 18:00 the price doubles in 150 minutes, on news, at thrice the pace.
fn rise() -> String {
    let mut market = Market::new(3);
    market.usual(0..120, |_| PRICE);
    for _ in 0..3 {
        market.usual(120..270, |minute| PRICE + (minute - 120) * PRICE / 150);
    }
    market.csv()
}

/// At 19:00:20, when a pump would be likely, one order of 30 fills up to +15%.
fn finger() -> String {
    let mut market = Market::new(4);
    market.usual(0..270, |_| PRICE);
    market.order(START + 180 * MINUTE + 20_000, PRICE + 50, 30, 50, 3_000);
    market.csv()
}
