//! Orders: place, amend, cancel, query, count down.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binance::exchange::{Prevention, Side};
use crate::binance::futures::PositionSide;
use crate::binance::futures::order::{Kind, NewOrder, Order, TimeInForce};
use crate::binance::futures::placing::refuse;
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;
use crate::binance::trading::word;

const FAR_FUTURE_MS: i64 = 253_402_300_799_000;
const GOOD_TILL_AHEAD_MS: i64 = 600_000;
/// Longest countdown accepted, in milliseconds: a bound of ours.
const MAX_COUNTDOWN_MS: u64 = 30 * 24 * 60 * 60 * 1000;

impl Call<'_> {
    /// The contract named by `symbol`, which must exist.
    pub(crate) fn contract(&self) -> Result<String, Reject> {
        let symbol = self.params.symbol()?.ok_or_else(|| Reject::missing("symbol"))?;
        self.futures.market(symbol)?;
        Ok(symbol.to_owned())
    }

    /// The contract, where one is named.
    pub(crate) fn optional_contract(&self) -> Result<Option<String>, Reject> {
        match self.params.symbol()? {
            Some(_) => self.contract().map(Some),
            None => Ok(None),
        }
    }

    /// A client id in the futures' alphabet.
    pub(crate) fn futures_client_id(&self, name: &str) -> Result<Option<String>, Reject> {
        let Some(id) = self.params.text(name)? else { return Ok(None) };
        if id.len() > 36 {
            return Err(refuse(-4015, "Client order id length should not be more than 36 chars"));
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
        if !id.bytes().all(legal) {
            return Err(Reject::illegal(name, "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"));
        }
        Ok(Some(id.to_owned()))
    }

    /// What a plain and a conditional order have in common. `kind` has been read.
    pub(crate) fn asked(&self, kind: Kind, client_id: Option<String>) -> Result<NewOrder, Reject> {
        let params = &self.params;
        let symbol = self.contract()?;
        let side = word(params, "side", Side::from_word, (-1117, "Invalid side."))?
            .ok_or_else(|| Reject::missing("side"))?;
        let wrong = (-4060, "Invalid position side.");
        let position_side = word(params, "positionSide", PositionSide::from_word, wrong)?
            .unwrap_or(PositionSide::Both);
        let tif =
            word(params, "timeInForce", TimeInForce::from_word, (-1115, "Invalid timeInForce."))?;
        let time_in_force = match (kind, tif) {
            (Kind::Limit, None) => return Err(Reject::missing("timeInForce")),
            (_, tif) => tif.unwrap_or(TimeInForce::Gtc),
        };
        if kind == Kind::Market && params.sent("timeInForce") {
            return Err(Reject::not_required("timeinforce"));
        }
        for name in ["priceMatch", "callbackRate", "activationPrice", "activatePrice"] {
            if params.text(name)?.is_some_and(|value| value != "NONE") {
                return Err(refuse(-1020, "This feature is not on the paper venue."));
            }
        }
        let close_position = params.flag("closePosition")?;
        if close_position && !kind.waits() {
            let msg =
                format!("Target strategy invalid for orderType {},closePosition true", kind.word());
            return Err(refuse(-4136, msg));
        }
        let quantity = if close_position {
            if params.sent("quantity") {
                return Err(refuse(-4137, "Quantity must be zero with closePosition equals true"));
            }
            Decimal::ZERO
        } else {
            params.decimal("quantity")?.ok_or_else(|| Reject::missing("quantity"))?
        };
        let price = if kind.limited() {
            params.decimal("price")?.ok_or_else(|| Reject::missing("price"))?
        } else {
            if params.decimal("price")?.is_some_and(|price| !price.is_zero()) {
                return Err(Reject::not_required("price"));
            }
            Decimal::ZERO
        };
        let wrong = (-4062, "Invalid or improper reduceOnly value.");
        let flag = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        let reduce_only = word(params, "reduceOnly", flag, wrong)?.unwrap_or(false);
        if close_position && params.sent("reduceOnly") {
            return Err(Reject::not_required("reduceonly"));
        }
        let wrong = (-5039, "Invalid self trade prevention mode");
        let prevention = word(params, "selfTradePreventionMode", Prevention::from_word, wrong)?;
        let good_till_ms = self.good_till(time_in_force)?;
        Ok(NewOrder {
            account: self.account,
            symbol,
            side,
            position_side,
            kind,
            time_in_force,
            quantity,
            price,
            reduce_only,
            close_position,
            client_id,
            prevention: prevention.unwrap_or(Prevention::ExpireMaker),
            good_till_ms,
        })
    }

    fn good_till(&self, time_in_force: TimeInForce) -> Result<i64, Reject> {
        if time_in_force != TimeInForce::Gtd {
            return Ok(0);
        }
        let till =
            self.params.integer("goodTillDate")?.ok_or_else(|| Reject::missing("goodTillDate"))?;
        let till = i64::try_from(till).unwrap_or(i64::MAX);
        if till < self.now.saturating_add(GOOD_TILL_AHEAD_MS) || till >= FAR_FUTURE_MS {
            let msg = "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than 253402300799000";
            return Err(refuse(-5040, msg));
        }
        Ok(till)
    }

    /// The order that `orderId` or `origClientOrderId` names.
    pub(crate) fn futures_named(&self, symbol: &str) -> Result<Option<u64>, Reject> {
        let id = self.params.integer("orderId")?;
        let client_id = self.params.text("origClientOrderId")?;
        if id.is_none() && client_id.is_none() {
            return Err(Reject::either("origClientOrderId", "orderId"));
        }
        Ok(self.futures.find(self.account, symbol, id, client_id))
    }

    pub(crate) fn futures_order(&self, id: u64) -> Result<&Order, Reject> {
        self.futures.orders.get(&id).ok_or_else(Reject::no_such_order)
    }

    fn acknowledges(&self) -> Result<bool, Reject> {
        match self.params.text("newOrderRespType")? {
            None | Some("ACK") => Ok(true),
            Some("RESULT") => Ok(false),
            Some(_) => Err(refuse(-1136, "Invalid newOrderRespType.")),
        }
    }
}

