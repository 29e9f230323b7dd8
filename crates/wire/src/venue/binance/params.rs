//! Parameter text: bytes to decoded parameters and back, with one reading.
//!
//! INVARIANT (one reading): what two readers could read differently is refused
//! here, for bot and signer alike. What real clients send is taken:
//!
//! * `%XX` in either case of hex digits, but not both in one text;
//! * a space as `+` (form encoding, python-binance and the vendor's SDK) or as
//!   `%20` (ccxt), but not both in one text; a plus sign only as `%2B`;
//! * the marks `@ : , / ! ' ( ) * $` bare (JavaScript and the vendor's older
//!   connector leave some of them) or encoded;
//! * letters, digits and `- . _` only bare, names only bare.
//!
//! Everything else is refused: a second name (whatever its case), no `=` or a
//! second one, an empty name or value, an empty pair, controls, a per cent sign
//! that is data (double encoding), bytes that are not UTF-8, invisible
//! characters.

use super::{Refusal, RefusalCode};
use crate::limits;

mod percent;

pub(crate) use percent::{
    Encodings, check_decoded, decode_value, encode_into, is_plain, loose_decode,
};

/// Decoded parameters in the order of the request: bounded, no name twice.
#[derive(Clone, Default)]
pub struct ParamText {
    /// Decoded names and values, back to back.
    buffer: String,
    spans: Vec<Span>,
}

#[derive(Clone, Copy)]
struct Span {
    name: u32,
    value: u32,
    end: u32,
}

