//! The venue's side: pinned hosts, pooled warm connections, one pool per
//! worker.

pub(crate) mod budget;
mod connect;
pub(crate) mod egress;
mod exchange;
mod pool;
mod socket;

use std::borrow::Cow;
use std::sync::Arc;

use crate::http::answer::line;
use crate::http::request::Field;
use crate::http::write;
use crate::keys::RealKey;
use crate::pipeline::accept::Arrival;
use egress::Egress;

pub(crate) use crate::config::Host;
pub(crate) use connect::{UpstreamHosts, connector};
pub use egress::dial;
pub(crate) use pool::Pool;
pub(crate) use socket::VenueSocket;

/// `X-MBX-TIME-UNIT`: the one header of bots that is passed on, where it has
/// one of its two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    Microsecond,
    Millisecond,
}

impl TimeUnit {
    /// As the bot sent it.
    pub(crate) fn of(arrival: &Arrival<'_>) -> Option<Self> {
        match arrival.field(Field::TimeUnit)? {
            "MICROSECOND" | "microsecond" => Some(Self::Microsecond),
            "MILLISECOND" | "millisecond" => Some(Self::Millisecond),
            _ => None,
        }
    }

    const fn value(self) -> &'static str {
        match self {
            Self::Microsecond => "MICROSECOND",
            Self::Millisecond => "MILLISECOND",
        }
    }
}

/// A request to the venue. Built by the gateway from what was judged and
/// signed; nothing of a bot's request is passed on but a closed list.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) host: Host,
    pub(crate) method: &'static str,
    pub(crate) path: Cow<'static, str>,
    /// What stands behind `?`; empty for nothing.
    pub(crate) query: Vec<u8>,
    /// What the body is, where there is one.
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Vec<u8>,
    pub(crate) auth: Auth,
    pub(crate) time_unit: Option<TimeUnit>,
    /// The id of a frame of a WebSocket API, which `body` is then.
    pub(crate) frame: Option<u64>,
    /// Whether sending it twice does what sending it once does.
    pub(crate) repeatable: bool,
    /// Which address it leaves from.
    pub(crate) egress: Egress,
}

/// The headers that say whose request it is.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// None: public data.
    None,
    /// Binance's key; the signature is among the parameters.
    Binance(Arc<RealKey>),
    /// WOO X's key, time and signature.
    WooX { key: Arc<RealKey>, timestamp: String, signature: String },
}

/// The venue's answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers that bots get, as lines `name: value\r\n`.
    pub(crate) lines: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Whether the venue did what it was asked.
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// A header that bots get, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        line(&self.lines, name)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    /// Not a byte of the request left.
    NotSent(String),
    /// It left, or may have: the outcome is unknown.
    Unknown(String),
}

impl Outgoing {
    /// A question for public data; the target is path and query.
    pub(crate) fn public(host: Host, target: String) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path.to_owned(), query.as_bytes().to_vec()),
            None => (target, Vec::new()),
        };
        Self {
            host,
            method: "GET",
            path: Cow::Owned(path),
            query,
            content_type: None,
            body: Vec::new(),
            auth: Auth::None,
            time_unit: None,
            frame: None,
            repeatable: true,
            egress: Egress::default(),
        }
    }

    /// Appends the request as it goes out.
    ///
    /// # Errors
    /// Where it goes cannot be written in a request line: nothing is sent.
    fn write(&self, authority: &str, out: &mut Vec<u8>) -> Result<(), SendError> {
        let plain = |text: &[u8]| text.iter().all(u8::is_ascii_graphic);
        if !plain(self.path.as_bytes()) || !plain(&self.query) {
            return Err(SendError::NotSent("no request target".to_owned()));
        }
        let mut target = Vec::with_capacity(self.path.len() + 1 + self.query.len());
        target.extend_from_slice(self.path.as_bytes());
        if !self.query.is_empty() {
            target.push(b'?');
            target.extend_from_slice(&self.query);
        }
        let mut headers: [(&str, &[u8]); 8] = [("", b""); 8];
        let mut count = 0;
        let mut header = |name, value| {
            if let Some(place) = headers.get_mut(count) {
                *place = (name, value);
                count += 1;
            }
        };
        header("host", authority.as_bytes());
        header("user-agent", b"countersign");
        match &self.auth {
            Auth::None => {}
            Auth::Binance(key) => header("x-mbx-apikey", key.api_key.as_bytes()),
            Auth::WooX { key, timestamp, signature } => {
                header("x-api-key", key.api_key.as_bytes());
                header("x-api-timestamp", timestamp.as_bytes());
                header("x-api-signature", signature.as_bytes());
            }
        }
        if let Some(unit) = self.time_unit {
            header("x-mbx-time-unit", unit.value().as_bytes());
        }
        if let Some(content_type) = self.content_type {
            header("content-type", content_type.as_bytes());
        }
        let headers = headers.get(..count).unwrap_or_default();
        write::request(out, self.method, &target, headers, &self.body);
        Ok(())
    }

    /// As hyper sends it: for what is streamed, which has no body and no key.
    fn public_request(
        &self,
        authority: &str,
    ) -> Result<hyper::Request<http_body_util::Empty<bytes::Bytes>>, SendError> {
        let unsendable = |error| SendError::NotSent(format!("no request target: {error}"));
        let query = std::str::from_utf8(&self.query).unwrap_or_default();
        let target = if query.is_empty() {
            self.path.clone().into_owned()
        } else {
            format!("{}?{query}", self.path)
        };
        let mut request = hyper::Request::builder()
            .uri(target)
            .header("host", authority)
            .header("user-agent", "countersign");
        if let Some(unit) = self.time_unit {
            request = request.header("x-mbx-time-unit", unit.value());
        }
        request.body(http_body_util::Empty::new()).map_err(unsendable)
    }
}
