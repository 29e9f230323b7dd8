//! How the paper venue reads a frame of the WebSocket API: a pure function of
//! its text.
//!
//! Facts (vendor's documents, *WebSocket API: request format* and *request
//! security*): the signed text is every parameter but the signature, `apiKey`
//! among them, sorted by name, as `name=value` joined by `&`, in UTF-8 without
//! percent-encoding. Not documented, and therefore read in the most permissive
//! way: of a name that stands twice the last one counts, as in most parsers.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::binance::reading::Reading;

/// A frame that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// `id` as sent: a number, a text, or null.
    pub id: Value,
    /// Method without a version in front.
    pub method: String,
    /// Its parameters, as a request of this method; the method stands as path.
    pub reading: Reading,
}

/// Why a frame was not understood.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameError {
    /// The `id`, where it could be read.
    pub id: Value,
    /// The venue's code.
    pub code: i64,
    /// The venue's words.
    pub msg: String,
}

/// An object in the order sent, duplicates kept, values as they were written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Seen<'a> {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Seen(std::marker::PhantomData))
    }
}

/// A parameter's value as text: strings decoded, everything else as written.
fn text_of(raw: &RawValue) -> String {
    serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}

fn legal_id(id: &Value) -> bool {
    match id {
        Value::Null => true,
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::String(text) => {
            text.len() <= 36
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        }
        _ => false,
    }
}

/// Reads a frame.
///
/// # Errors
/// When it is not a request: not JSON, without a method, with odd members.
pub fn read_frame(text: &str) -> Result<Frame, FrameError> {
    let wrong =
        |id: &Value, code: i64, msg: &str| FrameError { id: id.clone(), code, msg: msg.to_owned() };
    let Members(top) = serde_json::from_str(text)
        .map_err(|_| wrong(&Value::Null, -1135, "Invalid JSON Request"))?;
    let member = |name: &str| top.iter().rev().find(|(key, _)| key == name).map(|(_, raw)| *raw);
    let id = member("id").and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let id = id.unwrap_or(Value::Null);
    if !legal_id(&id) {
        let msg =
            "Parameter 'id' contains unexpected value; legal range is '^[a-zA-Z0-9-_]{1,36}$'.";
        return Err(wrong(&Value::Null, -1100, msg));
    }
    let method = member("method").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let missing = "Mandatory parameter 'method' was not sent, was empty/null, or malformed.";
    let method = method.ok_or_else(|| wrong(&id, -1102, missing))?;
    let members = match member("params").filter(|params| params.get() != "null") {
        None => Vec::new(),
        Some(params) => {
            let members: Members<'_> = serde_json::from_str(params.get())
                .map_err(|_| wrong(&id, -1135, "Invalid JSON Request"))?;
            members.0
        }
    };
    let mut params: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in members {
        params.insert(name, text_of(value));
    }
    let signature = params.remove("signature");
    let payload: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let method = method.strip_prefix("v3/").unwrap_or(&method).to_owned();
    let reading = Reading {
        method: "WS".to_owned(),
        path: method.clone(),
        api_key: params.remove("apiKey"),
        params: params.into_iter().collect(),
        shadowed: Vec::new(),
        duplicated: Vec::new(),
        payload: payload.join("&").into_bytes(),
        signature,
        unencoded: false,
    };
    Ok(Frame { id, method, reading })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_sorted_and_keeps_numbers_as_written() {
        let frame = read_frame(
            r#"{"id": 7, "method": "v3/order.place", "params": {"symbol": "１２", "b": 0.10, "apiKey": "k", "c": true, "a": 1e2, "signature": "s", "list": ["x", 1]}}"#,
        )
        .unwrap();
        assert_eq!(frame.method, "order.place");
        assert_eq!(frame.id, 7);
        let text = String::from_utf8(frame.reading.payload.clone()).unwrap();
        assert_eq!(text, r#"a=1e2&apiKey=k&b=0.10&c=true&list=["x", 1]&symbol=１２"#);
        assert_eq!(frame.reading.signature.as_deref(), Some("s"));
        assert_eq!(frame.reading.api_key.as_deref(), Some("k"));
        assert_eq!(frame.reading.get("b"), Some("0.10"));
    }

    #[test]
    fn the_last_of_two_counts() {
        let twice = read_frame(r#"{"method":"time","id":1,"method":"ping"}"#).unwrap();
        assert_eq!(twice.method, "ping");
        let frame = read_frame(r#"{"method":"m","params":{"a":"1","a":"2"}}"#).unwrap();
        assert_eq!(frame.reading.payload, b"a=2");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (text, code) in [
            ("", -1135),
            ("[]", -1135),
            ("{\"id\":1}", -1102),
            ("{\"id\":1,\"method\":5}", -1102),
            ("{\"id\":1.5,\"method\":\"time\"}", -1100),
            ("{\"id\":{},\"method\":\"time\"}", -1100),
            ("{\"id\":\"a b\",\"method\":\"time\"}", -1100),
            ("{\"id\":1,\"method\":\"time\",\"params\":[]}", -1135),
            ("{\"id\":1,\"method\":\"time\",\"params\":5}", -1135),
            ("\u{feff}{\"method\":\"time\"}", -1135),
        ] {
            assert_eq!(read_frame(text).unwrap_err().code, code, "{text}");
        }
        assert!(read_frame("{\"method\":\"time\",\"params\":null,\"more\":1}").is_ok());
    }
}
