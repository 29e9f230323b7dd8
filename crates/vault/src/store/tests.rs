use std::os::unix::fs::PermissionsExt;

use wire::model::{Right, Rights};

use super::*;
use crate::ceiling::Ceiling;
use crate::memory::Secret;
use crate::protocol::KeyClass;
use crate::protocol::control::Scheme;

fn passphrase(text: &str) -> UnsealSource {
    UnsealSource::Passphrase(Secret::new(text.as_bytes().to_vec()))
}

fn vault() -> (tempfile::TempDir, Vault) {
    let data = tempfile::tempdir().unwrap();
    let (vault, state) = (data.path().join("vault"), data.path().join("signer-state"));
    init(&vault, &state, "test/log", &passphrase("right"), PassphraseCost::LEAST).unwrap();
    let opened = Vault::open(&vault, &passphrase("right")).unwrap();
    (data, opened)
}

fn key(name: &str) -> NewKey {
    NewKey {
        name: name.into(),
        account: "main".into(),
        venue: "binance".into(),
        api_key: "k".repeat(64),
        scheme: Scheme::HmacSha256,
        rights: Rights::NONE.with(Right::Reading),
        rights_known: true,
        hosts: Vec::new(),
        accept_wide_rights: false,
        ceiling: Ceiling::closed(KeyClass::Read),
        secret: Secret::new(b"thesecretthesecret".to_vec()),
    }
}

#[test]
fn keys_come_and_go() {
    let (data, vault) = vault();
    let state = data.path().join("signer-state");
    vault.add_key(&state, key("main-read")).unwrap();
    assert!(vault.add_key(&state, key("main-read")).is_err(), "the name is taken");
    let listed = vault.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].class), ("main-read", KeyClass::Read));
    assert_eq!(vault.load("main-read").unwrap().secret.expose(), b"thesecretthesecret");
    vault.remove("main-read").unwrap();
    assert!(vault.remove("main-read").is_err());
    assert!(vault.remove("../vault").is_err());
    assert!(vault.list().unwrap().is_empty());
}

// INVARIANT (key custody): nothing on disk shows a secret, and only its owner
// may read what is there.
#[test]
fn nothing_on_disk_shows_a_secret() {
    let (data, vault) = vault();
    vault.add_key(&data.path().join("signer-state"), key("main-read")).unwrap();
    let mut pending = vec![data.path().to_owned()];
    let mut files = 0;
    while let Some(path) = pending.pop() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        if path.is_dir() {
            assert!(path == data.path() || mode & 0o077 == 0, "{} {mode:o}", path.display());
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        files += 1;
        assert_eq!(mode & 0o077, 0, "{} {mode:o}", path.display());
        let content = std::fs::read(&path).unwrap();
        for secret in [&b"thesecret"[..], b"right", b"kkkkkkkk"] {
            assert!(!content.windows(secret.len()).any(|at| at == secret), "{}", path.display());
        }
    }
    assert_eq!(files, 5, "header, key, counters, signed.log, lock");
}

#[test]
fn the_wrong_passphrase_is_told() {
    let (data, _) = vault();
    let error = Vault::open(&data.path().join("vault"), &passphrase("wrong")).unwrap_err();
    assert!(error.to_string().starts_with("wrong passphrase"), "{error}");
    let error = Vault::open(&data.path().join("nowhere"), &passphrase("right")).unwrap_err();
    assert!(error.to_string().contains("countersign init"), "{error}");
    let again = init(
        &data.path().join("vault"),
        &data.path().join("signer-state"),
        "test/log",
        &passphrase("right"),
        PassphraseCost::LEAST,
    );
    assert!(again.unwrap_err().to_string().contains("already"));
}

