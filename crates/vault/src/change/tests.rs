use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::ceiling::{Approvals, ApprovedCeiling, Approver, Destination, ValueOutCeiling};
use crate::grant::ApproverKey;
use crate::protocol::KeyClass;
use wire::model::Decimal;

const NOW: u64 = 1_700_000_000_000;
const DAY: u64 = 24 * 3_600_000;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/change").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn approver(name: &str) -> Approver {
    let key = ApproverKey::parse(&file(&format!("{name}.pub"))).unwrap();
    Approver { name: name.to_owned(), key, owns: Vec::new() }
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Two of alice, bob and carol, who runs `hers`; 100 a request without them, 1000
/// with.
fn old() -> Ceiling {
    let mut approvers = vec![approver("alice"), approver("bob"), approver("carol")];
    approvers[2].owns = vec!["hers".to_owned()];
    Ceiling {
        value_out: vec![ValueOutCeiling {
            asset: "USDT".to_owned(),
            per_request: decimal("100"),
            per_day: decimal("250.50"),
            approved: Some(ApprovedCeiling {
                per_request: decimal("1000"),
                per_day: decimal("3000"),
            }),
            destinations: vec![
                Destination { network: "ETH".into(), address: "0xaa".into(), memo: None },
                Destination { network: "XRP".into(), address: "rB".into(), memo: Some("7".into()) },
            ],
        }],
        approvals: Some(Approvals::usual(approvers)),
        ..Ceiling::closed(KeyClass::ValueOut)
    }
}

/// 5000 a request with approval, to one destination, and carol's place is
/// mallory's.
fn after() -> Terms {
    let Ceiling { mut value_out, approvals, .. } = old();
    value_out[0].approved.as_mut().unwrap().per_request = decimal("5000");
    value_out[0].approved.as_mut().unwrap().per_day = decimal("9000");
    value_out[0].destinations.truncate(1);
    let mut approvals = approvals.unwrap();
    approvals.approvers[2] = approver("mallory");
    Terms { value_out, approvals }
}

fn in_force(ceiling: &Ceiling) -> InForce<'_> {
    InForce {
        venue: Venue::Binance,
        account: "main",
        key: "main-out",
        api_key: "k3y",
        generation: 1,
        ceiling,
    }
}

fn change() -> Change {
    let id = GrantId::parse("00112233445566778899aabbccddeeff").unwrap();
    Change::propose(&in_force(&old()), after(), id, NOW, DAY).unwrap()
}

fn signed(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| file(&format!("{name}.sig"))).collect()
}

fn agreed(names: &[&str]) -> Result<Agreed, ChangeError> {
    agree(file("change").as_bytes(), &signed(names), &in_force(&old()), NOW + 1)
}

#[test]
fn the_bytes_are_those_of_the_vector() {
    let bytes = change().encode().unwrap();
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), file("change"));
    assert_eq!(Change::decode(&bytes).unwrap(), change());
}

#[test]
fn what_ssh_keygen_signed_for_the_old_quorum_makes_the_new_ceiling() {
    let agreed = agreed(&["alice", "bob"]).unwrap();
    assert_eq!(agreed.delay_ms(), 0);
    let new = agreed.clone().into_ceiling(&in_force(&old())).unwrap();
    let expected =
        Ceiling { value_out: after().value_out, approvals: Some(after().approvals), ..old() };
    assert_eq!(new, expected);
    // Once: the ceiling that it made has another number, whatever it says.
    let later = InForce { generation: 2, ..in_force(&new) };
    assert!(agreed.into_ceiling(&later).unwrap_err().to_string().contains("applied before"));
    let (change, by) = (file("change"), signed(&["alice", "bob"]));
    let again = agree(change.as_bytes(), &by, &later, NOW + 1).unwrap_err().to_string();
    assert!(again.contains("applied before"), "{again}");
    // Nor where the same ceiling is in force again.
    let old = old();
    let back = InForce { generation: 3, ..in_force(&old) };
    assert!(agree(change.as_bytes(), &by, &back, NOW + 1).is_err());
}

#[test]
fn what_is_not_of_the_old_quorum_is_none() {
    for (names, says) in [
        (&[][..], "0 of 2 approvers"),
        (&["alice"], "1 of 2 approvers"),
        (&["alice", "alice"], "two grants with one key"),
        // An approver of the new ceiling is not one of the old.
        (&["mallory"], "a key of no approver"),
        (&["alice", "mallory"], "a key of no approver"),
        (&["alice", "bob", "mallory"], "a key of no approver"),
        // Made for an approval, of the very same bytes.
        (&["alice", "bob-as-approval"], "for another purpose"),
    ] {
        let refusal = agreed(names).unwrap_err().to_string();
        assert!(refusal.contains(says), "{names:?}: {refusal}");
    }
    let many = vec![file("alice.sig"); GRANTS + 1];
    let refusal = agree(file("change").as_bytes(), &many, &in_force(&old()), NOW).unwrap_err();
    assert!(refusal.to_string().contains("at most"), "{refusal}");
}

#[test]
fn a_signature_for_a_change_is_none_for_an_approval() {
    let change = file("change");
    let verified = approver("alice").key.verify(&file("alice.sig"), change.as_bytes());
    assert_eq!(verified, Err(crate::grant::SignatureError::Namespace(crate::grant::NAMESPACE)));
    approver("bob").key.verify(&file("bob-as-approval.sig"), change.as_bytes()).unwrap();
    assert!(crate::grant::Approval::decode(change.as_bytes()).is_err());
}

