//! Sees a virtual key used from a new address, with a new certificate or a new
//! client library.
//!
//! Why: a stolen key is used elsewhere and by other programs. It adds points
//! for `new_hours`; alone it holds nothing, since deployments do the same.
//!
//! Parameters: `new_hours`; `learning_hours` of the whole table. Blind spots: a
//! thief on the bot's own host; connections over the Unix socket have no
//! address. (Where `from` or certificates are configured, the gateway refuses
//! others before this is asked.)

use super::config::DetectConfig;
use super::habits::{Habits, client, place};
use super::look::{Look, within_hours};
use crate::time::UnixNanos;

pub(super) fn look(config: &DetectConfig, look: &Look<'_>, habits: &Habits) -> Option<String> {
    let (now, first) = (look.now(), habits.first_at?);
    // Its places of its first hours are its own.
    let learning = config.learning_hours;
    if within_hours(now, first, learning) {
        return None;
    }
    let new_hours = config.new_access.new_hours;
    let is_new = |since: Option<UnixNanos>| match since {
        None => true,
        Some(since) => within_hours(now, since, new_hours) && !within_hours(since, first, learning),
    };
    let around = &look.facts.around;
    let place = place(around.peer, around.certificate.as_ref());
    if place.is_some_and(|id| is_new(habits.places.since(id))) {
        let peer = around.peer.map(|peer| peer.to_string()).unwrap_or_default();
        let with = if around.certificate.is_some() { " with its certificate" } else { "" };
        return Some(format!("address {peer}{with} is new within {} h", new_hours));
    }
    client(around.client)
        .is_some_and(|id| is_new(habits.clients.since(id)))
        .then(|| format!("client `{}` is new within {} h", around.client.escape_debug(), new_hours))
}
