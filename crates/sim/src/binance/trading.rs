//! Orders, account and trades: the private endpoints of `/api/v3`.

use serde_json::{Value, json};

use crate::binance::exchange::{
    Kind, Named, NewOrder, Order, Prevention, ResponseType, Side, Status, TimeInForce,
};
use crate::binance::money::{div, show};
use crate::binance::params::Params;
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;
use rust_decimal::Decimal;

/// The parameters of one order; list endpoints prefix them.
pub(crate) struct OrderFields {
    pub(crate) side: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) time_in_force: &'static str,
    pub(crate) quantity: &'static str,
    pub(crate) quote_quantity: &'static str,
    pub(crate) price: &'static str,
    pub(crate) stop: &'static str,
    pub(crate) iceberg: &'static str,
    pub(crate) client_id: &'static str,
    pub(crate) strategy_id: &'static str,
    pub(crate) strategy_type: &'static str,
}

/// The parameters of `POST /api/v3/order`.
pub(crate) const PLAIN: OrderFields = OrderFields {
    side: "side",
    kind: "type",
    time_in_force: "timeInForce",
    quantity: "quantity",
    quote_quantity: "quoteOrderQty",
    price: "price",
    stop: "stopPrice",
    iceberg: "icebergQty",
    client_id: "newClientOrderId",
    strategy_id: "strategyId",
    strategy_type: "strategyType",
};

/// A word that must be one of an enum's.
pub(crate) fn word<T>(
    params: &Params<'_>,
    name: &str,
    parse: fn(&str) -> Option<T>,
    wrong: (i64, &str),
) -> Result<Option<T>, Reject> {
    let Some(text) = params.text(name)? else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| Reject::new(400, wrong.0, wrong.1))
}

