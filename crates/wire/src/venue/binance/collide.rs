//! What a text could mean.
//!
//! The venue's signature covers neither method nor path nor host, so one
//! signed text is good for every endpoint that takes its parameters. This
//! module finds them all, and the worst of them.
//!
//! An endpoint takes a text when all its mandatory parameters are there with
//! values it could take; further parameters count as ignored. It drops out
//! only where the venue ties it to a right that the key lacks. Where the
//! venue's own reading is in doubt the wider one counts:
//!
//! - parameter names are compared without case (the venue takes
//!   `orderidlist` for `orderIdList`), and up to a `[` (indexed lists);
//! - the signed text is query and body joined *without separator*, so whoever
//!   sends it may cut it once anywhere: `xcoin=BTC` can arrive as a query that
//!   ends in `x` and a body `coin=BTC`, `type=MARGIN_MAIN` as `type=MARGIN`.
//!   So for one parameter of a text the end of its name, or the start of its
//!   value, counts too. Where a second `timestamp` or `recvWindow` could come
//!   out of such a cut, the text means nothing that may be signed.

mod index;
mod names;
#[cfg(test)]
mod tests;
mod values;

use std::sync::LazyLock;

use super::charge::Products;
use super::endpoints::{self, Domain, Endpoint, HostGroup, RaiseWhen};
use super::{ParamText, Security};
use crate::model::{Effect, Rights};
use index::{Entry, Index, Presence};

static INDEX: LazyLock<Option<Index>> = LazyLock::new(Index::build);

/// Decoded parameters, in any order, without `signature`.
pub trait Pairs {
    /// Names and values.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)>;
}

impl Pairs for ParamText {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> Pairs for [(N, V)] {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

/// How far a signed text reaches: what its key may do, and which hosts know
/// the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The rights of the key, as sealed.
    pub rights: Rights,
    hosts: u16,
}

impl Reach {
    /// Every host of the venue.
    pub const fn everywhere(rights: Rights) -> Self {
        Self { rights, hosts: u16::MAX }
    }

    /// Only these hosts: for a venue of its own that lacks some, such as a
    /// test network without `/sapi`, where the key is unknown elsewhere.
    pub fn only(rights: Rights, groups: &[HostGroup]) -> Self {
        let hosts = groups.iter().fold(0, |bits, group| bits | host_bit(*group));
        Self { rights, hosts }
    }

    fn includes(self, endpoint: &Endpoint) -> bool {
        self.rights.has(endpoint.right) && self.hosts & host_bit(endpoint.host_group) != 0
    }
}

const fn host_bit(group: HostGroup) -> u16 {
    1 << group as u16
}

/// Everything the venue would take a text for.
#[derive(Clone, Debug, Default)]
pub struct Meanings {
    /// Each endpoint, with the effect that this very text has there.
    pub endpoints: Vec<(&'static Endpoint, Effect)>,
}

impl Meanings {
    /// The worst effect; `None` when no endpoint takes the text, which must
    /// then not be signed.
    pub fn worst(&self) -> Option<Effect> {
        self.endpoints.iter().map(|(_, effect)| *effect).max()
    }

