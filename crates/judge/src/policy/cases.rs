//! Policy tests as files: a request, what the world is like, what is expected.
//!
//! ```toml
//! [[case]]
//! name = "an order over the limit"
//! bot = "mm"
//! order = { market = "BTCUSDT", side = "buy", quantity = "1", price = "50000" }
//! reference = "50000"
//! expect = "deny"
//! reason = "max_order_notional"
//! ```

use std::sync::Arc;

use serde::Deserialize;
use wire::model::{
    Class, Contingency, Decimal, Intent, Movement, Operation, Order, OrderGroup, OrderKind,
    OrderReference, Side, Venue, Withdrawal,
};

use super::compile::{PolicyError, PolicySet};
use super::config::{self, BotPolicy, BotTables, Hours};
use super::context::Context;
use crate::account::AccountSetup;
use crate::decide::verdict::Verdict;
use crate::facts::{ClockState, Facts, HaltLevel, LogState, Reference};
use crate::judge::Judge;
use crate::money;
use crate::time::UnixNanos;

/// What became of one case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Whether the decision was the expected one.
    pub passed: bool,
    /// What was expected (`deny: max_order_notional`).
    pub expected: String,
    /// What was decided, with its reasons.
    pub got: String,
    /// What was asked of the policies, for differential tests.
    pub asked: Asked,
}

/// A case as the policies saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The bot.
    pub bot: String,
    /// The class.
    pub class: Class,
    /// The market, account or destination.
    pub resource: String,
    /// The numbers.
    pub context: Context,
}

/// Runs a case file. Its own `[bot.NAME]` tables stand for themselves; a bot
/// that it does not define is taken from `bots`, so that a file can test the
/// configuration in use.
pub fn run(
    text: &str,
    bots: &[BotPolicy],
    extra_cedar: &str,
) -> Result<Vec<CaseResult>, PolicyError> {
    let file: File = toml::from_str(text).map_err(|error| wrong("case file", error.to_string()))?;
    let mut tables = config::named(file.bot);
    for bot in bots {
        if !tables.iter().any(|table| table.name == bot.name) {
            tables.push(bot.clone());
        }
    }
    let policies = Arc::new(PolicySet::compile(&tables, extra_cedar)?);
    file.case.iter().map(|case| case.run(&policies)).collect()
}

