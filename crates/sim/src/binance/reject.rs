//! The venue's refusals: HTTP status, code and message, in the venue's words.

use serde_json::{Value, json};

/// A refusal in the venue's shape.
#[derive(Debug, Clone)]
pub(crate) struct Reject {
    pub(crate) status: u16,
    pub(crate) code: i64,
    pub(crate) msg: String,
    pub(crate) data: Option<Box<Value>>,
    pub(crate) retry_after_s: Option<i64>,
}

/// What an endpoint answers.
pub(crate) type Answer = Result<Value, Reject>;

impl Reject {
    pub(crate) fn new(status: u16, code: i64, msg: impl Into<String>) -> Self {
        Self { status, code, msg: msg.into(), data: None, retry_after_s: None }
    }

    /// The body the venue sends.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "code": self.code, "msg": self.msg });
        if let (Some(data), Some(map)) = (&self.data, body.as_object_mut()) {
            map.insert("data".to_owned(), data.as_ref().clone());
        }
        body
    }

    pub(crate) fn missing(name: &str) -> Self {
        let msg =
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        Self::new(400, -1102, msg)
    }

    pub(crate) fn either(a: &str, b: &str) -> Self {
        let msg = format!("Param '{a}' or '{b}' must be sent, but both were empty/null!");
        Self::new(400, -1102, msg)
    }

    pub(crate) fn empty(name: &str) -> Self {
        Self::new(400, -1105, format!("Parameter '{name}' was empty."))
    }

    pub(crate) fn illegal(name: &str, range: &str) -> Self {
        let msg =
            format!("Illegal characters found in parameter '{name}'; legal range is '{range}'.");
        Self::new(400, -1100, msg)
    }

    pub(crate) fn not_required(name: &str) -> Self {
        Self::new(400, -1106, format!("Parameter '{name}' sent when not required."))
    }

    pub(crate) fn precision(name: &str) -> Self {
        Self::new(400, -1111, format!("Parameter '{name}' has too much precision."))
    }

    pub(crate) fn bad_symbol() -> Self {
        Self::new(400, -1121, "Invalid symbol.")
    }

    pub(crate) fn filter(name: &str) -> Self {
        Self::new(400, -1013, format!("Filter failure: {name}"))
    }

    pub(crate) fn order(msg: &str) -> Self {
        Self::new(400, -2010, msg)
    }

    pub(crate) fn insufficient() -> Self {
        Self::order("Account has insufficient balance for requested action.")
    }

    pub(crate) fn unknown_order() -> Self {
        Self::new(400, -2011, "Unknown order sent.")
    }

    pub(crate) fn no_such_order() -> Self {
        Self::new(400, -2013, "Order does not exist.")
    }

    pub(crate) fn key_or_rights() -> Self {
        Self::new(401, -2015, "Invalid API-key, IP, or permissions for action.")
    }

    pub(crate) fn unauthorised() -> Self {
        Self::new(401, -1002, "You are not authorized to execute this request.")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, -1000, "No such endpoint on this venue.")
    }
}
