//! What the signer refuses, and with which code.

use std::io::{Read, Write};

use vault::protocol::control::ConnectionKind;
use vault::protocol::{Answer, Ask, KeyHandle, RefusalCode, Surface};
use wire::model::{Effect, Right, Rights};

use crate::signer::{
    BESIDE_TRANSFERS, DESTINATION, Gateway, OUT_RIGHTS, Signer, decimal, market, now_ms, out_key,
    read_key, trade_key,
};

/// A limit order of `quantity`, with its id.
pub(crate) fn order(quantity: &str) -> String {
    format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price=60000\
         &newClientOrderId=order-1&timestamp={}",
        now_ms()
    )
}

fn timed(text: &str) -> String {
    format!("{text}&timestamp={}", now_ms())
}

/// At most 0.5 in one order, 2 in an hour, of BTCUSDT.
fn small() -> vault::store::NewKey {
    trade_key(vec![market("BTCUSDT", "0.5", "2")])
}

#[track_caller]
fn code(gateway: &mut Gateway, key: KeyHandle, text: &str, wanted: RefusalCode) {
    let found = gateway.refused(key, text);
    assert_eq!(found, wanted, "{text}");
}

pub(crate) fn each_with_its_code() {
    let mut signer = Signer::with(vec![read_key(), small()]);
    let mut gateway = signer.gateway();
    let (read, trade) = (gateway.handle("read"), gateway.handle("trade"));

    // Value out, transfer, borrow, convert, a sub-account's key: a key that
    // lacks the right at the venue cannot do it there, whoever asks; what it
    // could do with the text is signed as that, what no right holds back is
    // refused.
    let withdrawal = timed(&format!("coin=USDT&network=ETH&address={DESTINATION}&amount=5"));
    let mut claimed = gateway.sign_ask(trade, &withdrawal);
    claimed.claim = Effect::ValueOut;
    assert_eq!(gateway.sign_it(claimed).unwrap_err().code, RefusalCode::ClaimMismatch);
    let worse = [
        "asset=BTC",
        "type=MARGIN",
        "subUserEmail=a%40b.c&transferType=TO_SPOT&asset=USDT&amount=1",
        "email=a%40b.c",
        "fromAsset=BTC&toAsset=USDT&fromAmount=1",
        "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newClientOrderId=a&sideEffectType=MARGIN_BUY",
        "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newClientOrderId=a&sideEffectType=",
    ];
    let mut refused = 0;
    for text in worse {
        let text = timed(text);
        if text.contains("sideEffectType=&") {
            code(&mut gateway, trade, &text, RefusalCode::NotCanonical);
        } else {
            code(&mut gateway, trade, &text, RefusalCode::EffectNotAllowed);
            refused += 1;
        }
    }

    // Nothing but a withdrawal takes grants.
    let mut granted = gateway.sign_ask(trade, &order("0.1"));
    granted.grants = vec![b"approved by nobody".to_vec()];
    assert_eq!(gateway.sign_it(granted).unwrap_err().code, RefusalCode::GrantRefused);
    let mut empty = gateway.sign_ask(read, &timed("symbol=BTCUSDT"));
    empty.grants = vec![Vec::new()];
    assert_eq!(gateway.sign_it(empty).unwrap_err().code, RefusalCode::GrantRefused);

    times(&mut gateway, read, trade);
    spellings(&mut gateway, trade);
    standing(&mut signer, &mut gateway, read, trade);
    println!("  {refused} effects worse than an order, and times, spellings, claims and rights");
}

