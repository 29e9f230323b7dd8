//! One incident, twice: against the venue's books alone, and with Countersign
//! in between. The loss is what the thief has at the end.

use judge::DetectConfig;
use judge::policy::config::{BotPolicy, Destination};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};
use sim::ledger::Ledger;

use super::firm::{
    CLIENT, Firm, Moment, ORDER, Outcomes, Setup, THIEF_ADDRESS, THIEF_WALLET, WITHDRAW,
    order_text, thief_wallet, withdrawal_text,
};
use super::record::{Action, ActualIs, Capability, Incident, Role, To};
use super::signature::FAN_OUT;
use crate::failure::Failure;

/// What one drill came to.
#[derive(Clone, Debug)]
pub(crate) struct Drilled {
    pub(crate) drill: String,
    pub(crate) title: String,
    pub(crate) capability: Capability,
    pub(crate) actual_loss_usd: u64,
    pub(crate) unguarded_loss_usd: u64,
    pub(crate) guarded_loss_usd: u64,
    /// What of it went to an address that nobody listed.
    pub(crate) unlisted_usd: u64,
    pub(crate) bound_usd: u64,
    pub(crate) bound_is: String,
    pub(crate) stopped_by: Option<String>,
    pub(crate) requests_to_stop: Option<u64>,
    pub(crate) seconds_to_stop: Option<u64>,
    pub(crate) actual_is: ActualIs,
    /// Ordinary requests that were refused while the incident went on.
    pub(crate) ordinary_denied: u64,
    /// The same with every detector off: what policy and ceiling do alone.
    pub(crate) loss_without_detectors_usd: u64,
    pub(crate) stopped_without_detectors: Option<String>,
}

impl Drilled {
    /// Whether the loss stayed within its bound, and nothing went where nobody
    /// listed it.
    pub(crate) const fn holds(&self) -> bool {
        self.guarded_loss_usd <= self.bound_usd && self.unlisted_usd == 0
    }

    /// As `--json` has it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "drill": self.drill,
            "capability": self.capability.name(),
            "actual_loss_usd": self.actual_loss_usd,
            "unguarded_loss_usd": self.unguarded_loss_usd,
            "guarded_loss_usd": self.guarded_loss_usd,
            "bound_usd": self.bound_usd,
            "stopped_by": self.stopped_by,
            "requests_to_stop": self.requests_to_stop,
            "seconds_to_stop": self.seconds_to_stop,
            "actual_is": self.actual_is.name(),
            "ordinary_denied": self.ordinary_denied,
            "loss_without_detectors_usd": self.loss_without_detectors_usd,
            "stopped_without_detectors": self.stopped_without_detectors,
        })
    }
}

/// Days of ordinary trading before an incident.
const DAYS_BEFORE: u64 = 21;
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// What every account has.
const FUNDS_USD: u64 = 1_000_000_000;

/// Fair prices, dollars; any other market's is one.
pub(crate) fn fair(market: &str) -> Decimal {
    match market {
        "BTCUSDT" => Decimal::from(50_000),
        "ETHUSDT" => Decimal::from(3_000),
        "SOLUSDT" => Decimal::from(150),
        _ => Decimal::ONE,
    }
}

fn dollars(value: Decimal) -> u64 {
    value.round().to_u64().unwrap_or(0)
}

fn account_name(number: u32) -> String {
    format!("account-{number}")
}

/// Books with funds, the thief in place.
fn books(incident: &Incident, own_wallet: Option<&str>) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..incident.drill.accounts {
        ledger.deposit(&account_name(number), "USDT", Decimal::from(FUNDS_USD));
    }
    for number in 0..FAN_OUT {
        ledger.thief_has(&thief_wallet(number));
    }
    if let Some(own) = own_wallet {
        ledger.thief_has(own);
    }
    for market in ["BTCUSDT", "ETHUSDT", "SOLUSDT"] {
        ledger.set_price(market, fair(market));
    }
    ledger
}

