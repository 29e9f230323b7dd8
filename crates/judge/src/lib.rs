//! Whether a request may be signed, and why. No I/O, no clock, deterministic.
//!
//! INVARIANT (pure judge): same state and facts, same verdict and reasons.
//!
//! Reading order: [`facts`] (what a decision is made from), [`decide`] (the
//! order of checks), [`reason`] (why not), [`account`] (orders and what they
//! hold), [`counters`] (windows), [`policy`] (presets, Cedar, and decisions
//! kept), [`detect`] (what trades and requests look like over time), [`bounds`].

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

pub use account::AccountSetup;
pub use account::event::{
    AccountEvent, Balance, OpenOrder, OrderStatus, OrderUpdate, ReservationId, Restored,
    RestoredChange, RestoredHold, Trade,
};
pub use account::instruments::Instrument;
pub use decide::explain::Explanation;
pub use decide::house::HouseRead;
pub use decide::permit::{Permit, PermitParts};
pub use decide::verdict::{Outcome, Verdict};
pub use facts::{ClockState, Facts, HaltLevel, LogState, Reference};
pub use judge::{BotUsage, Judge, UnknownWithdrawal, Unsettled};
pub use policy::compile::{PolicyError, PolicySet};
pub use policy::config::{BotPolicy, Mode, Preset};
pub use policy::context::{Context, Value};
pub use reason::{DenyKind, Reason};
pub use time::UnixNanos;
