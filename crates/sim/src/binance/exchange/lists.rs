//! Order lists: OCO, OTO and OTOCO.
//!
//! The legs of an OCO share one lock, the larger of their needs; the first leg
//! that trades or triggers claims it, and the other expires.

use rust_decimal::Decimal;

use super::{Event, Exchange, Kind, NewOrder, Side, Status};
use crate::binance::reject::Reject;

/// What kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListKind {
    Oco,
    Oto,
    Otoco,
}

impl ListKind {
    /// The word of `contingencyType`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Oco => "OCO",
            Self::Oto | Self::Otoco => "OTO",
        }
    }
}

/// A list as asked for. An OCO has two legs; an OTO a working order and one
/// pending; an OTOCO a working order and two legs.
#[derive(Debug, Clone)]
pub(crate) struct NewList {
    pub(crate) kind: ListKind,
    pub(crate) client_id: Option<String>,
    pub(crate) orders: Vec<NewOrder>,
}

/// A list as the exchange keeps it.
#[derive(Debug, Clone)]
pub(crate) struct OrderList {
    pub(crate) id: u64,
    pub(crate) account: usize,
    pub(crate) symbol: String,
    pub(crate) client_id: String,
    pub(crate) kind: ListKind,
    pub(crate) orders: Vec<u64>,
    pub(crate) done: bool,
    pub(crate) at_ms: i64,
    /// The pair of which only one may trade.
    either: Vec<u64>,
    /// What waits for the first order of the list.
    pending: Vec<u64>,
    /// What the pair holds locked.
    locked: Decimal,
}

impl OrderList {
    /// What the pair holds locked.
    #[cfg(test)]
    pub(super) fn held(&self) -> Decimal {
        self.locked
    }
}

/// Open lists of an account and symbol (`MAX_NUM_ORDER_LISTS`).
pub(crate) const MAX_OPEN_LISTS: usize = 20;
/// Lists kept at most.
const MAX_LISTS: usize = 20_000;

impl Exchange {
    /// Places a list. Returns its id.
    pub(crate) fn place_list(&mut self, new: NewList, now: i64) -> Result<u64, Reject> {
        let Some(first) = new.orders.first() else { return Err(Reject::missing("type")) };
        let (account, symbol) = (first.account, first.symbol.clone());
        self.check_list(&new)?;
        let needs = self.list_need(&new)?;
        let Some((asset, amount)) = needs else { return Err(Reject::missing("quantity")) };
        let count = u32::try_from(new.orders.len()).unwrap_or(u32::MAX);
        if self.balance(account, &asset).free < amount {
            return Err(Reject::insufficient());
        }
        self.count_list(account, count, now)?;
        self.last_list = self.last_list.saturating_add(1);
        let id = self.last_list;
        let client_id = new.client_id.clone().unwrap_or_else(|| self.random.text(22));
        let waits = new.kind != ListKind::Oco;
        let mut orders = Vec::new();
        for (index, order) in new.orders.into_iter().enumerate() {
            let quantity = order.quantity.unwrap_or_default();
            let pending = waits && index > 0;
            let status = if pending { Status::PendingNew } else { Status::New };
            orders.push(self.insert(order, quantity, Some(id), status, now));
        }
        let pending: Vec<u64> =
            if waits { orders.iter().skip(1).copied().collect() } else { vec![] };
        let either = match new.kind {
            ListKind::Oco => orders.clone(),
            ListKind::Oto => Vec::new(),
            ListKind::Otoco => pending.clone(),
        };
        let list = OrderList {
            id,
            account,
            symbol: symbol.clone(),
            client_id,
            kind: new.kind,
            orders: orders.clone(),
            done: false,
            at_ms: now,
            either,
            pending,
            locked: Decimal::ZERO,
        };
        self.lists.insert(id, list);
        if self.lists.len() > MAX_LISTS {
            // Open lists are bounded by the limit on open orders; only done ones go.
            let oldest = self.lists.values().find(|list| list.done).map(|list| list.id);
            oldest.and_then(|id| self.lists.remove(&id));
        }
        match new.kind {
            ListKind::Oco => self.start_pair(id, now),
            ListKind::Oto | ListKind::Otoco => {
                if let Some(working) = orders.first() {
                    self.start_single(*working, now);
                }
            }
        }
        self.report_list(id, now);
        self.settle(now);
        self.replenish(&symbol);
        Ok(id)
    }

    fn check_list(&self, new: &NewList) -> Result<(), Reject> {
        let open = |list: &&OrderList| {
            !list.done
                && new.orders.first().is_some_and(|order| {
                    order.account == list.account && order.symbol == list.symbol
                })
        };
        if self.lists.values().filter(open).count() >= MAX_OPEN_LISTS {
            return Err(Reject::filter("MAX_NUM_ORDER_LISTS"));
        }
        for (index, order) in new.orders.iter().enumerate() {
            let quantity = order.quantity.ok_or_else(|| Reject::missing("quantity"))?;
            self.check_filters(order, quantity)?;
            self.check_client_id(order)?;
            // What waits for another order is judged against the price of then.
            if new.kind == ListKind::Oco || index == 0 {
                self.check_position(order)?;
            }
        }
        let ids: Vec<&String> = new.orders.iter().filter_map(|o| o.client_id.as_ref()).collect();
        let twice = ids.iter().enumerate().any(|(at, id)| ids.iter().skip(at + 1).any(|b| b == id));
        if twice { Err(Reject::order("Duplicate order sent.")) } else { Ok(()) }
    }

