//! Reference prices: what collars and notionals are measured from.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use judge::{Instrument, Reference, UnixNanos};
use rust_decimal::Decimal;
use serde::Deserialize;
use wire::model::Product;

/// Assets in which markets are quoted that are no dollars, by which names are
/// read until the venue has told its markets; each is valued by its own dollar
/// market.
const QUOTES: [&str; 6] = ["BTC", "ETH", "BNB", "SOL", "XRP", "EUR"];
/// The dollar asset of those markets.
const DOLLAR: &str = "USDT";
/// Most markets that are kept.
const MARKETS: usize = 10_000;

/// The newest prices, swapped whole.
#[derive(Debug, Default)]
pub(crate) struct PriceBoard {
    prices: ArcSwap<HashMap<String, Reference>>,
    /// Where the price of each market's quote asset is found; empty until the
    /// venue has told its markets.
    quotes: ArcSwap<HashMap<String, QuotePrice>>,
}

/// Where a quote asset's price in dollars is found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum QuotePrice {
    /// It is a dollar.
    Dollar,
    /// In the market of it in dollars (`BTCUSDT`).
    Market(String),
    /// In the market of dollars in it (`USDTTRY`), the other way round.
    Inverse(String),
    /// Nowhere: what needs it is denied.
    Nowhere,
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

    /// The price in dollars of one unit of an asset.
    pub(crate) fn asset_in_usd(
        &self,
        asset: &str,
        venue: wire::model::Venue,
        now: UnixNanos,
    ) -> Option<Reference> {
        if judge::DOLLARS.contains(&asset) {
            let one = Decimal::ONE;
            return Some(Reference { bid: one, ask: one, mid: one, at: now });
        }
        self.reference(&dollar_market(asset, venue))
    }

    /// The price in dollars of the market's quote asset, where it is none.
    pub(crate) fn quote_in_usd(&self, market: &str) -> Option<Reference> {
        let quotes = self.quotes.load();
        match quotes.get(market) {
            Some(QuotePrice::Market(own)) => self.reference(own),
            Some(QuotePrice::Inverse(own)) => inverse(&self.reference(own)?),
            Some(QuotePrice::Dollar | QuotePrice::Nowhere) => None,
            // INVARIANT (fail closed): a market that the venue does not name
            // is not guessed at.
            None if !quotes.is_empty() => None,
            None => self.reference(&dollar_market_of_quote(market)?),
        }
    }

    /// Takes over the venue's markets, whole, with the assets that count as
    /// one dollar.
    pub(crate) fn learn<'a>(
        &self,
        instruments: impl Iterator<Item = &'a Instrument>,
        dollars: &[String],
    ) {
        let known: HashMap<&str, &Instrument> =
            instruments.map(|one| (one.symbol.as_str(), one)).collect();
        let trades = |symbol: &str, base: &str, quote: &str| {
            known.get(symbol).is_some_and(|one| one.base == base && one.quote == quote)
        };
        let price_of = |market: &str, asset: &str| {
            if dollars.iter().any(|dollar| dollar == asset) {
                return QuotePrice::Dollar;
            }
            let (straight, turned) = if is_woox(market) {
                (format!("SPOT_{asset}_{DOLLAR}"), format!("SPOT_{DOLLAR}_{asset}"))
            } else {
                (format!("{asset}{DOLLAR}"), format!("{DOLLAR}{asset}"))
            };
            if trades(&straight, asset, DOLLAR) {
                QuotePrice::Market(straight)
            } else if trades(&turned, DOLLAR, asset) {
                QuotePrice::Inverse(turned)
            } else {
                QuotePrice::Nowhere
            }
        };
        let mut of_asset: HashMap<(bool, &str), QuotePrice> = HashMap::new();
        let quotes = known
            .values()
            .take(MARKETS)
            .map(|one| {
                let price = of_asset
                    .entry((is_woox(&one.symbol), &one.quote))
                    .or_insert_with(|| price_of(&one.symbol, &one.quote));
                (one.symbol.clone(), price.clone())
            })
            .collect();
        self.quotes.store(Arc::new(quotes));
    }

    /// The market in which the price of that market's quote asset is found.
    fn priced_by(&self, market: &str) -> Option<String> {
        let quotes = self.quotes.load();
        match quotes.get(market) {
            Some(QuotePrice::Market(own) | QuotePrice::Inverse(own)) => Some(own.clone()),
            Some(QuotePrice::Dollar | QuotePrice::Nowhere) => None,
            None if !quotes.is_empty() => None,
            None => dollar_market_of_quote(market),
        }
    }

    /// These markets and those that price what they are quoted in.
    pub(crate) fn wanted(&self, markets: &BTreeSet<String>) -> BTreeSet<String> {
        let mut wanted = markets.clone();
        wanted.extend(markets.iter().filter_map(|market| self.priced_by(market)));
        wanted
    }

    /// Takes over one market's best bid and ask, seen at `at`.
    pub(crate) fn set(&self, market: &str, (bid, ask): (Decimal, Decimal), at: UnixNanos) {
        let Some(reference) = between(bid, ask, at) else { return };
        let mut prices = HashMap::clone(&self.prices.load());
        if prices.contains_key(market) || prices.len() < MARKETS {
            prices.insert(market.to_owned(), reference);
            self.prices.store(Arc::new(prices));
        }
    }

    /// The query for the prices of these markets and of what they are quoted
    /// in; none for every market.
    pub(crate) fn query(&self, markets: &BTreeSet<String>) -> Option<String> {
        let wanted = self.wanted(markets);
        // The venue takes a list of up to some hundred; beyond it, all cost the
        // same.
        if wanted.is_empty() || wanted.len() > 100 || wanted.contains("*") {
            return None;
        }
        let plain = |market: &String| market.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let list: Vec<String> = wanted
            .iter()
            .filter(|market| plain(market))
            .map(|name| format!("%22{name}%22"))
            .collect();
        Some(format!("symbols=%5B{}%5D", list.join(",")))
    }

    /// Takes over a `bookTicker` answer, seen at `at`. A market that it does
    /// not name keeps its last price, whose age is judged.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn take(
        &self,
        body: &[u8],
        product: Product,
        at: UnixNanos,
    ) -> Result<usize, String> {
        let tickers: Tickers = serde_json::from_slice(body)
            .map_err(|error| format!("bookTicker cannot be read: {error}"))?;
        let rows = match tickers {
            Tickers::Many(rows) => rows,
            Tickers::One(row) => vec![row],
        };
        let mut prices = HashMap::clone(&self.prices.load());
        let mut taken = 0;
        for row in rows {
            let market = product.market(&row.symbol);
            if let Some(reference) = reference(&row, at)
                && (prices.contains_key(&market) || prices.len() < MARKETS)
            {
                prices.insert(market, reference);
                taken += 1;
            }
        }
        self.prices.store(Arc::new(prices));
        Ok(taken)
    }

    /// Every market's price.
    pub(crate) fn each(&self, mut take: impl FnMut(&str, &Reference)) {
        self.prices.load().iter().for_each(|(market, reference)| take(market, reference));
    }

    /// How many markets' assets are known.
    pub(crate) fn known(&self) -> usize {
        self.quotes.load().len()
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
    between(positive(&row.bid_price)?, positive(&row.ask_price)?, at)
}

