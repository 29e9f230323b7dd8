//! The recorded log judged again, from the log alone.
//!
//! INVARIANT (pure judge): the same judge, told the same events in the log's
//! order and asked with the same facts, gives the same verdicts and reasons.
//! What an entry lacks for that is counted with its reason, never left out in
//! silence.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::Reader;
use judge::{
    AccountEvent, AccountSetup, DetectConfig, Facts, HouseRead, Judge, OpenOrder, Outcome,
    PolicySet, UnixNanos, Verdict,
};
use serde_json::Value;
use wire::model::{Class, Effect};

use crate::entry::{self, PolicyPart, Since, Unread, VerdictEntry, WrittenVerdict};
use crate::recovery::Restoring;

/// What of an entry is compared.
const COMPARED: [&str; 10] = [
    "class",
    "intent",
    "outcome",
    "reasons",
    "relaxed",
    "approved",
    "alarm",
    "inputs",
    "client_order_ids",
    "reservation",
];

/// A recorded request, about to be judged again.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its index in the log.
    pub index: u64,
    /// Its account.
    pub account: &'a str,
    /// The whole entry.
    pub entry: &'a Value,
    /// What it was judged from.
    pub facts: &'a Facts<'a>,
}

/// Who looks on while a log is judged again.
pub trait Onlooker {
    /// Called when a gateway started: its judges are new ones.
    fn started(&mut self) {}

    /// Called with the judge in the state that it had before the verdict.
    fn before(&mut self, judge: &mut Judge, request: &Request<'_>);
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Onlooker for Nobody {
    fn before(&mut self, _judge: &mut Judge, _request: &Request<'_>) {}
}

/// A field that came out differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Its name in the entry.
    pub field: &'static str,
    /// As recorded; null where the entry has none.
    pub recorded: Value,
    /// As it came out.
    pub now: Value,
}

/// A verdict that came out differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its index in the log.
    pub index: u64,
    /// Its bot; empty for the gateway's own requests.
    pub bot: String,
    /// Its account.
    pub account: String,
    /// What differs.
    pub changed: Vec<Changed>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// Entries read.
    pub entries: u64,
    /// Bots' verdicts judged again.
    pub verdicts: u64,
    /// Verdicts on the gateway's own requests judged again.
    pub own_verdicts: u64,
    /// Verdicts that came out as recorded.
    pub equal: u64,
    /// Entries about the account that were applied.
    pub events: u64,
    /// Times that policies were loaded.
    pub policies: u64,
    /// Times that a gateway started.
    pub starts: u64,
    /// Entries that could not be judged again, by reason.
    pub not_judged: BTreeMap<&'static str, u64>,
    /// What the log does not say, in sentences.
    pub unknown: Vec<String>,
    /// Verdicts that came out differently.
    pub differences: u64,
    /// The first of them.
    pub first: Option<Difference>,
}

impl Replayed {
    fn leave(&mut self, why: &'static str) {
        *self.not_judged.entry(why).or_default() += 1;
    }
}

/// How far a replay goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// To the first difference.
    AtDifference,
    /// To the end.
    AtEnd,
}

/// Judges the log in `directory` again.
///
/// # Errors
/// The log cannot be read, in one line.
pub fn replay(
    directory: &Path,
    stop: Stop,
    onlooker: &mut impl Onlooker,
) -> Result<Replayed, String> {
    let reader = Reader::open(directory).map_err(|error| error.to_string())?;
    let mut again = Again {
        directory: directory.to_owned(),
        done: Replayed::default(),
        judges: None,
        part: None,
        rows: HashMap::new(),
        snapshots: HashMap::new(),
        left_out: 0,
    };
    for entry in reader.entries(0).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        again.take(entry.index, &entry.bytes, onlooker)?;
        again.done.entries += 1;
        if stop == Stop::AtDifference && again.done.first.is_some() {
            break;
        }
    }
    Ok(again.finish())
}

/// The policies of a configuration's tables, as a gateway would compile them.
///
/// # Errors
/// Which table is wrong, in one line.
pub fn policies(
    bots: BTreeMap<String, judge::BotPolicy>,
    detect: DetectConfig,
    extra_cedar: &str,
) -> Result<Arc<PolicySet>, String> {
    entry::compile(bots, detect, extra_cedar)
}

struct Again {
    directory: PathBuf,
    done: Replayed,
    /// None before the first policies.
    judges: Option<BTreeMap<String, Judge>>,
    part: Option<PolicyPart>,
    /// Open orders told by account, whose snapshot follows.
    rows: HashMap<String, Option<Vec<OpenOrder>>>,
    /// The orders of the last snapshot of each account and market.
    snapshots: HashMap<(String, Option<String>), Vec<OpenOrder>>,
    left_out: u64,
}

