//! Whether a request may be signed, and why. No I/O, no clock, deterministic.
//!
//! INVARIANT (pure judge): same state and facts, same verdict and reasons.
//!
//! Reading order: [`facts`] (what a decision is made from), [`decide`] (the
//! order of checks), [`reason`] (why not), [`account`] (orders and what they
//! hold), [`counters`] (windows), [`policy`] (presets, Cedar, and decisions
//! kept), [`detect`] (what looks unlike the bot), [`bounds`].

pub mod account;
pub mod bounds;
pub mod counters;
pub mod decide;
pub mod detect;
pub mod facts;
mod judge;
pub mod money;
pub mod policy;
pub mod reason;
pub mod time;
mod valuation;

pub use account::event::{
    AccountEvent, Balance, OpenOrder, OrderStatus, OrderUpdate, ReservationId, Restored,
    RestoredChange, RestoredHabit, RestoredHold, Trade,
};
pub use account::instruments::Instrument;
pub use account::{AccountSetup, DOLLARS};
pub use decide::candidate::Candidate;
pub use decide::explain::Explanation;
pub use decide::house::HouseRead;
pub use decide::permit::{Permit, PermitParts};
pub use decide::verdict::{Outcome, Verdict};
pub use detect::{Alarm, Alert, DetectConfig, Detector, Response};
pub use facts::{
    ClockState, Elsewhere, Facts, HaltLevel, LogState, Reference, SlowPrice, Surroundings,
};
pub use judge::{BotUsage, Judge, Resting, UnknownWithdrawal, Unsettled};
pub use policy::compile::{PolicyError, PolicySet};
pub use policy::config::{BotPolicy, Mode, Preset};
pub use policy::context::{Context, Value};
pub use reason::{DenyKind, Reason};
pub use time::UnixNanos;
