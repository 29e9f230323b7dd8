//! Public market data of v3, and what v1 has of it.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::woox::exchange::{Candle, Market, Side};
use crate::woox::params::Params;
use crate::woox::reject::{Answer, Reject};
use crate::woox::report::{number, seconds, text};
use crate::woox::routes::Call;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// The length of a kline type; months and years are counted as 30 and 365 days.
pub(crate) fn span(kind: &str) -> Option<i64> {
    let minutes = match kind {
        "1m" => 1,
        "5m" => 5,
        "15m" => 15,
        "30m" => 30,
        "1h" => 60,
        "4h" => 240,
        "12h" => 720,
        "1d" => 1440,
        "1w" => 10_080,
        "1mon" => 43_200,
        "1y" => 525_600,
        _ => return None,
    };
    Some(MINUTE_MS.saturating_mul(minutes))
}

fn system(call: &Call<'_>) -> Value {
    json!({
        "success": true,
        "data": {
            "status": 0,
            "msg": "System is functioning properly.",
            "estimatedEndTime": call.now,
        },
        "timestamp": call.now,
    })
}

/// `GET /v3/public/systemInfo` and `GET /v1/public/system_info`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn system_info(call: &mut Call<'_>) -> Answer {
    Ok(system(call))
}

fn instrument(market: &Market) -> Value {
    let spec = &market.spec;
    json!({
        "symbol": spec.symbol,
        "status": "TRADING",
        "baseAsset": spec.base,
        "baseAssetMultiplier": 1,
        "quoteAsset": spec.quote,
        "quoteMin": "0",
        "quoteMax": "1000000",
        "quoteTick": text(spec.tick),
        "baseMin": text(spec.min_qty),
        "baseMax": text(spec.max_qty),
        "baseTick": text(spec.step),
        "minNotional": text(spec.min_notional),
        "bidCapRatio": text(Decimal::ONE.saturating_add(spec.price_range)),
        "bidFloorRatio": null,
        "askCapRatio": null,
        "askFloorRatio": text(Decimal::ONE.saturating_sub(spec.price_range)),
        "orderMode": "NORMAL",
        "impactNotional": null,
        "isAllowedRpi": false,
        "tickGranularity": null,
    })
}

/// `GET /v3/public/instruments`.
pub(crate) fn instruments(call: &mut Call<'_>) -> Answer {
    let wanted = call.optional_symbol()?;
    let markets = call.exchange.markets.values();
    let markets = markets.filter(|m| wanted.as_ref().is_none_or(|s| m.spec.symbol == *s));
    let rows: Vec<Value> = markets.map(instrument).collect();
    call.data(json!({ "rows": rows }))
}

fn info_row(market: &Market) -> Value {
    let spec = &market.spec;
    json!({
        "symbol": spec.symbol,
        "quote_min": 0,
        "quote_max": 1_000_000,
        "quote_tick": number(spec.tick),
        "base_min": number(spec.min_qty),
        "base_max": number(spec.max_qty),
        "base_tick": number(spec.step),
        "min_notional": number(spec.min_notional),
        "price_range": number(spec.price_range),
        "price_scope": null,
        "created_time": seconds(market.opened_ms),
        "updated_time": seconds(market.opened_ms),
        "is_stable": 0,
        "is_trading": 1,
        "precisions": [1, 10, 100, 500, 1000, 10000],
    })
}

/// `GET /v1/public/info`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn info_v1(call: &mut Call<'_>) -> Answer {
    let rows: Vec<Value> = call.exchange.markets.values().map(info_row).collect();
    Ok(json!({ "success": true, "rows": rows }))
}

/// `GET /v1/public/info/{symbol}`.
pub(crate) fn info_of_v1(call: &mut Call<'_>) -> Answer {
    let market = call.exchange.market(call.segment(0)?)?;
    Ok(json!({ "success": true, "info": info_row(market) }))
}

/// `GET /v1/public/token`: one row for each token and network.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn tokens_v1(call: &mut Call<'_>) -> Answer {
    let tokens = call.exchange.options.tokens.iter();
    let rows: Vec<Value> = tokens
        .flat_map(|token| token.networks.iter().map(move |network| (token, network)))
        .map(|(token, network)| {
            let plain = network.network == token.token;
            let name = if plain {
                token.token.clone()
            } else {
                format!("{}_{}", network.network, token.token)
            };
            json!({
                "token": name,
                "fullname": token.name,
                "network": network.network,
                "decimals": "8",
                "delisted": false,
                "balance_token": token.token,
                "created_time": "1710123398",
                "updated_time": "1746528481",
                "can_collateral": token.token == "USDT",
                "can_short": false,
            })
        })
        .collect();
    Ok(json!({ "rows": rows, "success": true }))
}

