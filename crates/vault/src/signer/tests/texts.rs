use proptest::prelude::*;
use wire::venue::binance::collide::{self, Reach};
use wire::venue::binance::endpoints;

use super::*;

#[test]
fn reads_and_cancels_are_signed_by_either_key() {
    let mut bench = Bench::new();
    for key in [READ, TRADE] {
        bench.sign(key, Effect::Read, "symbol=BTCUSDT").unwrap();
        let signed = bench.sign(key, Effect::Cancel, "symbol=BTCUSDT&orderId=7").unwrap();
        // Every text could be a harmless setting that takes a bare timestamp.
        assert_eq!(signed.meaning, Effect::HarmlessSetting);
    }
}

#[test]
fn a_key_whose_wide_rights_a_person_accepted_trades_on() {
    let mut bench = Bench::new();
    let wide = trading().with(Right::Withdrawals);
    bench.ok(Ask::Rights { key: TRADE, observed: wide });
    let text = order("BTCUSDT", "0.1");
    assert_eq!(bench.refused(TRADE, Effect::Order, &text), RefusalCode::RightsWidened);
    bench.accept_rights("main-trade");
    bench.sign(TRADE, Effect::Order, &text).unwrap();
    let mut bench = bench.restart();
    bench.sign(TRADE, Effect::Order, &text).unwrap();
    bench.sign(TRADE, Effect::Cancel, "symbol=BTCUSDT&orderId=7").unwrap();
    // The ceiling stands.
    let withdrawal = "coin=USDT&network=ETH&address=0xaa&amount=1&withdrawOrderId=w";
    for claim in [Effect::Read, Effect::ValueOut] {
        assert_eq!(bench.refused(TRADE, claim, withdrawal), RefusalCode::EffectNotAllowed);
    }
    assert_eq!(bench.refused(TRADE, Effect::Order, &order("BTCUSDT", "1.1")), RefusalCode::Ceiling);
}

#[test]
fn only_the_canonical_text_is_signed() {
    let mut bench = Bench::new();
    let stamp = format!("timestamp={START}");
    for text in [
        format!("symbol=BTCUSDT&symbol=BTCUSDT&{stamp}"),
        format!("symbol=BTCUSDT&Symbol=BTCUSDT&{stamp}"),
        format!("symbol=%42TCUSDT&{stamp}"),
        format!("symbol=BTCUSDT&&{stamp}"),
        format!("symbol=BTCUSDT&{stamp}&"),
        format!("symbol&{stamp}"),
        format!("symbol=&{stamp}"),
        format!("a=b+c&{stamp}"),
        format!("a=%2f&{stamp}"),
        format!("a=\u{e9}&{stamp}"),
        format!("a=1;b=2&{stamp}"),
        format!("{stamp}&recvwindow=60000"),
        format!("{stamp}&signature=00"),
        format!("{stamp}&Signature=00"),
        "symbol=BTCUSDT".to_owned(),
        "timestamp=soon".to_owned(),
        String::new(),
    ] {
        let ask = bench.want(TRADE, Effect::Read, &text);
        let refusal = bench.sign_ask(ask).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NotCanonical, "{text}: {refusal}");
    }
    let mut bytes = bench.want(TRADE, Effect::Read, "x");
    bytes.text = vec![0xff, 0xfe];
    assert_eq!(bench.sign_ask(bytes).unwrap_err().code, RefusalCode::NotCanonical);
}

#[test]
fn grants_unknown_keys_and_false_claims_are_refused() {
    let mut bench = Bench::new();
    let text = format!("timestamp={START}");
    let mut ask = bench.want(TRADE, Effect::Read, &text);
    ask.grants = vec![vec![1]];
    assert_eq!(bench.sign_ask(ask).unwrap_err().code, RefusalCode::GrantRefused);
    for handle in [3, 999, u16::MAX] {
        let ask = bench.want(KeyHandle(handle), Effect::Read, &text);
        assert_eq!(bench.sign_ask(ask).unwrap_err().code, RefusalCode::UnknownKey);
    }
    assert_eq!(
        bench.refused(TRADE, Effect::ValueOut, "symbol=BTCUSDT"),
        RefusalCode::ClaimMismatch
    );
}

