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
//! * `[ ] { } "` bare in the parameters that hold JSON (ccxt);
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

/// Parameters that hold JSON: longer than others, and from ccxt its brackets
/// and quotes come bare.
fn holds_json(name: &str) -> bool {
    // Each ends in one of these; most names do not.
    name.ends_with(['s', 't'])
        && ["batchOrders", "orderIdList", "origClientOrderIdList"]
            .into_iter()
            .any(|known| name.eq_ignore_ascii_case(known))
}

fn longest(name: &str) -> usize {
    if holds_json(name) { limits::JSON_VALUE_BYTES } else { limits::VALUE_BYTES }
}

/// Decoded parameters in the order of the request: bounded, no name twice.
#[derive(Clone, Default)]
pub struct ParamText {
    /// The text as it was read, then decoded values and what was set.
    buffer: String,
    spans: Vec<Span>,
    /// Which names may be there, by a bit of their tags: most that are asked
    /// for are not.
    seen: u64,
}

#[derive(Clone, Copy)]
struct Span {
    name: u32,
    name_end: u32,
    value: u32,
    value_end: u32,
    /// Of the name: see [`tag`].
    tag: u32,
    /// Whether the value is spelled as it stands.
    plain: bool,
}

/// One of 64 bits for a tag.
const fn bit(tag: u32) -> u64 {
    1 << (tag.wrapping_mul(0x9e37_79b1) >> 26)
}

/// The same for names that differ in case only, and another for most others.
#[inline]
fn tag(name: &str) -> u32 {
    let folded = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or(0) | 0x20);
    let bytes = name.as_bytes();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    length << 16 | folded(bytes.first()) << 8 | folded(bytes.last())
}

