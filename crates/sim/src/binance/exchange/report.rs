//! Orders, lists and trades as JSON, in the venue's field order.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::lists::OrderList;
use super::order::{Amendment, Order};
use super::{Exchange, ResponseType};
use crate::binance::money::show;

/// A trade as its account sees it.
#[derive(Debug, Clone)]
pub(crate) struct MyTrade {
    pub(crate) id: u64,
    pub(crate) symbol: String,
    pub(crate) order: u64,
    pub(crate) list: Option<u64>,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) commission: Decimal,
    pub(crate) commission_asset: String,
    pub(crate) at_ms: i64,
    pub(crate) buyer: bool,
    pub(crate) maker: bool,
}

impl MyTrade {
    /// A row of `myTrades`.
    pub(crate) fn row(&self) -> Value {
        json!({
            "symbol": self.symbol,
            "id": self.id,
            "orderId": self.order,
            "orderListId": list_id(self.list),
            "price": show(self.price),
            "qty": show(self.quantity),
            "quoteQty": show(crate::binance::money::mul(self.price, self.quantity)),
            "commission": show(self.commission),
            "commissionAsset": self.commission_asset,
            "time": self.at_ms,
            "isBuyer": self.buyer,
            "isMaker": self.maker,
            "isBestMatch": true,
        })
    }
}

/// An order list's number, -1 for none.
fn list_id(list: Option<u64>) -> i64 {
    list.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1)
}

fn put(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    map.insert(name.to_owned(), value.into());
}

/// The fields that most answers about an order share.
fn amounts(map: &mut Map<String, Value>, order: &Order) {
    put(map, "price", show(order.price));
    put(map, "origQty", show(order.quantity));
    put(map, "executedQty", show(order.executed));
    put(map, "origQuoteOrderQty", show(order.quote_quantity));
    put(map, "cummulativeQuoteQty", show(order.quote_executed));
    put(map, "status", order.status.word());
    put(map, "timeInForce", order.time_in_force.word());
    put(map, "type", order.kind.word());
    put(map, "side", order.side.word());
    if let Some(stop) = order.stop {
        put(map, "stopPrice", show(stop));
    }
    if let Some(iceberg) = order.iceberg {
        put(map, "icebergQty", show(iceberg));
    }
    if let Some(id) = order.strategy_id {
        put(map, "strategyId", id);
    }
    if let Some(kind) = order.strategy_type {
        put(map, "strategyType", kind);
    }
}

fn identity(order: &Order) -> Map<String, Value> {
    let mut map = Map::new();
    put(&mut map, "symbol", order.symbol.as_str());
    put(&mut map, "orderId", order.id);
    put(&mut map, "orderListId", list_id(order.list));
    map
}

impl Order {
    /// The answer to placing it.
    pub(crate) fn placed(&self, detail: ResponseType, now: i64) -> Value {
        let mut map = identity(self);
        put(&mut map, "clientOrderId", self.client_id.as_str());
        put(&mut map, "transactTime", now);
        if detail != ResponseType::Ack {
            amounts(&mut map, self);
            put(&mut map, "workingTime", self.working_ms.unwrap_or(-1));
        }
        if detail == ResponseType::Full {
            let fills = self.fills.iter().map(|fill| {
                json!({
                    "price": show(fill.price),
                    "qty": show(fill.quantity),
                    "commission": show(fill.commission),
                    "commissionAsset": fill.commission_asset,
                    "tradeId": fill.trade,
                })
            });
            put(&mut map, "fills", fills.collect::<Vec<_>>());
        }
        if detail != ResponseType::Ack {
            put(&mut map, "selfTradePreventionMode", self.prevention.word());
        }
        Value::Object(map)
    }

