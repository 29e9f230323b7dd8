//! What an account is told of its orders and balances, in the words of the
//! user data stream.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::order::{Fill, Order};
use super::{Exchange, Status};
use crate::binance::money::{mul, show};
use crate::binance::stream::outbox::ToldTrade;

use super::PublicTrade;

/// What happened to an order.
pub(super) enum Happened<'a> {
    /// Accepted, or set off by its stop price.
    New,
    /// Cancelled, expired, or kept from trading with itself.
    Closed,
    /// Reduced; with the client id it had before.
    Replaced(&'a str),
    /// Traded.
    Traded { fill: &'a Fill, maker: bool, full: bool },
}

impl Exchange {
    /// Tells the owner of an order what happened to it.
    pub(super) fn report(&mut self, id: u64, happened: &Happened<'_>, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        if !self.outbox.heard(order.account) {
            return;
        }
        self.last_execution = self.last_execution.saturating_add(1);
        let event = execution_report(order, happened, self.last_execution, now);
        self.outbox.user(order.account, || event);
    }

    /// Tells the owner of a list how it stands.
    pub(super) fn report_list(&mut self, id: u64, now: i64) {
        let Some(list) = self.lists.get(&id) else { return };
        let account = list.account;
        if !self.outbox.heard(account) {
            return;
        }
        let orders = list
            .orders
            .iter()
            .filter_map(|id| self.orders.get(id))
            .map(|order| json!({ "s": order.symbol, "i": order.id, "c": order.client_id }));
        let event = json!({
            "e": "listStatus",
            "E": now,
            "s": list.symbol,
            "g": list.id,
            "c": list.kind.word(),
            "l": if list.done { "ALL_DONE" } else { "EXEC_STARTED" },
            "L": if list.done { "ALL_DONE" } else { "EXECUTING" },
            "r": "NONE",
            "C": list.client_id,
            "T": now,
            "O": orders.collect::<Vec<_>>(),
        });
        self.outbox.user(account, || event);
    }

    /// Tells an account of an amount that came or went without an order.
    pub(crate) fn report_movement(
        &mut self,
        account: usize,
        asset: &str,
        amount: Decimal,
        now: i64,
    ) {
        self.outbox.user(
            account,
            || json!({ "e": "balanceUpdate", "E": now, "a": asset, "d": show(amount), "T": now }),
        );
    }

    /// Tells everybody of a trade.
    pub(super) fn report_trade(&mut self, symbol: &str, trade: &PublicTrade) {
        self.outbox.trade(|| ToldTrade {
            symbol: symbol.to_owned(),
            id: trade.id,
            price: trade.price,
            quantity: trade.quantity,
            at_ms: trade.at_ms,
            buyer_is_maker: trade.buyer_is_maker,
        });
    }

    /// `outboundAccountPosition`: the balances named, as they are now.
    pub(crate) fn position_event(&self, account: usize, assets: &[String], now: i64) -> Value {
        let updated = self.accounts.get(account).map_or(now, |state| state.updated_ms);
        let rows = assets.iter().map(|asset| {
            let balance = self.balance(account, asset);
            json!({ "a": asset, "f": show(balance.free), "l": show(balance.locked) })
        });
        json!({
            "e": "outboundAccountPosition",
            "E": now,
            "u": updated,
            "B": rows.collect::<Vec<_>>(),
        })
    }
}

fn execution_report(order: &Order, happened: &Happened<'_>, execution: u64, now: i64) -> Value {
    let zero = show(Decimal::ZERO);
    let (what, status) = match happened {
        Happened::New => ("NEW", order.status),
        Happened::Replaced(_) => ("REPLACED", order.status),
        Happened::Traded { full: true, .. } => ("TRADE", Status::Filled),
        Happened::Traded { .. } => ("TRADE", order.status),
        Happened::Closed => (
            match order.status {
                Status::Canceled => "CANCELED",
                Status::ExpiredInMatch => "TRADE_PREVENTION",
                _ => "EXPIRED",
            },
            order.status,
        ),
    };
    // A cancellation has an id of its own; the order's then stands under `C`.
    let (client_id, original) = match (happened, &order.cancel_id) {
        (Happened::Closed, Some(cancel)) => (cancel.as_str(), order.client_id.as_str()),
        (Happened::Replaced(before), _) => (order.client_id.as_str(), *before),
        _ => (order.client_id.as_str(), ""),
    };
    let fill = match happened {
        Happened::Traded { fill, maker, .. } => Some((*fill, *maker)),
        _ => None,
    };
    let resting =
        order.working_ms.is_some() && matches!(status, Status::New | Status::PartiallyFilled);
    let mut event = json!({
        "e": "executionReport",
        "E": now,
        "s": order.symbol,
        "c": client_id,
        "S": order.side.word(),
        "o": order.kind.word(),
        "f": order.time_in_force.word(),
        "q": show(order.quantity),
        "p": show(order.price),
        "P": show(order.stop.unwrap_or_default()),
        "F": show(order.iceberg.unwrap_or_default()),
        "g": order.list.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1),
        "C": original,
        "x": what,
        "X": status.word(),
        "r": "NONE",
        "i": order.id,
        "l": fill.map_or_else(|| zero.clone(), |(fill, _)| show(fill.quantity)),
        "z": show(order.executed),
        "L": fill.map_or_else(|| zero.clone(), |(fill, _)| show(fill.price)),
        "n": fill.map_or_else(|| "0".to_owned(), |(fill, _)| show(fill.commission)),
        "N": fill.map(|(fill, _)| fill.commission_asset.clone()),
        "T": now,
        "t": fill.map_or(-1, |(fill, _)| i64::try_from(fill.trade).unwrap_or(-1)),
        "I": execution,
        "w": resting,
        "m": fill.is_some_and(|(_, maker)| maker),
        "M": false,
        "O": order.placed_ms,
        "Z": show(order.quote_executed),
        "Y": fill.map_or(zero, |(fill, _)| show(mul(fill.price, fill.quantity))),
        "Q": show(order.quote_quantity),
        "V": order.prevention.word(),
    });
    if let (Some(at), Some(map)) = (order.working_ms, event.as_object_mut()) {
        map.insert("W".to_owned(), json!(at));
    }
    event
}
