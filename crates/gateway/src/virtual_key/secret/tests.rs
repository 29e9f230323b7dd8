use super::*;

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../../../vault/testdata/", $name))
    };
}

const TEXT: &[u8] = data!("text");

/// What `openssl` signed is a bot's; any other text, signature or key is not.
#[test]
fn signatures_of_openssl_are_verified() {
    let of = |pem: &[u8], signature: &[u8], scheme: &str| {
        let secret = VirtualSecret::public(pem).unwrap();
        assert_eq!(secret.scheme(), scheme);
        let text = std::str::from_utf8(signature).unwrap();
        let bytes = secret.decode(text).unwrap();
        assert!(verify(&secret, TEXT, &bytes), "{scheme}");
        assert!(!verify(&secret, &TEXT[1..], &bytes));
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(!verify(&secret, TEXT, &other), "{scheme} byte {at}");
        }
        for cut in [0, 1, bytes.len() - 1] {
            assert!(!verify(&secret, TEXT, &bytes[..cut]));
        }
        assert!(!verify(&secret, TEXT, &[&bytes[..], &[0]].concat()));
        bytes
    };
    let short = of(data!("rsa-2048.pub.pem"), data!("rsa-2048.signature"), "rsa");
    of(data!("rsa-4096.pub.pem"), data!("rsa-4096.signature"), "rsa");
    let ed = of(data!("ed25519.pub.pem"), data!("ed25519.signature"), "ed25519");
    let other = VirtualSecret::public(data!("rsa-4096.pub.pem")).unwrap();
    assert!(!verify(&other, TEXT, &short) && !verify(&other, TEXT, &ed));
}

/// S and S plus the group's order are the same number to a careless verifier:
/// then anybody could make a second signature of a text.
#[test]
fn a_signature_has_one_spelling() {
    let secret = VirtualSecret::public(data!("ed25519.pub.pem")).unwrap();
    let text = std::str::from_utf8(data!("ed25519.signature")).unwrap();
    let mut bytes = secret.decode(text).unwrap();
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0_u16;
    for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(!verify(&secret, TEXT, &bytes));
    for spelled in
        [format!("{text}="), text.trim_end_matches('=').to_owned(), text.replace('=', "A")]
    {
        let found = secret.decode(&spelled).is_some_and(|bytes| verify(&secret, TEXT, &bytes));
        assert!(!found, "{spelled}");
    }
}

/// Two signatures of one text are one use of it.
#[test]
fn the_text_marks_what_can_be_signed_twice() {
    let public = VirtualSecret::public(data!("ed25519.pub.pem")).unwrap();
    assert_eq!(public.mark(TEXT, &[1; 64]), public.mark(TEXT, &[2; 64]));
    assert_ne!(public.mark(TEXT, &[1; 64]), public.mark(&TEXT[1..], &[1; 64]));
    let hmac = VirtualSecret::hmac(b"secret");
    assert_eq!(hmac.mark(TEXT, &[1; 32]), [1; 32]);
}

#[test]
fn what_is_no_public_key_of_a_bot_is_refused() {
    let cases: [(&[u8], &str); 5] = [
        (data!("ed25519.pem"), "not a public key"),
        (data!("rsa-2048.pem"), "not a public key"),
        (b"", "not a public key"),
        (b"-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n", "neither"),
        (&[b'-'; 4_000], "not a public key"),
    ];
    for (pem, said) in cases {
        let error = public_key_scheme(pem).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(public_key_scheme(data!("ed25519.pub.pem")), Ok("ed25519"));
    let hmac = VirtualSecret::hmac(b"secret");
    assert_eq!(hmac.decode("00"), None);
    assert!(hmac.decode(&"0f".repeat(32)).is_some());
}