impl Again {
    fn take(
        &mut self,
        index: u64,
        bytes: &[u8],
        onlooker: &mut impl Onlooker,
    ) -> Result<(), String> {
        let Ok(entry) = serde_json::from_slice::<Value>(bytes) else {
            self.done.leave("it is no JSON");
            return Ok(());
        };
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| entry.get(name).and_then(Value::as_u64);
        let account = text("account");
        let now = UnixNanos(number("now_ns").unwrap_or(0));
        match text("kind") {
            "policy" => self.policy(bytes, onlooker)?,
            "verdict" => self.verdict(index, &entry, onlooker),
            "settle" => self.tell(account, &entry::read_event(bytes), now),
            "orders-seen" | "trades" | "instruments" => {
                self.tell(account, &entry::read_venue(bytes), now);
            }
            "open-orders" => {
                let rows = entry::read_open_orders(bytes);
                let all = self.rows.entry(account.to_owned()).or_insert_with(|| Some(Vec::new()));
                match (all.as_mut(), rows) {
                    (Some(all), Some(rows)) => all.extend(rows),
                    _ => *all = None,
                }
            }
            "snapshot" => self.snapshot(&entry, account, now),
            "denials-left-out" => {
                self.left_out = self.left_out.saturating_add(number("count").unwrap_or(0));
            }
            "log-grows-again" => self.done.unknown.push(format!(
                "before entry {index} the log could not grow: what happened then is not in it"
            )),
            _ => {}
        }
        Ok(())
    }

    fn policy(&mut self, bytes: &[u8], onlooker: &mut impl Onlooker) -> Result<(), String> {
        let Some(part) = PolicyPart::read(bytes) else {
            return Err("an entry about policies cannot be read".to_owned());
        };
        if part.is_first() {
            self.part = Some(part);
        } else if !self.part.as_mut().is_some_and(|before| before.add(&part)) {
            return Err("an entry about policies does not follow the one before".to_owned());
        }
        let Some(whole) = self.part.take_if(|part| part.is_whole()) else { return Ok(()) };
        let policies = whole.policies().map_err(|error| {
            format!("recorded policies cannot be read by this version: {error}")
        })?;
        self.done.policies += 1;
        match whole.since() {
            Since::Start { entries_before } => {
                self.done.starts += 1;
                if entries_before > 0 && self.judges.is_none() {
                    self.done.unknown.push(format!(
                        "policies are recorded from entry {} on: the state before is what the \
                         gateway read back from its log when it started there",
                        self.done.entries
                    ));
                }
                // As the gateway does at its start: the state is from the log, by
                // the same reader.
                let judge = |name: &String| {
                    let setup = AccountSetup::named(name);
                    (name.clone(), Judge::new(Arc::clone(&policies), setup))
                };
                let mut restoring = Restoring::new(whole.accounts.iter().map(judge).collect());
                restoring.read_until(&self.directory, entries_before)?;
                self.judges = Some(restoring.finish().0);
                onlooker.started();
                self.rows.clear();
                self.snapshots.clear();
            }
            Since::Reload => {
                for judge in self.judges.iter_mut().flat_map(BTreeMap::values_mut) {
                    judge.set_policies(Arc::clone(&policies));
                }
            }
        }
        Ok(())
    }

    fn judge(&mut self, account: &str) -> Option<&mut Judge> {
        self.judges.as_mut()?.get_mut(account)
    }

    fn tell(&mut self, account: &str, events: &[AccountEvent], now: UnixNanos) {
        let Some(judge) = self.judge(account) else { return };
        for event in events {
            judge.apply(event, now);
        }
        self.done.events += u64::from(!events.is_empty());
    }

