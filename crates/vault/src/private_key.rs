//! Private keys as people and venues hand them about: PKCS#8 in PEM.
//!
//! Read by own code and not by a library's PEM reader, since such readers leave
//! copies behind that nobody wipes; the DER inside is read by the cryptography
//! library.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::limits::SECRET_BYTES;
use crate::memory::{Secret, random_key};
use crate::protocol::control::Scheme;

/// Shortest and longest modulus of an RSA key, bytes: 2048 to 4096 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// What stands around the base64 of a private key.
const BEGIN: &[u8] = b"-----BEGIN PRIVATE KEY-----";
const END: &[u8] = b"-----END PRIVATE KEY-----";
/// A line of base64 in PEM (RFC 7468).
const LINE_BYTES: usize = 64;
/// What precedes the 32 bytes of a private Ed25519 key in PKCS#8 (RFC 8410, 7).
const ED25519_PRIVATE: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Why a private key cannot be used; whoever gave it has to give another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFormatError(&'static str);

impl std::fmt::Display for KeyFormatError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for KeyFormatError {}

const NOT_PEM: KeyFormatError = KeyFormatError(
    "not a private key in PEM: it begins with `-----BEGIN PRIVATE KEY-----`, ends with \
     `-----END PRIVATE KEY-----` and has base64 between",
);

/// A private key that signs with its own kind of signature.
pub(crate) enum PrivateKey {
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// RSA, 2048 to 4096 bits.
    Rsa(RsaKeyPair),
}

/// How a secret signs: a private key by what it is, anything else with HMAC.
///
/// # Errors
/// It is in PEM and cannot be used.
pub fn scheme_of(secret: &[u8]) -> Result<Scheme, KeyFormatError> {
    if !secret.trim_ascii_start().starts_with(b"-----") {
        return Ok(Scheme::HmacSha256);
    }
    read(secret).map(|key| match key {
        PrivateKey::Ed25519(_) => Scheme::Ed25519,
        PrivateKey::Rsa(_) => Scheme::Rsa,
    })
}

/// Reads a private key.
pub(crate) fn read(pem: &[u8]) -> Result<PrivateKey, KeyFormatError> {
    let der = der(pem)?;
    if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
        return Ok(PrivateKey::Ed25519(key));
    }
    match RsaKeyPair::from_pkcs8(&der) {
        Ok(key) if MODULUS_BYTES.contains(&key.public_modulus_len()) => Ok(PrivateKey::Rsa(key)),
        _ => Err(KeyFormatError(
            "neither an Ed25519 key nor an RSA key of 2048 to 4096 bits; make one with `openssl \
             genpkey -algorithm ed25519`",
        )),
    }
}

/// What is between the lines of PEM, decoded.
fn der(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFormatError> {
    let pem = pem.trim_ascii();
    for (begin, wrong) in [
        (
            &b"-----BEGIN ENCRYPTED"[..],
            "the private key has a passphrase of its own; the vault seals it, so take that off \
             with `openssl pkcs8 -topk8 -nocrypt -in FILE`",
        ),
        (
            b"-----BEGIN RSA PRIVATE",
            "an RSA key in PKCS#1; turn it into PKCS#8 with `openssl pkcs8 -topk8 -nocrypt -in \
             FILE`",
        ),
        (b"-----BEGIN EC PRIVATE", "a key on another curve than Ed25519; venues do not take it"),
        (b"-----BEGIN PUBLIC", "a public key; the private one is needed"),
    ] {
        if pem.starts_with(begin) {
            return Err(KeyFormatError(wrong));
        }
    }
    let inside = pem
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END))
        .filter(|inside| inside.len() <= SECRET_BYTES)
        .ok_or(NOT_PEM)?;
    // The whole room first: growing would leave copies of the secret.
    let mut text = Zeroizing::new(Vec::with_capacity(inside.len()));
    text.extend(inside.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    let mut der = Zeroizing::new(vec![0; inside.len()]);
    let length = STANDARD.decode_slice(&*text, &mut der).map_err(|_| NOT_PEM)?;
    der.truncate(length);
    Ok(der)
}

/// A fresh private key in PEM; none of HMAC, which has none.
pub fn generate(scheme: Scheme) -> Result<Secret, aws_lc_rs::error::Unspecified> {
    match scheme {
        Scheme::Ed25519 => {
            let seed = random_key()?;
            let mut der = Zeroizing::new(Vec::with_capacity(ED25519_PRIVATE.len() + seed.len()));
            der.extend_from_slice(&ED25519_PRIVATE);
            der.extend_from_slice(seed.as_slice());
            pem(&der)
        }
        Scheme::Rsa => {
            let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let der: Pkcs8V1Der<'_> = key.as_der()?;
            pem(der.as_ref())
        }
        Scheme::HmacSha256 => Err(aws_lc_rs::error::Unspecified),
    }
}

/// A private key in PEM. The whole room first: growing would leave copies of
/// the secret.
fn pem(der: &[u8]) -> Result<Secret, aws_lc_rs::error::Unspecified> {
    let mut text = Zeroizing::new(vec![0; der.len().div_ceil(3) * 4]);
    STANDARD.encode_slice(der, &mut text).map_err(|_| aws_lc_rs::error::Unspecified)?;
    let lines = text.len().div_ceil(LINE_BYTES);
    let mut pem = Vec::with_capacity(BEGIN.len() + text.len() + lines + END.len() + 2);
    for part in [BEGIN].into_iter().chain(text.chunks(LINE_BYTES)).chain([END]) {
        pem.extend_from_slice(part);
        pem.push(b'\n');
    }
    Ok(Secret::new(pem))
}

/// The public half in PEM, as venues take it; none for a key that has none.
pub fn public_pem(pem: &[u8]) -> Option<String> {
    fn x509<K: AsDer<PublicKeyX509Der<'static>>>(key: &K) -> Option<String> {
        key.as_der().ok().map(|der| STANDARD.encode(der.as_ref()))
    }
    let text = match read(pem).ok()? {
        PrivateKey::Ed25519(key) => x509(key.public_key())?,
        PrivateKey::Rsa(key) => x509(key.public_key())?,
    };
    let mut out = String::from("-----BEGIN PUBLIC KEY-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_BYTES));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END PUBLIC KEY-----\n");
    Some(out)
}

#[cfg(test)]
mod tests;
