//! The pump detectors of the markets that bots trade, fed by the venue's public
//! trades.

use std::collections::HashMap;
use std::sync::Mutex;

use judge::detect::pump::{MarketTrade, Parameters, PumpDetector, PumpState, Taker};
use serde::Deserialize;

use crate::limits;
use crate::shared::held;

/// One detector a market, bounded.
#[derive(Debug, Default)]
pub(crate) struct Pumps(Mutex<HashMap<String, PumpDetector>>);

/// A message of a combined stream of trades (Binance, "Trade Streams").
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    data: Trade<'a>,
}

#[derive(Deserialize)]
struct Trade<'a> {
    e: &'a str,
    s: &'a str,
    p: &'a str,
    q: &'a str,
    /// When it was made, Unix ms.
    #[serde(rename = "T")]
    at_ms: u64,
    /// Whether the buyer was the maker: then the taker sold.
    #[serde(rename = "m")]
    buyer_made: bool,
}

impl Pumps {
    /// Takes a message of the venue's; what is no trade is passed over.
    pub(crate) fn take(&self, message: &str) {
        let Ok(Told { data }) = serde_json::from_str::<Told<'_>>(message) else { return };
        let number = |text: &str| text.parse::<f64>().ok();
        let (Some(price), Some(amount), "trade") = (number(data.p), number(data.q), data.e) else {
            return;
        };
        let mut detectors = held(&self.0);
        if !detectors.contains_key(data.s) {
            if detectors.len() >= limits::PUMP_MARKETS {
                return;
            }
            detectors.insert(data.s.to_owned(), PumpDetector::new(Parameters::default()));
        }
        let Some(detector) = detectors.get_mut(data.s) else { return };
        let taker = if data.buyer_made { Taker::Seller } else { Taker::Buyer };
        let trade = MarketTrade { at_ms: data.at_ms, taker, price, amount };
        if let Some(alert) = detector.trade(&trade) {
            tracing::warn!(market = data.s, evidence = %alert, "a pump");
        }
    }

    /// The evidence of the alert that is in force in a market, if any.
    pub(crate) fn in_force(&self, market: &str, now_ms: u64) -> Option<String> {
        match held(&self.0).get(market)?.state(now_ms) {
            PumpState::InForce(alert) => Some(alert.to_string()),
            PumpState::Learning | PumpState::Quiet => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(at_ms: u64, price: f64, amount: f64, buyer_made: bool) -> String {
        format!(
            "{{\"stream\":\"viabtc@trade\",\"data\":{{\"e\":\"trade\",\"E\":1,\"s\":\"VIABTC\",\
             \"t\":1,\"p\":\"{price}\",\"q\":\"{amount}\",\"T\":{at_ms},\"m\":{buyer_made},\
             \"M\":true}}}}"
        )
    }

    #[test]
    fn the_venues_trades_raise_an_alert_and_nothing_else_does() {
        let pumps = Pumps::default();
        // A day of a thin market, then a crowd at a full hour.
        let start = 1_600_041_600_000_u64;
        for step in 0..1_440_u64 {
            let price = if step % 2 == 0 { 1.0 } else { 0.999 };
            pumps.take(&told(start + step * 60_000, price, 10.0, step % 2 == 1));
        }
        let hour = start + 1_440 * 60_000;
        assert_eq!(pumps.in_force("VIABTC", hour), None);
        for step in 0..60_u64 {
            let up = 1.0 + step as f64 * 0.01;
            pumps.take(&told(hour + step * 100, up, 400.0, false));
        }
        let evidence = pumps.in_force("VIABTC", hour + 6_000);
        assert!(evidence.is_some_and(|text| !text.is_empty()));
        assert_eq!(pumps.in_force("BTCUSDT", hour), None);
        for nonsense in
            ["", "{}", "[1]", "{\"data\":{\"e\":\"trade\"}}", "{\"result\":null,\"id\":1}"]
        {
            pumps.take(nonsense);
        }
    }
}
