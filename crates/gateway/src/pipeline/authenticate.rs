//! authenticate: which bot this is, whether it may come from there, whether it
//! signed this, now, and for the first time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wire::limits::BOT_TIMESTAMP_AHEAD_MS;
use wire::model::Class;

use super::accept::Arrival;
use super::refused::{Refused, Why};
use crate::counters::Ending;
use crate::gateway::Gateway;
use crate::replay::{Replay, Use};
use crate::venue::Received;
use crate::virtual_key::Identity;

/// Who asks.
#[derive(Debug)]
pub(crate) struct Authenticated {
    pub(crate) identity: Arc<Identity>,
    /// When the bot's own receive window ends, Unix ms in venue time.
    pub(crate) deadline_ms: u64,
    /// The reload that it is known from.
    pub(crate) reload: u64,
}

/// Whose request this is.
///
/// INVARIANT (no free accusation): whatever fails here is counted by its
/// source; the bot that it names is not touched.
pub(crate) fn authenticate(
    gateway: &Gateway,
    arrival: &Arrival<'_>,
    received: &Received,
) -> Result<Authenticated, Refused> {
    let failed = |why: Why, message: &str| {
        gateway.failures.count(arrival.peer.address);
        Refused::new(Ending::Unauthenticated, why, message)
    };
    let api_key = received
        .api_key(arrival)
        .map_err(|why| failed(why, "send the virtual key in the venue's own header"))?;
    // Before the identities: where both change in between, the request is looked
    // at again when it is judged.
    let reload = gateway.reloads.load(Ordering::Acquire);
    let identities = gateway.identities.load();
    let Some(identity) = identities.find(api_key) else {
        return Err(failed(Why::UnknownKey, "no bot has this virtual key"));
    };
    if !identity.config.may_come_from(arrival.peer.address) {
        return Err(failed(Why::UnknownKey, "this virtual key is not used from this address"));
    }
    if !identity.config.may_come_with(arrival.peer.certificate.as_ref()) {
        return Err(failed(
            Why::UnknownKey,
            "this virtual key is not used without its client certificate",
        ));
    }
    let venue = received.endpoint().venue();
    if gateway.config.accounts.get(&identity.account).is_some_and(|one| one.venue != venue) {
        return Err(failed(Why::UnknownKey, "this virtual key is another venue's"));
    }
    let now_ms = gateway.clock.now().0 / 1_000_000;
    if !received.is_signed() {
        let deadline_ms = now_ms.saturating_add(received.receive_window_ms());
        return Ok(Authenticated { identity: Arc::clone(identity), deadline_ms, reload });
    }
    if received.is_by_session() {
        let deadline_ms = check_time(gateway, received, now_ms)?;
        return Ok(Authenticated { identity: Arc::clone(identity), deadline_ms, reload });
    }
    let Some(signature) = received.verified_signature(&identity.secret) else {
        return Err(failed(
            Why::BadSignature,
            "sign with the secret that belongs to this virtual key",
        ));
    };
    let deadline_ms = check_time(gateway, received, now_ms)?;
    let endpoint = received.endpoint();
    let usage = Use {
        endpoint: endpoint.name(),
        host: endpoint.host() as u8,
        is_read: endpoint.class() == Class::Read,
        deadline_ms,
    };
    // Signed before this process began, it may have been used before.
    if !usage.is_read
        && received.timestamp_ms().is_some_and(|stamp| stamp <= gateway.forgets_before_ms())
    {
        return Err(replayed(Replay::Full));
    }
    match gateway.replay.admit(identity.number, signature, usage, now_ms) {
        Ok(()) => Ok(Authenticated { identity: Arc::clone(identity), deadline_ms, reload }),
        Err(replay) => Err(replayed(replay)),
    }
}

impl Authenticated {
    /// Whether its virtual key still is what it was, for who comes from there:
    /// asked under the judge's lock, so that key and policy are of one reload.
    pub(crate) fn still_holds(&self, gateway: &Gateway, arrival: &Arrival<'_>) -> bool {
        if self.reload == gateway.reloads.load(Ordering::Acquire) {
            return true;
        }
        let identities = gateway.identities.load();
        let now = identities.all().find(|now| now.number == self.identity.number);
        now.is_some_and(|now| {
            now.account == self.identity.account
                && now.config.may_come_from(arrival.peer.address)
                && now.config.may_come_with(arrival.peer.certificate.as_ref())
        })
    }
}

/// The end of the bot's receive window, where it is now within it.
fn check_time(gateway: &Gateway, received: &Received, now_ms: u64) -> Result<u64, Refused> {
    let stale = |why: Why, text: &str| {
        let complaint = gateway.clock.complaint();
        Refused::new(Ending::Unauthenticated, why, format_args!("{text}{complaint}"))
    };
    let Some(timestamp) = received.timestamp_ms() else {
        return Err(stale(Why::NoTimestamp, "a signed request needs a timestamp"));
    };
    if timestamp >= now_ms.saturating_add(BOT_TIMESTAMP_AHEAD_MS) {
        return Err(stale(Why::TimestampAhead, "follow the venue's clock"));
    }
    let deadline = timestamp.saturating_add(received.receive_window_ms());
    if deadline < now_ms {
        return Err(stale(Why::TimestampOld, "follow the venue's clock"));
    }
    Ok(deadline)
}

fn replayed(replay: Replay) -> Refused {
    match replay {
        Replay::Repeated => Refused::new(
            Ending::Replayed,
            Why::Replayed,
            "this signed request was sent before; sign every request anew",
        ),
        Replay::Redirected => Refused::new(
            Ending::Replayed,
            Why::Replayed,
            "this signature was first used for another method or path; sign every request anew",
        ),
        Replay::Full => Refused::not_executed(
            Ending::Replayed,
            "it cannot be told whether this signed request is new (too many are remembered, or \
             the gateway has just started); sign it anew",
        ),
    }
}