#[test]
fn what_moves_value_is_refused_to_a_trade_key_whatever_it_is_claimed_to_be() {
    let mut bench = Bench::new();
    // Accept wide rights at the venue, so that only the ceiling stands between.
    for text in [
        "coin=USDT&network=ETH&address=0xaa&amount=1&withdrawOrderId=w",
        "type=MAIN_UMFUTURE&asset=USDT&amount=1",
        "xcoin=USDT&network=ETH&address=0xaa&amount=1",
        "asset=USDT&amount=1&type=ROLL_IN&symbol=BTCUSDT&isIsolated=TRUE",
    ] {
        for claim in [Effect::Read, Effect::Cancel, Effect::Order] {
            let outcome = bench.sign(TRADE, claim, text);
            if let Ok(signed) = outcome {
                assert!(signed.meaning <= Effect::HarmlessSetting, "{text}");
                assert!(claim <= signed.meaning);
            }
        }
    }
    assert_eq!(
        bench.refused(TRADE, Effect::ValueOut, "coin=USDT&network=ETH&address=0xaa&amount=1"),
        RefusalCode::ClaimMismatch
    );
}

#[test]
fn cancel_all_connections_sign_reads_and_cancels_only() {
    let mut bench = Bench::new();
    let mut client = bench.connect(ConnectionKind::CancelAll);
    let stamp = format!("timestamp={START}");
    let mut ask = |claim, text: &str| {
        let ask = bench.want(TRADE, claim, &format!("{text}&{stamp}"));
        outcome(client.ask_one(Ask::Sign(ask)).unwrap())
    };
    ask(Effect::Cancel, "symbol=BTCUSDT").unwrap();
    ask(Effect::Read, "symbol=BTCUSDT").unwrap();
    for claim in [Effect::Order, Effect::Cancel, Effect::Read] {
        let refusal = ask(claim, &order("BTCUSDT", "0.1")).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::CancelOnly);
    }
    let refusal = ask(Effect::Order, "symbol=BTCUSDT").unwrap_err();
    assert_eq!(refusal.code, RefusalCode::CancelOnly);
}

#[test]
fn more_rights_at_the_venue_widen_at_once_and_stay_over_a_restart() {
    let mut bench = Bench::new();
    bench.ok(Ask::Rights { key: TRADE, observed: reading() });
    bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "0.1")).unwrap();
    bench.ok(Ask::Rights { key: TRADE, observed: trading().with(Right::Withdrawals) });
    for _ in 0..2 {
        assert_eq!(
            bench.refused(TRADE, Effect::Order, &order("BTCUSDT", "0.1")),
            RefusalCode::RightsWidened
        );
        bench.sign(TRADE, Effect::Cancel, "symbol=BTCUSDT&orderId=7").unwrap();
        // Fewer rights never narrow.
        bench.ok(Ask::Rights { key: TRADE, observed: trading() });
        assert!(bench.status().warnings.iter().any(|line| line.contains("withdrawals")));
        bench = bench.restart();
    }
}

