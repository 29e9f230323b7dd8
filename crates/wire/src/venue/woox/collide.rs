//! What a text could mean.
//!
//! Version 1 signs neither method nor path nor host, so one signed text is good
//! for every endpoint of that version that takes its parameters: all the
//! mandatory ones are there with values it could take, and further ones count
//! as ignored. Names are compared without case, and a number counts as one as
//! soon as a digit is in it: where the venue's own reading is in doubt the wider
//! one counts. A text without parameters is also the login of the private
//! stream.
//!
//! Version 3 signs method and path: a text means the endpoint of its path. But
//! nothing stands between the parts, so that what follows a path could be sent
//! as the body of a request to a shorter path. For GET and DELETE, which have no
//! body, each endpoint whose path the text's path begins with counts too; a POST
//! or PUT so cut would have a body that no JSON reader takes.
//!
//! No endpoint drops out for want of a right: the venue does not publish which
//! right goes with which endpoint.

#[cfg(test)]
mod tests;

use super::endpoints::{self, Domain, Endpoint, ParameterRule};
use super::listed::path_values;
use super::params::{ParamText, Params};
use super::{Scheme, Text};
use crate::model::Effect;

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
    /// Every endpoint that would take the text as one or more orders,
    /// whatever is worse beside it.
    pub orders: Vec<&'static Endpoint>,
}

/// Everything the venue would take this text for.
pub fn meanings(text: &Text) -> Meanings {
    let endpoints = endpoints::all()
        .iter()
        .filter(|endpoint| endpoint.is_sourced() && takes(endpoint, text))
        .map(|endpoint| (endpoint, effect_of(endpoint, text)))
        .collect();
    Meanings { endpoints }
}

/// The worst that the venue would take this text for; `None` when no endpoint
/// takes it, or the table is broken: then it must not be signed.
pub fn worst(text: &Text) -> Option<Worst> {
    let found = meanings(text);
    let effect = found.worst()?;
    let by = if effect > Effect::Read { found.with(effect).next() } else { None };
    let orders = found
        .endpoints
        .iter()
        .map(|(endpoint, _)| *endpoint)
        .filter(|endpoint| endpoint.effect == Effect::Order)
        .collect();
    Some(Worst { effect, by, orders })
}

/// Whether the text is the one that logs a key on to the private stream: it
/// then reads what happens in the account until the connection ends.
pub fn equals_stream_login(text: &Text) -> bool {
    matches!(text, Text::V1 { params, .. } if params.is_empty())
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

/// The reads, cancels and orders that a key can never sign unless its ceiling
/// grants what is worse beside them.
pub fn indistinguishable() -> Vec<Indistinguishable> {
    let mut pairs = Vec::new();
    let asked = endpoints::all()
        .iter()
        .filter(|endpoint| endpoint.is_sourced() && endpoint.effect <= Effect::Order);
    for asked in asked {
        let Some(text) = shortest(asked) else { continue };
        let worse = meanings(&text).endpoints.into_iter();
        let worse = worse.filter(|(_, effect)| *effect > Effect::Order);
        pairs.extend(worse.map(|(worse, _)| Indistinguishable { asked, worse }));
    }
    pairs
}

/// The shortest text that the endpoint takes, with made-up values.
pub(super) fn shortest(endpoint: &Endpoint) -> Option<Text> {
    /// Any time will do.
    const TIME_MS: u64 = 1_700_000_000_000;
    let mut form = ParamText::default();
    let mut object = super::Object::default();
    for rule in endpoint.mandatory.iter().flatten().filter_map(|either| either.first()) {
        form.set(rule.name, rule.domain.example()).ok()?;
        object.add_text(rule.name, rule.domain.example()).ok()?;
    }
    match endpoint.scheme {
        Scheme::V1 | Scheme::Stream => Text::v1(&form, TIME_MS).ok(),
        Scheme::V3 => {
            let path: Vec<&str> = endpoint
                .path
                .split('/')
                .map(|segment| if segment.starts_with('{') { "7" } else { segment })
                .collect();
            let has_body = matches!(endpoint.method, "POST" | "PUT");
            let params = if has_body { Params::Json(object) } else { Params::Form(form) };
            Text::v3(endpoint.method, &path.join("/"), params, TIME_MS).ok()
        }
    }
}

fn takes(endpoint: &Endpoint, text: &Text) -> bool {
    match (endpoint.scheme, text) {
        (Scheme::Stream, Text::V1 { params, .. }) => params.is_empty(),
        (Scheme::V1, Text::V1 { params, .. }) => endpoint
            .mandatory
            .iter()
            .flatten()
            .all(|either| either.iter().any(|rule| satisfies(rule, params))),
        (Scheme::V3, Text::V3 { method, path, .. }) => {
            endpoint.method == *method
                && (path_values(endpoint.path, path).is_some()
                    || (matches!(*method, "GET" | "DELETE") && begins_with(path, endpoint.path)))
        }
        _ => false,
    }
}

/// Whether some start of the path is a path of the endpoint.
fn begins_with(path: &str, pattern: &'static str) -> bool {
    (1..path.len())
        .filter_map(|length| path.get(..length))
        .any(|start| path_values(pattern, start).is_some())
}

fn satisfies(rule: &ParameterRule, params: &ParamText) -> bool {
    params
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(rule.name))
        .any(|(_, value)| could_be(rule.domain, value))
}

fn could_be(domain: Domain, value: &str) -> bool {
    match domain {
        Domain::Text => !value.is_empty(),
        Domain::Integer | Domain::Decimal => value.bytes().any(|byte| byte.is_ascii_digit()),
        Domain::OneOf(names) => names.split('|').any(|name| value.eq_ignore_ascii_case(name)),
    }
}

/// The effect that this text has at an endpoint that takes it.
fn effect_of(endpoint: &Endpoint, text: &Text) -> Effect {
    let Some(raise) = endpoint.raise else {
        return endpoint.effect;
    };
    let given = |(name, value): (&str, Option<&str>)| {
        name.eq_ignore_ascii_case(raise.name)
            && value.is_none_or(|value| value.starts_with(raise.value))
    };
    let raised = match text {
        Text::V1 { params, .. } => {
            params.iter().map(|(name, value)| (name, Some(value))).any(given)
        }
        Text::V3 { params, .. } => params.iter().any(given),
    };
    if raised { raise.effect } else { endpoint.effect }
}
