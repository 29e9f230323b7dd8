//! How the paper venue reads a request: a pure function of its bytes.
//!
//! Facts (vendor's REST documents, *General Information on Endpoints* and
//! *Request Security*): parameters may stand in the query or in a form body,
//! the query's copy wins, and the signed text is the raw query followed by the
//! raw body, without the signature pair.

use hyper::Uri;
use percent_encoding::percent_decode_str;

/// What the venue understood of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Method, as sent.
    pub method: String,
    /// Path as the most permissive server would take it: percent-decoded, path
    /// parameters (`;...`) cut, empty and dot segments resolved. How the real one
    /// treats odd paths is not documented, so the worst is assumed.
    pub path: String,
    /// `X-MBX-APIKEY`, where there is exactly one.
    pub api_key: Option<String>,
    /// Decoded parameters in the order sent, query first, without the signature
    /// and without body copies of what the query has.
    pub params: Vec<(String, String)>,
    /// Names of body parameters that the query's copy overrules.
    pub shadowed: Vec<String>,
    /// Names that stand twice in the query, or twice in the body.
    pub duplicated: Vec<String>,
    /// The bytes the signature is over.
    pub payload: Vec<u8>,
    /// The signature, decoded.
    pub signature: Option<String>,
    /// Whether the payload holds bytes that had to be percent-encoded.
    pub unencoded: bool,
}

impl Reading {
    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a request. `target` is the request target as sent (origin or absolute
/// form), `headers` are name and value pairs as sent.
#[must_use]
pub fn read(method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Reading {
    let (path, query) = split_target(target);
    let form = if takes_body(method, headers) { body } else { &[] };
    let (query_params, query_raw) = parse(query.as_bytes());
    let (body_params, body_raw) = parse(form);
    let mut duplicated = repeated(&query_params);
    duplicated.extend(repeated(&body_params));

    let mut signature = None;
    let mut shadowed = Vec::new();
    let mut params: Vec<(String, String)> = Vec::new();
    let from_query = query_params.len();
    for (index, (name, value)) in query_params.into_iter().chain(body_params).enumerate() {
        if name == "signature" {
            signature.get_or_insert(value);
        } else if index >= from_query && params.iter().any(|(known, _)| *known == name) {
            shadowed.push(name);
        } else {
            params.push((name, value));
        }
    }
    let mut payload = query_raw;
    payload.extend_from_slice(&body_raw);
    let unencoded = payload.iter().any(|byte| !byte.is_ascii_graphic() || b"\"<>".contains(byte));
    Reading {
        method: method.to_owned(),
        path: plain_path(&path),
        api_key: single_header(headers, "x-mbx-apikey"),
        params,
        shadowed,
        duplicated,
        payload,
        signature,
        unencoded,
    }
}

/// Path and raw query of a request target.
fn split_target(target: &str) -> (String, String) {
    match target.parse::<Uri>() {
        Ok(uri) => (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned()),
        Err(_) => match target.split_once('?') {
            Some((path, query)) => (path.to_owned(), query.to_owned()),
            None => (target.to_owned(), String::new()),
        },
    }
}

/// The path that the endpoints are looked up by.
fn plain_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            plain => segments.push(plain),
        }
    }
    format!("/{}", segments.join("/"))
}

/// GET takes its parameters from the query alone; the others take a form too.
fn takes_body(method: &str, headers: &[(String, String)]) -> bool {
    let form = single_header(headers, "content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/x-www-form-urlencoded"
    });
    form && matches!(method, "POST" | "PUT" | "DELETE")
}

/// The value of a header that is sent once.
fn single_header(headers: &[(String, String)], name: &str) -> Option<String> {
    let mut found = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let first = found.next().map(|(_, value)| value.clone());
    if found.next().is_some() { None } else { first }
}

/// Decoded pairs, and the raw text without the signature pair.
fn parse(raw: &[u8]) -> (Vec<(String, String)>, Vec<u8>) {
    let pairs = form_urlencoded::parse(raw).into_owned().collect();
    let kept: Vec<&[u8]> = raw.split(|byte| *byte == b'&').filter(|part| !signs(part)).collect();
    (pairs, kept.join(&b'&'))
}

/// Whether a raw pair is the signature.
fn signs(part: &[u8]) -> bool {
    form_urlencoded::parse(part).next().is_some_and(|(name, _)| name == "signature")
}

/// Names that occur more than once.
fn repeated(pairs: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let mut twice: Vec<String> = names
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] if a == b => Some((*a).to_owned()),
            _ => None,
        })
        .collect();
    twice.dedup();
    twice
}

#[cfg(test)]
mod tests;
