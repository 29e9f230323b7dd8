//! Conditional orders: `algoOrder` and its like.

use rust_decimal::Decimal;
use serde_json::json;

use crate::binance::futures::algo::{Algo, NewAlgo};
use crate::binance::futures::order::{Kind, WorkingType};
use crate::binance::futures::placing::refuse;
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;
use crate::binance::trading::word;

/// `POST /fapi/v1/algoOrder`.
pub(crate) fn place(call: &mut Call<'_>) -> Answer {
    if call.params.required("algoType")? != "CONDITIONAL" {
        return Err(Reject::new(400, -1130, "Data sent for parameter 'algoType' is not valid."));
    }
    let kind = word(&call.params, "type", Kind::from_word, (-1116, "Invalid orderType."))?
        .ok_or_else(|| Reject::missing("type"))?;
    if !kind.waits() {
        return Err(Reject::new(400, -1116, "Invalid orderType."));
    }
    if kind == Kind::TrailingStopMarket {
        return Err(refuse(-1020, "This feature is not on the paper venue."));
    }
    let asked = call.asked(kind, None)?;
    if asked.close_position && kind.limited() {
        let msg =
            format!("Target strategy invalid for orderType {},closePosition true", kind.word());
        return Err(refuse(-4136, msg));
    }
    let wrong = (-4031, "Invalid parameter working type");
    let working = word(&call.params, "workingType", WorkingType::from_word, wrong)?;
    let trigger = call.params.decimal("triggerPrice")?;
    let new = NewAlgo {
        asked,
        client_id: call.futures_client_id("clientAlgoId")?,
        trigger: trigger
            .filter(|t| *t > Decimal::ZERO)
            .ok_or_else(|| Reject::missing("triggerPrice"))?,
        working: working.unwrap_or(WorkingType::Contract),
        price_protect: call.params.flag("priceProtect")?,
    };
    let now = call.now;
    let id = call.futures.place_algo(new, now)?;
    row(call, id)
}

fn row(call: &Call<'_>, id: u64) -> Answer {
    let algo = call.futures.algos.get(&id).ok_or_else(Reject::no_such_order)?;
    Ok(call.futures.algo_row(algo))
}

fn named(call: &Call<'_>) -> Result<Option<u64>, Reject> {
    let id = call.params.integer("algoId")?;
    let client_id = call.params.text("clientAlgoId")?;
    if id.is_none() && client_id.is_none() {
        return Err(Reject::either("clientAlgoId", "algoId"));
    }
    Ok(call.futures.find_algo(call.account, id, client_id))
}

/// `DELETE /fapi/v1/algoOrder`.
pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let id = named(call)?.ok_or_else(Reject::unknown_order)?;
    let now = call.now;
    if !call.futures.end_algo(id, "CANCELED", now) {
        return Err(Reject::unknown_order());
    }
    let client_id = call.futures.algos.get(&id).map(|algo| algo.client_id.clone());
    Ok(json!({ "algoId": id, "clientAlgoId": client_id, "code": "200", "msg": "success" }))
}

/// `DELETE /fapi/v1/algoOpenOrders`.
pub(crate) fn cancel_all(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let (account, now) = (call.account, call.now);
    call.futures.cancel_algos(account, &symbol, now);
    Ok(json!({ "code": 200, "msg": "The operation of cancel all open order is done." }))
}

/// `GET /fapi/v1/algoOrder`.
pub(crate) fn query(call: &mut Call<'_>) -> Answer {
    let id = named(call)?.ok_or_else(Reject::no_such_order)?;
    row(call, id)
}

fn rows(call: &Call<'_>, fits: impl Fn(&Algo) -> bool, most: usize) -> Answer {
    let mine = call.futures.algos.values().filter(|algo| algo.asked.account == call.account);
    let found: Vec<&Algo> = mine.filter(|algo| fits(algo)).collect();
    let skip = found.len().saturating_sub(most);
    Ok(found.into_iter().skip(skip).map(|algo| call.futures.algo_row(algo)).collect())
}

/// `GET /fapi/v1/openAlgoOrders`.
pub(crate) fn open(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_contract()?;
    let fits = |algo: &Algo| {
        algo.status == "NEW" && symbol.as_ref().is_none_or(|only| algo.asked.symbol == *only)
    };
    rows(call, fits, usize::MAX)
}

/// `GET /fapi/v1/allAlgoOrders`.
pub(crate) fn all(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let (start, end) = call.period(7 * 24)?;
    let limit = call.params.limit(500, 1000)?;
    let fits = |algo: &Algo| algo.asked.symbol == symbol && (start..=end).contains(&algo.placed_ms);
    rows(call, fits, limit)
}