/// `GET /v1/public/token_network`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn token_networks_v1(call: &mut Call<'_>) -> Answer {
    let tokens = call.exchange.options.tokens.iter();
    let rows: Vec<Value> = tokens
        .flat_map(|token| token.networks.iter().map(move |network| (token, network)))
        .map(|(token, network)| {
            json!({
                "protocol": network.protocol,
                "network": network.network,
                "token": token.token,
                "name": format!("{} ({})", network.network, network.protocol),
                "minimum_withdrawal": text(network.withdraw_min),
                "withdrawal_fee": text(network.withdraw_fee),
                "allow_deposit": "1",
                "allow_withdraw": "1",
            })
        })
        .collect();
    Ok(json!({ "rows": rows, "success": true }))
}

fn camel(rows: Option<&Value>) -> Vec<Value> {
    let rename = |row: &Value| -> Value {
        let pairs = row.as_object().into_iter().flatten().map(|(name, value)| {
            let mut parts = name.split('_');
            let mut camel = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let mut letters = part.chars();
                camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                camel.push_str(letters.as_str());
            }
            (camel, value.clone())
        });
        Value::Object(pairs.collect())
    };
    rows.and_then(Value::as_array).into_iter().flatten().map(rename).collect()
}

/// `GET /v3/public/token` (field names as v1's in camel case; unverified).
pub(crate) fn tokens(call: &mut Call<'_>) -> Answer {
    let body = tokens_v1(call)?;
    call.data(json!({ "rows": camel(body.get("rows")) }))
}

/// `GET /v3/public/tokenNetwork` (likewise).
pub(crate) fn token_networks(call: &mut Call<'_>) -> Answer {
    let body = token_networks_v1(call)?;
    call.data(json!({ "rows": camel(body.get("rows")) }))
}

/// Levels of both sides: asks, bids.
fn depth(
    call: &Call<'_>,
    symbol: &str,
    most: usize,
    level: impl Fn(Decimal) -> Value,
) -> Result<(Vec<Value>, Vec<Value>), Reject> {
    let market = call.exchange.market(symbol)?;
    let side = |side: Side| -> Vec<Value> {
        let levels = call.exchange.levels(market, side, most).into_iter();
        levels
            .map(|(price, quantity)| json!({ "price": level(price), "quantity": level(quantity) }))
            .collect()
    };
    Ok((side(Side::Sell), side(Side::Buy)))
}

/// `GET /v3/public/orderbook`.
pub(crate) fn order_book(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    let most = call.params.integer("maxLevel")?.unwrap_or(100).min(500);
    let most = usize::try_from(most).unwrap_or(100);
    let (asks, bids) = depth(call, &symbol, most, |amount| json!(text(amount)))?;
    call.data(json!({ "asks": asks, "bids": bids }))
}

/// `GET /v1/public/orderbook/{symbol}`, and `GET /v1/orderbook/{symbol}`.
pub(crate) fn order_book_v1(call: &mut Call<'_>) -> Answer {
    let symbol = call.segment(0)?.to_owned();
    let most = call.params.integer("max_level")?.unwrap_or(100).min(500);
    let most = usize::try_from(most).unwrap_or(100);
    let (asks, bids) = depth(call, &symbol, most, number)?;
    Ok(json!({ "success": true, "timestamp": call.now, "asks": asks, "bids": bids }))
}

/// `GET /v3/public/marketTrades` and `marketTradesHistory`.
pub(crate) fn market_trades(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    let page = call.params.page(10, 500)?;
    let trades = call.exchange.market(&symbol)?.trades.iter().rev();
    let rows: Vec<Value> = trades
        .map(|trade| {
            json!({
                "symbol": symbol,
                "side": trade.side.word(),
                "source": 0,
                "executedPrice": text(trade.price),
                "executedQuantity": text(trade.quantity),
                "executedTimestamp": trade.at_ms,
            })
        })
        .collect();
    call.data(json!({ "rows": page.cut(rows) }))
}

