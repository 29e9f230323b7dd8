//! The halts in force: how far, for whom, since when, by whom, and why.
//!
//! A halt acts first and is written down at once after it; both are done before
//! whoever asked for it is answered. The log is where a start finds it again.
//! INVARIANT (fail closed): cancels pass in every halt short of `full`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use judge::HaltLevel;
use serde::Deserialize;
use wire::model::Class;

use crate::clock;
use crate::entry;
use crate::limits;
use crate::record::{LogDesk, Purpose};
use crate::shared::held;

/// What a halt holds for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// All accounts at all venues.
    Everything,
    /// All accounts at one venue.
    Venue(String),
    /// The bots of one team.
    Team(String),
    /// One account.
    Account(String),
    /// One bot.
    Bot(String),
}

impl Scope {
    /// Of its two words on the command line and in the log.
    pub(crate) fn of(kind: &str, name: &str) -> Option<Self> {
        let name = name.to_owned();
        match kind {
            "everything" if name.is_empty() => Some(Self::Everything),
            _ if name.is_empty() => None,
            "venue" => Some(Self::Venue(name)),
            "team" => Some(Self::Team(name)),
            "account" => Some(Self::Account(name)),
            "bot" => Some(Self::Bot(name)),
            _ => None,
        }
    }

    /// `everything`, `venue`, `team`, `account` or `bot`, and its name.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Everything => ("everything", ""),
            Self::Venue(name) => ("venue", name),
            Self::Team(name) => ("team", name),
            Self::Account(name) => ("account", name),
            Self::Bot(name) => ("bot", name),
        }
    }

    fn holds_for(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Venue(name) => name == subject.venue,
            Self::Account(name) => name == subject.account,
            Self::Team(name) => subject.team == Some(name),
            Self::Bot(name) => subject.bot == Some(name),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            (kind, "") => f.write_str(kind),
            (kind, name) => write!(f, "{kind} `{name}`"),
        }
    }
}

/// Whom a request is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) bot: Option<&'a str>,
    pub(crate) team: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) venue: &'a str,
}

/// A halt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Halt {
    /// Its number, which `resume` names.
    pub(crate) number: u64,
    pub(crate) scope: Scope,
    pub(crate) level: HaltLevel,
    /// Host time, Unix ns.
    pub(crate) since_ns: u64,
    /// `operator`, or the detector.
    pub(crate) by: String,
    /// In words.
    pub(crate) why: String,
    /// The log's entries that led to it.
    pub(crate) evidence: Vec<u64>,
}

/// The halts in force, bounded.
#[derive(Debug, Default)]
pub(crate) struct Halts {
    epoch: AtomicU64,
    table: ArcSwap<Vec<Halt>>,
    /// Held while the table changes; the last number given.
    change: Mutex<u64>,
}

/// What there is to say of a halt that began.
pub(crate) struct Began {
    pub(crate) halt: Halt,
    /// Whether it is in force since now, or stricter since now.
    pub(crate) is_new: bool,
    /// Why it is not on disk: then it ends with this process.
    pub(crate) unrecorded: Option<String>,
}

impl Halts {
    /// The strictest level in force for a subject, and the epoch that it is of.
    pub(crate) fn now(&self, subject: &Subject<'_>) -> (HaltLevel, u64) {
        // The epoch first: a change in between is then noticed at the send.
        let epoch = self.epoch.load(Ordering::Acquire);
        (self.level(subject), epoch)
    }

    fn level(&self, subject: &Subject<'_>) -> HaltLevel {
        let table = self.table.load();
        let ours = table.iter().filter(|halt| halt.scope.holds_for(subject));
        ours.map(|halt| halt.level).max().unwrap_or_default()
    }

    /// The strictest level in force for anybody.
    pub(crate) fn strictest(&self) -> HaltLevel {
        self.table.load().iter().map(|halt| halt.level).max().unwrap_or_default()
    }

    /// Those in force.
    pub(crate) fn all(&self) -> Arc<Vec<Halt>> {
        self.table.load_full()
    }

    /// Whether a verdict of that epoch may still be sent.
    ///
    /// # Errors
    /// A halt began after the verdict that stops this class for this subject.
    pub(crate) fn check(
        &self,
        epoch: u64,
        subject: &Subject<'_>,
        class: Class,
    ) -> Result<(), String> {
        if self.epoch.load(Ordering::Acquire) == epoch {
            return Ok(());
        }
        // An order that reduces is told so by the judge alone: asked again, it
        // passes.
        let level = self.level(subject);
        if level.lets_pass(class, false) {
            return Ok(());
        }
        Err(format!("halt `{}` began after the verdict; ask again", level.name()))
    }