fn times(gateway: &mut Gateway, read: KeyHandle, trade: KeyHandle) {
    // A timestamp of the future: a text for later.
    let later = order("0.1");
    let later = later.rsplit_once("&timestamp=").unwrap().0;
    for ahead in [5_000, 60_000, 86_400_000] {
        let text = format!("{later}&timestamp={}", now_ms() + ahead);
        code(gateway, trade, &text, RefusalCode::Clock);
    }
    let micro = format!("{later}&timestamp={}", (now_ms() + 60_000) * 1000);
    code(gateway, trade, &micro, RefusalCode::Clock);
    // One of the past is replaced: nothing is signed for another time than now.
    let past = format!("{later}&timestamp=1");
    let signed = String::from_utf8(gateway.sign(trade, &past).unwrap().text).unwrap();
    let stamp: u64 = value(&signed, "timestamp").parse().unwrap();
    assert!(stamp.abs_diff(now_ms()) < 5_000, "{signed}");
    // However far the bot's deadline is, the window stays short.
    assert_eq!(value(&signed, "recvWindow"), "2000");
    let wide = format!("{later}&recvWindow=60000&timestamp={}", now_ms());
    let signed = String::from_utf8(gateway.sign(trade, &wide).unwrap().text).unwrap();
    assert_eq!(value(&signed, "recvWindow"), "2000");
    let mut near = gateway.sign_ask(read, &timed("symbol=BTCUSDT"));
    near.deadline_unix_ms = now_ms() + 700;
    let signed = String::from_utf8(gateway.sign_it(near).unwrap().text).unwrap();
    assert!(value(&signed, "recvWindow").parse::<u64>().unwrap() <= 700);
    let mut late = gateway.sign_ask(read, &timed("symbol=BTCUSDT"));
    late.deadline_unix_ms = now_ms() - 1;
    assert_eq!(gateway.sign_it(late).unwrap_err().code, RefusalCode::Deadline);

    // A false venue offset: past the sealed bound nothing is signed, within it
    // the timestamp moves by no more than that.
    for offset in [1_001, -1_001, 3_600_000, i64::MAX, i64::MIN] {
        gateway.ask(Ask::Offset { venue_offset_ms: offset });
        code(gateway, read, &timed("symbol=BTCUSDT"), RefusalCode::Clock);
    }
    for offset in [1_000, -1_000, 0] {
        gateway.ask(Ask::Offset { venue_offset_ms: offset });
        let signed = gateway.sign(read, &format!("symbol=BTCUSDT&timestamp={}", now_ms() - 1_000));
        let signed = String::from_utf8(signed.unwrap().text).unwrap();
        let stamp: i64 = value(&signed, "timestamp").parse().unwrap();
        let host = i64::try_from(now_ms()).unwrap();
        assert!(stamp <= host + offset && stamp >= host + offset - 2_000);
    }
    // A second timestamp, or a second receive window, behind a cut.
    for hidden in ["xtimestamp=9", "ATIMESTAMP=9", "xrecvWindow=60000", "xRECVWINDOW=60000"] {
        code(gateway, read, &timed(hidden), RefusalCode::NoMeaning);
    }
    for twice in ["TIMESTAMP=9", "timestamp=9"] {
        code(gateway, read, &timed(twice), RefusalCode::NotCanonical);
    }
    code(gateway, read, "symbol=BTCUSDT", RefusalCode::NotCanonical);
    code(gateway, read, "symbol=BTCUSDT&Timestamp=1", RefusalCode::NotCanonical);
}

pub(crate) fn value(text: &str, name: &str) -> String {
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).expect(name).1.to_owned()
}

/// Texts that two readers could read in two ways.
fn spellings(gateway: &mut Gateway, trade: KeyHandle) {
    let now = now_ms();
    for text in [
        "",
        "timestamp",
        &format!("&timestamp={now}"),
        &format!("timestamp={now}&"),
        &format!("symbol=BTC%55SDT&timestamp={now}"),
        &format!("address=a%2fb&timestamp={now}"),
        &format!("address=a+b&timestamp={now}"),
        &format!("symbol=BTCUSDT&symbol=ETHUSDT&timestamp={now}"),
        &format!("symbol=BTCUSDT&SYMBOL=ETHUSDT&timestamp={now}"),
        &format!("symbol[0]=BTCUSDT&timestamp={now}"),
        &format!("symbol=BTCUSDT=1&timestamp={now}"),
        &format!("symbol=&timestamp={now}"),
        &format!("timestamp={now}&signature=00"),
        &format!("timestamp={now}&SIGNATURE=00"),
        &format!("a%26timestamp=1&timestamp={now}"),
        &format!("a=\u{200b}&timestamp={now}"),
        &format!("a=%E2%80%8B&timestamp={now}"),
        &format!("a={}&timestamp={now}", "x".repeat(1_025)),
        "timestamp=soon",
        "timestamp=-1",
        "timestamp=99999999999999999999999999",
    ] {
        code(gateway, trade, text, RefusalCode::NotCanonical);
    }
    let mut invalid = gateway.sign_ask(trade, "timestamp=1");
    invalid.text = b"a=\xff&timestamp=1".to_vec();
    assert_eq!(gateway.sign_it(invalid).unwrap_err().code, RefusalCode::NotCanonical);
    // On the WebSocket the text must be sorted and bare of escapes.
    for text in [
        format!("timestamp={now}&apiKey=k"),
        format!("apiKey=k&note=a%26timestamp%3D1&timestamp={now}"),
    ] {
        let mut ask = gateway.sign_ask(trade, &text);
        ask.surface = Surface::WebSocket;
        assert_eq!(gateway.sign_it(ask).unwrap_err().code, RefusalCode::NotCanonical, "{text}");
    }
}

