//! Clock, prices, a full log, what is told in sum, signals.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use wire::model::{Product, Venue};

use super::House;
use super::asking::{Asking, asking};
use crate::clock::{host_nanos, offset_of};
use crate::control::Told;
use crate::entry;
use crate::limits;
use crate::record::Purpose;
use crate::upstream::{Answer, Host, Outgoing};
use crate::venue::woox;

/// The weight in one minute above which the house asks less: bots need the
/// rest. The venue allows 6000.
const MUCH_WEIGHT: u32 = 4_000;
/// How long the house is quiet after a 429 or 418 that does not say.
const QUIET: Duration = Duration::from_secs(60);
/// The longest that it is quiet.
const QUIET_MOST: Duration = Duration::from_secs(3_600);

/// How soon the venue is asked again after a failure.
const AGAIN: Duration = Duration::from_secs(2);
/// How often it is tried whether a log that could not grow can.
const ROOM_EVERY: Duration = Duration::from_secs(1);

/// What the venue says of the request budget that bots and house share.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    used: Cell<u32>,
    quiet_until: Cell<Option<Instant>>,
}

impl Budget {
    /// Takes note of an answer.
    pub(crate) fn heard(&self, answer: &Answer) {
        let number = |name: &str| -> Option<u64> { answer.header(name)?.trim().parse().ok() };
        if let Some(used) = number("x-mbx-used-weight-1m") {
            self.used.set(u32::try_from(used).unwrap_or(u32::MAX));
        }
        if matches!(answer.status, 418 | 429) {
            let pause = number("retry-after").map_or(QUIET, Duration::from_secs).min(QUIET_MOST);
            tracing::warn!(seconds = pause.as_secs(), "the venue asks for quiet");
            self.quiet_until.set(Some(Instant::now() + pause));
        }
    }

    /// Whether the house may ask at all.
    pub(crate) fn may_ask(&self) -> bool {
        self.quiet_until.get().is_none_or(|until| Instant::now() >= until)
    }

    /// Whether there is plenty: what is not urgent may be asked often.
    pub(crate) fn is_plenty(&self) -> bool {
        self.may_ask() && self.used.get() < MUCH_WEIGHT
    }
}

impl House {
    /// Asks for public data.
    pub(super) async fn public(&self, host: Host, target: String) -> Result<Answer, String> {
        let request = Outgoing::public(host, target);
        if !self.budget.may_ask() {
            return Err("the venue asked for quiet".to_owned());
        }
        let exchanged = self.pool.exchange(&request, || Ok(())).await;
        if let Ok(answer) = &exchanged {
            self.budget.heard(answer);
        }
        match exchanged {
            Ok(answer) if answer.is_success() => Ok(answer),
            Ok(answer) => Err(format!("the venue answers {}", answer.status)),
            Err(
                crate::upstream::SendError::NotSent(why) | crate::upstream::SendError::Unknown(why),
            ) => Err(why),
        }
    }

    /// Learns the venue's clock, for a process that lives for one job. The first
    /// answer, which waited for a connection, is thrown away.
    ///
    /// # Errors
    /// The venue does not tell, in one line.
    pub(crate) async fn learn_clock(&self) -> Result<(), String> {
        let _ = self.measure_clock().await;
        self.gateway.clock.set(self.measure_clock().await?);
        self.signer.tell_offset(&self.gateway);
        Ok(())
    }

    /// Measures the venue's clock once.
    async fn measure_clock(&self) -> Result<i64, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Time {
            server_time: u64,
        }
        let asked = host_nanos();
        // One clock serves all: venues keep theirs to the same time.
        if !self.has(Venue::Binance) && self.has(Venue::WooX) {
            let answer = self.public(Host::WooX, woox::market::TIME.to_owned()).await?;
            return Ok(offset_of(asked, host_nanos(), woox::market::time(&answer.body)?));
        }
        let answer = self.public(Host::Spot, "/api/v3/time".to_owned()).await?;
        let answered = host_nanos();
        let time: Time = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("the venue's time cannot be read: {error}"))?;
        Ok(offset_of(asked, answered, time.server_time))
    }
}

