//! A venue's answer: head, and a body of stated length, in chunks, or up to the
//! connection's end.

use std::mem::MaybeUninit;

use crate::limits;

/// How an answer's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunks,
    UntilClosed,
}

/// An answer's head.
#[derive(Debug)]
pub(crate) struct Head {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Lines `name: value\r\n` of the headers that are kept.
    pub(crate) lines: Vec<u8>,
    /// Whether the venue keeps the connection, as far as its head says.
    keep_alive: bool,
    /// Of the head, bytes.
    length: usize,
    framing: Framing,
}

/// An answer as it comes.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    head: Option<Head>,
    body: Vec<u8>,
    /// How far the input is used up.
    at: usize,
    chunks: Chunk,
}

/// What stands next in a body in chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Chunk {
    #[default]
    Size,
    Data(usize),
    Trailers,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Whole {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Lines `name: value\r\n` of the headers that are kept.
    pub(crate) lines: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// Whether the connection can carry another exchange.
    pub(crate) reusable: bool,
}

impl Reader {
    /// Takes what has come since the exchange began, all of it each time;
    /// `closed` where nothing more will. The answer, once it is whole. `keep`
    /// says which headers are kept, by their name in lower case.
    ///
    /// # Errors
    /// Why this is no answer that can be read: its outcome is then unknown.
    pub(crate) fn take(
        &mut self,
        input: &[u8],
        closed: bool,
        keep: fn(&str) -> bool,
    ) -> Result<Option<Whole>, String> {
        while self.head.is_none() {
            match Head::read(input.get(self.at..).unwrap_or_default(), keep)? {
                // "100 Continue" and its like stand before the answer.
                Some(head) if (100..200).contains(&head.status) => {
                    if head.status == 101 {
                        return Err("the venue wants to speak another protocol".to_owned());
                    }
                    self.at = self.at.saturating_add(head.length);
                }
                Some(head) => {
                    self.at = self.at.saturating_add(head.length);
                    self.head = Some(head);
                }
                None if closed => return Err("the venue closed before its answer".to_owned()),
                None => return Ok(None),
            }
        }
        let Some(framing) = self.head.as_ref().map(|head| head.framing) else { return Ok(None) };
        let whole = match framing {
            Framing::Length(length) => self.take_length(input, length)?,
            Framing::Chunks => self.take_chunks(input)?,
            Framing::UntilClosed => self.take_rest(input, closed)?,
        };
        if !whole {
            return if closed { Err("the answer broke off".to_owned()) } else { Ok(None) };
        }
        let Some(head) = self.head.take() else { return Ok(None) };
        // More than was asked for answers something else.
        let reusable =
            head.keep_alive && !closed && framing != Framing::UntilClosed && self.at == input.len();
        let body = std::mem::take(&mut self.body);
        Ok(Some(Whole { status: head.status, lines: head.lines, body, reusable }))
    }

    fn take_length(&mut self, input: &[u8], length: usize) -> Result<bool, String> {
        bounded(length)?;
        let Some(body) = input.get(self.at..self.at.saturating_add(length)) else {
            return Ok(false);
        };
        self.body.extend_from_slice(body);
        self.at = self.at.saturating_add(length);
        Ok(true)
    }

    fn take_rest(&mut self, input: &[u8], closed: bool) -> Result<bool, String> {
        let rest = input.get(self.at..).unwrap_or_default();
        bounded(rest.len())?;
        if closed {
            self.body.extend_from_slice(rest);
            self.at = input.len();
        }
        Ok(closed)
    }

    fn take_chunks(&mut self, input: &[u8]) -> Result<bool, String> {
        loop {
            let rest = input.get(self.at..).unwrap_or_default();
            match self.chunks {
                Chunk::Size => match httparse::parse_chunk_size(rest) {
                    Ok(httparse::Status::Complete((used, size))) => {
                        self.at = self.at.saturating_add(used);
                        let size = usize::try_from(size).unwrap_or(usize::MAX);
                        bounded(self.body.len().saturating_add(size))?;
                        self.chunks = if size == 0 { Chunk::Trailers } else { Chunk::Data(size) };
                    }
                    // A size's line is short.
                    Ok(httparse::Status::Partial) if rest.len() <= limits::CHUNK_LINE_BYTES => {
                        return Ok(false);
                    }
                    _ => return Err("the answer's chunks are malformed".to_owned()),
                },
                Chunk::Data(size) => {
                    let Some(data) = rest.get(..size.saturating_add(2)) else { return Ok(false) };
                    let Some(data) = data.strip_suffix(b"\r\n") else {
                        return Err("the answer's chunks are malformed".to_owned());
                    };
                    self.body.extend_from_slice(data);
                    self.at = self.at.saturating_add(size + 2);
                    self.chunks = Chunk::Size;
                }
                Chunk::Trailers => {
                    let mut trailers = [httparse::EMPTY_HEADER; 8];
                    return match httparse::parse_headers(rest, &mut trailers) {
                        Ok(httparse::Status::Complete((used, _))) => {
                            self.at = self.at.saturating_add(used);
                            Ok(true)
                        }
                        Ok(httparse::Status::Partial) if rest.len() <= limits::HEAD_BYTES => {
                            Ok(false)
                        }
                        _ => Err("the answer's trailers are malformed".to_owned()),
                    };
                }
            }
        }
    }

