//! Ordinary days, against false alarms: the same judge with the same
//! configuration as the drills, and nobody who means harm.
//!
//! Two weeks of market makers, takers and a treasury: deployments with new
//! addresses and libraries, weekends, a market that is listed, a crash of ten
//! percent with twenty times the orders, and a venue that does not answer for
//! two hours. The same seed gives the same days.

use judge::Response;
use judge::policy::config::BotPolicy;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};
use sim::ledger::Ledger;

use super::firm::{
    CLIENT, Firm, Moment, ORDER, Outcomes, Setup, WITHDRAW, order_text, withdrawal_text,
};
use super::record::Role;
use super::replay::{fair, of_account};
use crate::failure::Failure;

/// What ordinary days came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ordinary {
    pub(crate) bot_days: u64,
    pub(crate) requests: u64,
    pub(crate) treasury_usd_moved: u64,
    pub(crate) false_halts: u64,
    pub(crate) false_holds: u64,
    /// Holds that policy asks for: a test, and then the full amount.
    pub(crate) asked_holds: u64,
    pub(crate) false_denials: u64,
    /// Why, for a person: reason and how often.
    pub(crate) why: std::collections::BTreeMap<String, u64>,
}

impl Ordinary {
    /// As `--json` has it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "bot_days": self.bot_days,
            "requests": self.requests,
            "treasury_usd_moved": self.treasury_usd_moved,
            "false_halts": self.false_halts,
            "false_holds": self.false_holds,
            "false_denials": self.false_denials,
        })
    }
}

const DAYS: u64 = 14;
const MAKERS: usize = 6;
const TAKERS: usize = 3;
const MINUTE_MS: u64 = 60_000;
/// A Monday, 2024-01-01T00:00:00Z.
const START_MS: u64 = 1_704_067_200_000;
const ACCOUNT: &str = "ordinary";
/// Minutes between a hold and a person's approval.
const APPROVED_AFTER: u64 = 20;

/// What happens on which day, from 0.
const DEPLOYMENTS: [u64; 2] = [3, 8];
const LISTING: u64 = 6;
const CRASH: u64 = 9;
const OUTAGE: u64 = 10;

struct Days<'s> {
    setup: &'s Setup,
    firm: Firm,
    ledger: Ledger,
    random: StdRng,
    /// Prices by market, and what they were each of the last minutes.
    markets: Vec<(String, Decimal, Vec<Decimal>)>,
    makers: Vec<BotPolicy>,
    takers: Vec<BotPolicy>,
    treasury: Option<BotPolicy>,
    told: Ordinary,
    ids: u64,
    /// Orders by bot.
    counts: std::collections::BTreeMap<String, usize>,
    /// What waits for an approval: when it comes, address, amount.
    waiting: Option<(u64, String, Decimal)>,
}

/// Runs the days.
///
/// # Errors
/// The configuration cannot be set up.
pub(crate) fn run(setup: &Setup, seed: u64) -> Result<Ordinary, Failure> {
    let copies = |role: Role, count: usize| -> Vec<BotPolicy> {
        let Some(bot) = setup.bot(role) else { return Vec::new() };
        (0..count)
            .map(|number| BotPolicy {
                name: format!("{}-{number}", bot.name),
                account: ACCOUNT.to_owned(),
                ..bot.clone()
            })
            .collect()
    };
    let (makers, takers) = (copies(Role::Maker, MAKERS), copies(Role::Taker, TAKERS));
    let treasury = copies(Role::Treasury, 1).pop();
    let all: Vec<BotPolicy> =
        makers.iter().chain(&takers).chain(treasury.as_ref()).cloned().collect();
    let bots = of_account(&all, ACCOUNT, ACCOUNT);
    let detection = setup.config.detection.clone();
    let firm = Firm::new(ACCOUNT, &bots, detection, |market| Some(fair(market)), START_MS)?;
    let mut ledger = Ledger::default();
    ledger.deposit(ACCOUNT, "USDT", Decimal::from(1_000_000_000));
    let markets = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
    let markets = markets.map(|market| (market.to_owned(), fair(market), vec![fair(market)]));
    let mut days = Days {
        setup,
        firm,
        ledger,
        random: StdRng::seed_from_u64(seed),
        markets: markets.into(),
        makers,
        takers,
        treasury,
        told: Ordinary { bot_days: bots.len() as u64 * DAYS, ..Ordinary::default() },
        ids: 0,
        counts: std::collections::BTreeMap::new(),
        waiting: None,
    };
    for minute in 0..DAYS * 24 * 60 {
        days.minute(minute);
    }
    days.told.false_halts = days.firm.halts() as u64;
    Ok(days.told)
}

