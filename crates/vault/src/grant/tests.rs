use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::testing::TestKey;
use super::*;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/grant").join(name);
    std::fs::read_to_string(path).unwrap()
}

pub(super) fn approval() -> Approval {
    Approval {
        content: Content {
            action: "POST /sapi/v1/capital/withdraw/apply".into(),
            venue: "binance".into(),
            account: "main".into(),
            principal: "treasury".into(),
            asset: "USDT".into(),
            amount: "2400.50".parse().unwrap(),
            network: "ETH".into(),
            address: "0x00000000000000000000000000000000000000aa".into(),
            memo: None,
            fee_payer: None,
        },
        id: GrantId::parse("00112233445566778899aabbccddeeff").unwrap(),
        issued_unix_ms: 1_700_000_000_000,
        expires_unix_ms: 1_700_086_400_000,
    }
}

#[test]
fn the_bytes_are_those_of_the_vector() {
    let bytes = approval().encode().unwrap();
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), file("approval"));
    let mut normal = approval();
    normal.content.amount = normal.content.amount.normalize();
    assert_eq!(Approval::decode(&bytes).unwrap(), normal);
    assert_eq!(
        hex::encode(approval().digest().unwrap()),
        // sha256sum testdata/grant/approval
        "d3d2100784ca3080352bedefee73380f9b5b0182bfa8496ce34d417332c6296f"
    );
}

#[test]
fn the_content_has_a_digest_of_its_own() {
    let digest = approval().content.digest().unwrap();
    let mut later = approval();
    later.id = GrantId([9; 16]);
    later.expires_unix_ms += 1;
    assert_eq!(later.content.digest().unwrap(), digest);
    assert_ne!(later.digest().unwrap(), approval().digest().unwrap());
}

#[test]
fn every_field_changes_the_bytes() {
    type Change = fn(&mut Approval);
    let changes: [Change; 14] = [
        |a| a.content.action.push('x'),
        |a| a.content.venue.push('x'),
        |a| a.content.account.push('x'),
        |a| a.content.principal.push('x'),
        |a| a.content.asset.push('x'),
        |a| a.content.amount += Decimal::ONE,
        |a| a.content.network.push('x'),
        |a| a.content.address.push('x'),
        |a| a.content.memo = Some("1".into()),
        |a| a.content.fee_payer = Some("sender".into()),
        |a| a.id = GrantId([1; 16]),
        |a| a.issued_unix_ms += 1,
        |a| a.expires_unix_ms += 1,
        |a| (a.content.memo, a.content.fee_payer) = (Some("no fee payer".into()), None),
    ];
    let mut seen = vec![approval().encode().unwrap()];
    for change in changes {
        let mut changed = approval();
        change(&mut changed);
        let bytes = changed.encode().unwrap();
        changed.content.amount = changed.content.amount.normalize();
        assert_eq!(Approval::decode(&bytes).unwrap(), changed);
        assert!(!seen.contains(&bytes));
        seen.push(bytes);
    }
}

#[test]
fn what_the_bytes_cannot_hold_is_refused() {
    type Change = fn(&mut Approval);
    let changes: [Change; 8] = [
        |a| a.content.address.clear(),
        |a| a.content.address.push('\n'),
        |a| a.content.memo = Some("1\nno fee payer".into()),
        |a| a.content.memo = Some(String::new()),
        |a| a.content.asset = "\u{420}USDT".into(),
        |a| a.content.principal = "x".repeat(VALUE_BYTES + 1),
        |a| a.expires_unix_ms = a.issued_unix_ms + GRANT_LIFE_MS + 1,
        |a| a.expires_unix_ms = a.issued_unix_ms,
    ];
    for (at, change) in changes.iter().enumerate() {
        let mut changed = approval();
        change(&mut changed);
        assert!(changed.encode().is_err(), "change {at}");
    }
}

