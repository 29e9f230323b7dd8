//! Ed25519 and RSA keys under attack: the same judgement as with HMAC, whatever
//! is asked; the venue takes what is signed; and no session is to be had.

use sim::binance::{Account, ApiKey, PaperOptions, PaperVenue, Rights as VenueRights, Secret};
use vault::ceiling::Ceiling;
use vault::memory::Secret as VaultSecret;
use vault::protocol::control::Scheme;
use vault::protocol::{KeyClass, RefusalCode, Surface};
use vault::store::NewKey;

use crate::matrix::client_texts;
use crate::signer::{READ_RIGHTS, Signer, now_ms, wide_trade_key};
use crate::venue::Client;

const ED25519: &str = include_str!("../../../vault/testdata/ed25519.pem");
const RSA: &str = include_str!("../../../vault/testdata/rsa-2048.pem");
const KINDS: [(&str, Scheme, &str); 2] =
    [("ed", Scheme::Ed25519, ED25519), ("rsa", Scheme::Rsa, RSA)];

fn with(name: &str, scheme: Scheme, pem: &str, key: NewKey) -> NewKey {
    NewKey {
        name: name.to_owned(),
        api_key: format!("{name}KeyOfTheVenue"),
        scheme,
        secret: VaultSecret::new(pem.as_bytes().to_vec()),
        ..key
    }
}

fn signer() -> Signer {
    let mut keys = vec![wide_trade_key()];
    for (name, scheme, pem) in KINDS {
        keys.push(with(name, scheme, pem, wide_trade_key()));
        let mut read = with(&format!("{name}-read"), scheme, pem, wide_trade_key());
        read.rights = READ_RIGHTS;
        read.ceiling = Ceiling::closed(KeyClass::Read);
        keys.push(read);
    }
    Signer::with(keys)
}

/// What the clients send, what is worse, and nonsense.
fn texts() -> Vec<String> {
    let now = now_ms();
    let mut texts: Vec<String> = client_texts().into_iter().map(|text| text.text).collect();
    for more in [
        format!("coin=USDT&network=ETH&address=0xaa&amount=1&withdrawOrderId=w&timestamp={now}"),
        format!("type=MAIN_UMFUTURE&asset=USDT&amount=1&timestamp={now}"),
        format!("symbol=XRPUSDT&side=BUY&type=LIMIT&quantity=1&newClientOrderId=a&timestamp={now}"),
        format!("symbol=BTCUSDT&symbol=BTCUSDT&timestamp={now}"),
        format!("timestamp={now}&signature=00"),
        String::new(),
    ] {
        texts.push(more);
    }
    texts
}

pub(crate) fn are_judged_alike() {
    let mut signer = signer();
    let mut gateway = signer.gateway();
    gateway.show_none();
    let texts = texts();
    let told = |gateway: &mut crate::signer::Gateway, name: &str| {
        let key = gateway.handle(name);
        let verdicts = gateway.sign_many(key, &texts);
        let plain = verdicts.into_iter().map(|verdict| match verdict {
            Ok(signed) => Ok((signed.meaning, signed.signature.len())),
            Err(refusal) => Err(refusal.code),
        });
        plain.collect::<Vec<_>>()
    };
    let hmac = told(&mut gateway, "trade");
    let signed = hmac.iter().filter(|one| one.is_ok()).count();
    assert!(signed > 100 && signed < hmac.len(), "{signed} of {}", hmac.len());
    for (name, length) in [("ed", 88), ("rsa", 344)] {
        let mut busy = 0;
        for ((text, one), other) in texts.iter().zip(&hmac).zip(told(&mut gateway, name)) {
            match (one, other) {
                // More at once than may wait for RSA: never more than that.
                (Ok(_), Err(RefusalCode::Busy)) => busy += 1,
                (Ok((meaning, _)), Ok(found)) => assert_eq!((*meaning, length), found, "{text}"),
                (one, other) => assert_eq!(one.is_err(), other.is_err(), "{name}: {text}"),
            }
        }
        assert!(name == "rsa" || busy == 0);
        println!("  {name}: as HMAC on {} texts ({busy} came again later)", texts.len());
    }
}

