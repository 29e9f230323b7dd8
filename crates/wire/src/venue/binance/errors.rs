//! Binance's error shape: HTTP status and `{"code":<int>,"msg":"<text>"}`.
//!
//! Codes are chosen so that clients raise the right class and do not retry:
//! ccxt takes a `-2015` for a rate limit once a private call has succeeded, so
//! a denial is never a `-2015`.

use super::Refusal;
use std::fmt::Write as _;

/// Not authorised: what a bot may never do. HTTP 401.
pub const UNAUTHORIZED: i32 = -1002;
/// Too many requests. HTTP 429 with `Retry-After`.
pub const TOO_MANY_REQUESTS: i32 = -1003;
/// The outcome is unknown. HTTP 504.
pub const TIMEOUT: i32 = -1007;
/// Too many orders. HTTP 429 with `Retry-After`.
pub const TOO_MANY_ORDERS: i32 = -1015;
/// The timestamp is outside the receive window. HTTP 400.
pub const INVALID_TIMESTAMP: i32 = -1021;
/// The signature is wrong. HTTP 400.
pub const INVALID_SIGNATURE: i32 = -1022;
/// Illegal characters in a parameter. HTTP 400.
pub const ILLEGAL_CHARS: i32 = -1100;
/// Too many parameters, or one of them twice. HTTP 400.
pub const TOO_MANY_PARAMETERS: i32 = -1101;
/// A mandatory parameter is missing, empty or malformed. HTTP 400.
pub const MANDATORY_PARAM_EMPTY_OR_MALFORMED: i32 = -1102;
/// An unknown parameter. HTTP 400.
pub const UNKNOWN_PARAM: i32 = -1103;
/// Not every parameter was read. HTTP 400.
pub const UNREAD_PARAMETERS: i32 = -1104;
/// A parameter was empty. HTTP 400.
pub const PARAM_EMPTY: i32 = -1105;
/// The order was rejected. HTTP 400.
pub const NEW_ORDER_REJECTED: i32 = -2010;
/// The cancel was rejected. HTTP 400.
pub const CANCEL_REJECTED: i32 = -2011;
/// There is no such stream key. HTTP 400.
pub const NO_STREAM_KEY: i32 = -1125;
/// The API key has the wrong format. HTTP 401.
pub const BAD_API_KEY_FORMAT: i32 = -2014;
/// Unknown key, address or missing permission. HTTP 401.
pub const REJECTED_API_KEY: i32 = -2015;

/// The venue's own words for an unauthorised request.
pub const UNAUTHORIZED_TEXT: &str = "You are not authorized to execute this request.";
/// The venue's own words for a timestamp that is too old.
pub const TIMESTAMP_OLD_TEXT: &str = "Timestamp for this request is outside of the recvWindow.";
/// The venue's own words for a timestamp in the future.
pub const TIMESTAMP_AHEAD_TEXT: &str =
    "Timestamp for this request was 1000ms ahead of the server's time.";
/// The venue's own words for a wrong signature.
pub const SIGNATURE_TEXT: &str = "Signature for this request is not valid.";
/// The venue's own words for a key of the wrong form.
pub const KEY_FORMAT_TEXT: &str = "API-key format invalid.";
/// The venue's own words for a key that may not.
pub const KEY_REJECTED_TEXT: &str = "Invalid API-key, IP, or permissions for action.";

/// The venue's own words for a stream key that does not exist.
pub const STREAM_KEY_TEXT: &str = "This listenKey does not exist.";

/// The HTTP status that goes with a code.
pub const fn http_status(code: i32) -> u16 {
    match code {
        UNAUTHORIZED | BAD_API_KEY_FORMAT | REJECTED_API_KEY => 401,
        TOO_MANY_REQUESTS | TOO_MANY_ORDERS => 429,
        TIMEOUT => 504,
        _ => 400,
    }
}

/// The body of an error answer. The message is escaped as JSON.
pub fn body(code: i32, message: &str) -> String {
    let mut out = String::with_capacity(message.len() + 32);
    let _ = write!(out, "{{\"code\":{code},\"msg\":\"");
    for c in message.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push_str("\"}");
    out
}

/// An error answer: status, code and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueError {
    /// HTTP status.
    pub http: u16,
    /// The venue's code.
    pub code: i32,
    /// The JSON body, `application/json`.
    pub body: String,
}

impl VenueError {
    /// The answer with this code and message.
    pub fn new(code: i32, message: &str) -> Self {
        Self { http: http_status(code), code, body: body(code, message) }
    }
}

/// An error in the shape of a WebSocket frame; `id` is the frame's own, as JSON.
pub fn frame(id: &str, error: &VenueError) -> String {
    let mut out = String::with_capacity(error.body.len() + id.len() + 48);
    let _ = write!(out, "{{\"id\":{id},\"status\":{},\"error\":{}}}", error.http, error.body);
    out
}

/// What a bot is told for a refusal.
pub fn for_refusal(refusal: &Refusal) -> VenueError {
    let code = refusal.code.venue_code();
    let message = match code {
        UNAUTHORIZED => format!("{UNAUTHORIZED_TEXT} Countersign: {refusal}"),
        _ => format!("Countersign: {refusal}"),
    };
    VenueError::new(code, &message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::binance::RefusalCode;

    #[test]
    fn body_is_the_venues_shape() {
        assert_eq!(
            body(-2010, "say \"no\"\n"),
            "{\"code\":-2010,\"msg\":\"say \\\"no\\\"\\u000a\"}"
        );
    }

    #[test]
    fn refusals_map_to_status_and_code() {
        let refusal = Refusal::of(RefusalCode::Unlisted, "foo", "not in the list");
        let error = for_refusal(&refusal);
        assert_eq!((error.http, error.code), (400, -1104));
        assert!(error.body.contains("parameter `foo`"));
        let refusal = Refusal::new(RefusalCode::Forbidden, "no");
        assert_eq!(for_refusal(&refusal).http, 401);
    }
}
