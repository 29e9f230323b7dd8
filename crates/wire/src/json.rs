//! JSON, strictly and bounded: what two readers could read differently is
//! refused.
//!
//! INVARIANT (one reading): a name twice in one object (whatever its case), a
//! byte order mark, a lone surrogate, bytes that are not UTF-8, anything behind
//! the value, a number or an escape that RFC 8259 does not know are errors.
//! A number is kept as the exact text it was sent in: nothing here rounds.

use std::fmt::Write as _;

use crate::limits;

mod scan;
#[cfg(test)]
mod tests;

/// One JSON value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number, in the exact text of the request.
    Number(String),
    /// A string, its escapes resolved.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object: names in their order, none twice.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The member of that name; names are case-sensitive.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members()?.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The members of an object.
    pub fn members(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn elements(&self) -> Option<&[Self]> {
        match self {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A string, number or flag as the text that a parameter would have; `None`
    /// for null, lists and objects.
    pub fn scalar(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Boolean(true) => Some("true"),
            Self::Boolean(false) => Some("false"),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The one spelling of this value: no white space, order kept, numbers as
    /// they came, only `"`, `\` and controls escaped.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Appends the canonical spelling.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(true) => out.push_str("true"),
            Self::Boolean(false) => out.push_str("false"),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => write_text(text, out),
            Self::List(elements) => {
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Hand-written: values may be somebody's account.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(_) => f.write_str("flag"),
            Self::Number(_) => f.write_str("number"),
            Self::Text(_) => f.write_str("text"),
            Self::List(elements) => f.debug_list().entries(elements).finish(),
            Self::Object(members) => {
                f.debug_map().entries(members.iter().map(|(name, value)| (name, value))).finish()
            }
        }
    }
}

/// Appends a JSON string: escapes what must be, and nothing else.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Why a text is not read as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where, bytes from the start.
    pub at: usize,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsonErrorKind {
    /// No JSON by RFC 8259.
    Syntax,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A byte order mark.
    ByteOrderMark,
    /// A name twice in one object.
    DuplicateName,
    /// A number that starts with zeros, a sign, or a point.
    Number,
    /// An escape that is unknown, or half a surrogate pair.
    Escape,
    /// Something behind the value.
    Trailing,
    /// Over the depth, the size or the number of values that are read.
    TooLarge,
}

impl JsonErrorKind {
    /// What to tell the sender.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Syntax => "no JSON",
            Self::NotUtf8 => "JSON with bytes that are not UTF-8",
            Self::ByteOrderMark => "JSON behind a byte order mark; send it without",
            Self::DuplicateName => "JSON with a name twice in one object; send it once",
            Self::Number => "JSON with a number that is not plain (leading zeros, a sign, a point)",
            Self::Escape => "JSON with an unknown escape or half a surrogate pair",
            Self::Trailing => "JSON with something behind it",
            Self::TooLarge => "JSON that is too deep, too long or has too many values",
        }
    }
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (byte {})", self.kind.text(), self.at)
    }
}

impl std::error::Error for JsonError {}

/// Reads one JSON value and nothing behind it.
///
/// # Errors
/// Whatever two readers could read differently, or is over a limit.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    if bytes.len() > limits::JSON_BYTES {
        return Err(JsonError { kind: JsonErrorKind::TooLarge, at: limits::JSON_BYTES });
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError { kind: JsonErrorKind::ByteOrderMark, at: 0 });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError { kind: JsonErrorKind::NotUtf8, at: error.valid_up_to() })?;
    scan::document(text)
}

/// Reads a value that must be spelled as [`Value::canonical`] spells it.
///
/// # Errors
/// As [`parse`], and any other spelling.
pub fn parse_canonical(bytes: &[u8]) -> Result<Value, JsonError> {
    let value = parse(bytes)?;
    if value.canonical().as_bytes() == bytes {
        Ok(value)
    } else {
        Err(JsonError { kind: JsonErrorKind::Syntax, at: 0 })
    }
}
