//! The addresses that connections to a venue leave from.
//!
//! A venue counts request weight by the address that it sees, so that several
//! have several times as much. Where none is configured the system chooses, and
//! there is one.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Which of a venue's egress addresses, counted from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Egress(pub(crate) usize);

/// Connects from an address, or from the one that the system chooses. A host
/// name is tried at every address of the same family that it has.
///
/// # Errors
/// The last that went wrong.
pub async fn dial(host: &str, port: u16, from: Option<IpAddr>) -> Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect((host, port)).await };
    let mut last = Error::new(
        ErrorKind::AddrNotAvailable,
        format!("the venue has no address that can be reached from `{from}`"),
    );
    for address in lookup_host((host, port)).await?.filter(|one| one.is_ipv4() == from.is_ipv4()) {
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Zero: the system chooses the port.
        socket.bind(SocketAddr::new(from, 0)).map_err(|error| {
            Error::new(error.kind(), format!("`{from}` is no address of this machine: {error}"))
        })?;
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_leaves_from_where_it_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let from = "127.0.0.9".parse().unwrap();
        let (dialled, accepted) =
            tokio::join!(dial("127.0.0.1", port, Some(from)), listener.accept());
        assert_eq!(dialled.unwrap().local_addr().unwrap().ip(), from);
        assert_eq!(accepted.unwrap().1.ip(), from);
    }

    #[tokio::test]
    async fn an_address_that_is_not_here_is_named() {
        let from = Some("192.0.2.1".parse().unwrap());
        let error = dial("127.0.0.1", 9, from).await.unwrap_err();
        assert!(error.to_string().contains("`192.0.2.1` is no address of this machine"), "{error}");
        let other_family = Some("::1".parse().unwrap());
        let error = dial("127.0.0.1", 9, other_family).await.unwrap_err();
        assert!(error.to_string().contains("reached from `::1`"), "{error}");
    }
}
