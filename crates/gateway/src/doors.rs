//! Where bots are served: sockets that are bound and listened on by whoever
//! outlives a gateway (the supervisor), and accepted on by the gateway alone.
//! So connections wait in a socket's backlog while one gateway follows another.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Config, ConfigError};
use crate::limits;

/// Bots run as other users; what they need is a virtual key, and the socket's
/// directory says who may come near.
const BOTS_MODE: u32 = 0o666;
/// The admin socket is its owner's alone.
pub(crate) const OWNER_MODE: u32 = 0o600;

/// An address of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The field that names it.
    pub field: String,
    /// Where.
    pub place: Place,
    /// How many sockets share it: one per worker, so that the kernel spreads
    /// connections.
    pub count: usize,
}

/// Where a door is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A TCP address; port 0 is one that the system chooses.
    Tcp(SocketAddr),
    /// A path.
    Unix(PathBuf),
}

/// An address that is listened on.
#[derive(Debug)]
pub struct Door {
    /// The field that names it.
    pub field: String,
    /// Its sockets.
    pub sockets: Vec<OwnedFd>,
}

/// Adds a door, or more sockets to one.
pub(crate) fn add(doors: &mut Vec<Door>, more: Door) {
    match doors.iter_mut().find(|door| door.field == more.field) {
        Some(door) => door.sockets.extend(more.sockets),
        None => doors.push(more),
    }
}

/// Every address of a configuration.
pub fn asked(config: &Config) -> Vec<Asked> {
    let listen = &config.listen;
    let tcp = |field: String, address, count| Asked { field, place: Place::Tcp(address), count };
    let mut all = Vec::new();
    if let Some(address) = listen.http {
        all.push(tcp(HTTP.to_owned(), address, listen.workers));
        for venue in &config.venues {
            let Some(port) = venue.port else { continue };
            let own = SocketAddr::new(address.ip(), port);
            all.push(tcp(own_port(venue.venue), own, listen.workers));
        }
    }
    if let Some(tls) = &listen.tls {
        all.push(tcp(TLS.to_owned(), tls.address, listen.workers));
    }
    if let Some(path) = &listen.unix {
        all.push(Asked { field: UNIX.to_owned(), place: Place::Unix(path.clone()), count: 1 });
    }
    if let Some(address) = config.metrics {
        all.push(tcp(METRICS.to_owned(), address, 1));
    }
    all
}

pub(crate) const HTTP: &str = "listen.http";
pub(crate) const TLS: &str = "listen.tls.address";
pub(crate) const UNIX: &str = "listen.unix";
pub(crate) const METRICS: &str = "metrics.listen";

pub(crate) fn own_port(venue: wire::model::Venue) -> String {
    format!("venue.{}.port", venue.name())
}

impl Asked {
    /// Binds it and listens. Call it where no other thread makes files: for a
    /// Unix socket the process's mask is lifted for a moment.
    ///
    /// # Errors
    /// Names the field and what to do.
    pub fn open(&self) -> Result<Door, ConfigError> {
        let sockets = match &self.place {
            Place::Tcp(address) => tcp(&self.field, *address, self.count)?,
            Place::Unix(path) => {
                let bound = unix(path, BOTS_MODE).map_err(|error| {
                    let detail = format!("`{}` cannot be bound: {error}", path.display());
                    ConfigError::new(&self.field, detail)
                })?;
                vec![bound]
            }
        };
        Ok(Door { field: self.field.clone(), sockets })
    }
}

/// Binds everything that a configuration names; for a gateway that runs alone.
///
/// # Errors
/// Names the field and what to do.
pub fn open_all(config: &Config) -> Result<Vec<Door>, ConfigError> {
    asked(config).iter().map(Asked::open).collect()
}

/// Sockets on one address; the kernel spreads connections over them.
fn tcp(field: &str, address: SocketAddr, count: usize) -> Result<Vec<OwnedFd>, ConfigError> {
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
        sockets.push(listener.into());
    }
    Ok(sockets)
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

/// Binds a Unix socket; one that a dead process left is removed.
///
/// The directory may be another user's who is trusted less, so nothing here
/// follows a name a second time: the mode is the socket's from before it has a
/// name, and not set by name afterwards.
pub(crate) fn unix(path: &Path, mode: u32) -> io::Result<OwnedFd> {
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
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(mode))?;
    let mask = rustix::process::umask(Mode::empty());
    let bound = rustix::net::bind(&socket, &SocketAddrUnix::new(path)?);
    rustix::process::umask(mask);
    bound?;
    rustix::net::listen(&socket, limits::BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn address(socket: OwnedFd) -> SocketAddr {
        TcpListener::from(socket).local_addr().unwrap()
    }

    #[test]
    fn workers_share_one_port() {
        let sockets = tcp("f", "127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let addresses: std::collections::BTreeSet<_> = sockets.into_iter().map(address).collect();
        assert_eq!(addresses.len(), 1);
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
        let listener = unix(&path, BOTS_MODE).unwrap();
        assert!(unix(&path, OWNER_MODE).is_err(), "in use");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        drop(listener);
        drop(unix(&path, OWNER_MODE).unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(unix(&file, OWNER_MODE).is_err());
    }

    #[test]
    fn a_configurations_addresses_are_asked_for_by_field() {
        let text = "data_dir = \"d\"\n[listen]\nhttp = \"127.0.0.1:80\"\nunix = \"/run/c\"\n\
                    workers = 2\n[venue.binance]\nbase_url = \"http://127.0.0.1:1\"\nport = 81\n";
        let config = Config::parse(text, Path::new("/")).unwrap();
        let all = asked(&config);
        let fields: Vec<(&str, usize)> =
            all.iter().map(|one| (one.field.as_str(), one.count)).collect();
        assert_eq!(fields, [("listen.http", 2), ("venue.binance.port", 2), ("listen.unix", 1)]);
    }
}
