//! Reads the two tables; strict, because a misread line is a hole.

use super::super::Security;
use super::{Domain, Endpoint, HostGroup, ParameterRule, Raise, RaiseWhen, Surface};
use crate::model::{Class, Effect, Right};

const LISTED: &str = include_str!("../endpoints.tsv");
const MORE: &str = include_str!("../endpoints_more.tsv");
const COLUMNS: usize = 12;

/// A line of the tables that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    line: String,
    what: &'static str,
}

impl TableError {
    fn new(line: &str, what: &'static str) -> Self {
        Self { line: line.to_owned(), what }
    }

    pub(super) fn duplicate(name: &str) -> Self {
        Self::new(name, "stands in the table twice")
    }
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
    Ok(endpoints)
}

pub(super) fn parse(text: &'static str, listed: bool) -> Result<Vec<Endpoint>, TableError> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| endpoint(line, listed).map_err(|what| TableError::new(line, what)))
        .collect()
}

fn endpoint(line: &'static str, listed: bool) -> Result<Endpoint, &'static str> {
    let columns: Vec<&'static str> = line.split('\t').collect();
    let [
        surface,
        host,
        method,
        path,
        security,
        mandatory,
        optional,
        right,
        effect,
        class,
        source,
        note,
    ] = columns
        .try_into()
        .map_err(|_: Vec<&str>| "wrong number of columns")
        .map(|columns: [&'static str; COLUMNS]| columns)?;
    let surface = match surface {
        "rest" => Surface::Rest,
        "ws" => Surface::WebSocket,
        _ => return Err("unknown surface"),
    };
    let host_group = HostGroup::from_name(host).ok_or("unknown host group")?;
    if host_group.surface() != surface {
        return Err("surface and host group differ");
    }
    let method = match (surface, method) {
        (Surface::Rest, "GET" | "POST" | "PUT" | "DELETE") => method,
        (Surface::WebSocket, "-") => "",
        _ => return Err("unknown method"),
    };
    let rest_path = path.strip_prefix('/').is_some_and(|path| path.split('/').next() == Some(host));
    if path.is_empty() || (surface == Surface::Rest) != rest_path {
        return Err("path outside the host group");
    }
    let (effect, raise) = effects(effect)?;
    let mandatory = mandatory_parameters(mandatory)?;
    if mandatory.is_none() != (source == "unsourced") {
        return Err("source and parameters differ");
    }
    if effect == Effect::HarmlessSetting && !note.starts_with("harmless") {
        return Err("a harmless setting without its reason");
    }
    Ok(Endpoint {
        name: match surface {
            Surface::Rest => format!("{method} {path}"),
            Surface::WebSocket => format!("{host} {path}"),
        },
        surface,
        host_group,
        method,
        path,
        security: match security {
            "public" => Security::Public,
            "key-only" => Security::KeyOnly,
            "signed" => Security::Signed,
            _ => return Err("unknown security"),
        },
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
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if name.is_empty() || !letters {
        return Err("odd parameter name");
    }
    let domain = match domain {
        "text" | "symbol" | "asset" | "bool" | "list" => Domain::Text,
        "integer" => Domain::Integer,
        "decimal" => Domain::Decimal,
        names
            if !names.is_empty()
                && names.split('|').all(|name| {
                    !name.is_empty() && name.bytes().all(|byte| !byte.is_ascii_lowercase())
                }) =>
        {
            Domain::OneOf(names)
        }
        _ => return Err("unknown domain"),
    };
    Ok(ParameterRule { name, domain })
}

/// `effect` or `effect,worse@condition`.
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
    let when = if let Some(right) = when.strip_prefix("right:") {
        RaiseWhen::Held(Right::from_name(right).ok_or("unknown right")?)
    } else if let Some((name, value)) = when.split_once('!') {
        RaiseWhen::IsNot(name, value)
    } else if let Some((name, value)) = when.split_once('=') {
        RaiseWhen::Is(name, value)
    } else {
        return Err("unknown condition");
    };
    let raise = Raise { effect: worse, when };
    Ok((effect, Some(raise)))
}