impl Call<'_> {
    /// The market named by `symbol`, which must exist.
    pub(crate) fn required_symbol(&self) -> Result<String, Reject> {
        let symbol = self.params.symbol()?.ok_or_else(|| Reject::missing("symbol"))?;
        self.exchange.market(symbol)?;
        Ok(symbol.to_owned())
    }

    /// How the account wants to be kept from trading with itself.
    pub(crate) fn prevention(&self) -> Result<Prevention, Reject> {
        let wrong = (-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.");
        let mode = word(&self.params, "selfTradePreventionMode", Prevention::from_word, wrong)?;
        Ok(mode.unwrap_or(Prevention::ExpireMaker))
    }

    /// How much the answer should say.
    pub(crate) fn detail(&self, default: ResponseType) -> Result<ResponseType, Reject> {
        let wrong = (-1130, "Data sent for parameter 'newOrderRespType' is not valid.");
        let detail = word(&self.params, "newOrderRespType", ResponseType::from_word, wrong)?;
        Ok(detail.unwrap_or(default))
    }

    /// Reads an order; which parameters it needs depends on its type.
    pub(crate) fn order(&self, symbol: &str) -> Result<NewOrder, Reject> {
        let kind = required_kind(&self.params, PLAIN.kind)?;
        let side = required_side(&self.params, PLAIN.side)?;
        self.order_of(symbol, &PLAIN, side, kind)
    }

    pub(crate) fn order_of(
        &self,
        symbol: &str,
        fields: &OrderFields,
        side: Side,
        kind: Kind,
    ) -> Result<NewOrder, Reject> {
        let params = &self.params;
        for name in ["trailingDelta", "pegPriceType", "pegOffsetType", "pegOffsetValue"] {
            if params.sent(name) {
                return Err(Reject::new(400, -1013, "This feature is not on the paper venue."));
            }
        }
        let tif = word(
            params,
            fields.time_in_force,
            TimeInForce::from_word,
            (-1115, "Invalid timeInForce."),
        )?;
        let takes_tif = kind.limited() && kind != Kind::LimitMaker;
        if takes_tif && tif.is_none() {
            return Err(Reject::missing(fields.time_in_force));
        }
        if !takes_tif && params.sent(fields.time_in_force) && kind != Kind::LimitMaker {
            return Err(Reject::not_required(fields.time_in_force));
        }
        let quantity = params.optional_amount(fields.quantity)?;
        let quote_quantity = params.optional_amount(fields.quote_quantity)?;
        match (kind, quantity, quote_quantity) {
            (Kind::Market, None, None) => {
                return Err(Reject::either(fields.quantity, fields.quote_quantity));
            }
            (Kind::Market, Some(_), Some(_)) => {
                return Err(Reject::new(400, -1128, "Combination of optional parameters invalid."));
            }
            (Kind::Market, ..) | (_, Some(_), None) => {}
            (_, _, Some(_)) => return Err(Reject::not_required(fields.quote_quantity)),
            (_, None, None) => return Err(Reject::missing(fields.quantity)),
        }
        let price = if kind.limited() {
            Some(params.amount(fields.price)?)
        } else {
            params.none(fields.price)?;
            None
        };
        let stop = if kind.waits() {
            Some(params.amount(fields.stop)?)
        } else {
            params.none(fields.stop)?;
            None
        };
        let iceberg = params.optional_amount(fields.iceberg)?;
        if iceberg.is_some() && tif.is_some_and(|tif| tif != TimeInForce::Gtc) {
            return Err(Reject::not_required(fields.iceberg));
        }
        Ok(NewOrder {
            account: self.account,
            symbol: symbol.to_owned(),
            side,
            kind,
            time_in_force: tif.unwrap_or(TimeInForce::Gtc),
            quantity,
            quote_quantity,
            price,
            stop,
            iceberg,
            client_id: params.client_id(fields.client_id)?,
            prevention: self.prevention()?,
            strategy_id: params.integer(fields.strategy_id)?,
            strategy_type: params.integer(fields.strategy_type)?,
        })
    }

    /// The order that `orderId` and `origClientOrderId` name.
    pub(crate) fn named<'a>(
        &'a self,
        symbol: &'a str,
        id: &str,
        client_id: &str,
    ) -> Result<Named<'a>, Reject> {
        let named = Named {
            account: self.account,
            symbol,
            id: self.params.integer(id)?,
            client_id: self.params.text(client_id)?,
        };
        if named.id.is_none() && named.client_id.is_none() {
            return Err(Reject::either(client_id, id));
        }
        Ok(named)
    }

    pub(crate) fn stored(&self, id: u64) -> Result<&Order, Reject> {
        self.exchange.orders.get(&id).ok_or_else(Reject::no_such_order)
    }
}

pub(crate) fn required_side(params: &Params<'_>, name: &str) -> Result<Side, Reject> {
    word(params, name, Side::from_word, (-1117, "Invalid side."))?
        .ok_or_else(|| Reject::missing(name))
}

pub(crate) fn required_kind(params: &Params<'_>, name: &str) -> Result<Kind, Reject> {
    word(params, name, Kind::from_word, (-1116, "Invalid orderType."))?
        .ok_or_else(|| Reject::missing(name))
}

/// `POST /api/v3/order`.
pub(crate) fn place(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let new = call.order(&symbol)?;
    let full = matches!(new.kind, Kind::Limit | Kind::Market);
    let detail = call.detail(if full { ResponseType::Full } else { ResponseType::Ack })?;
    let now = call.now;
    let id = call.exchange.place(new, now)?;
    Ok(call.stored(id)?.placed(detail, now))
}

/// `POST /api/v3/order/test`.
pub(crate) fn test(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let new = call.order(&symbol)?;
    call.detail(ResponseType::Full)?;
    call.exchange.check(&new)?;
    if !call.params.flag("computeCommissionRates")? {
        return Ok(json!({}));
    }
    let (maker, taker) = call.fee_rates();
    let zero = "0.00000000";
    Ok(json!({
        "standardCommissionForOrder": { "maker": maker, "taker": taker },
        "specialCommissionForOrder": { "maker": zero, "taker": zero },
        "taxCommissionForOrder": { "maker": zero, "taker": zero },
        "discount": {
            "enabledForAccount": true,
            "enabledForSymbol": true,
            "discountAsset": "BNB",
            "discount": "0.25000000"
        }
    }))
}

