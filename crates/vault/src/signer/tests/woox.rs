//! Texts of WOO X: version 1 signs neither method nor path, version 3 both.

use wire::limits::WOOX_ACCEPTANCE_MS;
use wire::venue::woox::collide::indistinguishable;

use super::*;

/// The key of the venue's documentation, and its time.
const SECRET: &str = "QHKRXHPAW1MC9YGZMAT8YDJG2HPR";
const AT: u64 = 1_578_565_539_808;

const OUT: KeyHandle = KeyHandle(0);
const READ: KeyHandle = KeyHandle(1);
const TRADE: KeyHandle = KeyHandle(2);

fn key(name: &str, ceiling: Ceiling) -> NewKey {
    NewKey {
        venue: "woox".into(),
        api_key: "AbmyVJGUpN064ks5ELjLfA==".into(),
        secret: Secret::new(SECRET.as_bytes().to_vec()),
        rights: reading().with(Right::Trading),
        ..new_key(name, Rights::NONE, ceiling)
    }
}

fn market(name: &str, max_base: &str, hour: &str) -> MarketCeiling {
    MarketCeiling {
        market: name.into(),
        max_base: decimal(max_base),
        gross_base_per_hour: decimal(hour),
        quote: None,
        maker_only: false,
    }
}

fn trades() -> Ceiling {
    let mut ceiling = Ceiling::closed(KeyClass::Trade);
    ceiling.markets = vec![market("PERP_ETH_USDT", "10", "50"), market("SPOT_BTC_USDT", "1", "5")];
    ceiling
}

fn out() -> Ceiling {
    let mut ceiling = Ceiling::closed(KeyClass::ValueOut);
    ceiling.value_out = vec![ValueOutCeiling {
        asset: "USDT".into(),
        per_request: decimal("100"),
        per_day: decimal("250"),
        approved: None,
        destinations: vec![
            Destination { network: "ETH".into(), address: "0xaa".into(), memo: None },
            Destination { network: "XRP".into(), address: "rB".into(), memo: Some("77".into()) },
        ],
    }];
    ceiling
}

fn bench() -> Bench {
    Bench::with(
        AT,
        [
            key("a-out", out()),
            key("b-read", Ceiling::closed(KeyClass::Read)),
            key("c-trade", trades()),
        ],
    )
}

fn ask(bench: &Bench, key: KeyHandle, text: &str) -> SignAsk {
    bench.want(key, Effect::Read, text)
}

fn sign(bench: &mut Bench, key: KeyHandle, text: &str) -> Result<Signed, SignRefusal> {
    let ask = ask(bench, key, text);
    bench.sign_ask(ask)
}

fn code(bench: &mut Bench, key: KeyHandle, text: &str) -> RefusalCode {
    match sign(bench, key, text) {
        Err(refusal) => refusal.code,
        Ok(signed) => panic!("signed {}", String::from_utf8_lossy(&signed.text)),
    }
}

fn v1(params: &str) -> String {
    format!("{params}|{AT}")
}

fn v3(rest: &str) -> String {
    format!("{AT}{rest}")
}

fn order_v1(symbol: &str, quantity: &str) -> String {
    v1(&format!(
        "client_order_id=7&order_price=9000&order_quantity={quantity}&order_type=LIMIT&side=BUY&\
         symbol={symbol}"
    ))
}

fn order_v3(symbol: &str, quantity: &str) -> String {
    v3(&format!(
        "POST/v3/trade/order{{\"clientOrderId\":\"7\",\"price\":\"9000\",\"quantity\":\
         \"{quantity}\",\"side\":\"BUY\",\"symbol\":\"{symbol}\",\"type\":\"LIMIT\"}}"
    ))
}

