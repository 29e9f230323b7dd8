//! What goes back to the bot: a closed list of headers, a bounded body.

use http_body_util::Limited;
use hyper::body::Incoming;

/// An answer to a bot.
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers, as lines `name: value\r\n`, without those about length.
    pub(crate) lines: Vec<u8>,
    pub(crate) body: Body,
}

/// An answer's body: whole, or a public one on its way.
pub(crate) enum Body {
    Whole(Vec<u8>),
    Streamed(Limited<Incoming>),
}

/// Headers of the venue that bots get, beside the counters below.
const RELAYED: [&str; 3] = ["content-type", "retry-after", "x-mbx-uuid"];
/// Beginnings of the venue's counter headers.
const COUNTERS: [&str; 4] =
    ["x-mbx-used-weight", "x-mbx-order-count", "x-sapi-used-ip-weight", "x-sapi-used-uid-weight"];

impl Reply {
    /// An answer of our own.
    pub(crate) fn json(status: u16, body: String) -> Self {
        let lines = b"content-type: application/json;charset=UTF-8\r\n".to_vec();
        Self { status, lines, body: Body::Whole(body.into_bytes()) }
    }
}

/// Whether bots get a header of the venue's, by its name in lower case.
pub(crate) fn is_relayed(name: &str) -> bool {
    RELAYED.contains(&name) || COUNTERS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_closed() {
        let names = [
            "content-type",
            "x-mbx-used-weight-1m",
            "x-mbx-order-count-10s",
            "retry-after",
            "set-cookie",
            "x-mbx-apikey",
            "server",
            "transfer-encoding",
        ];
        let kept: Vec<&str> = names.into_iter().filter(|name| is_relayed(name)).collect();
        assert_eq!(
            kept,
            ["content-type", "x-mbx-used-weight-1m", "x-mbx-order-count-10s", "retry-after"]
        );
    }
}