fn between(bid: Decimal, ask: Decimal, at: UnixNanos) -> Option<Reference> {
    let mid = bid.checked_add(ask)?.checked_div(Decimal::TWO)?;
    (bid <= ask).then_some(Reference { bid, ask, mid, at })
}

/// WOO X marks its markets; no symbol of Binance's begins so.
fn is_woox(market: &str) -> bool {
    market.starts_with("SPOT_") || market.starts_with("PERP_")
}

/// The market in which an asset is priced in dollars.
pub(crate) fn dollar_market(asset: &str, venue: wire::model::Venue) -> String {
    match venue {
        wire::model::Venue::Binance => format!("{asset}{DOLLAR}"),
        wire::model::Venue::WooX => format!("SPOT_{asset}_{DOLLAR}"),
    }
}

fn dollar_market_of_quote(market: &str) -> Option<String> {
    if is_woox(market) {
        let (_, quote) = market.rsplit_once('_')?;
        return QUOTES.contains(&quote).then(|| format!("SPOT_{quote}_{DOLLAR}"));
    }
    QUOTES
        .iter()
        .find(|quote| market.len() > quote.len() && market.ends_with(**quote))
        .map(|quote| format!("{quote}{DOLLAR}"))
}

/// The price the other way round: the dearest dollar is the cheapest other.
fn inverse(of: &Reference) -> Option<Reference> {
    let (bid, ask) = (Decimal::ONE.checked_div(of.ask)?, Decimal::ONE.checked_div(of.bid)?);
    let mid = Decimal::ONE.checked_div(of.mid)?;
    Some(Reference { bid, ask, mid, at: of.at })
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
        assert_eq!(board.take(body, Product::Spot, UnixNanos(5)), Ok(2));
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
        assert_eq!(board.take(body, Product::Spot, UnixNanos(5)), Ok(1));
        // What cannot be read changes nothing.
        assert!(board.take(b"{\"code\":-1003}", Product::Spot, UnixNanos(6)).is_err());
        assert_eq!(board.reference("BTCUSDT").map(|price| price.at), Some(UnixNanos(5)));
    }

    #[test]
    fn the_query_names_what_is_needed() {
        let board = PriceBoard::default();
        let markets = BTreeSet::from(["ETHBTC".to_owned()]);
        assert_eq!(board.query(&markets).unwrap(), "symbols=%5B%22BTCUSDT%22,%22ETHBTC%22%5D");
        assert_eq!(board.query(&BTreeSet::from(["*".to_owned()])), None);
    }

    fn instrument(symbol: &str, base: &str, quote: &str) -> Instrument {
        Instrument { symbol: symbol.into(), base: base.into(), quote: quote.into() }
    }

    #[test]
    fn a_quote_asset_is_what_the_venue_says_and_not_what_the_name_ends_with() {
        let board = PriceBoard::default();
        let body = br#"[{"symbol":"BTCUSDT","bidPrice":"100","askPrice":"100"},
            {"symbol":"USDTTRY","bidPrice":"40","askPrice":"50"},
            {"symbol":"SBTCUSDT","bidPrice":"7","askPrice":"7"}]"#;
        board.take(body, Product::Spot, UnixNanos(5)).unwrap();
        let mid = |market: &str| board.quote_in_usd(market).map(|price| price.mid);
        // Until then the name decides, wrongly here.
        assert_eq!(mid("AAASBTC"), Some(Decimal::from(100)));
        let told = [
            instrument("BTCUSDT", "BTC", "USDT"),
            instrument("AAASBTC", "AAA", "SBTC"),
            instrument("SBTCUSDT", "SBTC", "USDT"),
            instrument("USDTTRY", "USDT", "TRY"),
            instrument("BTCTRY", "BTC", "TRY"),
            instrument("ODDBTC", "ODD", "XBTC"),
        ];
        board.learn(told.iter(), &["USDT".to_owned()]);
        assert_eq!(mid("AAASBTC"), Some(Decimal::from(7)));
        // The mean of 40 and 50 is 45: the other way round.
        assert_eq!(mid("BTCTRY"), Decimal::ONE.checked_div(Decimal::from(45)));
        let lira = board.quote_in_usd("BTCTRY").unwrap();
        assert_eq!((lira.bid, lira.ask), (Decimal::new(2, 2), Decimal::new(25, 3)));
        // Nothing prices XBTC, and nobody knows the second.
        assert_eq!((mid("ODDBTC"), mid("UNKNOWNBTC")), (None, None));
        assert_eq!(mid("BTCUSDT"), None, "a dollar needs no price");
        let asked = board.query(&BTreeSet::from(["BTCTRY".to_owned(), "ODDBTC".to_owned()]));
        assert_eq!(asked.unwrap(), "symbols=%5B%22BTCTRY%22,%22ODDBTC%22,%22USDTTRY%22%5D");
    }
}
