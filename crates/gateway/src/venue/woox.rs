//! WOO X on the data path.

pub(crate) mod account;
pub(crate) mod market;
mod number;

use std::borrow::Cow;
use std::sync::Arc;

use judge::{OrderStatus, OrderUpdate};
use serde::Deserialize;
use wire::model::{Class, Effect};
use wire::venue::woox::public::{PublicHost, is_public_query};
use wire::venue::woox::{
    self as wire_woox, RawRequest, Received, Refusal, RefusalCode, Served, Text, Upstream, errors,
    ids, public_endpoint, read, text_to_sign,
};

use super::{Asked, NewId, Public, Sendable, http_status};
use crate::entry::SettleOutcome;
use crate::http::request::Field;
use crate::pipeline::accept::Arrival;
use crate::pipeline::judging::Course;
use crate::pipeline::refused::{Refused, Why};
use crate::pipeline::settle::answer::Reading;
use crate::upstream::egress::Egress;
use crate::upstream::{Auth, Host, Outgoing};
use crate::virtual_key::{VirtualSecret, verify};

pub(super) fn receive(arrival: &Arrival<'_>) -> Result<Received, Refused> {
    let raw = RawRequest {
        method: arrival.method,
        path: arrival.path,
        query: arrival.query,
        body: arrival.body,
        content_type: arrival.field(Field::ContentType),
        api_key: arrival.field(Field::WooXKey),
        timestamp: arrival.field(Field::WooXTimestamp),
        signature: arrival.field(Field::WooXSignature),
    };
    wire_woox::receive(&raw).map_err(Refused::unreadable)
}

/// Over the text as the bot built it. The venue has HMAC alone.
pub(super) fn verified_signature(secret: &VirtualSecret, received: &Received) -> Option<[u8; 32]> {
    if !matches!(secret, VirtualSecret::Hmac(_)) {
        return None;
    }
    let signature = secret.decode(&received.signature)?;
    let payloads = [Some(&received.signed_payload), received.signed_payload_decoded.as_ref()];
    let signed =
        payloads.into_iter().flatten().find(|payload| verify(secret, payload, &signature))?;
    Some(secret.mark(signed, &signature))
}

