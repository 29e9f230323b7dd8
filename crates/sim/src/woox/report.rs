//! Orders, fills, positions and balances as JSON.
//!
//! The shapes are those of the samples in the vendor's documents and in ccxt
//! 4.5.90, most of which are captured answers. Private v3 endpoints under
//! `trade` answer with JSON numbers there, those under `asset` and `futures` and
//! all public v3 ones with texts.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use crate::money::{short, sub};
use crate::woox::exchange::{Algo, Audience, Exchange, MyTrade, Order, Position, PositionSide};

/// An amount as a JSON number, as the venue sends it. For display alone: the
/// venue's own sums stay decimal.
pub(crate) fn number(amount: Decimal) -> Value {
    let amount = amount.normalize();
    if amount.scale() == 0
        && let Some(whole) = amount.to_i64()
    {
        return json!(whole);
    }
    json!(amount.to_f64())
}

fn optional(amount: Option<Decimal>) -> Value {
    amount.map_or(Value::Null, number)
}

/// An amount as text, without trailing zeros.
pub(crate) fn text(amount: Decimal) -> String {
    short(amount)
}

/// A time as seconds with three decimals, as text.
pub(crate) fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

/// An order as `GET /v3/trade/order` has it.
pub(crate) fn order_v3(order: &Order) -> Value {
    json!({
        "orderId": order.id,
        "clientOrderId": order.client_id,
        "symbol": order.symbol,
        "orderTag": order.tag,
        "side": order.side.word(),
        "quantity": number(order.quantity),
        "amount": optional(order.amount),
        "type": order.kind.word(),
        "status": order.status.word(),
        "price": optional(order.price),
        "executed": number(order.executed),
        "visible": number(order.visible),
        "averageExecutedPrice": number(order.average()),
        "totalFee": number(order.fee),
        "feeAsset": order.fee_asset,
        "totalRebate": 0,
        "rebateAsset": "USDT",
        "reduceOnly": order.reduce_only,
        "createdTime": seconds(order.created_ms),
        "updatedTime": seconds(order.updated_ms),
        "realizedPnl": order.perpetual.then(|| number(order.realized)),
        "positionSide": order.position_side.word(),
        "bidAskLevel": null,
    })
}

/// An order as `GET /v1/order/{oid}` has it, with its fills.
pub(crate) fn order_v1(order: &Order, trades: &[&MyTrade]) -> Value {
    json!({
        "symbol": order.symbol,
        "status": order.status.word(),
        "side": order.side.word(),
        "created_time": seconds(order.created_ms),
        "updated_time": seconds(order.updated_ms),
        "order_id": order.id,
        "order_tag": order.tag,
        "price": optional(order.price),
        "type": order.kind.word(),
        "quantity": number(order.quantity),
        "amount": optional(order.amount),
        "visible": number(order.visible),
        "executed": number(order.executed),
        "total_fee": number(order.fee),
        "fee_asset": order.fee_asset,
        "client_order_id": order.client_id,
        "reduce_only": order.reduce_only,
        "realized_pnl": order.perpetual.then(|| number(order.realized)),
        "average_executed_price": number(order.average()),
        "position_side": order.position_side.word(),
        "Transactions": trades.iter().map(|trade| trade_v1(trade)).collect::<Vec<_>>(),
    })
}

/// A fill as `GET /v3/trade/transactionHistory` has it.
pub(crate) fn trade_v3(trade: &MyTrade) -> Value {
    json!({
        "id": trade.id,
        "symbol": trade.symbol,
        "orderId": trade.order,
        "clientOrderId": trade.client_id,
        "executedPrice": number(trade.price),
        "executedQuantity": number(trade.quantity),
        "fee": number(trade.fee),
        "realizedPnl": optional(Some(trade.realized).filter(|pnl| !pnl.is_zero())),
        "feeAsset": trade.fee_asset,
        "orderTag": trade.tag,
        "side": trade.side.word(),
        "executedTimestamp": seconds(trade.at_ms),
        "isMaker": i32::from(trade.maker),
    })
}

