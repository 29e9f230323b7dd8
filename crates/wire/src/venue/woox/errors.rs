//! WOO X's error shape: HTTP status and
//! `{"success":false,"code":<int>,"message":"<text>"}`.
//!
//! Codes, names and statuses are those of the venue's own documents; they are
//! chosen so that clients raise the right class and do not retry. ccxt 4.5.90
//! takes −1002 for an authentication error, −1101 and −1105 for an invalid
//! order, −1004 to −1006 for a bad request. −1012 is never used: its own text
//! asks to try again in a few seconds.

use std::fmt::Write as _;

use super::{Refusal, RefusalCode};

/// The outcome is unknown. HTTP 504.
pub const UNKNOWN: i32 = -1000;
/// The signature is wrong. HTTP 401.
pub const INVALID_SIGNATURE: i32 = -1001;
/// Not authorised: an unknown key, and what a bot may never do. HTTP 401.
pub const UNAUTHORIZED: i32 = -1002;
/// Too many requests. HTTP 429 with `Retry-After`. (The venue's documents of
/// 2019 say 403.)
pub const TOO_MANY_REQUESTS: i32 = -1003;
/// An unlisted parameter. HTTP 400.
pub const UNKNOWN_PARAM: i32 = -1004;
/// A malformed parameter. HTTP 400.
pub const INVALID_PARAM: i32 = -1005;
/// The order to cancel or change is not there or not the bot's. HTTP 400.
pub const NOT_FOUND: i32 = -1006;
/// The same request again. HTTP 400.
pub const DUPLICATE_REQUEST: i32 = -1007;
/// An order over a limit. HTTP 400.
pub const RISK_TOO_HIGH: i32 = -1101;
/// An order outside the price collar. HTTP 400.
pub const PERCENTAGE_FILTER: i32 = -1105;
/// The timestamp is too old or in the future. HTTP 400. (The one positive code:
/// ccxt knows it from the venue.)
pub const RECEIVE_WINDOW_EXCEEDED: i32 = 317_179;

/// The venue's own words for an unauthorised request.
pub const UNAUTHORIZED_TEXT: &str = "The request is unauthorized.";
/// The venue's own words for a wrong signature.
pub const SIGNATURE_TEXT: &str = "The api key or secret is in wrong format.";

/// The HTTP status that goes with a code.
pub const fn http_status(code: i32) -> u16 {
    match code {
        UNKNOWN => 504,
        INVALID_SIGNATURE | UNAUTHORIZED => 401,
        TOO_MANY_REQUESTS => 429,
        _ => 400,
    }
}

/// The code for a kind of refusal.
pub const fn venue_code(code: RefusalCode) -> i32 {
    match code {
        RefusalCode::Forbidden => UNAUTHORIZED,
        RefusalCode::Unlisted => UNKNOWN_PARAM,
        RefusalCode::IllegalCharacters
        | RefusalCode::Duplicate
        | RefusalCode::Malformed
        | RefusalCode::Empty => INVALID_PARAM,
    }
}

/// The body of an error answer. The message is escaped as JSON.
pub fn body(code: i32, message: &str) -> String {
    let mut out = String::with_capacity(message.len() + 48);
    let _ = write!(out, "{{\"success\":false,\"code\":{code},\"message\":\"");
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

/// What a bot is told for a refusal.
pub fn for_refusal(refusal: &Refusal) -> VenueError {
    let code = venue_code(refusal.code);
    let message = match code {
        UNAUTHORIZED => format!("{UNAUTHORIZED_TEXT} Countersign: {refusal}"),
        _ => format!("Countersign: {refusal}"),
    };
    VenueError::new(code, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_the_venues_shape() {
        assert_eq!(
            body(-1101, "say \"no\"\n"),
            "{\"success\":false,\"code\":-1101,\"message\":\"say \\\"no\\\"\\u000a\"}"
        );
    }

    #[test]
    fn refusals_map_to_status_and_code() {
        let refusal = Refusal::of(RefusalCode::Unlisted, "foo", "not in the list");
        let error = for_refusal(&refusal);
        assert_eq!((error.http, error.code), (400, -1004));
        assert!(error.body.contains("parameter `foo`"));
        let error = for_refusal(&Refusal::new(RefusalCode::Forbidden, "no"));
        assert_eq!((error.http, error.code), (401, -1002));
        assert!(error.body.starts_with("{\"success\":false,\"code\":-1002,"));
    }

    /// ccxt looks for these words in the whole body before it looks at the
    /// code: with them a denial would become a retry.
    #[test]
    fn no_text_of_ours_is_taken_for_maintenance() {
        for words in ["maintenance", "Can not place"] {
            assert!(!UNAUTHORIZED_TEXT.contains(words) && !SIGNATURE_TEXT.contains(words));
        }
    }
}
