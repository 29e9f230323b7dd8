//! The venue's side: pinned hosts, pooled warm connections, one pool per
//! worker.

mod connect;
mod pool;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Uri};
use wire::venue::binance::public::PublicHost;

pub(crate) use connect::UpstreamHosts;
pub(crate) use pool::{Answer, Pool};

/// One of the venue's hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// `/api`, `/sapi`.
    Spot,
    /// `/fapi`.
    UsdFutures,
    /// `/dapi`.
    CoinFutures,
}

impl Host {
    pub(crate) const ALL: [Self; 3] = [Self::Spot, Self::UsdFutures, Self::CoinFutures];

    /// The host that answers a public path, where it is one that is dialled.
    pub(crate) fn of_public(host: PublicHost) -> Option<Self> {
        match host {
            PublicHost::Spot => Some(Self::Spot),
            PublicHost::UsdFutures => Some(Self::UsdFutures),
            PublicHost::CoinFutures => Some(Self::CoinFutures),
            PublicHost::Options => None,
        }
    }
}

/// A request to the venue. Built by the gateway from what was judged and
/// signed; nothing of a bot's request is passed on but a closed list.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) host: Host,
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: Bytes,
    /// Form-encoded parameters; empty for none.
    pub(crate) body: Bytes,
    /// The real key's public id, where the request is a private one.
    pub(crate) api_key: Option<HeaderValue>,
    /// `X-MBX-TIME-UNIT` as the bot sent it.
    pub(crate) time_unit: Option<HeaderValue>,
    /// Whether sending it twice does what sending it once does.
    pub(crate) repeatable: bool,
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
    fn request(&self, authority: &HeaderValue) -> Result<Request<Full<Bytes>>, SendError> {
        use hyper::header::{CONTENT_TYPE, HOST, HeaderName, USER_AGENT};
        const API_KEY: HeaderName = HeaderName::from_static("x-mbx-apikey");
        const TIME_UNIT: HeaderName = HeaderName::from_static("x-mbx-time-unit");
        let uri = Uri::from_maybe_shared(self.target.clone())
            .map_err(|error| SendError::NotSent(format!("no request target: {error}")))?;
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, authority.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static("countersign"));
        if !self.body.is_empty() {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        }
        if let Some(key) = &self.api_key {
            headers.insert(API_KEY, key.clone());
        }
        if let Some(unit) = &self.time_unit {
            headers.insert(TIME_UNIT, unit.clone());
        }
        Ok(request)
    }
}
