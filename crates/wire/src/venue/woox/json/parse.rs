//! The reader: one pass, no look-back, every loop bounded by the text.

use super::super::refusal::printable;
use super::super::{Refusal, RefusalCode};
use super::{Json, Object};
use crate::limits;
use crate::venue::binance::params::check_decoded;

pub(super) fn object(body: &[u8]) -> Result<Object, Refusal> {
    if body.len() > limits::SIGNED_TEXT_BYTES {
        return Err(malformed(format!("the body is over {} bytes", limits::SIGNED_TEXT_BYTES)));
    }
    let text = std::str::from_utf8(body).map_err(|_| {
        Refusal::new(RefusalCode::IllegalCharacters, "the body holds bytes that are not UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        return Err(Refusal::new(
            RefusalCode::IllegalCharacters,
            "the body begins with a byte order mark; send it without",
        ));
    }
    let mut reader = Reader { rest: text, values: 0 };
    reader.spaces();
    if !reader.take('{') {
        return Err(malformed("the body is no JSON object; send {\"name\":value}"));
    }
    let object = reader.object(1)?;
    reader.spaces();
    if !reader.rest.is_empty() {
        return Err(malformed("something stands behind the JSON object; send the object alone"));
    }
    Ok(object)
}

struct Reader<'a> {
    rest: &'a str,
    values: usize,
}

impl<'a> Reader<'a> {
    fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes one character, where it is next.
    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes so many bytes, which end on a character.
    fn piece(&mut self, length: usize) -> &'a str {
        let (piece, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        piece
    }

    /// Behind the `{`.
    fn object(&mut self, depth: usize) -> Result<Object, Refusal> {
        let mut object = Object::default();
        self.spaces();
        if self.take('}') {
            return Ok(object);
        }
        loop {
            self.spaces();
            let name = self.string("").map_err(|_| malformed("a name that is no plain text"))?;
            check_name(&name)?;
            self.spaces();
            if !self.take(':') {
                return Err(malformed(format!("no `:` behind the name `{name}`")));
            }
            self.spaces();
            let value = self.value(&name, depth)?;
            object.insert(name, value)?;
            self.spaces();
            if self.take('}') {
                return Ok(object);
            }
            if !self.take(',') {
                return Err(malformed("neither `,` nor `}` behind a value"));
            }
        }
    }

    /// Behind the `[`.
    fn list(&mut self, name: &str, depth: usize) -> Result<Json, Refusal> {
        let mut values = Vec::new();
        self.spaces();
        if self.take(']') {
            return Err(Refusal::of(RefusalCode::Empty, name, "is an empty list; leave it out"));
        }
        loop {
            self.spaces();
            values.push(self.value(name, depth)?);
            self.spaces();
            if self.take(']') {
                return Ok(Json::List(values));
            }
            if !self.take(',') {
                return Err(malformed("neither `,` nor `]` behind a value"));
            }
        }
    }

    fn value(&mut self, name: &str, depth: usize) -> Result<Json, Refusal> {
        self.values += 1;
        if self.values > limits::JSON_VALUES {
            return Err(Refusal::new(
                RefusalCode::Duplicate,
                format!("over {} values", limits::JSON_VALUES),
            ));
        }
        if depth > limits::JSON_DEPTH {
            return Err(of(name, "is nested too deeply"));
        }
        if self.take('{') {
            return Ok(Json::Object(self.object(depth + 1)?));
        }
        if self.take('[') {
            return self.list(name, depth + 1);
        }
        if self.rest.starts_with('"') {
            let text = self.string(name)?;
            check_text(name, &text)?;
            return Ok(Json::Text(text));
        }
        let length = self.rest.find([' ', '\t', '\n', '\r', ',', '}', ']']);
        match self.piece(length.unwrap_or(self.rest.len())) {
            "true" => Ok(Json::Boolean(true)),
            "false" => Ok(Json::Boolean(false)),
            "null" => Err(Refusal::of(
                RefusalCode::Empty,
                name,
                "is null; leave it out or give it a value",
            )),
            number => check_number(name, number).map(|()| Json::Number(number.to_owned())),
        }
    }

    /// A text with its quotes.
    fn string(&mut self, name: &str) -> Result<String, Refusal> {
        if !self.take('"') {
            return Err(of(name, "is no JSON text"));
        }
        let mut out = String::new();
        loop {
            let end =
                self.rest.find(['"', '\\']).ok_or_else(|| of(name, "is a text without end"))?;
            out.push_str(self.piece(end));
            if self.take('"') {
                return Ok(out);
            }
            self.take('\\');
            match self.rest.chars().next() {
                Some(c @ ('"' | '\\')) => {
                    self.piece(1);
                    out.push(c);
                }
                Some('u') => out.push(self.escaped(name)?),
                _ => return Err(needless(name)),
            }
        }
    }

    /// Behind the backslash of `\uXXXX`: a character outside ASCII, in one
    /// unit or a pair.
    fn escaped(&mut self, name: &str) -> Result<char, Refusal> {
        let broken = || of(name, "holds an escape that is no character");
        let first = self.unit().ok_or_else(broken)?;
        let character = match first {
            0xd800..=0xdbff => {
                if !self.take('\\') {
                    return Err(broken());
                }
                let second = self.unit().ok_or_else(broken)?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(broken());
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            0..=0x7f => return Err(needless(name)),
            other => other,
        };
        char::from_u32(character).ok_or_else(broken)
    }

    fn unit(&mut self) -> Option<u32> {
        if !self.take('u') {
            return None;
        }
        let digits = self.piece(4);
        let hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if bare && starts && name.len() <= limits::NAME_BYTES {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::IllegalCharacters,
        format!(
            "the name `{}` begins with no letter, holds other characters than letters, digits \
             and `_`, or is over {} bytes",
            printable(name),
            limits::NAME_BYTES
        ),
    ))
}

pub(super) fn check_text(name: &str, text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::of(
            RefusalCode::Empty,
            name,
            "has no value; leave it out or give it one",
        ));
    }
    if text.len() > limits::VALUE_BYTES {
        return Err(of(name, &format!("is over {} bytes", limits::VALUE_BYTES)));
    }
    check_decoded(name, text)
}

/// `0`, `12`, `0.5`; no sign, no exponent, no leading zero, and no more digits
/// than a double keeps.
fn check_number(name: &str, number: &str) -> Result<(), Refusal> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(Refusal::of(
            RefusalCode::IllegalCharacters,
            name,
            "is no plain JSON value; send text in quotes, true or false, or digits with at most \
             one point between them",
        ));
    }
    let length = number.bytes().filter(u8::is_ascii_digit).count();
    if length > limits::JSON_NUMBER_DIGITS {
        return Err(of(
            name,
            &format!(
                "is a number with over {} digits, which readers may round; send it as text",
                limits::JSON_NUMBER_DIGITS
            ),
        ));
    }
    Ok(())
}

fn needless(name: &str) -> Refusal {
    Refusal::of(
        RefusalCode::IllegalCharacters,
        name,
        "holds an escape for a character that needs none or has no place here; send it bare",
    )
}

fn of(name: &str, detail: &str) -> Refusal {
    if name.is_empty() {
        return malformed(detail);
    }
    Refusal::of(RefusalCode::Malformed, name, detail)
}

fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::Malformed, detail)
}
