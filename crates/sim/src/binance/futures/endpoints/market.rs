//! Public market data of the futures.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binance::exchange::{Market, PublicTrade, Side};
use crate::binance::futures::placing::refuse;
use crate::binance::money::{add, div, mul, short, show, sub};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;

/// Decimals of a step.
fn digits(step: Decimal) -> u32 {
    step.normalize().scale()
}

/// `exchangeInfo`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn exchange_info(call: &mut Call<'_>) -> Answer {
    let options = &call.exchange.options;
    let limits = &options.limits;
    let symbols = call.futures.markets.values().map(|market| symbol_info(market, call));
    let mut assets: Vec<&str> =
        call.futures.markets.values().map(|market| market.spec.quote.as_str()).collect();
    assets.dedup();
    let assets = assets.into_iter().map(
        |asset| json!({ "asset": asset, "marginAvailable": true, "autoAssetExchange": "-10000" }),
    );
    Ok(json!({
        "timezone": "UTC",
        "serverTime": call.now,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limits.futures_weight_per_minute},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": limits.futures_orders_per_minute},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": limits.futures_orders_per_10s},
        ],
        "exchangeFilters": [],
        "assets": assets.collect::<Vec<_>>(),
        "symbols": symbols.collect::<Vec<_>>(),
    }))
}

fn symbol_info(market: &Market, call: &Call<'_>) -> Value {
    let spec = &market.spec;
    let options = &call.exchange.options.futures;
    json!({
        "symbol": spec.symbol,
        "pair": spec.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000_i64,
        "onboardDate": 1_569_398_400_000_i64,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": spec.quote,
        "pricePrecision": digits(spec.tick),
        "quantityPrecision": digits(spec.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": short(spec.tick), "maxPrice": "4529764", "tickSize": short(spec.tick)},
            {"filterType": "LOT_SIZE", "minQty": short(spec.min_qty), "maxQty": short(spec.max_qty), "stepSize": short(spec.step)},
            {"filterType": "MARKET_LOT_SIZE", "minQty": short(spec.min_qty), "maxQty": short(spec.max_qty), "stepSize": short(spec.step)},
            {"filterType": "MAX_NUM_ORDERS", "limit": options.open_orders},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": options.open_algo_orders},
            {"filterType": "MIN_NOTIONAL", "notional": short(spec.min_notional)},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.5000", "multiplierDown": "0.5000", "multiplierDecimal": "4"},
        ],
        "orderTypes": [
            "LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID"],
    })
}

fn market<'a>(call: &'a Call<'_>) -> Result<&'a Market, Reject> {
    let symbol = call.params.symbol()?.ok_or_else(|| Reject::missing("symbol"))?;
    call.futures.market(symbol)
}

/// One row for the symbol asked for, or all rows.
fn rows(call: &Call<'_>, row: impl Fn(&Market) -> Value) -> Answer {
    match call.params.symbol()? {
        Some(symbol) => Ok(row(call.futures.market(symbol)?)),
        None => Ok(call.futures.markets.values().map(row).collect()),
    }
}

/// `depth`.
pub(crate) fn depth(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    let limit = call.params.limit(500, 1000)?;
    if ![5, 10, 20, 50, 100, 500, 1000].contains(&limit) {
        return Err(refuse(-4021, format!("'{limit}' is not valid depth limit.")));
    }
    let side = |side: Side| -> Value {
        let levels = call.futures.levels(market, side, limit);
        levels.into_iter().map(|(price, qty)| json!([short(price), short(qty)])).collect()
    };
    Ok(json!({
        "lastUpdateId": market.book.updates,
        "E": call.now,
        "T": call.now,
        "bids": side(Side::Buy),
        "asks": side(Side::Sell),
    }))
}

/// `trades` and `historicalTrades`.
pub(crate) fn trades(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    let limit = call.params.limit(500, 1000)?;
    let skip = market.trades.len().saturating_sub(limit);
    let row = |trade: &PublicTrade| {
        json!({
            "id": trade.id,
            "price": short(trade.price),
            "qty": short(trade.quantity),
            "quoteQty": short(mul(trade.price, trade.quantity)),
            "time": trade.at_ms,
            "isBuyerMaker": trade.buyer_is_maker,
        })
    };
    Ok(market.trades.iter().skip(skip).map(row).collect())
}

