use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn trade() -> Ceiling {
    propose_trade(&[
        MarketNeed {
            market: "ETHUSDT".into(),
            order_base: decimal("10"),
            traded_base_per_hour: decimal("100"),
            quote: None,
            maker_only: true,
        },
        MarketNeed {
            market: "BTCUSDT".into(),
            order_base: decimal("0.5"),
            traded_base_per_hour: decimal("3"),
            quote: Some((decimal("1000"), decimal("10"))),
            maker_only: false,
        },
    ])
    .unwrap()
}

fn value_out() -> Ceiling {
    let mut ceiling = Ceiling::closed(KeyClass::ValueOut);
    ceiling.value_out.push(ValueOutCeiling {
        asset: "USDT".into(),
        per_request: decimal("100"),
        per_day: decimal("500"),
        approved: None,
        destinations: vec![Destination {
            network: "ETH".into(),
            address: "0x00000000000000000000000000000000000000aa".into(),
            memo: Some("7".into()),
        }],
    });
    ceiling.allowances.push(Allowance {
        endpoint: "POST /sapi/v1/asset/transfer".into(),
        effect: Effect::Transfer,
        requests_per_day: 4,
        amounts: vec![AmountCeiling {
            asset: "USDT".into(),
            per_request: decimal("5"),
            per_day: decimal("10"),
        }],
    });
    ceiling
}

#[test]
fn the_proposal_is_multiples_and_sorted() {
    let ceiling = trade();
    let markets: Vec<_> = ceiling.markets.iter().map(|one| one.market.as_str()).collect();
    assert_eq!(markets, ["BTCUSDT", "ETHUSDT"]);
    let btc = ceiling.market("BTCUSDT").unwrap();
    assert_eq!((btc.max_base, btc.gross_base_per_hour), (decimal("1.0"), decimal("60")));
    let quote = btc.quote.as_ref().unwrap();
    assert_eq!((quote.max_quote, quote.gross_quote_per_hour), (decimal("2000"), decimal("2000")));
    assert!(ceiling.market("ETHUSDT").unwrap().maker_only);
    assert!(ceiling.market("BNBUSDT").is_none());
    assert!(ceiling.describe()[0].contains("BTCUSDT: at most 1.0 base an order"));
}

#[test]
fn arrives_as_it_was_sealed() {
    for ceiling in [trade(), value_out(), propose_read()] {
        let bytes = ceiling.encode().unwrap();
        assert_eq!(Ceiling::decode(&bytes).unwrap(), ceiling);
        for cut in 0..bytes.len() {
            assert!(Ceiling::decode(&bytes[..cut]).is_err());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Ceiling::decode(&longer).is_err());
        let mut other_version = bytes;
        other_version[0] = 9;
        assert!(Ceiling::decode(&other_version).is_err());
    }
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    type Change = fn(&mut Ceiling);
    let trades: [Change; 8] = [
        |c| c.markets[0].max_base = Decimal::ZERO,
        |c| c.markets[0].gross_base_per_hour = Decimal::ZERO,
        |c| c.markets[0].market = "btcusdt".into(),
        |c| c.markets[1].market = "BTCUSDT".into(),
        |c| c.class = KeyClass::Read,
        |c| c.max_receive_window_ms = 60_001,
        |c| c.clock_offset_ms = 1_001,
        |c| c.value_out = value_out().value_out,
    ];
    for (at, change) in trades.iter().enumerate() {
        let mut ceiling = trade();
        change(&mut ceiling);
        assert!(ceiling.encode().is_err(), "change {at}");
    }
    let outs: [Change; 7] = [
        |c| c.allowances[0].effect = Effect::ValueOut,
        |c| c.value_out[0].destinations.clear(),
        |c| c.value_out[0].per_day = Decimal::ONE,
        |c| c.value_out[0].destinations[0].network.clear(),
        |c| c.allowances[0].effect = Effect::Order,
        |c| c.allowances.push(c.allowances[0].clone()),
        |c| c.value_out.push(c.value_out[0].clone()),
    ];
    for (at, change) in outs.iter().enumerate() {
        let mut ceiling = value_out();
        change(&mut ceiling);
        assert!(ceiling.encode().is_err(), "change {at}");
    }
}

