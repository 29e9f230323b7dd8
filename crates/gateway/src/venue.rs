//! The venues as the data path sees them: one reading of a request, one way to
//! verify, ask, and answer, whichever venue it is for.
//!
//! What a request means is decided in `wire`, one folder a venue; here is only
//! which of them is asked. A venue adds one file beside [`binance`] and an arm
//! to each `match` below.

pub(crate) mod binance;
pub(crate) mod frames;
pub(crate) mod woox;

use hyper::StatusCode;
use vault::protocol::Signed;
use wire::model::{Class, Effect, Intent, Product, Venue};
use wire::venue::binance::listed::StreamKeyAsk;
use wire::venue::binance::weight::weight;
use wire::venue::binance::{Refusal, Security};

use crate::keys::RealKey;
use crate::pipeline::accept::Arrival;
use crate::pipeline::judging::Course;
use crate::pipeline::refused::{Refused, Why};
use crate::pipeline::settle::answer::Reading;
use crate::upstream::{Host, Outgoing};
use crate::virtual_key::VirtualSecret;

/// An endpoint of a venue that is let through, or known and refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    /// Of Binance.
    Binance(&'static wire::venue::binance::Served),
    /// Of WOO X.
    WooX(&'static wire::venue::woox::Served),
}

impl Endpoint {
    /// An endpoint of Binance's.
    ///
    /// # Errors
    /// There is none of that method and path: a mistake of ours.
    pub(crate) fn binance(method: &str, path: &str) -> Result<Self, String> {
        let served = wire::venue::binance::served(method, path);
        served.map(Self::Binance).ok_or_else(|| format!("`{method} {path}` is no endpoint"))
    }

    /// An endpoint of WOO X's.
    ///
    /// # Errors
    /// As for [`Endpoint::binance`].
    pub(crate) fn woox(method: &str, path: &str) -> Result<Self, String> {
        let served = wire::venue::woox::served(method, path);
        served.map(Self::WooX).ok_or_else(|| format!("`{method} {path}` is no endpoint"))
    }

    /// Which venue's.
    pub(crate) const fn venue(self) -> Venue {
        match self {
            Self::Binance(_) => Venue::Binance,
            Self::WooX(_) => Venue::WooX,
        }
    }

    /// `METHOD /path`, as the tables and the log write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Binance(served) => served.name,
            Self::WooX(served) => served.name,
        }
    }

    /// What kind of thing it does.
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::Binance(served) => served.class,
            Self::WooX(served) => served.class,
        }
    }

    /// The worst that it does.
    pub(crate) const fn effect(self) -> Effect {
        match self {
            Self::Binance(served) => served.effect,
            Self::WooX(served) => served.effect,
        }
    }

    /// Whether the venue wants it signed; some calls carry the key alone.
    pub(crate) fn is_signed(self) -> bool {
        match self {
            Self::Binance(served) => served.security == Security::Signed,
            Self::WooX(_) => true,
        }
    }

    /// Where it is asked for.
    pub(crate) fn host(self) -> Host {
        match self {
            Self::Binance(served) => binance::host(served),
            Self::WooX(_) => Host::WooX,
        }
    }

    /// Whether it is a method of a WebSocket API, and not of REST.
    pub(crate) const fn is_frame(self) -> bool {
        match self {
            Self::Binance(served) => served.is_frame(),
            Self::WooX(_) => false,
        }
    }

    /// What an answer of this endpoint says; `symbol` is the market of an order
    /// whose answer does not name it.
    pub(crate) fn reading(self, http: u16, body: &[u8], symbol: &str) -> Reading {
        match self {
            Self::Binance(served) => Reading::of(frames::twin(served), http, body),
            Self::WooX(served) => woox::reading(served, http, body, symbol),
        }
    }
}

/// A private request as it came, before it is known whose it is.
#[derive(Debug)]
pub(crate) enum Received {
    /// For Binance.
    Binance(Box<wire::venue::binance::Received>),
    /// For WOO X.
    WooX(Box<wire::venue::woox::Received>),
    /// A frame for a WebSocket API of Binance.
    Frame(Box<frames::Request>),
}

/// A private request that was read and can be judged: the text that will be
/// signed stands fast.
pub(crate) struct Asked {
    pub(crate) intent: Intent,
    /// The text as the signer is asked for it.
    pub(crate) text: Vec<u8>,
}