    /// Begins a halt, or makes the one of that scope stricter; one that is as
    /// strict already stays as it is, so that whoever sets off the same alarm
    /// again and again writes nothing.
    ///
    /// INVARIANT (bounded): beyond [`limits::HALTS`] everything is held at
    /// `cancel-only` at least: fewer halts would be the thief's choice.
    pub(crate) fn begin(
        &self,
        log: &LogDesk,
        scope: Scope,
        level: HaltLevel,
        by: &str,
        why: &str,
        evidence: &[u64],
    ) -> Began {
        let mut number = held(&self.change);
        let mut table = Vec::clone(&self.table.load());
        let (scope, level) = within_bounds(&table, scope, level);
        let at = table.iter().position(|halt| halt.scope == scope);
        let at = at.unwrap_or_else(|| {
            *number += 1;
            table.push(Halt {
                number: *number,
                scope,
                level: HaltLevel::None,
                since_ns: clock::host_nanos(),
                by: String::new(),
                why: String::new(),
                evidence: Vec::new(),
            });
            table.len() - 1
        });
        let Some(halt) = table.get_mut(at).filter(|halt| halt.level < level) else {
            let halt = table.swap_remove(at);
            return Began { halt, is_new: false, unrecorded: None };
        };
        halt.level = level;
        by.clone_into(&mut halt.by);
        halt.why = why.chars().take(limits::HALT_WHY_CHARACTERS).collect();
        halt.evidence.extend_from_slice(evidence);
        halt.evidence.truncate(limits::HALT_EVIDENCE);
        let halt = halt.clone();
        self.table.store(Arc::new(table));
        self.epoch.fetch_add(1, Ordering::AcqRel);
        tracing::error!(
            halt = halt.number, level = halt.level.name(), scope = %halt.scope, by = halt.by,
            why = halt.why, "a halt began"
        );
        let unrecorded = record(log, "halt", &halt).err();
        Began { halt, is_new: true, unrecorded }
    }

    /// Lowers a halt, or ends it; what it is now.
    ///
    /// # Errors
    /// There is none of that number, or the level would rise.
    pub(crate) fn resume(
        &self,
        log: &LogDesk,
        number: u64,
        to: HaltLevel,
        by: &str,
    ) -> Result<Halt, String> {
        let change = held(&self.change);
        let mut table = Vec::clone(&self.table.load());
        let halt = table
            .iter_mut()
            .find(|halt| halt.number == number)
            .ok_or_else(|| format!("there is no halt {number}; `countersign status` lists them"))?;
        if to >= halt.level {
            return Err(format!(
                "halt {number} is at `{}`, and `{}` is not below it",
                halt.level.name(),
                to.name()
            ));
        }
        halt.level = to;
        let mut told = halt.clone();
        by.clone_into(&mut told.by);
        // On record before it is in force: risk rises.
        record(log, "resume", &told)
            .map_err(|error| format!("the log cannot take it, so nothing resumed: {error}"))?;
        table.retain(|halt| halt.level != HaltLevel::None);
        self.table.store(Arc::new(table));
        self.epoch.fetch_add(1, Ordering::AcqRel);
        drop(change);
        Ok(told)
    }

    /// Takes over what the log told of halts, in its order.
    pub(crate) fn restore(&self, told: impl Iterator<Item = Halt>) {
        let mut number = held(&self.change);
        let mut table: Vec<Halt> = Vec::new();
        for halt in told {
            *number = (*number).max(halt.number);
            table.retain(|one| one.number != halt.number);
            if halt.level != HaltLevel::None && table.len() <= limits::HALTS {
                table.push(halt);
            }
        }
        self.table.store(Arc::new(table));
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }
}

/// The scope and level of a halt, where there is room for it; else of the one
/// that holds for everything.
fn within_bounds(table: &[Halt], scope: Scope, level: HaltLevel) -> (Scope, HaltLevel) {
    if table.len() < limits::HALTS || table.iter().any(|halt| halt.scope == scope) {
        return (scope, level);
    }
    (Scope::Everything, level.max(HaltLevel::CancelOnly))
}

