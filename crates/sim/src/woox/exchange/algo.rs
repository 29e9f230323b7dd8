//! Algo orders: they wait for a price, then place an ordinary order.
//!
//! Offered here: `STOP`, `STOP_LOSS`, `TAKE_PROFIT` and `TRAILING_STOP`. `OCO`,
//! `BRACKET` and `POSITIONAL_TP_SL` are refused (317167).

use rust_decimal::Decimal;

use super::order::words;
use super::{Audience, Exchange, Kind, NewOrder, PositionSide, Side, Status};
use crate::money::{add, mul, on_grid, sub};
use crate::woox::reject::Reject;
use crate::woox::report;

words! {
    /// Algo types.
    AlgoType {
        Stop = "STOP",
        StopLoss = "STOP_LOSS",
        TakeProfit = "TAKE_PROFIT",
        TrailingStop = "TRAILING_STOP",
    }
}

/// An algo order as asked for.
#[derive(Debug, Clone)]
pub(crate) struct NewAlgo {
    pub(crate) account: usize,
    pub(crate) symbol: String,
    pub(crate) algo_type: AlgoType,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) quantity: Decimal,
    pub(crate) price: Option<Decimal>,
    pub(crate) trigger_price: Option<Decimal>,
    pub(crate) activated_price: Option<Decimal>,
    pub(crate) callback_rate: Option<Decimal>,
    pub(crate) callback_value: Option<Decimal>,
    pub(crate) client_id: u64,
    pub(crate) tag: String,
    pub(crate) reduce_only: bool,
    pub(crate) position_side: PositionSide,
}

/// An algo order as the exchange keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Algo {
    pub(crate) id: u64,
    pub(crate) new: NewAlgo,
    pub(crate) status: Status,
    pub(crate) triggered_ms: Option<i64>,
    /// Whether it waits for the price to rise; for a trailing stop, whether it is
    /// activated by a rise.
    above: bool,
    /// Whether a trailing stop follows the price already.
    pub(crate) activated: bool,
    /// The best price since then.
    extreme: Decimal,
    /// The order that it placed.
    pub(crate) order: Option<u64>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

impl Algo {
    /// Follows the price. Whether it is set off.
    fn sees(&mut self, last: Decimal) -> bool {
        let reached = |price: Decimal, above: bool| {
            if above { last >= price } else { last <= price }
        };
        if self.new.algo_type != AlgoType::TrailingStop {
            return self.new.trigger_price.is_some_and(|price| reached(price, self.above));
        }
        if !self.activated {
            self.activated = self.new.activated_price.is_none_or(|p| reached(p, self.above));
            self.extreme = last;
            return false;
        }
        let sells = self.new.side == Side::Sell;
        self.extreme = if sells { self.extreme.max(last) } else { self.extreme.min(last) };
        let by_rate = self.new.callback_rate.map(|rate| mul(self.extreme, rate));
        let away = self.new.callback_value.or(by_rate).unwrap_or_default();
        if sells { last <= sub(self.extreme, away) } else { last >= add(self.extreme, away) }
    }
}

impl Exchange {
    /// Places an algo order. Returns its id.
    pub(crate) fn place_algo(&mut self, new: NewAlgo, now: i64) -> Result<u64, Reject> {
        let market = self.market(&new.symbol)?;
        let (last, tick, perpetual) = (market.last, market.spec.tick, market.spec.perpetual);
        self.check_room(new.account)?;
        self.check_position_side(new.account, perpetual, new.position_side)?;
        if new.reduce_only && !perpetual {
            return Err(Reject::order(302_163, "Reduce only orders are not allowed."));
        }
        let taken =
            |id: &u64| self.algos.get(id).is_some_and(|algo| algo.new.client_id == new.client_id);
        if new.client_id != 0 && self.account(new.account)?.open_algos.iter().any(taken) {
            return Err(Reject::order(302_117, "The client_order_id is repeated."));
        }
        let reference = match new.algo_type {
            AlgoType::TrailingStop
                if new.callback_rate.is_none() && new.callback_value.is_none() =>
            {
                return Err(Reject::missing("callbackRate"));
            }
            AlgoType::TrailingStop => new.activated_price.unwrap_or(last),
            _ => new.trigger_price.ok_or_else(|| Reject::missing("triggerPrice"))?,
        };
        for price in [Some(reference), new.price].into_iter().flatten() {
            if !on_grid(price, tick) {
                let message = "The order price is not following the tick size rule for the symbol.";
                return Err(Reject::order(317_147, message));
            }
        }
        self.check_quantity(&new.symbol, new.quantity, new.price.or(Some(reference)))?;
        self.last_algo = self.last_algo.saturating_add(1);
        let id = self.last_algo;
        let algo = Algo {
            id,
            status: Status::New,
            triggered_ms: None,
            above: reference > last,
            activated: new.algo_type == AlgoType::TrailingStop && new.activated_price.is_none(),
            extreme: last,
            order: None,
            created_ms: now,
            updated_ms: now,
            new,
        };
        if let Some(state) = self.accounts.get_mut(algo.new.account) {
            state.open_algos.insert(id);
        }
        self.algos.insert(id, algo);
        self.report_algo(id, now);
        Ok(id)
    }

