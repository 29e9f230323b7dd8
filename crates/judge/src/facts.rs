//! What a verdict depends on, besides the judge's own state.
//!
//! INVARIANT (pure judge): nothing outside [`Facts`] and the events applied
//! before reaches a decision.

use std::net::IpAddr;

use wire::model::{Decimal, Intent};

use crate::time::UnixNanos;

/// Everything one decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The virtual key's bot, authenticated.
    pub bot: &'a str,
    /// What the request would do.
    pub intent: &'a Intent,
    /// The canonical text that is to be signed, without timestamp changes.
    pub text: &'a [u8],
    /// SHA-256 of `text`.
    pub text_digest: [u8; 32],
    /// One client order id for each order of the intent, in its order: the
    /// bot's own, or the one given to it. Empty where the intent places none.
    pub client_order_ids: &'a [String],
    /// Venue time.
    pub now: UnixNanos,
    /// The market's price, where one is known; its age is judged.
    pub reference: Option<Reference>,
    /// The price in USD of one unit of the market's quote asset; needed only
    /// where the quote asset is not counted as one dollar.
    pub quote_in_usd: Option<Reference>,
    /// The strictest halt in force for this bot, account and venue.
    pub halt: HaltLevel,
    /// Whether the log takes entries.
    pub log: LogState,
    /// Whether the clock can be believed.
    pub clock: ClockState,
    /// What is seen of the request beside what it asks for.
    pub around: Surroundings<'a>,
}

/// What is seen of a request beside what it asks for: the inputs of detectors
/// and approvals. The default knows nothing, and a detector that knows nothing
/// is silent about orders and treats value out as large.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// Whether the quorum has approved exactly this request (the digest of its
    /// content). The signer verifies the grants again.
    pub approved: bool,
    /// The address it came from; none over the Unix socket.
    pub peer: Option<IpAddr>,
    /// SHA-256 of the client certificate that it came with.
    pub certificate: Option<[u8; 32]>,
    /// The client library as it names itself (`User-Agent`); empty for none.
    pub client: &'a str,
    /// Value out: the price in USD of one unit of the asset.
    pub asset_in_usd: Option<Reference>,
    /// The market's slow price, where one is known.
    pub slow_price: Option<SlowPrice>,
    /// The evidence of a pump alert that is in force in the market; none where
    /// there is none.
    pub pump: Option<&'a str>,
    /// What the firm's other accounts did lately.
    pub elsewhere: Elsewhere,
}

/// A price that one minute of trading cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowPrice {
    /// Quote per base: of independent venues their median, of one venue its
    /// time-weighted median over at least ten minutes.
    pub price: Decimal,
    /// How many independent venues it is of.
    pub venues: u8,
}

/// What the firm's other accounts did lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Value out: accounts besides this one that sent value to the same
    /// destination within a day.
    pub accounts_to_destination: u32,
    /// Orders: trades of the last hour in this market whose two sides were
    /// both the firm's.
    pub trades_with_own: u32,
}

/// A price with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Best bid, quote per base.
    pub bid: Decimal,
    /// Best ask, quote per base.
    pub ask: Decimal,
    /// Between the two: what collars are measured from.
    pub mid: Decimal,
    /// When it was seen, venue time.
    pub at: UnixNanos,
}

/// How far trading is halted; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HaltLevel {
    /// Not at all.
    #[default]
    None,
    /// No value out.
    Withdrawals,
    /// Only orders that reduce.
    ReduceOnly,
    /// Only cancels and reads.
    CancelOnly,
    /// Nothing is signed.
    Full,
}

impl HaltLevel {
    /// The name on the command line and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Withdrawals => "withdrawals",
            Self::ReduceOnly => "reduce-only",
            Self::CancelOnly => "cancel-only",
            Self::Full => "full",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Withdrawals, Self::ReduceOnly, Self::CancelOnly, Self::Full]
            .into_iter()
            .find(|level| level.name() == name)
    }
}

/// Whether the log takes entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogState {
    /// It does.
    #[default]
    Ok,
    /// It cannot grow: reads and cancels go into its first reserve.
    ReserveReads,
    /// The first reserve is used up: cancels alone go into the second.
    ReserveCancels,
    /// Nothing can be written.
    Full,
}

impl LogState {
    /// The name in messages and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ReserveReads => "reserve-reads",
            Self::ReserveCancels => "reserve-cancels",
            Self::Full => "full",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ok, Self::ReserveReads, Self::ReserveCancels, Self::Full]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// Whether the clock can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClockState {
    /// Host clock and venue clock agree within the bound.
    #[default]
    Sane,
    /// They do not, or the host clock jumped.
    Insane,
}
