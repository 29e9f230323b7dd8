//! The HTTP server: one task a connection, bounded in every direction.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming as Body;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    UPGRADE,
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
use crate::binance::desk::{Desk, Incoming};
use crate::binance::reject::Reject;
use crate::binance::stream::opening::{Opening, opening};
use crate::binance::stream::socket::{self, Handshake};
use crate::binance::wsapi::answer::base_path;
use crate::resettable::Resettable;

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

/// How often timers and timed streams are looked at.
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
    let walk = tokio::spawn(walk(Arc::clone(&desk), stop.clone()));
    let ticks = tokio::spawn(tick(Arc::clone(&desk), stop.clone()));
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
        let sockets_stop = stop.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let serving = async {
                let (stream, reset) = Resettable::new(stream);
                let served = Served { desk, reset, stop: sockets_stop };
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
    walk.abort();
    ticks.abort();
}

/// Looks at timers and timed streams.
async fn tick(desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = ticks.tick() => desk.state().tick(desk.clock.now_ms()),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Moves the prices by themselves, where that is switched on.
async fn walk(desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
    let Some(every) = desk.options.market_maker.walk_every else { return };
    let mut steps = tokio::time::interval(every.max(Duration::from_millis(1)));
    loop {
        tokio::select! {
            _ = steps.tick() => desk.change(|state, now| {
                state.exchange.walk(now);
                state.futures.walk(now);
            }),
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
    mut request: Request<Body>,
) -> Result<Response<AnswerBody>, Withheld> {
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    if wants_socket(&request) {
        return Ok(open_socket(&served, client, &mut request, headers));
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        let body = "{\"code\":-1000,\"msg\":\"Request body is too large.\"}".to_owned();
        return Ok(answering::plain(413, body));
    };
    let reply = served.desk.answer(Incoming {
        client,
        method: head.method.as_str().to_owned(),
        target: head.uri.to_string(),
        headers,
        body: body.to_bytes().to_vec(),
    });
    answering::answer(reply, &served.reset).await
}

fn wants_socket(request: &Request<Body>) -> bool {
    request
        .headers()
        .get(UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers a WebSocket handshake, and serves the socket on a task of its own.
fn open_socket(
    served: &Served,
    client: SocketAddr,
    request: &mut Request<Body>,
    headers: Vec<(String, String)>,
) -> Response<AnswerBody> {
    let host = headers.iter().find(|(name, _)| name == "host").map(|(_, host)| host.as_str());
    let uri = request.uri();
    let opening = opening(uri.path(), uri.query().unwrap_or_default(), host.unwrap_or_default());
    let Some(opening) = opening else {
        return answering::plain(404, Reject::not_found().body().to_string());
    };
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        return answering::plain(400, "{\"code\":-1000,\"msg\":\"No WebSocket key.\"}".to_owned());
    };
    let accept = derive_accept_key(key.as_bytes());
    let charged = match &opening {
        Opening::Api { product, .. } => served.desk.charge_socket(client, base_path(*product)),
        Opening::Streams { .. } => Ok(()),
    };
    if let Err(reject) = charged {
        let mut response = answering::plain(reject.status, reject.body().to_string());
        if let Some(seconds) = reject.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        return response;
    }
    let upgrade = hyper::upgrade::on(request);
    let (desk, stop) = (Arc::clone(&served.desk), served.stop.clone());
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let handshake = Handshake { client, headers, opening };
            socket::serve(desk, TokioIo::new(upgraded), handshake, stop).await;
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