/// Any spelling of a logon, by a key that could trade with the session.
pub(crate) fn log_no_session_on() {
    let mut signer = signer();
    let mut gateway = signer.gateway();
    gateway.show_none();
    let now = now_ms();
    let logons = [
        format!("apiKey=edKeyOfTheVenue&timestamp={now}"),
        format!("apiKey=anything&timestamp={now}"),
        format!("apiKey=edKeyOfTheVenue&recvWindow=5000&timestamp={now}"),
        format!("APIKEY=edKeyOfTheVenue&timestamp={now}"),
        format!("timestamp={now}&apikey=edKeyOfTheVenue"),
    ];
    for (name, _, _) in KINDS {
        let key = gateway.handle(name);
        for text in &logons {
            for surface in [Surface::Rest, Surface::WebSocket] {
                let ask = vault::protocol::SignAsk { surface, ..gateway.sign_ask(key, text) };
                let refusal = gateway.sign_it(ask).expect_err(text);
                assert!(
                    matches!(refusal.code, RefusalCode::Logon | RefusalCode::NotCanonical),
                    "{text}: {refusal}"
                );
            }
        }
        // A session of a key that only reads does nothing that reads do not.
        let key = gateway.handle(&format!("{name}-read"));
        gateway.sign(key, &logons[0]).unwrap();
    }
}

/// The paper venue verifies with the public keys alone.
pub(crate) fn are_taken_by_the_venue() {
    let public = |pem: &str| {
        let text = vault::private_key::public_pem(pem.as_bytes()).unwrap();
        let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).unwrap()
    };
    let rights = VenueRights { spot_trade: true, ..VenueRights::READ };
    let key = |name: &str, secret| ApiKey { secret, ..ApiKey::hmac(name, "", rights) };
    // The key itself stands at the end of what describes it.
    let ed25519 = public(ED25519).split_off(12);
    let keys = vec![
        key("edKeyOfTheVenue", Secret::Ed25519(ed25519)),
        key("rsaKeyOfTheVenue", Secret::Rsa(public(RSA))),
    ];
    let account = Account {
        keys,
        balances: [("USDT".to_owned(), wire::model::Decimal::from(1_000_000))].into(),
        funding: Vec::new(),
        futures: Vec::new(),
    };
    let options = PaperOptions { accounts: vec![account], ..PaperOptions::default() };
    let venue = PaperVenue::spawn_blocking(options).unwrap();
    let mut client = Client::new(&venue);
    let mut signer = signer();
    let mut gateway = signer.gateway();
    gateway.show_none();
    for (name, _, _) in KINDS {
        let key = gateway.handle(name);
        for (method, path, text) in [
            ("GET", "/api/v3/account", String::new()),
            (
                "POST",
                "/api/v3/order",
                "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=30000&\
                 newClientOrderId=a&"
                    .replace("=a&", &format!("=a-{name}&")),
            ),
        ] {
            let signed = gateway.sign(key, &format!("{text}timestamp={}", now_ms())).unwrap();
            let text = String::from_utf8(signed.text).unwrap();
            let bare = &signed.signature;
            let encoded = bare.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            let sent = format!("{text}&signature={encoded}");
            let id = format!("{name}KeyOfTheVenue");
            let answer = client.send(method, path, &id, &sent, "");
            assert_eq!(answer.status, 200, "{name} {path}: {}", answer.body);
            // The other key's holder cannot have made it.
            let other = if name == "ed" { "rsaKeyOfTheVenue" } else { "edKeyOfTheVenue" };
            assert_eq!(client.send(method, path, other, &sent, "").code(), -1022);
        }
    }
}
