use super::*;
use crate::grant::{Approval, Content, GrantId};
use crate::protocol::GrantsSeen;

const ENDPOINT: &str = "POST /sapi/v1/capital/withdraw/apply";

/// Alice with two keys, bob, and carol, who runs `hers`.
fn three() -> Vec<Approver> {
    let mut all =
        vec![approver("alice", 1), approver("bob", 2), approver("carol", 3), approver("alice", 4)];
    all[2].owns = vec!["hers".into()];
    all
}

fn bench(approvers: Vec<Approver>) -> Bench {
    let out = reading().with(Right::Withdrawals);
    Bench::with(
        START,
        [
            new_key("main-out", out, approved_ceiling(approvers)),
            new_key("main-read", reading(), Ceiling::closed(KeyClass::Read)),
            new_key("main-trade", trading(), trade_ceiling()),
        ],
    )
}

fn approval(bench: &Bench, amount: &str) -> Approval {
    Approval {
        content: Content {
            action: ENDPOINT.into(),
            venue: "binance".into(),
            account: "main".into(),
            principal: "treasury".into(),
            asset: "USDT".into(),
            amount: decimal(amount),
            network: "ETH".into(),
            address: "0xaa".into(),
            memo: None,
            fee_payer: None,
        },
        id: GrantId([7; 16]),
        issued_unix_ms: bench.time.now(),
        expires_unix_ms: bench.time.now() + DAY,
    }
}

fn text(amount: &str) -> String {
    format!("coin=USDT&network=ETH&address=0xaa&amount={amount}&withdrawOrderId=w1")
}

fn grants(approval: &Approval, seeds: &[u8]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| TestKey::new(*seed).grant(approval)).collect()
}

/// As the bot `treasury`, with these grants.
fn withdraw(bench: &mut Bench, text: &str, grants: Vec<Vec<u8>>) -> Result<Signed, SignRefusal> {
    let text = format!("{text}&timestamp={}", bench.time.now());
    let ask = bench.want(OUT, Effect::ValueOut, &text);
    bench.sign_ask(SignAsk { principal: "treasury".into(), grants, ..ask })
}

fn refused(bench: &mut Bench, text: &str, grants: Vec<Vec<u8>>, says: &str) {
    let refusal = withdraw(bench, text, grants).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::GrantRefused, "{refusal}");
    assert!(refusal.detail.contains(says), "`{says}`: {refusal}");
}

/// What an approval does not say a gateway must not add.
#[test]
fn a_parameter_beyond_the_approval_is_refused() {
    let mut bench = bench(three());
    let approved = approval(&bench, "1000");
    let other = format!("{}&walletType=1", text("1000"));
    refused(&mut bench, &other, grants(&approved, &[1, 2]), "`walletType`");
    withdraw(&mut bench, &text("1000"), grants(&approved, &[1, 2])).unwrap();
}

#[test]
fn over_the_first_tier_it_takes_approval() {
    let mut bench = bench(three());
    // Within the first tier nothing is asked.
    withdraw(&mut bench, &text("100"), vec![]).unwrap();
    bench.time.pass(8_000);
    let needed = withdraw(&mut bench, &text("100.1"), vec![]).unwrap_err();
    assert_eq!((needed.code, needed.retry), (RefusalCode::ApprovalNeeded, false), "{needed}");
    let over = withdraw(&mut bench, &text("1000.1"), vec![]).unwrap_err();
    assert_eq!(over.code, RefusalCode::Ceiling);
    let approved = approval(&bench, "1000.0");
    let signed = withdraw(&mut bench, &text("1000"), grants(&approved, &[1, 2])).unwrap();
    assert_eq!(signed.meaning, Effect::ValueOut);
    // The day of the second tier is its own; the first goes on.
    bench.time.pass(8_000);
    withdraw(&mut bench, &text("100"), vec![]).unwrap();
    // A full first day needs approval as well.
    bench.time.pass(8_000);
    let needed = withdraw(&mut bench, &text("100"), vec![]).unwrap_err();
    assert_eq!(needed.code, RefusalCode::ApprovalNeeded, "{needed}");
    let small = Approval { id: GrantId([8; 16]), ..approval(&bench, "100") };
    withdraw(&mut bench, &text("100"), grants(&small, &[1, 3])).unwrap();
    // Nor does approval reach over the second tier.
    for (id, amount) in [(9, "1000"), (10, "900")] {
        bench.time.pass(8_000);
        let more = Approval { id: GrantId([id; 16]), ..approval(&bench, amount) };
        withdraw(&mut bench, &text(amount), grants(&more, &[2, 3])).unwrap();
    }
    bench.time.pass(8_000);
    let more = Approval { id: GrantId([11; 16]), ..approval(&bench, "101") };
    let full = withdraw(&mut bench, &text("101"), grants(&more, &[2, 3])).unwrap_err();
    assert_eq!(full.code, RefusalCode::Window);
    let over = Approval { id: GrantId([12; 16]), ..approval(&bench, "1001") };
    let over = withdraw(&mut bench, &text("1001"), grants(&over, &[2, 3])).unwrap_err();
    assert_eq!(over.code, RefusalCode::Ceiling);
}

