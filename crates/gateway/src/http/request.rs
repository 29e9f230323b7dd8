//! A bot's request: head and stated length of its body.

use std::mem::MaybeUninit;

use super::Span;
use crate::limits;

/// Headers that are read; any other is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// `Host`
    Host,
    /// `Content-Type`
    ContentType,
    /// `X-MBX-APIKEY`
    ApiKey,
    /// `X-MBX-TIME-UNIT`
    TimeUnit,
    /// `x-api-key`
    WooXKey,
    /// `x-api-timestamp`
    WooXTimestamp,
    /// `x-api-signature`
    WooXSignature,
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Connection`
    Connection,
    /// `Expect`
    Expect,
    /// `Upgrade`
    Upgrade,
    /// `User-Agent`
    UserAgent,
}

impl Field {
    const ALL: [Self; 13] = [
        Self::Host,
        Self::ContentType,
        Self::ApiKey,
        Self::TimeUnit,
        Self::WooXKey,
        Self::WooXTimestamp,
        Self::WooXSignature,
        Self::ContentLength,
        Self::TransferEncoding,
        Self::Connection,
        Self::Expect,
        Self::Upgrade,
        Self::UserAgent,
    ];

    /// The name, in lower case.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ContentType => "content-type",
            Self::ApiKey => "x-mbx-apikey",
            Self::TimeUnit => "x-mbx-time-unit",
            Self::WooXKey => "x-api-key",
            Self::WooXTimestamp => "x-api-timestamp",
            Self::WooXSignature => "x-api-signature",
            Self::ContentLength => "content-length",
            Self::TransferEncoding => "transfer-encoding",
            Self::Connection => "connection",
            Self::Expect => "expect",
            Self::Upgrade => "upgrade",
            Self::UserAgent => "user-agent",
        }
    }

    fn of(name: &str) -> Option<Self> {
        // Lengths differ for nearly all names, so most are passed over at once.
        Self::ALL.into_iter().find(|field| {
            field.name().len() == name.len() && field.name().eq_ignore_ascii_case(name)
        })
    }
}

/// A request's head. Places are in the buffer that it was read from.
#[derive(Debug)]
pub(crate) struct Head {
    /// Of the whole head, the empty line included, bytes.
    pub(crate) length: usize,
    /// Of the body, bytes.
    pub(crate) body_length: usize,
    /// Whether another request may follow.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for word before it sends the body.
    pub(crate) expects_continue: bool,
    method: Span,
    target: Span,
    fields: [Option<Span>; Field::ALL.len()],
}

/// A head that cannot be taken: the connection ends with an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The HTTP status of the answer.
    pub(crate) status: u16,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

fn broken<T>(status: u16, message: impl Into<String>) -> Result<T, Broken> {
    Err(Broken { status, message: message.into() })
}

impl Head {
    /// Reads the head in front of `buffer`; none while it is not all there.
    ///
    /// INVARIANT (one reading): what says its length in two ways, or names
    /// another host than it is sent to, is refused.
    ///
    /// # Errors
    /// It is malformed, over a limit, or outside what is spoken here.
    pub(crate) fn read(buffer: &[u8]) -> Result<Option<Self>, Broken> {
        let mut headers = [const { MaybeUninit::uninit() }; limits::HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(buffer, &mut headers) {
            Ok(httparse::Status::Complete(length)) if length <= limits::HEAD_BYTES => length,
            Ok(httparse::Status::Partial) if buffer.len() < limits::HEAD_BYTES => return Ok(None),
            Ok(_) => {
                return broken(431, format!("the head is over {} bytes", limits::HEAD_BYTES));
            }
            Err(httparse::Error::TooManyHeaders) => {
                return broken(431, format!("there are over {} headers", limits::HEADERS));
            }
            Err(error) => return broken(400, format!("the head is no HTTP/1.1 ({error})")),
        };
        let (Some(method), Some(target), Some(version)) =
            (request.method, request.path, request.version)
        else {
            return broken(400, "the head is no HTTP/1.1");
        };
        if !target.starts_with('/') {
            return broken(400, "this is no forward proxy: send the path alone");
        }
        let mut head = Self {
            length,
            body_length: 0,
            keep_alive: version == 1,
            expects_continue: false,
            method: Span::of(buffer, method.as_bytes()),
            target: Span::of(buffer, target.as_bytes()),
            fields: [None; Field::ALL.len()],
        };
        for header in request.headers.iter() {
            if let Some(field) = Field::of(header.name) {
                head.take(field, Span::of(buffer, header.value), buffer)?;
            }
        }
        Ok(Some(head))
    }

    fn take(&mut self, field: Field, value: Span, buffer: &[u8]) -> Result<(), Broken> {
        let name = field.name();
        // It decides nothing by itself, so no request fails by it.
        if field == Field::UserAgent {
            let text = std::str::from_utf8(value.bytes(buffer)).is_ok();
            if text && let Some(place) = self.fields.get_mut(field as usize) {
                place.get_or_insert(value);
            }
            return Ok(());
        }
        if std::str::from_utf8(value.bytes(buffer)).is_err() {
            return broken(400, format!("header `{name}` is no text"));
        }
        if let Some(place) = self.fields.get_mut(field as usize)
            && place.replace(value).is_some()
        {
            return broken(400, format!("header `{name}` came twice; send it once"));
        }
        let text = value.text(buffer);
        match field {
            Field::ContentLength => self.body_length = body_length(text)?,
            Field::TransferEncoding => {
                return broken(
                    501,
                    "a body of stated length is taken only: send `Content-Length`, not \
                     `Transfer-Encoding`",
                );
            }
            Field::Connection => {
                if has_word(text, "close") {
                    self.keep_alive = false;
                } else if has_word(text, "keep-alive") {
                    self.keep_alive = true;
                }
            }
            Field::Expect => {
                if !text.eq_ignore_ascii_case("100-continue") {
                    return broken(417, "`Expect` may say `100-continue` only");
                }
                self.expects_continue = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The method, as sent.
    pub(crate) fn method<'b>(&self, buffer: &'b [u8]) -> &'b str {
        self.method.text(buffer)
    }

    /// Path and query, as sent.
    pub(crate) fn target<'b>(&self, buffer: &'b [u8]) -> &'b str {
        self.target.text(buffer)
    }

    /// A header's one value.
    pub(crate) fn field<'b>(&self, field: Field, buffer: &'b [u8]) -> Option<&'b str> {
        let value = self.fields.get(field as usize)?.as_ref()?;
        Some(value.text(buffer))
    }

    /// Of head and body together, bytes.
    pub(crate) const fn whole(&self) -> usize {
        self.length.saturating_add(self.body_length)
    }
}

fn body_length(text: &str) -> Result<usize, Broken> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<usize>() {
        Ok(length) if digits && length <= wire::limits::BODY_BYTES => Ok(length),
        _ if digits => broken(413, format!("the body is over {} bytes", wire::limits::BODY_BYTES)),
        _ => broken(400, "`Content-Length` is no number of bytes"),
    }
}

fn has_word(list: &str, word: &str) -> bool {
    list.split(',').any(|one| one.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Head>, Broken> {
        Head::read(text.as_bytes())
    }

    #[test]
    fn a_head_is_read_once_it_is_all_there() {
        let text = "POST /api/v3/order?a=1 HTTP/1.1\r\nHost: gateway\r\nX-MBX-APIKEY: k\r\n\
                    content-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n";
        let end = text.find("abc").unwrap();
        for cut in 0..end {
            assert!(read(text.get(..cut).unwrap()).unwrap().is_none(), "{cut}");
        }
        let head = read(text).unwrap().unwrap();
        let buffer = text.as_bytes();
        assert_eq!((head.length, head.body_length, head.whole()), (end, 3, end + 3));
        assert_eq!(head.method(buffer), "POST");
        assert_eq!(head.target(buffer), "/api/v3/order?a=1");
        assert_eq!(head.field(Field::ApiKey, buffer), Some("k"));
        assert_eq!(head.field(Field::Host, buffer), Some("gateway"));
        assert_eq!(head.field(Field::TimeUnit, buffer), None);
        assert!(head.keep_alive && !head.expects_continue);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let twice = format!("{}\r\n", "content-length: 1\r\n".repeat(2));
        let cases = [
            ("GET http://venue/x HTTP/1.1\r\n\r\n", 400),
            ("GET //user@venue HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n", 400),
            ("CONNECT venue:443 HTTP/1.1\r\n\r\n", 400),
            ("OPTIONS * HTTP/1.1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\nTransfer-Encoding: identity\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 0x1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: \r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\ncontent-length : 1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nx-mbx-apikey: a\r\nX-MBX-APIKEY: b\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nexpect: a miracle\r\n\r\n", 417),
            ("GET / HTTP/2.0\r\n\r\n", 400),
            ("\u{feff}GET / HTTP/1.1\r\n\r\n", 400),
            ("not http at all\r\n\r\n", 400),
        ];
        for (text, status) in cases {
            assert_eq!(read(text).unwrap_err().status, status, "{text}");
        }
        assert_eq!(read(&format!("POST / HTTP/1.1\r\n{twice}")).unwrap_err().status, 400);
    }

    #[test]
    fn limits_hold() {
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(limits::HEAD_BYTES));
        assert_eq!(read(&long).unwrap_err().status, 431);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(limits::HEADERS + 1));
        assert_eq!(read(&many).unwrap_err().status, 431);
    }

    #[test]
    fn connections_end_when_asked() {
        let keeps = |text: &str| read(text).unwrap().unwrap().keep_alive;
        assert!(keeps("GET / HTTP/1.1\r\n\r\n"));
        assert!(!keeps("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"));
        assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
    }
}
