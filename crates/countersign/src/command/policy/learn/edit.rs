//! The configuration with what was learned, beside the one that there is.

use judge::policy::config::{CancelScope, Preset};
use judge::{BotPolicy, policy::config::Destination};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use similar::TextDiff;
use toml_edit::{Array, DocumentMut, Item, TableLike, value};

use super::needs::{Needs, Place};

/// Days with orders from which hours are learned: fewer are no habit.
const DAYS: usize = 7;
/// Hours without any order, together, from which the rest is proposed.
const QUIET_HOURS: usize = 4;
/// What is written beside a value that lets a bot do more than before.
const WIDENED: &str = " # WIDENED: recorded traffic needs it";

/// One value that would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) bot: String,
    pub(super) field: String,
    /// As it is; none where it is not set.
    pub(super) from: Option<String>,
    pub(super) to: String,
    /// Whether the bot could do more than before.
    pub(super) widens: bool,
}

impl Change {
    pub(super) fn json(&self) -> Value {
        json!({"field": self.field, "from": self.from, "to": self.to, "widens": self.widens})
    }
}

/// A changed configuration.
pub(super) struct Proposal {
    before: String,
    document: DocumentMut,
    headroom: u32,
    pub(super) changes: Vec<Change>,
}

impl Proposal {
    /// Nothing changed yet.
    ///
    /// # Errors
    /// The configuration cannot be read, in one line.
    pub(super) fn new(text: &str, headroom: u32) -> Result<Self, String> {
        let document = text
            .parse()
            .map_err(|error: toml_edit::TomlError| error.message().replace('\n', " "))?;
        Ok(Self { before: text.to_owned(), document, headroom, changes: Vec::new() })
    }

    /// The change as a unified diff; empty where there is none.
    pub(super) fn diff(&self, file: &str) -> String {
        let after = self.document.to_string();
        TextDiff::from_lines(self.before.as_str(), after.as_str())
            .unified_diff()
            .header(&format!("a/{file}"), &format!("b/{file}"))
            .to_string()
    }

    /// Proposes one bot's table.
    pub(super) fn bot(&mut self, bot: &BotPolicy, needs: &Needs) {
        if needs.traded() && bot.preset.trades() {
            self.markets(bot, needs);
            self.limits(bot, needs);
            self.habits(bot, needs);
        }
        if needs.allowed > 0 && bot.cancel == CancelScope::Account && !needs.others {
            self.set(bot, "cancel", value("own"), Some("account".to_owned()), false);
        } else if bot.cancel == CancelScope::Own && needs.others {
            self.set(bot, "cancel", value("account"), Some("own".to_owned()), true);
        }
        if bot.preset == Preset::Treasury && !needs.places.is_empty() {
            self.destinations(bot, needs);
        }
    }

    fn markets(&mut self, bot: &BotPolicy, needs: &Needs) {
        let every = bot.markets.iter().any(|market| market == "*");
        let mut kept: Vec<&String> =
            bot.markets.iter().filter(|market| needs.markets.contains(*market)).collect();
        let more: Vec<&String> =
            needs.markets.iter().filter(|market| !bot.markets.contains(market)).collect();
        let widens = !every && !more.is_empty();
        kept.extend(more);
        if kept.iter().copied().eq(bot.markets.iter()) || kept.is_empty() {
            return;
        }
        let list: Array = kept.iter().map(|market| market.as_str()).collect();
        let from = format!("[{}]", bot.markets.join(", "));
        self.set(bot, "markets", value(list), Some(from), widens);
    }

