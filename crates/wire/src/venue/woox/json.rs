//! JSON bodies: bytes to an object and back, with one reading.
//!
//! A strict, bounded reader of what order bodies hold, and of nothing else.
//! INVARIANT (one reading): what two readers could read differently is refused
//! here, for bot and signer alike:
//!
//! * a name twice (whatever its case), in any object;
//! * a byte order mark, bytes that are not UTF-8, anything behind the object;
//! * a number with sign or exponent, or with more digits than a double keeps
//!   (`limits::JSON_NUMBER_DIGITS`): such numbers are sent as text;
//! * `null`, an empty text, an empty list;
//! * an escape where none is needed (`\u0041`, `\/`), controls, a lone
//!   surrogate, a per cent sign, invisible characters;
//! * names other than letters, digits and `_`, and nesting beyond
//!   `limits::JSON_DEPTH`.
//!
//! Spaces between the parts have no meaning and are taken. The canonical form
//! is compact, with the names of each object in order of their bytes, which is
//! how ccxt writes the outermost one.

use super::{Refusal, RefusalCode};

mod parse;
#[cfg(test)]
mod tests;

/// A value.
#[derive(Clone, PartialEq, Eq)]
pub enum Json {
    /// A text, decoded.
    Text(String),
    /// A number, as written: digits with at most one point between them.
    Number(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A list with at least one value.
    List(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// The value as form text, where it is a single one.
    pub fn scalar(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Boolean(true) => Some("true"),
            Self::Boolean(false) => Some("false"),
            Self::List(_) | Self::Object(_) => None,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => quote(text, out),
            Self::Number(text) => out.push_str(text),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::List(values) => {
                for (at, value) in values.iter().enumerate() {
                    out.push(if at == 0 { '[' } else { ',' });
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(object) => object.write(out),
        }
    }
}

/// An object: no name twice, names in order of their bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Object {
    fields: Vec<(String, Json)>,
}

impl Object {
    /// Reads one object, and nothing behind it.
    ///
    /// # Errors
    /// Whatever could be read in two ways, or is over a limit.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        parse::object(body)
    }

    /// The object, where the bytes are its canonical form: the signer signs no
    /// other.
    ///
    /// # Errors
    /// As [`Object::parse`], and another spelling.
    pub fn parse_canonical(body: &[u8]) -> Result<Self, Refusal> {
        let object = Self::parse(body)?;
        if object.canonical().as_bytes() == body {
            Ok(object)
        } else {
            Err(Refusal::new(RefusalCode::Malformed, "the body is not in canonical encoding"))
        }
    }

    /// The one text of this object.
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(64 * (1 + self.fields.len()));
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (at, (name, value)) in self.fields.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            quote(name, out);
            out.push(':');
            value.write(out);
        }
        out.push('}');
    }

    /// The value of that name; names are case-sensitive, as at the venue.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Adds a text under a name that is not there yet.
    ///
    /// # Errors
    /// A name that is there or not a bare one, or a value that a text cannot
    /// hold.
    pub fn add_text(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        parse::check_name(name)?;
        parse::check_text(name, value)?;
        self.insert(name.to_owned(), Json::Text(value.to_owned()))
    }

    fn insert(&mut self, name: String, value: Json) -> Result<(), Refusal> {
        if self.fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            return Err(Refusal::of(RefusalCode::Duplicate, &name, "sent twice; send it once"));
        }
        let at = self.fields.partition_point(|(known, _)| *known < name);
        self.fields.insert(at, (name, value));
        Ok(())
    }
}

/// Names only: values may be addresses and amounts of somebody's account.
impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// The kind only.
impl std::fmt::Debug for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "text",
            Self::Number(_) => "number",
            Self::Boolean(_) => "boolean",
            Self::List(_) => "list",
            Self::Object(_) => "object",
        })
    }
}

/// What was read holds no controls, so that only these two need an escape.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
