//! Keys of every scheme and venue through the command line, against venues that
//! verify what was signed.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "test code")]

mod stack;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sim::binance::{ApiKey, Rights, Secret};
use stack::client::Client;
use stack::{Bot, Stack, Unseal};

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../vault/testdata");

fn pem(name: &str) -> String {
    std::fs::read_to_string(Path::new(TESTDATA).join(name)).unwrap_or_default()
}

fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap_or_default()
}

fn json(stack: &Stack, arguments: &[&str], unseal: Unseal, input: &str) -> (i32, Value) {
    let (code, value, _) = stack.run(arguments, unseal, input);
    (code, value)
}

/// A stack whose paper venue knows an Ed25519 key (raw) and an RSA key (DER).
fn stack() -> Stack {
    Stack::configured_with(|options| {
        let rights = Rights { spot_trade: true, ..Rights::READ };
        let key = |name: &str, secret| ApiKey { secret, ..ApiKey::hmac(name, "", rights) };
        let ed25519 = der(&pem("ed25519.pub.pem")).split_off(12);
        options.accounts[0].keys.push(key("edAtTheVenue", Secret::Ed25519(ed25519)));
        let rsa = der(&pem("rsa-4096.pub.pem"));
        options.accounts[0].keys.push(key("rsaAtTheVenue", Secret::Rsa(rsa)));
    })
}

/// The venue tells the rights of a key only where its signature is right.
#[test]
fn private_keys_are_added_and_audited() {
    let stack = stack();
    for (name, file, id, scheme) in [
        ("ed", "ed25519.pem", "edAtTheVenue", "ed25519"),
        ("rsa", "rsa-4096.pem", "rsaAtTheVenue", "rsa"),
    ] {
        let add = ["key", "add", "binance", name, "--class", "trade", "--market", "BTCUSDT"];
        let add = [&add[..], &["--secret-stdin", "--account", name]].concat();
        let input = format!("{id}\n{}", pem(file));
        let (code, told) =
            json(&stack, &[&add[..], &["--scheme", "hmac"]].concat(), Unseal::Yes, &input);
        assert_eq!(code, 2, "{told}");
        let added = stack.must(&add, Unseal::Yes, &input);
        assert_eq!(added["scheme"], scheme, "{added}");
        assert_eq!(added["rights_known"], true, "{added}");
    }
    for (file, said) in [
        ("rsa-1024.pem", "2048"),
        ("rsa-2048-pkcs1.pem", "PKCS#8"),
        ("ed25519-encrypted.pem", "passphrase"),
        ("ed25519.pub.pem", "public"),
    ] {
        let add = ["key", "add", "binance", "odd", "--class", "read", "--secret-stdin"];
        let (code, told) = json(&stack, &add, Unseal::Yes, &format!("id\n{}", pem(file)));
        let what = told["error"]["what"].as_str().unwrap_or_default();
        assert!(code == 2 && what.contains(said), "{told}");
    }
    // The right id with another key's signature.
    let add = ["key", "add", "binance", "wrong", "--class", "read", "--secret-stdin"];
    let input = format!("edAtTheVenue\n{}", pem("ed25519-vector.pem"));
    let (code, told) = json(&stack, &add, Unseal::Yes, &input);
    assert_eq!(code, 1, "{told}");
    let audit = stack.must(&["key", "audit"], Unseal::Yes, "");
    assert_eq!(audit["as_sealed"], true, "{audit}");
}

