//! The decision on one text: read it, find the worst it could mean, hold that
//! against the key's ceiling. Each venue's texts are read in a file of their
//! own.
//!
//! INVARIANT (second reading): nothing here trusts the gateway. Its claim can
//! only make an ask be refused, never be signed.

mod binance;
mod woox;

use wire::limits::BOT_TIMESTAMP_AHEAD_MS;
use wire::model::Effect;

use super::clock::Moment;
use super::keys::Key;
use super::orders::MarketCharge;
use super::prepared::Prepared;
use super::refuse::{bot, gateway, operator};
use super::value::{Asked, Moves, needless};
pub(super) use crate::grant::sha256;
use crate::protocol::control::ConnectionKind;
use crate::protocol::{RefusalCode, SignAsk, SignRefusal};
use crate::venue::Venue;

/// What every ask of a frame is decided under.
#[derive(Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) moment: Moment,
    pub(super) offset_ms: i64,
    pub(super) kind: ConnectionKind,
    /// Until when what orders used in the last hour is unknown, window time.
    pub(super) orders_spent_until_ms: u64,
}

/// A text that may be signed once its charges are made and written.
pub(super) struct Decision {
    /// The text as it will be signed.
    pub(super) text: String,
    pub(super) meaning: Effect,
    /// Whether it takes no risk: reads, cancels, harmless settings.
    pub(super) quiet: bool,
    /// The time that was written, Unix ms.
    pub(super) timestamp_ms: u64,
    /// What orders take out of the ceiling's markets.
    pub(super) orders: Vec<MarketCharge>,
    /// What moves value, and what it is approved by.
    pub(super) moves: Moves,
    pub(super) asked_sha256: [u8; 32],
    /// The receive window that was written, or for how long the venue may take
    /// the text, ms.
    pub(super) receive_window_ms: u64,
}

impl Decision {
    fn new(ask: &SignAsk, found: &Found<'_>, timestamp_ms: u64, receive_window_ms: u64) -> Self {
        Self {
            text: String::new(),
            meaning: found.worst,
            quiet: found.quiet,
            timestamp_ms,
            orders: Vec::new(),
            moves: Moves::default(),
            asked_sha256: sha256(&ask.text),
            receive_window_ms,
        }
    }
}

/// What a text turned out to be.
struct Found<'a> {
    /// The worst that it could mean, and the endpoint where it does.
    worst: Effect,
    by: Option<&'a str>,
    /// Whether what the ceiling has to answer for takes no risk.
    quiet: bool,
}

/// Decides; charges nothing yet.
pub(super) fn decide(
    ask: &SignAsk,
    key: &mut Key,
    under: &Circumstances,
) -> Result<Decision, SignRefusal> {
    if let Prepared::Unusable(why) = &key.prepared {
        return Err(operator(
            RefusalCode::Scheme,
            format!("key `{}` cannot sign: {why}", key.info.name),
        ));
    }
    let decision = match key.venue {
        Venue::Binance => binance::decide(ask, key, under),
        Venue::Woox => woox::decide(ask, key, under),
    }?;
    if !ask.grants.is_empty() && decision.moves.approved.is_none() {
        return Err(needless());
    }
    Ok(decision)
}

/// What the moves of a text may need approval by.
fn approval_of<'a>(ask: &'a SignAsk, under: &Circumstances) -> Asked<'a> {
    Asked {
        principal: &ask.principal,
        grants: &ask.grants,
        // Whichever is later: a clock that goes back brings no approval to life.
        now_ms: under.moment.wall_ms.max(under.moment.window_ms),
    }
}

fn no_meaning() -> SignRefusal {
    gateway(RefusalCode::NoMeaning, "no endpoint of the venue takes this text with this key")
}

/// The time that will be signed, and how long the bot still waits, ms. `asked`
/// is the time in the text, Unix ms.
fn times(
    ask: &SignAsk,
    asked: u64,
    key: &Key,
    under: &Circumstances,
) -> Result<(u64, u64), SignRefusal> {
    let off = |ms: i64| format!("clock is off by {ms} ms, fix time synchronisation");
    if under.offset_ms.saturating_abs() > key.ceiling.clock_offset_ms {
        return Err(operator(RefusalCode::Clock, off(under.offset_ms)));
    }
    let now = under.moment.wall_ms.saturating_add_signed(under.offset_ms);
    if asked > now.saturating_add(BOT_TIMESTAMP_AHEAD_MS) {
        let ahead = i64::try_from(asked - now).unwrap_or(i64::MAX);
        return Err(bot(
            RefusalCode::Clock,
            format!("its time is {ahead} ms ahead of the venue; {}", off(ahead)),
        ));
    }
    let left = ask.deadline_unix_ms.saturating_sub(now);
    if left == 0 {
        return Err(bot(RefusalCode::Deadline, "the request's own receive window has passed"));
    }
    Ok((now, left))
}

/// What the claim, the connection and the key's standing rule out.
fn check_claim(
    ask: &SignAsk,
    found: &Found<'_>,
    key: &Key,
    under: &Circumstances,
) -> Result<(), SignRefusal> {
    if under.kind == ConnectionKind::CancelAll && !(ask.claim <= Effect::Cancel && found.quiet) {
        return Err(gateway(
            RefusalCode::CancelOnly,
            format!(
                "this connection signs reads and cancels only; the text could be {}",
                found.by.unwrap_or("a read")
            ),
        ));
    }
    if ask.claim > found.worst {
        return Err(gateway(
            RefusalCode::ClaimMismatch,
            format!(
                "the text cannot be what it is claimed to be ({}): the worst that this key could \
                 do with it is {}; the key may lack the right at the venue",
                ask.claim.name(),
                found.worst.name()
            ),
        ));
    }
    match &key.info.limited {
        Some(why) if !found.quiet && key.is_old => Err(operator(RefusalCode::StateSpent, why)),
        Some(why) if !found.quiet => Err(operator(RefusalCode::RightsWidened, why)),
        _ => Ok(()),
    }
}

/// What adds risk or moves value waits for a sane clock.
///
/// INVARIANT (fail closed): reads and cancels pass.
fn check_clock(under: &Circumstances) -> Result<(), SignRefusal> {
    match under.moment.jumped_ms {
        Some(ms) => Err(operator(
            RefusalCode::Clock,
            format!(
                "the host's clock has jumped: clock is off by {ms} ms, fix time synchronisation"
            ),
        )),
        None => Ok(()),
    }
}
