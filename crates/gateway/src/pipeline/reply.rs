//! What goes back to the bot: a closed list of headers, a bounded body.

use bytes::Bytes;
use http_body_util::{Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

/// An answer's body: whole, or a public one on its way.
pub(crate) type AnswerBody = Either<Full<Bytes>, Limited<Incoming>>;

/// Headers of the venue that bots get, beside the counters below.
const RELAYED: [&str; 3] = ["content-type", "retry-after", "x-mbx-uuid"];
/// Beginnings of the venue's counter headers.
const COUNTERS: [&str; 4] =
    ["x-mbx-used-weight", "x-mbx-order-count", "x-sapi-used-ip-weight", "x-sapi-used-uid-weight"];

/// An answer of our own.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}

/// The venue's answer, without what bots do not get.
pub(crate) fn relayed(
    status: StatusCode,
    headers: HeaderMap,
    body: AnswerBody,
) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let to = response.headers_mut();
    for (name, value) in &headers {
        if is_relayed(name) {
            to.append(name.clone(), value.clone());
        }
    }
    response
}

fn is_relayed(name: &HeaderName) -> bool {
    let name = name.as_str();
    RELAYED.contains(&name) || COUNTERS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_closed() {
        let mut headers = HeaderMap::new();
        for name in [
            "content-type",
            "x-mbx-used-weight-1m",
            "x-mbx-order-count-10s",
            "retry-after",
            "set-cookie",
            "x-mbx-apikey",
            "server",
            "transfer-encoding",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let body = Either::Left(Full::new(Bytes::new()));
        let response = relayed(StatusCode::OK, headers, body);
        let mut kept: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
        kept.sort_unstable();
        assert_eq!(
            kept,
            ["content-type", "retry-after", "x-mbx-order-count-10s", "x-mbx-used-weight-1m"]
        );
    }
}
