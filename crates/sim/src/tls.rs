//! TLS of a paper venue, from PEM texts.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate chain and its private key, both PEM.
#[derive(Clone)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub certificate_pem: String,
    /// Private key, PEM.
    pub key_pem: String,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls { <redacted> }")
    }
}

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
