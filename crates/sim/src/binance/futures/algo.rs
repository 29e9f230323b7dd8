//! Conditional orders (`algoOrder`): they wait for a price, then become an
//! order. With `closePosition` they close whatever there is then.

use rust_decimal::Decimal;

use super::Futures;
use super::order::{Kind, NewOrder, WorkingType};
use super::placing::refuse;
use crate::binance::exchange::Side;
use crate::binance::reject::Reject;

/// Conditional orders kept at most, ended ones among them.
const MAX_ALGOS: usize = 20_000;

/// A conditional order.
#[derive(Debug, Clone)]
pub(crate) struct Algo {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    /// What it becomes; its kind is the conditional type.
    pub(crate) asked: NewOrder,
    pub(crate) trigger: Decimal,
    pub(crate) working: WorkingType,
    pub(crate) price_protect: bool,
    /// `NEW`, `TRIGGERED`, `FINISHED`, `CANCELED`, `EXPIRED`, `REJECTED`.
    pub(crate) status: &'static str,
    /// The order it became.
    pub(crate) order: Option<u64>,
    pub(crate) placed_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) triggered_ms: i64,
}

/// A conditional order as asked for.
#[derive(Debug, Clone)]
pub(crate) struct NewAlgo {
    pub(crate) asked: NewOrder,
    pub(crate) client_id: Option<String>,
    pub(crate) trigger: Decimal,
    pub(crate) working: WorkingType,
    pub(crate) price_protect: bool,
}

/// Whether a price sets a conditional order off.
fn reached(kind: Kind, side: Side, trigger: Decimal, price: Decimal) -> bool {
    let stop = matches!(kind, Kind::Stop | Kind::StopMarket);
    match (stop, side) {
        (true, Side::Buy) | (false, Side::Sell) => price >= trigger,
        (true, Side::Sell) | (false, Side::Buy) => price <= trigger,
    }
}

impl Futures {
    fn working_price(&self, symbol: &str, working: WorkingType) -> Decimal {
        match working {
            WorkingType::Mark => self.mark(symbol),
            WorkingType::Contract => {
                self.markets.get(symbol).map(|market| market.last).unwrap_or_default()
            }
        }
    }

    /// Places a conditional order. Returns its number.
    pub(crate) fn place_algo(&mut self, new: NewAlgo, now: i64) -> Result<u64, Reject> {
        let limits = self.options.limits.clone();
        let account = new.asked.account;
        self.account_mut(account)?.counts.add(&limits, now)?;
        self.check_mode(&new.asked)?;
        if !new.asked.close_position {
            self.check_size(&new.asked)?;
        }
        let (symbol, side, kind) = (&new.asked.symbol, new.asked.side, new.asked.kind);
        let tick = self.market(symbol)?.spec.tick;
        if new.trigger < tick || !crate::binance::money::on_grid(new.trigger, tick) {
            return Err(refuse(-4014, "Price not increased by tick size."));
        }
        if reached(kind, side, new.trigger, self.working_price(symbol, new.working)) {
            return Err(refuse(-2021, "Order would immediately trigger."));
        }
        let mine = || self.accounts.get(account).into_iter().flat_map(|state| state.algos.iter());
        let open = mine().filter_map(|id| self.algos.get(id));
        let open = open.filter(|algo| algo.asked.symbol == *symbol);
        if open.clone().count() >= self.options.futures.open_algo_orders {
            return Err(refuse(-4045, "Reach max stop order limit."));
        }
        if new.client_id.is_some()
            && open.clone().any(|algo| Some(&algo.client_id) == new.client_id.as_ref())
        {
            return Err(refuse(-4116, "ClientOrderId is duplicated."));
        }
        let same = open.clone().any(|algo| {
            algo.asked.close_position
                && new.asked.close_position
                && algo.asked.side == side
                && algo.asked.position_side == new.asked.position_side
                && algo.asked.kind == kind
        });
        if same {
            let msg = "An open stop or take profit order with GTE and closePosition in the direction is existing.";
            return Err(refuse(-4130, msg));
        }
        self.last_algo = self.last_algo.saturating_add(1);
        let id = self.last_algo;
        let client_id = new.client_id.unwrap_or_else(|| self.made_up_id());
        let algo = Algo {
            id,
            client_id,
            asked: new.asked,
            trigger: new.trigger,
            working: new.working,
            price_protect: new.price_protect,
            status: "NEW",
            order: None,
            placed_ms: now,
            updated_ms: now,
            triggered_ms: 0,
        };
        self.algos.insert(id, algo);
        if let Some(state) = self.accounts.get_mut(account) {
            state.algos.insert(id);
        }
        if self.algos.len() > MAX_ALGOS {
            let ended = self.algos.values().find(|algo| algo.status != "NEW").map(|algo| algo.id);
            ended.and_then(|id| self.algos.remove(&id));
        }
        self.report_algo(id, now);
        Ok(id)
    }

