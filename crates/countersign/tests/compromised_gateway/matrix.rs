//! Every text that real client libraries send is signed, where it may be.

use std::collections::BTreeMap;
use std::path::Path;

use wire::model::Effect;
use wire::venue::binance::{RawRequest, Security, ids, read, receive, text_to_sign};

use crate::signer::{Gateway, Signer, read_key, wide_futures_key, wide_trade_key};
use crate::venue;

/// A text as the gateway would ask for it.
pub(crate) struct ClientText {
    pub(crate) name: String,
    pub(crate) effect: Effect,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) text: String,
}

/// The signed requests of the recorded clients that the gateway lets through,
/// and the texts of those that it refuses.
pub(crate) fn client_texts() -> Vec<ClientText> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/testdata/binance");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if file.starts_with("client-") {
            let content = std::fs::read_to_string(&path).unwrap();
            texts.extend(content.split("\n\n").filter_map(|block| client_text(&file, block)));
        }
    }
    texts
}

fn client_text(file: &str, block: &str) -> Option<ClientText> {
    let fields: BTreeMap<&str, &str> = block
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .collect();
    let (method, path) = fields.get("request")?.split_once(' ')?;
    if !fields.get("expect")?.starts_with("accept") {
        return None;
    }
    let raw = RawRequest {
        method,
        path,
        query: fields.get("query").copied(),
        body: fields.get("body").copied().unwrap_or_default().as_bytes(),
        content_type: fields.get("content-type").copied(),
    };
    let received = receive(&raw).unwrap();
    if received.security != Security::Signed {
        return None;
    }
    let intent = read(&received).unwrap();
    let given: Vec<_> = ids::missing(received.endpoint, &received.params)
        .enumerate()
        .map(|(at, name)| (name, format!("given-{at}")))
        .collect();
    let given: Vec<_> = given.iter().map(|(name, id)| (*name, id.as_str())).collect();
    let text = text_to_sign(&received, &intent, &given).unwrap();
    Some(ClientText {
        name: format!("{file} {}", fields["name"]),
        effect: received.endpoint.effect,
        method: received.endpoint.method,
        path: received.endpoint.path,
        text: at_host_time(&text.canonical()),
    })
}

/// The recorded text with a timestamp of now, as the bot would send it.
fn at_host_time(text: &str) -> String {
    let now = format!("timestamp={}", crate::signer::now_ms());
    let pair =
        |pair: &str| if pair.starts_with("timestamp=") { now.clone() } else { pair.to_owned() };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

pub(crate) fn every_text_is_signed() {
    let mut both = Signer::with(vec![read_key(), wide_trade_key(), wide_futures_key()]);
    let mut alone = Signer::with(vec![wide_trade_key()]);
    let mut gateway = both.gateway();
    let (reads, trades) = (gateway.handle("read"), gateway.handle("trade"));
    let futures = gateway.handle("futures");
    let mut gateway_alone = alone.gateway();
    let trades_alone = gateway_alone.handle("trade");
    let (mut under_read, mut under_trade, mut under_futures) = (0, 0, 0);
    let texts = client_texts();
    let mut refused = 0;
    for text in &texts {
        // A single `asset` is also what moves value at other endpoints, which
        // is why this read is refused; the balance of all assets is signed.
        let indistinguishable = text.name.ends_with(" user asset");
        // A position is of a size that the signer cannot know.
        let closes = text.text.contains("closePosition=true");
        if text.effect > Effect::Order || indistinguishable || closes {
            for (gateway, key) in [(&mut gateway, trades), (&mut gateway_alone, trades_alone)] {
                let mut ask = gateway.sign_ask(key, &text.text);
                ask.claim = text.effect;
                assert!(gateway.sign_it(ask).is_err(), "{}", text.name);
            }
            refused += 1;
            continue;
        }
        if text.path.starts_with("/fapi/") {
            check(&mut gateway, futures, text, venue::FUTURES);
            under_futures += 1;
            // The key of the other product can only read there.
            if text.effect > Effect::Read {
                continue;
            }
        }
        if text.effect == Effect::Read {
            check(&mut gateway, reads, text, venue::READ);
            under_read += 1;
        }
        check(&mut gateway, trades, text, venue::TRADE);
        check(&mut gateway_alone, trades_alone, text, venue::TRADE);
        under_trade += 1;
    }
    let kinds = |effect| texts.iter().filter(|text| text.effect == effect).count();
    println!(
        "  {under_trade} texts ({} reads, {} cancels, {} orders) under a trade key beside a read key and alone; \
         {under_futures} under a futures key; {under_read} under the read key; {refused} withdrawals, transfers and the like refused",
        kinds(Effect::Read),
        kinds(Effect::Cancel),
        kinds(Effect::Order),
    );
    assert!(kinds(Effect::Read) > 20 && kinds(Effect::Cancel) > 5 && kinds(Effect::Order) > 10);
}

fn check(
    gateway: &mut Gateway,
    key: vault::protocol::KeyHandle,
    text: &ClientText,
    (_, secret): (&str, &str),
) {
    let mut ask = gateway.sign_ask(key, &text.text);
    ask.claim = text.effect;
    match gateway.sign_it(ask) {
        Ok(signed) => {
            assert!(signed.meaning >= text.effect, "{}", text.name);
            // What was asked, with the signer's times and nothing else changed.
            let strip = |text: &str| -> Vec<String> {
                let times = |pair: &&str| {
                    !pair.starts_with("timestamp=") && !pair.starts_with("recvWindow=")
                };
                text.split('&').filter(times).map(str::to_owned).collect()
            };
            let signed_text = String::from_utf8(signed.text.clone()).unwrap();
            assert_eq!(strip(&signed_text), strip(&text.text), "{}", text.name);
            // Checked by the venue's own reading.
            let secret = sim::binance::Secret::Hmac(secret.to_owned());
            assert!(
                sim::binance::signature::verify(&secret, &signed.text, &signed.signature),
                "{}",
                text.name
            );
        }
        Err(refusal) => {
            panic!("{}: {} {}: {refusal}: {}", text.name, text.method, text.path, text.text)
        }
    }
}
