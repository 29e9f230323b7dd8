use super::*;

#[test]
fn an_order_under_the_ceiling_is_signed_as_the_venue_wants_it() {
    let mut bench = Bench::new();
    let signed = bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "1")).unwrap();
    let text = String::from_utf8(signed.text).unwrap();
    assert_eq!(
        text,
        format!("{}&timestamp={START}&recvWindow=2000", order("BTCUSDT", "1")),
        "the signer's own times, nothing else changed"
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    assert_eq!(signed.signature, hex::encode(aws_lc_rs::hmac::sign(&key, text.as_bytes())));
    assert_eq!((signed.meaning, signed.sequence), (Effect::Order, 1));
}

/// Binance's published examples (REST): the library and our use of it agree
/// with the venue's documentation.
#[test]
fn published_signatures() {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let id = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    for (text, signature) in [
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559".to_owned(),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559".to_owned(),
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559".to_owned(),
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
        (
            format!("apiKey={id}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            format!("apiKey={id}&timestamp=1649729878532"),
            "1cf54395b336b0a9727ef27d5d98987962bc47aca6e13fe978612d0adee066ed",
        ),
    ] {
        assert_eq!(hex::encode(aws_lc_rs::hmac::sign(&key, text.as_bytes())), signature, "{text}");
    }
}

#[test]
fn an_order_over_the_ceiling_is_refused() {
    let mut bench = Bench::new();
    for (text, code) in [
        (order("BTCUSDT", "1.00000001"), RefusalCode::Ceiling),
        (order("BNBUSDT", "0.001"), RefusalCode::Ceiling),
        (order("BTCUSDT", "0"), RefusalCode::Ceiling),
        (order("BTCUSDT", "1").replace("&newClientOrderId=a1", ""), RefusalCode::NoClientOrderId),
        (order("BTCUSDT", "1").replace("quantity=1", "quoteOrderQty=1"), RefusalCode::Ceiling),
        (order("ETHUSDT", "1").replace("quantity=1", "quoteOrderQty=101"), RefusalCode::Ceiling),
        (order("LTCUSDT", "1"), RefusalCode::Ceiling),
        (
            order("LTCUSDT", "1").replace("LIMIT&", "LIMIT_MAKER&"),
            RefusalCode::Ceiling, // a time in force makes a cut text a limit order
        ),
    ] {
        assert_eq!(bench.refused(TRADE, Effect::Order, &text), code, "{text}");
    }
    let maker = "symbol=LTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=1&price=1&newClientOrderId=b";
    bench.sign(TRADE, Effect::Order, maker).unwrap();
    let quote = "symbol=ETHUSDT&side=BUY&type=MARKET&quoteOrderQty=100&newClientOrderId=c";
    bench.sign(TRADE, Effect::Order, quote).unwrap();
    bench.sign(TRADE, Effect::Order, quote).unwrap();
    assert_eq!(bench.refused(TRADE, Effect::Order, quote), RefusalCode::Window);
    assert_eq!(
        bench.refused(READ, Effect::Order, &order("BTCUSDT", "1")),
        RefusalCode::ClaimMismatch
    );
    // Without the trading right the same text is no order.
    let signed = bench.sign(READ, Effect::Read, &order("BTCUSDT", "1")).unwrap();
    assert!(signed.meaning < Effect::Order);
}

#[test]
fn the_gross_quantity_of_an_hour_is_held_and_survives_a_restart() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "1")).unwrap();
        bench.time.pass(1_000);
    }
    let refusal = bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "0.001")).unwrap_err();
    assert_eq!((refusal.code, refusal.retry), (RefusalCode::Window, true));
    // Claiming something else changes nothing.
    assert_eq!(bench.refused(TRADE, Effect::Read, &order("BTCUSDT", "0.001")), RefusalCode::Window);
    // Another market has its own.
    bench.sign(TRADE, Effect::Order, &order("ETHUSDT", "1")).unwrap();
    let mut bench = bench.restart();
    assert_eq!(
        bench.refused(TRADE, Effect::Order, &order("BTCUSDT", "0.001")),
        RefusalCode::Window
    );
    bench.time.pass(HOUR - 60_000);
    assert_eq!(bench.refused(TRADE, Effect::Order, &order("BTCUSDT", "1")), RefusalCode::Window);
    bench.time.pass(240_000);
    bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "1")).unwrap();
}

