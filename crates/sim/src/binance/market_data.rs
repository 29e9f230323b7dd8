//! Public market data.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binance::exchange::{
    MAX_AMENDMENTS, MAX_ICEBERG_PARTS, MAX_OPEN_LISTS, Market, PublicTrade, Side,
};
use crate::binance::money::{add, div, mul, show, sub};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;

/// `ping`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn ping(_call: &mut Call<'_>) -> Answer {
    Ok(json!({}))
}

/// `time`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn time(call: &mut Call<'_>) -> Answer {
    Ok(json!({ "serverTime": call.now }))
}

/// The markets asked for: one, several, or all. The flag says whether one.
fn asked<'a>(call: &'a Call<'_>) -> Result<(Vec<&'a Market>, bool), Reject> {
    let one = call.params.symbol()?;
    let several = call.params.symbols()?;
    match (one, several) {
        (Some(_), Some(_)) => {
            Err(Reject::new(400, -1128, "Combination of optional parameters invalid."))
        }
        (Some(symbol), None) => Ok((vec![call.exchange.market(symbol)?], true)),
        (None, Some(symbols)) => {
            let markets: Result<Vec<_>, _> =
                symbols.iter().map(|symbol| call.exchange.market(symbol)).collect();
            Ok((markets?, false))
        }
        (None, None) => Ok((call.exchange.markets.values().collect(), false)),
    }
}

fn rows(call: &Call<'_>, row: impl Fn(&Market) -> Value) -> Answer {
    let (markets, one) = asked(call)?;
    let mut rows: Vec<Value> = markets.into_iter().map(row).collect();
    if one { rows.pop().ok_or_else(Reject::bad_symbol) } else { Ok(Value::Array(rows)) }
}

/// `exchangeInfo`.
pub(crate) fn exchange_info(call: &mut Call<'_>) -> Answer {
    let (markets, _) = asked(call)?;
    let limits = &call.exchange.options.limits;
    let symbols: Vec<Value> = markets.into_iter().map(|market| symbol_info(market, call)).collect();
    Ok(json!({
        "timezone": "UTC",
        "serverTime": call.now,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limits.weight_per_minute},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": limits.orders_per_10s},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": limits.orders_per_day},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
        ],
        "exchangeFilters": [],
        "symbols": symbols,
    }))
}

fn symbol_info(market: &Market, call: &Call<'_>) -> Value {
    let spec = &market.spec;
    let limits = &call.exchange.options.limits;
    json!({
        "symbol": spec.symbol,
        "status": "TRADING",
        "baseAsset": spec.base,
        "baseAssetPrecision": 8,
        "quoteAsset": spec.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT"
        ],
        "icebergAllowed": true,
        "ocoAllowed": true,
        "otoAllowed": true,
        "opoAllowed": false,
        "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": false,
        "cancelReplaceAllowed": true,
        "amendAllowed": true,
        "pegInstructionsAllowed": false,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": show(spec.tick), "maxPrice": "1000000.00000000", "tickSize": show(spec.tick)},
            {"filterType": "LOT_SIZE", "minQty": show(spec.min_qty), "maxQty": show(spec.max_qty), "stepSize": show(spec.step)},
            {"filterType": "ICEBERG_PARTS", "limit": MAX_ICEBERG_PARTS},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": show(spec.max_qty), "stepSize": "0.00000000"},
            {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000, "minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000},
            {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2", "askMultiplierUp": "5", "askMultiplierDown": "0.2", "avgPriceMins": 5},
            {"filterType": "NOTIONAL", "minNotional": show(spec.min_notional), "applyMinToMarket": true, "maxNotional": show(spec.max_notional), "applyMaxToMarket": false, "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": limits.open_orders},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MAX_OPEN_LISTS},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": limits.open_stop_orders},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": MAX_AMENDMENTS},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    })
}

/// `exchangeInfo` of the coin-margined futures: no contracts here.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn coin_futures_info(call: &mut Call<'_>) -> Answer {
    Ok(json!({
        "timezone": "UTC",
        "serverTime": call.now,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }))
}

