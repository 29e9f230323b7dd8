//! Binance on the data path.

use std::borrow::Cow;
use std::sync::Arc;

use wire::model::{Effect, Intent, Operation, Product};
use wire::venue::binance::listed::Reading;
use wire::venue::binance::public::{PublicHost, is_public_query};
use wire::venue::binance::{
    self as wire_binance, RawRequest, Received, Refusal, RefusalCode, Security, Served, errors,
    ids, public_endpoint, read, text_to_sign,
};

use super::{Asked, NewId, Public, Sendable, http_status};
use crate::http::request::Field;
use crate::pipeline::accept::Arrival;
use crate::pipeline::judging::Course;
use crate::pipeline::refused::{Refused, Why};
use crate::upstream::egress::Egress;
use crate::upstream::{Auth, Host, Outgoing};
use crate::virtual_key::{VirtualSecret, verify};

/// Binance's code for a request that it certainly did not execute and that may
/// be sent again ("server is currently overloaded"): clients raise it as an
/// operational failure, not as a dead key and not as an unknown outcome.
const NOT_EXECUTED: i32 = -1008;

pub(super) fn receive(arrival: &Arrival<'_>) -> Result<Received, Refused> {
    let raw = RawRequest {
        method: arrival.method,
        path: arrival.path,
        query: arrival.query,
        body: arrival.body,
        content_type: arrival.field(Field::ContentType),
    };
    wire_binance::receive(&raw).map_err(Refused::unreadable)
}

pub(super) fn api_key<'b>(arrival: &Arrival<'b>) -> Result<&'b str, Why> {
    arrival.field(Field::ApiKey).ok_or(Why::NoKey)
}

pub(super) fn is_signed(received: &Received) -> bool {
    received.security == Security::Signed
}

/// Over the bytes as they came, or over their percent-decoded form, which
/// python-binance signs.
pub(super) fn verified_signature(secret: &VirtualSecret, received: &Received) -> Option<[u8; 32]> {
    let signature = secret.decode(received.signature.as_deref()?)?;
    let payloads = [Some(&received.signed_payload), received.signed_payload_decoded.as_ref()];
    let signed =
        payloads.into_iter().flatten().find(|payload| verify(secret, payload, &signature))?;
    Some(secret.mark(signed, &signature))
}

pub(super) fn ask(received: &mut Received, new_id: &impl NewId) -> Result<Asked, Refusal> {
    let intent = understand(received, new_id)?;
    check_conditional(received.endpoint, &intent)?;
    let text = text_to_sign(received, &intent, &[])?;
    Ok(Asked { intent, text: text.canonical().into_bytes() })
}

/// A conditional order counts as filled when it is placed (see
/// [`answer::conditional`](crate::pipeline::settle::answer)): how much and at
/// what price has to be said.
pub(super) fn check_conditional(served: &Served, intent: &Intent) -> Result<(), Refusal> {
    let (Reading::Conditional, Operation::Place(group)) = (served.reading, &intent.operation)
    else {
        return Ok(());
    };
    let unsaid = |why: &str| Err(Refusal::new(RefusalCode::Forbidden, why));
    match group.orders.first() {
        Some(order) if order.quantity.is_none() => {
            unsaid("`closePosition` leaves open how much it is; send `quantity` with `reduceOnly`")
        }
        Some(order) if order.price.or(order.stop_price).is_none() => {
            unsaid("`activatePrice` is needed, so that the order has a worth")
        }
        _ => Ok(()),
    }
}

/// Gives the orders ids that the bot gave none, and reads the intent.
pub(super) fn understand(received: &mut Received, new_id: &impl NewId) -> Result<Intent, Refusal> {
    let missing: Vec<&'static str> = ids::missing(received.endpoint, &received.params).collect();
    for name in missing {
        ids::give(&mut received.params, name, &new_id.text())?;
    }
    read(received)
}

pub(super) fn public(arrival: &Arrival<'_>) -> Option<Public> {
    let found = public_endpoint(arrival.method, arrival.path)?;
    let host = match found.host {
        PublicHost::Spot => Some(Host::Spot),
        PublicHost::UsdFutures => Some(Host::UsdFutures),
        PublicHost::CoinFutures => Some(Host::CoinFutures),
        PublicHost::Options => None,
    };
    Some(Public { host, is_plain: is_public_query(arrival.query.unwrap_or("")) })
}

