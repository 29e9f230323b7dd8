//! What holds for everybody at the moment: halts, the log, the clock.

use wire::model::Class;

use crate::facts::{ClockState, Facts, HaltLevel, LogState};
use crate::policy::context::Shape;
use crate::policy::rules::kind_of;
use crate::reason::Reason;

/// How much a request could cost: the columns of "what fails how".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Risk {
    Read,
    Cancel,
    Reducing,
    Order,
    ValueOut,
}

fn risk(class: Class, reducing: bool) -> Risk {
    match Shape::of(class) {
        Shape::Order if reducing => Risk::Reducing,
        Shape::Order => Risk::Order,
        Shape::Cancel => Risk::Cancel,
        Shape::Withdraw => Risk::ValueOut,
        Shape::Plain if class == Class::Read => Risk::Read,
        Shape::Plain => Risk::ValueOut,
    }
}

const fn halts(level: HaltLevel, risk: Risk) -> bool {
    match level {
        HaltLevel::None => false,
        HaltLevel::Withdrawals => matches!(risk, Risk::ValueOut),
        HaltLevel::ReduceOnly => matches!(risk, Risk::Order | Risk::ValueOut),
        HaltLevel::CancelOnly => !matches!(risk, Risk::Read | Risk::Cancel),
        HaltLevel::Full => true,
    }
}

impl HaltLevel {
    /// Whether a halt of this level lets a request of that class pass.
    pub fn lets_pass(self, class: Class, reducing: bool) -> bool {
        !halts(self, risk(class, reducing))
    }
}

/// Why nothing of this kind passes at the moment, if so.
///
/// INVARIANT (fail closed): cancels pass in every halt short of full.
pub(super) fn reason(facts: &Facts<'_>, reducing: bool) -> Option<Reason> {
    let class = facts.intent.class;
    let risk = risk(class, reducing);
    let deny = |code, detail: String| Some(Reason::plain(code, kind_of(class), detail));
    if halts(facts.halt, risk) {
        let level = facts.halt.name();
        let hint = match facts.halt {
            HaltLevel::ReduceOnly => "; only orders that reduce, cancels and reads pass",
            HaltLevel::CancelOnly => "; only cancels and reads pass",
            HaltLevel::Full => "; nothing is signed",
            HaltLevel::None | HaltLevel::Withdrawals => "; no value leaves",
        };
        return deny("halted", format!("halt `{level}` is in force{hint}; a person resumes"));
    }
    let unwritable = match facts.log {
        LogState::Ok => false,
        LogState::ReserveReads => risk > Risk::Cancel,
        LogState::ReserveCancels => risk != Risk::Cancel,
        LogState::Full => true,
    };
    if unwritable {
        return deny(
            "log_unavailable",
            format!(
                "the log cannot be written ({}), and nothing is signed unrecorded; free disk space",
                facts.log.name()
            ),
        );
    }
    if facts.clock == ClockState::Insane && risk > Risk::Cancel {
        return deny("clock", "the clock cannot be believed; fix time synchronisation".to_owned());
    }
    None
}
