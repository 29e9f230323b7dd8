//! What each bot holds, and how the venue's word changes it.
//!
//! Windows count fills; orders hold what they may still fill. An order that
//! was sent holds its exposure until the venue has said how it ended: an
//! unknown outcome stays held.

use std::collections::{BTreeMap, HashSet, VecDeque};

use wire::model::Decimal;

use super::book::{Book, BotIndex, Slot, Tracked};
use super::change::PendingChange;
use super::event::{
    AccountEvent, Balance, OpenOrder, OrderStatus, OrderUpdate, ReservationId, Trade,
};
use super::instruments::Instruments;
use super::reserve::{Group, PendingWithdrawal, Phase};
use crate::bounds;
use crate::counters::Window;
use crate::decide::guards::Likeness;
use crate::detect::{Fill, Habits};
use crate::money;
use crate::time::UnixNanos;

/// One bot's windows and what its orders hold.
#[derive(Clone, Debug)]
pub(crate) struct BotState {
    pub(crate) name: String,
    /// Its number in the policy set; none where the set no longer has it.
    pub(crate) policy: Option<u32>,
    pub(crate) second: Window,
    /// Executions in a minute.
    pub(crate) executions: Window,
    /// Orders that it placed lately, the newest last.
    placed: VecDeque<(UnixNanos, Likeness)>,
    pub(crate) minute: Window,
    pub(crate) hour: Window,
    pub(crate) day: Window,
    /// Held by orders, micro-USD.
    pub(crate) held: u128,
    /// Orders that may be live.
    pub(crate) live: u64,
    /// Withdrawn or reserved in 24 hours, by asset, millionths.
    pub(crate) withdrawn: BTreeMap<String, Window>,
    /// What detectors know it by.
    pub(crate) habits: Habits,
}

impl BotState {
    pub(crate) fn new(name: &str, policy: Option<u32>) -> Self {
        Self {
            name: name.to_owned(),
            policy,
            second: Window::second(),
            executions: Window::minute(),
            placed: VecDeque::new(),
            minute: Window::minute(),
            hour: Window::hour(),
            day: Window::day(),
            held: 0,
            live: 0,
            withdrawn: BTreeMap::new(),
            habits: Habits::default(),
        }
    }
}

impl BotState {
    /// Takes note of orders that it places.
    pub(crate) fn placed(&mut self, orders: impl Iterator<Item = Likeness>, now: UnixNanos) {
        for order in orders {
            if self.placed.len() >= bounds::PLACED_LATELY {
                self.placed.pop_front();
            }
            self.placed.push_back((now, order));
        }
    }

    /// Whether it placed such an order within so many ms. INVARIANT (bounded):
    /// of more orders than are kept, the oldest are forgotten.
    pub(crate) fn placed_lately(&self, order: &Likeness, now: UnixNanos, window_ms: u32) -> bool {
        let lately =
            |at: UnixNanos| now.millis_since(at).is_none_or(|since| since < u64::from(window_ms));
        let recent = self.placed.iter().rev().take_while(|(at, _)| lately(*at));
        recent.into_iter().any(|(_, other)| other == order)
    }
}

/// The state of one account group.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) book: Book,
    pub(crate) instruments: Instruments,
    pub(crate) bots: Vec<BotState>,
    pub(crate) balances: BTreeMap<String, Balance>,
    /// The venue has more open orders than are tracked.
    pub(crate) overflowed: bool,
    pub(super) groups: BTreeMap<u64, Group>,
    pub(super) withdrawals: BTreeMap<u64, PendingWithdrawal>,
    pub(super) changes: BTreeMap<u64, Vec<PendingChange>>,
    pub(super) trades: HashSet<(String, u64)>,
    pub(super) trade_order: VecDeque<(String, u64)>,
    /// Trades of orders whose venue id is not known yet.
    pub(super) early_trades: VecDeque<Trade>,
    pub(super) next_reservation: u64,
}

impl State {
    /// Whether another bot awaits an answer about an order of this market
    /// whose venue id is not known yet.
    pub(crate) fn another_awaits_id(&self, bot: BotIndex, market: &str) -> bool {
        self.book.in_market(market).any(|(_, order)| {
            order.order_id.is_none() && order.owner.is_some_and(|owner| owner != bot)
        })
    }