/// Keeps the venue's clock measured, and the signer told of it.
pub(crate) async fn clock(house: Rc<House>) {
    loop {
        // The first connection is being made while the first question waits,
        // so the first answer is thrown away.
        if !house.gateway.clock.is_measured() {
            let _ = house.measure_clock().await;
        }
        let pause = match house.measure_clock().await {
            Ok(offset_ms) => {
                house.gateway.clock.set(offset_ms);
                house.signer.tell_offset(&house.gateway);
                if offset_ms.abs() > wire::limits::CLOCK_OFFSET_MS {
                    house.gateway.note(format!(
                        "the clock is off by {offset_ms} ms: fix time synchronisation; orders \
                         are denied meanwhile"
                    ));
                }
                limits::CLOCK_EVERY
            }
            Err(error) => {
                tracing::warn!(error, "the venue's clock is not known");
                AGAIN
            }
        };
        // A jump of the host's clock shows at once, not at the next turn.
        let until = tokio::time::Instant::now() + pause;
        while tokio::time::Instant::now() < until {
            tokio::time::sleep(AGAIN.min(pause)).await;
            if house.gateway.clock.state() != judge::ClockState::Sane {
                break;
            }
        }
    }
}

/// Keeps reference prices fresh.
pub(crate) async fn prices(house: Rc<House>) {
    let mut turn = 0;
    loop {
        house.prices_woox(&mut turn).await;
        let markets = house.markets_at(Venue::Binance);
        for product in Product::ALL {
            let own = of_product(&markets, product);
            if let (false, Some(asking)) = (own.is_empty(), asking(product)) {
                house.prices(product, asking, &own).await;
            }
        }
        house.gateway.sample_slow_prices();
        tokio::time::sleep(limits::PRICES_EVERY).await;
    }
}

/// Those of these markets that are a product's.
pub(crate) fn of_product(markets: &BTreeSet<String>, product: Product) -> BTreeSet<String> {
    markets.iter().filter(|market| Product::of(market).0 == product).cloned().collect()
}

/// Futures markets asked for one by one; more of them, and all are asked for.
const MARKETS_ONE_BY_ONE: usize = 4;

/// Markets of WOO X asked for in one round, one by one: the venue takes ten
/// such questions a second, and bots ask too.
const WOOX_AT_ONCE: usize = 4;

impl House {
    /// The markets that bots trade at a venue.
    fn markets_at(&self, venue: Venue) -> BTreeSet<String> {
        let groups = self.gateway.accounts.values().filter(|group| group.venue == venue);
        groups.flat_map(|group| markets_of(group).into_iter().chain(sent_from(group))).collect()
    }

    /// Asks for the next of the prices at WOO X: each market by itself, in
    /// turn. For every market (`*`) there is no question.
    async fn prices_woox(&self, turn: &mut usize) {
        let wanted = self.gateway.prices.wanted(&self.markets_at(Venue::WooX));
        let known: Vec<&String> = wanted.iter().filter(|market| *market != "*").collect();
        for _ in 0..known.len().min(WOOX_AT_ONCE) {
            let Some(market) = known.get(*turn % known.len()) else { return };
            *turn = turn.wrapping_add(1);
            let asked = self.gateway.clock.now();
            let read = self.public(Host::WooX, woox::market::book_of(market)).await;
            match read.and_then(|answer| woox::market::best(&answer.body)) {
                Ok(Some(best)) => self.gateway.prices.set(market, best, asked),
                Ok(None) => {}
                Err(error) => tracing::warn!(market = market.as_str(), error, "no fresh price"),
            }
        }
    }

