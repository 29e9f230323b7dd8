//! The account: balances, information, keys, listen key, positions, leverage.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::money::{add, div, mul};
use crate::woox::exchange::PositionSide;
use crate::woox::params::Params;
use crate::woox::reject::{Answer, Reject};
use crate::woox::report::{self, number, text};
use crate::woox::routes::{Call, rows_v1};

/// How long a listen key lives, in milliseconds.
const LISTEN_KEY_MS: i64 = 86_400_000;
/// Largest leverage of a perpetual.
const MAX_LEVERAGE: u64 = 100;
/// Largest leverage of spot margin.
const MAX_SPOT_LEVERAGE: u64 = 10;

fn tokens(call: &Call<'_>) -> Result<Vec<String>, Reject> {
    let wanted = call.params.text("token")?;
    let known = call.exchange.options.tokens.iter().map(|token| token.token.clone());
    let held = call.exchange.account(call.account)?.balances.keys().cloned();
    let mut tokens: Vec<String> = known.chain(held).collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens.retain(|token| wanted.as_ref().is_none_or(|wanted| token == wanted));
    Ok(tokens)
}

/// `GET /v3/asset/balances`.
pub(crate) fn balances(call: &mut Call<'_>) -> Answer {
    let row = |token: &String| call.exchange.balance_v3(call.account, token, call.now);
    let rows: Vec<Value> = tokens(call)?.iter().map(row).collect();
    call.data(json!({ "holding": rows }))
}

/// `GET /v1/client/holding` (and `/v2/client/holding`, as older clients ask).
pub(crate) fn holding(call: &mut Call<'_>) -> Answer {
    let row = |token: &String| call.exchange.balance_v1(call.account, token, call.now);
    let rows: Vec<Value> = tokens(call)?.iter().map(row).collect();
    Ok(json!({ "success": true, "holding": rows }))
}

/// `GET /v3/account/info`.
pub(crate) fn info(call: &mut Call<'_>) -> Answer {
    let state = call.exchange.account(call.account)?;
    let fees = &call.exchange.options.fees;
    let value = state.balances.iter().fold(Decimal::ZERO, |sum, (token, balance)| {
        add(sum, mul(balance.holding, call.exchange.token_price(token)))
    });
    let exposure = state.positions.iter().fold(Decimal::ZERO, |sum, ((symbol, _), position)| {
        let mark = call.exchange.markets.get(symbol).map(|m| m.mark()).unwrap_or_default();
        add(sum, mul(position.holding.abs(), mark))
    });
    let ratio = if exposure.is_zero() { Decimal::TEN } else { div(value, exposure) };
    let unrealised = state.positions.iter().fold(Decimal::ZERO, |sum, ((symbol, _), position)| {
        let mark = call.exchange.markets.get(symbol).map(|m| m.mark()).unwrap_or_default();
        add(sum, position.unrealised(mark))
    });
    call.data(json!({
        "applicationId": state.application_id,
        "account": format!("{}@example.invalid", state.name.to_lowercase()),
        "alias": state.name,
        "otpauth": true,
        "accountMode": state.mode,
        "positionMode": if state.hedge { "HEDGE_MODE" } else { "ONE_WAY" },
        "leverage": state.spot_leverage,
        "makerFeeRate": number(fees.spot_maker_bps),
        "takerFeeRate": number(fees.spot_taker_bps),
        "marginRatio": text(ratio),
        "openMarginRatio": text(ratio),
        "initialMarginRatio": "10",
        "maintenanceMarginRatio": "0.03",
        "totalCollateral": text(add(state.balance("USDT").holding, unrealised)),
        "freeCollateral": text(call.exchange.free_collateral(call.account)),
        "totalAccountValue": text(add(value, unrealised)),
        "totalTradingValue": text(add(value, unrealised)),
        "totalVaultValue": "0",
        "totalStakingValue": "0",
        "totalLaunchpadValue": "0",
        "totalEarnValue": "0",
        "referrerID": null,
        "accountType": if state.sub_of.is_some() { "Sub" } else { "Main" },
    }))
}

/// `GET /v3/account/credentials`: every key of the account.
pub(crate) fn credentials(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 1000)?;
    let state = call.exchange.account(call.account)?;
    let row = |key: &crate::woox::options::ApiKey| {
        let mut row = json!({
            "accountName": state.name,
            "userId": user_id(call.account),
            "apiKey": key.key,
            "permissions": key.permissions.words(),
        });
        if let Some(map) = row.as_object_mut().filter(|_| !key.allowed.is_empty()) {
            let addresses: Vec<String> = key
                .allowed
                .iter()
                .map(|net| {
                    let whole = net.prefix_len() == net.max_prefix_len();
                    if whole { net.addr().to_string() } else { net.to_string() }
                })
                .collect();
            map.insert("allowedIPs".to_owned(), json!(addresses));
        }
        row
    };
    let rows = call.keys.iter().map(row).collect();
    call.rows(rows, page)
}

