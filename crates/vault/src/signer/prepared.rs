//! Keys prepared for signing; the library wipes them on drop.

use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::spell::put_hex;
use crate::memory::Secret;
use crate::private_key::{self, PrivateKey};
use crate::protocol::control::Scheme;

/// A key ready to sign.
pub(super) enum Prepared {
    /// HMAC-SHA256.
    Hmac(Box<hmac::Key>),
    /// Ed25519.
    Ed25519(Box<Ed25519KeyPair>),
    /// RSA, signed with on a thread of its own.
    Rsa(Arc<RsaKeyPair>),
    /// It cannot sign; says why.
    Unusable(String),
}

impl Prepared {
    /// Prepares what was sealed.
    pub(super) fn new(scheme: Scheme, secret: &Secret) -> Self {
        if scheme == Scheme::HmacSha256 {
            return Self::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.expose())));
        }
        match (private_key::read(secret.expose()), scheme) {
            (Ok(PrivateKey::Ed25519(key)), Scheme::Ed25519) => Self::Ed25519(Box::new(key)),
            (Ok(PrivateKey::Rsa(key)), Scheme::Rsa) => Self::Rsa(Arc::new(key)),
            (Ok(_), _) => Self::Unusable("its private key is of another scheme".to_owned()),
            (Err(error), _) => Self::Unusable(error.to_string()),
        }
    }

    /// Whether a signature takes so long that nobody else should wait for it.
    pub(super) const fn is_slow(&self) -> bool {
        matches!(self, Self::Rsa(_))
    }
}

/// An HMAC as venues want it: lower-case hexadecimal.
pub(super) fn hmac_hex(key: &hmac::Key, text: &[u8]) -> String {
    let mut digits = Vec::new();
    put_hex(&mut digits, hmac::sign(key, text).as_ref());
    // Digits are text.
    String::from_utf8(digits).unwrap_or_default()
}

/// An Ed25519 signature in base64.
pub(super) fn ed25519_base64(key: &Ed25519KeyPair, text: &[u8]) -> String {
    STANDARD.encode(key.sign(text))
}

/// An RSA signature (PKCS#1 v1.5 with SHA-256) in base64; none where the
/// library cannot make it.
pub(super) fn rsa_base64(key: &RsaKeyPair, text: &[u8]) -> Option<String> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
    Some(STANDARD.encode(signature))
}
