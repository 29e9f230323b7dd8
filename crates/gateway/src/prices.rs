//! Reference prices: what collars and notionals are measured from.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use judge::{Reference, UnixNanos};
use rust_decimal::Decimal;
use serde::Deserialize;

/// Assets in which markets are quoted that are no dollars; each is valued by
/// its own dollar market.
const QUOTES: [&str; 6] = ["BTC", "ETH", "BNB", "SOL", "XRP", "EUR"];
/// The dollar asset of those markets.
const DOLLAR: &str = "USDT";
/// Most markets that are kept.
const MARKETS: usize = 10_000;

/// The newest prices, swapped whole.
#[derive(Debug, Default)]
pub(crate) struct PriceBoard {
    prices: ArcSwap<HashMap<String, Reference>>,
}

/// One row of the venue's `bookTicker`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticker {
    symbol: String,
    bid_price: String,
    ask_price: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tickers {
    Many(Vec<Ticker>),
    One(Ticker),
}

impl PriceBoard {
    /// A market's price, as last seen.
    pub(crate) fn reference(&self, market: &str) -> Option<Reference> {
        self.prices.load().get(market).copied()
    }

    /// The price in dollars of the market's quote asset, where it is none.
    pub(crate) fn quote_in_usd(&self, market: &str) -> Option<Reference> {
        let own = dollar_market_of_quote(market)?;
        self.reference(&own)
    }

    /// Takes over a `bookTicker` answer, seen at `at`. A market that it does
    /// not name keeps its last price, whose age is judged.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn take(&self, body: &[u8], at: UnixNanos) -> Result<usize, String> {
        let tickers: Tickers = serde_json::from_slice(body)
            .map_err(|error| format!("bookTicker cannot be read: {error}"))?;
        let rows = match tickers {
            Tickers::Many(rows) => rows,
            Tickers::One(row) => vec![row],
        };
        let mut prices = HashMap::clone(&self.prices.load());
        let mut taken = 0;
        for row in rows {
            if let Some(reference) = reference(&row, at)
                && (prices.contains_key(&row.symbol) || prices.len() < MARKETS)
            {
                prices.insert(row.symbol, reference);
                taken += 1;
            }
        }
        self.prices.store(Arc::new(prices));
        Ok(taken)
    }

    /// How many markets have a price.
    pub(crate) fn len(&self) -> usize {
        self.prices.load().len()
    }
}

/// A price with two sides; a market without one has none.
fn reference(row: &Ticker, at: UnixNanos) -> Option<Reference> {
    let positive =
        |text: &str| Decimal::from_str_exact(text).ok().filter(|price| *price > Decimal::ZERO);
    let (bid, ask) = (positive(&row.bid_price)?, positive(&row.ask_price)?);
    let mid = bid.checked_add(ask)?.checked_div(Decimal::TWO)?;
    (bid <= ask).then_some(Reference { bid, ask, mid, at })
}

fn dollar_market_of_quote(market: &str) -> Option<String> {
    QUOTES
        .iter()
        .find(|quote| market.len() > quote.len() && market.ends_with(**quote))
        .map(|quote| format!("{quote}{DOLLAR}"))
}

/// The query for the prices of these markets and of what they are quoted in;
/// none for every market.
pub(crate) fn query(markets: &BTreeSet<String>) -> Option<String> {
    let mut wanted: BTreeSet<String> = markets.clone();
    wanted.extend(markets.iter().filter_map(|market| dollar_market_of_quote(market)));
    // The venue takes a list of up to some hundred; beyond it, all cost the
    // same.
    if wanted.is_empty() || wanted.len() > 100 || wanted.contains("*") {
        return None;
    }
    let plain = |market: &String| market.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let list: Vec<String> =
        wanted.iter().filter(|market| plain(market)).map(|name| format!("%22{name}%22")).collect();
    Some(format!("symbols=%5B{}%5D", list.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_becomes_a_reference() {
        let board = PriceBoard::default();
        let body = br#"[{"symbol":"BTCUSDT","bidPrice":"99.0","bidQty":"1","askPrice":"101.0",
            "askQty":"2"},{"symbol":"ETHBTC","bidPrice":"0.05","askPrice":"0.05"},
            {"symbol":"DEADUSDT","bidPrice":"0.0","askPrice":"0.0"},
            {"symbol":"ODDUSDT","bidPrice":"2","askPrice":"1"}]"#;
        assert_eq!(board.take(body, UnixNanos(5)), Ok(2));
        let btc = board.reference("BTCUSDT").unwrap();
        assert_eq!((btc.mid, btc.at), (Decimal::new(1000, 1), UnixNanos(5)));
        assert_eq!(board.reference("DEADUSDT"), None);
        assert_eq!(board.quote_in_usd("ETHBTC").map(|price| price.mid), Some(btc.mid));
        assert_eq!(board.quote_in_usd("BTCUSDT"), None);
    }

    #[test]
    fn one_market_answers_without_a_list() {
        let board = PriceBoard::default();
        let body = br#"{"symbol":"BTCUSDT","bidPrice":"99.0","askPrice":"101.0"}"#;
        assert_eq!(board.take(body, UnixNanos(5)), Ok(1));
        // What cannot be read changes nothing.
        assert!(board.take(b"{\"code\":-1003}", UnixNanos(6)).is_err());
        assert_eq!(board.reference("BTCUSDT").map(|price| price.at), Some(UnixNanos(5)));
    }

    #[test]
    fn the_query_names_what_is_needed() {
        let markets = BTreeSet::from(["ETHBTC".to_owned()]);
        assert_eq!(query(&markets).unwrap(), "symbols=%5B%22BTCUSDT%22,%22ETHBTC%22%5D");
        assert_eq!(query(&BTreeSet::from(["*".to_owned()])), None);
    }
}