#[test]
fn a_generated_key_never_leaves_and_is_added_by_its_name() {
    let stack = stack();
    let made = stack.must(&["key", "generate", "binance", "made"], Unseal::Yes, "");
    let public = made["public_key"].as_str().unwrap_or_default().to_owned();
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{made}");
    assert!(!made.to_string().contains("PRIVATE"), "{made}");
    let again = stack.must(&["key", "generate", "binance", "made"], Unseal::Yes, "");
    assert_eq!(again["public_key"], public);
    let (code, told) = json(&stack, &["key", "generate", "woox", "w"], Unseal::Yes, "");
    assert_eq!(code, 2, "{told}");
    // The venue does not know it: nothing is sealed, and it is still there.
    let add = ["key", "add", "binance", "made", "--class", "read", "--generated", "--secret-stdin"];
    let (code, told) = json(&stack, &add, Unseal::Yes, "nobodyKnowsThis\n");
    assert_eq!(code, 1, "{told}");
    let again = stack.must(&["key", "generate", "binance", "made"], Unseal::Yes, "");
    assert_eq!(again["public_key"], public);
    let never = ["key", "add", "binance", "never", "--class", "read", "--generated"];
    let never = [&never[..], &["--secret-stdin"]].concat();
    let (code, told) = json(&stack, &never, Unseal::Yes, "id\n");
    assert_eq!(code, 1, "{told}");
    assert!(told["error"]["what"].as_str().is_some_and(|what| what.contains("never")), "{told}");
}

/// Real keys and virtual keys of every scheme in one run, and the log's own
/// check of it.
#[test]
fn bots_with_private_keys_trade_on_an_rsa_key() {
    let mut stack = stack();
    let add = ["key", "add", "binance", "rsa", "--class", "trade", "--market", "BTCUSDT"];
    let input = format!("rsaAtTheVenue\n{}", pem("rsa-4096.pem"));
    stack.must(&[&add[..], &["--secret-stdin"]].concat(), Unseal::Yes, &input);
    let preset = ["--preset", "market-maker", "--market", "BTCUSDT"];
    let bots: Vec<Bot> = ["ed25519", "rsa", "hmac"]
        .iter()
        .map(|scheme| stack.add_bot(scheme, &[&preset[..], &["--scheme", scheme]].concat()))
        .collect();
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status) = json(&stack, &["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    for bot in &bots {
        let mut client = Client::new(&stack.bot_url, bot);
        let ticker = client.try_send("GET", "/api/v3/ticker/price", "symbol=BTCUSDT", None);
        let ticker = ticker.unwrap().ok();
        let price: f64 = ticker.json["price"].as_str().unwrap().parse().unwrap();
        let price = format!("{:.2}", (price * 0.99).floor());
        for round in 0..3 {
            let id = format!("{}-{round}", bot.name);
            let order = [
                ("symbol", "BTCUSDT"),
                ("side", "BUY"),
                ("type", "LIMIT"),
                ("timeInForce", "GTC"),
                ("quantity", "0.001"),
                ("price", &price),
                ("newClientOrderId", &id),
            ];
            client.signed("POST", "/api/v3/order", &order).ok();
            client.get("/api/v3/openOrders", &[("symbol", "BTCUSDT")]).ok();
            let cancel = [("symbol", "BTCUSDT"), ("origClientOrderId", id.as_str())];
            client.signed("DELETE", "/api/v3/order", &cancel).ok();
        }
        // The same request again, and one that another bot signed.
        let text = client.sign(&[("symbol", "BTCUSDT"), ("origClientOrderId", "none")]);
        let send = |client: &mut Client, key: &str| {
            client.try_send("DELETE", "/api/v3/order", &text, Some(key)).unwrap()
        };
        assert_ne!(send(&mut client, &bot.api_key).code(), -1022);
        send(&mut client, &bot.api_key).refused(-1022);
        for other in bots.iter().filter(|other| other.name != bot.name) {
            send(&mut client, &other.api_key).refused(-1022);
        }
    }
    stack.verify();
}

