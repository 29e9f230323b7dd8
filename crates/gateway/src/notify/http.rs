//! One `POST` of JSON to a pinned host.
//!
//! No redirect is followed, and a path is never part of an error: it may be a
//! secret.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::Failure;
use crate::config::UpstreamUrl;
use crate::config::notify::Secret;
use crate::limits;
use crate::upstream::dial;

/// A host that is posted to.
pub(super) struct Post {
    url: UpstreamUrl,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url.authority())
    }
}

/// What a host answered, where that says more than its status.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) wait: Option<Duration>,
    pub(super) body: Bytes,
}

impl Post {
    /// # Errors
    /// The host is no name that a certificate can have.
    pub(super) fn new(url: UpstreamUrl, connector: TlsConnector) -> Result<Self, String> {
        let name = ServerName::try_from(url.host.clone())
            .map_err(|_| format!("`{}` is no host", url.host))?;
        Ok(Self { tls: url.tls.then_some((connector, name)), url })
    }

    /// The host.
    pub(super) const fn url(&self) -> &UpstreamUrl {
        &self.url
    }

    /// Posts, and reads the answer whole.
    ///
    /// # Errors
    /// Nobody knows whether it arrived.
    pub(super) async fn json(
        &self,
        path: &str,
        bearer: Option<&Secret>,
        body: Vec<u8>,
    ) -> Result<Answered, Failure> {
        let unreachable = |error: String| {
            Failure::passing(format!(
                "`{}` cannot be reached ({error}): the target, its name or the way there is down",
                self.url.authority()
            ))
        };
        let stream = dial(&self.url.host, self.url.port, None)
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        match &self.tls {
            Some((connector, name)) => {
                let stream = connector
                    .connect(name.clone(), stream)
                    .await
                    .map_err(|error| unreachable(format!("TLS: {error}")))?;
                self.exchange(stream, path, bearer, body).await
            }
            None => self.exchange(stream, path, bearer, body).await,
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        path: &str,
        bearer: Option<&Secret>,
        body: Vec<u8>,
    ) -> Result<Answered, Failure> {
        let broken = |error: &dyn std::fmt::Display| {
            Failure::passing(format!("`{}` broke off: {error}", self.url.authority()))
        };
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(limits::HEADERS)
            .max_buf_size(limits::ANSWER_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        tokio::task::spawn_local(async move {
            let _ = connection.await;
        });
        let mut request = Request::post(path)
            .header("host", self.url.authority())
            .header("content-type", "application/json")
            .header("user-agent", concat!("countersign/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Failure::lasting("the target's address or token is no text of HTTP"))?;
        let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status();
        let wait = answer.headers().get("retry-after").and_then(|value| {
            let seconds = value.to_str().ok()?.trim().parse().ok()?;
            Some(Duration::from_secs(seconds))
        });
        let body = Limited::new(answer.into_body(), limits::NOTIFY_ANSWER_BYTES).collect().await;
        // The status alone says whether it was taken.
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok(Answered { status, wait, body })
    }
}