fn wrong(what: &str, message: impl Into<String>) -> PolicyError {
    PolicyError { bot: None, message: format!("{what}: {}", message.into()) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    bot: BotTables,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    bot: String,
    order: Option<OrderCase>,
    withdraw: Option<WithdrawCase>,
    /// A market; cancels an order of it that is not tracked.
    cancel: Option<String>,
    /// A market; cancels everything in it.
    cancel_all: Option<String>,
    /// Any class by its name, without an operation that is read further.
    class: Option<String>,
    #[serde(default)]
    given: Given,
    reference: Option<String>,
    #[serde(default)]
    reference_age_ms: u64,
    quote_in_usd: Option<String>,
    /// Time of the UTC day, `HH:MM`.
    at: Option<String>,
    halt: Option<String>,
    log: Option<String>,
    #[serde(default)]
    clock_insane: bool,
    expect: Expect,
    reason: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderCase {
    market: String,
    side: String,
    #[serde(default = "limit_kind")]
    kind: String,
    quantity: Option<String>,
    quote_quantity: Option<String>,
    price: Option<String>,
    stop_price: Option<String>,
    #[serde(default)]
    test: bool,
}

fn limit_kind() -> String {
    OrderKind::Limit.name().to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithdrawCase {
    asset: String,
    network: String,
    address: String,
    memo: Option<String>,
    amount: String,
}

/// What has happened before.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Given {
    /// Filled a minute ago, USD.
    filled: Option<String>,
    /// Held by open orders, USD.
    held: Option<String>,
    /// Orders open.
    open_orders: u64,
    /// Orders placed just now.
    orders: u64,
    /// Withdrawn an hour ago, of the asset that the case withdraws.
    withdrawn: Option<String>,
}

/// The day on which cases play, midnight UTC: 2023-11-18.
const DAY: UnixNanos = UnixNanos(1_700_265_600_000_000_000);

impl Case {
    fn run(&self, policies: &Arc<PolicySet>) -> Result<CaseResult, PolicyError> {
        let account = policies
            .bots()
            .find(|bot| bot.name == self.bot)
            .map(|bot| bot.account.clone())
            .ok_or_else(|| self.wrong(format!("there is no bot `{}`", self.bot)))?;
        let mut judge = Judge::new(Arc::clone(policies), AccountSetup::named(&account));
        let now = self.now()?;
        self.set_up(&mut judge, now)?;
        let intent = self.intent()?;
        let verdict = judge.decide(&self.facts(&intent, now, &["case".to_owned()])?);
        Ok(self.result(&account, &intent, &verdict))
    }

    fn wrong(&self, message: impl Into<String>) -> PolicyError {
        wrong(&format!("case `{}`", self.name), message)
    }

    fn result(&self, account: &str, intent: &Intent, verdict: &Verdict) -> CaseResult {
        let allowed = verdict.is_allowed();
        let reason_fits = self
            .reason
            .as_ref()
            .is_none_or(|code| verdict.reasons.iter().any(|reason| reason.code == code.as_str()));
        let mut expected = if self.expect == Expect::Allow { "allow" } else { "deny" }.to_owned();
        if let Some(reason) = &self.reason {
            expected = format!("{expected}: {reason}");
        }
        let got = match verdict.reasons.is_empty() {
            true => verdict.outcome_name().to_owned(),
            false => format!("{}: {}", verdict.outcome_name(), verdict.message()),
        };
        let resource = match &self.withdraw {
            Some(case) => super::preset::destination_id_of(
                &case.asset,
                &case.network,
                &case.address,
                case.memo.as_deref(),
            ),
            None => intent.symbol().unwrap_or(account).to_owned(),
        };
        CaseResult {
            name: self.name.clone(),
            passed: allowed == (self.expect == Expect::Allow) && reason_fits,
            expected,
            got,
            asked: Asked {
                bot: self.bot.clone(),
                class: intent.class,
                resource,
                context: verdict.inputs,
            },
        }
    }

    fn now(&self) -> Result<UnixNanos, PolicyError> {
        let Some(at) = &self.at else { return Ok(DAY) };
        let hours = Hours::parse(&format!("{at}-24:00")).map_err(|error| self.wrong(error))?;
        Ok(UnixNanos(DAY.0 + u64::from(hours.from) * 60_000_000_000))
    }

    fn decimal(&self, text: &str) -> Result<Decimal, PolicyError> {
        Decimal::from_str_exact(text).map_err(|_| self.wrong(format!("`{text}` is no number")))
    }

    fn optional(&self, text: Option<&String>) -> Result<Option<Decimal>, PolicyError> {
        text.map(|text| self.decimal(text)).transpose()
    }

    fn millionths(&self, text: Option<&String>) -> Result<u64, PolicyError> {
        let Some(value) = self.optional(text)? else { return Ok(0) };
        money::millionths_up(value)
            .and_then(|value| u64::try_from(value).ok())
            .ok_or_else(|| self.wrong(format!("`{value}` does not fit")))
    }

    fn set_up(&self, judge: &mut Judge, now: UnixNanos) -> Result<(), PolicyError> {
        let filled = self.millionths(self.given.filled.as_ref())?;
        let held = self.millionths(self.given.held.as_ref())?;
        let withdrawn = self.millionths(self.given.withdrawn.as_ref())?;
        let state = judge
            .bot_index(&self.bot)
            .and_then(|index| judge.state.bots.get_mut(index as usize))
            .ok_or_else(|| self.wrong("the bot has no state"))?;
        let before = |ms: u64| UnixNanos(now.0.saturating_sub(ms * 1_000_000));
        state.hour.add(before(60_000), filled);
        state.day.add(before(60_000), filled);
        state.held = u128::from(held);
        state.live = self.given.open_orders;
        state.second.add(now, self.given.orders);
        state.minute.add(now, self.given.orders);
        if let Some(case) = &self.withdraw {
            let window = state
                .withdrawn
                .entry(case.asset.clone())
                .or_insert_with(crate::counters::Window::day);
            window.add(before(3_600_000), withdrawn);
        }
        Ok(())
    }

    fn facts<'a>(
        &'a self,
        intent: &'a Intent,
        now: UnixNanos,
        ids: &'a [String],
    ) -> Result<Facts<'a>, PolicyError> {
        let seen = UnixNanos(now.0.saturating_sub(self.reference_age_ms * 1_000_000));
        let price = |mid: Decimal| Reference { bid: mid, ask: mid, mid, at: seen };
        let named = |what: &str, name: &str| self.wrong(format!("`{name}` is no {what}"));
        let halt = match self.halt.as_deref() {
            None => HaltLevel::None,
            Some(name) => HaltLevel::from_name(name).ok_or_else(|| named("halt", name))?,
        };
        let log = match self.log.as_deref() {
            None => LogState::Ok,
            Some(name) => LogState::from_name(name).ok_or_else(|| named("log state", name))?,
        };
        let places = intent.class == Class::Place;
        Ok(Facts {
            bot: &self.bot,
            intent,
            text: b"",
            text_digest: [0; 32],
            client_order_ids: if places { ids } else { &[] },
            now,
            reference: self.optional(self.reference.as_ref())?.map(price),
            quote_in_usd: self.optional(self.quote_in_usd.as_ref())?.map(price),
            halt,
            log,
            clock: if self.clock_insane { ClockState::Insane } else { ClockState::Sane },
            around: crate::facts::Surroundings::default(),
        })
    }

    fn intent(&self) -> Result<Intent, PolicyError> {
        let mut operations = Vec::new();
        if let Some(order) = &self.order {
            let class = if order.test { Class::TestOrder } else { Class::Place };
            operations.push((class, "POST /api/v3/order", self.group(order)?));
        }
        if let Some(case) = &self.withdraw {
            let withdrawal = Withdrawal {
                asset: case.asset.clone(),
                network: case.network.clone(),
                address: case.address.clone(),
                memo: case.memo.clone(),
                amount: self.decimal(&case.amount)?,
                client_withdrawal_id: None,
            };
            let endpoint = "POST /sapi/v1/capital/withdraw/apply";
            operations.push((Class::Withdraw, endpoint, Operation::Withdraw(withdrawal)));
        }
        if let Some(market) = &self.cancel {
            let reference = OrderReference {
                symbol: market.clone(),
                order_id: None,
                client_order_id: Some("untracked".to_owned()),
            };
            let operation = Operation::Cancel(reference);
            operations.push((Class::Cancel, "DELETE /api/v3/order", operation));
        }
        if let Some(market) = &self.cancel_all {
            let operation = Operation::CancelAll { symbol: market.clone() };
            operations.push((Class::CancelAll, "DELETE /api/v3/openOrders", operation));
        }
        if let Some(name) = &self.class {
            let class = Class::from_name(name)
                .ok_or_else(|| self.wrong(format!("`{name}` is no class")))?;
            let operation = if class == Class::Read {
                Operation::Read { symbol: None }
            } else {
                Operation::Other(Movement { asset: None, amount: None })
            };
            operations.push((class, "case", operation));
        }
        match <[_; 1]>::try_from(operations) {
            Ok([(class, endpoint, operation)]) => {
                Ok(Intent { venue: Venue::Binance, endpoint, class, operation })
            }
            Err(_) => Err(self.wrong(
                "needs exactly one of `order`, `withdraw`, `cancel`, `cancel_all` and `class`",
            )),
        }
    }

    fn group(&self, case: &OrderCase) -> Result<Operation, PolicyError> {
        let side = match case.side.as_str() {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            other => return Err(self.wrong(format!("`{other}` is no side: `buy` or `sell`"))),
        };
        let kind = OrderKind::from_name(&case.kind)
            .ok_or_else(|| self.wrong(format!("`{}` is no order type", case.kind)))?;
        let order = Order {
            symbol: case.market.clone(),
            side,
            kind,
            quantity: self.optional(case.quantity.as_ref())?,
            quote_quantity: self.optional(case.quote_quantity.as_ref())?,
            price: self.optional(case.price.as_ref())?,
            stop_price: self.optional(case.stop_price.as_ref())?,
            trailing_delta_bps: None,
            iceberg_quantity: None,
            time_in_force: None,
            client_order_id: None,
            reduce_only: false,
            position_side: None,
            close_position: false,
        };
        Ok(Operation::Place(OrderGroup {
            orders: vec![order],
            contingency: Contingency::Single,
            list_client_order_id: None,
            test: case.test,
        }))
    }
}
