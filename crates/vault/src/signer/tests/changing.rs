use super::*;
use crate::change::{Change, InForce, NAMESPACE, Terms};
use crate::grant::{Approval, Content, GrantId};
use crate::protocol::KeyInfo;

/// Alice, bob and carol.
fn three() -> Vec<Approver> {
    vec![approver("alice", 1), approver("bob", 2), approver("carol", 3)]
}

fn bench(approvers: Vec<Approver>) -> Bench {
    let out = reading().with(Right::Withdrawals);
    Bench::with(START, [new_key("main-out", out, approved_ceiling(approvers))])
}

fn info(bench: &mut Bench) -> KeyInfo {
    match bench.control(ControlAsk::Keys) {
        ControlAnswer::Keys(keys) => keys.into_iter().find(|key| key.name == "main-out").unwrap(),
        other => panic!("{other:?}"),
    }
}

fn sealed(bench: &mut Bench) -> Ceiling {
    match bench.control(ControlAsk::Ceiling { name: "main-out".into() }) {
        ControlAnswer::Ceiling(bytes) => Ceiling::decode(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A change of what is in force now.
fn propose(bench: &mut Bench, number: u8, edit: impl FnOnce(&mut Terms)) -> Vec<u8> {
    let (info, ceiling) = (info(bench), sealed(bench));
    let mut terms = Terms {
        value_out: ceiling.value_out.clone(),
        approvals: ceiling.approvals.clone().unwrap(),
    };
    edit(&mut terms);
    let now = InForce {
        venue: crate::venue::Venue::Binance,
        account: &info.account,
        key: &info.name,
        api_key: &info.api_key,
        generation: info.generation,
        ceiling: &ceiling,
    };
    let id = GrantId([number; 16]);
    Change::propose(&now, terms, id, bench.time.now(), DAY).unwrap().encode().unwrap()
}

fn raise(terms: &mut Terms) {
    terms.value_out[0].approved.as_mut().unwrap().per_request = decimal("2500");
}

fn apply(bench: &mut Bench, change: &[u8], seeds: &[u8]) -> Result<KeyInfo, SignRefusal> {
    let signatures =
        seeds.iter().map(|seed| TestKey::new(*seed).sign_for(NAMESPACE, change)).collect();
    match bench.control(ControlAsk::ChangeCeiling { change: change.to_vec(), signatures }) {
        ControlAnswer::Key(key) => Ok(key),
        ControlAnswer::Error(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn refused(bench: &mut Bench, change: &[u8], seeds: &[u8], says: &str) {
    let refusal = apply(bench, change, seeds).unwrap_err();
    assert!(refusal.detail.contains(says), "`{says}`: {refusal}");
}

fn withdraw(
    bench: &mut Bench,
    number: u8,
    amount: &str,
    seeds: &[u8],
) -> Result<Signed, SignRefusal> {
    bench.time.pass(8_000);
    let approval = Approval {
        content: Content {
            action: "POST /sapi/v1/capital/withdraw/apply".into(),
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
        id: GrantId([number; 16]),
        issued_unix_ms: bench.time.now(),
        expires_unix_ms: bench.time.now() + DAY,
    };
    let grants = seeds.iter().map(|seed| TestKey::new(*seed).grant(&approval)).collect();
    let now = bench.time.now();
    let text = format!(
        "coin=USDT&network=ETH&address=0xaa&amount={amount}&withdrawOrderId=w{number}&timestamp={now}"
    );
    let ask = bench.want(OUT, Effect::ValueOut, &text);
    bench.sign_ask(SignAsk { principal: "treasury".into(), grants, ..ask })
}

#[test]
fn the_old_quorum_changes_what_is_signed_at_once_and_after_a_restart() {
    let mut bench = bench(three());
    let before = info(&mut bench);
    assert_eq!(withdraw(&mut bench, 1, "2000", &[1, 2]).unwrap_err().code, RefusalCode::Ceiling);
    // Dave in carol's place, and more.
    let change = propose(&mut bench, 9, |terms| {
        raise(terms);
        terms.approvals.approvers[2] = approver("dave", 4);
    });
    refused(&mut bench, &change, &[1], "1 of 2 approvers");
    refused(&mut bench, &change, &[1, 1], "two grants with one key");
    refused(&mut bench, &change, &[1, 4], "a key of no approver");
    assert_eq!(info(&mut bench), before, "nothing has changed so far");
    let after = apply(&mut bench, &change, &[1, 3]).unwrap();
    assert_eq!(after.generation, before.generation + 1);
    assert_ne!(after.ceiling_digest, before.ceiling_digest);
    assert_eq!(after.approvers, ["alice", "bob", "dave"]);
    assert!(after.ceiling.contains("at most 2500 a request"), "{}", after.ceiling);
    withdraw(&mut bench, 2, "2000", &[1, 4]).unwrap();
    let gone = withdraw(&mut bench, 3, "900", &[1, 3]).unwrap_err();
    assert!(gone.detail.contains("a key of no approver"), "{gone}");
    // Not again, whoever signs, and not after a restart.
    refused(&mut bench, &change, &[1, 3], "applied before");
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    assert_eq!(info(&mut bench), after);
    refused(&mut bench, &change, &[1, 3], "applied before");
    // The second tier's day goes on: 2000 of its 3000 have left.
    let full = withdraw(&mut bench, 4, "1500", &[1, 4]).unwrap_err();
    assert_eq!(full.code, RefusalCode::Window, "{full}");
    withdraw(&mut bench, 5, "900", &[2, 4]).unwrap();
}

#[test]
fn narrower_takes_the_quorum_too() {
    let mut bench = bench(three());
    let change = propose(&mut bench, 9, |terms| {
        terms.value_out[0].approved.as_mut().unwrap().per_request = decimal("500");
    });
    refused(&mut bench, &change, &[2], "1 of 2 approvers");
    apply(&mut bench, &change, &[2, 3]).unwrap();
    assert_eq!(withdraw(&mut bench, 1, "501", &[1, 2]).unwrap_err().code, RefusalCode::Ceiling);
}

#[test]
fn a_change_back_does_not_bring_the_first_one_to_life() {
    let mut bench = bench(three());
    let first = propose(&mut bench, 1, raise);
    apply(&mut bench, &first, &[1, 2]).unwrap();
    let back = propose(&mut bench, 2, |terms| {
        terms.value_out[0].approved.as_mut().unwrap().per_request = decimal("1000");
    });
    apply(&mut bench, &back, &[1, 2]).unwrap();
    assert_eq!(withdraw(&mut bench, 3, "2000", &[1, 2]).unwrap_err().code, RefusalCode::Ceiling);
    refused(&mut bench, &first, &[1, 2], "applied before");
}

fn sealed_file(bench: &Bench) -> PathBuf {
    bench.state().parent().unwrap().join("vault/keys/main-out.sealed")
}

#[test]
fn an_older_vault_file_signs_nothing_that_moves_value() {
    let mut bench = bench(three());
    let file = sealed_file(&bench);
    let old = std::fs::read(&file).unwrap();
    let narrow = propose(&mut bench, 1, |terms| {
        terms.value_out[0].approved.as_mut().unwrap().per_request = decimal("500");
    });
    apply(&mut bench, &narrow, &[1, 2]).unwrap();
    let new = std::fs::read(&file).unwrap();
    // Put back under a signer that runs, it takes part in no change.
    std::fs::write(&file, &old).unwrap();
    refused(&mut bench, &narrow, &[1, 2], "is an old one");
    let answer = bench.control(ControlAsk::AcceptRights { name: "main-out".into() });
    let ControlAnswer::Error(refusal) = answer else { panic!("{answer:?}") };
    assert!(refusal.detail.contains("is an old one"), "{refusal}");
    // Nor does it count for one that starts: cancels and reads alone pass.
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    for (number, amount, seeds) in [(2, "50", &[][..]), (3, "900", &[1, 2])] {
        let refusal = withdraw(&mut bench, number, amount, seeds).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::StateSpent, "{refusal}");
        assert!(refusal.detail.contains("holds ceiling 0, and 1 was in force"), "{refusal}");
    }
    assert!(bench.status().warnings.iter().any(|one| one.contains("is an old one")));
    bench.sign(OUT, Effect::Read, "").unwrap();
    // The newer file is as good as ever.
    std::fs::write(&file, &new).unwrap();
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    withdraw(&mut bench, 4, "400", &[1, 2]).unwrap();
}

#[test]
fn a_revoked_key_put_back_is_an_old_one() {
    let mut bench = bench(three());
    let file = sealed_file(&bench);
    let old = std::fs::read(&file).unwrap();
    let answer = bench.control(ControlAsk::RemoveKey { name: "main-out".into() });
    assert_eq!(answer, ControlAnswer::Ok);
    let ControlAnswer::BoxKey(public) = bench.control(ControlAsk::BoxKey) else { panic!() };
    let sealed_secret = crypto_box::PublicKey::from(public)
        .seal(&mut crypto_box::aead::OsRng, SECRET.as_bytes())
        .unwrap();
    let key = new_key("main-out", reading().with(Right::Withdrawals), out_ceiling());
    let added = bench.control(ControlAsk::AddKey(BoxedKey {
        name: key.name,
        account: key.account,
        venue: key.venue,
        api_key: key.api_key,
        class: KeyClass::ValueOut,
        scheme: key.scheme,
        rights: key.rights,
        rights_known: true,
        hosts: vec![],
        accept_wide_rights: false,
        ceiling: key.ceiling.encode().unwrap(),
        sealed_secret,
    }));
    assert!(matches!(&added, ControlAnswer::Key(key) if key.generation == 1), "{added:?}");
    std::fs::write(&file, &old).unwrap();
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    let refusal = withdraw(&mut bench, 1, "50", &[]).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StateSpent, "{refusal}");
}

#[test]
fn one_person_waits_and_may_reject() {
    let mut bench = bench(vec![approver("alice", 1), approver("alice", 2)]);
    let change = propose(&mut bench, 1, raise);
    refused(&mut bench, &change, &[1], "with the other too");
    let waits = apply(&mut bench, &change, &[1, 2]).unwrap_err();
    assert_eq!((waits.code, waits.retry), (RefusalCode::ApprovalDelay, true), "{waits}");
    bench.time.pass(9 * 60_000);
    refused(&mut bench, &change, &[1, 2], "in 60 s");
    // The delay outlives the process.
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: None });
    bench.time.pass(60_000);
    apply(&mut bench, &change, &[1, 2]).unwrap();
    // What is rejected meanwhile is over.
    let other = propose(&mut bench, 2, |terms| terms.approvals.delay_ms = 60_000);
    apply(&mut bench, &other, &[1, 2]).unwrap_err();
    let expires_unix_ms = bench.time.now() + DAY;
    bench.ok(Ask::RejectApproval { id: GrantId([2; 16]), expires_unix_ms });
    bench.time.pass(20 * 60_000);
    refused(&mut bench, &other, &[1, 2], "it was rejected");
}

#[test]
fn a_signature_under_an_approval_changes_nothing() {
    let mut bench = bench(three());
    let change = propose(&mut bench, 1, raise);
    let signatures: Vec<String> =
        [1, 2].iter().map(|seed| TestKey::new(*seed).sign(&change)).collect();
    let answer = bench.control(ControlAsk::ChangeCeiling { change, signatures });
    let ControlAnswer::Error(refusal) = answer else { panic!("{answer:?}") };
    assert!(refusal.detail.contains("for another purpose"), "{refusal}");
}

#[test]
fn without_approvers_nothing_is_changed_so() {
    let mut with = bench(three());
    let change = propose(&mut with, 1, raise);
    let mut without = Bench::new();
    refused(&mut without, &change, &[1, 2], "another ceiling than the one in force");
    refused(&mut with, b"countersign-change 1\n", &[1, 2], "not the bytes of a change");
    let answer = with.control(ControlAsk::Ceiling { name: "main-trade".into() });
    assert!(matches!(answer, ControlAnswer::Error(_)), "{answer:?}");
}

/// Rights that a person accepts widen no ceiling that has approvers.
#[test]
fn accepted_rights_widen_no_ceiling_with_approvers() {
    let mut bench = bench(three());
    let before = sealed(&mut bench);
    let answer = bench.control(ControlAsk::AcceptRights { name: "main-out".into() });
    let ControlAnswer::Error(refusal) = answer else { panic!("{answer:?}") };
    assert!(refusal.detail.contains("has approvers"), "{refusal}");
    assert_eq!(sealed(&mut bench), before);
}
