//! The account: balances, positions, margin, income, fees.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binance::futures::{Account, PositionSide};
use crate::binance::money::{add, div, mul, short, show, sub};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;

/// Assets of the wallet, margin assets first.
fn assets(call: &Call<'_>) -> Result<Vec<String>, Reject> {
    let account = call.futures.account(call.account)?;
    let mut assets: Vec<String> =
        call.futures.markets.values().map(|market| market.spec.quote.clone()).collect();
    assets.extend(account.wallet.keys().cloned());
    assets.sort_unstable();
    assets.dedup();
    Ok(assets)
}

/// `GET /fapi/v2/balance` and `/fapi/v3/balance`.
pub(crate) fn balance(call: &mut Call<'_>) -> Answer {
    let account = call.futures.account(call.account)?;
    let rows = assets(call)?.into_iter().map(|asset| {
        let margin = call.futures.margin(call.account, &asset, None);
        json!({
            "accountAlias": "SgsR",
            "asset": asset,
            "balance": show(margin.wallet),
            "crossWalletBalance": show(sub(margin.wallet, margin.isolated)),
            "crossUnPnl": show(margin.crossed_unrealized),
            "availableBalance": show(margin.available()),
            "maxWithdrawAmount": show(margin.available().min(margin.wallet)),
            "marginAvailable": true,
            "updateTime": account.updated_ms,
        })
    });
    Ok(rows.collect())
}

/// The sides of a symbol that the account's mode has.
fn sides(account: &Account) -> &'static [PositionSide] {
    if account.hedge { &[PositionSide::Long, PositionSide::Short] } else { &[PositionSide::Both] }
}

/// One position with everything that any version of the endpoints tells.
fn position_row(call: &Call<'_>, account: &Account, symbol: &str, side: PositionSide) -> Value {
    let futures = &call.futures;
    let position = account.position(symbol, side);
    let settings = futures.settings(account, symbol);
    let mark = futures.mark(symbol);
    let notional = position.notional(mark);
    let signed = mul(position.amount, mark);
    let leverage = Decimal::from(settings.leverage.max(1));
    let initial = div(notional, leverage);
    let needs = futures.needs(call.account, symbol, None);
    let maintenance = mul(notional, futures.maintenance_rate(symbol));
    let profit = position.unrealized(mark);
    let isolated_margin = if settings.isolated && !position.amount.is_zero() {
        add(position.isolated_wallet, profit)
    } else {
        Decimal::ZERO
    };
    let asset = futures.markets.get(symbol).map(|market| market.spec.quote.clone());
    json!({
        "symbol": symbol,
        "positionSide": side.word(),
        "positionAmt": short(position.amount),
        "entryPrice": short(position.entry),
        "breakEvenPrice": short(position.entry),
        "markPrice": show(mark),
        "unRealizedProfit": show(profit),
        "unrealizedProfit": show(profit),
        // Liquidation is not on the paper venue.
        "liquidationPrice": "0",
        "isolatedMargin": show(isolated_margin),
        "notional": show(signed),
        "marginAsset": asset,
        "isolatedWallet": show(position.isolated_wallet),
        "initialMargin": show(add(initial, needs.open_orders)),
        "maintMargin": show(maintenance),
        "positionInitialMargin": show(initial),
        "openOrderInitialMargin": show(needs.open_orders),
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
        "leverage": settings.leverage.to_string(),
        "marginType": if settings.isolated { "isolated" } else { "cross" },
        "isolated": settings.isolated,
        "isAutoAddMargin": "false",
        "maxNotionalValue": "100000000",
        "maxNotional": "100000000",
        "updateTime": position.updated_ms,
    })
}

/// Keeps the fields named, in their order.
fn only(row: &Value, fields: &[&str]) -> Value {
    let kept = fields
        .iter()
        .filter_map(|field| row.get(*field).map(|value| ((*field).to_owned(), value.clone())));
    Value::Object(kept.collect())
}