    /// A conditional order of the account.
    pub(crate) fn find_algo(
        &self,
        account: usize,
        id: Option<u64>,
        client_id: Option<&str>,
    ) -> Option<u64> {
        let mine = |algo: &&Algo| algo.asked.account == account;
        match (id, client_id) {
            (Some(id), _) => self.algos.get(&id).filter(mine).map(|algo| algo.id),
            (None, Some(client_id)) => {
                let named = |algo: &&Algo| algo.client_id == client_id;
                self.algos.values().rev().filter(mine).find(named).map(|algo| algo.id)
            }
            (None, None) => None,
        }
    }

    /// Ends a waiting conditional order. Whether it waited.
    pub(crate) fn end_algo(&mut self, id: u64, status: &'static str, now: i64) -> bool {
        let Some(algo) = self.algos.get_mut(&id).filter(|algo| algo.status == "NEW") else {
            return false;
        };
        algo.status = status;
        algo.updated_ms = now;
        let account = algo.asked.account;
        if let Some(state) = self.accounts.get_mut(account) {
            state.algos.remove(&id);
        }
        self.report_algo(id, now);
        true
    }

    /// Sets off the conditional orders of a symbol whose price is reached.
    pub(super) fn trigger_algos(&mut self, symbol: &str, now: i64) {
        let waiting = self.accounts.iter().flat_map(|account| account.algos.iter());
        let due = waiting.filter_map(|id| self.algos.get(id)).find(|algo| {
            let price = self.working_price(&algo.asked.symbol, algo.working);
            algo.asked.symbol == symbol
                && reached(algo.asked.kind, algo.asked.side, algo.trigger, price)
        });
        let Some(algo) = due.cloned() else { return };
        // One at a time: each may move the price.
        self.moved.push_back(symbol.to_owned());
        self.trigger(algo, now);
    }

    fn trigger(&mut self, algo: Algo, now: i64) {
        let mut asked = algo.asked.clone();
        let kind = asked.kind;
        asked.kind = if kind.limited() { Kind::Limit } else { Kind::Market };
        asked.client_id = None;
        if asked.close_position {
            let position = self
                .accounts
                .get(asked.account)
                .map(|account| account.position(&asked.symbol, asked.position_side))
                .unwrap_or_default();
            asked.quantity = position.reducible(asked.side);
        }
        if asked.quantity.is_zero() || self.check(&asked).is_err() {
            self.end_algo(algo.id, if asked.close_position { "EXPIRED" } else { "REJECTED" }, now);
            return;
        }
        self.end_algo(algo.id, "TRIGGERED", now);
        let order = self.enter(asked, Some((kind, algo.trigger)), now);
        if let Some(stored) = self.algos.get_mut(&algo.id) {
            stored.order = Some(order);
            stored.triggered_ms = now;
            stored.status = "FINISHED";
        }
        self.report_algo(algo.id, now);
    }

    /// Ends the conditional orders that could only close a position that is gone.
    pub(super) fn end_algos_without_position(&mut self, asked: &NewOrder, now: i64) {
        let Some(account) = self.accounts.get(asked.account) else { return };
        let idle: Vec<u64> = account
            .algos
            .iter()
            .filter_map(|id| self.algos.get(id))
            .filter(|algo| {
                algo.asked.close_position
                    && algo.asked.symbol == asked.symbol
                    && algo.asked.position_side == asked.position_side
            })
            .map(|algo| algo.id)
            .collect();
        for id in idle {
            self.end_algo(id, "EXPIRED", now);
        }
    }
}