#[test]
fn a_websocket_text_is_sorted_and_plain() {
    let mut bench = Bench::new();
    let ask = |bench: &Bench, text: String| {
        let mut ask = bench.want(TRADE, Effect::Read, &text);
        ask.surface = Surface::WebSocket;
        ask
    };
    let good = ask(&bench, format!("apiKey=k&symbol=BTCUSDT&timestamp={START}"));
    let signed = bench.sign_ask(good).unwrap();
    assert_eq!(
        String::from_utf8(signed.text).unwrap(),
        format!("apiKey=k&recvWindow=2000&symbol=BTCUSDT&timestamp={START}")
    );
    for bad in [
        format!("symbol=BTCUSDT&apiKey=k&timestamp={START}"),
        format!("a=%2F&apiKey=k&timestamp={START}"),
    ] {
        let bad = ask(&bench, bad);
        assert_eq!(bench.sign_ask(bad).unwrap_err().code, RefusalCode::NotCanonical);
    }
    // The text of a session logon: an HMAC key cannot log on with it.
    let logon = ask(&bench, format!("apiKey=k&timestamp={START}"));
    bench.sign_ask(logon).unwrap();
}

#[test]
fn garbage_ends_the_connection_and_nothing_else() {
    use std::io::{Read, Write};
    let mut bench = Bench::new();
    for garbage in [
        vec![0xff; 64],
        u32::MAX.to_le_bytes().to_vec(),
        [4_u32.to_le_bytes().to_vec(), vec![9, 9, 9, 9]].concat(),
        [3_u32.to_le_bytes().to_vec(), vec![1, 1, 0]].concat(),
        (crate::limits::ASK_FRAME_BYTES as u32 + 1).to_le_bytes().to_vec(),
    ] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        bench.connections.open(OwnedFd::from(theirs), ConnectionKind::Gateway).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        ours.write_all(&garbage).unwrap();
        let mut answer = Vec::new();
        // Closed without an answer (a reset where garbage was left unread).
        let _ = ours.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    bench.sign(TRADE, Effect::Read, "symbol=BTCUSDT").unwrap();
}

#[test]
fn frames_arrive_in_any_pieces() {
    use std::io::Write;
    let mut bench = Bench::new();
    let mut frame = Vec::new();
    crate::protocol::encode_asks(&[Ask::Keys], &mut frame).unwrap();
    crate::protocol::encode_asks(&[Ask::Status, Ask::Status], &mut frame).unwrap();
    let big = vec![Ask::ShowCheckpoint { note: Some("x".repeat(8_000)) }; 30];
    crate::protocol::encode_asks(&big, &mut frame).unwrap();
    for piece in [1, 3, 20_000, frame.len()] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        bench.connections.open(OwnedFd::from(theirs), ConnectionKind::Gateway).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut writer = ours.try_clone().unwrap();
        let bytes = frame.clone();
        let writing = std::thread::spawn(move || {
            bytes.chunks(piece).for_each(|piece| writer.write_all(piece).unwrap());
        });
        let mut content = Vec::new();
        for count in [1, 2, 30] {
            let limit = crate::limits::ANSWER_FRAME_BYTES;
            assert!(crate::client::read_frame(&mut ours, limit, &mut content).unwrap());
            assert_eq!(crate::protocol::decode_answers(&content).unwrap().len(), count);
        }
        writing.join().unwrap();
    }
}

// INVARIANT (fail closed, but let risk down): without a disk orders are
// refused, reads and cancels pass, and nothing of them is lost.
#[test]
fn a_full_disk_refuses_orders_and_passes_cancels() {
    let mut bench = Bench::new();
    bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "0.1")).unwrap();
    let file = bench.core.lock().unwrap().log.break_for_test();
    let stamp = format!("timestamp={START}");
    let asks: Vec<Ask> = [
        (Effect::Order, format!("{}&{stamp}", order("BTCUSDT", "0.1"))),
        (Effect::Cancel, format!("symbol=BTCUSDT&orderId=7&{stamp}")),
        (Effect::Read, format!("symbol=BTCUSDT&{stamp}")),
        (Effect::Order, format!("{}&{stamp}", order("BTCUSDT", "0.1"))),
    ]
    .into_iter()
    .map(|(claim, text)| Ask::Sign(bench.want(TRADE, claim, &text)))
    .collect();
    let outcomes: Vec<_> = bench.client.ask(&asks).unwrap().into_iter().map(outcome).collect();
    let numbers: Vec<_> = outcomes
        .iter()
        .map(|one| one.as_ref().map(|signed| signed.sequence).map_err(|refusal| refusal.code))
        .collect();
    let unwritable = Err(RefusalCode::StateUnwritable);
    assert_eq!(numbers, [unwritable, Ok(2), Ok(3), unwritable]);
    assert!(bench.status().warnings.iter().any(|line| line.contains("signed.log")));
    bench.core.lock().unwrap().log.mend_for_test(file);
    bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "0.1")).unwrap();
    let mut bench = bench.restart();
    assert_eq!(bench.status().sequence, 4);
    assert!(bench.status().warnings.is_empty(), "{:?}", bench.status().warnings);
}

