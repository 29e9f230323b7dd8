use super::*;
use crate::signer::testing_signature as signature;

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../testdata/", $name))
    };
}

#[test]
fn signatures_are_those_of_openssl() {
    let keys: [(&[u8], Scheme, &[u8]); 3] = [
        (data!("rsa-2048.pem"), Scheme::Rsa, data!("rsa-2048.signature")),
        (data!("rsa-4096.pem"), Scheme::Rsa, data!("rsa-4096.signature")),
        (data!("ed25519.pem"), Scheme::Ed25519, data!("ed25519.signature")),
    ];
    for (pem, scheme, wanted) in keys {
        assert_eq!(scheme_of(pem), Ok(scheme));
        let made = signature(scheme, pem, data!("text")).unwrap();
        assert_eq!(made.as_bytes(), wanted);
        assert!(made.len() <= crate::limits::SIGNATURE_BYTES);
    }
}

/// Published or computed elsewhere: Binance's FIX logon, and the seed of ones.
#[test]
fn vectors() {
    let fix = b"-----BEGIN PRIVATE KEY-----\n\
                MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n\
                -----END PRIVATE KEY-----\n";
    let text = b"A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223";
    assert_eq!(
        signature(Scheme::Ed25519, fix, text).unwrap(),
        "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    );
    assert_eq!(
        signature(Scheme::Ed25519, data!("ed25519-vector.pem"), data!("text")).unwrap(),
        "myMDI5JdB6CWpNEG1B4BdhJgAOaiwCm+GltFzjx28yfP6vbT7/rZEEjxE+f8ntr2Cmpvy54KXkGdqJB0SZLDAQ=="
    );
}

#[test]
fn public_halves_are_those_of_openssl() {
    let pairs: [(&[u8], &str); 3] = [
        (data!("rsa-2048.pem"), include_str!("../../testdata/rsa-2048.pub.pem")),
        (data!("rsa-4096.pem"), include_str!("../../testdata/rsa-4096.pub.pem")),
        (data!("ed25519.pem"), include_str!("../../testdata/ed25519.pub.pem")),
    ];
    for (pem, wanted) in pairs {
        assert_eq!(public_pem(pem).as_deref(), Some(wanted));
    }
}

#[test]
fn what_cannot_be_used_is_told_why() {
    let text = String::from_utf8_lossy(data!("rsa-2048.pem")).into_owned();
    let twice = format!("{text}{text}");
    let cut = text.get(..text.len() - 40).unwrap();
    let flipped = text.replacen("MII", "MIJ", 1);
    let cases: [(&[u8], &str); 9] = [
        (data!("rsa-1024.pem"), "2048 to 4096"),
        (data!("p256.pem"), "neither"),
        (data!("rsa-2048-pkcs1.pem"), "PKCS#1"),
        (data!("ed25519-encrypted.pem"), "passphrase"),
        (data!("rsa-2048.pub.pem"), "public key"),
        (twice.as_bytes(), "not a private key"),
        (cut.as_bytes(), "not a private key"),
        (flipped.as_bytes(), "neither"),
        (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", "neither"),
    ];
    for (pem, said) in cases {
        let error = scheme_of(pem).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        // Never what was given.
        assert!(!error.contains("MII"), "{error}");
    }
    assert_eq!(scheme_of(b"NhqPtmdSJYdKjVHj"), Ok(Scheme::HmacSha256));
}

#[test]
fn as_an_editor_leaves_it() {
    let text = String::from_utf8_lossy(data!("ed25519.pem")).replace('\n', "\r\n");
    assert_eq!(scheme_of(format!("\n {text}\r\n\r\n").as_bytes()), Ok(Scheme::Ed25519));
}

#[test]
fn a_generated_key_is_one() {
    let made = || generate(Scheme::Ed25519).unwrap();
    let (one, two) = (made(), made());
    assert_ne!(one.expose(), two.expose());
    assert_eq!(scheme_of(one.expose()), Ok(Scheme::Ed25519));
    let begin = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA";
    assert!(public_pem(one.expose()).unwrap().starts_with(begin));
    let rsa = generate(Scheme::Rsa).unwrap();
    assert_eq!(scheme_of(rsa.expose()), Ok(Scheme::Rsa));
    assert!(rsa.expose().split(|byte| *byte == b'\n').all(|line| line.len() <= 64));
    assert!(generate(Scheme::HmacSha256).is_err());
}
