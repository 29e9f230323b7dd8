//! Settings: position mode, leverage, margin type, isolated margin; listen keys.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binance::futures::PositionSide;
use crate::binance::futures::placing::refuse;
use crate::binance::money::{add, div, show};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;
use crate::binance::trading::word;

fn success() -> Value {
    json!({ "code": 200, "msg": "success" })
}

/// `GET /fapi/v1/positionSide/dual`.
pub(crate) fn mode(call: &mut Call<'_>) -> Answer {
    Ok(json!({ "dualSidePosition": call.futures.account(call.account)?.hedge }))
}

/// `POST /fapi/v1/positionSide/dual`.
pub(crate) fn set_mode(call: &mut Call<'_>) -> Answer {
    call.params.required("dualSidePosition")?;
    let hedge = call.params.flag("dualSidePosition")?;
    let account = call.futures.account(call.account)?;
    if account.hedge == hedge {
        return Err(refuse(-4059, "No need to change position side."));
    }
    if !account.open.is_empty() || !account.algos.is_empty() {
        let msg = "Position side cannot be changed if there exists open orders.";
        return Err(refuse(-4067, msg));
    }
    if account.positions.values().any(|position| !position.amount.is_zero()) {
        return Err(refuse(-4068, "Position side cannot be changed if there exists position."));
    }
    let id = call.account;
    call.futures.account_mut(id)?.hedge = hedge;
    Ok(success())
}

/// `GET /fapi/v1/multiAssetsMargin`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn assets_mode(_call: &mut Call<'_>) -> Answer {
    Ok(json!({ "multiAssetsMargin": false }))
}

/// `POST /fapi/v1/multiAssetsMargin`: single-asset mode only.
pub(crate) fn set_assets_mode(call: &mut Call<'_>) -> Answer {
    call.params.required("multiAssetsMargin")?;
    if call.params.flag("multiAssetsMargin")? {
        return Err(refuse(-1020, "This feature is not on the paper venue."));
    }
    Err(refuse(
        -4171,
        "Adjusted asset mode is currently set and does not need to be adjusted repeatedly",
    ))
}

/// `POST /fapi/v1/leverage`.
pub(crate) fn set_leverage(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let wanted = call.params.integer("leverage")?.ok_or_else(|| Reject::missing("leverage"))?;
    let most = call.futures.max_leverage(&symbol);
    let leverage = u32::try_from(wanted).unwrap_or(u32::MAX);
    if leverage == 0 || leverage > most {
        return Err(refuse(-4028, format!("Leverage {wanted} is not valid")));
    }
    let account = call.futures.account(call.account)?;
    let mut settings = call.futures.settings(account, &symbol);
    let held = |side| !account.position(&symbol, side).amount.is_zero();
    let open = [PositionSide::Both, PositionSide::Long, PositionSide::Short].into_iter().any(held);
    if settings.isolated && leverage < settings.leverage && open {
        let msg =
            "Leverage reduction is not supported in Isolated Margin Mode with open positions.";
        return Err(refuse(-4161, msg));
    }
    let before = settings.leverage;
    settings.leverage = leverage;
    let (id, now) = (call.account, call.now);
    let asset = call.futures.market(&symbol)?.spec.quote.clone();
    call.futures.account_mut(id)?.settings.insert(symbol.clone(), settings);
    if leverage < before && call.futures.margin(id, &asset, None).free < Decimal::ZERO {
        settings.leverage = before;
        call.futures.account_mut(id)?.settings.insert(symbol, settings);
        let msg = "Leverage is smaller than permitted: insufficient margin balance.";
        return Err(refuse(-2028, msg));
    }
    call.futures.report_leverage(id, &symbol, leverage, now);
    Ok(json!({ "leverage": leverage, "maxNotionalValue": "100000000", "symbol": symbol }))
}

/// `POST /fapi/v1/marginType`.
pub(crate) fn set_margin_type(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let isolated = match call.params.required("marginType")? {
        "ISOLATED" => true,
        "CROSSED" => false,
        _ => {
            let msg = "Data sent for parameter 'marginType' is not valid.";
            return Err(Reject::new(400, -1130, msg));
        }
    };
    let account = call.futures.account(call.account)?;
    let mut settings = call.futures.settings(account, &symbol);
    if settings.isolated == isolated {
        return Err(refuse(-4046, "No need to change margin type."));
    }
    let open = account.open.iter().filter_map(|id| call.futures.orders.get(id));
    if open.into_iter().any(|order| order.asked.symbol == symbol) {
        return Err(refuse(-4047, "Margin type cannot be changed if there exists open orders."));
    }
    let held = |side| !account.position(&symbol, side).amount.is_zero();
    if [PositionSide::Both, PositionSide::Long, PositionSide::Short].into_iter().any(held) {
        return Err(refuse(-4048, "Margin type cannot be changed if there exists position."));
    }
    settings.isolated = isolated;
    let id = call.account;
    call.futures.account_mut(id)?.settings.insert(symbol, settings);
    Ok(success())
}

