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
