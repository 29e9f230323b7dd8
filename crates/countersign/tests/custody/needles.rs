//! What is searched for: every secret in every spelling, worked out here from
//! the sealed files' documented format, not by the vault's own code.

use std::path::Path;

use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// A secret and what to call it.
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// One spelling of one secret.
pub(crate) struct Needle {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Raw, in hexadecimal of either case, and in both alphabets of base64 at each
/// of its three alignments.
pub(crate) fn spellings(secret: &Secret) -> Vec<Needle> {
    let needle = |spelling: &str, bytes: Vec<u8>| Needle {
        name: format!("{} ({spelling})", secret.name),
        bytes,
    };
    let mut needles = vec![
        needle("raw", secret.bytes.clone()),
        needle("hex", hex::encode(&secret.bytes).into_bytes()),
        needle("HEX", hex::encode_upper(&secret.bytes).into_bytes()),
    ];
    for shift in 0..3_usize {
        let mut shifted = vec![0; shift];
        shifted.extend(&secret.bytes);
        // Digits that also depend on the neighbours are left out.
        let first = (shift * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for (alphabet, engine) in [("base64", STANDARD_NO_PAD), ("base64 url", URL_SAFE_NO_PAD)] {
            let text = engine.encode(&shifted);
            needles.push(needle(
                &format!("{alphabet} + {shift}"),
                text.as_bytes()[first..last].to_vec(),
            ));
        }
    }
    needles
}

/// The key-encryption key: HKDF-SHA256 of the key file with the header's salt.
fn kek(vault: &Path, key_file: &[u8]) -> [u8; 32] {
    let header = std::fs::read_to_string(vault.join("vault.header")).unwrap();
    let salt = header.lines().find_map(|line| line.strip_prefix("kdf hkdf-sha256 ")).unwrap();
    let salt = STANDARD.decode(salt).unwrap();
    let mut kek = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, &salt)
        .extract(key_file)
        .expand(&[b"countersign vault key-encryption key v1"], hkdf::HKDF_SHA256)
        .unwrap()
        .fill(&mut kek)
        .unwrap();
    kek
}

/// Opens a sealed blob: the data key and what it seals.
fn open(kek: &[u8; 32], blob: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // Magic, version, kind, the name behind its length: what both are bound to.
    let name = usize::try_from(u32::from_le_bytes(blob[11..15].try_into().unwrap())).unwrap();
    let (bound, rest) = blob.split_at(15 + name);
    let (wrap_nonce, rest) = rest.split_at(24);
    let (wrapped, rest) = rest.split_at(48);
    let (nonce, rest) = rest.split_at(24);
    let decrypt = |key: &[u8], nonce: &[u8], sealed: &[u8]| {
        XChaCha20Poly1305::new_from_slice(key)
            .unwrap()
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: bound })
            .expect("the sealed file's format is the documented one")
    };
    let dek = decrypt(kek, wrap_nonce, wrapped);
    let content = decrypt(&dek, nonce, &rest[4..]);
    (dek, content)
}

/// Everything that opens or is a real key: the key file's content, the KEK, each
/// DEK, the log's seed, and the secrets given.
pub(crate) fn secrets(vault: &Path, key_file: &Path, given: &[(&str, &str)]) -> Vec<Secret> {
    let mut secrets = Vec::new();
    let mut add = |name: String, bytes: Vec<u8>| secrets.push(Secret { name, bytes });
    let material = std::fs::read(key_file).unwrap();
    let kek = kek(vault, &material);
    add("key file".to_owned(), material);
    add("KEK".to_owned(), kek.to_vec());
    let header = std::fs::read_to_string(vault.join("vault.header")).unwrap();
    let log_key = header.lines().find_map(|line| line.strip_prefix("log-key ")).unwrap();
    let (dek, seed) = open(&kek, &STANDARD.decode(log_key).unwrap());
    add("DEK of the log's key".to_owned(), dek);
    add("the log's key".to_owned(), seed);
    for entry in std::fs::read_dir(vault.join("keys")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (dek, content) = open(&kek, &std::fs::read(&path).unwrap());
        add(format!("DEK of {name}"), dek);
        let known = given.iter().any(|(_, secret)| {
            content.windows(secret.len()).any(|window| window == secret.as_bytes())
        });
        assert!(known, "{name} seals a secret that is searched for");
    }
    for (name, secret) in given {
        add((*name).to_owned(), secret.as_bytes().to_vec());
    }
    secrets
}