const RISK_V2: &[&str] = &[
    "symbol",
    "positionAmt",
    "entryPrice",
    "breakEvenPrice",
    "markPrice",
    "unRealizedProfit",
    "liquidationPrice",
    "leverage",
    "maxNotionalValue",
    "marginType",
    "isolatedMargin",
    "isAutoAddMargin",
    "positionSide",
    "notional",
    "isolatedWallet",
    "updateTime",
];
const RISK_V3: &[&str] = &[
    "symbol",
    "positionSide",
    "positionAmt",
    "entryPrice",
    "breakEvenPrice",
    "markPrice",
    "unRealizedProfit",
    "liquidationPrice",
    "isolatedMargin",
    "notional",
    "marginAsset",
    "isolatedWallet",
    "initialMargin",
    "maintMargin",
    "positionInitialMargin",
    "openOrderInitialMargin",
    "adl",
    "bidNotional",
    "askNotional",
    "updateTime",
];
const ACCOUNT_V2: &[&str] = &[
    "symbol",
    "initialMargin",
    "maintMargin",
    "unrealizedProfit",
    "positionInitialMargin",
    "openOrderInitialMargin",
    "leverage",
    "isolated",
    "entryPrice",
    "breakEvenPrice",
    "maxNotional",
    "bidNotional",
    "askNotional",
    "positionSide",
    "positionAmt",
    "notional",
    "isolatedWallet",
    "updateTime",
];
const ACCOUNT_V3: &[&str] = &[
    "symbol",
    "positionSide",
    "positionAmt",
    "unrealizedProfit",
    "isolatedMargin",
    "notional",
    "isolatedWallet",
    "initialMargin",
    "maintMargin",
    "updateTime",
];

/// Positions; `all` tells the empty ones too.
fn positions(call: &Call<'_>, only_symbol: Option<&str>, all: bool, fields: &[&str]) -> Answer {
    let account = call.futures.account(call.account)?;
    let open = account.open.iter().filter_map(|id| call.futures.orders.get(id));
    let ordered: Vec<&str> = open.map(|order| order.asked.symbol.as_str()).collect();
    let mut rows = Vec::new();
    for symbol in call.futures.markets.keys() {
        if only_symbol.is_some_and(|only| only != symbol) {
            continue;
        }
        for side in sides(account) {
            let empty = account.position(symbol, *side).amount.is_zero();
            if all || !empty || ordered.contains(&symbol.as_str()) {
                rows.push(only(&position_row(call, account, symbol, *side), fields));
            }
        }
    }
    Ok(Value::Array(rows))
}

/// `GET /fapi/v2/positionRisk`.
pub(crate) fn risk_v2(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_contract()?;
    positions(call, symbol.as_deref(), true, RISK_V2)
}

/// `GET /fapi/v3/positionRisk`.
pub(crate) fn risk_v3(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_contract()?;
    positions(call, symbol.as_deref(), false, RISK_V3)
}

fn account(call: &Call<'_>, all: bool, fields: &[&str]) -> Answer {
    let state = call.futures.account(call.account)?;
    let mut totals = [Decimal::ZERO; 9];
    let mut rows = Vec::new();
    for asset in assets(call)? {
        let margin = call.futures.margin(call.account, &asset, None);
        let balance = add(margin.wallet, margin.unrealized);
        let initial = add(margin.position_margin, margin.order_margin);
        let crossed = sub(margin.wallet, margin.isolated);
        if asset == "USDT" {
            totals = [
                initial,
                margin.maintenance,
                margin.wallet,
                margin.unrealized,
                balance,
                margin.position_margin,
                margin.order_margin,
                crossed,
                margin.available(),
            ];
        }
        rows.push(json!({
            "asset": asset,
            "walletBalance": show(margin.wallet),
            "unrealizedProfit": show(margin.unrealized),
            "marginBalance": show(balance),
            "maintMargin": show(margin.maintenance),
            "initialMargin": show(initial),
            "positionInitialMargin": show(margin.position_margin),
            "openOrderInitialMargin": show(margin.order_margin),
            "crossWalletBalance": show(crossed),
            "crossUnPnl": show(margin.crossed_unrealized),
            "availableBalance": show(margin.available()),
            "maxWithdrawAmount": show(margin.available().min(margin.wallet)),
            "marginAvailable": true,
            "updateTime": state.updated_ms,
        }));
    }
    let [initial, maintenance, wallet, profit, balance, position, orders, crossed, free] = totals;
    Ok(json!({
        "feeTier": 0,
        "canTrade": true,
        "canDeposit": true,
        "canWithdraw": true,
        "updateTime": 0,
        "multiAssetsMargin": false,
        "tradeGroupId": -1,
        "totalInitialMargin": show(initial),
        "totalMaintMargin": show(maintenance),
        "totalWalletBalance": show(wallet),
        "totalUnrealizedProfit": show(profit),
        "totalMarginBalance": show(balance),
        "totalPositionInitialMargin": show(position),
        "totalOpenOrderInitialMargin": show(orders),
        "totalCrossWalletBalance": show(crossed),
        "totalCrossUnPnl": show(profit),
        "availableBalance": show(free),
        "maxWithdrawAmount": show(free),
        "assets": rows,
        "positions": positions(call, None, all, fields)?,
    }))
}

