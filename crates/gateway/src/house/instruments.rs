//! Which assets each market trades: the venue's `exchangeInfo`, read at start
//! and now and then.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use judge::{AccountEvent, Instrument};
use serde::Deserialize;
use wire::model::{Product, Venue};

use super::asking::asking;
use super::{House, watch};
use crate::clock;
use crate::entry;
use crate::limits;
use crate::record::Purpose;
use crate::shared::held;
use crate::upstream::Host;
use crate::upstream::budget::orders::OrderLimit;
use crate::venue::woox;

/// How soon it is asked again after a failure.
const AGAIN: Duration = Duration::from_secs(10);
/// Longest symbol and asset names, bytes; the venue's are shorter.
const NAME_BYTES: usize = 32;
/// Markets in one entry.
const PER_ENTRY: usize = 400;
const _: () = assert!(PER_ENTRY * (3 * NAME_BYTES + 40) < limits::ENTRY_BYTES);

#[derive(Deserialize)]
struct Info {
    symbols: Vec<Row>,
}

/// The limits of an `exchangeInfo` answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    rate_limits: Vec<Limit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    rate_limit_type: String,
    interval: String,
    interval_num: u32,
    limit: u32,
}

impl Limits {
    /// The request weight of an address in a minute.
    fn weight(&self) -> Option<u32> {
        let weight = self.rate_limits.iter().find(|one| {
            one.rate_limit_type == "REQUEST_WEIGHT"
                && one.interval == "MINUTE"
                && one.interval_num == 1
        });
        weight.map(|one| one.limit)
    }

    /// The windows in which an account's orders are counted.
    fn orders(&self) -> Vec<OrderLimit> {
        let orders = self.rate_limits.iter().filter(|one| one.rate_limit_type == "ORDERS");
        let each =
            orders.filter_map(|one| OrderLimit::of(&one.interval, one.interval_num, one.limit));
        each.collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    symbol: String,
    base_asset: String,
    quote_asset: String,
}

/// Keeps the venue's markets known.
pub(crate) async fn run(house: Rc<House>) {
    loop {
        let mut pause = limits::INSTRUMENTS_EVERY;
        if house.has(Venue::WooX) {
            let read = house.public(Host::WooX, woox::market::MARKETS.to_owned()).await;
            match read.and_then(|answer| woox::market::instruments(&answer.body)) {
                Ok(told) => house.learn(Venue::WooX, &told),
                Err(error) => {
                    tracing::warn!(error, "the markets of WOO X are not known");
                    pause = AGAIN;
                }
            }
        }
        for product in Product::ALL.into_iter().filter(|_| house.has(Venue::Binance)) {
            let Some(asking) = asking(product).filter(|_| house.trades(product)) else { continue };
            let read = house.public(asking.host, asking.markets.to_owned()).await;
            if let Ok(answer) = &read {
                house.learn_limits(asking.host, &answer.body);
            }
            match read.and_then(|answer| instruments(&answer.body, product)) {
                Ok(told) => house.learn(Venue::Binance, &told),
                Err(error) => {
                    tracing::warn!(product = product.name(), error, "its markets are not known");
                    pause = AGAIN;
                }
            }
        }
        tokio::time::sleep(pause).await;
    }
}

impl House {
    /// Whether anybody needs a product's markets: spot's value every other's
    /// quote assets.
    fn trades(&self, product: Product) -> bool {
        let mut markets = self.gateway.accounts.values().flat_map(|one| watch::markets_of(one));
        product == Product::Spot || markets.any(|market| Product::of(&market).0 == product)
    }

    /// The venue's limits of weight and orders.
    fn learn_limits(&self, host: Host, body: &[u8]) {
        let Ok(limits) = serde_json::from_slice::<Limits>(body) else { return };
        if let Some(limit) = limits.weight() {
            self.pool.set_weight_limit(host, limit);
        }
        let orders = limits.orders();
        for group in self.gateway.accounts.values().filter(|one| one.venue == Venue::Binance) {
            // The account's own limits may be others: once known they stay.
            if let Some(budget) = group.orders.of(host).filter(|one| !one.has_limits()) {
                budget.set_limits(&orders);
            }
        }
    }

    /// Whether an account is at that venue.
    pub(super) fn has(&self, venue: Venue) -> bool {
        self.gateway.accounts.values().any(|group| group.venue == venue)
    }

    /// Tells the judge of every account there, the log and the prices. A market that the
    /// venue no longer names keeps its assets.
    fn learn(&self, venue: Venue, told: &[Instrument]) {
        let mut known: BTreeMap<String, Instrument> = BTreeMap::new();
        let mut dollars = Vec::new();
        for group in self.gateway.accounts.values() {
            let mut judge = held(&group.judge);
            let told = if group.venue == venue { told } else { &[] };
            let news = judge.instrument_news(told);
            let now = self.gateway.clock.now();
            for news in news.chunks(PER_ENTRY) {
                let at = clock::host_nanos();
                let entry = entry::instruments(at, now, &group.name, news);
                // INVARIANT (pure judge): what is not in the log is not known
                // yet. The next reading tells it again.
                if self.gateway.log.append(&entry, Purpose::Ordinary).is_err() {
                    break;
                }
                judge.apply(&AccountEvent::Instruments(news.to_vec()), now);
            }
            known.extend(judge.instruments().map(|one| (one.symbol.clone(), one.clone())));
            dollars = judge.dollars().to_vec();
        }
        self.gateway.prices.learn(known.values(), &dollars);
    }
}

/// The markets of an `exchangeInfo` answer.
fn instruments(body: &[u8], product: Product) -> Result<Vec<Instrument>, String> {
    let info: Info = serde_json::from_slice(body)
        .map_err(|error| format!("exchangeInfo cannot be read: {error}"))?;
    let sane = |name: &String| !name.is_empty() && name.len() <= NAME_BYTES;
    let told: Vec<Instrument> = info
        .symbols
        .into_iter()
        .filter(|row| [&row.symbol, &row.base_asset, &row.quote_asset].into_iter().all(sane))
        .take(judge::bounds::INSTRUMENTS)
        .map(|row| Instrument {
            symbol: product.market(&row.symbol),
            base: row.base_asset,
            quote: row.quote_asset,
        })
        .collect();
    if told.is_empty() {
        return Err("exchangeInfo names no market".to_owned());
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markets_are_read_with_their_assets() {
        let body = br#"{"timezone":"UTC","serverTime":1565246363776,"rateLimits":[],
            "symbols":[{"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH",
            "baseAssetPrecision":8,"quoteAsset":"BTC","filters":[]},
            {"symbol":"","baseAsset":"A","quoteAsset":"B"}]}"#;
        let told = instruments(body, Product::Spot).unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].base.as_str(), told[0].quote.as_str()), ("ETH", "BTC"));
    }

    #[test]
    fn an_answer_without_markets_is_none() {
        for body in [&br#"{"symbols":[]}"#[..], b"{}", b"[]", br#"{"code":-1121}"#] {
            assert!(instruments(body, Product::Spot).is_err());
        }
        let long = format!(
            r#"{{"symbols":[{{"symbol":"{}","baseAsset":"A","quoteAsset":"B"}}]}}"#,
            "A".repeat(NAME_BYTES + 1)
        );
        assert!(instruments(long.as_bytes(), Product::Spot).is_err());
    }
}
