//! A short-lived process that asks the venue something for `key add`: it has
//! the network and no secret, while the signer has the secret and no network.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use vault::sandbox::{self, Network, Profile, SandboxMode};

use crate::failure::Failure;
use crate::output::Answer;
use crate::supervisor::channel::Channel;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer that is passed on, bytes: it travels in one packet.
const ANSWER_BYTES: usize = 24 * 1024;

/// What went wrong, for a person.
type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// Answers requests from the control socket until it closes.
pub(crate) fn run() -> Result<Answer, Failure> {
    super::harden()?;
    let failed =
        |error| Failure::negative(format!("this process is started by `key add` only: {error}"));
    let channel = Channel::from_standard_input().map_err(failed)?;
    // What a name service and certificates need; nothing may be written.
    let read = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf"];
    let mut read: Vec<std::path::PathBuf> = read.iter().map(Into::into).collect();
    let Some(first) = channel.receive().map_err(failed)? else {
        return Ok(Answer::printed(true));
    };
    let extra = first.text("root_certificates").map(std::path::PathBuf::from);
    let connector = connector(extra.as_deref());
    let from = first.text("egress").and_then(|text| text.parse().ok());
    read.extend(["/lib", "/usr/lib", "/lib64"].iter().map(Into::into));
    let allow = first.value.get("allow_missing_sandbox") == Some(&Value::Bool(true));
    let mode = if allow { SandboxMode::AllowMissing } else { SandboxMode::Enforce };
    let profile = Profile::network_process(read, Vec::new(), Network::Any);
    sandbox::apply(&profile, None, mode).map_err(Failure::negative)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::negative(format!("cannot reach the network: {error}")))?;
    while let Some(packet) = channel.receive().map_err(failed)? {
        let (url, target) = (packet.text("base_url"), packet.text("target"));
        let asking = async {
            let connector = connector.as_ref().map_err(|error| error.to_string())?;
            let url = url.unwrap_or_default();
            let asked = (url, target.unwrap_or_default());
            exchange(connector, from, asked, packet.value.get("headers"))
                .await
                .map_err(|error| error.to_string())
        };
        let answer = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, asking)
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
        });
        let value = answer.unwrap_or_else(|error| json!({ "error": error }));
        channel.send(&value, &[]).map_err(failed)?;
    }
    Ok(Answer::printed(true))
}

fn connector(extra: Option<&std::path::Path>) -> Result<tokio_rustls::TlsConnector, Wrong> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra {
        for certificate in CertificateDer::pem_file_iter(path)? {
            roots.add(certificate?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tokio_rustls::TlsConnector::from(Arc::new(config)))
}

/// One GET; the answer with the local address that the venue saw us come from
/// (unless a router stands between).
async fn exchange(
    connector: &tokio_rustls::TlsConnector,
    from: Option<IpAddr>,
    (base_url, target): (&str, &str),
    headers: Option<&Value>,
) -> Result<Value, Wrong> {
    let base: hyper::Uri = base_url.parse()?;
    let host = base.host().ok_or("the venue's address has no host")?.to_owned();
    let tls = base.scheme_str() == Some("https");
    let port = base.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let stream = gateway::dial(host.trim_matches(['[', ']']), port, from).await?;
    let local = stream.local_addr()?.ip();
    let authority = base.authority().map(ToString::to_string).unwrap_or_default();
    let mut request = hyper::Request::get(target).header("host", authority);
    // What the venue knows the key by, and where it wants that the signature.
    for (name, value) in headers.and_then(Value::as_object).into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let response = if tls {
        let name = ServerName::try_from(host)?;
        send(connector.connect(name, stream).await?, request).await?
    } else {
        send(stream, request).await?
    };
    let status = response.status().as_u16();
    let bytes = Limited::new(response.into_body(), ANSWER_BYTES).collect().await?.to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(json!({ "status": status, "body": body, "local_address": local.to_string() }))
}

async fn send<S>(
    stream: S,
    request: hyper::Request<Empty<Bytes>>,
) -> Result<hyper::Response<hyper::body::Incoming>, Wrong>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}