#[test]
fn a_grant_is_good_once() {
    let mut bench = bench(three());
    let approved = approval(&bench, "500");
    let good = grants(&approved, &[1, 2]);
    withdraw(&mut bench, &text("500"), good.clone()).unwrap();
    bench.time.pass(8_000);
    refused(&mut bench, &text("500"), good.clone(), "used before");
    // Not with other grants of the same approval either.
    refused(&mut bench, &text("500"), grants(&approved, &[2, 3]), "used before");
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    refused(&mut bench, &text("500"), good.clone(), "used before");
    // Within one frame neither.
    let second = Approval { id: GrantId([8; 16]), ..approval(&bench, "500") };
    let both = grants(&second, &[1, 2]);
    let asked = format!("{}&timestamp={}", text("500"), bench.time.now());
    let ask = SignAsk {
        principal: "treasury".into(),
        grants: both,
        ..bench.want(OUT, Effect::ValueOut, &asked)
    };
    let answers = bench.client.ask(&[Ask::Sign(ask.clone()), Ask::Sign(ask)]).unwrap();
    let signed = answers.iter().filter(|one| matches!(one, Answer::Signed(_))).count();
    assert_eq!(signed, 1, "{answers:?}");
    bench.time.pass(DAY + HOUR);
    refused(&mut bench, &text("500"), good, "expired");
}

#[test]
fn what_was_used_survives_a_rolled_back_state() {
    let mut bench = bench(three());
    let approved =
        Approval { expires_unix_ms: bench.time.now() + 7 * DAY, ..approval(&bench, "500") };
    let unused = Approval { id: GrantId([8; 16]), ..approved.clone() };
    std::fs::copy(bench.state().join("counters"), bench.state().join("kept")).unwrap();
    bench.time.pass(1_000);
    withdraw(&mut bench, &text("500"), grants(&approved, &[1, 2])).unwrap();
    let mut bench = bench.restart_after(|state| {
        std::fs::copy(state.join("kept"), state.join("counters")).unwrap();
    });
    bench.ok(Ask::ShowCheckpoint { note: None });
    let spent = withdraw(&mut bench, &text("500"), grants(&approved, &[1, 2])).unwrap_err();
    assert_eq!(spent.code, RefusalCode::StateSpent, "{spent}");
    // The day's windows are free again long before the approval expires.
    bench.time.pass(2 * DAY);
    let lost = "from before the signer lost its list";
    refused(&mut bench, &text("500"), grants(&approved, &[1, 2]), lost);
    refused(&mut bench, &text("500"), grants(&unused, &[1, 2]), lost);
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    refused(&mut bench, &text("500"), grants(&approved, &[1, 2]), lost);
    let fresh = Approval { id: GrantId([9; 16]), ..approval(&bench, "500") };
    withdraw(&mut bench, &text("500"), grants(&fresh, &[1, 2])).unwrap();
}

// INVARIANT (second reading): what is approved is what the text says.
#[test]
fn an_approval_of_anything_else_is_refused() {
    type Change = fn(&mut Content);
    let changes: [(Change, &str); 10] = [
        (|c| c.action = "POST /sapi/v1/asset/transfer".into(), "the action"),
        (|c| c.venue = "woox".into(), "the venue"),
        (|c| c.account = "other".into(), "the account"),
        (|c| c.principal = "mm".into(), "the principal"),
        (|c| c.asset = "USDC".into(), "the asset"),
        (|c| c.amount = decimal("500.01"), "the amount"),
        (|c| c.network = "XRP".into(), "the network"),
        (|c| c.address = "0xAA".into(), "the address"),
        (|c| c.memo = Some("1".into()), "the memo"),
        (|c| c.fee_payer = Some("us".into()), "the fee payer"),
    ];
    let mut bench = bench(three());
    for (change, says) in changes {
        let mut other = approval(&bench, "500");
        change(&mut other.content);
        refused(&mut bench, &text("500"), grants(&other, &[1, 2]), says);
    }
    // The text is what was changed.
    let approved = grants(&approval(&bench, "500"), &[1, 2]);
    refused(&mut bench, &text("501"), approved.clone(), "the amount that was approved is `500`");
    let memo = "coin=USDT&network=XRP&address=rB&addressTag=77&amount=500&withdrawOrderId=w1";
    refused(&mut bench, memo, approved.clone(), "the network that was approved is `ETH`");
    let elsewhere = withdraw(&mut bench, &text("500").replace("0xaa", "0xab"), approved.clone());
    assert_eq!(elsewhere.unwrap_err().code, RefusalCode::Destination);
    // Nothing of that used it up.
    withdraw(&mut bench, &text("500"), approved).unwrap();
}