/// A fill as v1 has it.
pub(crate) fn trade_v1(trade: &MyTrade) -> Value {
    json!({
        "id": trade.id,
        "symbol": trade.symbol,
        "fee": number(trade.fee),
        "side": trade.side.word(),
        "executed_timestamp": seconds(trade.at_ms),
        "order_id": trade.order,
        "order_tag": trade.tag,
        "executed_price": number(trade.price),
        "executed_quantity": number(trade.quantity),
        "fee_asset": trade.fee_asset,
        "is_maker": i32::from(trade.maker),
        "realized_pnl": number(trade.realized),
    })
}

/// An `executionreport` of the v2 socket.
pub(crate) fn execution(order: &Order, trade: Option<&MyTrade>, now: i64) -> Value {
    let zero = Decimal::ZERO;
    json!({
        "msgType": 0,
        "symbol": order.symbol,
        "clientOrderId": order.client_id,
        "orderId": order.id,
        "type": order.kind.word(),
        "side": order.side.word(),
        "quantity": number(order.quantity),
        "price": number(order.price.unwrap_or_default()),
        "tradeId": trade.map_or(0, |trade| trade.id),
        "executedPrice": number(trade.map_or(zero, |trade| trade.price)),
        "executedQuantity": number(trade.map_or(zero, |trade| trade.quantity)),
        "fee": number(trade.map_or(zero, |trade| trade.fee)),
        "feeAsset": order.fee_asset,
        "totalExecutedQuantity": number(order.executed),
        "avgPrice": number(order.average()),
        "status": order.status.word(),
        "reason": "",
        "orderTag": order.tag,
        "totalFee": number(order.fee),
        "feeCurrency": order.fee_asset,
        "totalRebate": 0,
        "rebateCurrency": "USDT",
        "visible": number(order.visible),
        "timestamp": now,
        "reduceOnly": order.reduce_only,
        "maker": trade.is_some_and(|trade| trade.maker),
        "positionSide": order.position_side.word(),
    })
}

/// An algo order as `GET /v3/trade/algoOrder` has it; `child` is the order that
/// it placed.
pub(crate) fn algo_v3(algo: &Algo, child: Option<&Order>) -> Value {
    let triggered = algo.triggered_ms.is_some();
    let trailing = |value: Option<Decimal>| value.map(number);
    let mut row = json!({
        "algoOrderId": algo.id,
        "clientAlgoOrderId": algo.new.client_id,
        "rootAlgoOrderId": algo.id,
        "parentAlgoOrderId": 0,
        "symbol": algo.new.symbol,
        "algoOrderTag": algo.new.tag,
        "algoType": algo.new.algo_type.word(),
        "side": algo.new.side.word(),
        "quantity": number(algo.new.quantity),
        "isTriggered": triggered,
        "triggerPrice": optional(algo.new.trigger_price),
        "triggerStatus": if triggered { "SUCCESS" } else { "USELESS" },
        "type": algo.new.kind.word(),
        "rootAlgoStatus": algo.status.word(),
        "algoStatus": algo.status.word(),
        "triggerPriceType": "MARKET_PRICE",
        "price": number(algo.new.price.unwrap_or_default()),
        "triggerTime": algo.triggered_ms.map_or("0".to_owned(), seconds),
        "totalExecutedQuantity": number(child.map(|order| order.executed).unwrap_or_default()),
        "visibleQuantity": number(algo.new.quantity),
        "averageExecutedPrice": number(child.map(Order::average).unwrap_or_default()),
        "totalFee": number(child.map(|order| order.fee).unwrap_or_default()),
        "feeAsset": child.map(|order| order.fee_asset.as_str()).unwrap_or_default(),
        "totalRebate": 0,
        "rebateAsset": "",
        "reduceOnly": algo.new.reduce_only,
        "createdTime": seconds(algo.created_ms),
        "updatedTime": seconds(algo.updated_ms),
        "positionSide": algo.new.position_side.word(),
    });
    if let Some(map) = row.as_object_mut() {
        let more = [
            ("activatedPrice", trailing(algo.new.activated_price)),
            ("callbackRate", trailing(algo.new.callback_rate)),
            ("callbackValue", trailing(algo.new.callback_value)),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                map.insert(name.to_owned(), value);
            }
        }
    }
    row
}