impl ParamText {
    /// Reads `name=value&name=value`. An empty text has no parameters.
    ///
    /// # Errors
    /// Whatever could be read in two ways, or is over a limit.
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let mut params =
            Self { buffer: String::with_capacity(text.len() + 64), spans: Vec::with_capacity(16) };
        params.parse_more(text)?;
        Ok(params)
    }

    fn parse_more(&mut self, text: &[u8]) -> Result<(), Refusal> {
        if text.len() > limits::SIGNED_TEXT_BYTES {
            return Err(Refusal::new(
                RefusalCode::Duplicate,
                format!("the parameters are over {} bytes", limits::SIGNED_TEXT_BYTES),
            ));
        }
        if text.is_empty() {
            return Ok(());
        }
        let mut rest = std::str::from_utf8(text).map_err(|_| not_utf8(text))?;
        let mut encodings = Encodings::default();
        loop {
            let end_of_name = rest.bytes().position(|byte| matches!(byte, b'=' | b'&'));
            let (name, after) = rest.split_at(end_of_name.unwrap_or(rest.len()));
            let Some(after) = after.strip_prefix('=') else {
                return Err(Refusal::new(
                    RefusalCode::Malformed,
                    "a parameter without `=`, or an empty one between two `&`; \
                     send name=value pairs",
                ));
            };
            let end_of_value = after.bytes().position(|byte| byte == b'&');
            let (value, next) = after.split_at(end_of_value.unwrap_or(after.len()));
            self.push_encoded(name, value, &mut encodings)?;
            match next.strip_prefix('&') {
                Some(next) => rest = next,
                None => return Ok(()),
            }
        }
    }

    fn push_encoded(
        &mut self,
        name: &str,
        value: &str,
        encodings: &mut Encodings,
    ) -> Result<(), Refusal> {
        let name = checked_name(name)?;
        if self.spans.len() >= limits::PARAMETERS {
            return Err(Refusal::new(
                RefusalCode::Duplicate,
                format!("over {} parameters", limits::PARAMETERS),
            ));
        }
        if self.place_of(name, str::eq_ignore_ascii_case).is_some() {
            return Err(Refusal::of(
                RefusalCode::Duplicate,
                name,
                "sent twice; send it once, in one place",
            ));
        }
        if value.is_empty() {
            return Err(Refusal::of(
                RefusalCode::Empty,
                name,
                "has no value; leave it out or give it one",
            ));
        }
        let start = self.position();
        self.buffer.push_str(name);
        let middle = self.position();
        decode_value(name, value, encodings, &mut self.buffer)?;
        let end = self.position();
        if (end - middle) as usize > limits::VALUE_BYTES {
            return Err(Refusal::of(
                RefusalCode::Malformed,
                name,
                format!("is over {} bytes", limits::VALUE_BYTES),
            ));
        }
        self.spans.push(Span { name: start, value: middle, end });
        Ok(())
    }

    /// The end of the buffer. Inputs are bounded far below 4 GiB.
    fn position(&self) -> u32 {
        u32::try_from(self.buffer.len()).unwrap_or(u32::MAX)
    }

    fn slice(&self, from: u32, to: u32) -> &str {
        self.buffer.get(from as usize..to as usize).unwrap_or("")
    }

    /// Where the name stands. Lengths are compared first: most differ.
    fn place_of(&self, name: &str, same: impl Fn(&str, &str) -> bool) -> Option<usize> {
        self.spans.iter().position(|span| {
            (span.value - span.name) as usize == name.len()
                && same(self.slice(span.name, span.value), name)
        })
    }

    /// The decoded value of that name; names are case-sensitive, as at the
    /// venue.
    pub fn get(&self, name: &str) -> Option<&str> {
        let span = self.spans.get(self.place_of(name, str::eq)?)?;
        Some(self.slice(span.value, span.end))
    }

    /// Whether the name is there.
    pub fn has(&self, name: &str) -> bool {
        self.place_of(name, str::eq).is_some()
    }

    /// Names and decoded values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.spans
            .iter()
            .map(|span| (self.slice(span.name, span.value), self.slice(span.value, span.end)))
    }

    /// How many parameters.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The one text of these parameters: RFC 3986 percent-encoding with
    /// upper-case digits, unreserved characters bare, order kept.
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(self.buffer.len() + 2 * self.spans.len() + 16);
        for (name, value) in self.iter() {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            encode_into(value, &mut out);
        }
        out
    }

    /// Whether this text is the canonical one of what it says: the signer signs
    /// no other.
    pub fn parse_canonical(text: &[u8]) -> Result<Self, Refusal> {
        let params = Self::parse(text)?;
        if params.canonical().as_bytes() == text {
            Ok(params)
        } else {
            Err(Refusal::new(RefusalCode::Malformed, "the text is not in canonical encoding"))
        }
    }

    /// Sets a parameter: in its place, or appended; where the names stand in
    /// alphabetical order (python-binance sends them so), inserted so that they
    /// still do, and the text stays one that the client would have signed. The
    /// name must be a bare one (letters, digits, `_ . -`) and the value
    /// printable and not empty; another is refused, as is one too many.
    ///
    /// # Errors
    /// As [`ParamText::parse`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let name = checked_name(name)?;
        if value.is_empty() || value.len() > limits::VALUE_BYTES {
            return Err(Refusal::of(RefusalCode::Empty, name, "needs a value within its limit"));
        }
        percent::check_decoded(name, value)?;
        let at = self.place_of(name, str::eq_ignore_ascii_case);
        if at.is_none() && self.spans.len() >= limits::PARAMETERS {
            return Err(Refusal::new(
                RefusalCode::Duplicate,
                format!("over {} parameters", limits::PARAMETERS),
            ));
        }
        let start = self.position();
        self.buffer.push_str(name);
        let middle = self.position();
        self.buffer.push_str(value);
        let span = Span { name: start, value: middle, end: self.position() };
        match at.and_then(|at| self.spans.get_mut(at)) {
            Some(place) => *place = span,
            None => {
                let at = self.place_for(name);
                self.spans.insert(at, span);
            }
        }
        Ok(())
    }

    /// Where a new name goes: behind the last, or where the order asks.
    fn place_for(&self, name: &str) -> usize {
        if !self.iter().map(|(name, _)| name).is_sorted() {
            return self.spans.len();
        }
        self.iter().take_while(|(before, _)| *before < name).count()
    }

    /// Takes a parameter out; true where it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let at = self.place_of(name, str::eq);
        match at {
            Some(at) => {
                self.spans.remove(at);
                true
            }
            None => false,
        }
    }
}

impl PartialEq for ParamText {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for ParamText {}

/// Names only: values may be addresses and amounts of somebody's account.
impl std::fmt::Debug for ParamText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

fn checked_name(name: &str) -> Result<&str, Refusal> {
    if name.is_empty() {
        return Err(Refusal::new(RefusalCode::Malformed, "a parameter without a name"));
    }
    if name.len() <= limits::NAME_BYTES && percent::is_plain(name) && !name.contains('~') {
        return Ok(name);
    }
    Err(Refusal::new(
        RefusalCode::IllegalCharacters,
        format!(
            "the parameter name `{}` holds other characters than letters, digits, `_`, `.`, `-`, \
             or is over {} bytes",
            super::refusal::printable(name),
            limits::NAME_BYTES
        ),
    ))
}

/// Names the parameter whose bytes are at fault.
fn not_utf8(text: &[u8]) -> Refusal {
    let pair = text
        .split(|byte| *byte == b'&')
        .find(|pair| std::str::from_utf8(pair).is_err())
        .unwrap_or_default();
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    Refusal::of(
        RefusalCode::IllegalCharacters,
        &String::from_utf8_lossy(name),
        "bytes that are not UTF-8",
    )
}

#[cfg(test)]
mod tests;