/// Texts made of the mandatory parameters of one or two endpoints of the table.
fn table_text() -> impl Strategy<Value = String> {
    let all: Vec<&'static endpoints::Endpoint> = endpoints::all().iter().collect();
    let one = proptest::sample::select(all);
    (proptest::collection::vec(one, 1..3), "[a-z]{0,2}", any::<bool>()).prop_map(
        |(endpoints, prefix, named)| {
            let mut pairs: Vec<(String, &str)> = Vec::new();
            for endpoint in endpoints {
                for rule in endpoint.mandatory.iter().flatten().filter_map(|any| any.first()) {
                    let name = rule.name.to_owned();
                    if !pairs.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                        pairs.push((name, rule.domain.example()));
                    }
                }
            }
            // The first name as somebody would hide it.
            if let Some((name, _)) = pairs.first_mut() {
                *name = format!("{prefix}{name}");
            }
            for (name, value) in &mut pairs {
                if name == "symbol" {
                    *value = "BTCUSDT";
                }
            }
            if named {
                pairs.push(("newClientOrderId".into(), "x1"));
            }
            let words: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            words.join("&")
        },
    )
}

// INVARIANT (no escape hatch): no text that a trade key signs can be read as
// value out, transfer, borrow or key administration.
#[test]
fn nothing_a_trade_key_signs_can_move_value() {
    let bench = std::cell::RefCell::new(Bench::new());
    let reach = Reach::everywhere(trading());
    let signed = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(1_500), |(text in table_text())| {
        let mut bench = bench.borrow_mut();
        bench.time.pass(HOUR / 4);
        for claim in [Effect::Read, Effect::Order] {
            if let Ok(answer) = bench.sign(TRADE, claim, &text) {
                signed.set(signed.get() + 1);
                let text = String::from_utf8(answer.text).unwrap();
                let pairs: Vec<(&str, &str)> =
                    text.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
                let meanings = collide::meanings(pairs.as_slice(), reach);
                let worst = meanings.worst().unwrap();
                prop_assert!(worst <= Effect::Order, "{} {:?}", text, worst);
                prop_assert_eq!(worst, answer.meaning);
            }
        }
    });
    assert!(signed.get() > 100, "the property was looked at: {}", signed.get());
}

/// Every endpoint of the table by its shortest text, under each key.
#[test]
fn every_endpoint_of_the_table_is_signed_under_its_ceiling_or_refused() {
    let mut bench = Bench::new();
    let mut signed = 0;
    for endpoint in endpoints::all() {
        let words: Vec<String> = endpoint
            .mandatory
            .iter()
            .flatten()
            .filter_map(|any| any.first())
            .map(|rule| format!("{}={}", rule.name, rule.domain.example()))
            .collect();
        for key in [READ, TRADE] {
            if let Ok(answer) = bench.sign(key, Effect::Read, &words.join("&")) {
                signed += 1;
                assert!(answer.meaning <= Effect::Order, "{}", endpoint.name);
                assert!(key == TRADE || answer.meaning < Effect::Order, "{}", endpoint.name);
            }
        }
    }
    assert!(signed > 200, "{signed}");
}