/// Claims, connections, unknown keys, rights.
fn standing(signer: &mut Signer, gateway: &mut Gateway, read: KeyHandle, trade: KeyHandle) {
    code(gateway, KeyHandle(99), &timed("symbol=BTCUSDT"), RefusalCode::UnknownKey);
    // A claim over what the text can be.
    let mut over = gateway.sign_ask(read, &order("0.1"));
    over.claim = Effect::Order;
    assert_eq!(gateway.sign_it(over).unwrap_err().code, RefusalCode::ClaimMismatch);
    // A claim under it changes nothing: it is charged as an order.
    let before = gateway.sign(trade, &order("0.1")).unwrap();
    assert_eq!(before.meaning, Effect::Order);
    // The cancel connection signs no order, whatever it is called, and no text
    // that could be one.
    let mut cancels = signer.connection(ConnectionKind::CancelAll);
    code(&mut cancels, trade, &order("0.1"), RefusalCode::CancelOnly);
    let cancel = timed("symbol=BTCUSDT&orderId=5");
    let refused = cancels.sign(trade, &cancel);
    assert!(refused.is_ok(), "{refused:?}");

    // Rights that the venue gave since: orders wait for a person. Fewer change
    // nothing.
    let fewer = Ask::Rights { key: trade, observed: Rights::NONE };
    assert_eq!(gateway.ask(fewer), Answer::Ok);
    assert_eq!(gateway.sign(trade, &order("0.1")).unwrap().meaning, Effect::Order);
    let more = Ask::Rights { key: trade, observed: OUT_RIGHTS.with(Right::SpotMarginTrading) };
    assert_eq!(gateway.ask(more), Answer::Ok);
    code(gateway, trade, &order("0.1"), RefusalCode::RightsWidened);
    let withdrawal = format!("coin=USDT&network=ETH&address={DESTINATION}&amount=5");
    let found = gateway.refused(trade, &timed(&withdrawal));
    assert!(matches!(found, RefusalCode::RightsWidened | RefusalCode::EffectNotAllowed));
    // And stays so after a restart.
    signer.kill();
    signer.start();
    let mut again = signer.gateway();
    let trade = again.handle("trade");
    code(&mut again, trade, &order("0.1"), RefusalCode::RightsWidened);
}

