//! Halts as people and detectors begin and end them.

use std::collections::BTreeMap;

use judge::detect::config::AutomaticScope;
use judge::{Alarm, HaltLevel, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use wire::model::{Product, Side, Venue};

use super::House;
use crate::gateway::{AccountGroup, Gateway};
use crate::halts::{Began, Halt, Halts, Scope};
use crate::shared::held;
use crate::upstream::Host;
use crate::virtual_key::Identity;

/// Those in force, for `status`.
pub(crate) fn list(halts: &Halts) -> Value {
    halts.all().iter().map(describe).collect()
}

/// One halt as JSON.
pub(crate) fn describe(halt: &Halt) -> Value {
    let (scope, name) = halt.scope.words();
    json!({
        "number": halt.number,
        "scope": scope,
        "name": name,
        "level": halt.level.name(),
        "since_ns": halt.since_ns,
        "by": halt.by,
        "why": halt.why,
        "evidence": halt.evidence,
    })
}

/// Begins a halt, and tells people where it is news.
fn begin(
    gateway: &Gateway,
    scope: Scope,
    level: HaltLevel,
    by: &str,
    why: &str,
    evidence: &[u64],
) -> Began {
    let began = gateway.halts.begin(&gateway.log, scope, level, by, why, evidence);
    if began.is_new {
        gateway.tell_halt(&began.halt);
    }
    began
}

/// Lowers a halt, or ends it, and tells people.
///
/// # Errors
/// There is none of that number, or the level would rise.
pub(crate) fn resume(
    gateway: &Gateway,
    number: u64,
    to: HaltLevel,
    by: &str,
) -> Result<Halt, String> {
    let halt = gateway.halts.resume(&gateway.log, number, to, by)?;
    gateway.tell_resumed(&halt);
    Ok(halt)
}

/// Does what an alarm leads to: the bot is suspended, or the configured scope
/// is halted too. It names detector and evidence; `countersign resume` undoes
/// it.
pub(crate) fn automatic(
    gateway: &Gateway,
    bot: &Identity,
    venue: &str,
    alarm: &Alarm,
    entry: Option<u64>,
) {
    let Some(worst) = alarm.alerts.iter().max_by_key(|alert| (alert.at_most, alert.points)) else {
        return;
    };
    let by = worst.detector.name();
    let why: Vec<&str> = alarm.alerts.iter().map(|alert| alert.evidence.as_str()).collect();
    let why = why.join("; ");
    let evidence: Vec<u64> = entry.into_iter().collect();
    let halt = |scope: Scope, level| {
        let began = begin(gateway, scope, level, by, &why, &evidence);
        if let Some(error) = began.unrecorded {
            gateway.note(format!(
                "halt {} is in force, and the log could not take it ({error}): it ends with this \
                 process",
                began.halt.number
            ));
        }
    };
    halt(Scope::Bot(bot.name.clone()), HaltLevel::CancelOnly);
    if alarm.response == Response::Halt {
        let detection = gateway.detection.load();
        let scope = match detection.halt_scope {
            AutomaticScope::Account => Scope::Account(bot.account.clone()),
            AutomaticScope::Venue => Scope::Venue(venue.to_owned()),
            AutomaticScope::Everything => Scope::Everything,
        };
        halt(scope, detection.halt_level);
    }
}

/// Markets whose depth is asked for in a preview.
const DEPTHS: usize = 20;

/// What rests in one market.
#[derive(Default)]
struct Quotes {
    orders: u64,
    bids: Decimal,
    asks: Decimal,
}

impl House {
    /// What a halt would do before it does it: what rests in its scope, and
    /// which part of the visible depth of each market that is.
    pub(crate) async fn preview(&self, scope: &Scope) -> Value {
        let mut accounts = Vec::new();
        let (mut orders, mut asked) = (0, 0);
        for group in self.gateway.accounts.values() {
            if !self.reaches(scope, group) {
                continue;
            }
            let mut markets = Vec::new();
            for (market, quotes) in self.quotes(scope, group) {
                orders += quotes.orders;
                let mut told = json!({
                    "market": market,
                    "orders": quotes.orders,
                    "bids": quotes.bids.normalize().to_string(),
                    "asks": quotes.asks.normalize().to_string(),
                });
                if asked < DEPTHS {
                    asked += 1;
                    let share = self.depth_share(group, &market, &quotes).await;
                    if let (Some(told), Some(object)) = (share, told.as_object_mut()) {
                        object.insert("share_of_depth_percent".to_owned(), told);
                    }
                }
                markets.push(told);
            }
            accounts.push(json!({ "account": group.name, "markets": markets }));
        }
        json!({
            "scope": scope.to_string(),
            "bots": self.bots_of(scope).len(),
            "open_orders": orders,
            "accounts": accounts,
            "not_looked_at": "positions of derivatives",
        })
    }

    /// Whether a scope has a part in an account.
    fn reaches(&self, scope: &Scope, group: &AccountGroup) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Venue(name) => name == group.venue.name(),
            Scope::Account(name) => *name == group.name,
            Scope::Team(_) | Scope::Bot(_) => {
                let bots = self.bots_of(scope);
                held(&group.judge).bots().any(|bot| bots.contains(bot))
            }
        }
    }

    fn quotes(&self, scope: &Scope, group: &AccountGroup) -> BTreeMap<String, Quotes> {
        let only = match scope {
            Scope::Team(_) | Scope::Bot(_) => Some(self.bots_of(scope)),
            _ => None,
        };
        let mut markets: BTreeMap<String, Quotes> = BTreeMap::new();
        for order in held(&group.judge).resting() {
            let ours = only.as_ref().is_none_or(|bots| order.bot.is_some_and(|b| bots.contains(b)));
            if !ours {
                continue;
            }
            let quotes = markets.entry(order.market.to_owned()).or_default();
            quotes.orders += 1;
            let left = order.left.unwrap_or_default();
            match order.side {
                Some(Side::Buy) => quotes.bids = quotes.bids.saturating_add(left),
                Some(Side::Sell) => quotes.asks = quotes.asks.saturating_add(left),
                None => {}
            }
        }
        markets
    }

    /// Our part of what is visible of a market's book, percent of bids and asks;
    /// none where the venue does not tell its depth.
    async fn depth_share(&self, group: &AccountGroup, market: &str, own: &Quotes) -> Option<Value> {
        #[derive(serde::Deserialize)]
        struct Depth {
            bids: Vec<(String, String)>,
            asks: Vec<(String, String)>,
        }
        if group.venue != Venue::Binance {
            return None;
        }
        let (product, symbol) = Product::of(market);
        let (host, path) = match product {
            Product::Spot => (Host::Spot, "/api/v3/depth"),
            Product::UsdFutures => (Host::UsdFutures, "/fapi/v1/depth"),
            Product::CoinFutures | Product::Options => return None,
        };
        let answer = self.public(host, format!("{path}?symbol={symbol}&limit=100")).await.ok()?;
        let depth: Depth = serde_json::from_slice(&answer.body).ok()?;
        let sum = |side: &[(String, String)]| -> Decimal {
            side.iter()
                .filter_map(|(_, quantity)| Decimal::from_str_exact(quantity).ok())
                .fold(Decimal::ZERO, Decimal::saturating_add)
        };
        let percent = |own: Decimal, all: Decimal| -> Option<String> {
            let share = own.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(all)?;
            Some(share.round_dp(1).normalize().to_string())
        };
        Some(json!({
            "bids": percent(own.bids, sum(&depth.bids)),
            "asks": percent(own.asks, sum(&depth.asks)),
        }))
    }

    /// Begins a halt by hand. `reduce-only` and `cancel-only` asked with
    /// `cancel` take away what rests; the halt acts first, so that nothing new
    /// comes in between.
    pub(crate) async fn halt_by_hand(
        &self,
        scope: Scope,
        level: HaltLevel,
        why: &str,
        cancel: bool,
    ) -> Value {
        let gateway = &self.gateway;
        let begun = scope.clone();
        let began = begin(gateway, scope, level, "operator", why, &[]);
        // A halt of `full` lets no cancel pass, so there is none to try.
        let cancels = level == HaltLevel::ReduceOnly || cancel;
        let cancelled = if cancels && level != HaltLevel::Full {
            Some(self.cancel_scope(&begun).await)
        } else {
            None
        };
        json!({
            "halt": describe(&began.halt),
            "unrecorded": began.unrecorded,
            "cancel_requests": cancelled.as_ref().map(|done| done.requests),
            "cancels_failed": cancelled.map(|done| failures(&done.failed)),
        })
    }
}

/// What failed, as JSON.
pub(crate) fn failures(failed: &[(String, String, String)]) -> Value {
    failed
        .iter()
        .map(|(account, market, why)| json!({ "account": account, "market": market, "why": why }))
        .collect()
}
