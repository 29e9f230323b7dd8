//! Our reading of a Binance request against the paper venue's, which was
//! written apart: whenever both take it, they agree.

use wire::venue::binance::{RawRequest, read, receive};

/// `METHOD path`, query and body on three lines.
pub(crate) fn binance(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, path) = text().split_once(' ').unwrap_or_default();
    let query = text();
    let body = lines.next().unwrap_or_default();
    let form = "application/x-www-form-urlencoded";
    let raw = RawRequest {
        method,
        path,
        query: (!query.is_empty()).then_some(query),
        body,
        content_type: Some(form),
    };
    let Ok(ours) = receive(&raw) else { return };
    // What is never let through is not read at all.
    if read(&ours).is_err() {
        return;
    }
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let headers = [("content-type".to_owned(), form.to_owned())];
    let theirs = sim::binance::read(method, &target, &headers, body);
    assert_eq!(theirs.path, path, "the path reads otherwise");
    assert!(theirs.duplicated.is_empty() && theirs.shadowed.is_empty(), "{theirs:?}");
    let mut own: Vec<(String, String)> =
        ours.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut other = theirs.params;
    own.sort();
    other.sort();
    assert_eq!(own, other, "the parameters read otherwise");
    // A bot's signature ends at the gateway, which takes base64's `+` as it is.
    let theirs = theirs.signature.map(|text| text.replace(' ', "+"));
    assert_eq!(ours.signature, theirs, "the signature reads otherwise");
}

/// A frame of Binance's WebSocket API: spot where the first byte is even, USD-M
/// futures where it is odd.
pub(crate) fn binance_frame(bytes: &[u8]) {
    use wire::venue::binance::endpoints::HostGroup;
    use wire::venue::binance::frames::{Asks, receive_frame};
    let Some((first, frame)) = bytes.split_first() else { return };
    let group = if first % 2 == 0 { HostGroup::WsApi } else { HostGroup::WsFapi };
    let Ok(ours) = receive_frame(group, frame, first % 4 >= 2) else { return };
    let Asks::Private(private) = ours.asks else { return };
    if read(&private.received).is_err() {
        return;
    }
    let text = std::str::from_utf8(frame).expect("we read it");
    let theirs = sim::binance::read_frame(text).expect("the venue does not read it");
    let id: serde_json::Value = serde_json::from_str(&ours.id).expect("an id");
    assert_eq!(id, theirs.id, "the id reads otherwise");
    let name = private.received.endpoint.path;
    // The paper venue knows the version of spot alone; none is sent to the venue.
    let method = theirs.method.strip_prefix("v1/").unwrap_or(&theirs.method);
    assert!(name.ends_with(method), "{name} is {method} there");
    let mut own: Vec<(String, String)> = private
        .received
        .params
        .iter()
        // There the key stands apart, as REST has it.
        .filter(|(name, _)| *name != "apiKey")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(private.api_key, theirs.reading.api_key, "the key reads otherwise");
    let mut other = theirs.reading.params;
    own.sort();
    other.sort();
    assert_eq!(own, other, "the parameters read otherwise");
    if !private.by_session {
        let signature = Some(private.received.signature).flatten();
        assert_eq!(signature, theirs.reading.signature, "the signature reads otherwise");
    }
}

/// A request to WOO X: `METHOD path`, query and body on three lines.
pub(crate) fn woox(bytes: &[u8]) {
    use serde_json::{Map, Value};
    use wire::venue::woox::{self, params::Params};
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, path) = text().split_once(' ').unwrap_or_default();
    let query = text();
    let body = lines.next().unwrap_or_default();
    let v3 = path.starts_with("/v3/");
    let content_type = if v3 { "application/json" } else { "application/x-www-form-urlencoded" };
    let (key, time, signature) = ("AbmyVJGUpN064ks5ELjLfA==", "1795189989000", "a".repeat(64));
    let raw = woox::RawRequest {
        method,
        path,
        query: (!query.is_empty()).then_some(query),
        body,
        content_type: Some(content_type),
        api_key: Some(key),
        timestamp: Some(time),
        signature: Some(&signature),
    };
    let Ok(ours) = woox::receive(&raw) else { return };
    if woox::read(&ours).is_err() {
        return;
    }
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let headers = [
        ("content-type", content_type),
        ("x-api-key", key),
        ("x-api-timestamp", time),
        ("x-api-signature", &signature),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let theirs = sim::woox::read(method, &target, &headers, body);
    assert_eq!(theirs.path, ours.path, "the path reads otherwise");
    assert!(theirs.repeated.is_none() && !theirs.malformed, "{theirs:?}");
    let own: Map<String, Value> = match &ours.params {
        Params::Form(form) => form
            .iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())))
            .collect(),
        Params::Json(object) => serde_json::from_str(&object.canonical()).expect("JSON"),
    };
    assert_eq!(own, theirs.params, "the parameters read otherwise");
    let signed = &ours.signed_payload;
    assert!(theirs.texts.contains(signed), "another text is signed there");
}