pub(crate) fn orders_over_the_ceiling() {
    let mut by_quote = market("ETHUSDT", "1", "10");
    by_quote.quote = Some(vault::ceiling::QuoteCeiling {
        max_quote: decimal("1000"),
        gross_quote_per_hour: decimal("2500"),
    });
    let key = trade_key(vec![market("BTCUSDT", "0.5", "2"), by_quote]);
    let mut signer = Signer::with(vec![key]);
    let mut gateway = signer.gateway();
    let trade = gateway.handle("trade");
    code(&mut gateway, trade, &order("0.50000001"), RefusalCode::Ceiling);
    code(&mut gateway, trade, &order("1000000"), RefusalCode::Ceiling);
    for bad in ["1e1", "-1", "0", "0.0", "00.1", ".1", "1.", "0x1"] {
        let found = gateway.refused(trade, &order(bad));
        assert!(
            matches!(found, RefusalCode::Ceiling | RefusalCode::NotCanonical),
            "{bad}: {found:?}"
        );
    }
    let spell = |text: &str| timed(&text.replace(' ', ""));
    let quote = "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=10&newClientOrderId=a";
    code(&mut gateway, trade, &spell(quote), RefusalCode::Ceiling);
    let other = "symbol=SOLUSDT&side=BUY&type=MARKET&quantity=0.1&newClientOrderId=a";
    code(&mut gateway, trade, &spell(other), RefusalCode::Ceiling);
    let unsized_order = "symbol=BTCUSDT&side=BUY&type=MARKET&newClientOrderId=a";
    code(&mut gateway, trade, &spell(unsized_order), RefusalCode::Ceiling);

    // Without an id for the order, or for one leg.
    let anonymous = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1";
    code(&mut gateway, trade, &spell(anonymous), RefusalCode::NoClientOrderId);
    let pair = "symbol=BTCUSDT&side=SELL&quantity=0.1&aboveType=LIMIT_MAKER&abovePrice=70000\
                &belowType=STOP_LOSS&belowStopPrice=50000&aboveClientOrderId=a";
    code(&mut gateway, trade, &spell(pair), RefusalCode::NoClientOrderId);
    let whole = format!("{pair}&belowClientOrderId=b");
    assert_eq!(gateway.sign(trade, &spell(&whole)).unwrap().meaning, Effect::Order);
    let three = "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=1\
                 &workingQuantity=0.1&workingTimeInForce=GTC&pendingSide=SELL&pendingQuantity=0.1\
                 &pendingAboveType=LIMIT_MAKER&pendingAbovePrice=2&pendingBelowType=STOP_LOSS\
                 &pendingBelowStopPrice=1&workingClientOrderId=a&pendingAboveClientOrderId=b";
    code(&mut gateway, trade, &spell(three), RefusalCode::NoClientOrderId);

    // The hour: 0.2 so far (both legs of the pair), then three of 0.5 and one
    // of 0.3 fill it exactly.
    for quantity in ["0.5", "0.5", "0.5", "0.3"] {
        gateway.sign(trade, &order(quantity)).unwrap();
    }
    code(&mut gateway, trade, &order("0.00000001"), RefusalCode::Window);
    // `order/test` is the same text; a cancel is another matter.
    gateway.sign(trade, &timed("symbol=BTCUSDT&orderId=7")).unwrap();
    let by_quote = "symbol=ETHUSDT&side=BUY&type=MARKET&newClientOrderId=a&quoteOrderQty=";
    code(&mut gateway, trade, &spell(&format!("{by_quote}1000.01")), RefusalCode::Ceiling);
    for quote in ["1000", "1000", "500"] {
        gateway.sign(trade, &spell(&format!("{by_quote}{quote}"))).unwrap();
    }
    code(&mut gateway, trade, &spell(&format!("{by_quote}0.01")), RefusalCode::Window);
    // A crash does not empty the hour.
    drop(gateway);
    signer.kill();
    signer.start();
    let mut gateway = signer.gateway();
    let trade = gateway.handle("trade");
    code(&mut gateway, trade, &order("0.00000001"), RefusalCode::Window);
    code(&mut gateway, trade, &spell(&format!("{by_quote}0.01")), RefusalCode::Window);
    // Nor do two connections at once double it.
}

pub(crate) fn a_batch_is_charged_as_a_whole() {
    let mut signer = Signer::with(vec![small()]);
    let mut gateway = signer.gateway();
    let trade = gateway.handle("trade");
    // One frame with thirty orders of 0.1, and eight connections at once: the
    // ceiling of 2 holds twenty.
    let texts: Vec<String> = (0..30).map(|_| order("0.1")).collect();
    let signed = gateway.sign_many(trade, &texts[..15]).iter().flatten().count();
    let mut threads = Vec::new();
    for _ in 0..8 {
        let mut gateway = signer.gateway();
        let texts = texts.clone();
        threads.push(std::thread::spawn(move || {
            gateway.sign_many(trade, &texts).iter().flatten().count()
        }));
    }
    let more: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((signed, more), (15, 5));
}

pub(crate) fn withdrawal(amount: &str, id: &str) -> String {
    timed(&format!(
        "coin=USDT&network=ETH&address={DESTINATION}&amount={amount}&withdrawOrderId={id}"
    ))
}

