//! The HTTP server: one task a connection, bounded in every direction.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming as Body;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::binance::desk::{Desk, Incoming, Reply};
use crate::binance::options::Tls;

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

/// The answer is kept back; the connection closes.
#[derive(Debug)]
struct Withheld;

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answer withheld by an injected fault")
    }
}

impl std::error::Error for Withheld {}

/// A TLS acceptor from PEM texts.
pub(crate) fn acceptor(tls: &Tls) -> io::Result<TlsAcceptor> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(tls.certificate_pem.as_bytes()).collect();
    let chain = chain.map_err(|_| wrong("the certificate of the paper venue is not PEM"))?;
    let key = PrivateKeyDer::from_pem_slice(tls.key_pem.as_bytes())
        .map_err(|_| wrong("the private key of the paper venue is not PEM"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
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
        tokio::spawn(async move {
            let _slot = slot;
            let serving = async {
                match tls {
                    None => connection(desk, stream, client).await,
                    Some(tls) => {
                        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
                        if let Ok(Ok(stream)) = handshake.await {
                            connection(desk, stream, client).await;
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
}

/// Moves the prices by themselves, where that is switched on.
async fn walk(desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
    let Some(every) = desk.options.market_maker.walk_every else { return };
    let mut steps = tokio::time::interval(every.max(Duration::from_millis(1)));
    loop {
        tokio::select! {
            _ = steps.tick() => desk.state().exchange.walk(desk.clock.now_ms()),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn connection<S>(desk: Arc<Desk>, stream: S, client: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(|request| respond(Arc::clone(&desk), client, request));
    // An error here is the client's hang-up or an injected fault.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    desk: Arc<Desk>,
    client: SocketAddr,
    request: Request<Body>,
) -> Result<Response<Full<Bytes>>, Withheld> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return Ok(too_large());
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

fn too_large() -> Response<Full<Bytes>> {
    let body = "{\"code\":-1000,\"msg\":\"Request body is too large.\"}";
    response(Reply {
        status: 413,
        headers: Vec::new(),
        body: body.to_owned(),
        delay_ms: 0,
        withheld: false,
    })
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}