pub(super) fn ask(received: &mut Received, new_id: &impl NewId) -> Result<Asked, Refusal> {
    // Their ids are counted apart, and the account does not list them among
    // its open orders: what they hold could not be told.
    let changes = matches!(received.endpoint.reading, wire_woox::listed::Reading::Modify);
    if matches!(received.endpoint.reading, wire_woox::listed::Reading::Algo)
        || (changes && received.endpoint.path.contains("/algo"))
    {
        return Err(Refusal::new(
            RefusalCode::Forbidden,
            "algo orders are not followed yet; place the order when its time comes",
        ));
    }
    let given: Vec<(&'static str, String)> = ids::missing(received.endpoint, &received.params)
        .map(|name| (name, new_id.number()))
        .collect();
    let given: Vec<(&str, &str)> = given.iter().map(|(name, id)| (*name, id.as_str())).collect();
    let intent = read(received)?;
    let text = text_to_sign(received, &intent, &given)?;
    Ok(Asked { intent: with_ids(intent, &given), text: text.canonical().into_bytes() })
}

pub(crate) fn question(
    served: &Served,
    path: Option<&str>,
    params: wire_woox::ParamText,
    now_ms: u64,
) -> Result<String, String> {
    let text = match served.scheme {
        wire_woox::Scheme::V3 => {
            let path = path.unwrap_or(served.path);
            Text::v3(served.method, path, wire_woox::Params::Form(params), now_ms)
        }
        _ => Text::v1(&params, now_ms),
    };
    text.map(|text| text.canonical()).map_err(|refusal| refusal.to_string())
}

/// The intent with the client order id that its one order was given.
fn with_ids(mut intent: wire::model::Intent, given: &[(&str, &str)]) -> wire::model::Intent {
    if let (Some((_, id)), wire::model::Operation::Place(group)) =
        (given.first(), &mut intent.operation)
        && let Some(order) = group.orders.first_mut()
        && order.client_order_id.is_none()
    {
        order.client_order_id = Some((*id).to_owned());
    }
    intent
}

pub(super) fn public(arrival: &Arrival<'_>) -> Option<Public> {
    let found = public_endpoint(arrival.method, arrival.path)?;
    let host = match found.host {
        PublicHost::Api => Host::WooX,
        PublicHost::Pub => Host::WooXHistory,
    };
    Some(Public { host: Some(host), is_plain: is_public_query(arrival.query.unwrap_or("")) })
}

/// Key, time and signature go in headers.
pub(super) fn outgoing(
    course: &Course,
    served: &'static Served,
    asked: Sendable,
) -> Result<Outgoing, String> {
    let Sendable::Signed(signed) = asked else {
        return Err("every private request of the venue is signed".to_owned());
    };
    let unreadable = |error: Refusal| format!("the signed text cannot be sent: {error}");
    let text = Text::parse_canonical(&signed.text).map_err(unreadable)?;
    let path = course.path.as_deref().unwrap_or(served.path);
    let upstream = Upstream::of(served, path, &text).map_err(unreadable)?;
    let (path, query) = match upstream.target.split_once('?') {
        Some((path, query)) => (path.to_owned(), query.as_bytes().to_vec()),
        None => (upstream.target, Vec::new()),
    };
    Ok(Outgoing {
        host: Host::WooX,
        method: served.method,
        path: Cow::Owned(path),
        query,
        content_type: upstream.content_type,
        body: upstream.body.into_bytes(),
        auth: Auth::WooX {
            key: Arc::clone(&course.key),
            timestamp: text.timestamp_ms().to_string(),
            signature: signed.signature,
        },
        time_unit: None,
        frame: None,
        egress: Egress::default(),
        repeatable: served.effect == Effect::Read,
    })
}

/// Codes are chosen so that clients raise the right class and do not retry
/// (see [`errors`]).
pub(super) fn error(why: &Why, message: &str) -> (u16, String) {
    let (code, words) = match why {
        Why::Refusal(refusal) => {
            let error = errors::for_refusal(refusal);
            return (error.http, error.body);
        }
        Why::Malformed { .. } | Why::NoTimestamp => (errors::INVALID_PARAM, ""),
        Why::BadSignature => (errors::INVALID_SIGNATURE, errors::SIGNATURE_TEXT),
        Why::TimestampAhead | Why::TimestampOld => (errors::RECEIVE_WINDOW_EXCEEDED, ""),
        Why::Replayed => (errors::DUPLICATE_REQUEST, ""),
        Why::NoKey | Why::UnknownKey | Why::NoVenue | Why::Never | Why::Withheld => {
            (errors::UNAUTHORIZED, errors::UNAUTHORIZED_TEXT)
        }
        Why::Limit => (errors::RISK_TOO_HIGH, ""),
        Why::CancelRejected | Why::NoStreamKey => (errors::NOT_FOUND, ""),
        // The venue has no word for it; its status says it.
        Why::NotExecuted | Why::Unknown => (errors::UNKNOWN, ""),
        Why::Throttled { .. } | Why::TooManyOrders { .. } => (errors::TOO_MANY_REQUESTS, ""),
    };
    let space = if words.is_empty() { "" } else { " " };
    let text = format!("{words}{space}Countersign: {message}");
    (http_status(why).unwrap_or(errors::http_status(code)), errors::body(code, &text))
}

/// The codes with which the venue says that it does not know: its own inside
/// failed, or it is in maintenance.
const UNKNOWN_CODES: [i64; 2] = [-1000, -1011];

/// What every answer has: version 3 nests the rest in `data`.
#[derive(Deserialize)]
struct Answer<'a> {
    success: bool,
    /// A number, or the same as text.
    code: Option<serde_json::Value>,
    #[serde(borrow)]
    data: Option<&'a serde_json::value::RawValue>,
}

/// An order's names in either version.
#[derive(Default, Deserialize)]
struct Placed {
    #[serde(alias = "orderId", alias = "algoOrderId")]
    order_id: Option<serde_json::Value>,
    #[serde(alias = "clientOrderId", alias = "clientAlgoOrderId")]
    client_order_id: Option<serde_json::Value>,
}