/// The vendor's own, where it gives one; the text of the second was signed by
/// another implementation.
#[test]
fn signatures_are_the_vendors() {
    let mut bench = bench();
    let signed = sign(&mut bench, READ, &v3("GET/v3/algo/orders?algoType=STOP")).unwrap();
    assert_eq!(
        signed.signature,
        "fddab579aff8c193f920c2d4f0cda6a21a60f06fd9c3916541ecc4f6461f5977"
    );
    assert_eq!((signed.timestamp_ms, signed.meaning), (AT, Effect::Read));
    let made = testing_signature(
        Scheme::HmacSha256,
        SECRET.as_bytes(),
        b"order_price=9000&order_quantity=0.11&order_type=LIMIT&side=BUY&symbol=SPOT_BTC_USDT|1578565539808",
    );
    assert_eq!(
        made.as_deref(),
        Some("20da0852f73b20da0208c7e627975a59ff072379883d8457d03104651032033d")
    );
}

#[test]
fn the_signer_writes_the_time_and_nothing_else() {
    let mut bench = bench();
    bench.ok(Ask::Offset { venue_offset_ms: 40 });
    for (text, wanted) in [
        (v1("symbol=SPOT_BTC_USDT"), format!("symbol=SPOT_BTC_USDT|{}", AT + 40)),
        (v1(""), format!("|{}", AT + 40)),
        (v3("GET/v3/asset/balances"), format!("{}GET/v3/asset/balances", AT + 40)),
        (
            v3("DELETE/v3/trade/order?orderId=7&symbol=SPOT_BTC_USDT"),
            format!("{}DELETE/v3/trade/order?orderId=7&symbol=SPOT_BTC_USDT", AT + 40),
        ),
    ] {
        let signed = sign(&mut bench, TRADE, &text).unwrap();
        assert_eq!(String::from_utf8(signed.text).unwrap(), wanted);
        assert_eq!(signed.timestamp_ms, AT + 40);
    }
    // Ahead of the venue, or too late for the bot.
    let ahead = format!("|{}", AT + 2_000);
    assert_eq!(code(&mut bench, TRADE, &ahead), RefusalCode::Clock);
    let mut late = ask(&bench, TRADE, &v1(""));
    late.deadline_unix_ms = AT + 40;
    assert_eq!(bench.sign_ask(late).unwrap_err().code, RefusalCode::Deadline);
}

#[test]
fn only_the_canonical_text_of_one_version_is_signed() {
    let mut bench = bench();
    for text in [
        String::new(),
        "|".to_owned(),
        "|157856553980".to_owned(),
        "|soon".to_owned(),
        "symbol=SPOT_BTC_USDT".to_owned(),
        v1("symbol=SPOT_BTC_USDT&side=BUY"),
        v1("side=BUY&side=SELL"),
        v1("side=BUY&Side=SELL"),
        v1("symbol=SPOT%5FBTC_USDT"),
        v1("order_tag=a b"),
        v1("symbol="),
        v3("GET/v3/asset/balances?"),
        v3("GET/v3/asset/balances{}"),
        v3("GET/v3/asset//balances"),
        v3("get/v3/asset/balances"),
        v3("POST/v3/trade/order"),
        v3("POST/v3/trade/order{ \"side\":\"BUY\"}"),
        v3("POST/v3/trade/order{\"type\":\"LIMIT\",\"side\":\"BUY\"}"),
        v3("POST/v3/trade/order{\"side\":\"BUY\",\"side\":\"SELL\"}"),
        v3("GET/v1/orders"),
    ] {
        assert_eq!(code(&mut bench, TRADE, &text), RefusalCode::NotCanonical, "{text}");
    }
    let mut socket = ask(&bench, TRADE, &v1(""));
    socket.surface = Surface::WebSocket;
    assert_eq!(bench.sign_ask(socket).unwrap_err().code, RefusalCode::NotCanonical);
    let mut bytes = ask(&bench, TRADE, "x");
    bytes.text = vec![0xff];
    assert_eq!(bench.sign_ask(bytes).unwrap_err().code, RefusalCode::NotCanonical);
    // What no endpoint takes, or no source describes.
    for path in ["GET/v3/nowhere", "POST/v3/nowhere{\"a\":\"b\"}", "GET/v3/spotMargin/interestRate"]
    {
        assert_eq!(code(&mut bench, TRADE, &v3(path)), RefusalCode::NoMeaning, "{path}");
    }
}

