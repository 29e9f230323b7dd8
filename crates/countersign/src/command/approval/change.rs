//! Changes of ceilings in words: what goes, what comes and what stays.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vault::change::{Change, Line};

use super::show::time;
use crate::failure::Failure;

/// Reads the bytes of a change.
pub(crate) fn decode(bytes: &str) -> Result<Change, Failure> {
    Change::decode(bytes.as_bytes()).map_err(|error| {
        Failure::negative(error).next("take the file as `countersign key change` printed it")
    })
}

fn digest(change: &Change) -> String {
    change.digest().map(hex::encode).unwrap_or_default()
}

/// The change, from the bytes that are signed. Lines begin with `-` where they
/// go and with `+` where they come.
pub(crate) fn words(change: &Change) -> String {
    let mut text = format!("change {} of a ceiling\n", change.id);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<9} {value}");
    };
    line("key", &change.key);
    line("of", &format!("account {} at {}", change.account, change.venue));
    line("makes", &format!("ceiling {}", change.generation));
    line("proposed", &time(change.issued_unix_ms));
    line("expires", &time(change.expires_unix_ms));
    line("sha256", &digest(change));
    for line in change.lines() {
        let _ = match line {
            Line::Stays(line) => writeln!(text, "    {line}"),
            Line::Goes(line) => writeln!(text, "  - {line}"),
            Line::Comes(line) => writeln!(text, "  + {line}"),
        };
    }
    text
}

/// The same for programs, with one more field.
pub(crate) fn json(change: &Change, name: &str, value: &str) -> Value {
    let lines = change.lines();
    let of = |wanted: fn(&Line) -> Option<&String>| -> Vec<&String> {
        lines.iter().filter_map(wanted).collect()
    };
    json!({
        "id": change.id.to_string(),
        "sha256": digest(change),
        "key": change.key,
        "account": change.account,
        "venue": change.venue,
        "generation": change.generation,
        "expires_ms": change.expires_unix_ms,
        "goes": of(|line| match line { Line::Goes(text) => Some(text), _ => None }),
        "comes": of(|line| match line { Line::Comes(text) => Some(text), _ => None }),
        "stays": of(|line| match line { Line::Stays(text) => Some(text), _ => None }),
        name: value,
    })
}