impl ParamText {
    /// Reads `name=value&name=value`. An empty text has no parameters.
    ///
    /// # Errors
    /// Whatever could be read in two ways, or is over a limit.
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        Self::parse_noting(text, &mut true)
    }

    /// Reads; clears `canonical` where the text is not spelled as
    /// [`ParamText::canonical`] spells it.
    fn parse_noting(text: &[u8], canonical: &mut bool) -> Result<Self, Refusal> {
        let mut params = Self {
            buffer: String::with_capacity(text.len() + 64),
            spans: Vec::with_capacity(16),
            seen: 0,
        };
        params.parse_all(text, canonical)?;
        Ok(params)
    }

    fn parse_all(&mut self, text: &[u8], canonical: &mut bool) -> Result<(), Refusal> {
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
        self.buffer.push_str(rest);
        // Where `rest` stands. Inputs are bounded far below 4 GiB.
        let mut at = 0_u32;
        let mut encodings = Encodings::default();
        loop {
            let name_plain = percent::plain_length(rest);
            let end_of_name = match rest.as_bytes().get(name_plain) {
                Some(b'=') => name_plain,
                _ => rest.bytes().position(|b| matches!(b, b'=' | b'&')).unwrap_or(rest.len()),
            };
            let (name, after) = rest.split_at(end_of_name);
            let Some(after) = after.strip_prefix('=') else {
                return Err(Refusal::new(
                    RefusalCode::Malformed,
                    "a parameter without `=`, or an empty one between two `&`; \
                     send name=value pairs",
                ));
            };
            let value_plain = percent::plain_length(after);
            let (end_of_value, plain) = match after.as_bytes().get(value_plain) {
                None | Some(b'&') => (value_plain, true),
                Some(_) => {
                    (after.bytes().position(|byte| byte == b'&').unwrap_or(after.len()), false)
                }
            };
            let (value, next) = after.split_at(end_of_value);
            *canonical &= plain || percent::is_canonical(value);
            self.push_encoded(at, name, value, plain, &mut encodings)?;
            at += u32::try_from(name.len() + 1 + value.len() + 1).unwrap_or(u32::MAX);
            match next.strip_prefix('&') {
                Some(next) => rest = next,
                None => return Ok(()),
            }
        }
    }

    fn push_encoded(
        &mut self,
        at: u32,
        name: &str,
        value: &str,
        plain: bool,
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
        let name_end = at + u32::try_from(name.len()).unwrap_or(u32::MAX);
        let (mut start, mut end) = (name_end + 1, name_end + 1);
        if plain {
            end += u32::try_from(value.len()).unwrap_or(u32::MAX);
        } else {
            start = self.position();
            decode_value(name, value, holds_json(name), encodings, &mut self.buffer)?;
            end = self.position();
        }
        if (end - start) as usize > longest(name) {
            return Err(Refusal::of(
                RefusalCode::Malformed,
                name,
                format!("is over {} bytes", longest(name)),
            ));
        }
        let tag = tag(name);
        self.seen |= bit(tag);
        self.spans.push(Span { name: at, name_end, value: start, value_end: end, tag, plain });
        Ok(())
    }

    /// The end of the buffer. Inputs are bounded far below 4 GiB.
    fn position(&self) -> u32 {
        u32::try_from(self.buffer.len()).unwrap_or(u32::MAX)
    }

    fn slice(&self, from: u32, to: u32) -> &str {
        self.buffer.get(from as usize..to as usize).unwrap_or("")
    }

    fn name_of(&self, span: &Span) -> &str {
        self.slice(span.name, span.name_end)
    }

    fn value_of(&self, span: &Span) -> &str {
        self.slice(span.value, span.value_end)
    }

    /// Where the name stands. Tags are compared first: most differ.
    #[inline]
    fn place_of(&self, name: &str, same: impl Fn(&str, &str) -> bool) -> Option<usize> {
        let tag = tag(name);
        if self.seen & bit(tag) == 0 {
            return None;
        }
        self.spans.iter().position(|span| span.tag == tag && same(self.name_of(span), name))
    }

    /// The decoded value of that name; names are case-sensitive, as at the
    /// venue.
    pub fn get(&self, name: &str) -> Option<&str> {
        let span = self.spans.get(self.place_of(name, str::eq)?)?;
        Some(self.value_of(span))
    }

    /// Whether the name is there.
    pub fn has(&self, name: &str) -> bool {
        self.place_of(name, str::eq).is_some()
    }

    /// Whether the name is there, in any case.
    pub fn has_in_any_case(&self, name: &str) -> bool {
        self.place_of(name, str::eq_ignore_ascii_case).is_some()
    }

    /// Names and decoded values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.spans.iter().map(|span| (self.name_of(span), self.value_of(span)))
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
        for span in &self.spans {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(self.name_of(span));
            out.push('=');
            let value = self.value_of(span);
            if span.plain {
                out.push_str(value);
            } else {
                encode_into(value, &mut out);
            }
        }
        out
    }

    /// Whether this text is the canonical one of what it says: the signer signs
    /// no other.
    pub fn parse_canonical(text: &[u8]) -> Result<Self, Refusal> {
        let mut canonical = true;
        let params = Self::parse_noting(text, &mut canonical)?;
        if canonical {
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
        if value.is_empty() || value.len() > longest(name) {
            return Err(Refusal::of(RefusalCode::Empty, name, "needs a value within its limit"));
        }
        let plain = percent::is_plain(value);
        if !plain {
            percent::check_decoded(name, value)?;
        }
        self.put(name, value, plain)
    }

    /// Sets a parameter to a number, as [`ParamText::set`] does.
    ///
    /// # Errors
    /// As [`ParamText::parse`].
    pub fn set_number(&mut self, name: &str, number: u64) -> Result<(), Refusal> {
        let name = checked_name(name)?;
        let mut digits = [b'0'; 20];
        let mut rest = number;
        let mut from = digits.len();
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
            from = at;
            if rest == 0 {
                break;
            }
        }
        let digits = digits.get(from..).and_then(|digits| std::str::from_utf8(digits).ok());
        self.put(name, digits.unwrap_or_default(), true)
    }

    fn put(&mut self, name: &str, value: &str, plain: bool) -> Result<(), Refusal> {
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
        let tag = tag(name);
        self.seen |= bit(tag);
        let span = Span {
            name: start,
            name_end: middle,
            value: middle,
            value_end: self.position(),
            tag,
            plain,
        };
        match at.and_then(|at| self.spans.get_mut(at)) {
            Some(place) => *place = span,
            None => {
                let at = self.place_for(name);
                self.spans.insert(at, span);
            }
        }
        Ok(())
    }

    /// Appends a parameter; one whose name is there already is refused.
    ///
    /// # Errors
    /// As [`ParamText::set`], and a second name.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        if self.place_of(name, str::eq_ignore_ascii_case).is_some() {
            return Err(Refusal::of(RefusalCode::Duplicate, name, "sent twice; send it once"));
        }
        self.set(name, value)
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
    if name.len() <= limits::NAME_BYTES && percent::is_bare_name(name) {
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
