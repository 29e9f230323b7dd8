//! What the gateway says of every bot, against the venues' books and the log.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::Value;

use crate::ledger::{Fate, Log, micro_usd};
use crate::scene::{FUNDS, Market, Member};
use crate::stack::client::now_ms;
use crate::stack::{Stack, Unseal};

/// How long WOO X might still take a text, and the gateway waits before it
/// believes that an order which the venue does not know never came, ms: the
/// receive window, clocks apart and a margin (4 s), and the venue's minute.
const MAY_COME_MS: u64 = 64_000;
/// How often the gateway asks, and how long that may take, ms.
const ASKS_MS: u64 = 15_000;

/// An order in a venue's books.
#[derive(Debug)]
struct Booked {
    market: Market,
    id: u64,
    client_id: String,
    buys: bool,
    open: bool,
    executed: Decimal,
    quote: Decimal,
}

/// What is expected of one bot, micro-USD and orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    filled_hour: u64,
    filled_day: u64,
    held: u64,
    open: u64,
}

fn is_open(status: &str) -> bool {
    matches!(status, "NEW" | "PARTIALLY_FILLED" | "PARTIAL_FILLED" | "PENDING_NEW")
}

fn booked(stack: &Stack) -> Vec<Booked> {
    let mut all = Vec::new();
    for market in [Market::Spot, Market::UsdM] {
        let orders = match market {
            Market::Spot => stack.venue.orders(market.place()),
            _ => stack.venue.futures_orders(market.place()),
        };
        all.extend(orders.into_iter().map(|order| Booked {
            market,
            id: order.id,
            client_id: order.client_id,
            buys: order.side == "BUY",
            open: is_open(order.status),
            executed: order.executed,
            quote: order.executed_quote,
        }));
    }
    let woox = stack.woox.as_ref().expect("a paper WOO X");
    for market in [Market::WooSpot, Market::WooPerp] {
        all.extend(woox.orders(market.place()).into_iter().map(|order| Booked {
            market,
            id: order.id,
            client_id: order.client_id.to_string(),
            buys: order.side == "BUY",
            open: is_open(order.status),
            executed: order.executed,
            quote: order.executed_quote,
        }));
    }
    all
}

/// What the venue tells of an order's quote quantity. WOO X tells an average
/// price, as a binary number.
fn told_quote(order: &Booked) -> Decimal {
    if !order.market.is_woox() || order.executed.is_zero() {
        return order.quote;
    }
    let average = order.quote / order.executed;
    let told = match average.normalize().scale() {
        0 => average,
        _ => {
            let number = average.to_f64().expect("a price").to_string();
            Decimal::from_str_exact(&number).expect("a price")
        }
    };
    order.executed * told
}

/// What differs; nothing where all agree. With `patient`, nothing may be left
/// unknown; without, what the venue does not have may be for as long as the
/// gateway waits for it: an order at WOO X, a withdrawal.
pub fn compare(stack: &Stack, log: &Log, members: &[Member], patient: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let before = now_ms();
    let (code, status, said) = stack.run(&["status"], Unseal::No, "");
    if code != 0 {
        return vec![format!("no status: {said}")];
    }
    if before / 60_000 != now_ms() / 60_000 {
        return vec!["a minute ended, and with it perhaps a window".to_owned()];
    }
    let books = booked(stack);
    let mut expected: BTreeMap<&str, Usage> = BTreeMap::new();
    // Open orders of each group, by its bot.
    let mut open: HashMap<&crate::ledger::Key, u64> = HashMap::new();
    let mut in_books: HashMap<(&str, u64), u64> = HashMap::new();
    for order in &books {
        let account = order.market.account();
        let leg = log.of_venue(account, order.market.name(), order.id);
        let Some(leg) = leg else {
            wrong.push(format!("the log does not know {order:?}"));
            continue;
        };
        *in_books.entry((account, order.id)).or_default() += 1;
        let (executed, quote) = leg.executed();
        // Where only its trades were told, their sum is exact.
        let told = if quote == order.quote { order.quote } else { told_quote(order) };
        if (executed, quote) != (order.executed, told) {
            wrong.push(format!("the log says {executed} for {quote} of {order:?}"));
        }
        let group = &log.groups[&leg.group];
        let usage = expected.entry(&group.bot).or_default();
        usage.filled_day += micro_usd(told);
        if order.open {
            *open.entry(&leg.group).or_default() += 1;
            if group.fate != Fate::Taken {
                wrong.push(format!("not known to be taken: {order:?} {group:?}"));
            }
        }
    }
    let mut unknown: BTreeMap<&str, u64> = BTreeMap::new();
    for (key, group) in &log.groups {
        let usage = expected.entry(&group.bot).or_default();
        let counted: u64 = group.legs.iter().map(|leg| log.legs[*leg].counted).sum();
        let live = open.get(key).copied().unwrap_or(0);
        let legs = group.legs.iter().map(|leg| &log.legs[*leg]);
        match group.fate {
            Fate::Taken if live > 0 => {
                usage.held += group.worth.saturating_sub(counted);
                usage.open += live;
            }
            Fate::Taken => {}
            Fate::Nothing => {
                for leg in legs.filter(|leg| {
                    leg.order_id.is_some_and(|id| in_books.contains_key(&(&*key.0, id)))
                }) {
                    wrong.push(format!("nothing came of it, and it is there: {leg:?} {group:?}"));
                }
            }
            Fate::Unknown => {
                let age_ms = before.saturating_sub(group.at_ns / 1_000_000);
                let may_come = key.0.starts_with("woo") && age_ms < MAY_COME_MS + ASKS_MS;
                if patient || !may_come {
                    wrong.push(format!("after {age_ms} ms nobody knows what came of {group:?}"));
                }
                for leg in legs {
                    if books.iter().any(|order| order.client_id == leg.client_id) {
                        wrong.push(format!("it is there, and nobody knows: {leg:?}"));
                    }
                }
                usage.held += group.added;
                usage.open += group.legs.len() as u64;
                *unknown.entry(&key.0).or_default() += group.legs.len() as u64;
            }
        }
    }
    let minute = before / 60_000;
    for (bot, fills) in &log.fills {
        // What was filled counts for an hour, and for the rest of its minute.
        let lately = fills.iter().filter(|(at, _)| minute - at <= 60);
        expected.entry(bot).or_default().filled_hour = lately.map(|(_, more)| more).sum();
        let all: u64 = fills.iter().map(|(_, more)| more).sum();
        let day = expected[&**bot].filled_day;
        if all != day {
            wrong.push(format!("{bot}: the log tells of {all} micro-USD, the books of {day}"));
        }
    }
    for member in members {
        let name = member.bot.name.as_str();
        let said = usage_of(&status["accounts"][member.market.account()]["usage"][name]);
        let expected = expected.get(name).copied().unwrap_or_default();
        if said != Some(expected) {
            wrong.push(format!("{name}: the gateway says {said:?}, books and log {expected:?}"));
        }
    }
    for market in Market::ALL {
        let said = &status["accounts"][market.account()];
        let unknown = unknown.get(market.account()).copied().unwrap_or(0);
        if said["unsettled"] != unknown || said["untold_fills"] != 0 {
            wrong.push(format!("{}: {unknown} are unknown: {said}", market.account()));
        }
        let of_account = log.withdrawals.iter().filter(|(key, _)| *key.0 == *market.account());
        let unknown = of_account.filter(|(_, one)| one.fate == Fate::Unknown);
        let (unknown, ages): (u64, u64) = unknown.fold((0, 0), |(count, oldest), (_, one)| {
            (count + 1, oldest.max(before.saturating_sub(one.at_ns / 1_000_000)))
        });
        if said["unknown_withdrawals"] != unknown
            || (patient && unknown > 0)
            || ages > MAY_COME_MS + ASKS_MS
        {
            wrong.push(format!("{}: {unknown} withdrawals are unknown: {said}", market.account()));
        }
    }
    wrong.extend(holdings(stack, log, &books));
    wrong
}

