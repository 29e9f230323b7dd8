//! The request that is measured: one signed Binance order, about 412 bytes on
//! the wire, different every time.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One order.
    Order,
    /// An order list of two: one cancels the other.
    List,
}

/// Signs orders with one key.
pub(crate) struct Orders {
    kind: Kind,
    api_key: String,
    key: hmac::Key,
    host: String,
    prefix: String,
    run: String,
    count: u64,
}

/// Now, ms since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

impl Orders {
    pub(crate) fn new(api_key: &str, secret: &str, host: &str, prefix: &str, run: &str) -> Self {
        Self {
            kind: Kind::Order,
            api_key: api_key.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            host: host.to_owned(),
            prefix: prefix.to_owned(),
            run: run.to_owned(),
            count: 0,
        }
    }

    /// Asks for something else than single orders.
    pub(crate) const fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Writes the next request into `buffer`.
    pub(crate) fn next(&mut self, buffer: &mut Vec<u8>) {
        self.count += 1;
        let (run, count, now) = (&self.run, self.count, now_ms());
        let (path, text) = match self.kind {
            Kind::Order => (
                "/api/v3/order",
                format!(
                    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.001\
                     &price=50000.00&newClientOrderId=b{run}-{count:010}&recvWindow=5000\
                     &timestamp={now}"
                ),
            ),
            Kind::List => (
                "/api/v3/orderList/oco",
                format!(
                    "symbol=BTCUSDT&side=SELL&quantity=0.001&aboveType=LIMIT_MAKER\
                     &abovePrice=50500.00&aboveClientOrderId=a{run}-{count:010}\
                     &belowType=STOP_LOSS_LIMIT&belowPrice=49500.00&belowStopPrice=49500.00\
                     &belowTimeInForce=GTC&belowClientOrderId=b{run}-{count:010}\
                     &listClientOrderId=l{run}-{count:010}&recvWindow=5000&timestamp={now}"
                ),
            ),
        };
        let signature = hex::encode(hmac::sign(&self.key, text.as_bytes()));
        buffer.clear();
        buffer.extend_from_slice(
            format!(
                "POST {}{path} HTTP/1.1\r\nHost: {}\r\nX-MBX-APIKEY: {}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n\
                 {text}&signature={signature}",
                self.prefix,
                self.host,
                self.api_key,
                text.len() + 11 + signature.len()
            )
            .as_bytes(),
        );
    }
}

/// One complete HTTP message at the start of a buffer.
pub(crate) struct Message {
    /// Bytes of head and body together.
    pub(crate) length: usize,
    /// Bytes of the head.
    pub(crate) head: usize,
    /// The status of an answer; 0 for a request.
    pub(crate) status: u16,
}

/// Where the first message ends, once it is whole. Only `Content-Length` bodies
/// occur here.
pub(crate) fn whole(buffer: &[u8], answer: bool) -> Result<Option<Message>, crate::Failure> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let (head, status, headers) = if answer {
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(buffer)? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(head) => {
                (head, response.code.unwrap_or(0), response.headers)
            }
        }
    } else {
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(buffer)? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(head) => (head, 0, request.headers),
        }
    };
    let body = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |header| {
            std::str::from_utf8(header.value)?.trim().parse::<usize>().map_err(crate::Failure::from)
        })?;
    let length = head + body;
    Ok((buffer.len() >= length).then_some(Message { length, head, status }))
}