    /// What the list locks at once: the larger leg of an OCO, else the working order.
    fn list_need(&self, new: &NewList) -> Result<Option<(String, Decimal)>, Reject> {
        let taken = if new.kind == ListKind::Oco { new.orders.len() } else { 1 };
        let mut most: Option<(String, Decimal)> = None;
        for order in new.orders.iter().take(taken) {
            let need = self.cost(order, order.quantity.unwrap_or_default())?;
            if most.as_ref().is_none_or(|(_, amount)| *amount < need.1) {
                most = Some(need);
            }
        }
        Ok(most)
    }

    /// The asset an order locks.
    fn lock_asset(&self, id: u64) -> Option<(usize, String, Decimal)> {
        let order = self.orders.get(&id)?;
        let spec = &self.markets.get(&order.symbol)?.spec;
        let asset = match order.side {
            Side::Buy => spec.quote.clone(),
            Side::Sell => spec.base.clone(),
        };
        Some((order.account, asset, order.need()))
    }

    /// Locks for one order of a list and lets it work; expires it without funds.
    fn start_single(&mut self, id: u64, now: i64) {
        let Some((account, asset, need)) = self.lock_asset(id) else { return };
        if self.lock(account, &asset, need, now).is_err() {
            self.close(id, Status::Expired, now);
            return;
        }
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.locked = need;
        self.start(id, now);
        self.recheck(id);
    }

    /// Locks once for a pair and lets both legs work; expires them without funds.
    fn start_pair(&mut self, list: u64, now: i64) {
        let Some(pair) = self.lists.get(&list).map(|list| list.either.clone()) else { return };
        let needs: Vec<_> = pair.iter().filter_map(|id| self.lock_asset(*id)).collect();
        let Some((account, asset, need)) = needs.into_iter().max_by_key(|need| need.2) else {
            return;
        };
        if self.lock(account, &asset, need, now).is_err() {
            for id in pair {
                self.close(id, Status::Expired, now);
            }
            return;
        }
        if let Some(list) = self.lists.get_mut(&list) {
            list.locked = need;
        }
        for id in pair {
            let crosses = self.orders.get(&id).is_some_and(|order| {
                order.kind == Kind::LimitMaker && order.status.open() && self.would_take(id)
            });
            if crosses {
                self.close(id, Status::Expired, now);
            } else if self.orders.get(&id).is_some_and(|order| order.status.open()) {
                self.start(id, now);
                self.recheck(id);
            }
        }
    }

    fn would_take(&self, id: u64) -> bool {
        let Some(order) = self.orders.get(&id) else { return false };
        let best =
            self.markets.get(&order.symbol).and_then(|m| m.book.best_price(order.side.opposite()));
        best.is_some_and(|best| match order.side {
            Side::Buy => order.price >= best,
            Side::Sell => order.price <= best,
        })
    }

    /// Looks again at stops that may be reached already.
    fn recheck(&mut self, id: u64) {
        if let Some(order) = self.orders.get(&id) {
            self.events.push_back(Event::Price(order.symbol.clone()));
        }
    }

    /// A leg of a pair is about to trade: it takes the lock, the other expires.
    pub(super) fn claim(&mut self, id: u64, now: i64) {
        let Some(list_id) = self.orders.get(&id).and_then(|order| order.list) else { return };
        let Some(list) = self.lists.get_mut(&list_id) else { return };
        if !list.either.contains(&id) || list.locked.is_zero() {
            return;
        }
        let held = std::mem::take(&mut list.locked);
        let others: Vec<u64> = list.either.iter().copied().filter(|other| *other != id).collect();
        let Some((account, asset, need)) = self.lock_asset(id) else { return };
        self.change(account, &asset, held, -held, now);
        if self.lock(account, &asset, need, now).is_ok()
            && let Some(order) = self.orders.get_mut(&id)
        {
            order.locked = need;
        }
        for other in others {
            self.close(other, Status::Expired, now);
        }
    }

    /// What the end of an order does to its list.
    pub(super) fn list_after_close(&mut self, id: u64, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        let (status, account) = (order.status, order.account);
        let Some(list_id) = order.list else { return };
        let Some(list) = self.lists.get(&list_id) else { return };
        let pending = list.pending.clone();
        let follow = if status == Status::Canceled { Status::Canceled } else { Status::Expired };
        if list.kind != ListKind::Oco && list.orders.first() == Some(&id) {
            if status == Status::Filled && list.kind == ListKind::Oto {
                pending.iter().for_each(|other| self.start_single(*other, now));
            } else if status == Status::Filled {
                self.start_pair(list_id, now);
            } else {
                pending.iter().for_each(|other| self.close(*other, follow, now));
            }
        } else if list.either.contains(&id) && !list.locked.is_zero() {
            // Nobody claimed the pair's lock: both legs end, and it is given back.
            let others = list.either.clone();
            let held = list.locked;
            let asset = self.lock_asset(id).map(|(_, asset, _)| asset);
            if let Some(asset) = asset {
                self.change(account, &asset, held, -held, now);
            }
            if let Some(list) = self.lists.get_mut(&list_id) {
                list.locked = Decimal::ZERO;
            }
            others.iter().for_each(|other| self.close(*other, follow, now));
        }
        let open = |id: &u64| self.orders.get(id).is_some_and(|order| order.status.open());
        let done = self.lists.get(&list_id).is_some_and(|list| !list.orders.iter().any(open));
        if let Some(list) = self.lists.get_mut(&list_id).filter(|_| done) {
            list.done = true;
            list.at_ms = now;
        }
        if done {
            self.report_list(list_id, now);
        }
    }

    /// A list by its id or its client id, if the account has it.
    pub(crate) fn find_list(
        &self,
        account: usize,
        id: Option<u64>,
        client_id: Option<&str>,
    ) -> Option<&OrderList> {
        self.lists.values().rev().filter(|list| list.account == account).find(|list| {
            id.is_none_or(|id| list.id == id)
                && client_id.is_none_or(|client_id| list.client_id == client_id)
        })
    }
}
