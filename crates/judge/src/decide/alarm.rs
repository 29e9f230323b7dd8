//! What detectors say of a request that nothing else speaks against.

use wire::model::{Class, Decimal, Order as Placed, Side};

use super::relieve::Remaining;
use super::weigh::Weighed;
use crate::detect::{self, Act, Alarm, Look, Order, Response, ValueOut, fingerprint};
use crate::facts::Facts;
use crate::judge::Judge;
use crate::money;
use crate::policy::config::{BotPolicy, Mode};
use crate::policy::context::{Attribute as A, Shape};
use crate::policy::rules::kind_of;
use crate::reason::{DenyKind, Reason};

/// The sides and prices of orders, as detectors look at them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prices {
    buys: bool,
    dearest: Option<Decimal>,
    cheapest: Option<Decimal>,
}

impl Prices {
    /// Of orders; one that takes any price takes at least the other side's best.
    pub(super) fn of(orders: &[Placed], facts: &Facts<'_>) -> Self {
        let mut prices = Self::default();
        for order in orders {
            let reference = facts.reference;
            match order.side {
                Side::Buy => {
                    let price = order.price.or(reference.map(|reference| reference.ask));
                    prices.buys = true;
                    prices.dearest = prices.dearest.max(price);
                }
                Side::Sell => {
                    let price = order.price.or(reference.map(|reference| reference.bid));
                    prices.cheapest = match (prices.cheapest, price) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                }
            }
        }
        prices
    }
}

impl Judge {
    /// Asks the detectors, and notes the request in the bot's habits.
    /// `reducing` orders pass them, as they pass halts: they let risk down.
    pub(super) fn alarm(
        &mut self,
        facts: &Facts<'_>,
        (bot, number): (u32, u32),
        weighed: &Weighed,
        left: &mut Remaining,
        reducing: bool,
    ) -> Alarm {
        let policies = std::sync::Arc::clone(&self.policies);
        let config = policies.detection();
        let policy = policies.rules(number).map(|rules| &rules.policy);
        let (Some(policy), Some(state)) = (policy, self.state.bots.get_mut(bot as usize)) else {
            return Alarm::default();
        };
        let class = facts.intent.class;
        let act = act(facts, policy, weighed, reducing);
        let look = Look { facts, policy, act };
        state.habits.see_price(config, &look, weighed.usd_per_quote);
        // What is denied anyway needs no second reason, and no alarm.
        let passes = left.reasons.iter().all(|reason| reason.kind == DenyKind::Hold);
        let alarm = if passes {
            detect::detect(config, &look, &mut state.habits)
        } else {
            Alarm::default()
        };
        let kind = match alarm.response {
            Response::Allow => None,
            Response::SlowDown => Some(DenyKind::SlowDown),
            Response::Hold => Some(DenyKind::Hold),
            Response::Suspend | Response::Halt => Some(kind_of(class)),
        };
        if let Some(kind) = kind {
            let reasons = alarm.alerts.iter().map(|alert| Reason {
                code: alert.detector.name(),
                detail: alert.evidence.clone(),
                limit: None,
                observed: Some(alert.points.to_string()),
                kind,
            });
            let observed = policy.mode == Mode::Observe && Shape::of(class) == Shape::Order;
            if observed {
                left.relaxed.extend(reasons);
            } else {
                left.reasons.extend(reasons);
            }
        }
        let allowed = left
            .reasons
            .iter()
            .all(|reason| reason.kind == DenyKind::Hold && facts.around.approved);
        detect::note(config, &look, allowed, &mut state.habits);
        alarm
    }
}

fn act<'a>(
    facts: &'a Facts<'_>,
    policy: &BotPolicy,
    weighed: &'a Weighed,
    reducing: bool,
) -> Act<'a> {
    match Shape::of(facts.intent.class) {
        // What only the venue checks trades nothing, and teaches nothing.
        Shape::Order if facts.intent.class == Class::TestOrder => Act::Read,
        Shape::Order if reducing => Act::Cancel,
        Shape::Order => {
            let Prices { buys, dearest, cheapest } = weighed.prices;
            let beyond = weighed.context.get(A::BeyondReferenceBps);
            Act::Order(Order {
                market: &weighed.resource,
                worth: weighed.worth,
                count: u32::try_from(weighed.context.get(A::OrderCount)).unwrap_or(u32::MAX),
                buys,
                dearest,
                cheapest,
                beyond_bps: (beyond != i64::MAX).then_some(beyond),
            })
        }
        Shape::Withdraw => Act::ValueOut(ValueOut {
            destination: fingerprint(&[weighed.resource.as_bytes()]),
            micro_usd: weighed.amount.and_then(|amount| worth(facts, amount, policy)),
            known: weighed.known,
        }),
        Shape::Cancel => Act::Cancel,
        Shape::Plain => Act::Read,
    }
}

/// What an amount is worth, micro-USD; none where no fresh price is known.
fn worth(facts: &Facts<'_>, amount: u64, policy: &BotPolicy) -> Option<u64> {
    let price = facts.around.asset_in_usd?;
    let age = facts.now.millis_since(price.at).unwrap_or(0);
    // Withdrawals are few and prices of assets are asked for seldom.
    if age > policy.reference_max_age_ms.saturating_mul(OLDER) {
        return None;
    }
    let units = Decimal::from_i128_with_scale(i128::from(amount), 6);
    let worth = units.checked_mul(price.mid.max(price.ask)).and_then(money::millionths_up)?;
    u64::try_from(worth).ok()
}

/// How much older than an order's reference the price of an asset may be.
const OLDER: u64 = 12;
