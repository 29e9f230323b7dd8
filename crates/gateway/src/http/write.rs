//! Heads as bytes: what goes to a bot, and what goes to a venue.

use std::time::SystemTime;

use hyper::StatusCode;

/// The current second as HTTP writes it, made once a second.
#[derive(Debug, Default)]
pub(crate) struct Date {
    second: u64,
    text: String,
}

impl Date {
    /// The text for now, `host_ns` being the host's Unix time in ns.
    pub(crate) fn at(&mut self, host_ns: u64) -> &str {
        let second = host_ns / 1_000_000_000;
        if second != self.second || self.text.is_empty() {
            self.second = second;
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            self.text = httpdate::fmt_http_date(time);
        }
        &self.text
    }
}

/// How the body behind a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// After so many bytes.
    Stated(usize),
    /// With an empty chunk.
    Chunks,
}

/// Appends an answer's head. `lines` are `name: value\r\n`.
pub(crate) fn answer_head(
    out: &mut Vec<u8>,
    status: u16,
    lines: &[u8],
    date: &str,
    length: Length,
    keep_alive: bool,
) {
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        let reason = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
        out.extend_from_slice(b"HTTP/1.1 ");
        number(out, usize::from(status));
        out.push(b' ');
        out.extend_from_slice(reason.unwrap_or("Unknown").as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(lines);
    if !keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    }
    match length {
        Length::Stated(length) => {
            out.extend_from_slice(b"content-length: ");
            number(out, length);
        }
        Length::Chunks => out.extend_from_slice(b"transfer-encoding: chunked"),
    }
    out.extend_from_slice(b"\r\ndate: ");
    out.extend_from_slice(date.as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends a chunk of a body.
pub(crate) fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    use std::io::Write as _;
    // Writing to memory does not fail.
    let _ = write!(out, "{:x}\r\n", data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends a request's head and body. Every part is plain text without line
/// breaks.
pub(crate) fn request(
    out: &mut Vec<u8>,
    method: &str,
    target: &[u8],
    headers: &[(&str, &[u8])],
    body: &[u8],
) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() || method == "POST" || method == "PUT" {
        out.extend_from_slice(b"content-length: ");
        number(out, body.len());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

fn number(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_plain() {
        let mut date = Date::default();
        let mut out = Vec::new();
        let text = date.at(784_111_777_000_000_000);
        answer_head(&mut out, 429, b"retry-after: 1\r\n", text, Length::Stated(2), false);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n\
             content-length: 2\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
        );
        let mut out = Vec::new();
        request(&mut out, "POST", b"/api/v3/order", &[("host", b"venue")], b"a=1");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "POST /api/v3/order HTTP/1.1\r\nhost: venue\r\ncontent-length: 3\r\n\r\na=1"
        );
        let mut out = Vec::new();
        chunk(&mut out, &[b'x'; 17]);
        assert!(out.starts_with(b"11\r\nx") && out.ends_with(b"x\r\n"));
    }
}