#[test]
fn another_spelling_is_no_approval() {
    let text = file("approval");
    for (from, to) in [
        ("2400.5\n", "2400.50\n"),
        ("2400.5\n", "02400.5\n"),
        ("no memo\n", ""),
        ("no memo\n", "memo: \n"),
        ("no memo\n", "no memo\r\n"),
        ("venue: binance\naccount: main\n", "account: main\nvenue: binance\n"),
        ("aabbccddeeff", "AABBCCDDEEFF"),
        ("issued: 1", "issued: +1"),
        ("approval 1", "approval 2"),
        ("1700086400000\n", "1700086400000"),
        ("1700086400000\n", "1700086400000\n\n"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(Approval::decode(changed.as_bytes()).is_err(), "{from} -> {to}");
    }
}

/// The keys and signatures that `ssh-keygen` made, and those of hardware keys.
const KINDS: [&str; 6] =
    ["ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "ed25519-sk", "ecdsa-sk"];

fn key(kind: &str) -> ApproverKey {
    ApproverKey::parse(&file(&format!("{kind}.pub"))).unwrap()
}

#[test]
fn signatures_of_ssh_keygen_verify() {
    let bytes = file("approval").into_bytes();
    for kind in KINDS {
        let signature = file(&format!("{kind}.sig"));
        key(kind).verify(&signature, &bytes).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let mut other = bytes.clone();
        other[40] ^= 1;
        assert_eq!(key(kind).verify(&signature, &other), Err(SignatureError::Wrong), "{kind}");
        for another in KINDS.into_iter().filter(|another| *another != kind) {
            let verified = key(another).verify(&signature, &bytes);
            assert_eq!(verified, Err(SignatureError::Wrong), "{kind} by {another}");
        }
        let grant = Grant { approval: bytes.clone(), signature };
        assert_eq!(Grant::decode(&grant.encode().unwrap()).unwrap(), grant);
    }
}

#[test]
fn a_changed_signature_does_not_verify() {
    use base64::Engine as _;
    let bytes = file("approval").into_bytes();
    let standard = base64::engine::general_purpose::STANDARD;
    for kind in KINDS {
        let text = file(&format!("{kind}.sig"));
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let blob = standard.decode(body).unwrap();
        let mut refused = 0;
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            let encoded = standard.encode(changed);
            let lines: Vec<&str> = encoded
                .as_bytes()
                .chunks(70)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let pem = format!(
                "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
                lines.join("\n")
            );
            // Some lengths are not looked at; what is read is then the same.
            if parse_signature(&pem) != parse_signature(&text) {
                assert!(key(kind).verify(&pem, &bytes).is_err(), "{kind} byte {at}");
                refused += 1;
            }
        }
        assert!(refused + 12 >= blob.len(), "{kind}: {refused} of {}", blob.len());
    }
}

#[test]
fn signatures_for_something_else_are_refused() {
    let bytes = file("approval").into_bytes();
    let verify = |name: &str, by: &str| key(by).verify(&file(name), &bytes);
    assert_eq!(
        verify("ed25519-other-namespace.sig", "ed25519"),
        Err(SignatureError::Namespace(NAMESPACE))
    );
    assert_eq!(verify("ed25519-sk-untouched.sig", "ed25519-sk"), Err(SignatureError::Untouched));
    assert_eq!(verify("approval", "ed25519"), Err(SignatureError::Malformed));
    assert_eq!(ApproverKey::parse(&file("rsa.pub")), Err(KeyError::Kind));
    for line in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "x y z", &file("approval")] {
        assert_eq!(ApproverKey::parse(line), Err(KeyError::Malformed), "{line}");
    }
}

// What is signed here is what the real one signs and takes.
#[test]
fn the_real_ssh_keygen_agrees() {
    let run = |arguments: &[&str], input: &[u8]| {
        let child = Command::new("ssh-keygen")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: there is no ssh-keygen ({error})");
                return None;
            }
        };
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "ssh-keygen {arguments:?}");
        Some(String::from_utf8(output.stdout).unwrap())
    };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let bytes = approval().encode().unwrap();
    for kind in ["ed25519", "ecdsa"] {
        let private = path(kind);
        let Some(_) = run(&["-q", "-t", kind, "-N", "", "-f", &private], b"") else { return };
        let public = std::fs::read_to_string(format!("{private}.pub")).unwrap();
        let signature =
            run(&["-q", "-Y", "sign", "-n", NAMESPACE, "-f", &private], &bytes).unwrap();
        ApproverKey::parse(&public).unwrap().verify(&signature, &bytes).unwrap();
    }
    // And the other way round.
    let ours = TestKey::new(1);
    std::fs::write(path("allowed"), format!("a {}\n", ours.public().line())).unwrap();
    std::fs::write(path("signature"), ours.sign(&bytes)).unwrap();
    let (allowed, signature) = (path("allowed"), path("signature"));
    run(&["-Y", "verify", "-f", &allowed, "-I", "a", "-n", NAMESPACE, "-s", &signature], &bytes);
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Approval::decode(&bytes);
        let _ = Grant::decode(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = ApproverKey::parse(&text);
        let _ = TestKey::new(1).public().verify(&text, &bytes);
    }

    #[test]
    fn what_reads_has_one_spelling(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = file("approval").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(read) = Approval::decode(&bytes) {
            prop_assert_eq!(read.encode().unwrap(), bytes);
        }
    }
}