/// Writes a halt down, on disk.
fn record(log: &LogDesk, kind: &'static str, halt: &Halt) -> Result<(), String> {
    let entry = entry::plain(kind, clock::host_nanos(), |json| {
        let (scope, name) = halt.scope.words();
        json.number("halt_number", halt.number);
        json.text("scope", scope);
        json.text("name", name);
        json.text("level", halt.level.name());
        json.number("since_ns", halt.since_ns);
        json.text("by", &halt.by);
        json.text("why", &halt.why);
        let evidence: Vec<String> = halt.evidence.iter().map(u64::to_string).collect();
        json.texts("evidence", &evidence);
    });
    let index = log.append(&entry, Purpose::Cancel).map_err(|error| error.to_string())?;
    log.sync_handle().sync_through(index).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
struct Line {
    halt_number: u64,
    scope: String,
    name: String,
    level: String,
    since_ns: u64,
    by: String,
    why: String,
    evidence: Vec<String>,
}

/// Whether an entry may be about a halt.
pub(crate) fn may_tell(entry: &[u8]) -> bool {
    memchr::memmem::find(entry, b"\"halt_number\":").is_some()
}

/// A halt as an entry tells it.
pub(crate) fn read(entry: &[u8]) -> Option<Halt> {
    let line: Line = serde_json::from_slice(entry).ok()?;
    Some(Halt {
        number: line.halt_number,
        scope: Scope::of(&line.scope, &line.name)?,
        level: HaltLevel::from_name(&line.level)?,
        since_ns: line.since_ns,
        by: line.by,
        why: line.why,
        evidence: line.evidence.iter().filter_map(|text| text.parse().ok()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MM: Subject<'static> =
        Subject { bot: Some("mm"), team: Some("desk"), account: "main", venue: "binance" };
    const TREASURY: Subject<'static> =
        Subject { bot: Some("t"), team: None, account: "main", venue: "binance" };

    fn halt(number: u64, scope: Scope, level: HaltLevel) -> Halt {
        let (by, why) = ("operator".to_owned(), "a test".to_owned());
        Halt { number, scope, level, since_ns: 5, by, why, evidence: vec![3] }
    }

    #[test]
    fn the_strictest_of_all_scopes_holds() {
        let halts = Halts::default();
        assert_eq!(halts.now(&MM).0, HaltLevel::None);
        halts.restore(
            [
                halt(1, Scope::Account("main".into()), HaltLevel::Withdrawals),
                halt(2, Scope::Bot("mm".into()), HaltLevel::CancelOnly),
                halt(3, Scope::Team("desk".into()), HaltLevel::ReduceOnly),
                halt(4, Scope::Account("other".into()), HaltLevel::Full),
                halt(5, Scope::Venue("woox".into()), HaltLevel::Full),
            ]
            .into_iter(),
        );
        assert_eq!(halts.now(&MM).0, HaltLevel::CancelOnly);
        assert_eq!(halts.now(&TREASURY).0, HaltLevel::Withdrawals);
        assert_eq!(halts.strictest(), HaltLevel::Full);
        // Resumed ones are gone.
        let told = [
            halt(1, Scope::Everything, HaltLevel::Full),
            halt(1, Scope::Everything, HaltLevel::None),
        ];
        halts.restore(told.into_iter());
        assert_eq!(halts.now(&MM).0, HaltLevel::None);
    }

    #[test]
    fn where_there_is_no_room_everything_is_held() {
        let full: Vec<Halt> = (0..limits::HALTS as u64)
            .map(|number| halt(number, Scope::Bot(number.to_string()), HaltLevel::CancelOnly))
            .collect();
        let bounded = |scope, level| within_bounds(&full, scope, level);
        let other = || Scope::Bot("other".to_owned());
        let everything = |level| (Scope::Everything, level);
        assert_eq!(bounded(other(), HaltLevel::Withdrawals), everything(HaltLevel::CancelOnly));
        assert_eq!(bounded(other(), HaltLevel::Full), everything(HaltLevel::Full));
        let known = Scope::Bot("3".to_owned());
        assert_eq!(bounded(known.clone(), HaltLevel::Full), (known, HaltLevel::Full));
    }

    #[test]
    fn what_began_after_the_verdict_stops_what_it_forbids_and_nothing_else() {
        let halts = Halts::default();
        let (_, epoch) = halts.now(&MM);
        assert!(halts.check(epoch, &MM, Class::Place).is_ok());
        halts.restore([halt(1, Scope::Bot("mm".into()), HaltLevel::CancelOnly)].into_iter());
        assert!(halts.check(epoch, &MM, Class::Place).is_err());
        assert!(halts.check(epoch, &MM, Class::Cancel).is_ok());
        assert!(halts.check(epoch, &TREASURY, Class::Place).is_ok());
        halts.restore([halt(1, Scope::Everything, HaltLevel::Full)].into_iter());
        assert!(halts.check(epoch, &MM, Class::Cancel).is_err());
        assert!(halts.check(epoch, &TREASURY, Class::Read).is_err());
    }
}
