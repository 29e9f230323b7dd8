//! The HTTP server and the doors to the sockets: one task a connection, bounded
//! in every direction.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming as Arriving;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::answering::{self, AnswerBody, Withheld};
use crate::resettable::Resettable;
use crate::woox::desk::{Desk, Incoming};
use crate::woox::reject::Reject;
use crate::woox::streams::{self, Door};

/// Connections served at a time; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 2048;
/// Largest request head, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 100;
/// Largest request body, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// How long a connection may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often what happens by time alone is looked at.
const TICK: Duration = Duration::from_millis(20);

/// What a connection is served with.
#[derive(Clone)]
struct Served {
    desk: Arc<Desk>,
    /// Set where the connection must end with a reset.
    reset: Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
}

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
                let (stream, reset) = Resettable::new(stream);
                let served = Served { desk, reset, stop: told };
                match tls {
                    None => connection(served, stream, client).await,
                    Some(tls) => {
                        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
                        if let Ok(Ok(stream)) = handshake.await {
                            connection(served, stream, client).await;
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

async fn connection<S>(served: Served, stream: S, client: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| respond(served.clone(), client, request));
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
    served: Served,
    client: SocketAddr,
    mut request: Request<Arriving>,
) -> Result<Response<AnswerBody>, Withheld> {
    if let Some(door) = Door::of(request.uri().path()) {
        return Ok(open(&served, client, door, &mut request));
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        let reject = Reject::invalid("The request body is too large.");
        return Ok(answering::plain(413, reject.body().to_string()));
    };
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let reply = served.desk.answer(Incoming {
        client,
        method: head.method.as_str().to_owned(),
        target: head.uri.to_string(),
        headers: headers.collect(),
        body: body.to_bytes().to_vec(),
    });
    answering::answer(reply, &served.reset).await
}

/// Answers a WebSocket handshake, and serves the socket on a task of its own.
fn open(
    served: &Served,
    client: SocketAddr,
    door: Door,
    request: &mut Request<Arriving>,
) -> Response<AnswerBody> {
    let asks = request.headers().get(UPGRADE);
    let asks = asks.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).filter(|_| asks) else {
        let reject = Reject::invalid("A WebSocket opens here.");
        return answering::plain(400, reject.body().to_string());
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(request);
    let (desk, stop) = (Arc::clone(&served.desk), served.stop.clone());
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            streams::run(desk, TokioIo::new(upgraded), client, door, stop).await;
        }
    });
    let mut response = answering::plain(101, String::new());
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}