#[test]
fn keys_that_should_not_be_are_refused() {
    let (data, vault) = vault();
    let wide = Rights::NONE.with(Right::Reading).with(Right::Withdrawals);
    type Change = fn(&mut NewKey);
    let changes: [(Change, &str); 7] = [
        (|key| key.name = "Main".into(), "names"),
        (|key| key.name = "../x".into(), "names"),
        (|key| key.venue = "kraken".into(), "venue"),
        (|key| key.api_key = String::new(), "API key"),
        (|key| key.secret = Secret::new(b"has space".to_vec()), "spaces"),
        (|key| key.secret = Secret::new(vec![]), "bytes"),
        (|key| key.rights = Rights::NONE.with(Right::Withdrawals), "withdrawals"),
    ];
    for (change, said) in changes {
        let mut new = key("a");
        change(&mut new);
        let error = vault.add_key(&data.path().join("signer-state"), new).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    for accept in [true, false] {
        let mut new = key("wide");
        new.rights = wide;
        new.accept_wide_rights = accept;
        let added = vault.add_key(&data.path().join("signer-state"), new);
        assert_eq!(added.is_ok(), accept);
    }
}

#[test]
fn a_state_in_use_is_left_alone() {
    let (data, vault) = vault();
    let state = data.path().join("signer-state");
    let held = state::lock(&state).unwrap();
    let error = vault.add_key(&state, key("a")).unwrap_err().to_string();
    assert!(error.contains("a signer is using"), "{error}");
    drop(held);
    vault.add_key(&state, key("a")).unwrap();
}

#[test]
fn an_exchanged_or_changed_file_does_not_open() {
    let (data, vault) = vault();
    let state = data.path().join("signer-state");
    vault.add_key(&state, key("a")).unwrap();
    vault.add_key(&state, key("b")).unwrap();
    std::fs::copy(vault.path("a"), vault.path("b")).unwrap();
    assert!(vault.load("b").is_err());
    let mut blob = std::fs::read(vault.path("a")).unwrap();
    let at = blob.len() - 5;
    blob[at] ^= 1;
    std::fs::write(vault.path("a"), blob).unwrap();
    assert!(vault.load("a").is_err());
}

/// Sealed before there were other venues: version 1 as it was written then,
/// byte for byte, and as it is written now.
#[test]
fn keys_sealed_by_earlier_versions_are_read() {
    let content = hex::decode(concat!(
        "0100", // version
        "04000000",
        "6d61696e", // account: main
        "07000000",
        "62696e616e6365", // venue: binance
        "02000000",
        "6964",     // API key: id
        "01",       // scheme: HMAC
        "0200",     // rights: reading
        "01",       // the venue told them
        "0000",     // every host
        "00",       // no wide rights accepted
        "1b000000", // the ceiling:
        "0100",     //   version
        "01",       //   read
        "0000",
        "0000",
        "0000",
        "0000",
        "d007000000000000", //   2 s
        "e803000000000000", //   1 s
        "06000000",
        "736563726574", // secret
    ))
    .unwrap();
    let key = VenueKey::decode("old", &content).unwrap();
    assert_eq!((key.venue, key.scheme), (crate::venue::Venue::Binance, Scheme::HmacSha256));
    assert_eq!(key.account, "main");
    assert_eq!(key.secret.expose(), b"secret");
    assert_eq!(key.rights, Rights::NONE.with(Right::Reading));
    assert_eq!(key.encode().unwrap().expose(), content);
    // A venue that this version does not know is not read as another.
    let mut other = content.clone();
    other[17] = b'B';
    assert!(VenueKey::decode("old", &other).is_err());
}

#[test]
fn a_private_key_must_be_of_its_scheme() {
    let (data, vault) = vault();
    let state = data.path().join("signer-state");
    let pem = include_bytes!("../../testdata/ed25519.pem");
    for (scheme, secret, said) in [
        (Scheme::Rsa, &pem[..], "of the scheme ed25519"),
        (Scheme::Ed25519, b"thesecretthesecret", "of the scheme hmac"),
        (Scheme::Ed25519, include_bytes!("../../testdata/p256.pem"), "cannot be used"),
        (Scheme::Rsa, include_bytes!("../../testdata/rsa-1024.pem"), "2048"),
        (Scheme::HmacSha256, pem, "odd characters"),
    ] {
        let new = NewKey { scheme, secret: Secret::new(secret.to_vec()), ..key("a") };
        let error = vault.add_key(&state, new).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("MC4"), "{error}");
    }
    let new = NewKey { scheme: Scheme::Ed25519, secret: Secret::new(pem.to_vec()), ..key("a") };
    assert_eq!(vault.add_key(&state, new).unwrap().scheme, Scheme::Ed25519);
    let file = std::fs::read(vault.path("a")).unwrap();
    assert!(!file.windows(10).any(|at| at == &pem[30..40]));
}