    fn snapshot(&mut self, entry: &Value, account: &str, now: UnixNanos) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let number = |name: &str| entry.get(name).and_then(Value::as_u64);
        let told = self.rows.remove(account);
        if self.judges.is_none() {
            return;
        }
        let market = text("market").map(str::to_owned);
        let place = (account.to_owned(), market.clone());
        let orders = match text("rows") {
            Some("told") => told.unwrap_or_else(|| Some(Vec::new())),
            Some("as-before") => self.snapshots.get(&place).cloned(),
            _ => None,
        };
        let whole = number("open_orders");
        let Some(open_orders) = orders.filter(|all| whole == Some(all.len() as u64)) else {
            self.done.leave("a snapshot of open orders that is not whole in the log");
            return;
        };
        self.snapshots.insert(place, open_orders.clone());
        let asked_at = UnixNanos(number("asked_at_ns").unwrap_or(0));
        // Balances are not in the log: no verdict depends on them.
        let event = AccountEvent::Snapshot { asked_at, balances: None, open_orders, market };
        self.tell(account, &[event], now);
    }

    fn verdict(&mut self, index: u64, entry: &Value, onlooker: &mut impl Onlooker) {
        let account = entry.get("account").and_then(Value::as_str).unwrap_or_default();
        if self.judges.is_none() {
            self.done.leave("it is from before the first recorded policies");
            return;
        }
        if entry.get("bot").is_none() {
            self.own_verdict(index, entry, account);
            return;
        }
        let written = match WrittenVerdict::read(entry) {
            Ok(written) => written,
            Err(Unread::NotJudged) => {
                self.done.leave("it was refused before the judge was asked");
                return;
            }
            Err(Unread::Damaged) => {
                self.done.leave("it cannot be read by this version");
                return;
            }
        };
        let facts = written.facts();
        let Some(judge) = self.judge(account) else {
            self.done.leave("its account is not among those of the recorded policies");
            return;
        };
        onlooker.before(judge, &Request { index, account, entry, facts: &facts });
        let verdict = judge.decide(&facts);
        self.done.verdicts += 1;
        let now = encoded(&written, &facts, &verdict, account);
        let changed: Vec<Changed> = COMPARED
            .into_iter()
            .filter_map(|field| {
                let (recorded, now) = (entry.get(field), now.get(field));
                let of = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
                (recorded != now).then(|| Changed { field, recorded: of(recorded), now: of(now) })
            })
            .collect();
        self.compared(index, entry, account, changed);
    }

    fn own_verdict(&mut self, index: u64, entry: &Value, account: &str) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let input =
            |name: &str| entry.get("inputs").and_then(|all| all.get(name)).and_then(Value::as_str);
        let intent = entry.get("intent");
        let read = serde_json::json!({ "operation": "read" });
        let class = match Class::from_name(text("class")) {
            // A stream key that stays here reads, and no more.
            Some(Class::StreamKey) => Some(Class::Read),
            class => class,
        };
        let read = class.and_then(|class| {
            let intent = entry::read_intent(intent.unwrap_or(&read), class, text("venue"))?;
            let halt = judge::HaltLevel::from_name(input("halt")?)?;
            let log = judge::LogState::from_name(input("log")?)?;
            Some((intent, halt, log))
        });
        let Some((own, halt, log)) = read else {
            self.done.leave("it cannot be read by this version");
            return;
        };
        let cancels = intent.is_some();
        let read = HouseRead {
            intent: &own,
            effect: if cancels { Effect::Cancel } else { Effect::Read },
            text: &[],
            text_digest: [0; 32],
            now: UnixNanos(entry.get("now_ns").and_then(Value::as_u64).unwrap_or(0)),
            halt,
            log,
            clock: if input("clock") == Some("sane") {
                judge::ClockState::Sane
            } else {
                judge::ClockState::Insane
            },
        };
        let Some(judge) = self.judge(account) else {
            self.done.leave("its account is not among those of the recorded policies");
            return;
        };
        let verdict =
            if cancels { judge.decide_house_cancel(&read) } else { judge.decide_house_read(&read) };
        self.done.own_verdicts += 1;
        let same = text("outcome") == verdict.outcome_name();
        let changed = (!same).then(|| Changed {
            field: "outcome",
            recorded: Value::from(text("outcome")),
            now: Value::from(format!("{}: {}", verdict.outcome_name(), verdict.message())),
        });
        self.compared(index, entry, account, changed.into_iter().collect());
    }

    fn compared(&mut self, index: u64, entry: &Value, account: &str, changed: Vec<Changed>) {
        if changed.is_empty() {
            self.done.equal += 1;
            return;
        }
        self.done.differences += 1;
        let bot = entry.get("bot").and_then(Value::as_str).unwrap_or_default();
        let difference =
            Difference { index, bot: bot.to_owned(), account: account.to_owned(), changed };
        self.done.first.get_or_insert(difference);
    }

    fn finish(self) -> Replayed {
        let mut done = self.done;
        if self.judges.is_none() {
            done.unknown.push(
                "the log has no entry about policies: it was written by an earlier version".into(),
            );
        }
        if self.left_out > 0 {
            done.unknown.push(format!(
                "{} denials were counted and not written one by one: what detectors noted of them \
                 is not in the log",
                self.left_out
            ));
        }
        done
    }
}

/// The verdict as its entry would be written.
fn encoded(written: &WrittenVerdict, facts: &Facts<'_>, verdict: &Verdict, account: &str) -> Value {
    let reservation = match &verdict.outcome {
        Outcome::Allow(permit) => permit.reservation(),
        Outcome::Hold | Outcome::Deny(_) => None,
    };
    let mut out = Vec::with_capacity(2_048);
    VerdictEntry {
        at_ns: 0,
        now: facts.now,
        bot: Some(facts.bot),
        account,
        venue: written.intent.venue.name(),
        endpoint: written.intent.endpoint,
        class: written.intent.class,
        security: "",
        intent: Some(&written.intent),
        outcome: verdict.outcome_name(),
        reasons: &verdict.reasons,
        relaxed: &verdict.relaxed,
        approved: &verdict.approved,
        approval: None,
        alarm: Some(&verdict.alarm),
        around: Some(&facts.around),
        inputs: Some(&verdict.inputs),
        reference: written.reference,
        quote_in_usd: written.quote_in_usd,
        halt: written.halt,
        log: written.log,
        clock: written.clock,
        offset_ms: written.offset_ms,
        client_order_ids: &written.client_order_ids,
        reservation: reservation.map(|id| id.0),
        text_digest: Some(facts.text_digest),
        key: None,
        peer: facts.around.peer,
        request: 0,
    }
    .write(&mut out);
    serde_json::from_slice(&out).unwrap_or(Value::Null)
}
