//! A writer of JSON objects into a buffer that is used again.

use std::fmt::{Display, Write as _};

use rust_decimal::Decimal;

/// One object being written.
pub(crate) struct Json<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Json<'a> {
    /// Begins an object; [`Json::end`] ends it.
    pub(crate) fn object(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }

    /// Names are ours: they need no escaping.
    fn name(&mut self, name: &'static str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        escape(value, self.out);
    }

    pub(crate) fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        digits(value, self.out);
    }

    pub(crate) fn signed(&mut self, name: &'static str, value: i64) {
        self.name(name);
        if value < 0 {
            self.out.push(b'-');
        }
        digits(value.unsigned_abs(), self.out);
    }

    pub(crate) fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A value whose text needs no escaping: a decimal, an address.
    pub(crate) fn display(&mut self, name: &'static str, value: &impl Display) {
        self.name(name);
        self.out.push(b'"');
        let _ = write!(Plain(self.out), "{value}");
        self.out.push(b'"');
    }

    /// An amount or price, as it is written by itself.
    pub(crate) fn decimal(&mut self, name: &'static str, value: &Decimal) {
        self.name(name);
        self.out.push(b'"');
        decimal(value, self.out);
        self.out.push(b'"');
    }

    pub(crate) fn hex(&mut self, name: &'static str, value: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        let from = self.out.len();
        self.out.resize(from + 2 * value.len(), 0);
        if let Some(digits) = self.out.get_mut(from..) {
            // Twice the digits for the bytes.
            let _ = hex::encode_to_slice(value, digits);
        }
        self.out.push(b'"');
    }

    pub(crate) fn texts(&mut self, name: &'static str, values: &[String]) {
        self.name(name);
        self.out.push(b'[');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            escape(value, self.out);
        }
        self.out.push(b']');
    }

    pub(crate) fn nested(&mut self, name: &'static str, fields: impl FnOnce(&mut Json<'_>)) {
        self.name(name);
        let mut inner = Json::object(self.out);
        fields(&mut inner);
        inner.end();
    }

    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        values: &[T],
        mut fields: impl FnMut(&T, &mut Json<'_>),
    ) {
        self.name(name);
        self.out.push(b'[');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            let mut inner = Json::object(self.out);
            fields(value, &mut inner);
            inner.end();
        }
        self.out.push(b']');
    }
}

struct Plain<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn digits(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// What `Display` writes, without the formatting machinery where the number is
/// of ordinary size: prices and quantities are most of an entry.
fn decimal(value: &Decimal, out: &mut Vec<u8>) {
    let scale = value.scale() as usize;
    let Ok(mantissa) = u64::try_from(value.mantissa().unsigned_abs()) else {
        let _ = write!(Plain(out), "{value}");
        return;
    };
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(mantissa).as_bytes();
    match digits.len().checked_sub(scale).filter(|whole| *whole > 0) {
        Some(whole) => {
            let (whole, fraction) = digits.split_at(whole);
            out.extend_from_slice(whole);
            if scale > 0 {
                out.push(b'.');
                out.extend_from_slice(fraction);
            }
        }
        None => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (scale - digits.len()), b'0');
            out.extend_from_slice(digits);
        }
    }
}

/// A JSON string, quotes included.
fn escape(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    if bytes.iter().all(|byte| *byte >= 0x20 && !matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(bytes);
    } else {
        for byte in bytes {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                byte if *byte < 0x20 => {
                    let _ = write!(Plain(out), "\\u{byte:04x}");
                }
                byte => out.push(*byte),
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_as_they_display() {
        let mut texts: Vec<String> = [
            "0",
            "0.0",
            "-0",
            "-0.00",
            "1",
            "-1",
            "10",
            "0.1",
            "-0.1",
            "0.001",
            "1.5",
            "50000.00",
            "123456789.123456789",
            "18446744073709551615",
            "18446744073709551616",
            "-79228162514264337593543950335",
            "0.0000000000000000000000000001",
            "1844674407370955161.5",
        ]
        .map(str::to_owned)
        .to_vec();
        let mut seed = 7_u64;
        for _ in 0..10_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let scale = u32::try_from(seed >> 59).unwrap() % 20;
            let value = i64::try_from(seed >> 3).unwrap() >> (seed % 60);
            texts.push(Decimal::new(value, scale).to_string());
        }
        for text in texts {
            let value: Decimal = text.parse().unwrap();
            let mut out = Vec::new();
            decimal(&value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