    /// Applies what the venue told.
    pub(crate) fn apply(&mut self, event: &AccountEvent, now: UnixNanos) {
        match event {
            AccountEvent::Snapshot { asked_at, balances, open_orders, market } => {
                if let Some(balances) = balances {
                    self.balances = balances
                        .iter()
                        .take(bounds::BALANCES)
                        .map(|balance| (balance.asset.clone(), balance.clone()))
                        .collect();
                }
                self.snapshot(*asked_at, open_orders, market.as_deref(), now);
            }
            AccountEvent::Acknowledged { reservation, orders } => {
                for update in orders {
                    self.order(update, now);
                }
                self.changed(reservation.0, orders);
                self.taken(reservation.0);
                self.withdrawals.remove(&reservation.0);
            }
            AccountEvent::Order(update) => self.order(update, now),
            AccountEvent::Filled(trade) => self.trade(trade, now),
            AccountEvent::Traded { symbol, order_id, trades } => {
                for trade in trades {
                    self.trade(trade, now);
                }
                self.told(symbol, *order_id);
            }
            AccountEvent::Unknown { reservation } => {
                self.unknown_withdrawal(reservation.0);
                self.perhaps_changed(reservation.0);
                if let Some(group) = self.groups.get_mut(&reservation.0)
                    && group.phase == Phase::Awaiting
                {
                    group.phase = Phase::Unknown;
                }
            }
            AccountEvent::Instruments(told) => self.instruments.learn(told),
            // The judge finds the bot and calls `restore`.
            AccountEvent::Restored(_) => {}
            AccountEvent::Rejected { reservation } | AccountEvent::Released { reservation } => {
                self.nothing_came_of(reservation.0);
            }
        }
    }

    /// The venue's word on one order.
    fn order(&mut self, update: &OrderUpdate, now: UnixNanos) {
        let by_venue = update.order_id.and_then(|id| self.book.by_venue(&update.symbol, id));
        let slot =
            by_venue.or_else(|| self.book.by_client(&update.symbol, &update.client_order_id));
        let Some(slot) = slot else {
            self.late_word(update, now);
            return;
        };
        if let Some(id) = update.order_id {
            self.learn_id(slot, id, now);
        }
        let mut group = None;
        if let Some(order) = self.book.get_mut(slot) {
            order.missing = false;
            order.order_list_id = update.order_list_id.or(order.order_list_id);
            order.quantity = update.quantity.or(order.quantity);
            if let Some(executed) = update.executed_quantity {
                order.executed = order.executed.max(executed);
            }
            if let Some(quote) = update.executed_quote {
                order.stated_quote = order.stated_quote.max(quote);
            }
            group = order.group;
        }
        self.count_fills(slot, now);
        if let Some(id) = &update.new_client_order_id {
            self.book.rename(slot, id);
        }
        match update.status {
            OrderStatus::Open => {
                if let Some(id) = group {
                    self.taken(id);
                }
            }
            OrderStatus::Closed => match self.book.get_mut(slot) {
                Some(order) if leaves_fills_unsaid(order, update) => {
                    order.untold = true;
                    if let Some(id) = group {
                        self.taken(id);
                    }
                }
                _ => self.close(slot),
            },
        }
    }

    /// Every trade of an order that ended has been told.
    fn told(&mut self, symbol: &str, order_id: u64) {
        let Some(slot) = self.book.by_venue(symbol, order_id) else { return };
        // Where the venue said that more was executed, its list of trades is
        // behind, and is asked for again.
        let whole = |order: &Tracked| order.untold && order.traded >= order.executed;
        if self.book.get(slot).is_some_and(whole) {
            self.close(slot);
        }
    }

    /// Word on an order that is closed already: more of it may have filled.
    fn late_word(&mut self, update: &OrderUpdate, now: UnixNanos) {
        let (Some(id), Some(quote)) = (update.order_id, update.executed_quote) else { return };
        if let Some(order) = self.book.closed_mut(&update.symbol, id) {
            order.stated_quote = order.stated_quote.max(quote);
            let (owner, more) = (order.owner, uncounted(order));
            if let Some(executed) = update.executed_quantity {
                order.executed = order.executed.max(executed);
            }
            let fill = unbooked(order).map(|fill| (order.symbol.clone(), fill));
            self.count(owner, more, now);
            self.book_fill(owner, fill, now);
        }
    }

