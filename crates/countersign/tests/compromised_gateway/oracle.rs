//! What a text could mean, worked out in another way than the signer does: the
//! rows of the endpoint table, one by one, against every cut of the raw text.
//! Slow and plain.

use std::collections::HashSet;

use wire::model::{Effect, Rights};
use wire::venue::binance::Security;
use wire::venue::binance::endpoints::{self, Domain, Endpoint, RaiseWhen};

/// One way in which the venue could split the signed text into parameters.
struct Reading<'a> {
    /// The text as it is written.
    pairs: &'a [(String, String)],
    /// The parameter that is cut, and what the two parts are then.
    cut: Option<(usize, [(String, String); 2])>,
}

/// Endpoints that a signature helps to call, worst first.
pub(crate) struct Oracle {
    rows: Vec<&'static Endpoint>,
    rights: Rights,
}

fn at_worst(endpoint: &Endpoint) -> Effect {
    endpoint.raise.map_or(endpoint.effect, |raise| raise.effect.max(endpoint.effect))
}

impl Oracle {
    pub(crate) fn new(rights: Rights) -> Self {
        let mut rows: Vec<&'static Endpoint> = endpoints::all()
            .iter()
            .filter(|row| row.security == Security::Signed)
            .filter(|row| row.mandatory.is_some() && rights.has(row.right))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(at_worst(row)));
        Self { rows, rights }
    }

    /// The worst that the text could do, in any cut.
    pub(crate) fn worst(&self, text: &str) -> Option<Effect> {
        let mut worst = None;
        let readings = Readings::of(text);
        for row in &self.rows {
            if worst.is_some_and(|worst| at_worst(row) <= worst) {
                break;
            }
            worst = worst.max(readings.effect(row, self.rights));
        }
        worst
    }

    /// The endpoints where the text is worse than an order.
    pub(crate) fn worse_than_an_order(&self, text: &str) -> Vec<(&'static Endpoint, Effect)> {
        let readings = Readings::of(text);
        self.rows
            .iter()
            .filter(|row| at_worst(row) > Effect::Order)
            .filter_map(|row| Some((*row, readings.effect(row, self.rights)?)))
            .filter(|(_, effect)| *effect > Effect::Order)
            .collect()
    }

    /// Whether any endpoint would take the text as an order.
    pub(crate) fn places_orders(&self, text: &str) -> bool {
        let readings = Readings::of(text);
        let orders = self.rows.iter().filter(|row| row.effect == Effect::Order);
        orders.into_iter().any(|row| readings.effect(row, self.rights).is_some())
    }
}

/// A text, to be read whole and cut.
struct Readings {
    /// Names in lower case with their values, both as they are written.
    written: Vec<(String, String)>,
    /// The same, decoded.
    decoded: Vec<(String, String)>,
    /// Every end of every name: what a cut could leave.
    ends: HashSet<String>,
}

impl Readings {
    fn of(text: &str) -> Self {
        let written: Vec<(String, String)> = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let decoded: Vec<(String, String)> =
            written.iter().map(|(name, value)| (name.clone(), decode(value))).collect();
        let mut ends = HashSet::new();
        for (name, _) in &written {
            for (at, _) in name.char_indices() {
                ends.insert(name[at..].to_owned());
            }
        }
        Self { written, decoded, ends }
    }

    fn whole(&self) -> Reading<'_> {
        Reading { pairs: &self.decoded, cut: None }
    }

    /// Query and body, cut anywhere. A cut between two parameters changes
    /// nothing; one inside a parameter leaves the start of its name, or of its
    /// value, in the query and begins the body with the rest.
    fn cuts(&self) -> impl Iterator<Item = Reading<'_>> {
        self.written.iter().enumerate().flat_map(move |(place, (name, value))| {
            let names = (1..=name.len()).filter(|at| name.is_char_boundary(*at)).map(move |at| {
                let (query, body) = name.split_at(at);
                [(query.to_owned(), String::new()), (body.to_owned(), decode(value))]
            });
            let values =
                (0..=value.len()).filter(|at| value.is_char_boundary(*at)).map(move |at| {
                    let (query, body) = value.split_at(at);
                    [(name.clone(), decode(query)), (body.to_lowercase(), String::new())]
                });
            let parts = names.chain(values);
            parts.map(move |parts| Reading { pairs: &self.decoded, cut: Some((place, parts)) })
        })
    }

    /// The worst effect of the text at this endpoint, where it is taken.
    fn effect(&self, row: &Endpoint, rights: Rights) -> Option<Effect> {
        let groups = row.mandatory.as_ref()?;
        let possible = groups
            .iter()
            .all(|group| group.iter().any(|rule| self.ends.contains(&rule.name.to_lowercase())));
        if !possible {
            return None;
        }
        let mut worst = {
            let whole = self.whole();
            whole.takes(row).then(|| whole.effect(row, rights))
        };
        let settled = worst.is_some_and(|effect| effect == at_worst(row));
        if !settled {
            for reading in self.cuts().filter(|reading| reading.takes(row)) {
                worst = worst.max(Some(reading.effect(row, rights)));
            }
        }
        worst
    }
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, digits.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Reading<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let cut = self.cut.as_ref().map(|(place, _)| *place);
        let kept = self.pairs.iter().enumerate();
        let kept = kept.filter(move |(place, _)| Some(*place) != cut).map(|(_, pair)| pair);
        let parts = self.cut.iter().flat_map(|(_, parts)| parts);
        kept.chain(parts)
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn takes(&self, row: &Endpoint) -> bool {
        row.mandatory.as_ref().is_some_and(|groups| {
            groups.iter().all(|group| {
                group
                    .iter()
                    .any(|rule| self.values(rule.name).any(|value| could_take(rule.domain, value)))
            })
        })
    }

    fn effect(&self, row: &Endpoint, rights: Rights) -> Effect {
        let Some(raise) = row.raise else { return row.effect };
        let raised = match raise.when {
            RaiseWhen::Held(right) => rights.has(right),
            RaiseWhen::Is(name, wanted) => {
                self.values(name).any(|value| value.trim().eq_ignore_ascii_case(wanted))
            }
            RaiseWhen::IsNot(name, wanted) => self
                .values(name)
                // The start of it, which a cut leaves, is no value of the parameter.
                .any(|value| !value.is_empty() && !starts(wanted, value.trim())),
        };
        if raised { raise.effect.max(row.effect) } else { row.effect }
    }
}

/// Whether `value` is `wanted`, or the start of it.
fn starts(wanted: &str, value: &str) -> bool {
    wanted.get(..value.len()).is_some_and(|start| start.eq_ignore_ascii_case(value))
}

/// Whether some reader could take the value for one of the domain.
fn could_take(domain: Domain, value: &str) -> bool {
    let value = value.trim();
    match domain {
        Domain::Text => !value.is_empty(),
        Domain::OneOf(names) => names.split('|').any(|name| value.eq_ignore_ascii_case(name)),
        Domain::Integer | Domain::Decimal => is_some_number(value),
    }
}

/// Digits of any script, signs, a point, an exponent, white space between.
fn is_some_number(value: &str) -> bool {
    value.chars().any(char::is_numeric)
        && value.chars().all(|c| {
            c.is_numeric() || c.is_whitespace() || matches!(c, '+' | '-' | '.' | ',' | 'e' | 'E')
        })
}