fn as_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What an answer says. A cancel is acknowledged before it has happened
/// (`CANCEL_SENT`): what became of the order is told by the account.
pub(super) fn reading(served: &Served, http: u16, body: &[u8], symbol: &str) -> Reading {
    let told = |outcome, code, detail| Reading { outcome, code, detail, orders: Vec::new() };
    let answer: Option<Answer<'_>> = serde_json::from_slice(body).ok();
    let code = answer
        .as_ref()
        .and_then(|answer| answer.code.as_ref())
        .and_then(as_text)
        .and_then(|text| text.parse::<i64>().ok())
        .filter(|code| *code != 0);
    let Some(answer) = answer else {
        let unknown = served.effect != Effect::Read && !(400..500).contains(&http);
        let outcome = match (unknown, (200..300).contains(&http)) {
            (true, _) => SettleOutcome::Unknown,
            (false, true) => SettleOutcome::Acknowledged,
            (false, false) => SettleOutcome::Rejected,
        };
        return told(outcome, None, Some("the answer cannot be read"));
    };
    if !answer.success || !(200..300).contains(&http) {
        let unknown = code.is_some_and(|code| UNKNOWN_CODES.contains(&code))
            || (code.is_none() && !(400..500).contains(&http));
        let outcome = if unknown { SettleOutcome::Unknown } else { SettleOutcome::Rejected };
        return told(outcome, code, None);
    }
    if served.class != Class::Place {
        return told(SettleOutcome::Acknowledged, None, None);
    }
    let inner = answer.data.map_or(body, |data| data.get().as_bytes());
    match serde_json::from_slice::<Placed>(inner).ok().and_then(|placed| update(&placed, symbol)) {
        Some(update) => Reading {
            outcome: SettleOutcome::Acknowledged,
            code: None,
            detail: None,
            orders: vec![update],
        },
        None => told(SettleOutcome::Acknowledged, None, Some("the answer names no order")),
    }
}

fn update(placed: &Placed, symbol: &str) -> Option<OrderUpdate> {
    let client = placed.client_order_id.as_ref().and_then(as_text).filter(|id| id != "0");
    Some(OrderUpdate {
        symbol: symbol.to_owned(),
        order_id: placed.order_id.as_ref().and_then(as_text)?.parse().ok(),
        client_order_id: client?,
        new_client_order_id: None,
        order_list_id: None,
        status: OrderStatus::Open,
        quantity: None,
        executed_quantity: None,
        executed_quote: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_the_venues_shape() {
        let (status, body) = error(&Why::Never, "no withdrawals");
        assert_eq!(status, 401);
        assert!(body.starts_with("{\"success\":false,\"code\":-1002,"), "{body}");
        assert_eq!(error(&Why::NotExecuted, "x").0, 503);
        assert_eq!(error(&Why::Unknown, "x").0, 504);
    }

    #[test]
    fn answers_of_both_versions_are_read() {
        let order = wire_woox::served("POST", "/v1/order").unwrap();
        let body = br#"{"success":true,"timestamp":"1","order_id":13,"client_order_id":7,
            "order_type":"LIMIT","order_price":100.12,"order_quantity":0.98}"#;
        let read = reading(order, 200, body, "SPOT_BTC_USDT");
        assert_eq!(read.outcome, SettleOutcome::Acknowledged);
        let [placed] = &read.orders[..] else { panic!("{read:?}") };
        assert_eq!((placed.order_id, placed.client_order_id.as_str()), (Some(13), "7"));
        let order = wire_woox::served("POST", "/v3/trade/order").unwrap();
        let body = br#"{"success":true,"timestamp":1,"data":{"orderId":14,"clientOrderId":8}}"#;
        assert_eq!(reading(order, 200, body, "x").orders[0].order_id, Some(14));
        let refused = br#"{"success":false,"code":"-1101","message":"risk"}"#;
        let read = reading(order, 400, refused, "x");
        assert_eq!((read.outcome, read.code), (SettleOutcome::Rejected, Some(-1101)));
        let inside = br#"{"success":false,"code":-1000,"message":"unknown"}"#;
        assert_eq!(reading(order, 500, inside, "x").outcome, SettleOutcome::Unknown);
        assert_eq!(reading(order, 502, b"<html>", "x").outcome, SettleOutcome::Unknown);
        assert_eq!(reading(order, 200, b"{", "x").outcome, SettleOutcome::Unknown);
    }
}
