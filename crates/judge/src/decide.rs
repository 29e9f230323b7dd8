//! The order of checks, and the only maker of a permit.
//!
//! Reading order: [`verdict`], [`permit`], then [`Judge::decide`] with
//! `standing` (halts, log, clock), `weigh` (the numbers that policy sees),
//! `owners` (whose order is whose) and `relieve` (what reducing orders and observe mode let pass).
//! [`house`] is the gateway's own reads.

mod alarm;
pub mod candidate;
mod change;
pub mod explain;
pub(crate) mod guards;
pub mod house;
mod owners;
pub mod permit;
mod relieve;
mod standing;
pub mod verdict;
mod weigh;

use std::sync::Arc;

use wire::model::{Class, Operation};

use crate::account::event::ReservationId;
use crate::account::reserve::{NewOrder, NewOrders};
use crate::detect::Alarm;
use crate::facts::Facts;
use crate::judge::Judge;
use crate::policy::compile::{PolicySet, Ruling};
use crate::policy::config::BotPolicy;
use crate::policy::context::Shape;
use crate::policy::rules;
use crate::reason::{DenyKind, Reason};
use permit::Permit;
use relieve::Remaining;
use verdict::{Outcome, Verdict};
use weigh::Weighed;

/// A request after every check.
struct Assessed {
    bot: u32,
    /// Its number in the policy set.
    number: u32,
    weighed: Weighed,
    ruling: Arc<Ruling>,
    left: Remaining,
    reducing: bool,
}

impl Judge {
    /// Whether a request may be signed, and why.
    ///
    /// An allowed order holds its exposure from here on; the events about it
    /// name the reservation in the permit.
    ///
    /// INVARIANT (pure judge): depends on the facts and the events applied
    /// before, on nothing else.
    pub fn decide(&mut self, facts: &Facts<'_>) -> Verdict {
        let class = facts.intent.class;
        let Assessed { bot, number, weighed, mut left, reducing, .. } = match self.assess(facts) {
            Ok(assessed) => assessed,
            Err(reason) => return Verdict::denied(class, reason),
        };
        let alarm = self.alarm(facts, (bot, number), &weighed, &mut left, reducing);
        let (left, approved) = left.approved(facts.around.approved);
        if !left.reasons.is_empty() {
            return Verdict::deny(left.reasons, left.relaxed, weighed.context).with(alarm);
        }
        // What is allowed holds its exposure and gets its permit.
        match self.commit(facts, bot, &weighed) {
            Ok(reservation) => Verdict {
                outcome: Outcome::Allow(Permit::grant(facts, self.account_name(), reservation)),
                reasons: Vec::new(),
                approved,
                relaxed: left.relaxed,
                alarm,
                inputs: weighed.context,
            },
            Err(reason) => Verdict::deny(vec![reason], left.relaxed, weighed.context).with(alarm),
        }
    }

    /// The checks, in their order. Those that no policy could change come
    /// first and speak alone; then the policies speak all together.
    fn assess(&mut self, facts: &Facts<'_>) -> Result<Assessed, Reason> {
        let class = facts.intent.class;
        let policies = Arc::clone(&self.policies);
        // Who asks.
        let (bot, number, policy) = self
            .bot(facts.bot, &policies)
            .ok_or_else(|| unknown_bot(facts.bot, self.account_name()))?;
        // What is never signed for a bot, whatever its policies say.
        if let Some(reason) = never(class) {
            return Err(reason);
        }
        // Halts, the log, the clock.
        let reducing = weigh::is_reducing(policy, facts.intent);
        if let Some(reason) = standing::reason(facts, reducing) {
            return Err(reason);
        }
        // The numbers, and what orders would meet.
        let weighed = self.weigh(facts, bot, policy)?;
        // The policies.
        let ruling = self.cache.rule(&policies, number, class, &weighed.resource, &weighed.context);
        let left = if ruling.allowed && weighed.guards.is_empty() {
            Remaining::default()
        } else {
            let mut reasons = if ruling.allowed {
                Vec::new()
            } else {
                rules::reasons(&ruling, policy, class, &weighed.resource, &weighed.context)
            };
            reasons.extend(weighed.guards.iter().cloned());
            relieve::remaining(reasons, facts, policy, &weighed, reducing)
        };
        Ok(Assessed { bot, number, weighed, ruling, left, reducing })
    }

