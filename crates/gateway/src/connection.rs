//! One bot's connection: HTTP/1.1 within bounds, ended when idle or when the
//! gateway drains.

use std::cell::Cell;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use crate::gateway::{Slot, Worker};
use crate::limits;
use crate::listen::WorkerListeners;
use crate::pipeline;
use crate::pipeline::accept::Peer;
use crate::route::Entrance;

/// What every connection of a worker needs.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) worker: Rc<Worker>,
    pub(crate) stop: watch::Receiver<bool>,
    /// Connections open on this worker.
    pub(crate) open: Rc<Cell<usize>>,
}

/// Accepts on a worker's listeners until told to stop; each is a task of this
/// thread's `LocalSet`.
pub(crate) fn accept_on(host: &Host, listeners: WorkerListeners) -> std::io::Result<()> {
    for (listener, entrance) in listeners.plain {
        let listener = TcpListener::from_std(listener)?;
        tokio::task::spawn_local(accept_tcp(host.clone(), listener, entrance, None));
    }
    if let Some((listener, tls)) = listeners.tls {
        let listener = TcpListener::from_std(listener)?;
        tokio::task::spawn_local(accept_tcp(host.clone(), listener, Entrance::Common, Some(tls)));
    }
    if let Some(listener) = listeners.unix {
        let listener = UnixListener::from_std(listener)?;
        tokio::task::spawn_local(accept_unix(host.clone(), listener));
    }
    Ok(())
}

/// How long to wait where accepting itself fails (no descriptor left).
const BREATH: std::time::Duration = std::time::Duration::from_millis(20);

async fn accept_tcp(
    mut host: Host,
    listener: TcpListener,
    entrance: Entrance,
    tls: Option<Arc<ServerConfig>>,
) {
    let acceptor = tls.map(tokio_rustls::TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            _ = host.stop.changed() => return,
        };
        let Ok((stream, address)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let address = address.ip().to_canonical();
        let Some(slot) = slot(&host, Some(address)) else { continue };
        let peer = Peer { address: Some(address), entrance };
        match acceptor.clone() {
            None => {
                tokio::task::spawn_local(serve(host.clone(), stream, peer, slot));
            }
            Some(acceptor) => {
                let host = host.clone();
                tokio::task::spawn_local(async move {
                    let shaking = acceptor.accept(stream);
                    if let Ok(Ok(stream)) =
                        tokio::time::timeout(limits::HANDSHAKE_TIME, shaking).await
                    {
                        serve(host, stream, peer, slot).await;
                    }
                });
            }
        }
    }
}

async fn accept_unix(mut host: Host, listener: UnixListener) {
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            _ = host.stop.changed() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let Some(slot) = slot(&host, None) else { continue };
        let peer = Peer { address: None, entrance: Entrance::Common };
        tokio::task::spawn_local(serve(host.clone(), stream, peer, slot));
    }
}

/// INVARIANT (bounded): a connection over its caps is closed unread.
fn slot(host: &Host, address: Option<IpAddr>) -> Option<Slot> {
    let counters = &host.worker.counters;
    let slot = host.worker.gateway.slot(address);
    let counted =
        if slot.is_some() { &counters.connections } else { &counters.refused_connections };
    counted.fetch_add(1, Ordering::Relaxed);
    slot
}

/// Counts a connection of this worker.
struct Open(Rc<Cell<usize>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

async fn serve<S>(mut host: Host, stream: S, peer: Peer, _slot: Slot)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    host.open.set(host.open.get().saturating_add(1));
    let _open = Open(Rc::clone(&host.open));
    // When the last request ended; one under way counts as now.
    let last = Rc::new(Cell::new(Some(Instant::now())));
    let service = {
        let (worker, last) = (Rc::clone(&host.worker), Rc::clone(&last));
        service_fn(move |request| {
            last.set(None);
            let (worker, last) = (Rc::clone(&worker), Rc::clone(&last));
            async move {
                let answer = pipeline::handle(worker, peer, request).await;
                last.set(Some(Instant::now()));
                answer
            }
        })
    };
    let mut connection = pin!(
        http1::Builder::new()
            .max_headers(limits::HEADERS)
            .max_buf_size(limits::HEAD_BYTES)
            // The idle check below ends slow heads too, without a timer for
            // every request.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut check = tokio::time::interval(limits::IDLE_CHECK);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            _ = host.stop.changed(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = check.tick() => {
                if last.get().is_some_and(|since| since.elapsed() > limits::IDLE) {
                    return;
                }
            }
        }
    }
}