    /// An algo order of the account, by the venue's id or else by the client's.
    pub(crate) fn find_algo(&self, named: super::Named) -> Result<u64, Reject> {
        let mine = |algo: &&Algo| {
            algo.new.account == named.account
                && match (named.id, named.client_id) {
                    (Some(id), _) => algo.id == id,
                    (None, Some(client_id)) => client_id != 0 && algo.new.client_id == client_id,
                    (None, None) => false,
                }
        };
        let found = self.algos.values().filter(mine).map(|algo| algo.id).max();
        found.ok_or_else(Reject::no_order)
    }

    pub(crate) fn cancel_algo(&mut self, id: u64, now: i64) -> Result<(), Reject> {
        let open = self.algos.get(&id).is_some_and(|algo| algo.status.open());
        if !open {
            return Err(Reject::no_order());
        }
        self.end_algo(id, Status::Cancelled, now);
        Ok(())
    }

    /// Cancels the waiting algo orders of an account, in one market or in all.
    pub(crate) fn cancel_algos(&mut self, account: usize, symbol: Option<&str>, now: i64) {
        let Some(state) = self.accounts.get(account) else { return };
        let fits = |id: &u64| {
            self.algos.get(id).is_some_and(|algo| symbol.is_none_or(|s| algo.new.symbol == s))
        };
        let ids: Vec<u64> = state.open_algos.iter().copied().filter(fits).collect();
        for id in ids {
            self.end_algo(id, Status::Cancelled, now);
        }
    }

    /// Changes a waiting algo order.
    pub(crate) fn amend_algo(
        &mut self,
        id: u64,
        change: impl FnOnce(&mut NewAlgo),
        now: i64,
    ) -> Result<(), Reject> {
        let algo = self.algos.get(&id).filter(|algo| algo.status.open());
        let mut new = algo.map(|algo| algo.new.clone()).ok_or_else(Reject::no_order)?;
        change(&mut new);
        let last = self.market(&new.symbol)?.last;
        let reference = new.trigger_price.or(new.activated_price);
        self.check_quantity(&new.symbol, new.quantity, new.price.or(reference))?;
        if let Some(algo) = self.algos.get_mut(&id) {
            algo.above = reference.is_some_and(|price| price > last);
            algo.new = new;
            algo.updated_ms = now;
        }
        self.report_algo(id, now);
        Ok(())
    }

    /// Sets off the algo orders that the last price has reached.
    pub(super) fn trigger(&mut self, symbol: &str, now: i64) {
        let Some(last) = self.markets.get(symbol).map(|market| market.last) else { return };
        let mut due: Vec<u64> = Vec::new();
        for algo in self.algos.values_mut() {
            if algo.status.open() && algo.new.symbol == symbol && algo.sees(last) {
                due.push(algo.id);
            }
        }
        due.sort_unstable();
        for id in due {
            let Some(algo) = self.algos.get_mut(&id) else { continue };
            algo.triggered_ms = Some(now);
            let new = algo.new.clone();
            self.end_algo(id, Status::Filled, now);
            let placed = self.place_triggered(&new, now);
            if let Some(algo) = self.algos.get_mut(&id) {
                algo.order = placed.as_ref().ok().copied();
                if placed.is_err() {
                    algo.status = Status::Rejected;
                }
            }
            self.report_algo(id, now);
        }
    }

    fn place_triggered(&mut self, new: &NewAlgo, now: i64) -> Result<u64, Reject> {
        let market = self.market(&new.symbol)?;
        // A market buy on spot is by amount; here by what the quantity costs now.
        let amount = (!market.spec.perpetual && new.kind == Kind::Market && new.side == Side::Buy)
            .then(|| self.sweep(&new.symbol, new.side, Some(new.quantity), None, None).quote);
        self.place(
            NewOrder {
                account: new.account,
                symbol: new.symbol.clone(),
                side: new.side,
                kind: new.kind,
                price: new.price,
                quantity: amount.is_none().then_some(new.quantity),
                amount,
                client_id: 0,
                tag: new.tag.clone(),
                reduce_only: new.reduce_only,
                position_side: new.position_side,
                visible: None,
            },
            now,
        )
    }

    fn end_algo(&mut self, id: u64, status: Status, now: i64) {
        let Some(algo) = self.algos.get_mut(&id) else { return };
        algo.status = status;
        algo.updated_ms = now;
        let account = algo.new.account;
        if let Some(state) = self.accounts.get_mut(account) {
            state.open_algos.remove(&id);
        }
        self.closed_algos.push_back(id);
        if self.closed_algos.len() > self.options.keep.closed_orders
            && let Some(oldest) = self.closed_algos.pop_front()
        {
            self.algos.remove(&oldest);
        }
        self.report_algo(id, now);
    }

    fn report_algo(&mut self, id: u64, now: i64) {
        let Some(algo) = self.algos.get(&id) else { return };
        let child = algo.order.and_then(|order| self.orders.get(&order));
        let (account, data) = (algo.new.account, report::algo_execution(algo, child, now));
        self.push(Audience::Account(account), "algoexecutionreportv2", data, now);
    }
}