#[test]
fn orders_of_both_versions_stay_under_one_ceiling() {
    for order in [order_v1, order_v3] {
        let mut bench = bench();
        assert_eq!(code(&mut bench, TRADE, &order("SPOT_BTC_USDT", "1.1")), RefusalCode::Ceiling);
        assert_eq!(code(&mut bench, TRADE, &order("SPOT_ETH_USDT", "1")), RefusalCode::Ceiling);
        // The same assets in another kind of market are another market.
        assert_eq!(code(&mut bench, TRADE, &order("PERP_BTC_USDT", "1")), RefusalCode::Ceiling);
        assert_eq!(code(&mut bench, READ, &order("SPOT_BTC_USDT", "1")), RefusalCode::Ceiling);
        for _ in 0..5 {
            let signed = sign(&mut bench, TRADE, &order("SPOT_BTC_USDT", "1")).unwrap();
            assert_eq!(signed.meaning, Effect::Order);
        }
        // What was signed in one version counts in the other, after a restart
        // too.
        let mut bench = bench.restart();
        for other in [order_v1, order_v3] {
            let text = other("SPOT_BTC_USDT", "0.1");
            assert_eq!(code(&mut bench, TRADE, &text), RefusalCode::Window);
        }
    }
}

#[test]
fn an_order_needs_its_client_id_and_a_size() {
    let mut bench = bench();
    let named = order_v1("SPOT_BTC_USDT", "1");
    let bare = named.replace("client_order_id=7&", "");
    assert_eq!(code(&mut bench, TRADE, &bare), RefusalCode::NoClientOrderId);
    let bare = order_v3("SPOT_BTC_USDT", "1").replace("\"clientOrderId\":\"7\",", "");
    assert_eq!(code(&mut bench, TRADE, &bare), RefusalCode::NoClientOrderId);
    // By quote quantity only where the ceiling has one.
    let quote = named.replace("order_quantity", "order_amount").replace("order_price=9000&", "");
    let sorted = "client_order_id=7&order_amount=1&order_type=LIMIT&side=BUY&symbol=SPOT_BTC_USDT";
    assert!(quote.starts_with(sorted), "{quote}");
    assert_eq!(code(&mut bench, TRADE, &quote), RefusalCode::Ceiling);
    // A name in another case would be another reader's quantity.
    let cased =
        v1("Order_quantity=5&client_order_id=7&order_quantity=1&order_type=LIMIT&side=BUY&\
         symbol=SPOT_BTC_USDT");
    assert_eq!(code(&mut bench, TRADE, &cased), RefusalCode::NotCanonical);
    // A close whose size the text does not state.
    let close = v3(
        "POST/v3/trade/algoOrder{\"algoType\":\"POSITIONAL_TP_SL\",\"childOrders\":[{\"algoType\":\
         \"TAKE_PROFIT\",\"reduceOnly\":true,\"side\":\"SELL\",\"triggerPrice\":\"9\",\"type\":\
         \"CLOSE_POSITION\"}],\"clientAlgoOrderId\":\"7\",\"symbol\":\"PERP_ETH_USDT\"}",
    );
    assert_eq!(code(&mut bench, TRADE, &close), RefusalCode::Ceiling);
}