    fn trade(&mut self, trade: &Trade, now: UnixNanos) {
        let id = (trade.symbol.clone(), trade.trade_id);
        if self.trades.contains(&id) {
            return;
        }
        let live = self.book.by_venue(&trade.symbol, trade.order_id);
        if let Some(slot) = live {
            if let Some(order) = self.book.get_mut(slot) {
                order.traded_quote = order.traded_quote.saturating_add(trade.quote);
                order.traded = order.traded.saturating_add(trade.quantity);
            }
            self.remember_trade(id);
            self.count_fills(slot, now);
        } else if let Some(order) = self.book.closed_mut(&trade.symbol, trade.order_id) {
            order.traded_quote = order.traded_quote.saturating_add(trade.quote);
            order.traded = order.traded.saturating_add(trade.quantity);
            let (owner, more) = (order.owner, uncounted(order));
            let fill = unbooked(order).map(|fill| (order.symbol.clone(), fill));
            self.remember_trade(id);
            self.count(owner, more, now);
            self.book_fill(owner, fill, now);
        } else {
            // The order's own answer may still be on its way.
            if self.early_trades.len() >= bounds::EARLY_TRADES {
                self.early_trades.pop_front();
            }
            if !self.early_trades.contains(trade) {
                self.early_trades.push_back(trade.clone());
            }
        }
    }

    fn remember_trade(&mut self, id: (String, u64)) {
        if self.trade_order.len() >= bounds::REMEMBERED_TRADES
            && let Some(oldest) = self.trade_order.pop_front()
        {
            self.trades.remove(&oldest);
        }
        self.trade_order.push_back(id.clone());
        self.trades.insert(id);
    }

    fn learn_id(&mut self, slot: Slot, order_id: u64, now: UnixNanos) {
        if self.book.get(slot).is_none_or(|order| order.order_id == Some(order_id)) {
            return;
        }
        self.book.learn_id(slot, order_id);
        let Some(symbol) = self.book.get(slot).map(|order| order.symbol.clone()) else { return };
        let (early, rest) = std::mem::take(&mut self.early_trades)
            .into_iter()
            .partition(|trade| trade.order_id == order_id && trade.symbol == symbol);
        self.early_trades = rest;
        let early: VecDeque<Trade> = early;
        for trade in early {
            self.trade(&trade, now);
        }
    }

    fn snapshot(
        &mut self,
        asked_at: UnixNanos,
        open_orders: &[OpenOrder],
        market: Option<&str>,
        now: UnixNanos,
    ) {
        let mut seen = HashSet::with_capacity(open_orders.len().min(bounds::TRACKED_ORDERS));
        self.overflowed = false;
        for open in open_orders {
            let slot = self
                .book
                .by_venue(&open.symbol, open.order_id)
                .or_else(|| self.book.by_client(&open.symbol, &open.client_order_id));
            match slot {
                Some(slot) => {
                    self.order(&update_of(open), now);
                    self.learn_terms(slot, open);
                    seen.insert(slot);
                }
                None if self.book.was_closed(&open.symbol, open.order_id) => {}
                None => match self.book.insert(unowned(open, asked_at)) {
                    Some(slot) => {
                        seen.insert(slot);
                    }
                    // INVARIANT (bounded): new orders are denied until there
                    // is room.
                    None => self.overflowed = true,
                },
            }
        }
        self.missing_from(&seen, asked_at, market);
    }

    /// Side and price, where they are not on record: of an order from before a
    /// restart, or one that a change may have reached.
    fn learn_terms(&mut self, slot: Slot, open: &OpenOrder) {
        let Some(order) = self.book.get(slot) else { return };
        if order.side.is_none() || order.price.is_none() {
            let price = order.price.or_else(|| rests_at(open));
            self.book.set_terms(slot, Some(open.side), price);
        }
    }

