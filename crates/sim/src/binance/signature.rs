//! Signature checks: HMAC-SHA256 (hexadecimal, either case), Ed25519 and RSA
//! (base64), over the payload as [`crate::binance::read`] gives it.

use aws_lc_rs::{hmac, signature as public};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::binance::options::Secret;

/// Whether `signature` is this secret's over `payload`.
#[must_use]
pub fn verify(secret: &Secret, payload: &[u8], signature: &str) -> bool {
    match secret {
        Secret::Hmac(text) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
            let Ok(tag) = hex::decode(signature) else { return false };
            hmac::verify(&key, payload, &tag).is_ok()
        }
        Secret::Ed25519(key) => verify_public(&public::ED25519, key, payload, signature),
        Secret::Rsa(der) => {
            verify_public(&public::RSA_PKCS1_2048_8192_SHA256, der, payload, signature)
        }
    }
}

/// Checks a base64 signature with a public key.
fn verify_public(
    algorithm: &'static dyn public::VerificationAlgorithm,
    key: &[u8],
    payload: &[u8],
    signature: &str,
) -> bool {
    let Ok(bytes) = STANDARD.decode(signature) else { return false };
    public::UnparsedPublicKey::new(algorithm, key).verify(payload, &bytes).is_ok()
}