    fn limits(&mut self, bot: &BotPolicy, needs: &Needs) {
        let money = [
            ("max_order_notional", bot.max_order_notional, "order_micro_usd"),
            ("max_notional_per_hour", bot.max_notional_per_hour, "hour_micro_usd"),
            ("max_notional_per_day", bot.max_notional_per_day, "day_micro_usd"),
        ];
        for (field, limit, input) in money {
            let need = Decimal::from_i128_with_scale(i128::from(needs.most(input)), 6);
            let Some(to) = self.limit(need, limit) else { continue };
            let from = limit.map(|limit| limit.normalize().to_string());
            self.set(bot, field, value(to.to_string()), from, limit.is_some_and(|is| need > is));
        }
        let counts = [
            ("max_orders_per_second", bot.max_orders_per_second, "orders_this_second"),
            ("max_orders_per_minute", bot.max_orders_per_minute, "orders_this_minute"),
            ("max_open_orders", bot.max_open_orders, "open_orders"),
        ];
        for (field, limit, input) in counts {
            let need = Decimal::from(needs.most(input));
            let limit = limit.map(Decimal::from);
            let Some(to) = self.limit(need, limit).and_then(|to| i64::try_from(to).ok()) else {
                continue;
            };
            let from = limit.map(|limit| limit.to_string());
            self.set(bot, field, value(to), from, limit.is_some_and(|is| need > is));
        }
    }

    /// The limit to propose: the need with headroom, rounded up to two digits.
    /// None where the present one is to stay: headroom never widens it.
    fn limit(&self, need: Decimal, limit: Option<Decimal>) -> Option<Decimal> {
        let factor = Decimal::from(self.headroom).checked_add(Decimal::ONE_HUNDRED)?;
        let wanted = need.checked_mul(factor)?.checked_div(Decimal::ONE_HUNDRED)?;
        let wanted = round_up(wanted).max(Decimal::ONE);
        match limit {
            Some(limit) if need <= limit && wanted >= limit => None,
            _ => Some(wanted),
        }
    }

    fn habits(&mut self, bot: &BotPolicy, needs: &Needs) {
        let takes_any = bot.market_orders.unwrap_or(bot.preset != Preset::MarketMaker);
        if takes_any != needs.any_price {
            let from = bot.market_orders.map(|allowed| allowed.to_string());
            self.set(bot, "market_orders", value(needs.any_price), from, needs.any_price);
        }
        if bot.hours.is_none()
            && needs.days.len() >= DAYS
            && let Some((from, until)) = busy(&needs.hours)
        {
            let span = format!("{from:02}:00-{until:02}:00");
            self.set(bot, "hours", value(span), None, false);
        }
    }

    fn destinations(&mut self, bot: &BotPolicy, needs: &Needs) {
        let mut lowered = Vec::new();
        let mut unused = Vec::new();
        for (number, to) in bot.withdraw.iter().enumerate() {
            match needs.places.get(&place(to)) {
                None => unused.push((number, to)),
                Some((request, day)) => {
                    for (field, limit, need) in [
                        ("max_per_request", to.max_per_request, request),
                        ("max_per_day", to.max_per_day, day),
                    ] {
                        if let Some(new) = self.limit(*need, Some(limit)) {
                            lowered.push((number, to, field, limit, new, *need > limit));
                        }
                    }
                }
            }
        }
        for (number, to, field, from, new, widens) in lowered {
            let Some(list) = list(&mut self.document, &bot.name) else { return };
            let Some(table) = entry(list, number) else { return };
            table.insert(field, value(new.to_string()));
            self.changes.push(Change {
                bot: bot.name.clone(),
                field: format!("withdraw.{field} ({} to {})", to.asset, to.address),
                from: Some(from.normalize().to_string()),
                to: new.to_string(),
                widens,
            });
        }
        // From the end, so that the numbers of the others stay.
        for (number, to) in unused.into_iter().rev() {
            let Some(list) = list(&mut self.document, &bot.name) else { return };
            if let Some(tables) = list.as_array_of_tables_mut() {
                tables.remove(number);
            } else if let Some(array) = list.as_array_mut() {
                array.remove(number);
            }
            self.changes.push(Change {
                bot: bot.name.clone(),
                field: format!("withdraw ({} to {})", to.asset, to.address),
                from: Some("listed".to_owned()),
                to: "removed: never used".to_owned(),
                widens: false,
            });
        }
    }

