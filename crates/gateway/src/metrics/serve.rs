//! Serving the metrics: `GET /metrics`, nothing else, on the house's thread.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use super::Opened;
use super::gather::Gathered;
use crate::gateway::Gateway;
use crate::house::signer::HouseSigner;
use crate::limits;

/// What a scraper takes it for.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long accepting waits after it failed.
const BREATH: Duration = Duration::from_millis(50);

/// Answers scrapes for as long as the house runs.
pub(crate) async fn run(gateway: Arc<Gateway>, signer: Arc<HouseSigner>, opened: Opened) {
    let Ok(listener) = tokio::net::TcpListener::from_std(opened.listener) else { return };
    let mut registry = Registry::with_prefix("countersign");
    registry.register_collector(Box::new(Gathered { gateway, signer, memory: opened.memory }));
    let registry = Rc::new(registry);
    let places = Arc::new(Semaphore::new(limits::SCRAPES));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        // INVARIANT (bounded): one too many is closed unread.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let registry = Rc::clone(&registry);
        tokio::task::spawn_local(async move {
            let answering = hyper::server::conn::http1::Builder::new()
                .keep_alive(false)
                .max_buf_size(limits::HEAD_BYTES)
                .serve_connection(
                    TokioIo::new(stream),
                    service_fn(|request| {
                        let answer = answer(&registry, &request);
                        async { Ok::<_, Infallible>(answer) }
                    }),
                );
            let _ = tokio::time::timeout(limits::SCRAPE_TIME, answering).await;
            drop(place);
        });
    }
}

fn answer(registry: &Registry, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let plain = |status, text: &'static str| {
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        response
    };
    if request.method() != hyper::Method::GET || request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "ask for GET /metrics\n");
    }
    let mut text = String::with_capacity(32 * 1024);
    if encode(&mut text, registry).is_err() {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n");
    }
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(CONTENT_TYPE));
    response
}