/// An `algoexecutionreportv2`: a list of one.
pub(crate) fn algo_execution(algo: &Algo, child: Option<&Order>, now: i64) -> Value {
    let mut row = algo_v3(algo, child);
    if let Some(map) = row.as_object_mut() {
        map.insert("clientOrderId".to_owned(), json!(algo.new.client_id));
        map.insert("orderTag".to_owned(), json!(algo.new.tag));
        map.insert("tradeId".to_owned(), json!(0));
        map.insert("timestamp".to_owned(), json!(now));
        map.insert("activated".to_owned(), json!(algo.activated));
        map.insert("triggered".to_owned(), json!(algo.triggered_ms.is_some()));
    }
    json!([row])
}

impl Exchange {
    /// Quantities that open orders would add on each side: long, short.
    fn pending(&self, account: usize, symbol: &str, side: PositionSide) -> (Decimal, Decimal) {
        let mut sums = (Decimal::ZERO, Decimal::ZERO);
        let Some(state) = self.accounts.get(account) else { return sums };
        let open = state.open.iter().filter_map(|id| self.orders.get(id));
        for order in open.filter(|o| o.symbol == symbol && o.position_side == side) {
            let sum = match order.side {
                crate::woox::exchange::Side::Buy => &mut sums.0,
                crate::woox::exchange::Side::Sell => &mut sums.1,
            };
            *sum = crate::money::add(*sum, order.remaining());
        }
        sums
    }

    /// A position as `GET /v3/futures/positions` has it.
    pub(crate) fn position_v3(
        &self,
        account: usize,
        (symbol, side): (&str, PositionSide),
        position: &Position,
        now: i64,
    ) -> Value {
        let mark = self.markets.get(symbol).map(|market| market.mark()).unwrap_or_default();
        let leverage = self.accounts.get(account).map_or(0, |state| state.leverage_of(symbol));
        let (long, short) = self.pending(account, symbol, side);
        json!({
            "symbol": symbol,
            "holding": text(position.holding),
            "pendingLongQty": text(long),
            "pendingShortQty": text(short),
            "settlePrice": text(position.average),
            "averageOpenPrice": text(position.average),
            "pnl24H": text(position.realized),
            "fee24H": text(position.fee),
            "markPrice": text(mark),
            "estLiqPrice": "0",
            "timestamp": now,
            "adlQuantile": 1,
            "positionSide": side.word(),
            "marginMode": "CROSS",
            "isolatedMarginToken": "",
            "isolatedMarginAmount": "0",
            "isolatedFrozenLong": "0",
            "isolatedFrozenShort": "0",
            "leverage": leverage,
        })
    }

    /// A position as `GET /v1/positions` has it.
    pub(crate) fn position_v1(
        &self,
        account: usize,
        (symbol, side): (&str, PositionSide),
        position: &Position,
        now: i64,
    ) -> Value {
        let mark = self.markets.get(symbol).map(|market| market.mark()).unwrap_or_default();
        let leverage = self.accounts.get(account).map_or(0, |state| state.leverage_of(symbol));
        let (long, short) = self.pending(account, symbol, side);
        json!({
            "symbol": symbol,
            "position_side": side.word(),
            "leverage": leverage,
            "margin_mode": "CROSS",
            "average_open_price": number(position.average),
            "isolated_margin_amount": 0,
            "isolated_margin_token": "",
            "opening_time": seconds(position.opened_ms),
            "mark_price": number(mark),
            "pending_short_qty": number(short),
            "pending_long_qty": number(long),
            "holding": number(position.holding),
            "pnl_24_h": number(position.realized),
            "est_liq_price": 0,
            "settle_price": number(position.average),
            "fee_24_h": number(position.fee),
            "isolated_frozen_long": 0,
            "isolated_frozen_short": 0,
            "timestamp": seconds(now),
        })
    }

