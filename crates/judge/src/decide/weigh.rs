//! The numbers that policy sees of a request.

use wire::model::valuation::Collar;
use wire::model::{Class, Decimal, Intent, Operation, Order, Side, Withdrawal};

use super::alarm::Prices as OrderPrices;
use crate::account::book::{Named, Slot};
use crate::account::change::Change;
use crate::facts::{Facts, Reference};
use crate::judge::Judge;
use crate::money;
use crate::policy::config::BotPolicy;
use crate::policy::context::{Attribute as A, Context, Shape};
use crate::policy::preset::destination_id_of;
use crate::policy::rules::kind_of;
use crate::reason::{DenyKind, Reason};
use crate::valuation::{self, Prices};

/// A request in the numbers of its policy context, and what a permit for it
/// would hold.
pub(super) struct Weighed {
    pub(super) resource: String,
    pub(super) context: Context,
    /// Orders: what they are worth and add, micro-USD.
    pub(super) worth: u64,
    pub(super) added: u64,
    pub(super) usd_per_quote: Decimal,
    /// Orders: distance from the last price, however old; none without one.
    pub(super) beyond_last_good_bps: Option<i64>,
    /// Cancels: whether every order it touches is the bot's.
    pub(super) own: bool,
    /// What speaks against orders beside the policies.
    pub(super) guards: Vec<Reason>,
    /// Whether the same order is looked for later.
    pub(super) remembers: bool,
    /// Changes of resting orders.
    pub(super) changes: Vec<Change>,
    /// Withdrawals: the asset and its millionths.
    pub(super) asset: Option<String>,
    pub(super) amount: Option<u64>,
    /// Withdrawals: whether the destination was in use before, as configured.
    pub(super) known: bool,
    /// Orders: sides and prices.
    pub(super) prices: OrderPrices,
}

/// The orders that an operation places, and their list's client id.
pub(super) fn orders(operation: &Operation) -> (&[Order], Option<&str>) {
    match operation {
        Operation::Place(group) => (&group.orders, group.list_client_order_id.as_deref()),
        Operation::CancelReplace(both) => (std::slice::from_ref(&both.place), None),
        _ => (&[], None),
    }
}

/// Whether the venue only checks it.
pub(super) fn is_test(operation: &Operation) -> bool {
    matches!(operation, Operation::Place(group) if group.test)
}

/// Whether an order counts as reducing: a priced sell in a market that the
/// bot's table lets it sell down. The venue bounds it by what the account has.
pub(super) fn is_reducing(policy: &BotPolicy, intent: &Intent) -> bool {
    let (Class::Place, Operation::Place(group)) = (intent.class, &intent.operation) else {
        return false;
    };
    !group.orders.is_empty()
        && group.orders.iter().all(|order| {
            order.side == Side::Sell
                && order.price.is_some()
                && !order.kind.takes_any_price()
                && policy.sell_down.contains(&order.symbol)
        })
}

impl Judge {
    pub(super) fn weigh(
        &mut self,
        facts: &Facts<'_>,
        bot: u32,
        policy: &BotPolicy,
    ) -> Result<Weighed, Reason> {
        let class = facts.intent.class;
        let shape = Shape::of(class);
        let mut context = Context::new(shape);
        context.set(A::MinuteOfDay, i64::from(facts.now.minute_of_day()));
        let resource = match shape {
            Shape::Order | Shape::Cancel => facts.intent.symbol().unwrap_or_default().to_owned(),
            Shape::Plain => self.account_name().to_owned(),
            Shape::Withdraw => String::new(),
        };
        let mut weighed = Weighed {
            resource,
            context,
            worth: 0,
            added: 0,
            usd_per_quote: Decimal::ZERO,
            beyond_last_good_bps: None,
            own: true,
            guards: Vec::new(),
            remembers: policy.identical_order_window_ms.is_some(),
            changes: Vec::new(),
            asset: None,
            amount: None,
            known: false,
            prices: OrderPrices::default(),
        };
        match (shape, &facts.intent.operation) {
            (Shape::Plain, _) => {}
            (Shape::Withdraw, Operation::Withdraw(withdrawal)) => {
                self.weigh_withdrawal(facts, bot, policy, withdrawal, &mut weighed)?;
            }
            (Shape::Cancel, operation) => {
                weighed.own = self.may_cancel(bot, policy, operation)?;
                weighed.context.set_bool(A::OwnOrder, weighed.own);
            }
            (Shape::Order, Operation::Place(_) | Operation::CancelReplace(_)) => {
                self.weigh_orders(facts, bot, policy, &mut weighed)?;
            }
            (Shape::Order, Operation::Modify(change)) => {
                let changes = std::slice::from_ref(change);
                self.weigh_changes(facts, bot, policy, changes, &mut weighed)?;
            }
            (Shape::Order, Operation::ModifyMany(changes)) => {
                self.weigh_changes(facts, bot, policy, changes, &mut weighed)?;
            }
            // INVARIANT (fail closed): a class that its operation does not
            // bear out is no request that we know.
            _ => return Err(unreadable(class)),
        }
        Ok(weighed)
    }

