//! What an account is told of its orders, positions and balances, in the words
//! of the futures user data stream.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::order::{Order, Status};
use super::{Futures, PositionSide, UserTrade};
use crate::binance::exchange::Side;
use crate::binance::money::{mul, short, show};

/// What happened to an order.
pub(super) enum Happened<'a> {
    New,
    Amended,
    Closed,
    Traded(&'a UserTrade),
}

impl Futures {
    /// Tells the owner of an order what happened to it.
    pub(super) fn report(&mut self, id: u64, happened: &Happened<'_>, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        let account = order.asked.account;
        if !self.outbox.heard(account) {
            return;
        }
        let (mut bids, mut asks) = (Decimal::ZERO, Decimal::ZERO);
        let open = self.accounts.get(account).into_iter().flat_map(|state| state.open.iter());
        for other in open.filter_map(|id| self.orders.get(id)) {
            if other.asked.symbol == order.asked.symbol {
                let side = if other.asked.side == Side::Buy { &mut bids } else { &mut asks };
                *side = crate::binance::money::add(*side, mul(other.remaining(), other.price));
            }
        }
        let event = order_update(order, happened, bids, asks, now);
        self.outbox.user(account, || event);
    }

    /// Tells an account of a balance and positions, and why they changed.
    pub(super) fn report_account(
        &mut self,
        account: usize,
        why: &str,
        asset: &str,
        positions: &[(&str, PositionSide)],
        now: i64,
    ) {
        let Some(state) = self.accounts.get(account).filter(|_| self.outbox.heard(account)) else {
            return;
        };
        let isolated: Decimal = state.positions.values().map(|p| p.isolated_wallet).sum();
        let wallet = state.balance(asset);
        let rows = positions.iter().map(|(symbol, side)| {
            let position = state.position(symbol, *side);
            let margin = if self.settings(state, symbol).isolated { "isolated" } else { "cross" };
            json!({
                "s": symbol,
                "pa": short(position.amount),
                "ep": short(position.entry),
                "bep": short(position.entry),
                "cr": short(position.realized),
                "up": short(position.unrealized(self.mark(symbol))),
                "mt": margin,
                "iw": short(position.isolated_wallet),
                "ps": side.word(),
            })
        });
        let event = json!({
            "e": "ACCOUNT_UPDATE",
            "E": now,
            "T": now,
            "a": {
                "m": why,
                "B": [{
                    "a": asset,
                    "wb": show(wallet),
                    "cw": show(crate::binance::money::sub(wallet, isolated)),
                    "bc": "0",
                }],
                "P": rows.collect::<Vec<_>>(),
            },
        });
        self.outbox.user(account, || event);
    }

    /// Tells an account of a symbol's leverage.
    pub(super) fn report_leverage(
        &mut self,
        account: usize,
        symbol: &str,
        leverage: u32,
        now: i64,
    ) {
        self.outbox.user(account, || {
            json!({
                "e": "ACCOUNT_CONFIG_UPDATE",
                "E": now,
                "T": now,
                "ac": { "s": symbol, "l": leverage },
            })
        });
    }

    /// Tells the owner of a conditional order how it stands.
    pub(super) fn report_algo(&mut self, id: u64, now: i64) {
        let Some(algo) = self.algos.get(&id) else { return };
        let account = algo.asked.account;
        if !self.outbox.heard(account) {
            return;
        }
        let order = algo.order.and_then(|id| self.orders.get(&id));
        let asked = &algo.asked;
        let actual = order.map_or("0", |order| order.asked.kind.word());
        let event = json!({
            "e": "ALGO_UPDATE",
            "T": now,
            "E": now,
            "o": {
                "caid": algo.client_id,
                "aid": algo.id,
                "at": "CONDITIONAL",
                "o": asked.kind.word(),
                "s": asked.symbol,
                "S": asked.side.word(),
                "ps": asked.position_side.word(),
                "f": asked.time_in_force.word(),
                "q": short(asked.quantity),
                "X": algo.status,
                "ai": order.map(|order| order.id.to_string()).unwrap_or_default(),
                "ap": order.map(|order| short(order.average())).unwrap_or_default(),
                "aq": order.map(|order| short(order.executed)).unwrap_or_default(),
                "act": actual,
                "tp": short(algo.trigger),
                "p": short(asked.price),
                "V": asked.prevention.word(),
                "wt": algo.working.word(),
                "pm": "NONE",
                "cp": asked.close_position,
                "pP": algo.price_protect,
                "R": asked.reduce_only,
                "tt": algo.triggered_ms,
                "gtd": asked.good_till_ms,
                "rm": "",
            },
        });
        self.outbox.user(account, || event);
    }
}

fn order_update(
    order: &Order,
    happened: &Happened<'_>,
    bids: Decimal,
    asks: Decimal,
    now: i64,
) -> Value {
    let asked = &order.asked;
    let trade = match happened {
        Happened::Traded(trade) => Some(*trade),
        _ => None,
    };
    let what = match happened {
        Happened::New => "NEW",
        Happened::Amended => "AMENDMENT",
        Happened::Traded(_) => "TRADE",
        Happened::Closed => match order.status {
            Status::Canceled => "CANCELED",
            Status::ExpiredInMatch => "EXPIRED_IN_MATCH",
            _ => "EXPIRED",
        },
    };
    let mut body = json!({
        "s": asked.symbol,
        "c": order.client_id,
        "S": asked.side.word(),
        "o": asked.kind.word(),
        "f": asked.time_in_force.word(),
        "q": short(order.quantity),
        "p": short(order.price),
        "ap": short(order.average()),
        "sp": short(order.stop),
        "x": what,
        "X": order.status.word(),
        "i": order.id,
        "l": short(trade.map(|trade| trade.quantity).unwrap_or_default()),
        "z": short(order.executed),
        "L": short(trade.map(|trade| trade.price).unwrap_or_default()),
        "T": now,
        "t": trade.map_or(0, |trade| trade.id),
        "b": short(bids),
        "a": short(asks),
        "m": trade.is_some_and(|trade| trade.maker),
        "R": asked.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.original.word(),
        "ps": asked.position_side.word(),
        "cp": asked.close_position,
        "rp": short(trade.map(|trade| trade.profit).unwrap_or_default()),
        "pP": false,
        "si": 0,
        "ss": 0,
        "V": asked.prevention.word(),
        "pm": "NONE",
        "gtd": asked.good_till_ms,
    });
    if let (Some(trade), Some(map)) = (trade, body.as_object_mut()) {
        map.insert("N".to_owned(), json!(trade.asset));
        map.insert("n".to_owned(), json!(short(trade.commission)));
    }
    json!({ "e": "ORDER_TRADE_UPDATE", "E": now, "T": now, "o": body })
}
