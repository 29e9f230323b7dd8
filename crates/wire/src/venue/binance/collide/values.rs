//! Whether the venue could take a value for a parameter.

use super::super::endpoints::Domain;
use super::starts_with;

/// Whether the venue could take a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Legal {
    /// As it is written.
    Whole,
    /// If the text is cut inside it.
    Start,
    /// Not at all. An empty value counts as not sent: the venue answers it
    /// with the error for a missing parameter.
    No,
}

pub(super) fn legal(domain: Domain, value: &str) -> Legal {
    let value = value.trim();
    let (whole, start) = match domain {
        Domain::Text => (!value.is_empty(), false),
        Domain::Integer | Domain::Decimal => (is_number(value), starts_number(value)),
        Domain::OneOf(names) => (
            names.split('|').any(|name| value.eq_ignore_ascii_case(name)),
            names.split('|').any(|name| starts_with(value, name)),
        ),
    };
    if whole {
        Legal::Whole
    } else if start {
        Legal::Start
    } else {
        Legal::No
    }
}

fn unsigned(value: &str) -> &str {
    value.strip_prefix(['+', '-']).unwrap_or(value)
}

/// Also what only lenient readers take, since it is not known how each host
/// reads: digits of any script, white space and separators between them,
/// exponents, a bare leading point, hexadecimal digits behind `0x` or `#`, a
/// type letter behind.
pub(super) fn is_number(value: &str) -> bool {
    // What nearly all are.
    if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return value.bytes().any(|byte| byte.is_ascii_digit());
    }
    let digits = unsigned(value);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return !digits.is_empty();
    }
    let hexadecimal = ["0x", "0X", "#"].into_iter().find_map(|mark| digits.strip_prefix(mark));
    if hexadecimal.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_hexdigit() || c.is_whitespace())
    }) {
        return true;
    }
    let plain = value.strip_suffix(['L', 'l', 'D', 'd', 'F', 'f']).unwrap_or(value);
    plain.chars().any(char::is_numeric)
        && plain.chars().all(|c| {
            c.is_numeric()
                || c.is_whitespace()
                || matches!(c, '+' | '-' | '.' | ',' | '_' | 'e' | 'E')
        })
}

pub(super) fn starts_number(value: &str) -> bool {
    let digits = unsigned(value);
    let digits = digits.strip_prefix(['.', '#']).unwrap_or(digits);
    let hexadecimal = value.contains('#');
    let first = digits.chars().next();
    first.is_some_and(|c| c.is_numeric() || (hexadecimal && c.is_ascii_hexdigit()))
}