    /// Orders that a snapshot should have had: those with an owner stay held
    /// until the venue says how they ended, the others are gone.
    fn missing_from(&mut self, seen: &HashSet<Slot>, asked_at: UnixNanos, market: Option<&str>) {
        let missing: Vec<(Slot, bool)> = self
            .book
            .iter()
            .filter(|(slot, order)| {
                !seen.contains(slot)
                    && order.sent_at < asked_at
                    && market.is_none_or(|market| market == order.symbol)
            })
            .filter_map(|(slot, order)| match order.group {
                None => Some((slot, false)),
                Some(id) => {
                    let taken = self.groups.get(&id).is_none_or(|g| g.phase == Phase::Taken);
                    taken.then_some((slot, true))
                }
            })
            .collect();
        for (slot, owned) in missing {
            if !owned {
                self.close(slot);
            } else if let Some(order) = self.book.get_mut(slot) {
                order.missing = true;
            }
        }
    }

    /// Counts what an order filled since it was counted last.
    fn count_fills(&mut self, slot: Slot, now: UnixNanos) {
        let Some(order) = self.book.get_mut(slot) else { return };
        let (owner, group, more) = (order.owner, order.group, uncounted(order));
        let fill = unbooked(order).map(|fill| (order.symbol.clone(), fill));
        self.count(owner, more, now);
        self.book_fill(owner, fill, now);
        if let Some(id) = group {
            if let Some(group) = self.groups.get_mut(&id) {
                group.counted = group.counted.saturating_add(more);
            }
            self.hold_again(id);
        }
    }

    /// Books a fill in what its bot won or lost.
    fn book_fill(&mut self, owner: Option<BotIndex>, fill: Option<(String, Fill)>, now: UnixNanos) {
        if let Some((market, fill)) = fill
            && let Some(bot) = owner.and_then(|owner| self.bots.get_mut(owner as usize))
        {
            bot.habits.fill(&market, &fill, now);
        }
    }

    fn count(&mut self, owner: Option<BotIndex>, more: u64, now: UnixNanos) {
        if let Some(bot) = owner.and_then(|owner| self.bots.get_mut(owner as usize)) {
            bot.hour.add(now, more);
            bot.day.add(now, more);
            if more > 0 {
                bot.executions.add(now, 1);
            }
        }
    }

    /// Orders that somebody should ask the venue about: outcome unknown, or
    /// gone from a snapshot without a word.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = (&Tracked, Option<ReservationId>)> {
        self.book.iter().filter_map(|(_, order)| {
            let group = order.group.and_then(|id| Some((id, self.groups.get(&id)?)));
            // The request that the venue has taken is settled; what is missing
            // then is the end of its order.
            let unknown = group.filter(|(_, group)| group.phase == Phase::Unknown);
            ((unknown.is_some() || order.missing) && !order.untold)
                .then(|| (order, unknown.map(|(id, _)| ReservationId(id))))
        })
    }

    /// Orders that ended without a word on what they filled.
    pub(crate) fn untold(&self) -> impl Iterator<Item = &Tracked> {
        self.book.iter().map(|(_, order)| order).filter(|order| order.untold)
    }

    /// What a snapshot's open orders tell of own orders that is not known yet:
    /// executions, venue ids, that the venue took them.
    pub(crate) fn news(&self, open_orders: &[OpenOrder]) -> Vec<OrderUpdate> {
        let is_new = |open: &&OpenOrder| {
            let slot = self
                .book
                .by_venue(&open.symbol, open.order_id)
                .or_else(|| self.book.by_client(&open.symbol, &open.client_order_id));
            let Some(order) = slot.and_then(|slot| self.book.get(slot)) else { return false };
            let Some(id) = order.group else { return false };
            order.order_id != Some(open.order_id)
                || open.executed_quote > order.stated_quote
                || open.executed_quantity > order.executed
                || (open.order_list_id.is_some() && order.order_list_id != open.order_list_id)
                || order.quantity != Some(open.quantity)
                || self.groups.get(&id).is_some_and(|group| group.phase != Phase::Taken)
        };
        open_orders.iter().filter(is_new).map(update_of).collect()
    }

    /// Feeds everything to a hasher, in a fixed order.
    pub(crate) fn digest(&self, state: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;
        (self.next_reservation, self.overflowed).hash(state);
        self.instruments.digest(state);
        for (slot, order) in self.book.iter() {
            (slot, &order.symbol, &order.client_order_id, order.order_id, order.owner).hash(state);
            (order.group, order.sent_at, order.counted, order.missing, order.executed).hash(state);
            (order.stated_quote, order.traded_quote, order.order_list_id).hash(state);
            (order.traded, order.untold).hash(state);
        }
        for (id, group) in &self.groups {
            (id, group.owner, group.phase, group.worth, group.counted, group.held).hash(state);
        }
        for (id, pending) in &self.withdrawals {
            (id, &pending.asset, pending.amount, pending.at).hash(state);
            (&pending.client_id, pending.unknown).hash(state);
        }
        for (id, pending) in &self.changes {
            (id, pending.len()).hash(state);
        }
        for bot in &self.bots {
            (&bot.name, bot.held, bot.live).hash(state);
            for window in [&bot.second, &bot.minute, &bot.hour, &bot.day, &bot.executions] {
                window.digest(state);
            }
            bot.habits.digest(state);
            for (asset, window) in &bot.withdrawn {
                asset.hash(state);
                window.digest(state);
            }
        }
        for balance in self.balances.values() {
            (&balance.asset, balance.free, balance.locked).hash(state);
        }
        self.trade_order.hash(state);
    }
}

