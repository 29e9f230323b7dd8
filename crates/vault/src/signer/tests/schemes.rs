//! Keys of other schemes than HMAC: the same decisions, another signature, and
//! nobody waits for RSA.

use std::io::{Read as _, Write as _};

use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::limits::SLOW_WAITING;
use crate::protocol::{LENGTH_BYTES, decode_answers, encode_asks, frame_length};

const ED25519_PEM: &[u8] = include_bytes!("../../../testdata/ed25519.pem");
const RSA_2048_PEM: &[u8] = include_bytes!("../../../testdata/rsa-2048.pem");
const RSA_4096_PEM: &[u8] = include_bytes!("../../../testdata/rsa-4096.pem");

/// Handles, in the order of names.
const ED: KeyHandle = KeyHandle(0);
const HMAC: KeyHandle = KeyHandle(1);
const RSA: KeyHandle = KeyHandle(2);
const SHORT: KeyHandle = KeyHandle(3);

fn with(scheme: Scheme, pem: &[u8], key: NewKey) -> NewKey {
    NewKey { scheme, secret: Secret::new(pem.to_vec()), ..key }
}

fn bench() -> Bench {
    Bench::with(
        START,
        [
            with(Scheme::Ed25519, ED25519_PEM, new_key("a-ed", trading(), trade_ceiling())),
            new_key("b-hmac", trading(), trade_ceiling()),
            with(Scheme::Rsa, RSA_4096_PEM, new_key("c-rsa", trading(), trade_ceiling())),
            with(Scheme::Rsa, RSA_2048_PEM, new_key("d-rsa", trading(), trade_ceiling())),
        ],
    )
}

fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap()
}

#[test]
fn orders_are_signed_and_charged_by_every_scheme() {
    let mut bench = bench();
    let (ed, rsa) = (
        UnparsedPublicKey::new(&ED25519, der(include_str!("../../../testdata/ed25519.pub.pem"))),
        UnparsedPublicKey::new(
            &RSA_PKCS1_2048_8192_SHA256,
            der(include_str!("../../../testdata/rsa-4096.pub.pem")),
        ),
    );
    for key in [ED, HMAC, RSA, SHORT] {
        let signed = bench.sign(key, Effect::Order, &order("BTCUSDT", "1")).unwrap();
        assert_eq!(signed.timestamp_ms, START);
        let bytes = STANDARD.decode(&signed.signature).unwrap_or_default();
        match key {
            ED => ed.verify(&signed.text, &bytes).unwrap(),
            RSA => rsa.verify(&signed.text, &bytes).unwrap(),
            SHORT => assert_eq!(bytes.len(), 256),
            _ => assert_eq!(signed.signature.len(), 64),
        }
        // The ceiling is the same: five in an hour, one at once.
        assert_eq!(
            bench.refused(key, Effect::Order, &order("BTCUSDT", "1.1")),
            RefusalCode::Ceiling
        );
        for _ in 0..4 {
            bench.sign(key, Effect::Order, &order("BTCUSDT", "1")).unwrap();
        }
        assert_eq!(bench.refused(key, Effect::Order, &order("BTCUSDT", "1")), RefusalCode::Window);
    }
    let keys = match bench.ask(Ask::Keys) {
        Answer::Keys(keys) => keys,
        other => panic!("{other:?}"),
    };
    let schemes: Vec<Scheme> = keys.iter().map(|key| key.scheme).collect();
    assert_eq!(schemes, [Scheme::Ed25519, Scheme::HmacSha256, Scheme::Rsa, Scheme::Rsa]);
}

