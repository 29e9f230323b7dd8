use super::*;

fn withdrawal(amount: &str) -> String {
    format!("coin=USDT&network=ETH&address=0xaa&amount={amount}&withdrawOrderId=w1")
}

#[test]
fn goes_to_listed_destinations_one_at_a_time_under_the_ceiling() {
    let mut bench = Bench::new();
    let signed = bench.sign(OUT, Effect::ValueOut, &withdrawal("100")).unwrap();
    assert_eq!(signed.meaning, Effect::ValueOut);
    let refusal = bench.sign(OUT, Effect::ValueOut, &withdrawal("1")).unwrap_err();
    assert_eq!((refusal.code, refusal.retry), (RefusalCode::OneAtATime, true));
    // The venue's own default window and both clocks' bounds.
    bench.time.pass(6_999);
    assert_eq!(bench.refused(OUT, Effect::ValueOut, &withdrawal("1")), RefusalCode::OneAtATime);
    bench.time.pass(1);
    let memo = "coin=USDT&network=XRP&address=rB&addressTag=77&amount=100&withdrawOrderId=w2";
    bench.sign(OUT, Effect::ValueOut, memo).unwrap();
    bench.time.pass(7_001);
    assert_eq!(bench.refused(OUT, Effect::ValueOut, &withdrawal("50.1")), RefusalCode::Window);
    bench.sign(OUT, Effect::ValueOut, &withdrawal("50")).unwrap();
    bench.time.pass(23 * HOUR);
    assert_eq!(bench.refused(OUT, Effect::ValueOut, &withdrawal("1")), RefusalCode::Window);
    bench.time.pass(2 * HOUR);
    bench.sign(OUT, Effect::ValueOut, &withdrawal("100")).unwrap();
}

#[test]
fn anything_else_is_refused() {
    let mut bench = Bench::new();
    let base = withdrawal("1");
    for (text, code) in [
        (withdrawal("100.00000001"), RefusalCode::Ceiling),
        (withdrawal("0"), RefusalCode::NotCanonical),
        (withdrawal("-1"), RefusalCode::NoMeaning),
        (withdrawal("1e2"), RefusalCode::NotCanonical),
        (base.replace("0xaa", "0xab"), RefusalCode::Destination),
        (base.replace("0xaa", "0xAA"), RefusalCode::Destination),
        (base.replace("=ETH", "=BSC"), RefusalCode::Destination),
        (base.replace("network=ETH&", ""), RefusalCode::Destination),
        (format!("{base}&addressTag=1"), RefusalCode::Destination),
        (base.replace("USDT", "BTC"), RefusalCode::EffectNotAllowed),
        (format!("{base}&transactionFeeFlag=true"), RefusalCode::EffectNotAllowed),
        (base.replace("&withdrawOrderId=w1", ""), RefusalCode::NoClientOrderId),
        (order("BTCUSDT", "0.1"), RefusalCode::ClaimMismatch),
    ] {
        let refusal = bench.sign(OUT, Effect::ValueOut, &text).unwrap_err();
        let either = refusal.code == code
            || (code == RefusalCode::NoMeaning && refusal.code == RefusalCode::NotCanonical)
            || (code == RefusalCode::NoMeaning && refusal.code == RefusalCode::ClaimMismatch)
            || (code == RefusalCode::NotCanonical && refusal.code == RefusalCode::ClaimMismatch);
        assert!(either, "{text}: {refusal}");
    }
    // Claimed as a read it is still what it is.
    assert_eq!(bench.refused(OUT, Effect::Read, &withdrawal("101")), RefusalCode::Ceiling);
    bench.time.jump(7_200_000);
    assert_eq!(bench.refused(OUT, Effect::ValueOut, &base), RefusalCode::Clock);
}

#[test]
fn what_was_used_survives_a_restart() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.sign(OUT, Effect::ValueOut, &withdrawal("100")).unwrap();
        bench.time.pass(8_000);
    }
    let mut bench = bench.restart();
    // Not before the newest checkpoint, or that there is none, was shown.
    assert_eq!(bench.refused(OUT, Effect::ValueOut, &withdrawal("1")), RefusalCode::StateSpent);
    bench.ok(Ask::ShowCheckpoint { note: None });
    assert_eq!(bench.refused(OUT, Effect::ValueOut, &withdrawal("51")), RefusalCode::Window);
    bench.sign(OUT, Effect::ValueOut, &withdrawal("50")).unwrap();
}

#[test]
fn rolled_back_or_missing_counters_count_as_spent() {
    type Change = fn(&std::path::Path);
    let changes: [Change; 4] = [
        |state| {
            std::fs::copy(state.join("kept"), state.join("counters")).unwrap();
        },
        |state| std::fs::remove_file(state.join("counters")).unwrap(),
        |state| std::fs::write(state.join("counters"), b"countersign-counters 1\n").unwrap(),
        |state| {
            let text = std::fs::read_to_string(state.join("counters")).unwrap();
            let without: String =
                text.split_inclusive('\n').filter(|line| !line.contains("main-out")).collect();
            std::fs::write(state.join("counters"), without).unwrap();
        },
    ];
    for change in changes {
        let mut bench = Bench::new();
        std::fs::copy(bench.state().join("counters"), bench.state().join("kept")).unwrap();
        bench.sign(OUT, Effect::ValueOut, &withdrawal("100")).unwrap();
        bench.time.pass(10_000);
        let mut bench = bench.restart_after(change);
        bench.ok(Ask::ShowCheckpoint { note: None });
        let refusal = bench.sign(OUT, Effect::ValueOut, &withdrawal("1")).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::StateSpent, "{refusal}");
        assert!(bench.status().warnings.iter().any(|line| line.contains("spent")));
        // Orders and reads go on.
        bench.sign(TRADE, Effect::Order, &order("BTCUSDT", "0.1")).unwrap();
        // Still so after another restart, and over after a day.
        let mut bench = bench.restart();
        bench.ok(Ask::ShowCheckpoint { note: None });
        assert_eq!(bench.refused(OUT, Effect::ValueOut, &withdrawal("1")), RefusalCode::StateSpent);
        bench.time.pass(25 * HOUR);
        bench.sign(OUT, Effect::ValueOut, &withdrawal("100")).unwrap();
    }
}

// INVARIANT (record first): where the counters cannot be synced nothing that
// moves value is signed.
#[test]
fn nothing_is_signed_that_cannot_be_counted() {
    let mut bench = Bench::new();
    // A directory in the temporary file's place makes the save fail.
    std::fs::create_dir(bench.state().join("counters.new")).unwrap();
    let refusal = bench.sign(OUT, Effect::ValueOut, &withdrawal("10")).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StateUnwritable, "{refusal}");
    std::fs::remove_dir(bench.state().join("counters.new")).unwrap();
    bench.time.pass(8_000);
    bench.sign(OUT, Effect::ValueOut, &withdrawal("100")).unwrap();
}