/// Whether the venue says that an own order ended, and not what it filled:
/// its trades then say it. Without the venue's id nobody could be asked.
fn leaves_fills_unsaid(order: &Tracked, update: &OrderUpdate) -> bool {
    order.group.is_some()
        && order.order_id.is_some()
        && update.executed_quote.is_none()
        && update.executed_quantity.is_none_or(|executed| !executed.is_zero())
        && order.traded < order.quantity.unwrap_or(Decimal::MAX)
}

/// What an order filled that no window has counted, micro-USD; now counted.
fn uncounted(order: &mut Tracked) -> u64 {
    let quote = order.stated_quote.max(order.traded_quote);
    let worth = quote
        .checked_mul(order.usd_per_quote)
        .and_then(money::millionths_up)
        // What does not fit is more than any limit.
        .unwrap_or(i64::MAX);
    let worth = u64::try_from(worth).unwrap_or(0);
    let more = worth.saturating_sub(order.counted);
    order.counted = order.counted.max(worth);
    more
}

/// What an order filled that is not booked in its bot's profit yet. Base and
/// quote are told in different words, and not always together: a fill is booked
/// once both have grown.
fn unbooked(order: &mut Tracked) -> Option<Fill> {
    let (base, worth) = (order.executed.max(order.traded), order.counted);
    let (booked_base, booked_worth) = order.booked;
    if base <= booked_base || worth <= booked_worth {
        return None;
    }
    order.booked = (base, worth);
    let base = base.checked_sub(booked_base)?;
    Some(Fill { side: order.side?, base, micro_usd: worth - booked_worth })
}

fn update_of(open: &OpenOrder) -> OrderUpdate {
    OrderUpdate {
        symbol: open.symbol.clone(),
        order_id: Some(open.order_id),
        client_order_id: open.client_order_id.clone(),
        new_client_order_id: None,
        order_list_id: open.order_list_id,
        status: OrderStatus::Open,
        quantity: Some(open.quantity),
        executed_quantity: Some(open.executed_quantity),
        executed_quote: Some(open.executed_quote),
    }
}

/// The price at which an order rests; one that waits for a trigger is not there
/// yet.
fn rests_at(open: &OpenOrder) -> Option<Decimal> {
    let waits = open.stop_price.is_some_and(|stop| !stop.is_zero());
    open.price.filter(|price| !waits && !price.is_zero())
}

fn unowned(open: &OpenOrder, asked_at: UnixNanos) -> Tracked {
    Tracked {
        symbol: open.symbol.clone(),
        client_order_id: open.client_order_id.clone(),
        order_id: Some(open.order_id),
        order_list_id: open.order_list_id,
        list_client_order_id: None,
        owner: None,
        group: None,
        sent_at: asked_at,
        side: Some(open.side),
        price: rests_at(open),
        quantity: Some(open.quantity),
        executed: open.executed_quantity,
        stated_quote: open.executed_quote,
        traded_quote: Decimal::ZERO,
        traded: Decimal::ZERO,
        counted: 0,
        booked: (Decimal::ZERO, 0),
        usd_per_quote: Decimal::ZERO,
        missing: false,
        untold: false,
    }
}