/// A key that can log on to a session trades there unseen.
#[test]
fn a_logon_is_signed_by_no_key_that_could_trade_with_it() {
    let mut bench = bench();
    let logon = "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    for (key, surface) in [
        (ED, Surface::Rest),
        (ED, Surface::WebSocket),
        (RSA, Surface::Rest),
        (RSA, Surface::WebSocket),
    ] {
        for claim in [Effect::Read, Effect::Order] {
            let mut ask = bench.want(key, claim, &format!("{logon}&timestamp={START}"));
            ask.surface = surface;
            let code = bench.sign_ask(ask).unwrap_err().code;
            assert!(matches!(code, RefusalCode::Logon | RefusalCode::ClaimMismatch), "{code:?}");
        }
    }
    bench.sign(HMAC, Effect::Read, logon).unwrap();
    // Without trading rights a session only reads, until the venue gives more.
    for (scheme, pem) in [(Scheme::Ed25519, ED25519_PEM), (Scheme::Rsa, RSA_2048_PEM)] {
        let read = with(scheme, pem, new_key("r", reading(), Ceiling::closed(KeyClass::Read)));
        let mut bench = Bench::with(START, [read]);
        bench.sign(KeyHandle(0), Effect::Read, logon).unwrap();
        bench.ok(Ask::Rights { key: KeyHandle(0), observed: trading() });
        assert_eq!(bench.refused(KeyHandle(0), Effect::Read, logon), RefusalCode::Logon);
    }
}

fn frame(bench: &Bench, key: KeyHandle, ids: std::ops::Range<u64>) -> Vec<u8> {
    let asks: Vec<Ask> = ids
        .map(|id| {
            let text = format!("symbol=BTCUSDT&timestamp={START}");
            Ask::Sign(SignAsk { id, ..bench.want(key, Effect::Read, &text) })
        })
        .collect();
    let mut frame = Vec::new();
    encode_asks(&asks, &mut frame).unwrap();
    frame
}

fn read_answers(stream: &mut UnixStream) -> Vec<Answer> {
    let mut header = [0; LENGTH_BYTES];
    stream.read_exact(&mut header).unwrap();
    let mut content = vec![0; frame_length(header, usize::MAX).unwrap()];
    stream.read_exact(&mut content).unwrap();
    decode_answers(&content).unwrap()
}

/// On the very connection that has asked for as many RSA signatures as it may:
/// what is quick to sign is answered among them, and each answer by its id.
#[test]
fn nobody_waits_for_rsa() {
    for wait in [Wait::Block, Wait::Poll] {
        let bench = bench();
        let mut connections = Connections::new(Arc::clone(&bench.core), wait);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        connections.open(OwnedFd::from(theirs), ConnectionKind::Gateway).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let slow = SLOW_WAITING as u64;
        let mut bytes = frame(&bench, RSA, 0..slow);
        bytes.extend(frame(&bench, HMAC, 1_000..1_001));
        bytes.extend(frame(&bench, ED, 2_000..2_001));
        ours.write_all(&bytes).unwrap();
        let told = read_answers(&mut ours);
        let later: Vec<Answer> = (0..slow).map(|id| Answer::Later { id }).collect();
        assert_eq!(told, later, "first all that were decided");
        let (mut late, mut quick, mut late_before) = (Vec::new(), Vec::new(), 0);
        while late.len() < SLOW_WAITING || quick.len() < 2 {
            for answer in read_answers(&mut ours) {
                let Answer::Signed(signed) = answer else { panic!("{answer:?}") };
                if signed.id >= 1_000 {
                    quick.push(signed.id);
                    late_before = late.len();
                } else {
                    late.push(signed);
                }
            }
        }
        assert_eq!(quick, [1_000, 2_000]);
        assert!(late_before < SLOW_WAITING / 2, "{wait:?}: {late_before} RSA signatures before");
        late.sort_by_key(|signed| signed.id);
        for (id, signed) in (0..).zip(&late) {
            assert_eq!(signed.id, id);
            // Decided in order, whenever it was signed.
            assert_eq!(signed.sequence, id + 1);
            assert_eq!(STANDARD.decode(&signed.signature).unwrap().len(), 512);
        }
    }
}

#[test]
fn one_more_than_may_wait_is_refused_uncharged_and_may_come_again() {
    for wait in [Wait::Block, Wait::Poll] {
        let bench = bench();
        let mut connections = Connections::new(Arc::clone(&bench.core), wait);
        let mut client = connect(&mut connections, ConnectionKind::Gateway);
        let asks = |count: u64| -> Vec<Ask> {
            let text = format!("{}&timestamp={START}", order("BTCUSDT", "0.01"));
            let ask = |id| SignAsk { id, ..bench.want(RSA, Effect::Order, &text) };
            (0..count).map(|id| Ask::Sign(ask(id))).collect()
        };
        let slow = SLOW_WAITING as u64;
        let answers = client.ask(&asks(slow + 2)).unwrap();
        let signed = answers.iter().filter(|one| matches!(one, Answer::Signed(_))).count();
        assert_eq!(signed, SLOW_WAITING);
        let Some(Answer::Refused { id, refusal }) = answers.last() else { panic!() };
        assert_eq!((*id, refusal.code, refusal.retry), (slow + 1, RefusalCode::Busy, true));
        let sequence = bench.core.lock().unwrap().status().sequence;
        assert_eq!(sequence, slow, "what was refused left no line");
        // All were sent, so there is room again.
        assert!(client.ask(&asks(3)).unwrap().iter().all(|one| matches!(one, Answer::Signed(_))));
    }
}

