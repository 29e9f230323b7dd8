//! A determining policy in words: the rule, its limit, what was seen.

use wire::model::{Class, Decimal};

use super::compile::{Determining, Ruling};
use super::config::BotPolicy;
use super::context::{Attribute, Context, Shape};
use crate::bounds;
use crate::money::show_millionths;
use crate::reason::{DenyKind, Reason};

/// How a refusal of that class reads where no rule says otherwise.
pub(crate) const fn kind_of(class: Class) -> DenyKind {
    match Shape::of(class) {
        Shape::Order => DenyKind::Limit,
        Shape::Cancel => DenyKind::CancelRejected,
        Shape::Withdraw | Shape::Plain => DenyKind::Never,
    }
}

/// The reasons of a ruling that does not allow.
pub(crate) fn reasons(
    ruling: &Ruling,
    bot: &BotPolicy,
    class: Class,
    resource: &str,
    context: &Context,
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = ruling
        .errors
        .iter()
        .map(|error| {
            let detail = format!("a policy could not be evaluated, so this is denied: {error}");
            Reason::plain("policy_error", kind_of(class), detail)
        })
        .collect();
    let decided = Decided { bot, class, resource, context };
    let trades = matches!(Shape::of(class), Shape::Order | Shape::Cancel);
    if ruling.unpermitted || (trades && !bot.preset.trades()) {
        reasons.push(decided.not_permitted());
    }
    if !ruling.allowed {
        reasons.extend(ruling.determining.iter().map(|policy| decided.reason(policy)));
    }
    reasons.truncate(bounds::REASONS);
    reasons
}

struct Decided<'a> {
    bot: &'a BotPolicy,
    class: Class,
    resource: &'a str,
    context: &'a Context,
}

