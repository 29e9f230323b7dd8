//! Whose order is whose: what a cancel, an amend or a replacement may touch.

use wire::model::{Class, Decimal, Operation, OrderReference, Product};

use super::weigh::unreadable;
use crate::account::book::Named;
use crate::judge::Judge;
use crate::policy::config::{BotPolicy, CancelScope};
use crate::reason::{DenyKind, Reason};

impl Judge {
    /// Whether every order that a cancel or amend touches is the bot's to
    /// touch.
    pub(super) fn may_cancel(
        &self,
        bot: u32,
        policy: &BotPolicy,
        operation: &Operation,
    ) -> Result<bool, Reason> {
        match operation {
            Operation::Cancel(reference) => self.owns(bot, policy, reference),
            Operation::Amend { order, new_quantity, .. } => {
                self.check_shrinks(order, *new_quantity)?;
                self.owns(bot, policy, order)
            }
            Operation::CancelAll { symbol } => Ok(policy.cancel == CancelScope::Account
                || self
                    .state
                    .book
                    .in_market(symbol)
                    .all(|(_, order)| self.is_theirs(bot, policy, order.owner, symbol))),
            Operation::CancelEverything => Ok(policy.cancel == CancelScope::Account
                || self
                    .state
                    .book
                    .iter()
                    .all(|(_, order)| self.is_theirs(bot, policy, order.owner, &order.symbol))),
            Operation::CancelList { symbol, order_list_id, list_client_order_id } => {
                let legs = self.state.book.in_market(symbol).filter(|(_, order)| {
                    (order_list_id.is_some() && order.order_list_id == *order_list_id)
                        || (list_client_order_id.is_some()
                            && order.list_client_order_id == *list_client_order_id)
                });
                let (mut known, mut own) = (false, true);
                for (_, order) in legs {
                    known = true;
                    own &= policy.cancel == CancelScope::Account
                        || self.is_theirs(bot, policy, order.owner, symbol);
                }
                Ok(own && (known || self.unknown_is_theirs(bot, policy, symbol)))
            }
            Operation::CancelMany(orders) => {
                let mut own = true;
                for order in orders {
                    own &= self.owns(bot, policy, order)?;
                }
                Ok(own)
            }
            // Conditional orders are not tracked: whose they are is not known.
            Operation::CancelConditional { symbol, product, .. } => {
                // The venue goes by the id alone; where no market is named, none
                // but the product's only bot may mean its own.
                let theirs = match symbol.as_deref() {
                    Some(symbol) => self.unknown_is_theirs(bot, policy, symbol),
                    None => self.is_alone_on(policy, *product),
                };
                Ok(policy.cancel == CancelScope::Account || theirs)
            }
            _ => Err(unreadable(Class::Cancel)),
        }
    }

    pub(super) fn owns(
        &self,
        bot: u32,
        policy: &BotPolicy,
        reference: &OrderReference,
    ) -> Result<bool, Reason> {
        let market = &reference.symbol;
        match self.state.book.named(reference) {
            Named::Two => Err(Reason::plain(
                "two_orders",
                DenyKind::CancelRejected,
                format!("order id and client order id name two different orders of `{market}`"),
            )),
            Named::One(slot) => {
                let owner = self.state.book.get(slot).and_then(|order| order.owner);
                Ok(policy.cancel == CancelScope::Account
                    || self.is_theirs(bot, policy, owner, market))
            }
            Named::Nothing => Ok(policy.cancel == CancelScope::Account
                || self.unknown_is_theirs(bot, policy, market)),
        }
    }

    /// An order that is not tracked: without an owner, unless it may be one
    /// of another bot's whose venue id is not known yet.
    fn unknown_is_theirs(&self, bot: u32, policy: &BotPolicy, market: &str) -> bool {
        self.is_theirs(bot, policy, None, market) && !self.state.another_awaits_id(bot, market)
    }

    /// An order without a recorded owner belongs to the account's only bot,
    /// or to each whose market list has it.
    fn is_theirs(&self, bot: u32, policy: &BotPolicy, owner: Option<u32>, market: &str) -> bool {
        match owner {
            Some(owner) => owner == bot,
            None => {
                self.active_bots() == 1
                    || policy.markets.iter().any(|listed| listed == "*" || listed == market)
            }
        }
    }

    /// Whether no other bot of the account trades a product.
    fn is_alone_on(&self, policy: &BotPolicy, product: Product) -> bool {
        let trades = |bot: &BotPolicy| {
            bot.preset.trades() && bot.markets.iter().any(|one| Product::of(one).0 == product)
        };
        let others = |bot: &&BotPolicy| bot.account == policy.account && bot.name != policy.name;
        trades(policy) && !self.policies().bots().filter(others).any(trades)
    }

    /// An amend only shrinks; the venue refuses another, and so do we.
    fn check_shrinks(
        &self,
        reference: &OrderReference,
        new_quantity: Decimal,
    ) -> Result<(), Reason> {
        let known = match self.state.book.named(reference) {
            Named::One(slot) => self.state.book.get(slot).and_then(|order| order.quantity),
            Named::Nothing | Named::Two => None,
        };
        match known {
            Some(quantity) if new_quantity >= quantity => Err(Reason {
                code: "amend_grows",
                detail: format!(
                    "an amend may only shrink an order: it has {quantity}, asked for \
                     {new_quantity}; cancel and place it anew"
                ),
                limit: Some(quantity.to_string()),
                observed: Some(new_quantity.to_string()),
                kind: DenyKind::Limit,
            }),
            _ => Ok(()),
        }
    }
}
