//! Percent-encoding of one value, strictly.

use crate::venue::binance::{Refusal, RefusalCode};

/// Which of the allowed spellings a text has used so far.
#[derive(Default)]
pub(crate) struct Encodings {
    plus: bool,
    percent_space: bool,
    upper_hex: bool,
    lower_hex: bool,
}

/// RFC 3986 unreserved, as a table: it is asked for each byte of each request.
static UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        #[expect(clippy::indexing_slicing, reason = "a byte indexes 256 places")]
        {
            table[byte as usize] =
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        }
        byte += 1;
    }
    table
};

fn is_unreserved(byte: u8) -> bool {
    UNRESERVED.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Whether each byte is unreserved.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & is_unreserved(byte))
}

/// Whether each byte is a letter, a digit, or one of `- . _`.
pub(crate) fn is_bare_name(text: &str) -> bool {
    text.bytes().fold(true, |bare, byte| bare & is_unreserved(byte) & (byte != b'~'))
}

/// How many bytes at the start are unreserved.
pub(crate) fn plain_length(text: &str) -> usize {
    text.bytes().position(|byte| !is_unreserved(byte)).unwrap_or(text.len())
}

/// Whether a value that decodes is spelled as [`encode_into`] spells it.
pub(crate) fn is_canonical(value: &str) -> bool {
    const fn upper(byte: u8) -> Option<u8> {
        if byte.is_ascii_lowercase() { None } else { hex_digit(byte) }
    }
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if is_unreserved(byte) {
            continue;
        }
        let digits = (bytes.next().and_then(upper), bytes.next().and_then(upper));
        match (byte, digits) {
            (b'%', (Some(high), Some(low))) if !is_unreserved(high << 4 | low) => {}
            _ => return false,
        }
    }
    true
}

/// Marks that clients leave bare and no reader gives a meaning in a value.
const fn is_bare_mark(byte: u8) -> bool {
    matches!(byte, b'@' | b':' | b',' | b'/' | b'!' | b'\'' | b'(' | b')' | b'*' | b'$')
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Decodes a value and appends it. `json` lets its brackets and quotes stand
/// bare.
pub(crate) fn decode_value(
    name: &str,
    value: &str,
    json: bool,
    seen: &mut Encodings,
    out: &mut String,
) -> Result<(), Refusal> {
    // The common case is a value of unreserved characters alone.
    if is_plain(value) {
        out.push_str(value);
        return Ok(());
    }
    let illegal = |detail: &str| Refusal::of(RefusalCode::IllegalCharacters, name, detail);
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (bytes.next().unwrap_or(0), bytes.next().unwrap_or(0));
                let (Some(upper), Some(lower)) = (hex_digit(high), hex_digit(low)) else {
                    return Err(illegal("a per cent sign without two hex digits"));
                };
                seen.upper_hex |= high.is_ascii_uppercase() || low.is_ascii_uppercase();
                seen.lower_hex |= high.is_ascii_lowercase() || low.is_ascii_lowercase();
                let plain = upper << 4 | lower;
                if is_unreserved(plain) && plain != b'~' {
                    return Err(illegal(
                        "a letter, digit, `-`, `.` or `_` is percent-encoded; send it bare",
                    ));
                }
                seen.percent_space |= plain == b' ';
                decoded.push(plain);
            }
            b'+' => {
                seen.plus = true;
                decoded.push(b' ');
            }
            byte if is_unreserved(byte) || is_bare_mark(byte) => decoded.push(byte),
            b'[' | b']' | b'{' | b'}' | b'"' if json => decoded.push(byte),
            b'=' => {
                return Err(illegal("a second `=`; send `%3D` where it belongs to the value"));
            }
            _ => return Err(illegal("a character that must be percent-encoded")),
        }
    }
    if seen.plus && seen.percent_space {
        return Err(illegal("spaces both as `+` and as `%20`; send `%20`"));
    }
    if seen.upper_hex && seen.lower_hex {
        return Err(illegal("percent-encoding in both upper and lower case; send upper case"));
    }
    let text = String::from_utf8(decoded).map_err(|_| illegal("bytes that are not UTF-8"))?;
    check_decoded(name, &text)?;
    out.push_str(&text);
    Ok(())
}

/// What no decoded value may hold.
pub(crate) fn check_decoded(name: &str, value: &str) -> Result<(), Refusal> {
    let illegal = |detail: &str| Refusal::of(RefusalCode::IllegalCharacters, name, detail);
    if value.contains('%') {
        return Err(illegal("a per cent sign as data (encoded twice?)"));
    }
    if value.chars().any(char::is_control) {
        return Err(illegal("a control character"));
    }
    if value.chars().any(is_invisible) {
        return Err(illegal("an invisible character"));
    }
    Ok(())
}

/// Zero-width, direction and other format characters: they make two values look
/// alike. A short list of what Unicode calls `Cf`, plus the odd spaces.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{1680}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Appends a value in canonical encoding.
pub(crate) fn encode_into(value: &str, out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    if is_plain(value) {
        out.push_str(value);
        return;
    }
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    for byte in value.bytes() {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(digit(byte >> 4));
            out.push(digit(byte & 15));
        }
    }
}

/// Decodes as a form does, without any check: what python-binance signs where
/// a body holds escapes. Only ever fed to a signature check.
pub(crate) fn loose_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, tail @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = tail;
                }
                _ => out.push(b'%'),
            },
            _ => out.push(*byte),
        }
    }
    out
}