    /// Counts the request and holds what it may still cost.
    fn commit(
        &mut self,
        facts: &Facts<'_>,
        bot: u32,
        weighed: &Weighed,
    ) -> Result<Option<ReservationId>, Reason> {
        let class = facts.intent.class;
        match Shape::of(class) {
            Shape::Plain | Shape::Cancel => Ok(None),
            Shape::Withdraw => {
                let (Some(asset), Some(amount)) = (&weighed.asset, weighed.amount) else {
                    return Err(untracked(class));
                };
                if !self.state.has_room(0) {
                    return Err(untracked(class));
                }
                let client_id = match &facts.intent.operation {
                    Operation::Withdraw(withdrawal) => withdrawal.client_withdrawal_id.as_deref(),
                    _ => None,
                };
                let id = self.state.reserve_withdrawal(bot, asset, amount, client_id, facts.now);
                id.map(Some).ok_or_else(|| untracked(class))
            }
            Shape::Order => {
                let (orders, list_id) = weigh::orders(&facts.intent.operation);
                let reservation = if !weighed.changes.is_empty() {
                    if !self.state.has_room(0) {
                        return Err(untracked(class));
                    }
                    Some(self.state.reserve_changes(&weighed.changes))
                } else if weigh::is_test(&facts.intent.operation) {
                    None
                } else {
                    let tracked: Vec<_> = orders
                        .iter()
                        .zip(facts.client_order_ids)
                        .map(|(order, id)| NewOrder {
                            client_order_id: id,
                            quantity: order.quantity,
                            side: Some(order.side),
                            price: order.price.filter(|_| !order.waits_for_trigger()),
                        })
                        .collect();
                    let new = NewOrders {
                        owner: bot,
                        symbol: &weighed.resource,
                        orders: &tracked,
                        list_client_order_id: list_id,
                        worth: weighed.worth,
                        added: weighed.added,
                        usd_per_quote: weighed.usd_per_quote,
                        now: facts.now,
                    };
                    Some(self.state.reserve_orders(&new).ok_or_else(|| untracked(class))?)
                };
                if let Some(state) = self.state.bots.get_mut(bot as usize) {
                    let count = orders.len().max(weighed.changes.len()) as u64;
                    state.second.add(facts.now, count);
                    state.minute.add(facts.now, count);
                    if weighed.remembers {
                        state.placed(orders.iter().map(guards::likeness), facts.now);
                    }
                }
                Ok(reservation)
            }
        }
    }

    /// The bot of that name: its place here, its number in the policy set,
    /// its table.
    pub(crate) fn bot<'p>(
        &self,
        name: &str,
        policies: &'p PolicySet,
    ) -> Option<(u32, u32, &'p BotPolicy)> {
        let index = self.bot_index(name)?;
        let number = self.state.bots.get(index as usize)?.policy?;
        Some((index, number, &policies.rules(number)?.policy))
    }
}

impl Verdict {
    /// Denied before anything was weighed.
    fn denied(class: Class, reason: Reason) -> Self {
        let empty = crate::policy::context::Context::unknown(Shape::of(class));
        Self::deny(vec![reason], Vec::new(), empty)
    }

    fn with(self, alarm: Alarm) -> Self {
        Self { alarm, ..self }
    }

    fn deny(
        reasons: Vec<Reason>,
        relaxed: Vec<Reason>,
        inputs: crate::policy::context::Context,
    ) -> Self {
        // Of several reasons the strongest is the one that the bot must not
        // mistake: "never" over "too much".
        let kind = reasons.iter().map(|reason| reason.kind).max().unwrap_or(DenyKind::Never);
        let outcome = match kind {
            DenyKind::Hold => Outcome::Hold,
            _ => Outcome::Deny(kind),
        };
        let (approved, alarm) = (Vec::new(), Alarm::default());
        Self { outcome, reasons, approved, relaxed, alarm, inputs }
    }
}

/// INVARIANT (no escape hatch): no table, policy or mode reaches these.
fn never(class: Class) -> Option<Reason> {
    match class {
        Class::Read
        | Class::Place
        | Class::TestOrder
        | Class::Amend
        | Class::Cancel
        | Class::CancelAll
        | Class::CancelReplace
        | Class::Withdraw => None,
        Class::SecretBearingRead
        | Class::OwnTransfer
        | Class::AddMargin
        | Class::Repay
        | Class::Transfer
        | Class::Borrow
        | Class::Convert
        | Class::Earn
        | Class::StreamKey
        | Class::SetLeverage
        | Class::AccountAdmin
        | Class::KeyAdmin => Some(Reason::plain(
            "never",
            DenyKind::Never,
            format!("`{}` is never signed for a bot", class.name()),
        )),
    }
}

fn unknown_bot(name: &str, account: &str) -> Reason {
    Reason::plain(
        "unknown_bot",
        DenyKind::Never,
        format!("bot `{}` has no policy in account `{account}`", name.escape_debug()),
    )
}

fn untracked(class: Class) -> Reason {
    Reason::plain(
        "too_many_tracked",
        rules::kind_of(class),
        "the account has more orders open or awaiting an answer than are tracked; wait for \
         answers, or cancel some",
    )
}