    /// How many bytes of input the answer may have, at most.
    pub(crate) const fn input_limit() -> usize {
        // Chunks of a few bytes each take several times their content.
        limits::HEAD_BYTES + 2 * limits::ANSWER_BYTES
    }
}

/// INVARIANT (bounded): an answer is kept whole, so it has a limit.
fn bounded(length: usize) -> Result<(), String> {
    if length <= limits::ANSWER_BYTES {
        return Ok(());
    }
    Err(format!("the answer is over {} bytes", limits::ANSWER_BYTES))
}

impl Head {
    fn read(input: &[u8], keep: fn(&str) -> bool) -> Result<Option<Self>, String> {
        let mut headers = [const { MaybeUninit::uninit() }; limits::HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            input,
            &mut headers,
        );
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if input.len() < limits::ANSWER_HEAD_BYTES => {
                return Ok(None);
            }
            Ok(httparse::Status::Partial) => return Err("the answer's head is too long".to_owned()),
            Err(error) => return Err(format!("the answer is no HTTP/1.1: {error}")),
        };
        let status = response.code.unwrap_or(0);
        let mut head = Self {
            status,
            lines: Vec::with_capacity(192),
            keep_alive: response.version == Some(1),
            length,
            framing: Framing::UntilClosed,
        };
        let (mut stated, mut chunked) = (None, false);
        for header in response.headers.iter() {
            let name = header.name;
            if name.eq_ignore_ascii_case("content-length") {
                let value = length_of(header.value)?;
                if stated.replace(value).is_some_and(|before| before != value) {
                    return Err("the answer states two lengths".to_owned());
                }
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if !header.value.eq_ignore_ascii_case(b"chunked") || chunked {
                    return Err("the answer is encoded in a way that is not read".to_owned());
                }
                chunked = true;
            } else if name.eq_ignore_ascii_case("connection") {
                head.keep_alive = head.keep_alive && !contains_close(header.value);
            } else {
                head.keep(name, header.value, keep);
            }
        }
        head.framing = match (stated, chunked) {
            (Some(_), true) => return Err("the answer states its length in two ways".to_owned()),
            _ if status < 200 || status == 204 || status == 304 => Framing::Length(0),
            (Some(length), false) => Framing::Length(length),
            (None, true) => Framing::Chunks,
            (None, false) => Framing::UntilClosed,
        };
        Ok(Some(head))
    }

    fn keep(&mut self, name: &str, value: &[u8], keep: fn(&str) -> bool) {
        let from = self.lines.len();
        self.lines.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
        let kept = self
            .lines
            .get(from..)
            .and_then(|name| std::str::from_utf8(name).ok())
            .is_some_and(keep);
        if !kept {
            self.lines.truncate(from);
            return;
        }
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
    }
}

fn length_of(value: &[u8]) -> Result<usize, String> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| "the answer's `Content-Length` is no number".to_owned())
}

fn contains_close(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// The value of a header among lines `name: value\r\n`.
pub(crate) fn line<'l>(lines: &'l [u8], name: &str) -> Option<&'l str> {
    lines.split(|byte| *byte == b'\n').find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b": ")?;
        std::str::from_utf8(value.strip_suffix(b"\r").unwrap_or(value)).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(name: &str) -> bool {
        name.starts_with("x-")
    }

    /// Feeds the answer byte by byte, as a slow venue sends it.
    fn slowly(text: &[u8]) -> Result<Whole, String> {
        let mut reader = Reader::default();
        for end in 0..=text.len() {
            if let Some(whole) = reader.take(&text[..end], false, keep)? {
                assert_eq!(end, text.len(), "whole too early");
                return Ok(whole);
            }
        }
        reader.take(text, true, keep).map(|whole| whole.expect("closed, so it is over"))
    }

    #[test]
    fn bodies_end_as_they_say() {
        let stated =
            slowly(b"HTTP/1.1 200 OK\r\nX-Used: 7\r\nserver: s\r\nContent-Length: 2\r\n\r\n{}")
                .unwrap();
        assert_eq!((stated.status, &stated.body[..], stated.reusable), (200, &b"{}"[..], true));
        assert_eq!(stated.lines, b"x-used: 7\r\n");
        assert_eq!(line(&stated.lines, "x-used"), Some("7"));
        assert_eq!(line(&stated.lines, "x-use"), None);
        let chunks = slowly(
            b"HTTP/1.1 400 Bad\r\ntransfer-encoding: Chunked\r\n\r\n1\r\n{\r\n2;x=y\r\n }\r\n0\r\nt: u\r\n\r\n",
        )
        .unwrap();
        assert_eq!((&chunks.body[..], chunks.reusable), (&b"{ }"[..], true));
        let closed = slowly(b"HTTP/1.1 200 OK\r\n\r\nabc").unwrap();
        assert_eq!((&closed.body[..], closed.reusable), (&b"abc"[..], false));
        let empty = slowly(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n").unwrap();
        assert_eq!((empty.status, empty.body.len()), (204, 0));
        let last = slowly(b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 1\r\n\r\na");
        assert!(!last.unwrap().reusable);
    }

    #[test]
    fn more_than_was_asked_for_ends_the_connection() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\n";
        let whole = Reader::default().take(text, false, keep).unwrap().unwrap();
        assert!(!whole.reusable);
    }

    #[test]
    fn what_lies_is_no_answer() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n1",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 101 Switching\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 200",
            "",
        ] {
            assert!(slowly(text.as_bytes()).is_err(), "{text}");
        }
    }
}
