//! What the recorded traffic of one bot needed.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::backtest::recorded;

/// Where value went: asset, network, address, memo.
pub(super) type Place = (String, String, String, Option<String>);

/// What one bot was allowed to do and did.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) allowed: u64,
    pub(super) refused: u64,
    /// Markets of orders and cancels.
    pub(super) markets: BTreeSet<String>,
    /// The most of each, as the policies saw it: micro-USD, or a count.
    pub(super) most: BTreeMap<&'static str, u64>,
    /// Whether an order took any price.
    pub(super) any_price: bool,
    /// Whether a cancel touched an order that was not the bot's.
    pub(super) others: bool,
    /// UTC hours with orders, and days with any.
    pub(super) hours: [bool; 24],
    pub(super) days: BTreeSet<u64>,
    /// The largest withdrawal and the largest sum of a day, asset units.
    pub(super) places: BTreeMap<Place, (Decimal, Decimal)>,
}

/// The numbers that limits hold.
const NUMBERS: [&str; 6] = [
    "order_micro_usd",
    "hour_micro_usd",
    "day_micro_usd",
    "orders_this_second",
    "orders_this_minute",
    "open_orders",
];

impl Needs {
    /// Learns from a verdict.
    pub(super) fn learn(&mut self, entry: &Value) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("outcome") != "allow" {
            self.refused += 1;
            return;
        }
        self.allowed += 1;
        let flag = |name: &str| entry.get("inputs").and_then(|all| all.get(name)?.as_bool());
        let intent = entry.get("intent").unwrap_or(&Value::Null);
        let class = text("class");
        let orders = matches!(class, "place" | "test-order" | "cancel-replace");
        if orders || matches!(class, "amend" | "cancel" | "cancel-all") {
            markets(intent, &mut self.markets);
        }
        if orders {
            for name in NUMBERS {
                // What could not be valued is no need.
                let value = recorded(entry, name).filter(|value| *value < i64::MAX as u64);
                let most = self.most.entry(name).or_default();
                *most = (*most).max(value.unwrap_or(0));
            }
            self.any_price |= flag("any_price") == Some(true);
            let minute = recorded(entry, "minute_of_day").unwrap_or(0);
            if let Some(hour) = self.hours.get_mut(usize::try_from(minute / 60).unwrap_or(0)) {
                *hour = true;
            }
            let day = entry.get("now_ns").and_then(Value::as_u64).unwrap_or(0) / 86_400_000_000_000;
            self.days.insert(day);
        }
        self.others |= flag("own_order") == Some(false);
        if class == "withdraw" {
            self.withdrawal(entry, intent);
        }
    }

    fn withdrawal(&mut self, entry: &Value, intent: &Value) {
        let text = |name: &str| intent.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(asset), Some(network), Some(address)) =
            (text("asset"), text("network"), text("address"))
        else {
            return;
        };
        let units = |name: &str| {
            Decimal::from_i128_with_scale(i128::from(recorded(entry, name).unwrap_or(0)), 6)
        };
        let most = self.places.entry((asset, network, address, text("memo"))).or_default();
        most.0 = most.0.max(units("amount_millionths"));
        most.1 = most.1.max(units("day_millionths"));
    }

    pub(super) fn most(&self, name: &str) -> u64 {
        self.most.get(name).copied().unwrap_or(0)
    }

    /// Whether it placed orders.
    pub(super) fn traded(&self) -> bool {
        !self.days.is_empty()
    }

    pub(super) fn json(&self) -> Value {
        let places: Vec<Value> = self
            .places
            .iter()
            .map(|((asset, network, address, memo), (request, day))| {
                json!({
                    "asset": asset,
                    "network": network,
                    "address": address,
                    "memo": memo,
                    "largest": request.normalize().to_string(),
                    "largest_day": day.normalize().to_string(),
                })
            })
            .collect();
        json!({
            "markets": self.markets,
            "order_micro_usd": self.most("order_micro_usd"),
            "hour_micro_usd": self.most("hour_micro_usd"),
            "day_micro_usd": self.most("day_micro_usd"),
            "orders_this_second": self.most("orders_this_second"),
            "orders_this_minute": self.most("orders_this_minute"),
            "open_orders": self.most("open_orders"),
            "market_orders": self.any_price,
            "cancels_of_others": self.others,
            "days": self.days.len(),
            "destinations": places,
        })
    }
}

/// Every market that an intent names.
fn markets(intent: &Value, found: &mut BTreeSet<String>) {
    match intent {
        Value::Object(members) => {
            if let Some(symbol) = members.get("symbol").and_then(Value::as_str)
                && !symbol.is_empty()
            {
                found.insert(symbol.to_owned());
            }
            members.values().for_each(|member| markets(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| markets(item, found)),
        _ => {}
    }
}
