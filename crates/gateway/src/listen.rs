//! The doors that were opened, dealt out to the workers.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::config::{Config, ConfigError, TlsListen};
use crate::doors::{self, Door};
use crate::route::Entrance;

/// What one worker accepts on.
#[derive(Debug, Default)]
pub(crate) struct WorkerListeners {
    pub(crate) plain: Vec<(TcpListener, Entrance)>,
    pub(crate) tls: Vec<(TcpListener, Arc<ServerConfig>)>,
    pub(crate) unix: Vec<UnixListener>,
}

/// Every worker's listeners, and their addresses as bots write them.
pub(crate) struct Bound {
    pub(crate) workers: Vec<WorkerListeners>,
    pub(crate) addresses: Vec<String>,
    /// What the plain listeners' ports are for.
    pub(crate) entrances: Vec<(u16, Entrance)>,
    /// Where the metrics are asked for.
    pub(crate) metrics: Option<TcpListener>,
}

/// Deals the doors out.
///
/// # Errors
/// A door is missing: names the field.
pub(crate) fn deal(
    config: &Config,
    doors: Vec<Door>,
    tls: Option<&Arc<ServerConfig>>,
) -> Result<Bound, ConfigError> {
    let listen = &config.listen;
    let mut doors: BTreeMap<String, Vec<OwnedFd>> =
        doors.into_iter().map(|door| (door.field, door.sockets)).collect();
    let mut workers: Vec<WorkerListeners> =
        (0..listen.workers).map(|_| WorkerListeners::default()).collect();
    let (mut addresses, mut entrances) = (Vec::new(), Vec::new());
    let count = listen.workers;
    let mut plain = |doors: &mut BTreeMap<_, _>, field: &str, entrance: Entrance| {
        let sockets = take(doors, field)?;
        let bound = address(field, &sockets)?;
        addresses.push(format!("http://{bound}"));
        entrances.push((bound.port(), entrance));
        for (worker, socket) in shares(count, field, sockets)? {
            let Some(worker) = workers.get_mut(worker) else { continue };
            worker.plain.push((socket.into(), entrance));
        }
        Ok::<(), ConfigError>(())
    };
    if listen.http.is_some() {
        plain(&mut doors, doors::HTTP, Entrance::Common)?;
        for venue in config.venues.iter().filter(|venue| venue.port.is_some()) {
            plain(&mut doors, &doors::own_port(venue.venue), Entrance::Own(venue.venue))?;
        }
    }
    if let Some(server) = tls {
        let sockets = take(&mut doors, doors::TLS)?;
        addresses.push(format!("https://{}", address(doors::TLS, &sockets)?));
        for (worker, socket) in shares(count, doors::TLS, sockets)? {
            let Some(worker) = workers.get_mut(worker) else { continue };
            worker.tls.push((socket.into(), Arc::clone(server)));
        }
    }
    if let Some(path) = &listen.unix {
        let sockets = take(&mut doors, doors::UNIX)?;
        for (worker, socket) in shares(count, doors::UNIX, sockets)? {
            let Some(worker) = workers.get_mut(worker) else { continue };
            worker.unix.push(socket.into());
        }
        addresses.push(format!("unix:{}", path.display()));
    }
    let metrics = match config.metrics {
        Some(_) => take(&mut doors, doors::METRICS)?.pop().map(TcpListener::from),
        None => None,
    };
    Ok(Bound { workers, addresses, entrances, metrics })
}

fn take(
    doors: &mut BTreeMap<String, Vec<OwnedFd>>,
    field: &str,
) -> Result<Vec<OwnedFd>, ConfigError> {
    doors.remove(field).filter(|sockets| !sockets.is_empty()).ok_or_else(|| {
        ConfigError::new(field, "nothing listens there: restart `countersign serve`")
    })
}