/// `GET /v1/public/market_trades`.
pub(crate) fn market_trades_v1(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    let page = call.params.page(10, 100)?;
    let trades = call.exchange.market(&symbol)?.trades.iter().rev();
    let rows: Vec<Value> = trades
        .map(|trade| {
            json!({
                "symbol": symbol,
                "side": trade.side.word(),
                "source": 0,
                "executed_price": number(trade.price),
                "executed_quantity": number(trade.quantity),
                "executed_timestamp": seconds(trade.at_ms),
            })
        })
        .collect();
    Ok(json!({ "success": true, "rows": page.cut(rows) }))
}

/// The newest candles of a type, newest first.
fn candles(call: &Call<'_>) -> Result<(String, String, i64, Vec<Candle>), Reject> {
    let symbol = call.symbol()?;
    let kind = call.params.required("type")?;
    let span = span(&kind).ok_or_else(|| Reject::invalid(format!("type {kind} is invalid")))?;
    let most = call.params.integer("limit")?.unwrap_or(100).min(1000);
    let before = call.params.either("before", "end_time", Params::time)?.unwrap_or(call.now);
    let after = call.params.either("after", "start_time", Params::time)?.unwrap_or(0);
    let market = call.exchange.market(&symbol)?;
    let newest = before.min(call.now).div_euclid(span).saturating_mul(span);
    let mut candles = Vec::new();
    for back in 0..i64::try_from(most).unwrap_or(0) {
        let start = newest.saturating_sub(back.saturating_mul(span));
        // Before the venue opened there is nothing to show.
        if start <= after || start.saturating_add(span) <= market.opened_ms {
            break;
        }
        candles.push(market.candle(start, start.saturating_add(span)));
    }
    Ok((symbol, kind, span, candles))
}

/// `GET /v3/public/kline` and `klineHistory`.
pub(crate) fn klines(call: &mut Call<'_>) -> Answer {
    let (symbol, kind, span, candles) = candles(call)?;
    let rows: Vec<Value> = candles
        .into_iter()
        .map(|candle| {
            json!({
                "symbol": symbol,
                "open": text(candle.open),
                "close": text(candle.close),
                "high": text(candle.high),
                "low": text(candle.low),
                "volume": text(candle.volume),
                "amount": text(candle.amount),
                "type": kind,
                "startTimestamp": candle.start_ms,
                "endTimestamp": candle.start_ms.saturating_add(span),
            })
        })
        .collect();
    call.data(json!({ "rows": rows }))
}

/// `GET /v1/public/kline`.
pub(crate) fn klines_v1(call: &mut Call<'_>) -> Answer {
    let (symbol, kind, span, candles) = candles(call)?;
    let rows: Vec<Value> = candles
        .into_iter()
        .map(|candle| {
            json!({
                "symbol": symbol,
                "open": number(candle.open),
                "close": number(candle.close),
                "high": number(candle.high),
                "low": number(candle.low),
                "volume": number(candle.volume),
                "amount": number(candle.amount),
                "type": kind,
                "start_timestamp": candle.start_ms,
                "end_timestamp": candle.start_ms.saturating_add(span),
            })
        })
        .collect();
    Ok(json!({ "success": true, "rows": rows }))
}

/// The last day of a market.
pub(crate) fn day(market: &Market, now: i64) -> Candle {
    market.candle(now.saturating_sub(DAY_MS), now.saturating_add(1))
}

/// Open interest: what the accounts hold long, in base.
fn open_interest(call: &Call<'_>, symbol: &str) -> Decimal {
    let accounts = call.exchange.accounts.iter();
    let held = accounts.flat_map(|state| state.positions.iter());
    held.filter(|((other, _), _)| other == symbol).fold(Decimal::ZERO, |sum, (_, position)| {
        sum.saturating_add(position.holding.max(Decimal::ZERO))
    })
}

fn futures_rows(call: &Call<'_>, wanted: Option<&str>) -> Vec<Value> {
    let markets = call.exchange.markets.values().filter(|market| market.spec.perpetual);
    markets
        .filter(|market| wanted.is_none_or(|symbol| market.spec.symbol == symbol))
        .map(|market| {
            let day = day(market, call.now);
            let last = market.fundings.back().map_or(market.funding_rate, |past| past.rate);
            json!({
                "symbol": market.spec.symbol,
                "indexPrice": text(call.exchange.token_price(&market.spec.base)),
                "markPrice": text(market.mark()),
                "estFundingRate": text(market.funding_rate),
                "lastFundingRate": text(last),
                "openInterest": text(open_interest(call, &market.spec.symbol)),
                "24hOpen": text(day.open),
                "24hClose": text(day.close),
                "24hHigh": text(day.high),
                "24hLow": text(day.low),
                "24hVolume": text(day.volume),
                "24hAmount": text(day.amount),
                "nextFundingTime": call.exchange.next_funding(call.now),
            })
        })
        .collect()
}