impl Decided<'_> {
    fn not_permitted(&self) -> Reason {
        Reason::plain(
            "not_permitted",
            DenyKind::Never,
            format!(
                "preset `{}` does not let bot `{}` do `{}`",
                self.bot.preset.name(),
                self.bot.name,
                self.class.name()
            ),
        )
    }

    fn reason(&self, policy: &Determining) -> Reason {
        if policy.id.starts_with("extra/") {
            let detail = match &policy.reason {
                Some(reason) => format!("policy `{}`: {reason}", policy.id),
                None => format!("policy `{}` forbids it", policy.id),
            };
            return Reason::plain("policy", kind_of(self.class), detail);
        }
        let rule = policy.id.rsplit('/').next().unwrap_or_default();
        self.dollars(rule)
            .or_else(|| self.counted(rule))
            .or_else(|| self.price(rule))
            .or_else(|| self.never(rule))
            .unwrap_or_else(|| {
                let detail = format!("policy `{}` forbids it", policy.id);
                Reason::plain("policy", kind_of(self.class), detail)
            })
    }

    fn dollars(&self, rule: &str) -> Option<Reason> {
        let bot = self.bot;
        let (code, limit, attribute, what) = match rule {
            "max_order_notional" => (
                "max_order_notional",
                bot.max_order_notional,
                Attribute::OrderMicroUsd,
                "the order is worth",
            ),
            "max_notional_per_hour" => (
                "max_notional_per_hour",
                bot.max_notional_per_hour,
                Attribute::HourMicroUsd,
                "fills of the last hour, resting orders and this one come to",
            ),
            "max_notional_per_day" => (
                "max_notional_per_day",
                bot.max_notional_per_day,
                Attribute::DayMicroUsd,
                "fills of the last day, resting orders and this one come to",
            ),
            _ => return None,
        };
        let limit = limit.unwrap_or(Decimal::ZERO).normalize().to_string();
        let observed = show_millionths(self.context.get(attribute));
        let detail = if self.context.is(Attribute::ValueKnown) {
            format!("{what} {observed} USD, the limit is {limit} USD")
        } else {
            format!("the order could not be valued, the limit is {limit} USD")
        };
        Some(Reason {
            code,
            detail,
            limit: Some(limit),
            observed: Some(observed),
            kind: DenyKind::Limit,
        })
    }

    fn counted(&self, rule: &str) -> Option<Reason> {
        let bot = self.bot;
        let (code, limit, attribute, what) = match rule {
            "max_orders_per_second" => (
                "max_orders_per_second",
                bot.max_orders_per_second,
                Attribute::OrdersThisSecond,
                "orders in one second",
            ),
            "max_orders_per_minute" => (
                "max_orders_per_minute",
                bot.max_orders_per_minute,
                Attribute::OrdersThisMinute,
                "orders in one minute",
            ),
            "max_open_orders" => (
                "max_open_orders",
                bot.max_open_orders,
                Attribute::OpenOrders,
                "orders open or awaiting an answer",
            ),
            "collar_bps" => (
                "collar_bps",
                bot.collar_bps,
                Attribute::BeyondReferenceBps,
                "bps on the losing side of the reference price",
            ),
            _ => return None,
        };
        let (limit, observed) =
            (limit.unwrap_or(0).to_string(), self.context.get(attribute).to_string());
        let detail = if code == "collar_bps" {
            format!("the price is {observed} {what}, the collar is {limit}")
        } else {
            format!("with this one {observed} {what}, the limit is {limit}")
        };
        Some(Reason {
            code,
            detail,
            limit: Some(limit),
            observed: Some(observed),
            kind: DenyKind::Limit,
        })
    }

    fn price(&self, rule: &str) -> Option<Reason> {
        match rule {
            "value_unknown" => Some(Reason::plain(
                "value_unknown",
                DenyKind::Limit,
                format!(
                    "the order cannot be valued in USD: a fresh price of `{}` or of its quote \
                     asset is missing, or the numbers do not fit",
                    self.resource
                ),
            )),
            "reference_max_age_ms" => {
                let limit = self.bot.reference_max_age_ms.to_string();
                let age = self.context.get(Attribute::ReferenceAgeMs);
                let (observed, seen) = if age == i64::MAX {
                    (None, "there is none".to_owned())
                } else {
                    (Some(age.to_string()), format!("the last one is {age} ms old"))
                };
                let market = self.resource;
                Some(Reason {
                    code: "reference_max_age_ms",
                    detail: format!(
                        "the collar needs a price of `{market}` from the last {limit} ms, {seen}; \
                         wait for market data"
                    ),
                    limit: Some(limit),
                    observed,
                    kind: DenyKind::Limit,
                })
            }
            "hours" => {
                let minute = self.context.get(Attribute::MinuteOfDay);
                let limit = self.bot.hours.map(|hours| hours.to_string()).unwrap_or_default();
                let observed = format!("{:02}:{:02}", minute / 60, minute % 60);
                let withdraws = Shape::of(self.class) == Shape::Withdraw;
                let what = if withdraws { "withdrawals" } else { "orders" };
                Some(Reason {
                    code: "hours",
                    detail: format!("{what} are taken {limit} UTC, it is {observed}"),
                    limit: Some(limit),
                    observed: Some(observed),
                    kind: kind_of(self.class),
                })
            }
            "market_orders" => Some(Reason::plain(
                "market_orders",
                DenyKind::Limit,
                "orders that execute at any price are off for this bot; send a price, or set \
                 `market_orders = true`",
            )),
            _ => None,
        }
    }

    fn never(&self, rule: &str) -> Option<Reason> {
        let resource = self.resource;
        match rule {
            "markets" => Some(Reason {
                code: "markets",
                detail: format!("market `{resource}` is not on the bot's list"),
                limit: Some(self.bot.markets.join(",")),
                observed: Some(resource.to_owned()),
                kind: DenyKind::Never,
            }),
            "own_orders" => Some(Reason::plain(
                "own_orders",
                DenyKind::CancelRejected,
                match resource {
                    "" => "an order that this would touch is not known to be this bot's".to_owned(),
                    _ => {
                        format!("an order of `{resource}` that this would touch is not this bot's")
                    }
                },
            )),
            "unlisted_destination" => Some(Reason::plain(
                "unlisted_destination",
                DenyKind::Never,
                format!("withdrawal destination `{resource}` is not on the bot's list"),
            )),
            "never_transfers" | "never_administers" => Some(Reason::plain(
                "never",
                DenyKind::Never,
                format!("`{}` is never signed for a bot", self.class.name()),
            )),
            "max_per_request" | "max_per_day" => Some(self.withdrawal(rule == "max_per_day")),
            _ => None,
        }
    }

    fn withdrawal(&self, per_day: bool) -> Reason {
        let listed = self
            .bot
            .withdraw
            .iter()
            .find(|listed| super::preset::destination_id(listed) == self.resource);
        let (code, limit, attribute, what) = if per_day {
            (
                "max_per_day",
                listed.map(|listed| listed.max_per_day),
                Attribute::DayMillionths,
                "withdrawals of 24 hours with this one come to",
            )
        } else {
            (
                "max_per_request",
                listed.map(|listed| listed.max_per_request),
                Attribute::AmountMillionths,
                "the withdrawal is",
            )
        };
        let limit = limit.unwrap_or(Decimal::ZERO).normalize().to_string();
        let asset = listed.map(|listed| listed.asset.as_str()).unwrap_or_default();
        let observed = show_millionths(self.context.get(attribute));
        Reason {
            code,
            detail: format!("{what} {observed} {asset}, the limit is {limit} {asset}"),
            limit: Some(limit),
            observed: Some(observed),
            kind: DenyKind::Never,
        }
    }
}
