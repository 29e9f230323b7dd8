//! The events: what was announced, when the price first moved.

use std::collections::HashSet;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{EVENTS, EVENTS_BYTES, NAME_BYTES, broken, columns, table, wrong};
use crate::failure::Failure;

/// One announced pump.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// Its name, which is also that of its trades file.
    pub(super) name: String,
    /// When the price first moved, milliseconds since 1970; none where it never
    /// did.
    pub(super) onset_ms: Option<i64>,
    /// Whether the onset was labelled by hand.
    pub(super) hand_labelled: bool,
    /// Whether it is to be detected: it has an onset and moved far enough.
    pub(super) eligible: bool,
}

/// Reads the events file.
pub(super) fn read(path: &Path) -> Result<Vec<Event>, Failure> {
    let mut reader = table(path, EVENTS_BYTES)?;
    let names = ["event", "onset_utc", "eligible", "onset_hand_labelled_utc"];
    let [name, onset, eligible, by_hand] = columns(path, &mut reader, names)?;
    let (Some(name), Some(onset), Some(eligible)) = (name, onset, eligible) else {
        let what = "the header lacks `event`, `onset_utc` or `eligible`";
        return Err(wrong(path, Some(1), what));
    };
    let mut events = Vec::new();
    let mut seen = HashSet::new();
    for row in reader.records() {
        let row = row.map_err(|error| broken(path, &error))?;
        let line = row.position().map(csv::Position::line);
        let field = |column: usize| row.get(column).unwrap_or_default().trim();
        let bad = |what: String| wrong(path, line, what);
        if events.len() >= EVENTS {
            return Err(bad(format!("more than {EVENTS} events")));
        }
        let name = field(name);
        if !is_name(name) {
            return Err(bad(format!("`{name}` is no name of an event: letters, digits, _ - .")));
        }
        if !seen.insert(name.to_owned()) {
            return Err(bad(format!("`{name}` is there twice")));
        }
        let event = Event {
            name: name.to_owned(),
            onset_ms: time(field(onset)).map_err(bad)?,
            hand_labelled: by_hand.is_some_and(|column| !field(column).is_empty()),
            eligible: match field(eligible) {
                "True" | "true" => true,
                "False" | "false" => false,
                other => return Err(bad(format!("`{other}` is neither True nor False"))),
            },
        };
        if event.eligible && event.onset_ms.is_none() {
            return Err(bad(format!("`{name}` is eligible and has no onset")));
        }
        events.push(event);
    }
    Ok(events)
}

/// What can be part of a path without leaving the directory.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !name.is_empty()
        && name.len() <= NAME_BYTES
        && !name.starts_with('.')
        && name.bytes().all(allowed)
}

/// `2021-12-19 14:59:40.832` in UTC, as milliseconds since 1970.
fn time(text: &str) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let not = |_| format!("`{text}` is no time like 2021-12-19 14:59:40.832");
    let civil: DateTime = text.parse().map_err(not)?;
    let zoned = civil.to_zoned(TimeZone::UTC).map_err(not)?;
    Ok(Some(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_or_without_a_fraction() {
        assert_eq!(time("1970-01-01 00:00:01"), Ok(Some(1_000)));
        assert_eq!(time("2021-12-19 14:59:40.832"), Ok(Some(1_639_925_980_832)));
        assert_eq!(time(""), Ok(None));
        assert!(time("yesterday").is_err());
        assert!(time("2021-13-19 14:59:40").is_err());
    }

    #[test]
    fn names_stay_in_the_directory() {
        assert!(is_name("APPC_2020-11-18T1800"));
        for name in ["", "../x", "a/b", ".hidden", "a b", "ä", &"x".repeat(NAME_BYTES + 1)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