#[test]
fn a_lost_signed_log_spends_the_hour() {
    let mut bench = Bench::new();
    bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "1")).unwrap();
    let mut bench =
        bench.restart_after(|state| std::fs::remove_file(state.join("signed.log")).unwrap());
    let text = order("BTCUSDT", "0.001");
    assert_eq!(bench.refused(TRADE, Effect::Order, &text), RefusalCode::StateSpent);
    bench.sign(TRADE, Effect::Cancel, "symbol=BTCUSDT&orderId=5").unwrap();
    bench.time.pass(HOUR + 61_000);
    bench.sign(TRADE, Effect::Order, &text).unwrap();
}

#[test]
fn every_leg_is_charged_and_named() {
    let mut bench = Bench::new();
    let list = "symbol=BTCUSDT&side=SELL&quantity=0.6&aboveType=LIMIT_MAKER&abovePrice=3&\
                belowType=STOP_LOSS&belowStopPrice=1&aboveClientOrderId=a&belowClientOrderId=b";
    bench.sign(TRADE, Effect::Order, list).unwrap();
    let unnamed = list.replace("&belowClientOrderId=b", "");
    assert_eq!(bench.refused(TRADE, Effect::Order, &unnamed), RefusalCode::NoClientOrderId);
    for _ in 0..3 {
        bench.sign(TRADE, Effect::Order, list).unwrap();
    }
    // Four lists of two legs are 4.8 of 5.
    assert_eq!(bench.refused(TRADE, Effect::Order, list), RefusalCode::Window);
    bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "0.2")).unwrap();
}

#[test]
fn a_name_that_could_be_taken_for_a_quantity_is_refused() {
    let mut bench = Bench::new();
    for extra in ["xquantity=900", "Quantity=900", "xsymbol=DOGEUSDT", "aquoteOrderQty=900"] {
        let text = format!("{extra}&{}", order("BTCUSDT", "0.1"));
        let refusal = bench.sign(TRADE, Effect::Order, &text).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NotCanonical, "{extra} {refusal}");
    }
    // An amend that would be an order once cut.
    let cut = "symbol=BTCUSDT&side=BUY&type=MARKET&orderId=3&newQty=0.1&xquantity=900&\
               newClientOrderId=a";
    assert_eq!(bench.refused(TRADE, Effect::Order, cut), RefusalCode::NotCanonical);
}

#[test]
fn a_test_order_costs_what_an_order_costs() {
    let mut bench = Bench::new();
    // The very same text, whatever the gateway says it wants it for.
    for _ in 0..5 {
        bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "1")).unwrap();
    }
    let text = format!("{}&computeCommissionRates=true", order("BTCUSDT", "1"));
    assert_eq!(bench.refused(TRADE, Effect::Order, &text), RefusalCode::Window);
}

#[test]
fn one_batch_is_one_write_and_each_is_charged() {
    let mut bench = Bench::new();
    let text = format!("{}&timestamp={START}", order("BTCUSDT", "1"));
    let asks: Vec<Ask> =
        (0..7).map(|_| Ask::Sign(bench.want(TRADE, Effect::Order, &text))).collect();
    let answers = bench.client.ask(&asks).unwrap();
    let signed: Vec<u64> = answers
        .into_iter()
        .filter_map(|answer| outcome(answer).ok().map(|signed| signed.sequence))
        .collect();
    assert_eq!(signed, [1, 2, 3, 4, 5]);
    let log = std::fs::read_to_string(bench.state().join("signed.log")).unwrap();
    let lines: Vec<_> =
        log.lines().skip(1).map(|line| signed_log::SignedLine::parse(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!((lines[0].key, lines[0].entry, lines[0].effect), ("main-trade", 42, "order"));
    assert_eq!(lines[0].charge, "order:BTCUSDT:1:0");
    let asked = hex::encode(super::super::decide::sha256(text.as_bytes()));
    assert_eq!(lines[0].asked_sha256, asked);
}