/// `exchangeInfo` of the options: no contracts here.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn options_info(call: &mut Call<'_>) -> Answer {
    Ok(json!({
        "timezone": "UTC",
        "serverTime": call.now,
        "optionContracts": [],
        "optionAssets": [],
        "optionSymbols": [],
        "rateLimits": [],
    }))
}

fn market<'a>(call: &'a Call<'_>) -> Result<&'a Market, Reject> {
    let symbol = call.params.symbol()?.ok_or_else(|| Reject::missing("symbol"))?;
    call.exchange.market(symbol)
}

/// `depth`.
pub(crate) fn depth(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    let limit = call.params.limit(100, 5000)?;
    let side = |side: Side| {
        let levels = call.exchange.levels(market, side, limit);
        levels
            .into_iter()
            .map(|(price, quantity)| json!([show(price), show(quantity)]))
            .collect::<Vec<_>>()
    };
    Ok(json!({
        "lastUpdateId": market.book.updates,
        "bids": side(Side::Buy),
        "asks": side(Side::Sell),
    }))
}

/// `trades` and `historicalTrades`.
pub(crate) fn trades(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    let limit = call.params.limit(500, 1000)?;
    let from = call.params.integer("fromId")?;
    let found: Vec<&PublicTrade> =
        market.trades.iter().filter(|trade| from.is_none_or(|from| trade.id >= from)).collect();
    let skip = if from.is_some() { 0 } else { found.len().saturating_sub(limit) };
    let rows = found.into_iter().skip(skip).take(limit).map(|trade| {
        json!({
            "id": trade.id,
            "price": show(trade.price),
            "qty": show(trade.quantity),
            "quoteQty": show(mul(trade.price, trade.quantity)),
            "time": trade.at_ms,
            "isBuyerMaker": trade.buyer_is_maker,
            "isBestMatch": true,
        })
    });
    Ok(rows.collect())
}

/// `aggTrades`: each trade for itself.
pub(crate) fn agg_trades(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    let limit = call.params.limit(500, 1000)?;
    let from = call.params.integer("fromId")?.unwrap_or(0);
    let (start, end) = call.period(24)?;
    let found: Vec<&PublicTrade> = market
        .trades
        .iter()
        .filter(|trade| trade.id >= from && (start..=end).contains(&trade.at_ms))
        .collect();
    let skip = if from == 0 && start == 0 { found.len().saturating_sub(limit) } else { 0 };
    let rows = found.into_iter().skip(skip).take(limit).map(|trade| {
        json!({
            "a": trade.id,
            "p": show(trade.price),
            "q": show(trade.quantity),
            "f": trade.id,
            "l": trade.id,
            "T": trade.at_ms,
            "m": trade.buyer_is_maker,
            "M": true,
        })
    });
    Ok(rows.collect())
}