fn user_id(account: usize) -> u64 {
    u64::try_from(account).unwrap_or(0).saturating_add(12_523)
}

/// `POST /v3/account/listenKey`. The sockets that it opens (`/v3/private`) are
/// not offered on the paper venue; the key is.
pub(crate) fn listen_key(call: &mut Call<'_>) -> Answer {
    let kind = call.params.required("type")?;
    if kind != "WEBSOCKET" {
        return Err(Reject::invalid("type must be WEBSOCKET"));
    }
    let key = call.exchange.made_up_hex();
    let expires = call.now.saturating_add(LISTEN_KEY_MS);
    call.exchange.account_mut(call.account)?.listen_key = Some((key.clone(), expires));
    call.data(json!({ "authKey": key, "expiredTime": expires }))
}

/// `GET /v3/account/subAccounts/all`: for main accounts.
pub(crate) fn sub_accounts(call: &mut Call<'_>) -> Answer {
    if call.exchange.account(call.account)?.sub_of.is_some() {
        return Err(Reject::unauthorised());
    }
    let subs = call.exchange.accounts.iter().filter(|state| state.sub_of == Some(call.account));
    let rows: Vec<Value> = subs
        .map(|state| {
            json!({
                "applicationId": state.application_id,
                "name": state.name,
                "createdTime": "1606897264.994",
            })
        })
        .collect();
    call.data(json!({ "rows": rows }))
}

/// `GET /v1/sub_account/ip_restriction`.
pub(crate) fn ip_restriction(call: &mut Call<'_>) -> Answer {
    let state = call.exchange.account(call.account)?;
    let rows: Vec<Value> = call
        .keys
        .iter()
        .map(|key| {
            let list: Vec<String> = key.allowed.iter().map(ToString::to_string).collect();
            json!({
                "ip_list": list.join(","),
                "api_key": key.key,
                "application_id": state.application_id,
                "update_time": report::seconds(call.now),
            })
        })
        .collect();
    let page = call.params.page(25, 500)?;
    rows_v1(rows, page)
}

/// `POST /v3/account/tradingMode`.
pub(crate) fn trading_mode(call: &mut Call<'_>) -> Answer {
    let mode = call.params.either("tradingMode", "account_mode", Params::text)?;
    let mode = mode.ok_or_else(|| Reject::missing("tradingMode"))?;
    if !matches!(mode.as_str(), "PURE_SPOT" | "MARGIN" | "FUTURES") {
        return Err(Reject::invalid(format!("tradingMode {mode} is invalid")));
    }
    call.exchange.account_mut(call.account)?.mode = mode;
    Ok(json!({ "success": true, "timestamp": call.now }))
}

/// `GET /v3/futures/positions` and `GET /v3/positions`.
pub(crate) fn positions(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_symbol()?;
    let state = call.exchange.account(call.account)?;
    let rows: Vec<Value> = state
        .positions
        .iter()
        .filter(|((other, _), _)| symbol.as_ref().is_none_or(|symbol| symbol == other))
        .map(|((symbol, side), position)| {
            call.exchange.position_v3(call.account, (symbol, *side), position, call.now)
        })
        .collect();
    call.data(json!({ "positions": rows }))
}

/// `GET /v1/positions`.
pub(crate) fn positions_v1(call: &mut Call<'_>) -> Answer {
    let state = call.exchange.account(call.account)?;
    let rows: Vec<Value> = state
        .positions
        .iter()
        .map(|((symbol, side), position)| {
            call.exchange.position_v1(call.account, (symbol, *side), position, call.now)
        })
        .collect();
    let free = call.exchange.free_collateral(call.account);
    Ok(json!({
        "success": true,
        "free_collateral": number(free),
        "total_collateral": number(state.balance("USDT").holding),
        "initial_margin_ratio": 10,
        "maintenance_margin_ratio": 0.03,
        "positions": rows,
    }))
}

/// `GET /v1/position/{symbol}`.
pub(crate) fn position_v1(call: &mut Call<'_>) -> Answer {
    let symbol = call.segment(0)?.to_owned();
    call.exchange.market(&symbol)?;
    let state = call.exchange.account(call.account)?;
    let held = state.positions.iter().find(|((other, _), _)| *other == symbol);
    let nothing = crate::woox::exchange::Position::default();
    let (side, position) =
        held.map_or((PositionSide::Both, &nothing), |((_, side), position)| (*side, position));
    let mut row = call.exchange.position_v1(call.account, (&symbol, side), position, call.now);
    if let Some(map) = row.as_object_mut() {
        map.insert("success".to_owned(), Value::Bool(true));
    }
    Ok(row)
}

