//! The upgrade of a connection to a socket.

use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use wire::model::{Product, Venue};
use wire::venue::binance::endpoints::HostGroup;

use super::account;
use super::api::{self, Socket};
use super::names::{Wanted, wanted};
use super::streams::Streams;
use super::woox::{self, Door, door};
use crate::connection::Host;
use crate::counters::Ending;
use crate::http::request::Head;
use crate::limits;
use crate::pipeline::accept::{Arrival, Peer, accept};
use crate::pipeline::refused::{Refused, Why};
use crate::pipeline::reply::Reply;

/// What a socket is for, by the path that it was opened at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Frames of a WebSocket API.
    Api(HostGroup),
    /// Market data, and events of accounts by their stream keys.
    Streams(Wanted),
    /// Of WOO X.
    WooX(Door),
}

impl Opening {
    fn at(venue: Venue, path: &str, query: Option<&str>) -> Option<Self> {
        if venue == Venue::WooX {
            return door(path).filter(|_| query.is_none()).map(Self::WooX);
        }
        match path {
            "/ws-api/v3" => return Some(Self::Api(HostGroup::WsApi)),
            "/ws-fapi/v1" => return Some(Self::Api(HostGroup::WsFapi)),
            _ => {}
        }
        wanted(path, query).map(Self::Streams)
    }
}

/// Takes an upgrade up; the socket then lives until either side ends it. The
/// reply is there where no socket was opened.
pub(crate) async fn open<S>(
    host: &Host,
    stream: S,
    peer: Peer,
    head: Head,
    buffer: Vec<u8>,
) -> Option<(S, Reply)>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let request = host.worker.next_request();
    let mut arrival = Arrival::new(peer, request, &head, &buffer, &[]);
    let accepted = accept(&host.worker.gateway, &mut arrival);
    let venue = accepted.as_ref().copied().unwrap_or(Venue::Binance);
    let made = accepted.and_then(|venue| {
        let opening = Opening::at(venue, arrival.path, arrival.query).ok_or_else(|| {
            refused("no socket of the venue is served at this path; see `docs/websocket.md`")
        })?;
        let switching = switch(&buffer)?;
        let (product, keys) = match &opening {
            Opening::Streams(wanted) => (wanted.product, wanted.keys.as_slice()),
            Opening::Api(_) | Opening::WooX(_) => (Product::Spot, &[][..]),
        };
        let accounts: Result<Vec<_>, _> =
            keys.iter().map(|key| account::admit(&host.worker, &arrival, product, key)).collect();
        Ok((opening, switching, accounts?))
    });
    let (opening, switching, accounts) = match made {
        Ok(made) => made,
        Err(refused) => {
            host.worker.counters.ended(refused.ending, None);
            return Some((stream, refused.reply(venue)));
        }
    };
    // The bot speaks once it has the answer: nothing of a frame is here yet,
    // or it is not taken.
    let mut stream = stream;
    if buffer.len() != head.whole() || stream.write_all(&switching).await.is_err() {
        return None;
    }
    let bounds = WebSocketConfig::default()
        .max_message_size(Some(limits::FRAME_BYTES))
        .max_frame_size(Some(limits::FRAME_BYTES));
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(bounds)).await;
    match opening {
        Opening::Api(group) => {
            let worker = Rc::clone(&host.worker);
            let session = Rc::new(Socket::new(worker, group, peer, head, buffer));
            api::serve(session, socket, host.stop.clone()).await;
        }
        Opening::WooX(door) => {
            let worker = Rc::clone(&host.worker);
            let session = woox::Socket { worker, peer, head, buffer };
            session.serve(door, socket, host.stop.clone()).await;
        }
        Opening::Streams(wanted) => {
            let worker = Rc::clone(&host.worker);
            let streams = Streams { worker, peer, head, buffer, wanted, accounts };
            streams.serve(socket, host.stop.clone()).await;
        }
    }
    None
}

fn refused(message: impl std::fmt::Display) -> Refused {
    Refused::new(Ending::Unreadable, Why::Malformed { status: 400 }, message)
}

/// Whether a head is taken as an upgrade; for fuzzers.
pub(crate) fn fuzz_upgrade(head: &[u8]) {
    if let Ok(answer) = switch(head) {
        assert!(answer.starts_with(b"HTTP/1.1 101 ") && answer.ends_with(b"\r\n\r\n"));
    }
}

/// The answer that switches protocols, where the request asks for that in the
/// way of RFC 6455.
fn switch(buffer: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let whole = parsed.parse(buffer).map_err(|_| refused("the head is no HTTP/1.1"))?;
    if whole.is_partial() {
        return Err(refused("the head is no HTTP/1.1"));
    }
    let mut request = hyper::Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default());
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    let request = request.body(()).map_err(|_| refused("the head is no HTTP/1.1"))?;
    let response = create_response(&request)
        .map_err(|error| refused(format_args!("this is no WebSocket upgrade: {error}")))?;
    let mut out = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
    for (name, value) in response.headers() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_a_socket_is_for() {
        let at = |path| Opening::at(Venue::Binance, path, None);
        assert_eq!(at("/ws-api/v3"), Some(Opening::Api(HostGroup::WsApi)));
        assert_eq!(at("/ws-fapi/v1"), Some(Opening::Api(HostGroup::WsFapi)));
        assert_eq!(at("/ws"), wanted("/ws", None).map(Opening::Streams));
        assert!(at("/fstream/ws/btcusdt@depth").is_some());
        for none in ["/ws-api/v4", "/ws-api", "/api/v3/order", "/", "/fstream/ws-api/v3"] {
            assert_eq!(at(none), None, "{none}");
        }
        assert_eq!(Opening::at(Venue::WooX, "/ws-api/v3", None), None);
    }

    #[test]
    fn an_upgrade_is_asked_for_as_the_standard_says() {
        // Key and answer are the standard's own (RFC 6455, section 1.3).
        let head = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Version: 13\r\n";
        let whole = format!("{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        let answer = String::from_utf8(switch(whole.as_bytes()).unwrap()).unwrap();
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        assert!(switch(format!("{head}\r\n").as_bytes()).is_err());
        let old = whole.replace("Version: 13", "Version: 8");
        assert!(switch(old.as_bytes()).is_err());
        let posted = whole.replace("GET", "POST");
        assert!(switch(posted.as_bytes()).is_err());
    }
}
