//! A writer of JSON objects into a buffer that is used again.

use std::fmt::{Display, Write as _};

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

    pub(crate) fn hex(&mut self, name: &'static str, value: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.name(name);
        self.out.push(b'"');
        for byte in value {
            for nibble in [byte >> 4, byte & 15] {
                self.out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
            }
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

fn digits(mut value: u64, out: &mut Vec<u8>) {
    let mut buffer = [0_u8; 20];
    let mut at = buffer.len();
    loop {
        at -= 1;
        if let Some(place) = buffer.get_mut(at) {
            // Below ten, so it fits.
            *place = b'0' + (value % 10) as u8;
        }
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(buffer.get(at..).unwrap_or_default());
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