    fn weigh_orders(
        &mut self,
        facts: &Facts<'_>,
        bot: u32,
        policy: &BotPolicy,
        weighed: &mut Weighed,
    ) -> Result<(), Reason> {
        let class = facts.intent.class;
        let operation = &facts.intent.operation;
        let (placed, _) = orders(operation);
        let Some(first) = placed.first() else { return Err(unreadable(class)) };
        if placed.iter().any(|order| order.symbol != first.symbol) {
            return Err(unreadable(class));
        }
        let test = is_test(operation);
        if test != (class == Class::TestOrder)
            || placed.len() > wire::limits::ORDERS_PER_REQUEST
            || (!test && placed.len() != facts.client_order_ids.len())
        {
            return Err(unreadable(class));
        }
        if !test {
            self.check_client_ids(facts, &first.symbol)?;
        }
        let replaced = self.replaced(facts, bot, policy, weighed)?;
        let prices = self.prices(facts, policy, &first.symbol);
        let worth = valuation::micro_usd(operation, &prices);
        if !test {
            weighed.guards = self.guards(facts, bot, policy, placed, &replaced.slots);
        }
        let placed = Placed { orders: placed, worth, replaced, test };
        self.weigh_placed(facts, bot, policy, &placed, &prices, weighed)
    }

    /// The prices that orders of a market are valued by.
    pub(super) fn prices(&self, facts: &Facts<'_>, policy: &BotPolicy, market: &str) -> Prices {
        let (_, reference) = fresh_reference(facts, policy);
        Prices {
            collar: reference.map(|reference| Collar {
                reference: reference.mid,
                width_bps: policy.collar_bps.unwrap_or(0),
            }),
            usd_per_quote: self.usd_per_quote(facts, policy, market),
        }
    }

