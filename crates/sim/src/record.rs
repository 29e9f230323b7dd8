//! What the venue saw: a bounded ring of requests, for tests and the demo.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::fault::FaultKind;

/// One request and its outcome.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Number of the request since the start, from 1.
    pub number: u64,
    /// When it arrived, venue time, milliseconds since the epoch.
    pub received_at_ms: i64,
    /// Where it came from.
    pub client: SocketAddr,
    /// Method; `WS` for a frame of the WebSocket API.
    pub method: String,
    /// `Host` header.
    pub host: String,
    /// Path as sent; of a frame its method, such as `order.place`.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Body as sent; of a frame its whole text.
    pub body: Vec<u8>,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The account whose key it carried, where the key is known.
    pub account: Option<usize>,
    /// HTTP status of the answer, also of one that a fault kept back.
    pub status: u16,
    /// The venue's error code; none on success.
    pub code: Option<i64>,
    /// The bytes of the answer.
    pub answer: String,
    /// Whether a fault kept the answer from the client.
    pub answer_withheld: bool,
    /// The fault that the request met.
    pub fault: Option<FaultKind>,
}

impl Recorded {
    /// A header's value; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Longest body or answer kept in a record, in bytes.
pub(crate) const MAX_RECORDED_BYTES: usize = 64 * 1024;

/// The ring.
#[derive(Debug, Default)]
pub(crate) struct Records {
    kept: VecDeque<Recorded>,
    limit: usize,
    total: u64,
}

impl Records {
    pub(crate) fn new(limit: usize) -> Self {
        Self { kept: VecDeque::new(), limit, total: 0 }
    }

    /// Adds a record, dropping the oldest when full, and numbers it.
    pub(crate) fn push(&mut self, mut record: Recorded) {
        self.total = self.total.saturating_add(1);
        record.number = self.total;
        record.body.truncate(MAX_RECORDED_BYTES);
        if record.answer.len() > MAX_RECORDED_BYTES {
            record.answer = String::new();
        }
        if self.limit == 0 {
            return;
        }
        if self.kept.len() >= self.limit {
            self.kept.pop_front();
        }
        self.kept.push_back(record);
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.kept.iter().cloned().collect()
    }

    pub(crate) fn take(&mut self) -> Vec<Recorded> {
        std::mem::take(&mut self.kept).into()
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }
}
