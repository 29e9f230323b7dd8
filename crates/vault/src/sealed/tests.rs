use std::os::unix::fs::PermissionsExt;

use super::*;

fn kek() -> Kek {
    Kek::for_tests(1)
}

#[test]
fn opens_what_it_sealed() {
    let blob = seal(&kek(), Kind::VenueKey, "main-trade", b"secret").unwrap();
    assert_eq!(unseal(&kek(), Kind::VenueKey, "main-trade", &blob).unwrap().expose(), b"secret");
    let again = seal(&kek(), Kind::VenueKey, "main-trade", b"secret").unwrap();
    assert_ne!(blob, again, "a data key and nonces of its own");
    assert!(!blob.windows(6).any(|window| window == b"secret"));
}

#[test]
fn a_wrong_key_is_told_from_damage() {
    let blob = seal(&kek(), Kind::LogKey, "log", b"seed").unwrap();
    let wrong = unseal(&Kek::for_tests(2), Kind::LogKey, "log", &blob).unwrap_err();
    assert!(matches!(wrong, SealError::WrongKey), "{wrong}");
    assert!(wrong.to_string().starts_with("wrong passphrase"));
    let mut damaged = blob.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let error = unseal(&kek(), Kind::LogKey, "log", &damaged).unwrap_err();
    assert!(matches!(error, SealError::Damaged(_)), "{error}");
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let blob = seal(&kek(), Kind::VenueKey, "k", b"secret").unwrap();
    for at in 0..blob.len() {
        let mut flipped = blob.clone();
        flipped[at] ^= 0x40;
        assert!(unseal(&kek(), Kind::VenueKey, "k", &flipped).is_err(), "byte {at}");
        assert!(unseal(&kek(), Kind::VenueKey, "k", &blob[..at]).is_err(), "cut {at}");
    }
    let mut longer = blob;
    longer.push(0);
    assert!(unseal(&kek(), Kind::VenueKey, "k", &longer).is_err());
}

#[test]
fn one_blob_cannot_stand_for_another() {
    let blob = seal(&kek(), Kind::VenueKey, "read", b"x").unwrap();
    assert!(unseal(&kek(), Kind::VenueKey, "trade", &blob).is_err());
    assert!(unseal(&kek(), Kind::LogKey, "read", &blob).is_err());
    // Renamed inside, too: the associated data no longer fits.
    let mut renamed = seal(&kek(), Kind::VenueKey, "aaaa", b"x").unwrap();
    let at = renamed.windows(4).position(|window| window == b"aaaa").unwrap();
    renamed[at..at + 4].copy_from_slice(b"bbbb");
    assert!(unseal(&kek(), Kind::VenueKey, "bbbb", &renamed).is_err());
}

#[test]
fn a_passphrase_makes_the_same_key_again() {
    let passphrase = UnsealSource::Passphrase(Secret::new(b"correct horse".to_vec()));
    let derivation = Derivation::fresh(&passphrase, PassphraseCost::LEAST).unwrap();
    let again = Derivation::from_line(&derivation.to_line()).unwrap();
    assert_eq!(derivation, again);
    assert_eq!(
        derivation.kek(&passphrase).unwrap().bytes(),
        again.kek(&passphrase).unwrap().bytes()
    );
    let other = UnsealSource::Passphrase(Secret::new(b"correct horsf".to_vec()));
    assert_ne!(derivation.kek(&passphrase).unwrap().bytes(), again.kek(&other).unwrap().bytes());
    let empty = UnsealSource::Passphrase(Secret::new(vec![]));
    assert!(derivation.kek(&empty).is_err());
}

#[test]
fn a_key_file_must_be_private_and_long_enough() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, [9; 32]).unwrap();
    let set = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let source = UnsealSource::KeyFile(path.clone());
    let derivation = Derivation::fresh(&source, PassphraseCost::DEFAULT).unwrap();
    set(0o600);
    assert!(derivation.kek(&source).is_ok());
    for open in [0o640, 0o604, 0o660] {
        set(open);
        let error = derivation.kek(&source).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
    set(0o600);
    std::fs::write(&path, [9; 31]).unwrap();
    assert!(derivation.kek(&source).unwrap_err().to_string().contains("shorter"));
    std::fs::write(&path, vec![9; 4097]).unwrap();
    assert!(derivation.kek(&source).is_err());
    let passphrase = UnsealSource::Passphrase(Secret::new(b"x".to_vec()));
    assert!(derivation.kek(&passphrase).unwrap_err().to_string().contains("key file"));
}

#[test]
fn header_work_is_bounded() {
    let salt = "AAAAAAAAAAAAAAAAAAAAAA==";
    for line in [
        format!("argon2id 4194304 3 {salt}"),
        format!("argon2id 65536 1000 {salt}"),
        format!("argon2id 1 1 {salt}"),
        format!("argon2id 65536 3 {salt} 1"),
        format!("scrypt 65536 3 {salt}"),
        "hkdf-sha256 AAAA".to_owned(),
        String::new(),
    ] {
        assert!(Derivation::from_line(&line).is_err(), "{line}");
    }
    assert!(Derivation::from_line(&format!("argon2id 65536 3 {salt}")).is_ok());
}