/// `GET /api/v3/order`.
pub(crate) fn query(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let named = call.named(&symbol, "orderId", "origClientOrderId")?;
    let id = call.exchange.find(&named).ok_or_else(Reject::no_such_order)?;
    Ok(call.stored(id)?.row())
}

/// `DELETE /api/v3/order`.
pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let id = cancel_target(call, &symbol, "orderId", "origClientOrderId")?;
    let cancel_id = call.params.client_id("newClientOrderId")?;
    cancel_one(call, id, cancel_id)
}

/// The open order to cancel, with its restrictions checked.
fn cancel_target(call: &Call<'_>, symbol: &str, id: &str, client_id: &str) -> Result<u64, Reject> {
    let named = call.named(symbol, id, client_id)?;
    let id = call.exchange.find_open(&named)?;
    let status = call.stored(id)?.status;
    let allowed = match call.params.text("cancelRestrictions")? {
        None => true,
        Some("ONLY_NEW") => status == Status::New,
        Some("ONLY_PARTIALLY_FILLED") => status == Status::PartiallyFilled,
        Some(_) => return Err(Reject::new(400, -1145, "Invalid cancelRestrictions")),
    };
    if allowed {
        Ok(id)
    } else {
        let msg = "Order was not canceled due to cancel restrictions.";
        Err(Reject::new(400, -2011, msg))
    }
}

fn cancel_one(call: &mut Call<'_>, id: u64, cancel_id: Option<String>) -> Answer {
    let now = call.now;
    let cancel_id = cancel_id.unwrap_or_else(|| call.exchange.made_up_id());
    call.exchange.cancel(id, Some(&cancel_id), now);
    Ok(call.stored(id)?.canceled(&cancel_id, now))
}

/// `GET /api/v3/openOrders`.
pub(crate) fn open_orders(call: &mut Call<'_>) -> Answer {
    let symbol = match call.params.symbol()? {
        Some(_) => Some(call.required_symbol()?),
        None => None,
    };
    let open = call.account_state()?.open.iter().filter_map(|id| call.exchange.orders.get(id));
    let rows = open.filter(|order| symbol.as_ref().is_none_or(|symbol| order.symbol == *symbol));
    Ok(Value::Array(rows.map(Order::row).collect()))
}

/// `DELETE /api/v3/openOrders`.
pub(crate) fn cancel_all(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let open: Vec<u64> = call
        .account_state()?
        .open
        .iter()
        .filter(|id| call.exchange.orders.get(id).is_some_and(|order| order.symbol == symbol))
        .copied()
        .collect();
    if open.is_empty() {
        return Err(Reject::unknown_order());
    }
    let now = call.now;
    let mut rows = Vec::new();
    for id in open {
        let order = call.stored(id)?;
        if !order.status.open() {
            continue;
        }
        let list = order.list;
        let cancel_id = call.exchange.made_up_id();
        call.exchange.cancel(id, Some(&cancel_id), now);
        match list.and_then(|list| call.exchange.lists.get(&list)) {
            Some(list) => {
                rows.push(call.exchange.list_with_reports(list, |o| o.canceled(&o.client_id, now)));
            }
            None => rows.push(call.stored(id)?.canceled(&cancel_id, now)),
        }
    }
    Ok(Value::Array(rows))
}

