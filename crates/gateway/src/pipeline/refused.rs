//! A request that ends here, told in the venue's own shape.

use std::fmt::Display;

use hyper::StatusCode;
use wire::venue::binance::errors::{self, VenueError};

use super::reply::Reply;
use crate::counters::Ending;
use crate::http::request::Broken;

/// Binance's code for a request that it certainly did not execute and that may
/// be sent again ("server is currently overloaded"): clients raise it as an
/// operational failure, not as a dead key and not as an unknown outcome.
const NOT_EXECUTED: i32 = -1008;

/// An answer that the gateway gives by itself.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) ending: Ending,
    error: VenueError,
    retry_after_seconds: Option<u16>,
}

impl Refused {
    /// With a code of the venue; the message says that it is ours.
    pub(crate) fn new(ending: Ending, code: i32, message: impl Display) -> Self {
        let text = match code {
            errors::UNAUTHORIZED => errors::UNAUTHORIZED_TEXT,
            errors::REJECTED_API_KEY => errors::KEY_REJECTED_TEXT,
            errors::BAD_API_KEY_FORMAT => errors::KEY_FORMAT_TEXT,
            errors::INVALID_SIGNATURE => errors::SIGNATURE_TEXT,
            _ => "",
        };
        let space = if text.is_empty() { "" } else { " " };
        let error = VenueError::new(code, &format!("{text}{space}Countersign: {message}"));
        Self { ending, error, retry_after_seconds: None }
    }

    /// With the venue's own error for a request that cannot be read.
    pub(crate) fn unreadable(refusal: &wire::venue::binance::Refusal) -> Self {
        let error = errors::for_refusal(refusal);
        Self { ending: Ending::Unreadable, error, retry_after_seconds: None }
    }

    /// Nothing was sent to the venue, and asking again is safe.
    pub(crate) fn not_executed(ending: Ending, message: impl Display) -> Self {
        let mut refused = Self::new(
            ending,
            NOT_EXECUTED,
            format_args!("{message}; nothing was sent to the venue, asking again is safe"),
        );
        refused.error.http = StatusCode::SERVICE_UNAVAILABLE.as_u16();
        refused.retry_after_seconds = Some(1);
        refused
    }

    /// Sent, and nobody knows what came of it.
    pub(crate) fn unknown(message: impl Display) -> Self {
        Self::new(
            Ending::Unknown,
            errors::TIMEOUT,
            format_args!(
                "{message}; the execution status is unknown: ask for the order before sending \
                 another"
            ),
        )
    }

    /// It is no request that can be read at all.
    pub(crate) fn broken(broken: Broken) -> Self {
        let mut refused = Self::new(Ending::Unreadable, errors::ILLEGAL_CHARS, broken.message);
        refused.error.http = broken.status;
        refused
    }

    /// With another HTTP status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.error.http = status.as_u16();
        self
    }

    pub(crate) fn reply(self) -> Reply {
        let mut reply = Reply::json(self.error.http, self.error.body);
        if let Some(seconds) = self.retry_after_seconds {
            reply.lines.extend_from_slice(format!("retry-after: {seconds}\r\n").as_bytes());
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_was_sent_is_not_an_unknown_outcome() {
        let refused = Refused::not_executed(Ending::Unsigned, "the signer is gone");
        assert!(refused.error.body.contains("-1008"), "{}", refused.error.body);
        let reply = refused.reply();
        assert_eq!(reply.status, 503);
        assert!(reply.lines.ends_with(b"\r\nretry-after: 1\r\n"));
    }

    #[test]
    fn unknown_says_so() {
        let refused = Refused::unknown("no answer");
        assert!(refused.error.body.contains("-1007"));
        assert!(refused.error.body.contains("unknown"));
        assert_eq!(refused.reply().status, 504);
    }

    #[test]
    fn a_denial_has_the_venues_words_and_ours() {
        let refused = Refused::new(Ending::Denied, -1002, "no withdrawals");
        assert_eq!(
            refused.error.body,
            "{\"code\":-1002,\"msg\":\"You are not authorized to execute this request. \
             Countersign: no withdrawals\"}"
        );
    }
}