    fn set(
        &mut self,
        bot: &BotPolicy,
        field: &str,
        mut to: Item,
        from: Option<String>,
        widens: bool,
    ) {
        let table = self
            .document
            .get_mut("bot")
            .and_then(Item::as_table_like_mut)
            .and_then(|bots| bots.get_mut(&bot.name))
            .and_then(Item::as_table_like_mut);
        let Some(table) = table else { return };
        let text = to.to_string().trim().to_owned();
        if let Some(value) = to.as_value_mut() {
            // What was said beside the value before stays said.
            if let Some(old) = table.get(field).and_then(Item::as_value) {
                *value.decor_mut() = old.decor().clone();
            } else {
                value.decor_mut().set_prefix(" ");
            }
            if widens {
                value.decor_mut().set_suffix(WIDENED);
            }
        }
        // In place, so that the field's own comments stay where they are.
        match table.get_mut(field) {
            Some(item) => *item = to,
            None => {
                table.insert(field, to);
            }
        }
        let (bot, field) = (bot.name.clone(), field.to_owned());
        self.changes.push(Change { bot, field, from, to: text, widens });
    }
}

fn place(to: &Destination) -> Place {
    (to.asset.clone(), to.network.clone(), to.address.clone(), to.memo.clone())
}

fn list<'a>(document: &'a mut DocumentMut, bot: &str) -> Option<&'a mut Item> {
    let bots = document.get_mut("bot")?.as_table_like_mut()?;
    bots.get_mut(bot)?.as_table_like_mut()?.get_mut("withdraw")
}

fn entry(list: &mut Item, number: usize) -> Option<&mut dyn TableLike> {
    if list.is_array_of_tables() {
        let tables = list.as_array_of_tables_mut()?;
        return tables.get_mut(number).map(|table| table as &mut dyn TableLike);
    }
    let inline = list.as_array_mut()?.get_mut(number)?.as_inline_table_mut()?;
    Some(inline as &mut dyn TableLike)
}

/// Up to the next whole number of two leading digits.
fn round_up(number: Decimal) -> Decimal {
    let whole = number.ceil().normalize();
    let mut step = Decimal::ONE;
    while whole.checked_div(step).is_some_and(|digits| digits >= Decimal::ONE_HUNDRED) {
        let Some(larger) = step.checked_mul(Decimal::TEN) else { return whole };
        step = larger;
    }
    let steps = whole.checked_div(step).map(|steps| steps.ceil());
    steps.and_then(|steps| steps.checked_mul(step)).unwrap_or(whole).normalize()
}