fn plain_kind(call: &Call<'_>) -> Result<Kind, Reject> {
    let kind = word(&call.params, "type", Kind::from_word, (-1116, "Invalid orderType."))?
        .ok_or_else(|| Reject::missing("type"))?;
    if kind.waits() {
        let msg = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.";
        return Err(refuse(-4120, msg));
    }
    Ok(kind)
}

/// `POST /fapi/v1/order`.
pub(crate) fn place(call: &mut Call<'_>) -> Answer {
    let kind = plain_kind(call)?;
    let new = call.asked(kind, call.futures_client_id("newClientOrderId")?)?;
    let acknowledge = call.acknowledges()?;
    let now = call.now;
    let id = call.futures.place(new, now)?;
    Ok(call.futures_order(id)?.placed(acknowledge))
}

/// `POST /fapi/v1/order/test`.
pub(crate) fn test(call: &mut Call<'_>) -> Answer {
    let kind = plain_kind(call)?;
    let new = call.asked(kind, call.futures_client_id("newClientOrderId")?)?;
    call.acknowledges()?;
    call.futures.check(&new)?;
    Ok(json!({}))
}

/// `PUT /fapi/v1/order`.
pub(crate) fn amend(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let found = call.futures_named(&symbol)?;
    let side = word(&call.params, "side", Side::from_word, (-1117, "Invalid side."))?
        .ok_or_else(|| Reject::missing("side"))?;
    let quantity = call.params.decimal("quantity")?.ok_or_else(|| Reject::missing("quantity"))?;
    let price = call.params.decimal("price")?.ok_or_else(|| Reject::missing("price"))?;
    let id = found
        .filter(|id| call.futures.orders.get(id).is_some_and(|order| order.status.open()))
        .ok_or_else(Reject::no_such_order)?;
    if call.futures_order(id)?.asked.side != side {
        return Err(Reject::new(400, -1117, "Invalid side."));
    }
    let now = call.now;
    call.futures.amend(id, price, quantity, now)?;
    Ok(call.futures_order(id)?.placed(false))
}