    /// The answer to cancelling it; `cancel_id` names the cancellation.
    pub(crate) fn canceled(&self, cancel_id: &str, now: i64) -> Value {
        let mut map = Map::new();
        put(&mut map, "symbol", self.symbol.as_str());
        put(&mut map, "origClientOrderId", self.client_id.as_str());
        put(&mut map, "orderId", self.id);
        put(&mut map, "orderListId", list_id(self.list));
        put(&mut map, "clientOrderId", cancel_id);
        put(&mut map, "transactTime", now);
        amounts(&mut map, self);
        put(&mut map, "selfTradePreventionMode", self.prevention.word());
        Value::Object(map)
    }

    /// A row of a query.
    pub(crate) fn row(&self) -> Value {
        let mut map = identity(self);
        put(&mut map, "clientOrderId", self.client_id.as_str());
        amounts(&mut map, self);
        put(&mut map, "stopPrice", show(self.stop.unwrap_or_default()));
        put(&mut map, "icebergQty", show(self.iceberg.unwrap_or_default()));
        put(&mut map, "time", self.placed_ms);
        put(&mut map, "updateTime", self.updated_ms);
        put(&mut map, "isWorking", self.working_ms.is_some());
        put(&mut map, "workingTime", self.working_ms.unwrap_or(-1));
        put(&mut map, "selfTradePreventionMode", self.prevention.word());
        Value::Object(map)
    }

    /// The answer to reducing it.
    pub(crate) fn amended(&self, amendment: &Amendment) -> Value {
        json!({
            "transactTime": amendment.at_ms,
            "executionId": amendment.execution,
            "amendedOrder": {
                "symbol": self.symbol,
                "orderId": self.id,
                "orderListId": list_id(self.list),
                "origClientOrderId": amendment.old_client_id,
                "clientOrderId": self.client_id,
                "price": show(self.price),
                "qty": show(self.quantity),
                "executedQty": show(self.executed),
                "preventedQty": "0.00000000",
                "quoteOrderQty": show(self.quote_quantity),
                "cumulativeQuoteQty": show(self.quote_executed),
                "status": self.status.word(),
                "timeInForce": self.time_in_force.word(),
                "type": self.kind.word(),
                "side": self.side.word(),
                "workingTime": self.working_ms.unwrap_or(-1),
                "selfTradePreventionMode": self.prevention.word(),
            }
        })
    }

    /// Rows of `order/amendments`.
    pub(crate) fn amendment_rows(&self) -> Vec<Value> {
        let row = |amendment: &Amendment| {
            json!({
                "symbol": self.symbol,
                "orderId": self.id,
                "executionId": amendment.execution,
                "origClientOrderId": amendment.old_client_id,
                "newClientOrderId": amendment.new_client_id,
                "origQty": show(amendment.old_quantity),
                "newQty": show(amendment.new_quantity),
                "time": amendment.at_ms,
            })
        };
        self.amendments.iter().map(row).collect()
    }
}

impl Exchange {
    /// A list without its orders' reports.
    pub(crate) fn list_row(&self, list: &OrderList) -> Value {
        let orders = list.orders.iter().filter_map(|id| self.orders.get(id)).map(|order| {
            json!({
                "symbol": order.symbol,
                "orderId": order.id,
                "clientOrderId": order.client_id,
            })
        });
        json!({
            "orderListId": list.id,
            "contingencyType": list.kind.word(),
            "listStatusType": if list.done { "ALL_DONE" } else { "EXEC_STARTED" },
            "listOrderStatus": if list.done { "ALL_DONE" } else { "EXECUTING" },
            "listClientOrderId": list.client_id,
            "transactionTime": list.at_ms,
            "symbol": list.symbol,
            "orders": orders.collect::<Vec<_>>(),
        })
    }

    /// A list with reports, by `report`.
    pub(crate) fn list_with_reports(
        &self,
        list: &OrderList,
        report: impl Fn(&Order) -> Value,
    ) -> Value {
        let mut row = self.list_row(list);
        let reports: Vec<Value> =
            list.orders.iter().filter_map(|id| self.orders.get(id)).map(report).collect();
        if let Some(map) = row.as_object_mut() {
            map.insert("orderReports".to_owned(), Value::Array(reports));
        }
        row
    }
}