/// `POST /fapi/v1/positionMargin`.
pub(crate) fn position_margin(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let amount = call.params.decimal("amount")?.ok_or_else(|| Reject::missing("amount"))?;
    if amount <= Decimal::ZERO {
        return Err(refuse(-4055, "Amount must be positive."));
    }
    let adds = match call.params.integer("type")? {
        Some(1) => true,
        Some(2) => false,
        _ => return Err(Reject::new(400, -1130, "Data sent for parameter 'type' is not valid.")),
    };
    let wrong = (-4060, "Invalid position side.");
    let side = word(&call.params, "positionSide", PositionSide::from_word, wrong)?;
    let side = side.unwrap_or(PositionSide::Both);
    let account = call.futures.account(call.account)?;
    if !call.futures.settings(account, &symbol).isolated {
        return Err(refuse(-4049, "Add margin only support for isolated position."));
    }
    let position = account.position(&symbol, side);
    if position.amount.is_zero() {
        return Err(refuse(-4054, "Cannot add position margin: position is 0."));
    }
    let market = call.futures.market(&symbol)?;
    let asset = market.spec.quote.clone();
    let leverage = Decimal::from(call.futures.settings(account, &symbol).leverage.max(1));
    let least = div(position.notional(call.futures.mark(&symbol)), leverage);
    let available = call.futures.margin(call.account, &asset, None).available();
    if adds && amount > available {
        return Err(refuse(-4050, "Cross balance insufficient."));
    }
    if !adds && crate::binance::money::sub(position.isolated_wallet, amount) < least {
        return Err(refuse(-4051, "Isolated balance insufficient."));
    }
    let change = if adds { amount } else { -amount };
    let (id, now) = (call.account, call.now);
    let key = (symbol.clone(), side);
    if let Some(position) = call.futures.account_mut(id)?.positions.get_mut(&key) {
        position.isolated_wallet = add(position.isolated_wallet, change);
    }
    call.futures.report_account(id, "MARGIN_TRANSFER", &asset, &[(&symbol, side)], now);
    Ok(json!({
        "amount": show(amount),
        "code": 200,
        "msg": "Successfully modify position margin.",
        "type": if adds { 1 } else { 2 },
    }))
}

/// `GET /fapi/v1/accountConfig`.
pub(crate) fn account_config(call: &mut Call<'_>) -> Answer {
    Ok(json!({
        "feeTier": 0,
        "canTrade": true,
        "canDeposit": true,
        "canWithdraw": true,
        "dualSidePosition": call.futures.account(call.account)?.hedge,
        "updateTime": 0,
        "multiAssetsMargin": false,
        "tradeGroupId": -1,
    }))
}

/// `GET /fapi/v1/symbolConfig`.
pub(crate) fn symbol_config(call: &mut Call<'_>) -> Answer {
    let asked = call.optional_contract()?;
    let account = call.futures.account(call.account)?;
    let symbols = call.futures.markets.keys();
    let rows = symbols.filter(|symbol| asked.as_ref().is_none_or(|only| only == *symbol));
    let rows = rows.map(|symbol| {
        let settings = call.futures.settings(account, symbol);
        json!({
            "symbol": symbol,
            "marginType": if settings.isolated { "ISOLATED" } else { "CROSSED" },
            "isAutoAddMargin": false,
            "leverage": settings.leverage,
            "maxNotionalValue": "100000000",
        })
    });
    Ok(rows.collect())
}

/// `GET /fapi/v1/apiTradingStatus`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn trading_status(call: &mut Call<'_>) -> Answer {
    Ok(json!({ "indicators": {}, "updateTime": call.now }))
}

/// `GET /fapi/v1/feeBurn`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn fee_burn(_call: &mut Call<'_>) -> Answer {
    Ok(json!({ "feeBurn": false }))
}

/// `POST /fapi/v1/listenKey`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn start_stream(call: &mut Call<'_>) -> Answer {
    let made_up = call.futures.made_up_listen_key();
    Ok(json!({ "listenKey": call.listen_keys.start(call.account, made_up, call.now) }))
}

fn no_listen_key() -> Reject {
    refuse(-1125, "This listenKey does not exist.")
}

/// `PUT /fapi/v1/listenKey`.
pub(crate) fn keep_stream(call: &mut Call<'_>) -> Answer {
    let key = call.listen_keys.keep_alive(call.account, call.now).ok_or_else(no_listen_key)?;
    Ok(json!({ "listenKey": key }))
}

/// `DELETE /fapi/v1/listenKey`.
pub(crate) fn close_stream(call: &mut Call<'_>) -> Answer {
    call.listen_keys.close(call.account).ok_or_else(no_listen_key)?;
    Ok(json!({}))
}
