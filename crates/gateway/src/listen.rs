//! Listeners: bound whole before anything is accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Config, ConfigError, TlsListen};
use crate::limits;
use crate::route::Entrance;

/// What one worker accepts on.
#[derive(Debug)]
pub(crate) struct WorkerListeners {
    pub(crate) plain: Vec<(TcpListener, Entrance)>,
    pub(crate) tls: Option<(TcpListener, Arc<ServerConfig>)>,
    pub(crate) unix: Option<UnixListener>,
}

/// Every worker's listeners, and their addresses as bots write them.
pub(crate) struct Bound {
    pub(crate) workers: Vec<WorkerListeners>,
    pub(crate) addresses: Vec<String>,
    /// Where the metrics are asked for.
    pub(crate) metrics: Option<TcpListener>,
}

/// Binds everything the configuration names.
///
/// # Errors
/// Names the field and what to do.
pub(crate) fn bind(config: &Config) -> Result<Bound, ConfigError> {
    let listen = &config.listen;
    let count = listen.workers;
    let mut workers: Vec<WorkerListeners> =
        (0..count).map(|_| WorkerListeners { plain: Vec::new(), tls: None, unix: None }).collect();
    let mut addresses = Vec::new();
    if let Some(address) = listen.http {
        addresses.push(format!(
            "http://{}",
            plain(&mut workers, "listen.http", address, Entrance::Common)?
        ));
        for venue in &config.venues {
            let Some(port) = venue.port else { continue };
            let own = SocketAddr::new(address.ip(), port);
            let field = format!("venue.{}.port", venue.venue.name());
            let bound = plain(&mut workers, &field, own, Entrance::Own(venue.venue))?;
            addresses.push(format!("http://{bound}"));
        }
    }
    if let Some(tls) = &listen.tls {
        let server = Arc::new(server_config(tls)?);
        let (sockets, bound) = tcp("listen.tls.address", tls.address, count)?;
        for (worker, socket) in workers.iter_mut().zip(sockets) {
            worker.tls = Some((socket, Arc::clone(&server)));
        }
        addresses.push(format!("https://{bound}"));
    }
    if let Some(path) = &listen.unix {
        let wrong = |error: io::Error| {
            ConfigError::new(
                "listen.unix",
                format!("`{}` cannot be bound: {error}", path.display()),
            )
        };
        let listener = unix(path, BOTS_MODE).map_err(wrong)?;
        for worker in &mut workers {
            worker.unix = Some(listener.try_clone().map_err(wrong)?);
        }
        addresses.push(format!("unix:{}", path.display()));
    }
    let metrics = match config.metrics {
        Some(address) => tcp("metrics.listen", address, 1)?.0.pop(),
        None => None,
    };
    Ok(Bound { workers, addresses, metrics })
}

fn plain(
    workers: &mut [WorkerListeners],
    field: &str,
    address: SocketAddr,
    entrance: Entrance,
) -> Result<SocketAddr, ConfigError> {
    let (sockets, bound) = tcp(field, address, workers.len())?;
    for (worker, socket) in workers.iter_mut().zip(sockets) {
        worker.plain.push((socket, entrance));
    }
    Ok(bound)
}

/// One socket per worker on one address; the kernel spreads connections.
fn tcp(
    field: &str,
    address: SocketAddr,
    count: usize,
) -> Result<(Vec<TcpListener>, SocketAddr), ConfigError> {
    let wrong = |error: io::Error| {
        let next = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another program listens there: stop it or choose another"
            }
            io::ErrorKind::PermissionDenied => "; choose a port from 1024 on",
            _ => "",
        };
        ConfigError::new(field, format!("`{address}` cannot be bound: {error}{next}"))
    };
    // The first one is bound alone, so that another program's listener shows
    // instead of sharing the port.
    if address.port() != 0 && count > 1 {
        drop(socket(address, false).map_err(wrong)?);
    }
    let mut sockets = Vec::with_capacity(count);
    let mut bound = address;
    for _ in 0..count {
        let listener = socket(bound, count > 1).map_err(wrong)?;
        bound = listener.local_addr().map_err(wrong)?;
        sockets.push(listener);
    }
    Ok((sockets, bound))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::BACKLOG)?;
    Ok(socket.into())
}

/// Bots run as other users; what they need is a virtual key, and its directory
/// says who may come near.
const BOTS_MODE: u32 = 0o666;
/// The admin socket is its owner's alone.
pub(crate) const OWNER_MODE: u32 = 0o600;

/// Binds a Unix socket; one that a dead process left is removed.
pub(crate) fn unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            std::fs::remove_file(path)?;
        }
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
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

    #[test]
    fn workers_share_one_port() {
        let (sockets, bound) = tcp("f", "127.0.0.1:0".parse().unwrap(), 3).unwrap();
        assert_eq!(sockets.len(), 3);
        for socket in &sockets {
            assert_eq!(socket.local_addr().unwrap(), bound);
        }
    }

    #[test]
    fn a_port_in_use_is_an_error_for_one_worker_and_for_many() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        for count in [1, 2] {
            let error = tcp("listen.http", address, count).unwrap_err().to_string();
            assert!(error.contains("listen.http"), "{error}");
        }
    }

    #[test]
    fn a_stale_unix_socket_is_replaced_and_a_file_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/gateway.sock");
        drop(unix(&path, OWNER_MODE).unwrap());
        let listener = unix(&path, OWNER_MODE).unwrap();
        assert!(unix(&path, OWNER_MODE).is_err(), "in use");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(listener);
        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(unix(&file, OWNER_MODE).is_err());
    }
}