/// Who never reads what it asked for keeps no other connection waiting.
#[test]
fn a_deaf_connection_delays_no_other() {
    for wait in [Wait::Block, Wait::Poll] {
        let bench = bench();
        let mut connections = Connections::new(Arc::clone(&bench.core), wait);
        let (mut deaf, theirs) = UnixStream::pair().unwrap();
        connections.open(OwnedFd::from(theirs), ConnectionKind::Gateway).unwrap();
        deaf.set_nonblocking(true).unwrap();
        let asks = frame(&bench, SHORT, 0..200);
        for _ in 0..200 {
            let _ = deaf.write(&asks);
        }
        let mut client = connect(&mut connections, ConnectionKind::CancelAll);
        for id in 0..20 {
            let text = format!("symbol=BTCUSDT&timestamp={START}");
            let ask = SignAsk { id, ..bench.want(RSA, Effect::Read, &text) };
            outcome(client.ask_one(Ask::Sign(ask)).unwrap()).unwrap();
        }
        drop(deaf);
    }
}

#[test]
fn a_key_that_was_sealed_and_cannot_sign_says_so() {
    let mut bench = bench();
    bench.core.lock().unwrap().keys[usize::from(ED.0)].prepared =
        super::super::prepared::Prepared::new(Scheme::Ed25519, &Secret::new(b"x".to_vec()));
    let refusal = bench.sign(ED, Effect::Read, "").unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Scheme);
    assert!(refusal.detail.contains("a-ed"), "{refusal}");
}

/// The private half never leaves: what comes out is its public half, and the
/// key signs once the venue's id for it is there.
#[test]
fn a_generated_key_is_registered_and_added() {
    let mut bench = bench();
    let name = "main-made".to_owned();
    let mut generate = || match bench.control(ControlAsk::GenerateKey { name: name.clone() }) {
        ControlAnswer::PublicKey(pem) => pem,
        other => panic!("{other:?}"),
    };
    let public = generate();
    assert_eq!(generate(), public, "asked again it is the same");
    let key = |name: &str| BoxedKey {
        name: name.to_owned(),
        account: "main".to_owned(),
        venue: "binance".to_owned(),
        api_key: "id-of-the-venue".to_owned(),
        class: KeyClass::Trade,
        scheme: Scheme::Ed25519,
        rights: trading(),
        rights_known: true,
        hosts: Vec::new(),
        accept_wide_rights: false,
        ceiling: trade_ceiling().encode().unwrap(),
        sealed_secret: Vec::new(),
    };
    let missing = bench.control(ControlAsk::AddKey(key("never-made")));
    assert!(matches!(missing, ControlAnswer::Error(_)), "{missing:?}");
    let ControlAnswer::Key(added) = bench.control(ControlAsk::AddKey(key(&name))) else {
        panic!("not added")
    };
    let signed = bench.sign(added.handle, Effect::Order, &order("BTCUSDT", "1")).unwrap();
    UnparsedPublicKey::new(&ED25519, der(&public))
        .verify(&signed.text, &STANDARD.decode(&signed.signature).unwrap())
        .unwrap();
    assert_eq!(
        bench.control(ControlAsk::ForgetGenerated { name: name.clone() }),
        ControlAnswer::Ok
    );
    let again = bench.control(ControlAsk::GenerateKey { name });
    assert!(matches!(again, ControlAnswer::Error(_)), "the name is taken: {again:?}");
    for odd in ["../vault", "", "A"] {
        let answer = bench.control(ControlAsk::GenerateKey { name: odd.to_owned() });
        assert!(matches!(answer, ControlAnswer::Error(_)), "{odd}");
    }
}
