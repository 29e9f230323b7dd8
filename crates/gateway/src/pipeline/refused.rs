//! A request that ends here; the bot is told in the venue's own shape.

use std::fmt::Display;

use wire::model::Venue;
use wire::venue::binance::Refusal;

use super::reply::Reply;
use crate::counters::Ending;
use crate::http::request::Broken;
use crate::upstream::budget::Wait;
use crate::venue;

/// Why a request ends here, in words that every venue has codes for.
#[derive(Debug)]
pub(crate) enum Why {
    /// It is for no venue.
    NoVenue,
    /// It is no request that can be read at all.
    Malformed {
        /// The HTTP status that says so.
        status: u16,
    },
    /// Its parameters cannot be read, or are not let through.
    Refusal(Refusal),
    /// It names no key.
    NoKey,
    /// Its key is none of ours, or not used from there.
    UnknownKey,
    /// Its signature is wrong.
    BadSignature,
    /// It has no timestamp.
    NoTimestamp,
    /// The stream key that it is about does not exist.
    NoStreamKey,
    /// Its timestamp lies ahead.
    TimestampAhead,
    /// Its receive window has passed.
    TimestampOld,
    /// Its signed text was used before.
    Replayed,
    /// The bot may never do this.
    Never,
    /// An order over a limit or outside the collar.
    Limit,
    /// A cancel that is not taken.
    CancelRejected,
    /// Nothing was sent to the venue; asking again is safe.
    NotExecuted,
    /// Sent, and nobody knows what came of it.
    Unknown,
    /// The venue's answer is not passed on.
    Withheld,
    /// The venue's request weight is nearly gone, or the bot's share of it.
    Throttled {
        /// How long to wait, s.
        wait_s: u64,
    },
    /// The venue takes no more orders of the account for now, or the bot has had
    /// its share.
    TooManyOrders {
        /// How long to wait, s.
        wait_s: u64,
    },
}

/// An answer that the gateway gives by itself.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) ending: Ending,
    pub(crate) why: Why,
    message: String,
}

impl Refused {
    pub(crate) fn new(ending: Ending, why: Why, message: impl Display) -> Self {
        Self { ending, why, message: message.to_string() }
    }

    /// Why, in words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// It cannot be read.
    pub(crate) fn unreadable(refusal: Refusal) -> Self {
        Self { ending: Ending::Unreadable, why: Why::Refusal(refusal), message: String::new() }
    }

    /// Nothing was sent to the venue, and asking again is safe.
    pub(crate) fn not_executed(ending: Ending, message: impl Display) -> Self {
        let message = format!("{message}; nothing was sent to the venue, asking again is safe");
        Self { ending, why: Why::NotExecuted, message }
    }

    /// It waits, so that the venue need not refuse it, and ban the address.
    pub(crate) fn throttled(wait: Wait) -> Self {
        let Wait(wait_s) = wait;
        let message = format!(
            "the venue's request weight for this address is nearly used up, or the bot's share of \
             it; nothing was sent, ask again in {wait_s} s"
        );
        Self { ending: Ending::Throttled, why: Why::Throttled { wait_s }, message }
    }

    /// It waits, so that the venue need not refuse it.
    pub(crate) fn too_many_orders(wait: Wait) -> Self {
        let Wait(wait_s) = wait;
        let message = format!(
            "the venue's count of this account's orders is nearly full, or the bot has had its \
             share of it; nothing was sent, place it again in {wait_s} s"
        );
        Self { ending: Ending::Throttled, why: Why::TooManyOrders { wait_s }, message }
    }

    /// Sent, and nobody knows what came of it.
    pub(crate) fn unknown(message: impl Display) -> Self {
        let message = format!(
            "{message}; the execution status is unknown: ask for the order before sending another"
        );
        Self { ending: Ending::Unknown, why: Why::Unknown, message }
    }

    /// It is no request that can be read at all.
    pub(crate) fn broken(broken: Broken) -> Self {
        let why = Why::Malformed { status: broken.status };
        Self { ending: Ending::Unreadable, why, message: broken.message }
    }

    /// In the shape of the venue that was asked.
    pub(crate) fn reply(self, venue: Venue) -> Reply {
        let (status, body) = venue::error(venue, &self.why, &self.message);
        let mut reply = Reply::json(status, body);
        let wait_s = match self.why {
            Why::NotExecuted => Some(1),
            Why::Throttled { wait_s } | Why::TooManyOrders { wait_s } => Some(wait_s),
            _ => None,
        };
        if let Some(wait_s) = wait_s {
            reply.lines.extend_from_slice(format!("retry-after: {wait_s}\r\n").as_bytes());
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_again_is_offered_only_where_it_is_safe() {
        let reply =
            Refused::not_executed(Ending::Unsigned, "the signer is gone").reply(Venue::Binance);
        assert!(reply.lines.ends_with(b"\r\nretry-after: 1\r\n"));
        let reply = Refused::unknown("no answer").reply(Venue::Binance);
        assert!(!reply.lines.windows(11).any(|part| part == b"retry-after"));
    }
}