/// Its text names no market, so it must fit in every one, and is charged in
/// every one.
#[test]
fn a_change_of_an_order_is_charged_everywhere() {
    let change = |rest: &str| v3(&format!("PUT/v3/trade/order{{\"orderId\":\"7\",{rest}}}"));
    let mut bench = bench();
    // Ten would fit one of the two markets.
    assert_eq!(code(&mut bench, TRADE, &change("\"quantity\":\"1.1\"")), RefusalCode::Ceiling);
    for _ in 0..5 {
        sign(&mut bench, TRADE, &change("\"quantity\":\"1\"")).unwrap();
    }
    let mut bench = bench.restart();
    assert_eq!(code(&mut bench, TRADE, &order_v1("SPOT_BTC_USDT", "0.1")), RefusalCode::Window);
    for _ in 0..4 {
        sign(&mut bench, TRADE, &order_v1("PERP_ETH_USDT", "10")).unwrap();
    }
    assert_eq!(code(&mut bench, TRADE, &order_v1("PERP_ETH_USDT", "10")), RefusalCode::Window);
    // Only the price: what it moves was charged when it was placed.
    sign(&mut bench, TRADE, &change("\"price\":\"9001\"")).unwrap();
    // A key that trades nowhere changes nothing.
    for rest in ["\"price\":\"9001\"", "\"quantity\":\"1\""] {
        assert_eq!(code(&mut bench, READ, &change(rest)), RefusalCode::Ceiling);
    }
    // One that must not take cannot know what the resting order does.
    let mut ceiling = trades();
    ceiling.markets[0].maker_only = true;
    let mut makers = Bench::with(AT, [key("c-trade", ceiling)]);
    let text = change("\"price\":\"9001\"");
    assert_eq!(code(&mut makers, KeyHandle(0), &text), RefusalCode::Ceiling);
}

#[test]
fn value_leaves_by_one_way_to_where_it_was_listed() {
    let withdraw = |address: &str, network: &str, amount: &str, more: &str| {
        v3(&format!(
            "POST/v3/asset/wallet/withdraw{{\"address\":\"{address}\",\"amount\":\"{amount}\",\
             {more}\"network\":\"{network}\",\"token\":\"USDT\"}}"
        ))
    };
    let mut bench = bench();
    let good = withdraw("0xaa", "ETH", "100", "");
    // Any claim: what counts is what it is.
    assert_eq!(code(&mut bench, TRADE, &good), RefusalCode::EffectNotAllowed);
    assert_eq!(code(&mut bench, READ, &good), RefusalCode::EffectNotAllowed);
    for (text, wanted) in [
        (withdraw("0xab", "ETH", "1", ""), RefusalCode::Destination),
        (withdraw("0xaa", "XRP", "1", ""), RefusalCode::Destination),
        (withdraw("0xaa", "ETH", "1", "\"extra\":\"77\","), RefusalCode::Destination),
        (withdraw("rB", "XRP", "1", ""), RefusalCode::Destination),
        (withdraw("0xaa", "ETH", "100.1", ""), RefusalCode::Ceiling),
        (withdraw("0xaa", "ETH", "1", "\"internal\":\"1\","), RefusalCode::EffectNotAllowed),
        (withdraw("0xaa", "ETH", "1", "\"extra\":[\"77\"],"), RefusalCode::EffectNotAllowed),
        (good.replace("USDT", "WOO"), RefusalCode::EffectNotAllowed),
    ] {
        assert_eq!(code(&mut bench, OUT, &text), wanted, "{text}");
    }
    let signed = sign(&mut bench, OUT, &good).unwrap();
    assert_eq!(signed.meaning, Effect::ValueOut);
    // The venue has no receive window: as long as it may take it, nothing more.
    assert_eq!(code(&mut bench, OUT, &good), RefusalCode::OneAtATime);
    bench.time.pass(WOOX_ACCEPTANCE_MS);
    let again =
        |bench: &Bench, text: &str| text.replace(&AT.to_string(), &bench.time.now().to_string());
    let text = again(&bench, &good);
    assert_eq!(code(&mut bench, OUT, &text), RefusalCode::OneAtATime);
    bench.time.pass(5_000);
    let text = again(&bench, &withdraw("rB", "XRP", "100", "\"extra\":\"77\","));
    sign(&mut bench, OUT, &text).unwrap();
    bench.time.pass(WOOX_ACCEPTANCE_MS + 5_000);
    let text = again(&bench, &good);
    assert_eq!(code(&mut bench, OUT, &text), RefusalCode::Window);
}