/// `GET /api/v3/allOrders`.
pub(crate) fn all_orders(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let from = call.params.integer("orderId")?.unwrap_or(0);
    let (start, end) = call.period(24)?;
    let limit = call.params.limit(500, 1000)?;
    let mut found: Vec<&Order> = call
        .exchange
        .orders
        .values()
        .filter(|order| order.account == call.account && order.symbol == symbol)
        .filter(|order| order.id >= from && (start..=end).contains(&order.placed_ms))
        .collect();
    found.sort_unstable_by_key(|order| order.id);
    let skip = if from == 0 && start == 0 { found.len().saturating_sub(limit) } else { 0 };
    Ok(found.into_iter().skip(skip).take(limit).map(Order::row).collect())
}

/// `GET /api/v3/myTrades`.
pub(crate) fn my_trades(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let order = call.params.integer("orderId")?;
    let from = call.params.integer("fromId")?.unwrap_or(0);
    let (start, end) = call.period(24)?;
    let limit = call.params.limit(500, 1000)?;
    let found: Vec<_> = call
        .account_state()?
        .trades
        .iter()
        .filter(|trade| trade.symbol == symbol && trade.id >= from)
        .filter(|trade| order.is_none_or(|order| trade.order == order))
        .filter(|trade| (start..=end).contains(&trade.at_ms))
        .collect();
    let newest = from == 0 && start == 0;
    let skip = if newest { found.len().saturating_sub(limit) } else { 0 };
    Ok(found.into_iter().skip(skip).take(limit).map(|trade| trade.row()).collect())
}

/// `GET /api/v3/account`.
pub(crate) fn account(call: &mut Call<'_>) -> Answer {
    let omit = call.params.flag("omitZeroBalances")?;
    let rights = call.rights;
    let (maker, taker) = call.fee_rates();
    let bps = |rate: Decimal| i64::try_from(rate).unwrap_or(0);
    let state = call.account_state()?;
    let balances = call.assets().into_iter().filter_map(|asset| {
        let balance = call.exchange.balance(call.account, &asset);
        let zero = balance.free.is_zero() && balance.locked.is_zero();
        (!omit || !zero).then(|| {
            json!({
                "asset": asset,
                "free": show(balance.free),
                "locked": show(balance.locked),
            })
        })
    });
    let options = &call.exchange.options;
    Ok(json!({
        "makerCommission": bps(options.maker_fee_bps),
        "takerCommission": bps(options.taker_fee_bps),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": maker, "taker": taker, "buyer": "0.00000000", "seller": "0.00000000"
        },
        "canTrade": true,
        "canWithdraw": rights.withdraw,
        "canDeposit": true,
        "brokered": false,
        "requireSelfTradePrevention": false,
        "preventSor": false,
        "updateTime": state.updated_ms,
        "accountType": "SPOT",
        "balances": balances.collect::<Vec<_>>(),
        "permissions": ["SPOT"],
        "uid": 354_937_868_u64.saturating_add(u64::try_from(call.account).unwrap_or(0)),
    }))
}

/// `GET /api/v3/account/commission`.
pub(crate) fn commission(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let (maker, taker) = call.fee_rates();
    let zero = "0.00000000";
    let none = json!({ "maker": zero, "taker": zero, "buyer": zero, "seller": zero });
    Ok(json!({
        "symbol": symbol,
        "standardCommission": { "maker": maker, "taker": taker, "buyer": zero, "seller": zero },
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": true,
            "enabledForSymbol": true,
            "discountAsset": "BNB",
            "discount": "0.75000000"
        }
    }))
}

/// `GET /api/v3/rateLimit/order`.
pub(crate) fn order_counts(call: &mut Call<'_>) -> Answer {
    let (now, account) = (call.now, call.account);
    let limits = call.exchange.options.limits.clone();
    let state = call.exchange.accounts.get_mut(account).ok_or_else(Reject::key_or_rights)?;
    let (short, day) = state.counts.now(now);
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
        row("SECOND", 10, limits.orders_per_10s, short),
        row("DAY", 1, limits.orders_per_day, day),
    ]))
}