#[test]
fn value_out_is_what_was_listed_and_no_more() {
    let need = |asset: &str, request: &str, address: &str| ValueOutNeed {
        asset: asset.into(),
        per_request: decimal(request),
        per_day: decimal("500"),
        approved: None,
        destination: Destination { network: "ETH".into(), address: address.into(), memo: None },
    };
    let listed =
        [need("USDT", "100", "0xaa"), need("ETH", "2", "0xaa"), need("USDT", "100", "0xb")];
    let ceiling = propose_value_out(&listed, None).unwrap();
    assert_eq!(ceiling.class, KeyClass::ValueOut);
    assert_eq!(ceiling.value_out.len(), 2);
    let usdt = ceiling.asset("USDT").unwrap();
    assert_eq!((usdt.per_request, usdt.per_day), (decimal("100"), decimal("500")));
    assert_eq!(usdt.destinations.len(), 2);
    assert!(ceiling.describe().contains(&"USDT out: to 0xb on ETH, no memo".to_owned()));
    assert_eq!(propose_value_out(&[], None).unwrap(), Ceiling::closed(KeyClass::ValueOut));
    let one = need("USDT", "100", "0xaa");
    for (second, says) in [
        (need("USDT", "99", "0xb"), "two caps"),
        (need("USDT", "100", "0xaa"), "destination twice"),
        (need("ETH", "501", "0xaa"), "a day must allow"),
        (need("ETH", "0", "0xaa"), "over zero"),
    ] {
        let error = propose_value_out(&[one.clone(), second], None).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_long_list_is_described_in_part() {
    let needs: Vec<ValueOutNeed> = (0..DESCRIBED + 2)
        .map(|number| ValueOutNeed {
            asset: "USDT".into(),
            per_request: decimal("1"),
            per_day: decimal("1"),
            approved: None,
            destination: Destination {
                network: "ETH".into(),
                address: format!("0x{number}"),
                memo: None,
            },
        })
        .collect();
    let lines = propose_value_out(&needs, None).unwrap().describe();
    assert_eq!(lines.len(), 1 + DESCRIBED + 1);
    assert_eq!(lines.last().map(String::as_str), Some("USDT out: to 2 more"));
}

fn approver(name: &str, seed: u8) -> Approver {
    let key = crate::grant::testing::TestKey::new(seed).public();
    Approver { name: name.into(), key, owns: Vec::new() }
}

fn approved() -> Ceiling {
    let mut ceiling = value_out();
    let approvers = vec![approver("alice", 1), approver("bob", 2), approver("alice", 3)];
    ceiling.approvals = Some(Approvals::usual(approvers));
    ceiling.value_out[0].approved =
        Some(ApprovedCeiling { per_request: decimal("1000"), per_day: decimal("5000") });
    ceiling
}

#[test]
fn approvers_and_the_second_tier_are_sealed() {
    let mut ceiling = approved();
    ceiling.approvals.as_mut().unwrap().approvers[1].owns = vec!["treasury".into()];
    let bytes = ceiling.encode().unwrap();
    assert_eq!(Ceiling::decode(&bytes).unwrap(), ceiling);
    for cut in 0..bytes.len() {
        assert!(Ceiling::decode(&bytes[..cut]).is_err());
    }
    let approvals = ceiling.approvals.as_ref().unwrap();
    assert_eq!((approvals.persons(), approvals.quorum), (vec!["alice", "bob"], 2));
    assert!(approvals.is_own("bob", "treasury") && approvals.is_own("alice", "alice"));
    assert!(!approvals.is_own("alice", "treasury"));
    let lines = ceiling.describe().join("\n");
    assert!(lines.contains("USDT out: with approval at most 1000 a request, 5000 more in 24 h"));
    assert!(lines.contains("approved by 2 of 2 persons\napprover alice: SHA256:"), "{lines}");
    assert!(lines.contains(", not for treasury"), "{lines}");
}

#[test]
fn a_ceiling_without_approvers_is_sealed_as_before_there_were_any() {
    let bytes = value_out().encode().unwrap();
    // Version 1, and at its end an empty list of approvers.
    assert_eq!(bytes.first_chunk::<2>(), Some(&[1, 0]));
    assert_eq!(bytes[bytes.len() - 18..][..2], [0, 0]);
    let mut newer = bytes;
    newer[0] = 2;
    assert!(Ceiling::decode(&newer).is_err());
}

#[test]
fn one_person_approves_with_two_devices_and_a_delay() {
    let mut ceiling = approved();
    let two = vec![approver("alice", 1), approver("alice", 2)];
    ceiling.approvals = Some(Approvals::usual(two.clone()));
    let usual = ceiling.approvals.as_ref().unwrap();
    assert_eq!((usual.quorum, usual.delay_ms), (1, 600_000));
    assert!(ceiling.describe().join("\n").contains("two devices of one person, 10 min after"));
    assert_eq!(Ceiling::decode(&ceiling.encode().unwrap()).unwrap(), ceiling);
    ceiling.approvals = Some(Approvals::usual(two[..1].to_vec()));
    assert!(ceiling.encode().unwrap_err().to_string().contains("with two devices"));
}

#[test]
fn approvers_that_make_no_sense_are_refused() {
    type Change = fn(&mut Ceiling);
    let changes: [(Change, &str); 12] = [
        (|c| c.approvals = None, "nobody may approve"),
        (|c| c.approvals.as_mut().unwrap().quorum = 0, "quorum must be 1 to 2"),
        (|c| c.approvals.as_mut().unwrap().quorum = 3, "quorum must be 1 to 2"),
        (|c| c.approvals.as_mut().unwrap().delay_ms = 60_000, "one person approves alone"),
        (|c| c.approvals.as_mut().unwrap().approvers.clear(), "need approvers"),
        (|c| c.approvals.as_mut().unwrap().approvers[1] = approver("bob", 1), "named twice"),
        (|c| c.approvals.as_mut().unwrap().approvers[1].name = "Bob".into(), "`Bob`"),
        (|c| c.value_out[0].approved.as_mut().unwrap().per_request = decimal("99"), "more than"),
        (|c| c.value_out[0].approved.as_mut().unwrap().per_day = decimal("999"), "a day must"),
        (|c| c.value_out[0].per_request = decimal("-1"), "a day must"),
        (
            |c| {
                c.class = KeyClass::Trade;
                c.value_out.clear();
            },
            "only a value-out key",
        ),
        (
            |c| {
                let all = c.approvals.as_mut().unwrap();
                all.approvers = vec![approver("alice", 1), approver("alice", 2)];
                all.approvers[0].owns = vec!["treasury".into()];
                (all.quorum, all.delay_ms) = (1, 60_000);
            },
            "name a second person",
        ),
    ];
    for (at, (change, says)) in changes.iter().enumerate() {
        let mut ceiling = approved();
        change(&mut ceiling);
        let error = ceiling.encode().unwrap_err().to_string();
        assert!(error.contains(says), "change {at}: {error}");
    }
    // With approvers, everything may need approval.
    let mut all = approved();
    (all.value_out[0].per_request, all.value_out[0].per_day) = (Decimal::ZERO, Decimal::ZERO);
    all.encode().unwrap();
}