/// Whether a drill buys in a market that the bot may not trade.
fn buys_elsewhere(incident: &Incident, bot: &BotPolicy) -> bool {
    markets_bought(incident)
        .iter()
        .any(|market| !bot.markets.iter().any(|one| one == "*" || one == market))
}

fn markets_bought(incident: &Incident) -> Vec<String> {
    let mut markets: Vec<String> = Vec::new();
    for event in &incident.drill.events {
        if let Action::Buy { market, .. } = &event.action
            && !markets.contains(market)
        {
            markets.push(market.clone());
        }
    }
    markets
}

/// Runs an incident, unguarded and guarded; where the market list alone stops
/// it, once more with a bot that may trade the market.
///
/// # Errors
/// The configuration has no such bot.
pub(crate) fn run(setup: &Setup, incident: &Incident) -> Result<Vec<Drilled>, Failure> {
    let mut drilled = vec![one(setup, incident, false)?];
    let elsewhere = setup.bot(incident.drill.role).is_some_and(|bot| buys_elsewhere(incident, bot));
    if incident.drill.capability == Capability::BotHost && elsewhere {
        drilled.push(one(setup, incident, true)?);
    }
    Ok(drilled)
}

fn one(setup: &Setup, incident: &Incident, market_listed: bool) -> Result<Drilled, Failure> {
    let drill = &incident.drill;
    let bot = setup.bot(drill.role).ok_or_else(|| {
        Failure::negative(format!("the configuration has no bot for drill `{}`", drill.name))
            .next("add one, or use --defaults")
    })?;
    let own = bot.withdraw.iter().find(|to| to.known).or_else(|| bot.withdraw.first());
    let unguarded = unguarded(incident, own);
    let guard = |detection: DetectConfig| -> Result<Guarded<'_>, Failure> {
        let mut guarded = Guarded::new(setup, incident, (bot, market_listed), own, detection)?;
        guarded.before()?;
        guarded.incident();
        Ok(guarded)
    };
    let guarded = guard(setup.config.detection.clone())?;
    let without = guard(DetectConfig::off())?;
    let (bound_usd, bound_is) = bound(incident, bot);
    Ok(Drilled {
        drill: format!("{}{}", drill.name, if market_listed { "+market-listed" } else { "" }),
        title: incident.title.clone(),
        capability: drill.capability,
        actual_loss_usd: drill.actual_loss_usd,
        unguarded_loss_usd: unguarded,
        guarded_loss_usd: guarded.stolen(),
        unlisted_usd: dollars((0..FAN_OUT).map(|n| guarded.ledger.left_to(&thief_wallet(n))).sum()),
        bound_usd,
        bound_is,
        stopped_by: guarded.stop.as_ref().map(|stop| stop.by.clone()),
        requests_to_stop: guarded.stop.as_ref().map(|stop| stop.requests),
        seconds_to_stop: guarded.stop.as_ref().map(|stop| stop.seconds),
        actual_is: drill.actual_is,
        ordinary_denied: guarded.ordinary_denied,
        loss_without_detectors_usd: without.stolen(),
        stopped_without_detectors: without.stop.as_ref().map(|stop| stop.by.clone()),
    })
}

/// The most that a capability may cost, from the numbers of the configuration.
fn bound(incident: &Incident, bot: &BotPolicy) -> (u64, String) {
    let actual = incident.drill.actual_loss_usd;
    match incident.drill.capability {
        Capability::VirtualKey => (0, "a virtual key is worth nothing elsewhere".to_owned()),
        Capability::BotHost => {
            let limit = bot.max_drawdown_per_day.unwrap_or_default();
            (dollars(limit), format!("`max_drawdown_per_day` of `{}`", bot.name))
        }
        Capability::TreasuryHost => (actual / 1_000, "0.1 % of the actual loss".to_owned()),
        Capability::GatewayProcess | Capability::PolicyPush => {
            let day = bot.withdraw.iter().map(|to| to.max_per_day).max().unwrap_or_default();
            (dollars(day), "the sealed ceiling of a day, to listed destinations".to_owned())
        }
    }
}

