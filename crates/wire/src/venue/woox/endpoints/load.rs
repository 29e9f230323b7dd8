//! Reads the two tables; strict, because a misread line is a hole.

use super::super::Scheme;
use super::{Domain, Endpoint, ParameterRule, Raise};
use crate::model::{Class, Effect, Right};

const LISTED: &str = include_str!("../endpoints.tsv");
const MORE: &str = include_str!("../endpoints_more.tsv");
const COLUMNS: usize = 10;

/// A line of the tables that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    line: String,
    what: &'static str,
}

impl std::fmt::Display for TableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "this build's endpoint table is broken, nothing can be signed with it, install another build: {} in `{}`",
            self.what, self.line
        )
    }
}

impl std::error::Error for TableError {}

pub(super) fn tables() -> Result<Vec<Endpoint>, TableError> {
    let mut endpoints = parse(LISTED, true)?;
    endpoints.extend(parse(MORE, false)?);
    let mut names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair.first() == pair.last()) {
        return Err(TableError { line: pair.join(" "), what: "stands in the table twice" });
    }
    Ok(endpoints)
}

pub(super) fn parse(text: &'static str, listed: bool) -> Result<Vec<Endpoint>, TableError> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            endpoint(line, listed).map_err(|what| TableError { line: line.to_owned(), what })
        })
        .collect()
}

fn endpoint(line: &'static str, listed: bool) -> Result<Endpoint, &'static str> {
    let columns: Vec<&'static str> = line.split('\t').collect();
    let [scheme, method, path, mandatory, optional, right, effect, class, source, note] = columns
        .try_into()
        .map_err(|_: Vec<&str>| "wrong number of columns")
        .map(|columns: [&'static str; COLUMNS]| columns)?;
    let scheme = match scheme {
        "v1" => Scheme::V1,
        "v3" => Scheme::V3,
        "stream" => Scheme::Stream,
        _ => return Err("unknown scheme"),
    };
    let method = match (scheme, method) {
        (Scheme::V1 | Scheme::V3, "GET" | "POST" | "PUT" | "DELETE") => method,
        (Scheme::Stream, "-") => "",
        _ => return Err("unknown method"),
    };
    check_path(scheme, path)?;
    let (effect, raise) = effects(effect)?;
    let mandatory = mandatory_parameters(mandatory)?;
    if mandatory.is_none() != (source == "unsourced") {
        return Err("source and parameters differ");
    }
    if effect == Effect::HarmlessSetting && !note.starts_with("harmless") {
        return Err("a harmless setting without its reason");
    }
    Ok(Endpoint {
        name: match scheme {
            Scheme::V1 | Scheme::V3 => format!("{method} {path}"),
            Scheme::Stream => format!("stream {path}"),
        },
        scheme,
        method,
        path,
        mandatory,
        optional: list(optional, ','),
        right: Right::from_name(right).ok_or("unknown right")?,
        effect,
        raise,
        class: Class::from_name(class).ok_or("unknown class")?,
        source,
        note: if note == "-" { "" } else { note },
        listed,
    })
}

fn check_path(scheme: Scheme, path: &str) -> Result<(), &'static str> {
    let within = match scheme {
        Scheme::V3 => path.starts_with("/v3/"),
        Scheme::V1 => path.starts_with('/') && !path.starts_with("/v3/"),
        Scheme::Stream => !path.starts_with('/'),
    };
    let plain = path.split('/').skip(1).all(|segment| {
        let name =
            segment.strip_prefix('{').map_or(segment, |name| name.strip_suffix('}').unwrap_or("{"));
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if within && plain && !path.is_empty() { Ok(()) } else { Err("odd path for its scheme") }
}

fn list(column: &'static str, separator: char) -> Vec<&'static str> {
    if column == "-" {
        return Vec::new();
    }
    column.split(separator).collect()
}

/// `name:domain name:domain (name:domain|name:domain)`, `-` for none, `?` for
/// unknown.
fn mandatory_parameters(
    column: &'static str,
) -> Result<Option<Vec<Vec<ParameterRule>>>, &'static str> {
    if column == "?" {
        return Ok(None);
    }
    let groups: Result<Vec<_>, _> = list(column, ' ').into_iter().map(alternatives).collect();
    groups.map(Some)
}

fn alternatives(text: &'static str) -> Result<Vec<ParameterRule>, &'static str> {
    match text.strip_prefix('(').map(|text| text.strip_suffix(')')) {
        Some(Some(inner)) => inner.split('|').map(rule).collect(),
        Some(None) => Err("unclosed alternatives"),
        None => Ok(vec![rule(text)?]),
    }
}

fn rule(text: &'static str) -> Result<ParameterRule, &'static str> {
    let (name, domain) = text.split_once(':').ok_or("a parameter without its domain")?;
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.is_empty() || !letters {
        return Err("odd parameter name");
    }
    let word = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let domain = match domain {
        "text" | "symbol" | "asset" => Domain::Text,
        "integer" => Domain::Integer,
        "decimal" => Domain::Decimal,
        names if names.split('|').all(word) => Domain::OneOf(names),
        _ => return Err("unknown domain"),
    };
    Ok(ParameterRule { name, domain })
}

/// `effect` or `effect,worse@name=value`.
fn effects(column: &'static str) -> Result<(Effect, Option<Raise>), &'static str> {
    let (effect, raise) = match column.split_once(',') {
        Some((effect, raise)) => (effect, Some(raise)),
        None => (column, None),
    };
    let effect = Effect::from_name(effect).ok_or("unknown effect")?;
    let Some(raise) = raise else {
        return Ok((effect, None));
    };
    let (worse, when) = raise.split_once('@').ok_or("a raise without condition")?;
    let worse = Effect::from_name(worse).ok_or("unknown effect")?;
    if worse <= effect {
        return Err("a raise that does not raise");
    }
    let (name, value) = when.split_once('=').ok_or("unknown condition")?;
    Ok((effect, Some(Raise { effect: worse, name, value })))
}