    /// Tells an account its positions in a market.
    pub(crate) fn tell_position(&mut self, account: usize, symbol: &str, now: i64) {
        let Some(state) = self.accounts.get(account) else { return };
        let held: Vec<((String, PositionSide), Position)> = state
            .positions
            .iter()
            .filter(|((other, _), _)| other == symbol)
            .map(|(key, position)| (key.clone(), position.clone()))
            .collect();
        for ((_, side), position) in held {
            let mark = self.markets.get(symbol).map(|market| market.mark()).unwrap_or_default();
            let (long, short) = self.pending(account, symbol, side);
            let row = json!({
                "holding": number(position.holding),
                "pendingLongQty": number(long),
                "pendingShortQty": number(short),
                "averageOpenPrice": number(position.average),
                "pnl24H": number(position.realized),
                "fee24H": number(position.fee),
                "settlePrice": number(position.average),
                "markPrice": number(mark),
                "version": position.version,
                "openingTime": position.opened_ms,
                "pnl24HPercentage": 0,
                "adlQuantile": 1,
                "positionSide": side.word(),
            });
            let mut rows = Map::new();
            rows.insert(symbol.to_owned(), row);
            self.push(Audience::Account(account), "position", json!({ "positions": rows }), now);
        }
    }

    /// What the `balance` topic says of a token.
    pub(crate) fn balance_push(&self, account: usize, token: &str) -> Value {
        let balance = self.accounts.get(account).map(|s| s.balance(token)).unwrap_or_default();
        let row = json!({
            "holding": number(balance.holding),
            "frozen": number(balance.frozen),
            "interest": 0,
            "pendingShortQty": 0,
            "pendingExposure": 0,
            "pendingLongQty": 0,
            "pendingLongExposure": 0,
            "version": balance.version,
            "staked": 0,
            "unbonding": 0,
            "vault": 0,
            "averageOpenPrice": 0,
            "pnl24H": 0,
            "fee24H": 0,
            "markPrice": number(self.token_price(token)),
            "pnl24HPercentage": 0,
        });
        let mut rows = Map::new();
        rows.insert(token.to_owned(), row);
        json!({ "balances": rows })
    }

    /// A token's price in USDT.
    pub(crate) fn token_price(&self, token: &str) -> Decimal {
        if token == "USDT" {
            return Decimal::ONE;
        }
        let spot = self.markets.get(&format!("SPOT_{token}_USDT"));
        spot.map(|market| market.mark()).unwrap_or_default()
    }

    /// A token of an account as `GET /v3/asset/balances` has it.
    pub(crate) fn balance_v3(&self, account: usize, token: &str, now: i64) -> Value {
        let balance = self.accounts.get(account).map(|s| s.balance(token)).unwrap_or_default();
        json!({
            "token": token,
            "holding": text(balance.holding),
            "frozen": text(balance.frozen),
            "staked": "0",
            "unbonding": "0",
            "vault": "0",
            "interest": "0",
            "earn": "0",
            "pendingShortQty": "0",
            "pendingLongQty": "0",
            "availableBalance": text(self.available(account, token)),
            "averageOpenPrice": "0",
            "markPrice": text(self.token_price(token)),
            "pnl24H": "0",
            "fee24H": "0",
            "timestamp": now,
        })
    }

    /// A token of an account as `GET /v1/client/holding` has it.
    pub(crate) fn balance_v1(&self, account: usize, token: &str, now: i64) -> Value {
        let balance = self.accounts.get(account).map(|s| s.balance(token)).unwrap_or_default();
        json!({
            "token": token,
            "holding": number(balance.holding),
            "frozen": number(balance.frozen),
            "availableBalance": number(sub(balance.holding, balance.frozen)),
            "interest": 0,
            "outstanding_holding": 0,
            "pending_exposure": 0,
            "opening_cost": 0,
            "holding_cost": 0,
            "realised_pnl": 0,
            "settled_pnl": 0,
            "fee_24_h": 0,
            "settled_pnl_24_h": 0,
            "updated_time": seconds(now),
        })
    }
}
