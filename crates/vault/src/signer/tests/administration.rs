use crypto_box::PublicKey;
use crypto_box::aead::OsRng;

use super::*;
use crate::client::ControlClient;
use crate::protocol::control::ConnectionKind;

fn boxed(bench: &mut Bench, name: &str, secret: &[u8]) -> BoxedKey {
    let ControlAnswer::BoxKey(public) = bench.control(ControlAsk::BoxKey) else { panic!() };
    BoxedKey {
        name: name.into(),
        account: "main".into(),
        venue: "binance".into(),
        api_key: "k".into(),
        class: KeyClass::Trade,
        scheme: Scheme::HmacSha256,
        rights: trading(),
        rights_known: true,
        hosts: vec![],
        accept_wide_rights: false,
        ceiling: trade_ceiling().encode().unwrap(),
        sealed_secret: PublicKey::from(public).seal(&mut OsRng, secret).unwrap(),
    }
}

#[test]
fn a_key_is_added_in_a_box_and_used_at_once() {
    let mut bench = Bench::new();
    let key = boxed(&mut bench, "second", b"othersecret");
    let ControlAnswer::Key(info) = bench.control(ControlAsk::AddKey(key.clone())) else { panic!() };
    let signed = bench.sign(info.handle, Effect::Order, &order("BTCUSDT", "1")).unwrap();
    let check = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"othersecret");
    assert_eq!(signed.signature, hex::encode(aws_lc_rs::hmac::sign(&check, &signed.text)));
    let again = bench.control(ControlAsk::AddKey(key));
    assert!(matches!(again, ControlAnswer::Error(_)), "the name is taken");
    // It is there after a restart, and gone when removed.
    let mut bench = bench.restart();
    let ControlAnswer::Keys(keys) = bench.control(ControlAsk::Keys) else { panic!() };
    assert_eq!(keys.len(), 4);
    let handle = keys.iter().find(|key| key.name == "second").unwrap().handle;
    assert_eq!(bench.control(ControlAsk::RemoveKey { name: "second".into() }), ControlAnswer::Ok);
    assert_eq!(bench.refused(handle, Effect::Read, "symbol=BTCUSDT"), RefusalCode::UnknownKey);
    let ControlAnswer::Keys(keys) = bench.control(ControlAsk::Keys) else { panic!() };
    assert_eq!(keys.len(), 3);
}

#[test]
fn a_box_for_another_signer_or_a_false_ceiling_is_refused() {
    let mut bench = Bench::new();
    let stale = boxed(&mut bench, "second", b"x");
    let mut bench = bench.restart();
    let answer = bench.control(ControlAsk::AddKey(stale));
    assert!(matches!(&answer, ControlAnswer::Error(error) if error.detail.contains("box")));
    for change in [
        (|key: &mut BoxedKey| key.class = KeyClass::Read) as fn(&mut BoxedKey),
        |key| key.ceiling = vec![0; 3],
        |key| key.rights = trading().with(Right::UniversalTransfer),
        |key| key.sealed_secret.truncate(40),
    ] {
        let mut key = boxed(&mut bench, "third", b"x");
        change(&mut key);
        let answer = bench.control(ControlAsk::AddKey(key));
        assert!(matches!(answer, ControlAnswer::Error(_)), "{answer:?}");
    }
}

/// The control connection itself, with a descriptor handed over it.
#[test]
fn a_connection_is_handed_over_and_the_end_is_orderly() {
    let bench = Bench::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let core = Arc::clone(&bench.core);
    let served = std::thread::spawn(move || {
        let mut connections = Connections::new(Arc::clone(&core), Wait::Block);
        control::serve(OwnedFd::from(theirs), &core, &mut connections)
    });
    let mut control = ControlClient::new(ours, Duration::from_secs(20)).unwrap();
    assert_eq!(control.ask(&ControlAsk::Ping).unwrap(), ControlAnswer::Ok);
    let (gateway_end, signer_end) = UnixStream::pair().unwrap();
    use std::os::fd::AsFd;
    let answer = control.connect(ConnectionKind::CancelAll, signer_end.as_fd()).unwrap();
    assert_eq!(answer, ControlAnswer::Ok);
    drop(signer_end);
    let mut client = SignerClient::new(gateway_end, Duration::from_secs(20)).unwrap();
    let ask = |text: &str, claim| {
        Ask::Sign(bench.want(TRADE, claim, &format!("{text}&timestamp={START}")))
    };
    outcome(client.ask_one(ask("symbol=BTCUSDT", Effect::Cancel)).unwrap()).unwrap();
    let refusal =
        outcome(client.ask_one(ask(&order("BTCUSDT", "1"), Effect::Order)).unwrap()).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::CancelOnly);
    let without = control.ask(&ControlAsk::Connect(ConnectionKind::Gateway)).unwrap();
    assert!(matches!(without, ControlAnswer::Error(_)), "no descriptor came");
    assert_eq!(control.ask(&ControlAsk::Shutdown).unwrap(), ControlAnswer::Ok);
    served.join().unwrap().unwrap();
    assert!(client.ask_one(Ask::Status).is_err(), "closed with the signer");
}