#[test]
fn grants_of_the_wrong_people_are_refused() {
    let mut bench = bench(three());
    let approved = approval(&bench, "500");
    for (seeds, says) in [
        (&[1][..], "1 of 2 approvers have (alice); more have to"),
        (&[1, 4], "1 of 2 approvers have (alice)"),
        (&[1, 1], "two grants with one key"),
        (&[1, 9], "a key of no approver"),
        (&[9, 10], "a key of no approver"),
    ] {
        refused(&mut bench, &text("500"), grants(&approved, seeds), says);
    }
    // Nobody approves their own: as the bot itself, or as its owner.
    for (principal, seeds) in [("alice", [1, 2]), ("hers", [2, 3])] {
        let mut own = approved.clone();
        own.content.principal = principal.into();
        let good = grants(&own, &seeds);
        let timed = format!("{}&timestamp={}", text("500"), bench.time.now());
        let ask = bench.want(OUT, Effect::ValueOut, &timed);
        let ask = SignAsk { principal: principal.into(), grants: good, ..ask };
        let refusal = bench.sign_ask(ask).unwrap_err();
        assert!(refusal.detail.contains("nobody approves their own"), "{refusal}");
    }
    // Three are as good as two, a second device beside.
    withdraw(&mut bench, &text("500"), grants(&approved, &[1, 2, 3, 4])).unwrap();
}

#[test]
fn changed_forged_and_mixed_grants_are_refused() {
    let mut bench = bench(three());
    let approved = approval(&bench, "500");
    let good = grants(&approved, &[1, 2]);
    // Every byte of what was signed counts, and its length.
    for at in 0..4 + approved.encode().unwrap().len() {
        let mut changed = good.clone();
        changed[1][at] ^= 1;
        let refusal = withdraw(&mut bench, &text("500"), changed).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::GrantRefused, "byte {at}: {refusal}");
    }
    let other = Approval { id: GrantId([8; 16]), ..approved.clone() };
    let mixed = [grants(&approved, &[1]), grants(&other, &[2])].concat();
    refused(&mut bench, &text("500"), mixed, "not all for the same");
    // A signature of one approval beside the bytes of another.
    let larger = Approval { content: approval(&bench, "900").content, ..approved.clone() };
    let forged: Vec<Vec<u8>> = [1, 2]
        .map(|seed| {
            let signature = TestKey::new(seed).sign(&approved.encode().unwrap());
            let approval = larger.encode().unwrap();
            crate::grant::Grant { approval, signature }.encode().unwrap()
        })
        .into();
    refused(&mut bench, &text("900"), forged, "not of this key over these bytes");
    refused(&mut bench, &text("500"), vec![vec![]], "not the bytes of an approval");
    withdraw(&mut bench, &text("500"), good).unwrap();
}

#[test]
fn an_approval_lives_for_a_while() {
    let mut bench = bench(three());
    let now = bench.time.now();
    let at = |issued: u64, expires: u64| Approval {
        issued_unix_ms: issued,
        expires_unix_ms: expires,
        ..approval(&bench, "500")
    };
    let expired = grants(&at(now - HOUR, now), &[1, 2]);
    let ahead = grants(&at(now + 60_001, now + HOUR), &[1, 2]);
    let good = grants(&at(now, now + HOUR), &[1, 2]);
    refused(&mut bench, &text("500"), expired, "it has expired");
    refused(&mut bench, &text("500"), ahead, "issued in the future");
    bench.time.pass(HOUR);
    refused(&mut bench, &text("500"), good, "it has expired");
}

#[test]
fn nothing_else_takes_grants() {
    let mut bench = bench(three());
    let good = grants(&approval(&bench, "500"), &[1, 2]);
    for (key, claim, text) in [
        (READ, Effect::Read, "symbol=BTCUSDT".to_owned()),
        (TRADE, Effect::Order, order("BTCUSDT", "0.1")),
    ] {
        let timed = format!("{text}&timestamp={}", bench.time.now());
        let ask = SignAsk { grants: good.clone(), ..bench.want(key, claim, &timed) };
        let refusal = bench.sign_ask(ask).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::GrantRefused, "{refusal}");
    }
    // Without approvers none is taken, whoever signed.
    let mut bench = Bench::new();
    let good = grants(&approval(&bench, "50"), &[1, 2]);
    refused(&mut bench, &text("50"), good, "no approvers are sealed");
    assert_eq!(bench.refused(OUT, Effect::ValueOut, &text("101")), RefusalCode::Ceiling);
}