#[test]
fn an_altered_change_is_none() {
    let text = file("change");
    for (from, to, says) in [
        ("approved per request: 5000", "approved per request: 5001", "not of this key over"),
        ("id: 00", "id: 10", "not of this key over"),
        ("expires: 17000864", "expires: 17000865", "not of this key over"),
        ("account: main", "account: other", "for the account `other`"),
        ("venue: binance", "venue: woox", "for the venue"),
        ("key: main-out", "key: main-2", "for the key"),
        ("api key: k3y", "api key: k4y", "for the api key"),
        ("replaces: ", "replaces: 0", "not the bytes"),
        ("generation: 2", "generation: 3", "another ceiling than the one in force"),
        ("generation: 2", "generation: 1", "applied before"),
        // What it says of the ceiling in force is true or it is nothing.
        ("per day: 250.5\n", "per day: 250\n", "another ceiling than the one in force"),
        ("fingerprint: SHA256:", "fingerprint: SHA256:x", "not the bytes"),
        ("per day: 250.5\n", "per day: 250.50\n", "not the bytes"),
        ("no memo\n", "", "not the bytes"),
        ("quorum: 2\n", "quorum: 02\n", "not the bytes"),
        ("change 1", "change 2", "not the bytes"),
        ("ceiling in force\n", "", "not the bytes"),
        ("owns: hers\n", "owns: hers\nowns: \n", "cannot hold"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let signatures = signed(&["alice", "bob"]);
        let refusal = agree(changed.as_bytes(), &signatures, &in_force(&old()), NOW + 1);
        let refusal = refusal.unwrap_err().to_string();
        assert!(refusal.contains(says), "{from} -> {to}: {refusal}");
    }
    let mut digest = change();
    digest.replaces[0] ^= 1;
    let bytes = digest.encode().unwrap();
    let refusal = agree(&bytes, &signed(&["alice", "bob"]), &in_force(&old()), NOW).unwrap_err();
    assert!(refusal.to_string().contains("another ceiling"), "{refusal}");
    // What approvers do not see is held against the digest.
    let wider = Ceiling { max_receive_window_ms: 1, ..old() };
    let now = in_force(&wider);
    let refusal = agree(file("change").as_bytes(), &signed(&["alice", "bob"]), &now, NOW);
    assert!(refusal.unwrap_err().to_string().contains("another ceiling"));
}

#[test]
fn it_lives_for_its_time() {
    let at = |now_ms| {
        let by = signed(&["alice", "bob"]);
        agree(file("change").as_bytes(), &by, &in_force(&old()), now_ms)
    };
    at(NOW + DAY - 1).unwrap();
    assert!(at(NOW + DAY).unwrap_err().to_string().contains("expired"));
    assert!(at(NOW - DAY).unwrap_err().to_string().contains("in the future"));
    let id = GrantId([1; 16]);
    let (old, long) = (old(), 8 * DAY);
    let refusal = Change::propose(&in_force(&old), after(), id, NOW, long).unwrap_err();
    assert_eq!(refusal, ChangeError::Life);
}

#[test]
fn what_makes_no_ceiling_makes_no_change() {
    type Edit = fn(&mut Terms);
    let edits: [(Edit, &str); 7] = [
        (|new| *new = terms(&in_force(&old())).unwrap(), "changes nothing"),
        (|new| new.approvals.quorum = 4, "quorum must be 1 to 3"),
        (|new| new.approvals.approvers.clear(), "need approvers"),
        (|new| new.approvals.delay_ms = 60_000, "a delay is for"),
        (|new| new.value_out[0].destinations.clear(), "no listed destination"),
        (|new| new.value_out[0].per_request = decimal("-1"), "a day must allow"),
        (|new| new.value_out[0].destinations[0].address = "a\nb".into(), "address has characters"),
    ];
    for (edit, says) in edits {
        let mut new = after();
        edit(&mut new);
        let refusal = Change::propose(&in_force(&old()), new, GrantId([1; 16]), NOW, DAY);
        let refusal = refusal.unwrap_err().to_string();
        assert!(refusal.contains(says), "{says}: {refusal}");
    }
    let nobody = Ceiling { approvals: None, value_out: Vec::new(), ..old() };
    let refusal = Change::propose(&in_force(&nobody), after(), GrantId([1; 16]), NOW, DAY);
    assert!(refusal.unwrap_err().to_string().contains("no approvers are sealed"));
}

#[test]
fn the_lines_say_what_goes_and_what_comes() {
    let lines = change().lines();
    let has = |line: Line| assert!(lines.contains(&line), "{line:?} in {lines:#?}");
    has(Line::Goes("USDT: with approval at most 1000 a request, 3000 more in 24 h".into()));
    has(Line::Comes("USDT: with approval at most 5000 a request, 9000 more in 24 h".into()));
    has(Line::Stays("USDT: without approval at most 100 a request, 250.5 in 24 h".into()));
    has(Line::Goes("USDT: to rB on XRP, memo 7".into()));
    has(Line::Stays("USDT: to 0xaa on ETH, no memo".into()));
    let carol = approver("carol").key.fingerprint();
    has(Line::Goes(format!("approver carol: {carol}, not for hers")));
    has(Line::Comes(format!("approver mallory: {}", approver("mallory").key.fingerprint())));
    has(Line::Stays("approved by 2 of 3 persons".into()));
}

proptest! {
    #[test]
    fn what_reads_has_one_spelling(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = file("change").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(read) = Change::decode(&bytes) {
            prop_assert_eq!(read.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Change::decode(&bytes);
        let _ = agree(&bytes, &[], &in_force(&old()), NOW);
    }
}