#[test]
fn what_is_worse_than_an_order_is_not_signed() {
    let mut bench = bench();
    for text in [
        v1("amount=1&balance_token=USDT&target_user_id=9"),
        v1("amount=1&token=USDT"),
        v1("adjust_amount=1&adjust_token=USDT&action=ADD&symbol=PERP_ETH_USDT"),
        v1("action=ADD&adjust_amount=1&adjust_token=USDT&symbol=PERP_ETH_USDT"),
        v1("leverage=20"),
        v1("account_mode=FUTURES"),
        v1("position_mode=HEDGE_MODE"),
        v1("trigger_after=0"),
        v3(
            "POST/v3/asset/transfer{\"amount\":\"1\",\"from\":{\"applicationId\":\"a\"},\"to\":{\"applicationId\":\"b\"},\"token\":\"USDT\"}",
        ),
        v3(
            "PUT/v3/futures/leverage{\"leverage\":20,\"marginMode\":\"CROSS\",\"symbol\":\"PERP_ETH_USDT\"}",
        ),
    ] {
        for key in [READ, TRADE, OUT] {
            let code = code(&mut bench, key, &text);
            assert!(
                matches!(code, RefusalCode::EffectNotAllowed | RefusalCode::NotCanonical),
                "{text}: {code:?}"
            );
        }
    }
    // An order that carries the parameters of something worse is both.
    let both = v1(
        "client_order_id=7&leverage=20&order_price=9&order_quantity=1&order_type=LIMIT&side=BUY&\
         symbol=SPOT_BTC_USDT",
    );
    assert_eq!(code(&mut bench, TRADE, &both), RefusalCode::EffectNotAllowed);
    // What `key add` prints: none of it is signed by a key that does not grant
    // what is worse.
    assert!(indistinguishable().iter().all(|pair| pair.worse.effect > Effect::Order));
}

#[test]
fn keys_of_a_venue_have_its_schemes_and_its_rights() {
    let data = tempfile::tempdir().unwrap();
    let (vault, state) = (data.path().join("vault"), data.path().join("state"));
    store::init(&vault, &state, ORIGIN, &source(), PassphraseCost::LEAST).unwrap();
    let vault = Vault::open(&vault, &source()).unwrap();
    type Change = fn(&mut NewKey);
    let changes: [(Change, &str); 4] = [
        (|key| key.scheme = Scheme::Ed25519, "has no ed25519 keys"),
        (|key| key.scheme = Scheme::Rsa, "has no rsa keys"),
        (|key| key.hosts = vec![wire::venue::binance::endpoints::HostGroup::ALL[0]], "host"),
        (|key| key.rights = Rights::NONE.with(Right::Withdrawals), "withdrawals"),
    ];
    for (change, said) in changes {
        let mut new = key("a", trades());
        change(&mut new);
        let error = vault.add_key(&state, new).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    // A person accepts wide rights: that grants no setting of another venue.
    let wide = NewKey {
        accept_wide_rights: true,
        rights: Rights::NONE.with(Right::Withdrawals),
        ..key("wide", trades())
    };
    let info = vault.add_key(&state, wide).unwrap();
    assert_eq!(info.venue, "woox");
    assert!(!info.ceiling.contains("sapi"), "{}", info.ceiling);
}

#[test]
fn rights_that_grow_at_the_venue_leave_reads_and_cancels() {
    let mut bench = bench();
    let wide = reading().with(Right::Trading).with(Right::Withdrawals);
    bench.ok(Ask::Rights { key: TRADE, observed: wide });
    let order = order_v1("SPOT_BTC_USDT", "1");
    assert_eq!(code(&mut bench, TRADE, &order), RefusalCode::RightsWidened);
    sign(&mut bench, TRADE, &v1("order_id=7&symbol=SPOT_BTC_USDT")).unwrap();
    bench.accept_rights("c-trade");
    sign(&mut bench, TRADE, &order).unwrap();
    // The connection that cancels everything signs no order.
    let mut cancels = bench.connect(ConnectionKind::CancelAll);
    let text = v1("symbol=SPOT_BTC_USDT");
    for (text, signs) in [(text, true), (order, false)] {
        let outcome = outcome(cancels.ask_one(Ask::Sign(ask(&bench, TRADE, &text))).unwrap());
        assert_eq!(outcome.is_ok(), signs, "{outcome:?}");
    }
}