/// `GET /fapi/v2/account`.
pub(crate) fn account_v2(call: &mut Call<'_>) -> Answer {
    account(call, true, ACCOUNT_V2)
}

/// `GET /fapi/v3/account`.
pub(crate) fn account_v3(call: &mut Call<'_>) -> Answer {
    account(call, false, ACCOUNT_V3)
}

/// `GET /fapi/v1/income`.
pub(crate) fn income(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_contract()?;
    let kind = call.params.text("incomeType")?;
    let (start, end) = call.period(i64::MAX / 3_600_000)?;
    let limit = call.params.limit(100, 1000)?;
    let lines = call.futures.account(call.account)?.income.iter();
    let found: Vec<Value> = lines
        .filter(|line| symbol.as_ref().is_none_or(|symbol| line.symbol == *symbol))
        .filter(|line| kind.is_none_or(|kind| line.kind == kind))
        .filter(|line| (start..=end).contains(&line.at_ms))
        .map(|line| line.row())
        .collect();
    let skip = if start == 0 { found.len().saturating_sub(limit) } else { 0 };
    Ok(found.into_iter().skip(skip).take(limit).collect())
}

/// `GET /fapi/v1/commissionRate`.
pub(crate) fn commission(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let options = &call.exchange.options.futures;
    let rate = |bps: Decimal| short(div(bps, Decimal::from(10_000)));
    Ok(json!({
        "symbol": symbol,
        "makerCommissionRate": rate(options.maker_fee_bps),
        "takerCommissionRate": rate(options.taker_fee_bps),
        "rpiCommissionRate": rate(options.maker_fee_bps),
    }))
}

/// `GET /fapi/v1/leverageBracket`: one bracket a symbol.
pub(crate) fn brackets(call: &mut Call<'_>) -> Answer {
    let asked = call.optional_contract()?;
    let row = |symbol: &String| {
        let maintenance = call.futures.maintenance_rate(symbol);
        json!({
            "symbol": symbol,
            "notionalCoef": 1.0,
            "brackets": [{
                "bracket": 1,
                "initialLeverage": call.futures.max_leverage(symbol),
                "notionalCap": 100_000_000,
                "notionalFloor": 0,
                // The venue prints this one as a number; it is no amount.
                "maintMarginRatio": rust_decimal::prelude::ToPrimitive::to_f64(&maintenance),
                "cum": 0.0,
            }],
        })
    };
    let symbols = call.futures.markets.keys();
    let rows = symbols.filter(|symbol| asked.as_ref().is_none_or(|only| only == *symbol)).map(row);
    Ok(rows.collect())
}

/// `GET /fapi/v1/rateLimit/order`.
pub(crate) fn order_counts(call: &mut Call<'_>) -> Answer {
    let limits = call.exchange.options.limits.clone();
    let (account, now) = (call.account, call.now);
    let (short, minute) =
        call.futures.order_counts(account, now).ok_or_else(Reject::key_or_rights)?;
    let row = |interval: &str, number: u32, limit: u32, count: u32| {
        json!({
            "rateLimitType": "ORDERS",
            "interval": interval,
            "intervalNum": number,
            "limit": limit,
            "count": count,
        })
    };
    Ok(json!([
        row("SECOND", 10, limits.futures_orders_per_10s, short),
        row("MINUTE", 1, limits.futures_orders_per_minute, minute),
    ]))
}
