//! Orders, trades and income as JSON, in the venue's field order.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::algo::Algo;
use super::order::{Amendment, Order, Status};
use super::{Futures, Income, UserTrade};
use crate::binance::money::{mul, short, show};

impl Order {
    fn fields(&self, executed: Decimal, quote: Decimal, average: Decimal, status: Status) -> Value {
        let asked = &self.asked;
        json!({
            "orderId": self.id,
            "symbol": asked.symbol,
            "status": status.word(),
            "clientOrderId": self.client_id,
            "price": short(self.price),
            "avgPrice": short(average),
            "origQty": short(self.quantity),
            "executedQty": short(executed),
            "cumQty": short(executed),
            "cumQuote": short(quote),
            "timeInForce": asked.time_in_force.word(),
            "type": asked.kind.word(),
            "reduceOnly": asked.reduce_only,
            "closePosition": asked.close_position,
            "side": asked.side.word(),
            "positionSide": asked.position_side.word(),
            "stopPrice": short(self.stop),
            "workingType": "CONTRACT_PRICE",
            "priceProtect": false,
            "origType": self.original.word(),
            "priceMatch": "NONE",
            "selfTradePreventionMode": asked.prevention.word(),
            "goodTillDate": asked.good_till_ms,
            "updateTime": self.updated_ms,
        })
    }

    /// The answer to placing it; an acknowledgement says nothing of fills.
    pub(crate) fn placed(&self, acknowledge: bool) -> Value {
        if acknowledge {
            return self.fields(Decimal::ZERO, Decimal::ZERO, Decimal::ZERO, Status::New);
        }
        self.fields(self.executed, self.quote_executed, self.average(), self.status)
    }

    /// A row of a query.
    pub(crate) fn row(&self) -> Value {
        let mut row = self.placed(false);
        if let Some(map) = row.as_object_mut() {
            map.shift_remove("cumQty");
            map.insert("time".to_owned(), json!(self.placed_ms));
        }
        row
    }

    /// Rows of `orderAmendment`.
    pub(crate) fn amendment_rows(&self) -> Vec<Value> {
        let row = |(count, amendment): (usize, &Amendment)| {
            json!({
                "amendmentId": amendment.id,
                "symbol": self.asked.symbol,
                "pair": self.asked.symbol,
                "orderId": self.id,
                "clientOrderId": self.client_id,
                "time": amendment.at_ms,
                "amendment": {
                    "price": {
                        "before": short(amendment.price.0), "after": short(amendment.price.1)
                    },
                    "origQty": {
                        "before": short(amendment.quantity.0), "after": short(amendment.quantity.1)
                    },
                    "count": count.saturating_add(1),
                },
            })
        };
        self.amendments.iter().enumerate().map(row).collect()
    }
}

impl UserTrade {
    /// A row of `userTrades`.
    pub(crate) fn row(&self) -> Value {
        json!({
            "symbol": self.symbol,
            "id": self.id,
            "orderId": self.order,
            "side": self.side.word(),
            "price": short(self.price),
            "qty": short(self.quantity),
            "realizedPnl": show(self.profit),
            "quoteQty": short(mul(self.price, self.quantity)),
            "commission": show(self.commission),
            "commissionAsset": self.asset,
            "time": self.at_ms,
            "positionSide": self.position_side.word(),
            "buyer": self.side == crate::binance::exchange::Side::Buy,
            "maker": self.maker,
        })
    }
}

impl Income {
    /// A row of `income`.
    pub(crate) fn row(&self) -> Value {
        json!({
            "symbol": self.symbol,
            "incomeType": self.kind,
            "income": show(self.amount),
            "asset": self.asset,
            "info": self.kind,
            "time": self.at_ms,
            "tranId": self.transaction,
            "tradeId": self.trade.map(|trade| trade.to_string()).unwrap_or_default(),
        })
    }
}

impl Futures {
    /// A conditional order as answers give it.
    pub(crate) fn algo_row(&self, algo: &Algo) -> Value {
        let asked = &algo.asked;
        let order = algo.order.and_then(|id| self.orders.get(&id));
        json!({
            "algoId": algo.id,
            "clientAlgoId": algo.client_id,
            "algoType": "CONDITIONAL",
            "orderType": asked.kind.word(),
            "symbol": asked.symbol,
            "side": asked.side.word(),
            "positionSide": asked.position_side.word(),
            "timeInForce": asked.time_in_force.word(),
            "quantity": short(asked.quantity),
            "algoStatus": algo.status,
            "actualOrderId": order.map(|order| order.id.to_string()).unwrap_or_default(),
            "actualPrice": order.map(|order| short(order.average())).unwrap_or_default(),
            "triggerPrice": short(algo.trigger),
            "price": short(asked.price),
            "icebergQuantity": Value::Null,
            "selfTradePreventionMode": asked.prevention.word(),
            "workingType": algo.working.word(),
            "priceMatch": "NONE",
            "closePosition": asked.close_position,
            "priceProtect": algo.price_protect,
            "reduceOnly": asked.reduce_only,
            "activatePrice": "",
            "callbackRate": "",
            "createTime": algo.placed_ms,
            "updateTime": algo.updated_ms,
            "triggerTime": algo.triggered_ms,
            "goodTillDate": asked.good_till_ms,
        })
    }
}