/// Length of an interval in milliseconds.
fn interval_ms(interval: &str) -> Option<i64> {
    let units = [("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let known = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M";
    if !known.split(' ').any(|known| known == interval) {
        return None;
    }
    match interval {
        "1w" => Some(7 * 86_400_000),
        "1M" => Some(30 * 86_400_000),
        _ => units.iter().find_map(|(unit, ms)| {
            interval.strip_suffix(unit)?.parse::<i64>().ok()?.checked_mul(*ms)
        }),
    }
}

/// `klines`: from the trades kept, flat where there are none.
pub(crate) fn klines(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    klines_of(call, market)
}

/// The same for any market.
pub(crate) fn klines_of(call: &Call<'_>, market: &Market) -> Answer {
    let interval = call.params.required("interval")?;
    let step = interval_ms(interval).ok_or_else(|| Reject::new(400, -1120, "Invalid interval."))?;
    let limit = i64::try_from(call.params.limit(500, 1000)?).unwrap_or(1000);
    let (start, end) = call.period(i64::MAX / 3_600_000)?;
    let align = |time: i64| time.div_euclid(step).saturating_mul(step);
    let last = align(end.min(call.now));
    let first = if start > 0 {
        align(start.saturating_add(step.saturating_sub(1)))
    } else {
        last.saturating_sub(step.saturating_mul(limit.saturating_sub(1)))
    };
    let mut trades = market.trades.iter().skip_while(|trade| trade.at_ms < first).peekable();
    let mut close = market.spec.price;
    let mut rows = Vec::new();
    let mut open_at = first;
    for _ in 0..limit {
        if open_at > last {
            break;
        }
        let close_at = open_at.saturating_add(step).saturating_sub(1);
        let (mut high, mut low, open) = (close, close, close);
        let (mut volume, mut quote, mut count) = (Decimal::ZERO, Decimal::ZERO, 0_u64);
        while let Some(trade) = trades.next_if(|trade| trade.at_ms <= close_at) {
            close = trade.price;
            high = high.max(close);
            low = low.min(close);
            volume = add(volume, trade.quantity);
            quote = add(quote, mul(trade.price, trade.quantity));
            count = count.saturating_add(1);
        }
        rows.push(json!([
            open_at,
            show(open),
            show(high),
            show(low),
            show(close),
            show(volume),
            close_at,
            show(quote),
            count,
            show(div(volume, Decimal::TWO)),
            show(div(quote, Decimal::TWO)),
            "0"
        ]));
        open_at = open_at.saturating_add(step);
    }
    Ok(Value::Array(rows))
}

/// `avgPrice`.
pub(crate) fn avg_price(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    Ok(json!({ "mins": 5, "price": show(market.last), "closeTime": call.now }))
}

/// `ticker/price`.
pub(crate) fn ticker_price(call: &mut Call<'_>) -> Answer {
    rows(call, |market| json!({ "symbol": market.spec.symbol, "price": show(market.last) }))
}

/// Best price and quantity of a side.
fn best(call: &Call<'_>, market: &Market, side: Side) -> (String, String) {
    let level = call.exchange.levels(market, side, 1).into_iter().next();
    let (price, quantity) = level.unwrap_or_default();
    (show(price), show(quantity))
}

/// `ticker/bookTicker`.
pub(crate) fn book_ticker(call: &mut Call<'_>) -> Answer {
    rows(call, |market| {
        let (bid, bid_quantity) = best(call, market, Side::Buy);
        let (ask, ask_quantity) = best(call, market, Side::Sell);
        json!({
            "symbol": market.spec.symbol,
            "bidPrice": bid,
            "bidQty": bid_quantity,
            "askPrice": ask,
            "askQty": ask_quantity,
        })
    })
}

/// `ticker/24hr` and its like, over the trades kept.
pub(crate) fn ticker_24h(call: &mut Call<'_>) -> Answer {
    rows(call, |market| {
        let open = market.spec.price;
        let (mut high, mut low) = (open.max(market.last), open.min(market.last));
        let (mut volume, mut quote) = (Decimal::ZERO, Decimal::ZERO);
        for trade in &market.trades {
            high = high.max(trade.price);
            low = low.min(trade.price);
            volume = add(volume, trade.quantity);
            quote = add(quote, mul(trade.price, trade.quantity));
        }
        let change = sub(market.last, open);
        let percent = mul(div(change, open), Decimal::ONE_HUNDRED);
        let (bid, bid_quantity) = best(call, market, Side::Buy);
        let (ask, ask_quantity) = best(call, market, Side::Sell);
        let average = if volume.is_zero() { market.last } else { div(quote, volume) };
        let id = |trade: Option<&PublicTrade>| {
            trade.and_then(|trade| i64::try_from(trade.id).ok()).unwrap_or(-1)
        };
        json!({
            "symbol": market.spec.symbol,
            "priceChange": show(change),
            "priceChangePercent": format!("{percent:.3}"),
            "weightedAvgPrice": show(average),
            "prevClosePrice": show(open),
            "lastPrice": show(market.last),
            "lastQty": show(market.trades.back().map(|t| t.quantity).unwrap_or_default()),
            "bidPrice": bid,
            "bidQty": bid_quantity,
            "askPrice": ask,
            "askQty": ask_quantity,
            "openPrice": show(open),
            "highPrice": show(high),
            "lowPrice": show(low),
            "volume": show(volume),
            "quoteVolume": show(quote),
            "openTime": call.now.saturating_sub(86_400_000).max(market.opened_ms),
            "closeTime": call.now,
            "firstId": id(market.trades.front()),
            "lastId": id(market.trades.back()),
            "count": market.trades.len(),
        })
    })
}
