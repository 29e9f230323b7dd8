//! What WOO X says to everybody: its time, its markets, their prices.

use judge::Instrument;
use serde::Deserialize;
use wire::model::Decimal;

use super::number::{Number, sane_name};

/// Where the venue's time stands.
pub(crate) const TIME: &str = "/v3/public/systemInfo";
/// Where its markets stand.
pub(crate) const MARKETS: &str = "/v3/public/instruments";

/// Where a market's best prices stand. The venue has no list of them.
pub(crate) fn book_of(market: &str) -> String {
    format!("/v3/public/orderbook?symbol={market}&maxLevel=1")
}

/// The venue's time, Unix ms.
pub(crate) fn time(body: &[u8]) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct System {
        timestamp: Number,
    }
    let system: System = serde_json::from_slice(body)
        .map_err(|error| format!("the venue's time cannot be read: {error}"))?;
    system.timestamp.whole().ok_or_else(|| "the venue's time is no number".to_owned())
}

/// The markets of an `instruments` answer.
pub(crate) fn instruments(body: &[u8]) -> Result<Vec<Instrument>, String> {
    #[derive(Deserialize)]
    struct Info {
        data: Rows,
    }
    #[derive(Deserialize)]
    struct Rows {
        rows: Vec<Row>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        symbol: String,
        base_asset: String,
        quote_asset: String,
    }
    let info: Info = serde_json::from_slice(body)
        .map_err(|error| format!("the instruments cannot be read: {error}"))?;
    let told: Vec<Instrument> = info
        .data
        .rows
        .into_iter()
        .filter(|row| {
            [&row.symbol, &row.base_asset, &row.quote_asset].into_iter().all(|name| sane_name(name))
        })
        .take(judge::bounds::INSTRUMENTS)
        .map(|row| Instrument { symbol: row.symbol, base: row.base_asset, quote: row.quote_asset })
        .collect();
    if told.is_empty() {
        return Err("the instruments name no market".to_owned());
    }
    Ok(told)
}

/// Best bid and ask of an order book; none where a side is empty.
pub(crate) fn best(body: &[u8]) -> Result<Option<(Decimal, Decimal)>, String> {
    #[derive(Deserialize)]
    struct Answer {
        data: Book,
    }
    #[derive(Deserialize)]
    struct Book {
        bids: Vec<Level>,
        asks: Vec<Level>,
    }
    #[derive(Deserialize)]
    struct Level {
        price: Number,
    }
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| format!("the order book cannot be read: {error}"))?;
    let price =
        |levels: &[Level]| levels.first()?.price.decimal().filter(|price| *price > Decimal::ZERO);
    let Answer { data: Book { bids, asks } } = answer;
    Ok(price(&bids).zip(price(&asks)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_a_number_or_text() {
        assert_eq!(time(br#"{"success":true,"timestamp":1700000000123}"#), Ok(1_700_000_000_123));
        assert_eq!(time(br#"{"timestamp":"1700000000123"}"#), Ok(1_700_000_000_123));
        assert!(time(br#"{"success":false,"code":-1000}"#).is_err());
    }

    #[test]
    fn a_book_has_two_sides() {
        let body = br#"{"data":{"asks":[{"price":"101.5","quantity":"1"}],
            "bids":[{"price":"99","quantity":"2"}]}}"#;
        assert_eq!(best(body), Ok(Some((Decimal::from(99), Decimal::new(1015, 1)))));
        assert_eq!(best(br#"{"data":{"asks":[],"bids":[{"price":"9"}]}}"#), Ok(None));
        assert!(best(br#"{"success":false}"#).is_err());
    }

    #[test]
    fn markets_have_their_assets() {
        let body = br#"{"success":true,"data":{"rows":[{"symbol":"PERP_BTC_USDT",
            "baseAsset":"BTC","quoteAsset":"USDT"}]}}"#;
        let told = instruments(body).unwrap();
        assert_eq!((told[0].base.as_str(), told[0].quote.as_str()), ("BTC", "USDT"));
        assert!(instruments(br#"{"data":{"rows":[]}}"#).is_err());
    }
}