/// What one act asks of the venue, as path and text; and the market.
fn asked(action: &Action, own: Option<&Destination>, id: u64) -> (&'static str, String) {
    match action {
        Action::Withdraw { asset, amount, to, wallet } => {
            let thief = thief_wallet(*wallet);
            let (network, address) = match (to, own) {
                (To::Own, Some(own)) => (own.network.as_str(), own.address.as_str()),
                _ => ("ETH", thief.as_str()),
            };
            (WITHDRAW, withdrawal_text((asset, network, address), *amount, id))
        }
        Action::Buy { market, quote_usd, price_times } => {
            let price = fair(market) * price_times;
            let quantity = quote_usd.checked_div(price).unwrap_or_default().round_dp(6);
            (ORDER, order_text(market, "BUY", quantity, price, id))
        }
    }
}

/// The thief rests where the act wants him, in a market that may be new.
fn thief_rests(action: &Action, ledger: &mut Ledger) {
    if let Action::Buy { market, price_times, .. } = action {
        ledger.set_price(market, fair(market));
        ledger.thief_asks(market, fair(market) * price_times);
    }
}

fn unguarded(incident: &Incident, own: Option<&Destination>) -> u64 {
    let mut ledger = books(incident, own.map(|own| own.address.as_str()));
    for (number, (_, action)) in incident.drill.acts().into_iter().enumerate() {
        thief_rests(action, &mut ledger);
        let (path, text) = asked(action, own, number as u64);
        let accounts = u64::from(incident.drill.accounts);
        let account = u32::try_from(number as u64 % accounts).unwrap_or(0);
        ledger.execute(&account_name(account), path, text.as_bytes());
    }
    dollars(ledger.stolen())
}

/// From where on nothing of the thief's got through.
struct Stop {
    by: String,
    requests: u64,
    seconds: u64,
}

/// The guarded run.
struct Guarded<'s> {
    setup: &'s Setup,
    incident: &'s Incident,
    bot: &'s BotPolicy,
    own: Option<&'s Destination>,
    firms: Vec<Firm>,
    ledger: Ledger,
    /// Who sent to the thief's destination: account, Unix ms.
    sent: Vec<(u32, u64)>,
    stop: Option<Stop>,
    ids: u64,
    /// Of the ordinary requests during the incident: refused, and what the
    /// firm itself sent to its wallet, which the thief did not take.
    ordinary_denied: u64,
    firms_own: Decimal,
}

