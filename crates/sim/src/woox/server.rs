//! The HTTP server and the doors to the sockets: one task a connection, bounded
//! in every direction.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming as Arriving;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::woox::desk::{Desk, Incoming, Reply};
use crate::woox::streams::{self, Door};

/// Connections served at a time; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 2048;
/// Largest request head, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 100;
/// Largest request body, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Largest frame of a socket, in bytes.
const MAX_FRAME_BYTES: usize = 64 * 1024;
/// How long a connection may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often what happens by time alone is looked at.
const TICK: Duration = Duration::from_millis(20);

/// The answer is kept back; the connection closes.
#[derive(Debug)]
struct Withheld;

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answer withheld by an injected fault")
    }
}

impl std::error::Error for Withheld {}

/// Serves until told to stop.
pub(crate) async fn serve(
    desk: Arc<Desk>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let clockwork = tokio::spawn(clockwork(Arc::clone(&desk), stop.clone()));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok((stream, client)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (desk, tls, mut stop) = (Arc::clone(&desk), tls.clone(), stop.clone());
        let told = stop.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let serving = async {
                match tls {
                    None => connection(desk, stream, client, told).await,
                    Some(tls) => {
                        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
                        if let Ok(Ok(stream)) = handshake.await {
                            connection(desk, stream, client, told).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = serving => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
    clockwork.abort();
}

/// What happens by time alone: funding, cancel-all-after, and the walk of the
/// prices where that is switched on.
async fn clockwork(desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
    let walk_every = desk.options.market_maker.walk_every;
    let mut ticks = tokio::time::interval(TICK);
    let mut steps = tokio::time::interval(walk_every.unwrap_or(TICK).max(Duration::from_millis(1)));
    loop {
        tokio::select! {
            _ = ticks.tick() => desk.act(|_, _| ()),
            _ = steps.tick(), if walk_every.is_some() => {
                desk.act(|state, now| state.exchange.walk(now));
            }
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn connection<S>(desk: Arc<Desk>, stream: S, client: SocketAddr, stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| respond(Arc::clone(&desk), client, request, stop.clone()));
    // An error here is the client's hang-up or an injected fault.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

async fn respond(
    desk: Arc<Desk>,
    client: SocketAddr,
    request: Request<Arriving>,
    stop: watch::Receiver<bool>,
) -> Result<Response<Body>, Withheld> {
    let (mut head, body) = request.into_parts();
    if let Some(door) = Door::of(head.uri.path()) {
        let upgrade = WebSocketUpgrade::from_request_parts(&mut head, &()).await;
        let Ok(upgrade) = upgrade else {
            return Ok(plain(StatusCode::BAD_REQUEST, "a socket opens here"));
        };
        let upgrade = upgrade.max_frame_size(MAX_FRAME_BYTES).max_message_size(MAX_FRAME_BYTES);
        return Ok(upgrade.on_upgrade(move |socket| streams::run(desk, socket, client, door, stop)));
    }
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "request body is too large"));
    };
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let reply = desk.answer(Incoming {
        client,
        method: head.method.as_str().to_owned(),
        target: head.uri.to_string(),
        headers: headers.collect(),
        body: body.to_bytes().to_vec(),
    });
    if reply.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
    }
    if reply.withheld {
        return Err(Withheld);
    }
    Ok(response(reply))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