/// `GET /fapi/v1/orderAmendment`.
pub(crate) fn amendments(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let id = call.futures_named(&symbol)?.ok_or_else(Reject::no_such_order)?;
    Ok(Value::Array(call.futures_order(id)?.amendment_rows()))
}

/// `DELETE /fapi/v1/order`.
pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let found = call.futures_named(&symbol)?;
    cancel_one(call, found)
}

/// Cancels an open order; what is not open is unknown.
pub(crate) fn cancel_one(call: &mut Call<'_>, found: Option<u64>) -> Answer {
    let id = found
        .filter(|id| call.futures.orders.get(id).is_some_and(|order| order.status.open()))
        .ok_or_else(Reject::unknown_order)?;
    let now = call.now;
    call.futures.cancel(id, now);
    Ok(call.futures_order(id)?.placed(false))
}

/// `DELETE /fapi/v1/allOpenOrders`.
pub(crate) fn cancel_all(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let (account, now) = (call.account, call.now);
    call.futures.cancel_all(account, &symbol, now);
    Ok(json!({ "code": 200, "msg": "The operation of cancel all open order is done." }))
}

/// `POST /fapi/v1/countdownCancelAll`.
pub(crate) fn countdown(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let ms =
        call.params.integer("countdownTime")?.ok_or_else(|| Reject::missing("countdownTime"))?;
    if ms > MAX_COUNTDOWN_MS {
        return Err(Reject::new(
            400,
            -1130,
            "Data sent for parameter 'countdownTime' is not valid.",
        ));
    }
    let (account, now) = (call.account, call.now);
    call.futures.set_countdown(account, &symbol, i64::try_from(ms).unwrap_or(0), now);
    Ok(json!({ "symbol": symbol, "countdownTime": ms.to_string() }))
}

/// `GET /fapi/v1/order`.
pub(crate) fn query(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let id = call.futures_named(&symbol)?.ok_or_else(Reject::no_such_order)?;
    Ok(call.futures_order(id)?.row())
}

/// `GET /fapi/v1/openOrder`.
pub(crate) fn query_open(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let id = call.futures_named(&symbol)?.ok_or_else(Reject::no_such_order)?;
    let order = call.futures_order(id)?;
    if order.status.open() { Ok(order.row()) } else { Err(Reject::no_such_order()) }
}

/// `GET /fapi/v1/openOrders`.
pub(crate) fn open_orders(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_contract()?;
    let account = call.futures.account(call.account)?;
    let open = account.open.iter().filter_map(|id| call.futures.orders.get(id));
    let rows = open.filter(|order| symbol.as_ref().is_none_or(|only| order.asked.symbol == *only));
    Ok(rows.map(Order::row).collect())
}

/// `GET /fapi/v1/allOrders`.
pub(crate) fn all_orders(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let from = call.params.integer("orderId")?.unwrap_or(0);
    let (start, end) = call.period(7 * 24)?;
    let limit = call.params.limit(500, 1000)?;
    let mut found: Vec<&Order> = call
        .futures
        .orders
        .values()
        .filter(|order| order.asked.account == call.account && order.asked.symbol == symbol)
        .filter(|order| order.id >= from && (start..=end).contains(&order.placed_ms))
        .collect();
    found.sort_unstable_by_key(|order| order.id);
    let skip = if from == 0 && start == 0 { found.len().saturating_sub(limit) } else { 0 };
    Ok(found.into_iter().skip(skip).take(limit).map(Order::row).collect())
}

/// `GET /fapi/v1/userTrades`.
pub(crate) fn user_trades(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let order = call.params.integer("orderId")?;
    let from = call.params.integer("fromId")?.unwrap_or(0);
    let (start, end) = call.period(7 * 24)?;
    let limit = call.params.limit(500, 1000)?;
    let trades = call.futures.account(call.account)?.trades.iter();
    let found: Vec<_> = trades
        .filter(|trade| trade.symbol == symbol && trade.id >= from)
        .filter(|trade| order.is_none_or(|order| trade.order == order))
        .filter(|trade| (start..=end).contains(&trade.at_ms))
        .collect();
    let skip = if from == 0 && start == 0 { found.len().saturating_sub(limit) } else { 0 };
    Ok(found.into_iter().skip(skip).take(limit).map(|trade| trade.row()).collect())
}