impl<'s> Guarded<'s> {
    fn new(
        setup: &'s Setup,
        incident: &'s Incident,
        (bot, market_listed): (&'s BotPolicy, bool),
        own: Option<&'s Destination>,
        detection: DetectConfig,
    ) -> Result<Self, Failure> {
        let start = before_ms(incident);
        let bots: Vec<BotPolicy> =
            setup.config.bots.values().map(|bot| bot.policy.clone()).collect();
        let firms = (0..incident.drill.accounts)
            .map(|number| {
                let account = account_name(number);
                let mut bots = of_account(&bots, &bot.account, &account);
                for one in bots.iter_mut().filter(|one| market_listed && one.name == bot.name) {
                    one.markets.extend(markets_bought(incident));
                }
                Firm::new(&account, &bots, detection.clone(), |market| Some(fair(market)), start)
            })
            .collect::<Result<_, _>>()?;
        let ledger = books(incident, None);
        Ok(Self {
            setup,
            incident,
            bot,
            own,
            firms,
            ledger,
            sent: Vec::new(),
            stop: None,
            ids: 0,
            ordinary_denied: 0,
            firms_own: Decimal::ZERO,
        })
    }

    /// What the thief has, dollars.
    fn stolen(&self) -> u64 {
        dollars(self.ledger.stolen().saturating_sub(self.firms_own))
    }

    /// Ordinary days before the incident, until the bot falls silent.
    ///
    /// # Errors
    /// They are not ordinary to this configuration: then a drill on top of them
    /// would prove nothing.
    fn before(&mut self) -> Result<(), Failure> {
        let mut now = before_ms(self.incident);
        let until = now + DAYS_BEFORE * DAY_MS - HOUR_MS;
        while now < until {
            if let Some(why) = self.ordinary(now) {
                let name = &self.incident.drill.name;
                return Err(Failure::negative(format!(
                    "drill `{name}`: an ordinary request of `{}` before it was refused ({why})",
                    self.bot.name
                ))
                .next("see whether its limits fit, or use --defaults"));
            }
            now += HOUR_MS;
        }
        Ok(())
    }

    /// What the bot does at an ordinary hour; why not, where it was refused.
    fn ordinary(&mut self, now_ms: u64) -> Option<String> {
        let mut refused = None;
        let hour = now_ms / HOUR_MS % 24;
        for number in 0..self.firms.len() {
            self.ids += 1;
            let (path, text) = match self.bot.preset.trades() {
                false => {
                    // Working hours.
                    let Some(own) = self.own.filter(|_| (9..17).contains(&hour)) else { continue };
                    let most = own.max_per_request.min(Decimal::from(500_000));
                    let to = (own.asset.as_str(), own.network.as_str(), own.address.as_str());
                    (WITHDRAW, withdrawal_text(to, most, self.ids))
                }
                true => {
                    let market = self.bot.markets.first().map_or("BTCUSDT", String::as_str);
                    let quantity = Decimal::from(200) / fair(market);
                    let side = if self.ids.is_multiple_of(2) { "BUY" } else { "SELL" };
                    let id = self.ids;
                    (ORDER, order_text(market, side, quantity.round_dp(6), fair(market), id))
                }
            };
            let mut at = self.moment(now_ms, None);
            at.peer = self.setup.own_address(&self.bot.name);
            if let Some(firm) = self.firms.get_mut(number) {
                match firm.request(&self.bot.name, path, &text, &at, &mut self.ledger).0 {
                    Outcomes::Done => {}
                    Outcomes::Stopped(why) | Outcomes::Held(why) => {
                        self.ordinary_denied += 1;
                        refused = Some(why);
                    }
                }
            }
        }
        refused
    }

    fn moment(&self, now_ms: u64, action: Option<&Action>) -> Moment {
        let (price, slow) = match action {
            // In a thin market the thief's own orders are the venue's price; in
            // a deep one they are not.
            Some(Action::Buy { market, price_times, .. }) => {
                let thin = fair(market) == Decimal::ONE;
                let times = if thin { *price_times } else { Decimal::ONE };
                (Some(fair(market) * times), Some(fair(market)))
            }
            _ => {
                let market = self.bot.markets.first().map_or("BTCUSDT", String::as_str);
                (Some(fair(market)), Some(fair(market)))
            }
        };
        let client = CLIENT.to_owned();
        Moment {
            now_ms,
            peer: None,
            client,
            price,
            slow,
            approved: false,
            elsewhere: 0,
            outage: false,
        }
    }

    /// The incident, act by act, with ordinary hours around it.
    fn incident(&mut self) {
        let incident = self.incident;
        let drill = &incident.drill;
        let start = start_ms(incident);
        if let Some(own) = self.own {
            // From now on the firm's wallet is the thief's too.
            self.ledger.thief_has(&own.address);
        }
        if drill.capability == Capability::PolicyPush {
            self.push_policy();
        }
        let silent = drill.silent_days > 0;
        let mut hour = start;
        for (number, (second, action)) in drill.acts().into_iter().enumerate() {
            let now = start + second * 1_000;
            while hour + HOUR_MS <= now && !silent {
                hour += HOUR_MS;
                let before = self.ledger.stolen();
                self.ordinary(hour);
                let sent = self.ledger.stolen().saturating_sub(before);
                self.firms_own = self.firms_own.saturating_add(sent);
            }
            let account = u32::try_from(number as u64 % u64::from(drill.accounts)).unwrap_or(0);
            thief_rests(action, &mut self.ledger);
            self.ids += 1;
            let (path, text) = asked(action, self.own, self.ids);
            let outcome = self.act(account, path, &text, now, action);
            match outcome {
                Outcomes::Done => self.stop = None,
                Outcomes::Stopped(by) | Outcomes::Held(by) => {
                    let stop = Stop { by, requests: number as u64 + 1, seconds: second };
                    self.stop.get_or_insert(stop);
                }
            }
        }
    }

    fn act(
        &mut self,
        account: u32,
        path: &str,
        text: &str,
        now_ms: u64,
        action: &Action,
    ) -> Outcomes {
        let mut at = self.moment(now_ms, Some(action));
        at.peer = match self.incident.drill.capability {
            Capability::VirtualKey => Some(THIEF_ADDRESS),
            _ => self.setup.own_address(&self.bot.name),
        };
        // Authentication, as the gateway has it.
        let config = self.setup.config.bots.get(&self.bot.name);
        if config.is_none_or(|config| !config.may_come_from(at.peer)) {
            return Outcomes::Stopped("authentication".to_owned());
        }
        let day = now_ms.saturating_sub(DAY_MS);
        let others: std::collections::BTreeSet<u32> = self
            .sent
            .iter()
            .filter(|(other, at)| *other != account && *at > day)
            .map(|(other, _)| *other)
            .collect();
        at.elsewhere = u32::try_from(others.len()).unwrap_or(u32::MAX);
        let Some(firm) = self.firms.get_mut(account as usize) else {
            return Outcomes::Stopped("no account".to_owned());
        };
        let outcome = if self.incident.drill.capability == Capability::GatewayProcess {
            firm.past_the_judge(path, text, now_ms, &mut self.ledger)
        } else {
            firm.request(&self.bot.name, path, text, &at, &mut self.ledger).0
        };
        if outcome == Outcomes::Done && matches!(action, Action::Withdraw { .. }) {
            self.sent.push((account, now_ms));
        }
        outcome
    }

    /// The policy that the thief would write: his address is listed, nothing is
    /// limited, no detector is asked.
    fn push_policy(&mut self) {
        let bots: Vec<BotPolicy> =
            self.setup.config.bots.values().map(|bot| bot.policy.clone()).collect();
        let most = Decimal::from(1_000_000_000);
        for (number, firm) in self.firms.iter_mut().enumerate() {
            let account = account_name(u32::try_from(number).unwrap_or(0));
            let mut bots = of_account(&bots, &self.bot.account, &account);
            for bot in bots.iter_mut().filter(|bot| bot.name == self.bot.name) {
                for to in &mut bot.withdraw {
                    (to.max_per_request, to.max_per_day, to.approve_above) = (most, most, None);
                }
                if bot.preset == judge::Preset::Treasury {
                    bot.withdraw.push(Destination {
                        asset: "USDT".to_owned(),
                        network: "ETH".to_owned(),
                        address: THIEF_WALLET.to_owned(),
                        memo: None,
                        known: true,
                        approve_above: None,
                        max_per_request: most,
                        max_per_day: most,
                    });
                }
            }
            firm.push(&bots, DetectConfig::off());
        }
    }
}

/// The bots of one account, moved to a drill's account.
pub(crate) fn of_account(bots: &[BotPolicy], account: &str, to: &str) -> Vec<BotPolicy> {
    bots.iter()
        .filter(|bot| bot.account == account)
        .map(|bot| BotPolicy { account: to.to_owned(), ..bot.clone() })
        .collect()
}

/// Where the ordinary days before an incident begin, Unix ms.
fn before_ms(incident: &Incident) -> u64 {
    let silent = u64::from(incident.drill.silent_days) * DAY_MS;
    start_ms(incident).saturating_sub(DAYS_BEFORE * DAY_MS + silent)
}

fn start_ms(incident: &Incident) -> u64 {
    u64::try_from(incident.drill.start.as_millisecond()).unwrap_or(0)
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Treasury, Self::Maker, Self::Taker];
}