    /// Asks for the prices of a product's markets.
    async fn prices(&self, product: Product, asking: &Asking, markets: &BTreeSet<String>) {
        let all = asking.book_ticker;
        let targets: Vec<String> = if asking.lists_markets {
            let query = self.gateway.prices.query(markets);
            vec![query.map_or_else(|| all.to_owned(), |query| format!("{all}?{query}"))]
        } else if markets.len() <= MARKETS_ONE_BY_ONE {
            let symbols = markets.iter().map(|market| Product::of(market).1);
            symbols.map(|symbol| format!("{all}?symbol={symbol}")).collect()
        } else {
            vec![all.to_owned()]
        };
        for target in targets {
            // The price is as old as the question, not as the answer.
            let asked = self.gateway.clock.now();
            let taken = match self.public(asking.host, target).await {
                Ok(answer) => self.gateway.prices.take(&answer.body, product, asked),
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                tracing::warn!(product = product.name(), error, "no fresh prices");
            }
        }
    }
}

/// The markets that an account's bots trade; `*` is every one.
pub(crate) fn markets_of(group: &crate::gateway::AccountGroup) -> BTreeSet<String> {
    let judge = crate::shared::held(&group.judge);
    judge
        .policies()
        .bots()
        .filter(|bot| bot.account == group.name && bot.preset.trades())
        .flat_map(|bot| bot.markets.iter().cloned())
        .collect()
}

/// The markets that price what an account's bots withdraw: detectors count it
/// in dollars.
fn sent_from(group: &crate::gateway::AccountGroup) -> BTreeSet<String> {
    let judge = crate::shared::held(&group.judge);
    let ours = judge.policies().bots().filter(|bot| bot.account == group.name);
    ours.flat_map(|bot| &bot.withdraw)
        .filter(|to| !judge::DOLLARS.contains(&to.asset.as_str()))
        .map(|to| crate::prices::dollar_market(&to.asset, group.venue))
        .collect()
}

/// Tries, while the log cannot grow, whether it can again: nothing else may
/// come by that would notice.
pub(crate) async fn room(house: Rc<House>) {
    loop {
        tokio::time::sleep(ROOM_EVERY).await;
        let log = &house.gateway.log;
        if log.state() == judge::LogState::Ok {
            continue;
        }
        let failed = log.failures.load(Ordering::Relaxed);
        let entry = entry::plain("log-grows-again", host_nanos(), |json| {
            json.number("failures_since_start", failed);
        });
        match log.append(&entry, Purpose::Ordinary) {
            Ok(_) => tracing::warn!("the log grows again: orders are judged again"),
            // An attempt of ours is no entry that was lost.
            Err(_) => {
                log.failures.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

/// Tells the log of what ended before anybody was known to ask.
pub(crate) async fn refusals(house: Rc<House>) {
    loop {
        tokio::time::sleep(limits::REFUSALS_TOLD_EVERY).await;
        house.gateway.tell_failures();
        house.gateway.tell_refusals();
    }
}

/// Tells the log of denials that were counted and not written one by one.
pub(crate) async fn denials(house: Rc<House>) {
    loop {
        tokio::time::sleep(limits::DENIALS_TOLD_EVERY).await;
        house.gateway.tell_denials();
    }
}

/// Drains on SIGTERM; leaves SIGINT to the supervisor, which drains.
pub(crate) async fn signals(told: Sender<Told>) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => {
                let _ = told.send(Told::Drain(None));
            }
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Answer { status, lines: lines.into_bytes(), body: Vec::new() }
    }

    #[test]
    fn the_house_leaves_the_budget_to_bots() {
        let budget = Budget::default();
        assert!(budget.is_plenty());
        budget.heard(&answer(200, &[("x-mbx-used-weight-1m", "5000")]));
        assert!(budget.may_ask() && !budget.is_plenty());
        budget.heard(&answer(200, &[("x-mbx-used-weight-1m", "10")]));
        assert!(budget.is_plenty());
    }

    #[test]
    fn the_house_is_quiet_when_asked_to() {
        let budget = Budget::default();
        budget.heard(&answer(429, &[("retry-after", "0")]));
        assert!(budget.may_ask());
        budget.heard(&answer(418, &[]));
        assert!(!budget.may_ask() && !budget.is_plenty());
    }
}
