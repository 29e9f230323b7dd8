//! HTTP/1.1 as the data path speaks it: heads by `httparse`, bodies by their
//! stated length.
//!
//! hyper takes what any client on the web may send; here a bot and a venue
//! speak a small part of it, a thousand times a second. What lies outside that
//! part is refused, which leaves nothing for two readers to read differently:
//! no `Transfer-Encoding` from bots, one `Content-Length`, origin-form targets
//! only. Public market data, which is streamed, still goes through hyper
//! upstream.
//!
//! Reading order: [`request`] (a bot's request), [`answer`] (a venue's answer),
//! [`write`] (both the other way round).

pub(crate) mod answer;
pub(crate) mod request;
pub(crate) mod write;

/// A place in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Where `part` stands in `buffer`, of which it is a part.
    fn of(buffer: &[u8], part: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(buffer.as_ptr() as usize);
        Self { start, end: start.saturating_add(part.len()) }
    }

    /// The bytes at this place.
    pub(crate) fn bytes(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The text at this place; empty where it is none.
    pub(crate) fn text(self, buffer: &[u8]) -> &str {
        std::str::from_utf8(self.bytes(buffer)).unwrap_or_default()
    }
}

/// Bytes read from a connection and not used up yet.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

/// Room that a connection's buffer has at first, and keeps while idle, bytes.
const ROOM: usize = 4 * 1024;

impl Buffer {
    /// With what was read before.
    pub(crate) const fn with(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0 }
    }

    /// What is there.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Uses up what stands in front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() > 4 * ROOM {
                self.bytes = Vec::with_capacity(ROOM);
            }
        }
    }

    /// Where more is read to: behind what is there, with some room.
    pub(crate) fn more(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.reserve(if self.bytes.is_empty() { ROOM } else { ROOM / 2 });
        &mut self.bytes
    }
}