fn address(field: &str, sockets: &[OwnedFd]) -> Result<std::net::SocketAddr, ConfigError> {
    let first = sockets.first().and_then(|socket| socket.try_clone().ok());
    first
        .and_then(|socket| TcpListener::from(socket).local_addr().ok())
        .ok_or_else(|| ConfigError::new(field, "what was opened there is no listener"))
}

/// Which worker accepts on which socket: every socket has a worker, or what
/// waits there would wait for ever, and every worker has a socket.
fn shares(
    workers: usize,
    field: &str,
    mut sockets: Vec<OwnedFd>,
) -> Result<Vec<(usize, OwnedFd)>, ConfigError> {
    let own = sockets.len();
    for number in own..workers {
        let Some(shared) = sockets.get(number % own.max(1)) else { break };
        let shared = shared.try_clone().map_err(|e| ConfigError::new(field, e.to_string()))?;
        sockets.push(shared);
    }
    let numbered = sockets.into_iter().enumerate();
    Ok(numbered.map(|(number, socket)| (number % workers.max(1), socket)).collect())
}

/// What the TLS listener serves with; none where there is no such listener.
///
/// # Errors
/// A certificate or key cannot be used: names the field.
pub(crate) fn tls(config: &Config) -> Result<Option<Arc<ServerConfig>>, ConfigError> {
    let server = config.listen.tls.as_ref().map(server_config).transpose()?;
    Ok(server.map(Arc::new))
}

fn server_config(tls: &TlsListen) -> Result<ServerConfig, ConfigError> {
    let wrong = |field: &str, path: &Path, detail: String| {
        ConfigError::new(field, format!("`{}` {detail}", path.display()))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| {
            let detail = format!("holds no certificate chain: {error}");
            wrong("listen.tls.certificate", &tls.certificate, detail)
        })?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|_| wrong("listen.tls.key", &tls.key, "holds no private key in PEM".to_owned()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::new("listen.tls", format!("no TLS: {error}")))?
        .with_client_cert_verifier(client_verifier(tls, provider)?)
        .with_single_cert(chain, key)
        .map_err(|error| {
            wrong("listen.tls.certificate", &tls.certificate, format!("is not taken: {error}"))
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Who checks the certificates of clients: where authorities are named, no
/// connection without one of theirs is taken.
fn client_verifier(
    tls: &TlsListen,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let Some(path) = &tls.client_authorities else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let wrong = |detail: String| {
        let detail = format!("`{}` {detail}; name a PEM file with certificates", path.display());
        ConfigError::new("listen.tls.client_authorities", detail)
    };
    let mut roots = RootCertStore::empty();
    let authorities = CertificateDer::pem_file_iter(path)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    for authority in authorities {
        let authority =
            authority.map_err(|error| wrong(format!("is no certificate file: {error}")))?;
        roots.add(authority).map_err(|error| wrong(format!("is not taken: {error}")))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| wrong(format!("names no authority: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(workers: usize) -> Config {
        let text = format!(
            "data_dir = \"d\"\n[listen]\nhttp = \"127.0.0.1:0\"\nworkers = {workers}\n\
             [venue.binance]\nbase_url = \"http://127.0.0.1:1\"\n"
        );
        Config::parse(&text, Path::new("/")).unwrap()
    }

    /// With other workers than before, every socket that waits is accepted on.
    #[test]
    fn every_socket_has_a_worker_and_every_worker_a_socket() {
        for (bound, workers, each) in [(3, 3, 1), (4, 2, 2), (1, 3, 1), (2, 3, 1)] {
            let doors = doors::open_all(&config(bound)).unwrap();
            let dealt = deal(&config(workers), doors, None).unwrap();
            assert_eq!(dealt.workers.len(), workers);
            assert!(dealt.workers.iter().all(|worker| worker.plain.len() == each));
        }
    }

    #[test]
    fn a_door_that_is_missing_is_named() {
        let error = deal(&config(1), Vec::new(), None).err().unwrap().to_string();
        assert!(error.contains("listen.http"), "{error}");
    }
}
