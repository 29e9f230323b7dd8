//! What the topics of market data say.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::woox::exchange::{Exchange, Market, Side};
use crate::woox::market_data;
use crate::woox::report::number;

/// Levels a side in the book topics.
const DEPTH: usize = 100;

/// What a socket was last told of a topic.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Sum of the markets' update numbers, one up, so that zero is "nothing yet".
    updates: u64,
    at_ms: i64,
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

/// The market and the name of a topic such as `SPOT_BTC_USDT@orderbook`.
fn split<'a>(exchange: &'a Exchange, topic: &'a str) -> Option<(&'a Market, &'a str)> {
    let (symbol, name) = topic.split_once('@')?;
    Some((exchange.markets.get(symbol)?, name))
}

/// Whether a topic can be subscribed.
pub(super) fn known(exchange: &Exchange, topic: &str) -> bool {
    if matches!(topic, "tickers" | "bbos") {
        return true;
    }
    let Some((market, name)) = split(exchange, topic) else { return false };
    match name {
        "orderbook" | "orderbookupdate" | "trade" | "ticker" | "bbo" | "indexprice" => true,
        "markprice" | "estfundingrate" => market.spec.perpetual,
        other => other.strip_prefix("kline_").and_then(market_data::span).is_some(),
    }
}

/// What a topic says now, if its market has changed since it was last told.
pub(super) fn now(exchange: &Exchange, topic: &str, seen: &mut Seen, now: i64) -> Option<Value> {
    let market = split(exchange, topic);
    let updates = match &market {
        Some((market, _)) => market.book.updates,
        None => exchange.markets.values().fold(0, |sum, m| m.book.updates.saturating_add(sum)),
    };
    let updates = updates.saturating_add(1);
    if seen.updates == updates {
        return None;
    }
    let first = seen.updates == 0;
    seen.updates = updates;
    let before = std::mem::replace(&mut seen.at_ms, now);
    let Some((market, name)) = market else {
        let rows = exchange.markets.values();
        return Some(if topic == "bbos" {
            rows.map(|market| bbo(exchange, market)).collect()
        } else {
            rows.map(|market| ticker(market, now)).collect()
        });
    };
    match name {
        // Trades come as they happen.
        "trade" => None,
        "orderbook" => Some(book(exchange, market)),
        "orderbookupdate" => delta(exchange, market, seen, (!first).then_some(before)),
        "ticker" => Some(ticker(market, now)),
        "bbo" => Some(bbo(exchange, market)),
        "markprice" => {
            Some(json!({ "symbol": market.spec.symbol, "price": number(market.mark()) }))
        }
        "indexprice" => {
            let price = exchange.token_price(&market.spec.base);
            Some(json!({ "symbol": market.spec.symbol, "price": number(price) }))
        }
        "estfundingrate" => Some(json!({
            "symbol": market.spec.symbol,
            "fundingRate": number(market.funding_rate),
            "fundingTs": exchange.next_funding(now),
        })),
        other => kline(market, other.strip_prefix("kline_")?, now),
    }
}

fn rows(levels: Vec<(Decimal, Decimal)>) -> Vec<Value> {
    levels.into_iter().map(|(price, size)| json!([number(price), number(size)])).collect()
}

fn book(exchange: &Exchange, market: &Market) -> Value {
    json!({
        "symbol": market.spec.symbol,
        "asks": rows(exchange.levels(market, Side::Sell, DEPTH)),
        "bids": rows(exchange.levels(market, Side::Buy, DEPTH)),
    })
}

/// The levels that changed since the last time; a size of zero deletes one. The
/// first time says nothing: clients start from the REST book.
fn delta(
    exchange: &Exchange,
    market: &Market,
    seen: &mut Seen,
    before: Option<i64>,
) -> Option<Value> {
    let mut side = |side: Side| -> Vec<Value> {
        let new: BTreeMap<Decimal, Decimal> =
            exchange.levels(market, side, DEPTH).into_iter().collect();
        let old = match side {
            Side::Buy => &mut seen.bids,
            Side::Sell => &mut seen.asks,
        };
        let gone =
            old.keys().filter(|price| !new.contains_key(*price)).map(|p| (*p, Decimal::ZERO));
        let changed = new.iter().filter(|(price, size)| old.get(*price) != Some(*size));
        let rows = rows(gone.chain(changed.map(|(price, size)| (*price, *size))).collect());
        *old = new;
        rows
    };
    let (bids, asks) = (side(Side::Buy), side(Side::Sell));
    let before = before?;
    (!bids.is_empty() || !asks.is_empty()).then(
        || json!({ "symbol": market.spec.symbol, "prevTs": before, "bids": bids, "asks": asks }),
    )
}

fn ticker(market: &Market, now: i64) -> Value {
    let day = market_data::day(market, now);
    json!({
        "symbol": market.spec.symbol,
        "open": number(day.open),
        "close": number(day.close),
        "high": number(day.high),
        "low": number(day.low),
        "volume": number(day.volume),
        "amount": number(day.amount),
        "count": day.count,
    })
}

fn bbo(exchange: &Exchange, market: &Market) -> Value {
    let best = |side: Side| exchange.levels(market, side, 1).into_iter().next().unwrap_or_default();
    let (ask, bid) = (best(Side::Sell), best(Side::Buy));
    json!({
        "symbol": market.spec.symbol,
        "ask": number(ask.0),
        "askSize": number(ask.1),
        "bid": number(bid.0),
        "bidSize": number(bid.1),
    })
}

fn kline(market: &Market, kind: &str, now: i64) -> Option<Value> {
    let span = market_data::span(kind)?;
    let start = now.div_euclid(span).saturating_mul(span);
    let candle = market.candle(start, start.saturating_add(span));
    Some(json!({
        "symbol": market.spec.symbol,
        "type": kind,
        "open": number(candle.open),
        "close": number(candle.close),
        "high": number(candle.high),
        "low": number(candle.low),
        "volume": number(candle.volume),
        "amount": number(candle.amount),
        "startTime": start,
        "endTime": start.saturating_add(span),
    }))
}
