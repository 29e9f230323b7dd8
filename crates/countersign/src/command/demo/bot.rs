//! The built-in bot, and the attacker who has its key: both sign as any
//! client of the venue does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::failure::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest answer, bytes.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// The answer; null where it is not JSON.
    pub(super) body: Value,
}

impl Reply {
    /// Whether it is the venue's own "done".
    pub(super) const fn accepted(&self) -> bool {
        self.status == 200
    }

    /// The error code of an answer in the venue's shape.
    pub(super) fn code(&self) -> Option<i64> {
        self.body.get("code").and_then(Value::as_i64)
    }

    /// The error message of an answer in the venue's shape.
    pub(super) fn message(&self) -> &str {
        self.body.get("msg").and_then(Value::as_str).unwrap_or("no message")
    }

    /// A text member.
    pub(super) fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Who asks, with which key, from which address.
pub(super) struct Bot {
    runtime: tokio::runtime::Runtime,
    target: SocketAddr,
    prefix: String,
    api_key: String,
    secret: String,
    source: IpAddr,
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bot").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Bot {
    /// A bot at this URL (`http://127.0.0.1:8787/binance`) with this key.
    pub(super) fn new(url: &str, api_key: &str, secret: &str) -> Result<Self, Failure> {
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let (address, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let target = address
            .parse()
            .map_err(|_| Failure::negative(format!("`{url}` is not where a bot can connect")))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::negative(format!("cannot start the bot: {error}")))?;
        Ok(Self {
            runtime,
            target,
            prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") },
            api_key: api_key.to_owned(),
            secret: secret.to_owned(),
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        })
    }

    /// The same, from another address of this machine.
    pub(super) fn at_address(mut self, source: IpAddr) -> Self {
        self.source = source;
        self
    }

    /// A call without a signature.
    pub(super) fn public(&self, target: &str) -> Result<Reply, Failure> {
        self.send("GET", target, "")
    }

    /// Signs parameters as they are and sends them: in the query of a GET or
    /// DELETE, in the body of anything else.
    pub(super) fn signed(&self, method: &str, path: &str, text: &str) -> Result<Reply, Failure> {
        self.send_signed(method, path, &self.sign(text))
    }

    /// Parameters with a timestamp and the signature.
    pub(super) fn sign(&self, text: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let separator = if text.is_empty() { "" } else { "&" };
        let text = format!("{text}{separator}timestamp={now}&recvWindow=5000");
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        format!("{text}&signature={}", hex::encode(hmac::sign(&key, text.as_bytes())))
    }

    /// Sends what is signed already.
    pub(super) fn send_signed(
        &self,
        method: &str,
        path: &str,
        signed: &str,
    ) -> Result<Reply, Failure> {
        if matches!(method, "GET" | "DELETE") {
            self.send(method, &format!("{path}?{signed}"), "")
        } else {
            self.send(method, path, signed)
        }
    }

    fn send(&self, method: &str, target: &str, body: &str) -> Result<Reply, Failure> {
        self.runtime
            .block_on(async {
                tokio::time::timeout(PATIENCE, self.exchange(method, target, body)).await
            })
            .map_err(|_| Failure::negative(format!("{method} {target}: no answer")))?
            .map_err(|error| Failure::negative(format!("cannot reach {}: {error}", self.target)))
    }

    async fn exchange(
        &self,
        method: &str,
        target: &str,
        body: &str,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.source, 0))?;
        let stream = socket.connect(self.target).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.prefix))
            .header("host", self.target.to_string())
            .header("x-mbx-apikey", &self.api_key)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let bytes = Limited::new(response.into_body(), ANSWER_BYTES).collect().await?.to_bytes();
        driver.abort();
        Ok(Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }
}