/// Which host answers an endpoint.
pub(super) fn host(served: &Served) -> Host {
    match (served.product() == Product::UsdFutures, served.is_frame()) {
        (false, false) => Host::Spot,
        (true, false) => Host::UsdFutures,
        (false, true) => Host::SpotFrames,
        (true, true) => Host::UsdFuturesFrames,
    }
}

/// Parameters go all in the query, or all in the body, the signature behind
/// them.
pub(super) fn outgoing(course: &Course, served: &'static Served, asked: Sendable) -> Outgoing {
    let text = match asked {
        Sendable::KeyOnly(text) => text,
        Sendable::Signed(signed) => {
            let mut text = signed.text;
            text.extend_from_slice(b"&signature=");
            put_encoded(&signed.signature, &mut text);
            text
        }
    };
    let in_query = matches!(served.method, "GET" | "DELETE");
    let (query, body) = if in_query { (text, Vec::new()) } else { (Vec::new(), text) };
    Outgoing {
        host: host(served),
        method: served.method,
        path: Cow::Borrowed(served.path),
        query,
        content_type: (!body.is_empty()).then_some("application/x-www-form-urlencoded"),
        body,
        auth: Auth::Binance(Arc::clone(&course.key)),
        time_unit: course.time_unit,
        frame: None,
        egress: Egress::default(),
        repeatable: served.effect == Effect::Read,
    }
}

/// Appends a signature as a URL and a form body spell it: base64 has three
/// characters that mean something else there.
fn put_encoded(signature: &str, text: &mut Vec<u8>) {
    for byte in signature.bytes() {
        match byte {
            b'+' => text.extend_from_slice(b"%2B"),
            b'/' => text.extend_from_slice(b"%2F"),
            b'=' => text.extend_from_slice(b"%3D"),
            other => text.push(other),
        }
    }
}

/// Codes are chosen so that clients raise the right class and do not retry
/// (see [`errors`]).
pub(super) fn error(why: &Why, message: &str) -> (u16, String) {
    let (code, words) = match why {
        Why::Refusal(refusal) => {
            let error = errors::for_refusal(refusal);
            return (error.http, error.body);
        }
        Why::Malformed { .. } => (errors::ILLEGAL_CHARS, ""),
        Why::NoKey => (errors::BAD_API_KEY_FORMAT, errors::KEY_FORMAT_TEXT),
        Why::UnknownKey => (errors::REJECTED_API_KEY, errors::KEY_REJECTED_TEXT),
        Why::BadSignature | Why::Replayed => (errors::INVALID_SIGNATURE, errors::SIGNATURE_TEXT),
        Why::NoTimestamp => (errors::INVALID_TIMESTAMP, ""),
        Why::TimestampAhead => (errors::INVALID_TIMESTAMP, errors::TIMESTAMP_AHEAD_TEXT),
        Why::TimestampOld => (errors::INVALID_TIMESTAMP, errors::TIMESTAMP_OLD_TEXT),
        Why::NoVenue | Why::Never | Why::Withheld => {
            (errors::UNAUTHORIZED, errors::UNAUTHORIZED_TEXT)
        }
        Why::NoStreamKey => (errors::NO_STREAM_KEY, errors::STREAM_KEY_TEXT),
        Why::Limit => (errors::NEW_ORDER_REJECTED, ""),
        Why::CancelRejected => (errors::CANCEL_REJECTED, ""),
        Why::NotExecuted => (NOT_EXECUTED, ""),
        Why::Unknown => (errors::TIMEOUT, ""),
        Why::Throttled { .. } => (errors::TOO_MANY_REQUESTS, "Too much request weight used."),
        Why::TooManyOrders { .. } => (errors::TOO_MANY_ORDERS, "Too many new orders."),
    };
    let space = if words.is_empty() { "" } else { " " };
    let text = format!("{words}{space}Countersign: {message}");
    (http_status(why).unwrap_or(errors::http_status(code)), errors::body(code, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_was_sent_is_not_an_unknown_outcome() {
        let (status, body) = error(&Why::NotExecuted, "the signer is gone");
        assert!(body.contains("-1008"), "{body}");
        assert_eq!(status, 503);
        let (status, body) = error(&Why::Unknown, "no answer");
        assert!(body.contains("-1007"), "{body}");
        assert_eq!(status, 504);
    }

    #[test]
    fn a_denial_has_the_venues_words_and_ours() {
        let (status, body) = error(&Why::Never, "no withdrawals");
        assert_eq!(status, 401);
        assert_eq!(
            body,
            "{\"code\":-1002,\"msg\":\"You are not authorized to execute this request. \
             Countersign: no withdrawals\"}"
        );
    }
}