/// WOO X in two answers: the list of keys for whoever signs for one of them,
/// and a price.
fn woox(permissions: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut first = String::new();
            let _ = reader.read_line(&mut first);
            let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut headers = std::collections::HashMap::new();
            loop {
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                headers.insert(name.to_lowercase(), value.to_owned());
            }
            let of = |name: &str| headers.get(name).cloned().unwrap_or_default();
            let text = format!("{}GET{target}", of("x-api-timestamp"));
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"secretOfWoox0123456789");
            let wanted = hex::encode(hmac::sign(&key, text.as_bytes()));
            let body = if target.starts_with("/v3/account/credentials") {
                if of("x-api-signature") == wanted && of("x-api-key") == "wooKeyOfTheVenue" {
                    format!(
                        "{{\"success\":true,\"data\":{{\"rows\":[{{\"apiKey\":\"another\",\
                         \"permissions\":[\"READ\",\"TRADE\",\"WITHDRAWAL\"]}},{{\"apiKey\":\
                         \"wooKeyOfTheVenue\",\"permissions\":{permissions}}}]}}}}"
                    )
                } else {
                    "{\"success\":false,\"code\":\"-1002\",\"message\":\"no\"}".to_owned()
                }
            } else {
                "{\"success\":true,\"data\":{\"asks\":[{\"price\":\"50000.5\"}],\"bids\":[]}}"
                    .to_owned()
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

fn with_woox(stack: &Stack, address: SocketAddr) {
    let path = stack.directory.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.split("\n[venue.woox]").next().unwrap_or_default();
    std::fs::write(&path, format!("{text}\n[venue.woox]\nbase_url = \"http://{address}\"\n"))
        .unwrap();
}

#[test]
fn a_key_of_woox_is_added_with_the_rights_that_the_venue_tells() {
    let stack = stack();
    with_woox(&stack, woox("[\"READ\",\"TRADE\"]"));
    let add = ["key", "add", "woox", "woo-trade", "--class", "trade", "--account", "woo"];
    let add = [&add[..], &["--market", "SPOT_BTC_USDT", "--secret-stdin"]].concat();
    let good = "wooKeyOfTheVenue\nsecretOfWoox0123456789\n";
    let (code, told) = json(&stack, &add, Unseal::Yes, "wooKeyOfTheVenue\nanotherSecret\n");
    assert!(code == 1 && told.to_string().contains("-1002"), "{told}");
    let private = format!("wooKeyOfTheVenue\n{}", pem("ed25519.pem"));
    let (code, told) = json(&stack, &add, Unseal::Yes, &private);
    assert!(code == 2 && told.to_string().contains("HMAC"), "{told}");
    let at_binance: Vec<&str> =
        add.iter().map(|word| if *word == "woo" { "main" } else { word }).collect();
    let (code, told) = json(&stack, &at_binance, Unseal::Yes, good);
    assert!(code == 2 && told.to_string().contains("is at `binance`"), "{told}");

    let added = stack.must(&add, Unseal::Yes, good);
    assert_eq!((&added["venue"], &added["rights_known"]), (&"woox".into(), &true.into()));
    let rights = added["rights"].to_string();
    assert!(rights.contains("trading") && !rights.contains("withdrawals"), "{added}");
    // 10,000 USD at 50,000.5, twice, rounded up.
    let ceiling = added["ceiling"].to_string();
    assert!(ceiling.contains("SPOT_BTC_USDT: at most 0.399998 base"), "{ceiling}");
    assert!(added["indistinguishable"].is_array(), "{added}");
    let written = std::fs::read_to_string(stack.directory.path().join("countersign.toml")).unwrap();
    assert!(written.contains("[account.woo]\nvenue = \"woox\""), "{written}");
}

#[test]
fn a_key_of_woox_that_may_withdraw_is_no_trade_key() {
    for permissions in ["[\"READ\",\"TRADE\",\"WITHDRAWAL\"]", "[\"READ\",\"EARN\"]", "null"] {
        let stack = stack();
        with_woox(&stack, woox(permissions));
        let add = ["key", "add", "woox", "woo-trade", "--class", "trade", "--account", "woo"];
        let add = [&add[..], &["--market", "SPOT_BTC_USDT", "--secret-stdin"]].concat();
        let good = "wooKeyOfTheVenue\nsecretOfWoox0123456789\n";
        let (code, told) = json(&stack, &add, Unseal::Yes, good);
        assert!(code == 1 && told.to_string().contains("withdrawals"), "{permissions}: {told}");
        let listed = stack.must(&["key", "list"], Unseal::Yes, "");
        assert!(!listed.to_string().contains("woo-trade"), "nothing stays: {listed}");
    }
}