/// `POST /api/v3/order/cancelReplace`.
pub(crate) fn cancel_replace(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let stop_on_failure = match call.params.required("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => true,
        "ALLOW_FAILURE" => false,
        _ => {
            let msg = "Data sent for parameter 'cancelReplaceMode' is not valid.";
            return Err(Reject::new(400, -1130, msg));
        }
    };
    let new = call.order(&symbol)?;
    let full = matches!(new.kind, Kind::Limit | Kind::Market);
    let detail = call.detail(if full { ResponseType::Full } else { ResponseType::Ack })?;
    let (id, client) = ("cancelOrderId", "cancelOrigClientOrderId");
    if !call.params.sent(id) && !call.params.sent(client) {
        return Err(Reject::either(client, id));
    }
    let cancel_id = call.params.client_id("cancelNewClientOrderId")?;
    // The order count is checked before the cancellation; the rest after it.
    let (now, account) = (call.now, call.account);
    call.exchange.count(account, 1, now)?;
    let canceled =
        cancel_target(call, &symbol, id, client).and_then(|id| cancel_one(call, id, cancel_id));
    let placed = if canceled.is_err() && stop_on_failure {
        None
    } else {
        let placed = call.exchange.place(new, now);
        Some(placed.and_then(|id| Ok(call.stored(id)?.placed(detail, now))))
    };
    let result = |answer: &Answer| if answer.is_ok() { "SUCCESS" } else { "FAILURE" };
    let data = json!({
        "cancelResult": result(&canceled),
        "newOrderResult": placed.as_ref().map_or("NOT_ATTEMPTED", result),
        "cancelResponse": canceled.clone().unwrap_or_else(|reject| reject.body()),
        "newOrderResponse": placed.clone().map(|p| p.unwrap_or_else(|reject| reject.body())),
    });
    let (status, code, msg) = match (&canceled, &placed) {
        (Ok(_), Some(Ok(_))) => return Ok(data),
        (Ok(_), _) | (_, Some(Ok(_))) => (409, -2021, "Order cancel-replace partially failed."),
        _ => (400, -2022, "Order cancel-replace failed."),
    };
    let mut reject = Reject::new(status, code, msg);
    reject.data = Some(Box::new(data));
    Err(reject)
}

/// `PUT /api/v3/order/amend/keepPriority`.
pub(crate) fn amend(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let named = call.named(&symbol, "orderId", "origClientOrderId")?;
    let id = call.exchange.find_open(&named)?;
    let quantity = call.params.amount("newQty")?;
    let client_id = call.params.client_id("newClientOrderId")?;
    let now = call.now;
    let amendment = call.exchange.amend(id, quantity, client_id, now)?;
    let order = call.stored(id)?;
    let mut answer = order.amended(&amendment);
    let list = order.list.and_then(|list| call.exchange.lists.get(&list));
    if let (Some(list), Some(map)) = (list, answer.as_object_mut()) {
        map.insert("listStatus".to_owned(), call.exchange.list_row(list));
    }
    Ok(answer)
}

/// `GET /api/v3/order/amendments`.
pub(crate) fn amendments(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let id = call.params.integer("orderId")?.ok_or_else(|| Reject::missing("orderId"))?;
    let named = Named { account: call.account, symbol: &symbol, id: Some(id), client_id: None };
    let id = call.exchange.find(&named).ok_or_else(Reject::no_such_order)?;
    let limit = call.params.limit(500, 1000)?;
    let from = call.params.integer("fromExecutionId")?.unwrap_or(0);
    let rows = call.stored(id)?.amendment_rows().into_iter();
    let rows = rows.filter(|row| row.get("executionId").and_then(Value::as_u64) >= Some(from));
    Ok(rows.take(limit).collect())
}

/// A fee in basis points as the rate the venue prints.
pub(crate) fn rate(bps: Decimal) -> String {
    show(div(bps, Decimal::from(10_000)))
}
