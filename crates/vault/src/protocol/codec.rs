//! Bytes in and out: little-endian numbers, strings with a length, every
//! length checked against a named limit before anything is taken.

/// A frame that cannot be read: what was expected, and where.
///
/// Whoever sent it is at fault; sending the same bytes again does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What was being read.
    pub what: &'static str,
    /// Bytes from the start of the frame's content.
    pub at: usize,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed {} at byte {}; close the connection", self.what, self.at)
    }
}

impl std::error::Error for Malformed {}

/// Reads fields in order from one buffer.
pub(crate) struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    pub(crate) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(self.malformed(what))?;
        let taken = self.bytes.get(self.at..end).ok_or(self.malformed(what))?;
        self.at = end;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], Malformed> {
        let malformed = self.malformed(what);
        self.take(N, what)?.try_into().map_err(|_| malformed)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    pub(crate) fn flag(&mut self, what: &'static str) -> Result<bool, Malformed> {
        let malformed = self.malformed(what);
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(malformed),
        }
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self, what: &'static str) -> Result<i64, Malformed> {
        self.array(what).map(i64::from_le_bytes)
    }

    /// A count of things, at most `limit`.
    pub(crate) fn count(&mut self, limit: usize, what: &'static str) -> Result<usize, Malformed> {
        let malformed = self.malformed(what);
        let count = usize::from(self.u16(what)?);
        if count > limit { Err(malformed) } else { Ok(count) }
    }

    /// Bytes behind their length, at most `limit`.
    pub(crate) fn bytes(
        &mut self,
        limit: usize,
        what: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let malformed = self.malformed(what);
        let length = usize::try_from(self.u32(what)?).map_err(|_| malformed)?;
        if length > limit {
            return Err(malformed);
        }
        self.take(length, what)
    }

    /// UTF-8 behind its length, at most `limit` bytes.
    pub(crate) fn string(
        &mut self,
        limit: usize,
        what: &'static str,
    ) -> Result<&'a str, Malformed> {
        let malformed = self.malformed(what);
        std::str::from_utf8(self.bytes(limit, what)?).map_err(|_| malformed)
    }

    /// Nothing may follow the last field.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.malformed("end of frame")) }
    }
}

/// Something too long for its field: our own mistake or an input that was not
/// bounded before it came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The field.
    pub what: &'static str,
    /// Its limit, in bytes or things.
    pub limit: usize,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is longer than its limit of {}", self.what, self.limit)
    }
}

impl std::error::Error for TooLong {}

/// Writes fields in order. Appends to what is there, so that a buffer is
/// reused.
pub(crate) struct Encoder<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Encoder<'a> {
    pub(crate) const fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn count(
        &mut self,
        count: usize,
        limit: usize,
        what: &'static str,
    ) -> Result<(), TooLong> {
        match u16::try_from(count) {
            Ok(short) if count <= limit => {
                self.u16(short);
                Ok(())
            }
            _ => Err(TooLong { what, limit }),
        }
    }

    pub(crate) fn bytes(
        &mut self,
        bytes: &[u8],
        limit: usize,
        what: &'static str,
    ) -> Result<(), TooLong> {
        match u32::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= limit => {
                self.u32(length);
                self.raw(bytes);
                Ok(())
            }
            _ => Err(TooLong { what, limit }),
        }
    }

    pub(crate) fn string(
        &mut self,
        text: &str,
        limit: usize,
        what: &'static str,
    ) -> Result<(), TooLong> {
        self.bytes(text.as_bytes(), limit, what)
    }

    /// Text for a person, cut to its limit at a character boundary rather than
    /// refused.
    pub(crate) fn detail(&mut self, text: &str, limit: usize) {
        let cut = text.floor_char_boundary(limit);
        let kept = text.as_bytes().get(..cut).unwrap_or_default();
        self.u32(u32::try_from(kept.len()).unwrap_or(0));
        self.raw(kept);
    }
}
