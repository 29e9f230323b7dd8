//! The gateway's own reads (snapshots, rights, unknown outcomes), and the
//! cancels by which it lets risk down for a person.
//!
//! They are no bot's, so no policy speaks; but nothing is signed without a
//! permit, and halts, log and class hold for the house as for everybody.

use wire::model::{Class, Effect, Intent};

use super::permit::Permit;
use super::standing;
use super::verdict::{Outcome, Verdict};
use crate::facts::{ClockState, Facts, HaltLevel, LogState};
use crate::judge::Judge;
use crate::policy::context::{Context, Shape};
use crate::reason::{DenyKind, Reason};
use crate::time::UnixNanos;

/// Everything a house read, or cancel, is decided from.
#[derive(Clone, Copy, Debug)]
pub struct HouseRead<'a> {
    /// What the request would do.
    pub intent: &'a Intent,
    /// What its endpoint does at worst, as the endpoint table says.
    pub effect: Effect,
    /// The canonical text that is to be signed.
    pub text: &'a [u8],
    /// SHA-256 of `text`.
    pub text_digest: [u8; 32],
    /// Venue time.
    pub now: UnixNanos,
    /// The strictest halt in force.
    pub halt: HaltLevel,
    /// Whether the log takes entries.
    pub log: LogState,
    /// Whether the clock can be believed.
    pub clock: ClockState,
}

impl Judge {
    /// Whether the gateway may have its own read of this account signed.
    ///
    /// INVARIANT (permit): reads alone get one here, by class and by effect
    /// both; it holds nothing and names no bot.
    ///
    /// INVARIANT (pure judge): neither reads nor changes the judge's state.
    pub fn decide_house_read(&self, read: &HouseRead<'_>) -> Verdict {
        let class = read.intent.class;
        if class != Class::Read || read.effect != Effect::Read {
            return Verdict::denied(
                class,
                Reason::plain(
                    "never",
                    DenyKind::Never,
                    format!("`{}` is no read, and the gateway only reads", read.intent.endpoint),
                ),
            );
        }
        self.decide_house(read)
    }

    /// Whether the gateway may have a cancel of its own signed: for a person who
    /// halts or cancels, never by itself.
    ///
    /// INVARIANT (permit): cancels alone get one here, by class and by effect
    /// both. INVARIANT (fail closed): they pass in every halt short of `full`.
    pub fn decide_house_cancel(&self, cancel: &HouseRead<'_>) -> Verdict {
        let class = cancel.intent.class;
        let cancels = matches!(class, Class::Cancel | Class::CancelAll);
        if !cancels || cancel.effect != Effect::Cancel {
            return Verdict::denied(
                class,
                Reason::plain(
                    "never",
                    DenyKind::Never,
                    format!("`{}` is no cancel", cancel.intent.endpoint),
                ),
            );
        }
        self.decide_house(cancel)
    }

    fn decide_house(&self, read: &HouseRead<'_>) -> Verdict {
        let class = read.intent.class;
        let facts = Facts {
            bot: "",
            intent: read.intent,
            text: read.text,
            text_digest: read.text_digest,
            client_order_ids: &[],
            now: read.now,
            reference: None,
            quote_in_usd: None,
            halt: read.halt,
            log: read.log,
            clock: read.clock,
            around: crate::facts::Surroundings::default(),
        };
        if let Some(reason) = standing::reason(&facts, false) {
            return Verdict::denied(class, reason);
        }
        Verdict {
            outcome: Outcome::Allow(Permit::grant(&facts, self.account_name(), None)),
            reasons: Vec::new(),
            approved: Vec::new(),
            relaxed: Vec::new(),
            alarm: crate::detect::Alarm::default(),
            inputs: Context::unknown(Shape::of(class)),
        }
    }
}