pub(crate) fn value_out() {
    let mut signer = Signer::with(vec![out_key()]);
    let mut gateway = signer.gateway();
    let out = gateway.handle("out");
    // Before the newest checkpoint was shown.
    code(&mut gateway, out, &withdrawal("5", "a"), RefusalCode::StateSpent);
    gateway.show_none();
    let wrong = [
        ("amount=5", "amount=100.01", RefusalCode::Ceiling),
        ("amount=5", "amount=5e1", RefusalCode::NotCanonical),
        ("amount=5", "amount=-5", RefusalCode::NotCanonical),
        ("00aa", "00ab", RefusalCode::Destination),
        ("network=ETH", "network=BSC", RefusalCode::Destination),
        ("network=ETH&", "", RefusalCode::Destination),
        ("coin=USDT", "coin=USDC", RefusalCode::EffectNotAllowed),
        ("&amount", "&addressTag=7&amount", RefusalCode::Destination),
        ("&amount", "&name=x&amount", RefusalCode::EffectNotAllowed),
        ("&amount", "&xaddress=0xbb&amount", RefusalCode::EffectNotAllowed),
        ("address=", "ADDRESS=", RefusalCode::EffectNotAllowed),
        ("withdrawOrderId=a&", "", RefusalCode::NoClientOrderId),
    ];
    for (from, to, wanted) in wrong {
        let text = withdrawal("5", "a");
        assert!(text.contains(from), "{from}");
        code(&mut gateway, out, &text.replace(from, to), wanted);
    }
    let signed = gateway.sign(out, &withdrawal("100", "a")).unwrap();
    assert_eq!(signed.meaning, Effect::ValueOut);
    code(&mut gateway, out, &withdrawal("100", "b"), RefusalCode::OneAtATime);
    // A crash and a second connection change nothing of that.
    drop(gateway);
    signer.kill();
    signer.start();
    let mut gateway = signer.gateway();
    gateway.show_none();
    code(&mut gateway, out, &withdrawal("100", "b"), RefusalCode::OneAtATime);
    // Own transfers: by count and by amount, of the listed asset.
    let transfer = |asset: &str, amount: &str| {
        timed(&format!("type=MAIN_FUNDING&asset={asset}&amount={amount}"))
    };
    code(&mut gateway, out, &transfer("BTC", "1"), RefusalCode::Ceiling);
    code(&mut gateway, out, &transfer("USDT", "10.5"), RefusalCode::Ceiling);
    assert_eq!(gateway.sign(out, &transfer("USDT", "10")).unwrap().meaning, Effect::Transfer);
    code(&mut gateway, out, &transfer("USDT", "5.1"), RefusalCode::Window);
    assert_eq!(gateway.sign(out, &transfer("USDT", "5")).unwrap().meaning, Effect::Transfer);
    code(&mut gateway, out, &transfer("USDT", "0.1"), RefusalCode::Window);
    println!(
        "  a transfer between own wallets needs {} further grants in the ceiling",
        BESIDE_TRANSFERS.len()
    );
    // An order is no business of this key: it lacks the right at the venue.
    assert!(gateway.sign(out, &order("0.1")).unwrap().meaning < Effect::Order);
}

/// Whatever bytes come: that connection ends, the signer does not.
pub(crate) fn nonsense() {
    let mut signer = Signer::with(vec![small()]);
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let mut good = Vec::new();
    let mut gateway = signer.gateway();
    let trade = gateway.handle("trade");
    let ask = Ask::Sign(gateway.sign_ask(trade, &order("0.1")));
    vault::protocol::encode_asks(&[ask], &mut good).unwrap();
    for round in 0..300 {
        let mut stream = signer.stream(ConnectionKind::Gateway);
        let mut frame = good.clone();
        match round % 4 {
            0 => frame = (0..random() % 200).map(|_| random() as u8).collect(),
            1 => frame.truncate(random() % frame.len()),
            2 => {
                let at = 4 + random() % (frame.len() - 4);
                frame[at] ^= 1 << (random() % 8);
            }
            _ => frame = u32::MAX.to_le_bytes().to_vec(),
        }
        let _ = stream.write_all(&frame);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // What was answered, if anything, is a frame of answers.
        if answer.len() > 4 {
            vault::protocol::decode_answers(&answer[4..]).unwrap();
        }
    }
    assert_eq!(gateway.refused(trade, &order("0.6")), RefusalCode::Ceiling);
    let too_long = Ask::Sign(gateway.sign_ask(trade, &"x".repeat(300_000)));
    assert!(gateway.try_ask(too_long).is_err());
}