/// What `status` says of a bot.
fn usage_of(said: &Value) -> Option<Usage> {
    let micro = |name: &str| {
        let dollars = Decimal::from_str_exact(said[name].as_str()?).ok()?;
        (dollars * Decimal::from(1_000_000)).to_u64()
    };
    Some(Usage {
        filled_hour: micro("filled_usd_hour")?,
        filled_day: micro("filled_usd_day")?,
        held: micro("held_usd")?,
        open: said["open_orders"].as_u64()?,
    })
}

/// Balances and positions, from what the log says was executed and withdrawn.
fn holdings(stack: &Stack, log: &Log, books: &[Booked]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, market: Market, has: Decimal, should: Decimal| {
        if has != should {
            let account = market.account();
            wrong.push(format!("{account} has {has} {what}, by the log {should}"));
        }
    };
    let woox = stack.woox.as_ref().expect("a paper WOO X");
    for market in Market::ALL {
        let (mut base, mut quote) = (Decimal::ZERO, Decimal::ZERO);
        for order in books.iter().filter(|order| order.market == market) {
            let leg = log.of_venue(market.account(), market.name(), order.id);
            let (executed, told) = leg.map(|leg| leg.executed()).unwrap_or_default();
            let sign = if order.buys { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
            base += sign * executed;
            // No market has finer amounts: what is beyond them is the binary
            // number in which WOO X tells its average.
            quote -= sign * told.round_dp(8);
        }
        let funds = |asset: &str| {
            let (_, amount) = FUNDS.iter().find(|(name, _)| *name == asset).expect("an asset");
            Decimal::from(*amount)
        };
        match market {
            Market::Spot => {
                let has = |asset: &str| -> Decimal {
                    let balances = stack.venue.balances(market.place());
                    balances.iter().filter(|b| b.asset == asset).map(|b| b.free + b.locked).sum()
                };
                let left = log.withdrawals.values().filter(|one| one.fate == Fate::Taken);
                let left: u64 = left.map(|one| one.amount_millionths).sum();
                let left = Decimal::from_i128_with_scale(i128::from(left), 6);
                compare("BTC", market, has("BTC"), funds("BTC") + base);
                compare("USDT", market, has("USDT"), funds("USDT") + quote - left);
                let withdrawn = stack.venue.withdrawals(market.place());
                let withdrawn = withdrawn.iter().map(|(_, _, amount)| amount).sum();
                compare("USDT withdrawn", market, withdrawn, left);
            }
            Market::WooSpot => {
                let has = |token: &str| woox.holding(market.place(), token);
                compare("BTC", market, has("BTC"), funds("BTC") + base);
                compare("USDT", market, has("USDT"), funds("USDT") + quote);
            }
            Market::UsdM => {
                let positions = stack.venue.positions(market.place());
                let has = positions.iter().map(|position| position.amount).sum();
                compare("BTC in futures", market, has, base);
            }
            Market::WooPerp => {
                let positions = woox.positions(market.place());
                let has = positions.iter().map(|position| position.holding).sum();
                compare("BTC in perpetuals", market, has, base);
            }
        }
    }
    wrong
}