fn perpetual(call: &Call<'_>) -> Result<String, Reject> {
    let symbol = call.symbol()?;
    if !call.exchange.market(&symbol)?.spec.perpetual {
        return Err(Reject::symbol());
    }
    Ok(symbol)
}

/// `GET /v3/futures/leverage`.
pub(crate) fn leverage(call: &mut Call<'_>) -> Answer {
    let symbol = perpetual(call)?;
    let state = call.exchange.account(call.account)?;
    let value = state.leverage_of(&symbol);
    let sides: &[&str] = if state.hedge { &["LONG", "SHORT"] } else { &["BOTH"] };
    let row = |side: &&str| json!({ "positionSide": side, "leverage": value });
    let details: Vec<Value> = sides.iter().map(row).collect();
    call.data(json!({
        "symbol": symbol,
        "marginMode": "CROSS",
        "positionMode": if state.hedge { "HEDGE_MODE" } else { "ONE_WAY" },
        "details": details,
    }))
}

/// `PUT /v3/futures/leverage` and `POST /v1/client/futures_leverage`.
pub(crate) fn set_leverage(call: &mut Call<'_>) -> Answer {
    let symbol = perpetual(call)?;
    let value = call.params.integer("leverage")?.ok_or_else(|| Reject::missing("leverage"))?;
    let legal = (1..=MAX_LEVERAGE).contains(&value);
    let value = u32::try_from(value).ok().filter(|_| legal).ok_or_else(|| {
        Reject::order(302_306, "Invalid leverage, please provide positive integer leverage")
    })?;
    let state = call.exchange.account_mut(call.account)?;
    let before = state.leverage.insert(symbol.clone(), value);
    if call.exchange.free_collateral(call.account).is_sign_negative() {
        let state = call.exchange.account_mut(call.account)?;
        match before {
            Some(before) => state.leverage.insert(symbol, before),
            None => state.leverage.remove(&symbol),
        };
        let message = "Failed to update cross margin leverages due to insufficient margin. Please top up or close your cross positions to proceed.";
        return Err(Reject::order(302_305, message));
    }
    Ok(json!({ "success": true, "timestamp": call.now }))
}

/// `POST /v3/spotMargin/leverage` and `POST /v1/client/leverage`.
pub(crate) fn set_spot_leverage(call: &mut Call<'_>) -> Answer {
    let value = call.params.integer("leverage")?.ok_or_else(|| Reject::missing("leverage"))?;
    let legal = (1..=MAX_SPOT_LEVERAGE).contains(&value);
    let value = u32::try_from(value).ok().filter(|_| legal).ok_or_else(|| {
        Reject::order(302_306, "Invalid leverage, please provide positive integer leverage")
    })?;
    call.exchange.account_mut(call.account)?.spot_leverage = value;
    Ok(json!({ "success": true, "timestamp": call.now }))
}

/// `PUT /v3/futures/positionMode` and `POST /v1/client/position_mode`.
pub(crate) fn set_position_mode(call: &mut Call<'_>) -> Answer {
    let mode = call.params.either("positionMode", "position_mode", Params::text)?;
    let hedge = match mode.ok_or_else(|| Reject::missing("positionMode"))?.as_str() {
        "HEDGE_MODE" => true,
        "ONE_WAY" => false,
        other => return Err(Reject::invalid(format!("positionMode {other} is invalid"))),
    };
    let state = call.exchange.account(call.account)?;
    let held = state.positions.values().any(|position| !position.holding.is_zero());
    if state.hedge != hedge && (held || !state.open.is_empty()) {
        let message = "Attempt failed. Please close your futures positions, cancel open orders and try again.";
        return Err(Reject::order(302_308, message));
    }
    let state = call.exchange.account_mut(call.account)?;
    state.hedge = hedge;
    state.positions.clear();
    Ok(json!({ "success": true, "timestamp": call.now }))
}

/// `GET /v3/futures/fundingFee/history`.
pub(crate) fn funding_history(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 500)?;
    let (symbol, period) = (call.optional_symbol()?, call.period()?);
    let hours = call.exchange.options.funding.interval_ms / 3_600_000;
    let paid = call.exchange.account(call.account)?.movements.funding.iter().rev();
    let rows = paid
        .filter(|paid| symbol.as_ref().is_none_or(|symbol| paid.symbol == *symbol))
        .filter(|paid| period.contains(&paid.at_ms))
        .map(|paid| {
            json!({
                "id": paid.id,
                "symbol": paid.symbol,
                "fundingRate": number(paid.rate),
                "markPrice": text(paid.mark),
                "fundingFee": text(paid.fee.abs()),
                "fundingIntervalHours": hours,
                "paymentType": if paid.fee.is_sign_negative() { "Receive" } else { "Pay" },
                "status": "COMPLETED",
                "createdTime": paid.at_ms,
                "updatedTime": paid.at_ms,
            })
        })
        .collect();
    call.rows(rows, page)
}