/// The span of the day outside its longest quiet time; none where that is
/// short.
fn busy(hours: &[bool; 24]) -> Option<(usize, usize)> {
    let is_busy = |hour: usize| hours.get(hour % 24).copied().unwrap_or(false);
    let quiet_from = |start: usize| (0..24).take_while(|ahead| !is_busy(start + ahead)).count();
    let start = (0..24).max_by_key(|start| quiet_from(*start))?;
    let length = quiet_from(start);
    ((QUIET_HOURS..24).contains(&length))
        .then(|| ((start + length) % 24, if start == 0 { 24 } else { start }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"# ours
[bot.mm]
account = "main"
preset = "taker"
markets = ["BTCUSDT", "ETHUSDT"] # two
max_order_notional = "100000"
max_orders_per_second = 5
cancel = "account"

[bot.out]
account = "main"
preset = "treasury"
withdraw = [
  { asset = "USDT", network = "ETH", address = "0xa", max_per_request = "1000", max_per_day = "5000" },
  { asset = "USDT", network = "ETH", address = "0xb", max_per_request = "1000", max_per_day = "5000" },
]
"#;

    fn bots() -> Vec<BotPolicy> {
        let file: toml::Table = toml::from_str(CONFIG).unwrap();
        judge::policy::config::named(file["bot"].clone().try_into().unwrap())
    }

    fn learned(entries: &[Value]) -> Proposal {
        let mut proposal = Proposal::new(CONFIG, 25).unwrap();
        for bot in bots() {
            let mut needs = Needs::default();
            entries.iter().filter(|one| one["bot"] == bot.name).for_each(|one| needs.learn(one));
            proposal.bot(&bot, &needs);
        }
        proposal
    }

    fn order(micro: u64, second: u64, market: &str) -> Value {
        json!({"bot": "mm", "outcome": "allow", "class": "place", "now_ns": 1,
            "intent": {"orders": [{"symbol": market}]},
            "inputs": {"order_micro_usd": micro, "hour_micro_usd": micro, "day_micro_usd": micro,
                "orders_this_second": second, "orders_this_minute": 9, "open_orders": 2,
                "any_price": false, "own_order": true, "minute_of_day": 60}})
    }

    #[test]
    fn what_was_not_used_is_taken_away() {
        let proposal = learned(&[order(8_123_000_000, 2, "BTCUSDT")]);
        let diff = proposal.diff("countersign.toml");
        assert!(diff.contains("+markets = [\"BTCUSDT\"] # two"), "{diff}");
        assert!(diff.contains("+max_order_notional = \"11000\""), "{diff}");
        assert!(diff.contains("+max_orders_per_second = 3"), "{diff}");
        assert!(diff.contains("+market_orders = false"), "{diff}");
        assert!(diff.contains("+cancel = \"own\""), "{diff}");
        assert!(!diff.contains("WIDENED") && proposal.changes.iter().all(|one| !one.widens));
        assert!(proposal.changes.iter().all(|one| one.bot == "mm"), "{diff}");
        // It is a configuration still.
        let after: toml::Table = toml::from_str(&proposal.document.to_string()).unwrap();
        assert_eq!(after["bot"]["mm"]["max_open_orders"].as_integer(), Some(3));
    }

    #[test]
    fn headroom_widens_nothing_and_need_is_marked() {
        let near = learned(&[order(90_000_000_000, 5, "BTCUSDT")]);
        let of = |proposal: &Proposal, field: &str| {
            proposal.changes.iter().find(|one| one.field == field).cloned()
        };
        assert_eq!(of(&near, "max_order_notional"), None);
        assert_eq!(of(&near, "max_orders_per_second"), None);
        let over = learned(&[order(200_000_000_000, 6, "SOLUSDT")]);
        for field in ["max_order_notional", "max_orders_per_second", "markets"] {
            assert!(of(&over, field).unwrap().widens, "{field}");
        }
        let diff = over.diff("c");
        assert_eq!(diff.matches("WIDENED").count(), 3, "{diff}");
    }

    #[test]
    fn destinations_that_were_not_used_go() {
        let out = json!({"bot": "out", "outcome": "allow", "class": "withdraw",
            "intent": {"asset": "USDT", "network": "ETH", "address": "0xb"},
            "inputs": {"amount_millionths": 100_000_000, "day_millionths": 300_000_000}});
        let diff = learned(&[out]).diff("c");
        assert!(diff.contains("-  { asset = \"USDT\", network = \"ETH\", address = \"0xa\""));
        assert!(diff.contains("max_per_request = \"130\""), "{diff}");
        assert!(diff.contains("max_per_day = \"380\""), "{diff}");
    }

    #[test]
    fn refused_traffic_teaches_nothing() {
        let mut refused = order(1, 1, "DOGEUSDT");
        refused["outcome"] = "deny".into();
        let proposal = learned(&[refused]);
        assert!(proposal.changes.is_empty() && proposal.diff("c").is_empty());
    }

    #[test]
    fn two_digits_are_enough() {
        for (from, to) in [("0.2", 1), ("99", 99), ("101", 110), ("10153.75", 11_000)] {
            assert_eq!(round_up(Decimal::from_str_exact(from).unwrap()), Decimal::from(to));
        }
    }

    #[test]
    fn a_day_with_a_quiet_night_has_hours() {
        let mut hours = [false; 24];
        hours[8..18].fill(true);
        assert_eq!(busy(&hours), Some((8, 18)));
        let mut night = [false; 24];
        night[20..].fill(true);
        night[..6].fill(true);
        assert_eq!(busy(&night), Some((20, 6)));
        assert_eq!(busy(&[true; 24]), None);
        assert_eq!(busy(&[false; 24]), None);
    }
}