impl Days<'_> {
    fn minute(&mut self, minute: u64) {
        let (day, of_day) = (minute / 1_440, minute % 1_440);
        let crash = day == CRASH && (600..620).contains(&of_day);
        self.prices(crash);
        let weekend = day % 7 >= 5;
        let now = START_MS + minute * MINUTE_MS;
        // A weekend is slower, a crash has twenty times the orders.
        let orders = match (crash, weekend) {
            (true, _) => 20,
            (false, true) => u64::from(minute.is_multiple_of(2)),
            (false, false) => 1,
        };
        if !weekend {
            self.treasury(day, of_day, now);
        }
        if minute.is_multiple_of(5) {
            let takers = std::mem::take(&mut self.takers);
            for bot in &takers {
                self.order(bot, minute, now, -1);
            }
            self.takers = takers;
        }
        let makers = std::mem::take(&mut self.makers);
        for order in 0..orders {
            for bot in &makers {
                self.order(bot, minute, now + order * 1_000, 2);
            }
        }
        let burst = DEPLOYMENTS.contains(&day) && of_day == 540;
        if burst {
            // Everybody starts anew, and places all its quotes at once.
            for order in 0..20 {
                for bot in &makers {
                    self.order(bot, minute, now + 30_000 + order * 50, 2);
                }
            }
        }
        self.makers = makers;
    }

    /// A minute of a random walk; in a crash half a percent down.
    fn prices(&mut self, crash: bool) {
        for (market, price, before) in &mut self.markets {
            let step = self.random.random_range(-3_i64..=3) - if crash { 50 } else { 0 };
            let factor = Decimal::from_i128_with_scale(i128::from(10_000 + step), 4);
            *price = (*price * factor).round_dp(4);
            self.ledger.set_price(market, *price);
            before.push(*price);
            if before.len() > 10 {
                before.remove(0);
            }
        }
    }

    /// An order of a bot's, `edge` bps better (makers) or worse than fair.
    fn order(&mut self, bot: &BotPolicy, minute: u64, now_ms: u64, edge: i64) {
        self.ids += 1;
        let listed = minute / 1_440 >= LISTING;
        let tradable: Vec<usize> = (0..self.markets.len())
            .filter(|at| {
                let Some((market, ..)) = self.markets.get(*at) else { return false };
                let allowed = bot.markets.iter().any(|one| one == "*" || one == market);
                allowed && (listed || market != "SOLUSDT")
            })
            .collect();
        let count = self.counts.entry(bot.name.clone()).or_default();
        *count += 1;
        let count = *count;
        let turn = count.checked_rem(tradable.len()).unwrap_or(0);
        let Some(at) = tradable.get(turn) else { return };
        let Some((market, price, before)) = self.markets.get(*at) else { return };
        let (market, price, slow) = (market.clone(), *price, before.first().copied());
        // To and fro, so that nobody holds much.
        let buys = (count / tradable.len()).is_multiple_of(2);
        let away = if buys { 10_000 - edge } else { 10_000 + edge };
        let limit = price * Decimal::from_i128_with_scale(i128::from(away), 4);
        let most = bot.max_order_notional.unwrap_or(Decimal::from(5_000));
        let worth = most.min(Decimal::from(5_000)) / Decimal::from(2);
        let quantity = (worth / price).round_dp(5);
        let side = if buys { "BUY" } else { "SELL" };
        let text = order_text(&market, side, quantity, limit.round_dp(4), self.ids);
        let at = Moment {
            price: Some(price),
            slow,
            outage: minute / 1_440 == OUTAGE && (720..840).contains(&(minute % 1_440)),
            ..self.moment(bot, minute, now_ms)
        };
        self.ask(bot, ORDER, &text, &at);
    }

    fn moment(&self, bot: &BotPolicy, minute: u64, now_ms: u64) -> Moment {
        let day = minute / 1_440;
        // Every deployment brings another host and another library.
        let deployed =
            DEPLOYMENTS.iter().filter(|one| day > **one || minute >= **one * 1_440 + 540);
        let version = deployed.count();
        let original = bot.name.rsplit_once('-').map_or(bot.name.as_str(), |(name, _)| name);
        let peer = self.setup.own_address(original).map(|at| match at {
            std::net::IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                let next = d.wrapping_add(u8::try_from(version).unwrap_or(0));
                std::net::IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, next))
            }
            v6 => v6,
        });
        Moment {
            now_ms,
            peer,
            client: format!("{CLIENT}.{version}"),
            price: None,
            slow: None,
            approved: false,
            elsewhere: 0,
            outage: false,
        }
    }

    /// Six millions a day to the firm's own wallet; every third day a new
    /// address, with a small test first.
    fn treasury(&mut self, day: u64, of_day: u64, now_ms: u64) {
        let Some(bot) = self.treasury.clone() else { return };
        let (known, new): (Vec<_>, Vec<_>) = bot.withdraw.iter().partition(|to| to.known);
        let hourly = of_day.is_multiple_of(60) && (540..900).contains(&of_day);
        if let Some(own) = known.first().filter(|_| hourly) {
            let amount = own.max_per_request.min(Decimal::from(1_000_000));
            self.send(&bot, &own.address, amount, false, (day, of_day, now_ms));
        }
        let next = new.get((day / 3) as usize).filter(|_| day % 3 == 1);
        if let Some(to) = next {
            if of_day == 630 {
                self.send(&bot, &to.address, Decimal::from(50), false, (day, of_day, now_ms));
            } else if of_day == 750 {
                let full = Decimal::from(200_000);
                self.send(&bot, &to.address, full, false, (day, of_day, now_ms));
            }
        }
        if let Some((at, address, amount)) = self.waiting.clone()
            && now_ms >= at
        {
            self.waiting = None;
            self.send(&bot, &address, amount, true, (day, of_day, now_ms));
        }
    }

    fn send(
        &mut self,
        bot: &BotPolicy,
        address: &str,
        amount: Decimal,
        approved: bool,
        (day, of_day, now_ms): (u64, u64, u64),
    ) {
        self.ids += 1;
        let text = withdrawal_text(("USDT", "ETH", address), amount, self.ids);
        let at = Moment { approved, ..self.moment(bot, day * 1_440 + of_day, now_ms) };
        match self.ask(bot, WITHDRAW, &text, &at) {
            Outcomes::Done => self.told.treasury_usd_moved += amount.to_u64().unwrap_or(0),
            Outcomes::Held(_) => {
                let when = now_ms + APPROVED_AFTER * MINUTE_MS;
                self.waiting = Some((when, address.to_owned(), amount));
            }
            Outcomes::Stopped(_) => {}
        }
    }

    fn ask(&mut self, bot: &BotPolicy, path: &str, text: &str, at: &Moment) -> Outcomes {
        self.told.requests += 1;
        let (outcome, alarm) = self.firm.request(&bot.name, path, text, at, &mut self.ledger);
        let said: Vec<&str> = alarm.alerts.iter().map(|alert| alert.detector.name()).collect();
        let said = said.join(" + ");
        match &outcome {
            Outcomes::Done => {}
            // The venue does not answer: nobody's alarm.
            Outcomes::Stopped(why) if why == "outage" => {}
            // What follows from a halt that was counted.
            Outcomes::Stopped(why) if why == "halted" => {}
            Outcomes::Held(why) if why == "test_then_full" && alarm.alerts.len() == 1 => {
                self.told.asked_holds += 1;
            }
            Outcomes::Held(why) => {
                self.told.false_holds += 1;
                *self.told.why.entry(format!("held, {why} ({said})")).or_default() += 1;
            }
            Outcomes::Stopped(why) => {
                if alarm.response < Response::Suspend {
                    self.told.false_denials += 1;
                }
                *self.told.why.entry(format!("denied, {why} ({said})")).or_default() += 1;
            }
        }
        outcome
    }
}
