//! Signature checks: hexadecimal HMAC-SHA256 over one of the texts that
//! [`crate::woox::read`] gives, or over `|timestamp` on a socket.

use aws_lc_rs::hmac;

/// Whether `signature` is the secret's over `text`, in either case of hexadecimal.
#[must_use]
pub fn verify(secret: &str, text: &[u8], signature: &str) -> bool {
    let Ok(tag) = hex::decode(signature) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, text, &tag).is_ok()
}