impl Received {
    /// Reads what a request for the venue carries.
    ///
    /// # Errors
    /// INVARIANT (one reading): whatever could be read in two ways.
    pub(crate) fn read(venue: Venue, arrival: &Arrival<'_>) -> Result<Self, Refused> {
        match venue {
            Venue::Binance => binance::receive(arrival).map(|of| Self::Binance(Box::new(of))),
            Venue::WooX => woox::receive(arrival).map(|of| Self::WooX(Box::new(of))),
        }
    }

    /// Where it goes.
    pub(crate) const fn endpoint(&self) -> Endpoint {
        match self {
            Self::Binance(received) => Endpoint::Binance(received.endpoint),
            Self::WooX(received) => Endpoint::WooX(received.endpoint),
            Self::Frame(frame) => Endpoint::Binance(frame.private.received.endpoint),
        }
    }

    /// The key id that it names.
    ///
    /// # Errors
    /// None, where the venue wants one.
    pub(crate) fn api_key<'b>(&'b self, arrival: &Arrival<'b>) -> Result<&'b str, Why> {
        match self {
            Self::Frame(frame) => frame.api_key(),
            Self::Binance(_) => binance::api_key(arrival),
            Self::WooX(received) => Ok(&received.api_key),
        }
    }

    /// Whether the venue wants it signed; some questions carry the key alone.
    pub(crate) fn is_signed(&self) -> bool {
        match self {
            Self::Binance(received) => binance::is_signed(received),
            Self::WooX(_) => true,
            Self::Frame(frame) => binance::is_signed(&frame.private.received),
        }
    }

    /// Whether the session of its connection stands for its signature.
    pub(crate) fn is_by_session(&self) -> bool {
        matches!(self, Self::Frame(frame) if frame.private.by_session)
    }

    /// The frame that it came as, for those that did.
    pub(crate) fn into_frame(self) -> Option<Box<frames::Request>> {
        match self {
            Self::Frame(frame) => Some(frame),
            Self::Binance(_) | Self::WooX(_) => None,
        }
    }

    /// What tells the signed text from every other, where the bot's signature is
    /// right.
    pub(crate) fn verified_signature(&self, secret: &VirtualSecret) -> Option<[u8; 32]> {
        match self {
            Self::Binance(received) => binance::verified_signature(secret, received),
            Self::WooX(received) => woox::verified_signature(secret, received),
            Self::Frame(frame) => binance::verified_signature(secret, &frame.private.received),
        }
    }

    /// The bot's timestamp, Unix ms.
    pub(crate) fn timestamp_ms(&self) -> Option<u64> {
        match self {
            Self::Binance(received) => received.timestamp_ms,
            Self::WooX(received) => Some(received.timestamp_ms),
            Self::Frame(frame) => frame.private.received.timestamp_ms,
        }
    }

    /// How long after its timestamp the bot wants it taken, ms.
    pub(crate) fn receive_window_ms(&self) -> u64 {
        match self {
            Self::Binance(received) => received.receive_window_ms,
            Self::WooX(received) => received.receive_window_ms,
            Self::Frame(frame) => frame.private.received.receive_window_ms,
        }
    }

    /// Reads the typed intent and makes the text to sign, with client order ids
    /// of `new_id` where the bot gave none: an order whose answer is lost can be
    /// asked for by them. A text that names the key is made with that of `key`.
    ///
    /// # Errors
    /// It cannot be read, or is of a kind that is never let through.
    pub(crate) fn ask(
        &mut self,
        new_id: &impl NewId,
        key: Option<&RealKey>,
    ) -> Result<Asked, Refusal> {
        match self {
            Self::Frame(frame) => frame.ask(new_id, key),
            Self::Binance(received) => binance::ask(received, new_id),
            Self::WooX(received) => woox::ask(received, new_id),
        }
    }

    /// What it costs of the address's request weight; none where the venue
    /// counts otherwise.
    pub(crate) fn weight(&self) -> Option<u32> {
        let (received, served) = match self {
            Self::Binance(received) => (&**received, received.endpoint),
            Self::Frame(frame) => {
                (&frame.private.received, frames::twin(frame.private.received.endpoint))
            }
            Self::WooX(_) => return None,
        };
        // The wallet's weight is counted apart, and generously.
        let counted = !served.path.starts_with("/sapi/");
        counted.then(|| weight(served.method, served.path, |name| received.params.get(name)))
    }