    /// The endpoints where the text has that effect.
    pub fn with(&self, effect: Effect) -> impl Iterator<Item = &'static Endpoint> {
        self.endpoints
            .iter()
            .filter(move |(_, of_text)| *of_text == effect)
            .map(|(endpoint, _)| *endpoint)
    }
}

/// The worst that a text could do.
#[derive(Clone, Debug)]
pub struct Worst {
    /// The effect.
    pub effect: Effect,
    /// An endpoint where the text has that effect; `None` for a mere read.
    pub by: Option<&'static Endpoint>,
    /// An endpoint that would take the text as one or more orders, whatever is
    /// worse beside it.
    pub order: Option<&'static Endpoint>,
    /// The products of every endpoint that would.
    pub products: Products,
}

/// Everything the venue would take this text for. For explanations and tests; the path uses
/// [`worst`].
pub fn meanings<P: Pairs + ?Sized>(params: &P, reach: Reach) -> Meanings {
    let Some(index) = INDEX.as_ref() else {
        return Meanings::default();
    };
    let presence = index.presence(params.pairs());
    if presence.hides_time {
        return Meanings::default();
    }
    let endpoints = index
        .every()
        .filter(|entry| entry.is_within(reach) && entry.takes(&presence))
        .map(|entry| (entry.endpoint, effect_of(entry.endpoint, params, reach)))
        .collect();
    Meanings { endpoints }
}

/// The worst that the venue would take this text for; `None` when no
/// endpoint takes it, or the table is broken: then it must not be signed.
pub fn worst<P: Pairs + ?Sized>(params: &P, reach: Reach) -> Option<Worst> {
    let index = INDEX.as_ref()?;
    let presence = index.presence(params.pairs());
    if presence.hides_time {
        return None;
    }
    let mut worst = Worst { effect: Effect::Read, by: None, order: None, products: Products::NONE };
    let mut taken = index.bare_read_within(reach);
    if !taken {
        // Rare: a key that reaches no read which takes every text.
        taken = index.worse().any(|entry| entry.is_within(reach) && entry.takes(&presence));
    }
    index.for_each_candidate(&presence, reach, &mut worst, |entry, worst| {
        if !entry.takes(&presence) {
            return;
        }
        if entry.products != Products::NONE {
            worst.order = Some(entry.endpoint);
            worst.products = worst.products.with(entry.products);
        }
        let effect = effect_at(entry, &presence, params, reach);
        if effect > worst.effect {
            worst.effect = effect;
            worst.by = Some(entry.endpoint);
        }
    });
    taken.then_some(worst)
}

/// An endpoint no worse than an order, and a worse one that takes its
/// shortest text.
#[derive(Clone, Copy, Debug)]
pub struct Indistinguishable {
    /// What a bot would ask for.
    pub asked: &'static Endpoint,
    /// What the signature would also be good for.
    pub worse: &'static Endpoint,
}

/// The reads, cancels and orders that a key of this reach can never sign
/// unless its ceiling grants what is worse beside them.
pub fn indistinguishable(reach: Reach) -> Vec<Indistinguishable> {
    let mut pairs = Vec::new();
    let asked = endpoints::all().iter().filter(|endpoint| {
        takes_part(endpoint) && endpoint.effect <= Effect::Order && reach.includes(endpoint)
    });
    for asked in asked {
        let found = meanings(shortest(asked).as_slice(), reach);
        let worse = found.endpoints.into_iter();
        let worse = worse.filter(|(_, effect)| *effect > Effect::Order);
        pairs.extend(worse.map(|(worse, _)| Indistinguishable { asked, worse }));
    }
    pairs
}

/// The shortest text that the endpoint takes, with made-up values.
fn shortest(endpoint: &Endpoint) -> Vec<(&'static str, &'static str)> {
    let rules = endpoint.mandatory.iter().flatten();
    rules
        .filter_map(|alternatives| alternatives.first())
        .map(|rule| (rule.name, rule.domain.example()))
        .chain([("timestamp", "1")])
        .collect()
}

/// Whether the text is the one that logs a key on to a WebSocket: with a key
/// that can log on, its holder then needs no further signature.
pub fn equals_session_logon<P: Pairs + ?Sized>(params: &P) -> bool {
    let mut key = false;
    let mut stamp = false;
    for (name, _) in params.pairs() {
        if name.eq_ignore_ascii_case("apiKey") {
            key = true;
        } else if name.eq_ignore_ascii_case("timestamp") {
            stamp = true;
        } else if !name.eq_ignore_ascii_case("recvWindow") {
            return false;
        }
    }
    key && stamp
}

/// Whether any endpoint of the tables has a parameter of that name, compared
/// without case: a text with another name was not made by a client.
pub fn is_known_name(name: &str) -> bool {
    INDEX.as_ref().is_some_and(|index| index.knows(name))
}

/// Whether some reader could take the value for a whole number, as it is written.
pub(super) fn could_be_integer(value: &str) -> bool {
    values::legal(Domain::Integer, value) == values::Legal::Whole
}

/// Whether a name ends in one of the two that bound a text's life. (One read has
/// parameters that do, for its history: without them it is signed.)
fn hides_time(name: &str) -> bool {
    ["timestamp", "recvWindow"]
        .into_iter()
        .any(|time| name.len() > time.len() && ends_with(name, time))
}

/// The same as [`effect_of`], without a look at every parameter where no name
/// could raise it.
fn effect_at<P: Pairs + ?Sized>(
    entry: &Entry,
    presence: &Presence,
    params: &P,
    reach: Reach,
) -> Effect {
    if entry.could_rise(presence) {
        effect_of(entry.endpoint, params, reach)
    } else {
        entry.endpoint.effect
    }
}

/// The effect that this text has at an endpoint that takes it.
fn effect_of<P: Pairs + ?Sized>(endpoint: &Endpoint, params: &P, reach: Reach) -> Effect {
    let Some(raise) = endpoint.raise else {
        return endpoint.effect;
    };
    let raised = match raise.when {
        RaiseWhen::Held(right) => reach.rights.has(right),
        RaiseWhen::Is(wanted, value) => {
            params.pairs().any(|(name, given)| ends_with(name, wanted) && could_be(given, value))
        }
        RaiseWhen::IsNot(wanted, value) => params.pairs().any(|(name, given)| {
            ends_with(name, wanted) && !given.trim().eq_ignore_ascii_case(value)
        }),
    };
    if raised { raise.effect } else { endpoint.effect }
}

/// Whether some reader could take what is given, whole or cut, for this value: also behind
/// a sign, and in digits of another script.
fn could_be(given: &str, value: &str) -> bool {
    let given = given.trim_start();
    let given = given.strip_prefix(['+', '-', '.']).unwrap_or(given);
    starts_with(given, value) || given.chars().next().is_some_and(|first| !first.is_ascii())
}

fn starts_with(text: &str, start: &str) -> bool {
    let text = text.trim_start().as_bytes();
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()))
}

fn ends_with(text: &str, end: &str) -> bool {
    let text = text.split('[').next().unwrap_or_default().as_bytes();
    text.len()
        .checked_sub(end.len())
        .and_then(|from| text.get(from..))
        .is_some_and(|text| text.eq_ignore_ascii_case(end.as_bytes()))
}

/// Whether the endpoint takes part in what a text could mean: only where a
/// signature is asked for does a signed text add anything.
fn takes_part(endpoint: &Endpoint) -> bool {
    endpoint.security == Security::Signed && endpoint.is_sourced()
}
