//! What verifies a bot's signatures: an HMAC secret, or a public key.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

/// Shortest and longest description (DER) of an RSA key of 2048 to 4096 bits,
/// which is what the venue takes, bytes: with the usual exponents 292 and 550.
const RSA_DER_BYTES: std::ops::RangeInclusive<usize> = 290..=560;
/// Longest public key in PEM, bytes.
const PEM_BYTES: usize = 2 * 1024;

/// Verifies one bot's signatures.
pub(crate) enum VirtualSecret {
    /// HMAC-SHA256, hexadecimal.
    Hmac(Box<hmac::Key>),
    /// Ed25519, base64.
    Ed25519(ParsedPublicKey),
    /// RSA PKCS#1 v1.5 with SHA-256, base64.
    Rsa(ParsedPublicKey),
}

/// Why a public key cannot be a bot's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKeyError(&'static str);

impl std::fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PublicKeyError {}

impl VirtualSecret {
    pub(super) fn hmac(secret: &[u8]) -> Self {
        Self::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Of a public key in PEM.
    pub(super) fn public(pem: &[u8]) -> Result<Self, PublicKeyError> {
        let not_pem =
            PublicKeyError("not a public key in PEM: it begins with `-----BEGIN PUBLIC KEY-----`");
        if pem.len() > PEM_BYTES {
            return Err(not_pem);
        }
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| not_pem)?;
        if let Ok(key) = ParsedPublicKey::new(&ED25519, der.as_ref()) {
            return Ok(Self::Ed25519(key));
        }
        Some(der.as_ref())
            .filter(|der| RSA_DER_BYTES.contains(&der.len()))
            .and_then(|der| ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).ok())
            .map(Self::Rsa)
            .ok_or(PublicKeyError("neither an Ed25519 key nor an RSA key of 2048 to 4096 bits"))
    }

    /// The scheme's name in files and on the command line.
    pub(crate) const fn scheme(&self) -> &'static str {
        match self {
            Self::Hmac(_) => "hmac",
            Self::Ed25519(_) => "ed25519",
            Self::Rsa(_) => "rsa",
        }
    }

    /// The bytes of a signature as it is sent; none where it is none of this
    /// scheme.
    pub(crate) fn decode(&self, signature: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hmac(_) => hex::decode(signature).ok().filter(|bytes| bytes.len() == 32),
            Self::Ed25519(_) | Self::Rsa(_) => STANDARD.decode(signature).ok(),
        }
    }

    /// What the replay cache knows a signed text by.
    ///
    /// An HMAC stands for its text. Whoever holds an Ed25519 secret can make
    /// many signatures of one text, so there, and with RSA, the text's own hash
    /// does: otherwise one request could be sent as often as it was signed.
    pub(crate) fn mark(&self, payload: &[u8], signature: &[u8]) -> [u8; 32] {
        let hash = || digest(&SHA256, payload).as_ref().first_chunk().copied();
        match self {
            Self::Hmac(_) => signature.first_chunk().copied(),
            Self::Ed25519(_) | Self::Rsa(_) => hash(),
        }
        .unwrap_or_default()
    }
}

/// Whether this is the bot's signature of the payload. Compares in constant
/// time where something is secret.
pub(crate) fn verify(secret: &VirtualSecret, payload: &[u8], signature: &[u8]) -> bool {
    match secret {
        VirtualSecret::Hmac(key) => hmac::verify(key, payload, signature).is_ok(),
        VirtualSecret::Ed25519(key) | VirtualSecret::Rsa(key) => {
            key.verify_sig(payload, signature).is_ok()
        }
    }
}

/// The scheme (`ed25519` or `rsa`) of a public key in PEM.
///
/// # Errors
/// It cannot be a bot's.
pub fn public_key_scheme(pem: &[u8]) -> Result<&'static str, PublicKeyError> {
    VirtualSecret::public(pem).map(|key| key.scheme())
}

#[cfg(test)]
mod tests;