    /// The numbers of orders that are to be live, beside those that are.
    pub(super) fn weigh_placed(
        &mut self,
        facts: &Facts<'_>,
        bot: u32,
        policy: &BotPolicy,
        placed: &Placed<'_>,
        prices: &Prices,
        weighed: &mut Weighed,
    ) -> Result<(), Reason> {
        let class = facts.intent.class;
        let &Placed { orders: placed, worth, ref replaced, test } = placed;
        let Some(first) = placed.first() else { return Err(unreadable(class)) };
        let (age, reference) = fresh_reference(facts, policy);
        let fresh = reference.is_some();
        weighed.worth = worth.unwrap_or(0);
        weighed.prices = OrderPrices::of(placed, facts);
        weighed.usd_per_quote = prices.usd_per_quote.unwrap_or(Decimal::ZERO);
        weighed.added = weighed.worth.saturating_sub(replaced.held);
        let last_good = facts.reference.map(|reference| reference.mid);
        weighed.beyond_last_good_bps = valuation::beyond_bps(placed, last_good);

        let has_room = test || self.state.has_room(placed.len());
        let Some(state) = self.state.bots.get_mut(bot as usize) else {
            return Err(unreadable(class));
        };
        if !has_room {
            return Err(super::untracked(class));
        }
        let count = placed.len() as u64;
        let now = facts.now;
        let exposure = |filled: u128| filled + state.held + u128::from(weighed.added);
        let context = &mut weighed.context;
        let unknown = worth.is_none();
        context.set_bool(A::ValueKnown, !unknown);
        context.set_bool(A::PriceFresh, fresh);
        context.set(A::ReferenceAgeMs, age.map_or(i64::MAX, long));
        context.set(A::OrderMicroUsd, if unknown { i64::MAX } else { long(weighed.worth) });
        context.set(A::AddedMicroUsd, if unknown { i64::MAX } else { long(weighed.added) });
        let (hour, day) = (state.hour.total(now), state.day.total(now));
        context.set(A::HourMicroUsd, if unknown { i64::MAX } else { wide(exposure(hour)) });
        context.set(A::DayMicroUsd, if unknown { i64::MAX } else { wide(exposure(day)) });
        context.set(A::OrdersThisSecond, wide(state.second.total(now) + u128::from(count)));
        context.set(A::OrdersThisMinute, wide(state.minute.total(now) + u128::from(count)));
        let open = state.live.saturating_sub(replaced.orders).saturating_add(count);
        context.set(A::OpenOrders, long(open));
        context.set(A::OrderCount, long(count));
        let beyond = valuation::beyond_bps(placed, reference.map(|reference| reference.mid));
        context.set(A::BeyondReferenceBps, beyond.unwrap_or(i64::MAX));
        context.set_bool(A::AnyPrice, placed.iter().any(|order| order.kind.takes_any_price()));
        let same_side = placed.iter().all(|order| order.side == first.side);
        context.set_text(A::Side, if same_side { first.side.name() } else { "both" });
        let same_kind = placed.iter().all(|order| order.kind == first.kind);
        context.set_text(A::Kind, if same_kind { first.kind.name() } else { "LIST" });
        Ok(())
    }

