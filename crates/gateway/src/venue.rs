//! The venues as the data path sees them: one reading of a request, one way to
//! verify, ask, and answer, whichever venue it is for.
//!
//! What a request means is decided in `wire`, one folder a venue; here is only
//! which of them is asked. A venue adds one file beside [`binance`] and an arm
//! to each `match` below.

pub(crate) mod binance;

use aws_lc_rs::hmac;
use hyper::StatusCode;
use wire::model::{Class, Effect, Intent, Product};
use wire::venue::binance::Refusal;

use crate::pipeline::accept::Arrival;
use crate::pipeline::refused::{Refused, Why};
use crate::pipeline::settle::answer::Reading;
use crate::upstream::Host;

/// A venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Venue {
    /// Binance: spot, wallet and USD-M futures.
    Binance,
}

/// An endpoint of a venue that is let through, or known and refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    /// Of Binance.
    Binance(&'static wire::venue::binance::Served),
}

impl Endpoint {
    /// Which venue's.
    pub(crate) const fn venue(self) -> Venue {
        match self {
            Self::Binance(_) => Venue::Binance,
        }
    }

    /// `METHOD /path`, as the tables and the log write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Binance(served) => served.name,
        }
    }

    /// What kind of thing it does.
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::Binance(served) => served.class,
        }
    }

    /// The worst that it does.
    pub(crate) const fn effect(self) -> Effect {
        match self {
            Self::Binance(served) => served.effect,
        }
    }

    /// Where it is asked for.
    pub(crate) fn host(self) -> Host {
        match self {
            Self::Binance(served) if served.product() == Product::UsdFutures => Host::UsdFutures,
            Self::Binance(_) => Host::Spot,
        }
    }

    /// What an answer of this endpoint says.
    pub(crate) fn reading(self, http: u16, body: &[u8]) -> Reading {
        match self {
            Self::Binance(served) => Reading::of(served, http, body),
        }
    }
}

/// A private request as it came, before it is known whose it is.
#[derive(Debug)]
pub(crate) enum Received {
    /// For Binance.
    Binance(Box<wire::venue::binance::Received>),
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
        }
    }

    /// Where it goes.
    pub(crate) const fn endpoint(&self) -> Endpoint {
        match self {
            Self::Binance(received) => Endpoint::Binance(received.endpoint),
        }
    }

    /// The key id that it names.
    ///
    /// # Errors
    /// None, where the venue wants one.
    pub(crate) fn api_key<'b>(&self, arrival: &Arrival<'b>) -> Result<&'b str, Why> {
        match self {
            Self::Binance(_) => binance::api_key(arrival),
        }
    }

    /// Whether the venue wants it signed; some questions carry the key alone.
    pub(crate) fn is_signed(&self) -> bool {
        match self {
            Self::Binance(received) => binance::is_signed(received),
        }
    }

    /// The bot's signature, where it is right.
    pub(crate) fn verified_signature(&self, secret: &hmac::Key) -> Option<[u8; 32]> {
        match self {
            Self::Binance(received) => binance::verified_signature(secret, received),
        }
    }

    /// The bot's timestamp, Unix ms.
    pub(crate) fn timestamp_ms(&self) -> Option<u64> {
        match self {
            Self::Binance(received) => received.timestamp_ms,
        }
    }

    /// How long after its timestamp the bot wants it taken, ms.
    pub(crate) fn receive_window_ms(&self) -> u64 {
        match self {
            Self::Binance(received) => received.receive_window_ms,
        }
    }

    /// Reads the typed intent and makes the text to sign, with client order ids
    /// of `new_id` where the bot gave none: an order whose answer is lost can be
    /// asked for by them.
    ///
    /// # Errors
    /// It cannot be read, or is of a kind that is never let through.
    pub(crate) fn ask(&mut self, new_id: impl Fn() -> String) -> Result<Asked, Refusal> {
        match self {
            Self::Binance(received) => binance::ask(received, new_id),
        }
    }
}

impl Venue {
    /// The name in configuration, log and documentation.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
        }
    }

    /// HTTP status and body of a refusal, in the venue's own shape and codes.
    pub(crate) fn error(self, why: &Why, message: &str) -> (u16, String) {
        match self {
            Self::Binance => binance::error(why, message),
        }
    }
}

/// The HTTP status of what the venue has no status of its own for.
pub(crate) const fn http_status(why: &Why) -> Option<u16> {
    match why {
        Why::Malformed { status } => Some(*status),
        Why::NoVenue => Some(StatusCode::NOT_FOUND.as_u16()),
        Why::NotExecuted => Some(StatusCode::SERVICE_UNAVAILABLE.as_u16()),
        Why::Withheld => Some(StatusCode::BAD_GATEWAY.as_u16()),
        _ => None,
    }
}
