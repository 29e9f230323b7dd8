//! The venue's refusals: HTTP status, code and message.
//!
//! Codes, names and statuses up to -1105 are the vendor's published table
//! (`wootrade-documents`, error codes); it has 403 for -1003, while the text of
//! the same documents has 429, which is used here. The six-digit codes and their
//! messages are what ccxt 4.5.90 lists for v3; that they come with status 400 is
//! unverified, and so is which of them each check answers.

use serde_json::{Value, json};

/// A refusal in the venue's shape.
#[derive(Debug, Clone)]
pub(crate) struct Reject {
    pub(crate) status: u16,
    pub(crate) code: i64,
    pub(crate) message: String,
}

/// What an endpoint answers: the whole body.
pub(crate) type Answer = Result<Value, Reject>;

impl Reject {
    pub(crate) fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The body the venue sends.
    pub(crate) fn body(&self) -> Value {
        json!({ "success": false, "code": self.code, "message": self.message })
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, -1000, "An unknown error occurred while processing the request")
    }

    /// Something of the key's is malformed.
    pub(crate) fn format() -> Self {
        Self::new(401, -1001, "The api key or secret is in wrong format.")
    }

    /// Unknown key, wrong signature, stale timestamp, missing permission or
    /// foreign address: the venue has one code for all of them (its support
    /// article on -1002); that an address gives this one is unverified.
    pub(crate) fn unauthorised() -> Self {
        let message = "API key or secret is invalid, it may because key have insufficient permission or the key is expired/revoked.";
        Self::new(401, -1002, message)
    }

    pub(crate) fn rate() -> Self {
        Self::new(429, -1003, "Rate limit exceed.")
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, -1005, message)
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::invalid(format!("{name} must not be blank"))
    }

    /// As v3 says that there is no such open order.
    pub(crate) fn no_order() -> Self {
        Self::new(400, 317_184, "The order cannot be found, or it is already completed.")
    }

    pub(crate) fn no_data() -> Self {
        Self::new(400, -1006, "The data is not found in server.")
    }

    pub(crate) fn symbol() -> Self {
        Self::new(400, 302_101, "symbol is not exists")
    }

    /// Not enough of a token, by the message for stablecoins or others.
    pub(crate) fn insufficient(token: &str) -> Self {
        if token == "USDT" {
            return Self::new(400, 302_154, format!("Insufficient {token}."));
        }
        let message =
            format!("Insufficient {token}. Please enable margin trading for leverage trading.");
        Self::new(400, 302_155, message)
    }

    pub(crate) fn order(code: i64, message: &str) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn unknown_path() -> Self {
        Self::new(404, -1006, "The requested path does not exist on this venue.")
    }

    /// The refusal as v1 words it: six-digit codes became the older ones.
    pub(crate) fn in_v1(self) -> Self {
        let code = match self.code {
            317_184 => {
                let message = "Your order and symbol are not valid or already canceled.";
                return Self::new(400, -1006, message);
            }
            302_101 => -1005,
            302_117 => -1007,
            302_164 => -1102,
            302_170 => -1101,
            code if code >= 0 => -1012,
            code => code,
        };
        Self { code, ..self }
    }
}