/// `GET /v3/public/futures`.
pub(crate) fn futures(call: &mut Call<'_>) -> Answer {
    let wanted = call.optional_symbol()?;
    let rows = futures_rows(call, wanted.as_deref());
    call.data(json!({ "rows": rows }))
}

fn snake_futures(row: &Value) -> Value {
    json!({
        "symbol": row.get("symbol"),
        "index_price": row.get("indexPrice"),
        "mark_price": row.get("markPrice"),
        "est_funding_rate": row.get("estFundingRate"),
        "last_funding_rate": row.get("lastFundingRate"),
        "next_funding_time": row.get("nextFundingTime"),
        "open_interest": row.get("openInterest"),
        "24h_open": row.get("24hOpen"),
        "24h_close": row.get("24hClose"),
        "24h_high": row.get("24hHigh"),
        "24h_low": row.get("24hLow"),
        "24h_volume": row.get("24hVolume"),
        "24h_amount": row.get("24hAmount"),
    })
}

/// `GET /v1/public/futures`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn futures_v1(call: &mut Call<'_>) -> Answer {
    let rows: Vec<Value> = futures_rows(call, None).iter().map(snake_futures).collect();
    Ok(json!({ "success": true, "rows": rows, "timestamp": call.now }))
}

/// `GET /v1/public/futures/{symbol}`.
pub(crate) fn futures_of_v1(call: &mut Call<'_>) -> Answer {
    let symbol = call.segment(0)?.to_owned();
    let rows = futures_rows(call, Some(&symbol));
    let row = rows.first().map(snake_futures).ok_or_else(Reject::symbol)?;
    Ok(json!({ "success": true, "info": row, "timestamp": call.now }))
}

fn hours(call: &Call<'_>) -> i64 {
    call.exchange.options.funding.interval_ms / 3_600_000
}

/// `GET /v3/public/fundingRate`.
pub(crate) fn funding_rate(call: &mut Call<'_>) -> Answer {
    let wanted = call.optional_symbol()?;
    let markets = call.exchange.markets.values().filter(|market| market.spec.perpetual);
    let rows: Vec<Value> = markets
        .filter(|market| wanted.as_ref().is_none_or(|symbol| market.spec.symbol == *symbol))
        .map(|market| {
            let last = market.fundings.back();
            json!({
                "symbol": market.spec.symbol,
                "estFundingRate": text(market.funding_rate),
                "estFundingRateTimestamp": call.now,
                "lastFundingRate": text(last.map_or(market.funding_rate, |past| past.rate)),
                "lastFundingRateTimestamp": last.map_or(market.opened_ms, |past| past.at_ms),
                "nextFundingTime": call.exchange.next_funding(call.now),
                "lastFundingIntervalHours": hours(call),
                "estFundingIntervalHours": hours(call),
            })
        })
        .collect();
    call.data(json!({ "rows": rows }))
}

/// `GET /v1/public/funding_rate/{symbol}`.
pub(crate) fn funding_rate_v1(call: &mut Call<'_>) -> Answer {
    let market = call.exchange.market(call.segment(0)?)?;
    if !market.spec.perpetual {
        return Err(Reject::symbol());
    }
    let last = market.fundings.back();
    Ok(json!({
        "success": true,
        "timestamp": call.now,
        "symbol": market.spec.symbol,
        "est_funding_rate": number(market.funding_rate),
        "est_funding_rate_timestamp": call.now,
        "last_funding_rate": number(last.map_or(market.funding_rate, |past| past.rate)),
        "last_funding_rate_timestamp": last.map_or(market.opened_ms, |past| past.at_ms),
        "next_funding_time": call.exchange.next_funding(call.now),
    }))
}

/// `GET /v3/public/fundingRateHistory`.
pub(crate) fn funding_rate_history(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    let (page, period) = (call.params.page(25, 500)?, call.period()?);
    let interval = call.exchange.options.funding.interval_ms;
    let fundings = call.exchange.market(&symbol)?.fundings.iter().rev();
    let rows = fundings
        .filter(|past| period.contains(&past.at_ms))
        .map(|past| {
            json!({
                "symbol": symbol,
                "fundingRate": text(past.rate),
                "fundingRateTimestamp": past.at_ms,
                "nextFundingTime": past.at_ms.saturating_add(interval),
                "markPrice": text(past.mark),
            })
        })
        .collect();
    call.rows(rows, page)
}