/// `aggTrades`: each trade for itself.
pub(crate) fn agg_trades(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    let limit = call.params.limit(500, 1000)?;
    let skip = market.trades.len().saturating_sub(limit);
    let row = |trade: &PublicTrade| {
        json!({
            "a": trade.id,
            "p": short(trade.price),
            "q": short(trade.quantity),
            "f": trade.id,
            "l": trade.id,
            "T": trade.at_ms,
            "m": trade.buyer_is_maker,
        })
    };
    Ok(market.trades.iter().skip(skip).map(row).collect())
}

/// `klines`: from the trades kept, flat where there are none.
pub(crate) fn klines(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    crate::binance::market_data::klines_of(call, market)
}

/// `premiumIndex`.
pub(crate) fn premium_index(call: &mut Call<'_>) -> Answer {
    rows(call, |market| {
        let symbol = &market.spec.symbol;
        let mark = call.futures.mark(symbol);
        json!({
            "symbol": symbol,
            "markPrice": show(mark),
            "indexPrice": show(market.mid),
            "estimatedSettlePrice": show(market.mid),
            "lastFundingRate": show(call.futures.rate(symbol)),
            "interestRate": "0.00010000",
            "nextFundingTime": call.futures.next_funding_ms,
            "time": call.now,
        })
    })
}

/// `fundingRate`: the rate of the next payment; past ones are not kept.
pub(crate) fn funding_rate(call: &mut Call<'_>) -> Answer {
    let asked = call.optional_contract()?;
    let markets = call.futures.markets.values();
    let rows = markets.filter(|m| asked.as_ref().is_none_or(|only| m.spec.symbol == *only));
    let every = i64::try_from(call.exchange.options.futures.funding_every.as_millis());
    let last = call.futures.next_funding_ms.saturating_sub(every.unwrap_or(0));
    let rows = rows.map(|market| {
        json!({
            "symbol": market.spec.symbol,
            "fundingTime": last,
            "fundingRate": show(call.futures.rate(&market.spec.symbol)),
            "markPrice": show(call.futures.mark(&market.spec.symbol)),
        })
    });
    Ok(rows.collect())
}

/// `openInterest`.
pub(crate) fn open_interest(call: &mut Call<'_>) -> Answer {
    let market = market(call)?;
    let symbol = &market.spec.symbol;
    let positions = call.futures.accounts.iter().flat_map(|account| account.positions.iter());
    let long: Decimal = positions
        .filter(|((on, _), position)| on == symbol && position.amount > Decimal::ZERO)
        .map(|(_, position)| position.amount)
        .sum();
    Ok(json!({ "openInterest": short(long), "symbol": symbol, "time": call.now }))
}

/// `ticker/price`.
pub(crate) fn ticker_price(call: &mut Call<'_>) -> Answer {
    rows(
        call,
        |market| json!({ "symbol": market.spec.symbol, "price": short(market.last), "time": call.now }),
    )
}

fn best(call: &Call<'_>, market: &Market, side: Side) -> (String, String) {
    let level = call.futures.levels(market, side, 1).into_iter().next().unwrap_or_default();
    (short(level.0), short(level.1))
}

/// `ticker/bookTicker`.
pub(crate) fn book_ticker(call: &mut Call<'_>) -> Answer {
    rows(call, |market| {
        let (bid, ask) = (best(call, market, Side::Buy), best(call, market, Side::Sell));
        json!({
            "lastUpdateId": market.book.updates,
            "symbol": market.spec.symbol,
            "bidPrice": bid.0,
            "bidQty": bid.1,
            "askPrice": ask.0,
            "askQty": ask.1,
            "time": call.now,
        })
    })
}

/// `ticker/24hr`, over the trades kept.
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
        let average = if volume.is_zero() { market.last } else { div(quote, volume) };
        let id = |trade: Option<&PublicTrade>| {
            trade.and_then(|trade| i64::try_from(trade.id).ok()).unwrap_or(-1)
        };
        json!({
            "symbol": market.spec.symbol,
            "priceChange": short(change),
            "priceChangePercent": format!("{percent:.3}"),
            "weightedAvgPrice": short(average),
            "lastPrice": short(market.last),
            "lastQty": short(market.trades.back().map(|t| t.quantity).unwrap_or_default()),
            "openPrice": short(open),
            "highPrice": short(high),
            "lowPrice": short(low),
            "volume": short(volume),
            "quoteVolume": short(quote),
            "openTime": call.now.saturating_sub(86_400_000).max(market.opened_ms),
            "closeTime": call.now,
            "firstId": id(market.trades.front()),
            "lastId": id(market.trades.back()),
            "count": market.trades.len(),
        })
    })
}
