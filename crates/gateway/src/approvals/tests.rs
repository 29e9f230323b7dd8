use super::*;

const NOW: u64 = 1_700_000_000_000;

fn content(amount: u64) -> Content {
    Content {
        action: "POST /sapi/v1/capital/withdraw/apply".into(),
        venue: "binance".into(),
        account: "main".into(),
        principal: "treasury".into(),
        asset: "USDT".into(),
        amount: amount.into(),
        network: "ETH".into(),
        address: "0xaa".into(),
        memo: None,
        fee_payer: None,
    }
}

fn wanted(amount: u64) -> Wanted {
    Wanted { content: content(amount), client_id: Some("w1".into()) }
}

fn approve(book: &Approvals, id: GrantId) {
    book.change(id, |one| {
        one.standing = Standing::Approved;
        one.persons = vec!["alice".into(), "bob".into()];
        let approval = one.bytes.clone();
        one.grants = vec![Grant { approval, signature: "pem\n".into() }];
    })
    .unwrap();
}

#[test]
fn one_waits_for_the_same_and_outlives_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("approvals");
    let book = Approvals::open(&path);
    let (first, new) =
        book.ask(&wanted(5), b"coin=USDT", "main-out", "over the first tier", NOW).unwrap();
    assert!(new);
    let (again, new) = book.ask(&wanted(5), b"coin=USDT", "main-out", "over", NOW + 9).unwrap();
    assert_eq!((&again, new), (&first, false));
    let (other, new) = book.ask(&wanted(6), b"coin=USDT", "main-out", "over", NOW).unwrap();
    assert!(new && other.approval.id != first.approval.id);
    assert!(book.granted(&content(5), NOW).is_none());
    approve(&book, first.approval.id);
    let granted = book.granted(&content(5), NOW).unwrap();
    assert_eq!((granted.id, granted.grants.len()), (first.approval.id, 1));
    assert!(book.granted(&content(6), NOW).is_none());

    let later = Approvals::open(&path);
    assert_eq!(later.all(NOW), book.all(NOW));
    assert_eq!(later.granted(&content(5), NOW).unwrap().id, first.approval.id);
    later.over(first.approval.id);
    assert!(later.granted(&content(5), NOW).is_none());
    // What is used does not wait any more.
    assert!(later.ask(&wanted(5), b"coin=USDT", "main-out", "over", NOW).unwrap().1);
    assert!(Approvals::open(&path).granted(&content(5), NOW).is_none());
}

#[test]
fn what_expires_is_gone_and_the_book_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let book = Approvals::open(&directory.path().join("approvals"));
    for amount in 1..=limits::APPROVALS as u64 {
        book.ask(&wanted(amount), b"coin=USDT", "main-out", "over", NOW).unwrap();
    }
    let full = book.ask(&wanted(9_999), b"coin=USDT", "main-out", "over", NOW).unwrap_err();
    assert!(full.contains("approve or reject some"), "{full}");
    let first = book.all(NOW)[0].approval.id;
    book.change(first, |one| one.standing = Standing::Rejected);
    book.ask(&wanted(9_999), b"coin=USDT", "main-out", "over", NOW).unwrap();
    let later = NOW + limits::APPROVAL_LIFE_MS;
    assert!(book.all(later).is_empty());
    book.ask(&wanted(1), b"coin=USDT", "main-out", "over", later).unwrap();
}

#[test]
fn found_by_how_its_number_begins() {
    let directory = tempfile::tempdir().unwrap();
    let book = Approvals::open(&directory.path().join("approvals"));
    let (one, _) = book.ask(&wanted(1), b"coin=USDT", "main-out", "over", NOW).unwrap();
    let id = one.approval.id.to_string();
    assert_eq!(book.find(&id, NOW).unwrap(), one);
    assert_eq!(book.find(id.get(..4).unwrap(), NOW).unwrap(), one);
    for none in ["", "x", &format!("{id}0")] {
        assert!(book.find(none, NOW).is_err(), "{none}");
    }
    assert!(book.find(&id, one.approval.expires_unix_ms).is_err());
}

#[test]
fn a_damaged_file_is_an_empty_book() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("approvals");
    let book = Approvals::open(&path);
    book.ask(&wanted(5), b"coin=USDT", "main-out", "over", NOW).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [("amount: 5", "amount: 05"), ("{", ""), ("pending", "waiting")] {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(Approvals::open(&path).all(NOW).is_empty(), "{from}");
    }
}

#[test]
fn a_value_that_cannot_be_signed_cannot_be_approved() {
    let directory = tempfile::tempdir().unwrap();
    let book = Approvals::open(&directory.path().join("approvals"));
    let mut odd = wanted(5);
    odd.content.memo = Some("1\nno fee payer".into());
    assert!(book.ask(&odd, b"", "main-out", "over", NOW).unwrap_err().contains("memo"));
}