#[test]
fn one_person_waits_and_may_think_again() {
    let mut bench = bench(vec![approver("alice", 1), approver("alice", 2)]);
    let approved = approval(&bench, "500");
    refused(&mut bench, &text("500"), grants(&approved, &[1]), "approve with the other too");
    let good = grants(&approved, &[1, 2]);
    let wait = withdraw(&mut bench, &text("500"), good.clone()).unwrap_err();
    assert_eq!((wait.code, wait.retry), (RefusalCode::ApprovalDelay, true), "{wait}");
    assert!(wait.detail.contains("signed in 600 s"), "{wait}");
    bench.time.pass(599_999);
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    let wait = withdraw(&mut bench, &text("500"), good.clone()).unwrap_err();
    assert_eq!(wait.code, RefusalCode::ApprovalDelay, "{wait}");
    bench.time.pass(2);
    withdraw(&mut bench, &text("500"), good.clone()).unwrap();
    bench.time.pass(8_000);
    refused(&mut bench, &text("500"), good, "used before");
    // Rejected while it waits.
    let second = Approval { id: GrantId([8; 16]), ..approval(&bench, "500") };
    let good = grants(&second, &[1, 2]);
    let seen = bench.ask(Ask::Grants { key: OUT, grants: good.clone() });
    let Answer::Grants(seen) = seen else { panic!("{seen:?}") };
    assert_eq!((seen.enough, seen.wait_ms), (true, 600_000));
    let (id, expires_unix_ms) = (second.id, second.expires_unix_ms);
    bench.ok(Ask::RejectApproval { id, expires_unix_ms });
    bench.time.pass(700_000);
    refused(&mut bench, &text("500"), good.clone(), "it was rejected");
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    refused(&mut bench, &text("500"), good, "it was rejected");
}

#[test]
fn grants_are_looked_at_before_there_is_a_text() {
    let mut bench = bench(three());
    let approved = approval(&bench, "500");
    let mut see = |grants| bench.ask(Ask::Grants { key: OUT, grants });
    let seen = |persons: &[&str], enough| {
        let persons = persons.iter().map(|name| (*name).to_owned()).collect();
        Answer::Grants(GrantsSeen { persons, enough, wait_ms: 0 })
    };
    assert_eq!(see(grants(&approved, &[2])), seen(&["bob"], false));
    assert_eq!(see(grants(&approved, &[2, 1])), seen(&["alice", "bob"], true));
    assert!(matches!(see(grants(&approved, &[9])), Answer::Error(_)));
    assert!(matches!(see(vec![]), Answer::Error(_)));
    // Looking uses nothing up.
    withdraw(&mut bench, &text("500"), grants(&approved, &[1, 2])).unwrap();
    let after = bench.ask(Ask::Grants { key: OUT, grants: grants(&approved, &[2]) });
    let Answer::Error(refusal) = after else { panic!("{after:?}") };
    assert!(refusal.detail.contains("used before"), "{refusal}");
    let reject = Ask::RejectApproval { id: approved.id, expires_unix_ms: 0 };
    assert!(matches!(bench.ask(reject), Answer::Error(_)));
}

// INVARIANT (record first): where it cannot be kept that a grant was used,
// nothing is signed with it.
#[test]
fn nothing_is_signed_that_cannot_be_kept_as_used() {
    let mut bench = bench(three());
    let good = grants(&approval(&bench, "500"), &[1, 2]);
    std::fs::create_dir(bench.state().join("counters.new")).unwrap();
    let refusal = withdraw(&mut bench, &text("500"), good).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StateUnwritable, "{refusal}");
}

#[test]
fn the_list_of_approvals_is_bounded() {
    let mut bench = bench(three());
    let now = bench.time.now();
    {
        let mut core = bench.core.lock().unwrap();
        for number in 0..crate::limits::GRANTS_KEPT as u128 {
            let id = GrantId((number + (1 << 100)).to_be_bytes());
            assert!(core.counters.keep_grant(id, now + HOUR, super::super::grants::Fate::Used));
        }
    }
    let good = grants(&approval(&bench, "500"), &[1, 2]);
    let full = withdraw(&mut bench, &text("500"), good.clone()).unwrap_err();
    assert!(full.detail.contains("list of approvals is full"), "{full}");
    bench.time.pass(HOUR);
    withdraw(&mut bench, &text("500"), good).unwrap();
}
