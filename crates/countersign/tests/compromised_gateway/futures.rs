//! Futures: what a text could place there is charged there, whatever the
//! gateway says it is for, and wherever it is cut.

use serde_json::Value;
use vault::protocol::RefusalCode;
use wire::model::{Decimal, Effect};

use crate::signer::{Signer, both_key, decimal, futures_key, market, now_ms};

fn timed(text: &str) -> String {
    format!("{text}&timestamp={}", now_ms())
}

/// Percent-encoded as the signer wants it.
fn encoded(json: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    json.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn element(symbol: &str, quantity: &str, id: &str) -> String {
    format!(
        r#"{{"symbol":"{symbol}","side":"BUY","type":"MARKET","quantity":"{quantity}","newClientOrderId":"{id}"}}"#
    )
}

fn batch(elements: &[String]) -> String {
    timed(&format!("batchOrders={}", encoded(&format!("[{}]", elements.join(",")))))
}

const ORDER: &str = "symbol=BTCUSDT&side=BUY&type=MARKET&newClientOrderId=a&quantity=";

/// A text that could be an order on spot or on futures is charged in both
/// markets; one market in the ceiling does not stand for the other.
pub(crate) fn never_charged_as_spot() {
    let spot_only = both_key(vec![market("BTCUSDT", "5", "100")]);
    let mut signer =
        Signer::with(vec![spot_only, futures_key(vec![market("UM/BTCUSDT", "1", "3")])]);
    let mut gateway = signer.gateway();
    let (both, futures) = (gateway.handle("both"), gateway.handle("futures"));
    for quantity in ["0.001", "1", "5"] {
        let found = gateway.refused(both, &timed(&format!("{ORDER}{quantity}")));
        assert_eq!(found, RefusalCode::Ceiling, "{quantity}");
    }
    // Cancels of either host pass.
    for text in ["symbol=BTCUSDT&orderId=5", "symbol=BTCUSDT", "algoId=5&symbol=BTCUSDT"] {
        let signed = gateway.sign(both, &timed(text)).unwrap();
        assert!(signed.meaning <= Effect::HarmlessSetting, "{text}");
    }
    gateway.sign(futures, &timed(&format!("{ORDER}1"))).unwrap();
    assert_eq!(gateway.refused(futures, &timed(&format!("{ORDER}1.001"))), RefusalCode::Ceiling);
    let found = gateway
        .refused(futures, &timed(&ORDER.replace("BTC", "ETH").replace("quantity=", "quantity=1")));
    assert_eq!(found, RefusalCode::Ceiling, "a market that is not listed");
    // Two more fill the hour; signed as orders of the futures market.
    gateway.sign(futures, &timed(&format!("{ORDER}1"))).unwrap();
    gateway.sign(futures, &timed(&format!("{ORDER}1"))).unwrap();
    assert_eq!(gateway.refused(futures, &timed(&format!("{ORDER}0.001"))), RefusalCode::Window);
    let charges: Vec<String> = signer
        .signed_log()
        .into_iter()
        .filter(|line| line[4] == "order")
        .map(|line| line[7].clone())
        .collect();
    assert_eq!(charges, ["order:UM/BTCUSDT:1:0"; 3]);
}

/// What a restart reads back is what was charged.
pub(crate) fn charged_again_after_a_restart() {
    let mut signer = Signer::with(vec![futures_key(vec![market("UM/BTCUSDT", "1", "2")])]);
    let mut gateway = signer.gateway();
    let futures = gateway.handle("futures");
    gateway.sign(futures, &timed(&format!("{ORDER}1"))).unwrap();
    gateway.sign(futures, &timed(&format!("{ORDER}0.5"))).unwrap();
    signer.stop();
    signer.start();
    let mut gateway = signer.gateway();
    gateway.show_none();
    let futures = gateway.handle("futures");
    let found = gateway.refused(futures, &timed(&format!("{ORDER}0.6")));
    assert!(matches!(found, RefusalCode::Window | RefusalCode::StateSpent), "{found:?}");
}

/// Each order of a batch is held against the ceiling, and their sum.
pub(crate) fn each_order_of_a_batch() {
    let markets = vec![market("UM/BTCUSDT", "1", "6"), market("UM/ETHUSDT", "10", "100")];
    let mut signer = Signer::with(vec![futures_key(markets)]);
    let mut gateway = signer.gateway();
    let key = gateway.handle("futures");
    let five: Vec<String> = (0..5).map(|at| element("BTCUSDT", "1", &format!("a{at}"))).collect();
    gateway.sign(key, &batch(&five)).unwrap();
    assert_eq!(gateway.refused(key, &batch(&five)), RefusalCode::Window);
    let good = element("ETHUSDT", "1", "g");
    for (bad, expected) in [
        (element("ETHUSDT", "10.1", "b"), RefusalCode::Ceiling),
        (element("XRPUSDT", "1", "b"), RefusalCode::Ceiling),
        (element("ETHUSDT", "1e1", "b"), RefusalCode::Ceiling),
        (element("ETHUSDT", "1", ""), RefusalCode::Ceiling),
        (
            element("ETHUSDT", "1", "b").replace(r#","newClientOrderId":"b""#, ""),
            RefusalCode::NoClientOrderId,
        ),
        (element("ETHUSDT", "1", "b").replace("quantity", "Quantity"), RefusalCode::Ceiling),
        (
            element("ETHUSDT", "1", "b").replace(r#""side":"BUY""#, r#""closePosition":true"#),
            RefusalCode::Ceiling,
        ),
        (element("ETHUSDT", "1", "b").replace("}", r#","quantity":"9"}"#), RefusalCode::Ceiling),
        (format!(" {}", element("ETHUSDT", "1", "b")), RefusalCode::Ceiling),
        (r#""x""#.to_owned(), RefusalCode::Ceiling),
    ] {
        let found = gateway.refused(key, &batch(&[good.clone(), bad.clone()]));
        assert_eq!(found, expected, "{bad}");
    }
    let closes = "symbol=ETHUSDT&side=SELL&type=STOP_MARKET&stopPrice=5&newClientOrderId=c";
    for flag in ["closePosition=true", "closePosition=TRUE"] {
        let found = gateway.refused(key, &timed(&format!("{closes}&{flag}")));
        assert_eq!(found, RefusalCode::Ceiling, "{flag}");
    }
    // Settings of the account need a grant that no trade key has.
    for text in [
        "symbol=ETHUSDT&leverage=1",
        "symbol=ETHUSDT&marginType=CROSSED",
        "dualSidePosition=true",
        "symbol=ETHUSDT&amount=1&type=1",
        "symbol=ETHUSDT&countdownTime=0",
    ] {
        assert_eq!(gateway.refused(key, &timed(text)), RefusalCode::EffectNotAllowed, "{text}");
    }
}

/// Whatever comes out where a signed text is cut, a lenient reader finds no
/// larger orders in it than were charged.
pub(crate) fn no_cut_places_more() {
    let markets =
        vec![market("UM/BTCUSDT", "100", "1000000"), market("UM/ETHUSDT", "100", "1000000")];
    let mut signer = Signer::with(vec![futures_key(markets)]);
    let mut gateway = signer.gateway();
    let key = gateway.handle("futures");
    let texts = [
        timed(&format!("{ORDER}12.5")),
        timed("symbol=BTCUSDT&side=SELL&quantity=17&price=30000&orderId=5"),
        timed(
            "algoType=CONDITIONAL&symbol=ETHUSDT&side=SELL&type=STOP_MARKET&quantity=31&triggerPrice=5&clientAlgoId=c&reduceOnly=true",
        ),
        batch(&[
            element("BTCUSDT", "12", "a"),
            element("ETHUSDT", "99", "b"),
            element("BTCUSDT", "1.5", "c"),
        ]),
        timed(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=44&price=99999&newClientOrderId=77",
        ),
    ];
    let mut cuts = 0;
    for text in &texts {
        let signed = gateway.sign(key, text).unwrap();
        let text = String::from_utf8(signed.text).unwrap();
        let charged = signer_charge(&signer);
        for at in 0..=text.len() {
            let (query, body) = text.split_at(at);
            let placed = placed(query) + placed(body) + placed_together(query, body);
            // The parts are no separate requests, so that their sum is more
            // than any reader could find.
            assert!(placed_together(query, body) <= charged, "{query} / {body}");
            cuts += usize::from(placed > Decimal::ZERO);
        }
        gateway = signer.gateway();
    }
    assert!(cuts > 100, "{cuts}");
    println!("  {cuts} cuts in which orders were found, none larger than what was charged");
}

/// The base of the newest order in the signer's log.
fn signer_charge(signer: &Signer) -> Decimal {
    let log = signer.signed_log();
    let charge = &log.iter().rev().find(|line| line[4] == "order").unwrap()[7];
    charge.split(';').map(|word| decimal(word.split(':').nth(2).unwrap())).sum()
}

fn placed(part: &str) -> Decimal {
    placed_together(part, "")
}

/// Base that a lenient venue could find in query and body together: names
/// without case, the last of several, JSON as a common library reads it.
fn placed_together(query: &str, body: &str) -> Decimal {
    let mut quantity = None;
    let mut batch = Decimal::ZERO;
    for pair in query.split('&').chain(body.split('&')) {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = form_decoded(value);
        match name.to_ascii_lowercase().as_str() {
            "quantity" => quantity = value.parse::<Decimal>().ok().max(quantity),
            "batchorders" | "orders" => {
                let Ok(Value::Array(elements)) = serde_json::from_str(&value) else { continue };
                batch += elements.iter().filter_map(base_of).sum::<Decimal>();
            }
            _ => {}
        }
    }
    quantity.unwrap_or_default() + batch
}

fn base_of(element: &Value) -> Option<Decimal> {
    let members = element.as_object()?;
    let (_, value) = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("quantity"))?;
    value.as_str().map_or_else(|| value.to_string().parse().ok(), |text| text.parse().ok())
}

fn form_decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, digits.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