    /// What it asks of a stream key, where it is about one.
    pub(crate) fn stream_key(&self) -> Option<(Product, StreamKeyAsk)> {
        match self.endpoint() {
            Endpoint::Binance(served) => served.stream_key(),
            Endpoint::WooX(_) => None,
        }
    }

    /// Checks the parameters of a call that is answered here.
    ///
    /// # Errors
    /// One is not in the closed table, or not in its form.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Binance(received) => wire::venue::binance::read(received).map(|_| ()),
            Self::Frame(frame) => wire::venue::binance::read(&frame.private.received).map(|_| ()),
            Self::WooX(_) => Ok(()),
        }
    }

    /// A parameter of a request for Binance.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        match self {
            Self::Binance(received) => received.params.get(name),
            Self::Frame(frame) => frame.private.received.params.get(name),
            Self::WooX(_) => None,
        }
    }

    /// The path as it was sent, where the venue's paths have variable parts.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Binance(_) | Self::Frame(_) => None,
            Self::WooX(received) => Some(&received.path),
        }
    }
}

/// The text of a question of the gateway's own, asked with parameters in the
/// query.
///
/// # Errors
/// In one line: a mistake of ours.
pub(crate) fn question(
    endpoint: Endpoint,
    path: Option<&str>,
    parameters: &[(&str, &str)],
    now_ms: u64,
) -> Result<Vec<u8>, String> {
    let mut params = wire::venue::binance::ParamText::default();
    for (name, value) in parameters {
        params.set(name, value).map_err(|refusal| refusal.to_string())?;
    }
    let text = match endpoint {
        Endpoint::Binance(_) if !endpoint.is_signed() => params.canonical(),
        Endpoint::Binance(_) => {
            params.set("timestamp", &now_ms.to_string()).map_err(|refusal| refusal.to_string())?;
            params.canonical()
        }
        Endpoint::WooX(served) => woox::question(served, path, params, now_ms)?,
    };
    Ok(text.into_bytes())
}

/// Makes client order ids.
pub(crate) trait NewId {
    /// One of letters, digits and `-`.
    fn text(&self) -> String;
    /// One that is a positive whole number.
    fn number(&self) -> String;
}

/// A question for public data.
pub(crate) struct Public {
    /// Where it is asked; none where that host is not dialled.
    pub(crate) host: Option<Host>,
    /// Whether its query may be passed on as it came.
    pub(crate) is_plain: bool,
}

/// The question for public data that a request is, where it is one.
pub(crate) fn public(venue: Venue, arrival: &Arrival<'_>) -> Option<Public> {
    match venue {
        Venue::Binance => binance::public(arrival),
        Venue::WooX => woox::public(arrival),
    }
}

/// The request that goes to the venue.
///
/// # Errors
/// What was signed cannot be sent: nothing leaves.
pub(crate) fn outgoing(course: &Course, asked: Sendable) -> Result<Outgoing, String> {
    match course.endpoint {
        Endpoint::Binance(served) if served.is_frame() => frames::outgoing(course, served, asked),
        Endpoint::Binance(served) => Ok(binance::outgoing(course, served, asked)),
        Endpoint::WooX(served) => woox::outgoing(course, served, asked),
    }
}

/// What is sent: a text as it was signed, or one that carries the key alone.
pub(crate) enum Sendable {
    Signed(Signed),
    KeyOnly(Vec<u8>),
}

/// HTTP status and body of a refusal, in the venue's own shape and codes.
pub(crate) fn error(venue: Venue, why: &Why, message: &str) -> (u16, String) {
    match venue {
        Venue::Binance => binance::error(why, message),
        Venue::WooX => woox::error(why, message),
    }
}

/// The HTTP status of what the venue has no status of its own for.
pub(crate) const fn http_status(why: &Why) -> Option<u16> {
    match why {
        Why::Malformed { status } => Some(*status),
        Why::NoVenue => Some(StatusCode::NOT_FOUND.as_u16()),
        Why::NotExecuted => Some(StatusCode::SERVICE_UNAVAILABLE.as_u16()),
        Why::Withheld => Some(StatusCode::BAD_GATEWAY.as_u16()),
        Why::Throttled { .. } | Why::TooManyOrders { .. } => {
            Some(StatusCode::TOO_MANY_REQUESTS.as_u16())
        }
        _ => None,
    }
}