    /// Client order ids are new, and each used once: an order under the id of
    /// a live one would take over its record.
    fn check_client_ids(&self, facts: &Facts<'_>, market: &str) -> Result<(), Reason> {
        let replaced = match &facts.intent.operation {
            Operation::CancelReplace(both) => both.cancel.client_order_id.as_deref(),
            _ => None,
        };
        for (index, id) in facts.client_order_ids.iter().enumerate() {
            let twice = facts.client_order_ids.iter().skip(index + 1).any(|other| other == id);
            let live = self.state.book.by_client(market, id).is_some();
            if twice || live || replaced == Some(id.as_str()) {
                return Err(Reason::plain(
                    "client_order_id",
                    DenyKind::Limit,
                    format!(
                        "client order id `{}` is in use by an order of `{market}` that is open or \
                         awaits its answer; use another",
                        id.escape_debug()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What the order that a cancel-replace takes away held.
    fn replaced(
        &self,
        facts: &Facts<'_>,
        bot: u32,
        policy: &BotPolicy,
        weighed: &mut Weighed,
    ) -> Result<Replaced, Reason> {
        let Operation::CancelReplace(both) = &facts.intent.operation else {
            weighed.context.set_bool(A::OwnOrder, true);
            return Ok(Replaced { held: 0, orders: 0, slots: Vec::new() });
        };
        if both.cancel.symbol != both.place.symbol {
            return Err(unreadable(facts.intent.class));
        }
        weighed.own = self.owns(bot, policy, &both.cancel)?;
        weighed.context.set_bool(A::OwnOrder, weighed.own);
        match self.state.book.named(&both.cancel) {
            // If the new order is placed all the same, both are live.
            Named::One(slot) if !both.allow_failure => {
                let own = self.state.book.get(slot).is_some_and(|order| order.owner == Some(bot));
                let held = if own { self.state.held_by(slot) } else { 0 };
                Ok(Replaced { held, orders: u64::from(own), slots: vec![slot] })
            }
            _ => Ok(Replaced { held: 0, orders: 0, slots: Vec::new() }),
        }
    }

    fn usd_per_quote(
        &self,
        facts: &Facts<'_>,
        policy: &BotPolicy,
        market: &str,
    ) -> Option<Decimal> {
        // INVARIANT (fail closed): a market of unknown quote asset has no
        // value.
        if self.quotes_in_dollars(market)? {
            return Some(Decimal::ONE);
        }
        let quote = facts.quote_in_usd?;
        let age = age_ms(facts, quote.at)?;
        (age <= policy.reference_max_age_ms && quote.mid > Decimal::ZERO)
            .then(|| quote.mid.max(quote.ask))
    }

    fn weigh_withdrawal(
        &mut self,
        facts: &Facts<'_>,
        bot: u32,
        policy: &BotPolicy,
        withdrawal: &Withdrawal,
        weighed: &mut Weighed,
    ) -> Result<(), Reason> {
        let Withdrawal { asset, network, address, memo, amount, .. } = withdrawal;
        weighed.resource = destination_id_of(asset, network, address, memo.as_deref());
        let listed = policy.withdraw.iter().find(|listed| {
            listed.asset == *asset
                && listed.network == *network
                && listed.address == *address
                && listed.memo == *memo
        });
        // INVARIANT (no escape hatch): the list holds whatever policies say.
        let Some(listed) = listed else {
            return Err(Reason::plain(
                "unlisted_destination",
                DenyKind::Never,
                format!(
                    "withdrawal of `{}` on `{}` to `{}` is not on the bot's list",
                    asset.escape_debug(),
                    network.escape_debug(),
                    address.escape_debug()
                ),
            ));
        };
        let Some(amount) = money::millionths_up(*amount).and_then(|v| u64::try_from(v).ok()) else {
            return Err(Reason::plain(
                "amount",
                DenyKind::Never,
                "the withdrawal's amount does not fit",
            ));
        };
        let state = self.state.bots.get_mut(bot as usize);
        let window = state.and_then(|state| state.withdrawn.get_mut(asset.as_str()));
        let before = window.map_or(0, |window| window.total(facts.now));
        let context = &mut weighed.context;
        context.set_bool(A::Listed, true);
        context.set(A::AmountMillionths, long(amount));
        context.set(A::DayMillionths, wide(before + u128::from(amount)));
        weighed.known = listed.known;
        if let Some(above) = listed.approve_above.filter(|above| amount_of(withdrawal) > *above) {
            weighed.guards.push(Reason {
                code: "approve_above",
                detail: format!(
                    "withdrawals of more than {above} {asset} to this destination need an approval"
                ),
                limit: Some(above.to_string()),
                observed: Some(amount_of(withdrawal).to_string()),
                kind: DenyKind::Hold,
            });
        }
        weighed.asset = Some(asset.clone());
        weighed.amount = Some(amount);
        Ok(())
    }
}

const fn amount_of(withdrawal: &Withdrawal) -> Decimal {
    withdrawal.amount
}

/// Orders that are to be live.
pub(super) struct Placed<'a> {
    pub(super) orders: &'a [Order],
    /// What they are worth together, micro-USD, where it is known.
    pub(super) worth: Option<u64>,
    pub(super) replaced: Replaced,
    /// Whether the venue only checks them.
    pub(super) test: bool,
}

/// What the orders that go hold, micro-USD, and how many they are.
pub(super) struct Replaced {
    pub(super) held: u64,
    pub(super) orders: u64,
    /// Which orders they are.
    pub(super) slots: Vec<Slot>,
}

/// The age of the market's price, ms, and the price where it is young enough.
pub(super) fn fresh_reference(
    facts: &Facts<'_>,
    policy: &BotPolicy,
) -> (Option<u64>, Option<Reference>) {
    let age = facts.reference.and_then(|reference| age_ms(facts, reference.at));
    let fresh = age.is_some_and(|age| age <= policy.reference_max_age_ms);
    (age, facts.reference.filter(|_| fresh))
}

/// The age of a price. One from the future is as old as one can be: a clock
/// that disagrees makes nothing fresh, beyond what two clocks may differ.
fn age_ms(facts: &Facts<'_>, at: crate::time::UnixNanos) -> Option<u64> {
    match facts.now.millis_since(at) {
        Some(age) => Some(age),
        None => {
            let ahead = at.millis_since(facts.now)?;
            (ahead <= wire::limits::CLOCK_OFFSET_MS.unsigned_abs()).then_some(0)
        }
    }
}

pub(super) fn unreadable(class: Class) -> Reason {
    Reason::plain(
        "unreadable",
        kind_of(class),
        format!("the request is no `{}` that is understood", class.name()),
    )
}

fn long(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn wide(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
