#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

fn code(text: &str) -> RefusalCode {
    ParamText::parse(text.as_bytes()).unwrap_err().code
}

#[test]
fn order_is_kept_and_canonical_is_stable() {
    let text = "symbol=BTCUSDT&side=BUY&price=0.1&timestamp=1";
    let params = ParamText::parse(text.as_bytes()).unwrap();
    assert_eq!(params.get("price"), Some("0.1"));
    assert_eq!(params.canonical(), text);
    assert_eq!(params.len(), 4);
}

#[test]
fn spellings_of_real_clients_have_one_canonical_text() {
    for (sent, canonical) in [
        ("a=x+y", "a=x%20y"),
        ("a=x%20y", "a=x%20y"),
        ("a=x%2fy", "a=x%2Fy"),
        ("a=x/y", "a=x%2Fy"),
        ("a=me@b.c", "a=me%40b.c"),
        ("a=~", "a=~"),
        ("a=%7E", "a=~"),
        ("a=%EF%BC%91", "a=%EF%BC%91"),
        ("a=%2B", "a=%2B"),
        ("a=YQ%3D%3D", "a=YQ%3D%3D"),
    ] {
        let params = ParamText::parse(sent.as_bytes()).unwrap();
        assert_eq!(params.canonical(), canonical, "{sent}");
        assert_eq!(ParamText::parse(canonical.as_bytes()).unwrap(), params, "{sent}");
    }
}

#[test]
fn what_reads_two_ways_is_refused() {
    for text in ["a=1&a=2", "a=1&A=2", "a=1&b=2&a=1"] {
        assert_eq!(code(text), RefusalCode::Duplicate, "{text}");
    }
    for text in ["a", "a=1&", "&a=1", "a=1&&b=2", "=1"] {
        assert_eq!(code(text), RefusalCode::Malformed, "{text}");
    }
    assert_eq!(code("a="), RefusalCode::Empty);
    for text in [
        "a=%",
        "a=%4",
        "a=%zz",
        "a=%41",
        "a=%2541",
        "a=%00",
        "a=%0A",
        "a=%FF",
        "a=x+y%20z",
        "a=%2f&b=%2F",
        "a=b=c",
        "a=b;c=d",
        "a=\"",
        "a=b c",
        "a=%E2%80%8B",
        "%61=1",
        "a[]=1",
        "a b=1",
        "a=\u{7f}",
        "a=é",
    ] {
        assert_eq!(code(text), RefusalCode::IllegalCharacters, "{text}");
    }
}

#[test]
fn bounds_hold() {
    let many: Vec<String> = (0..=limits::PARAMETERS).map(|i| format!("p{i}=1")).collect();
    assert_eq!(code(&many.join("&")), RefusalCode::Duplicate);
    assert_eq!(code(&format!("a={}", "1".repeat(limits::VALUE_BYTES + 1))), RefusalCode::Malformed);
    assert_eq!(
        code(&format!("{}=1", "a".repeat(limits::NAME_BYTES + 1))),
        RefusalCode::IllegalCharacters
    );
}

#[test]
fn set_keeps_alphabetical_texts_alphabetical() {
    let mut sorted = ParamText::parse(b"price=1&symbol=BTCUSDT&timestamp=1").unwrap();
    sorted.set("recvWindow", "2000").unwrap();
    assert_eq!(sorted.canonical(), "price=1&recvWindow=2000&symbol=BTCUSDT&timestamp=1");
    let mut other = ParamText::parse(b"timestamp=1&symbol=BTCUSDT").unwrap();
    other.set("recvWindow", "2000").unwrap();
    assert_eq!(other.canonical(), "timestamp=1&symbol=BTCUSDT&recvWindow=2000");
}

#[test]
fn set_replaces_in_place_or_appends() {
    let mut params = ParamText::parse(b"a=1&b=2&c=3").unwrap();
    params.set("b", "x y").unwrap();
    params.set("d", "4").unwrap();
    assert!(params.remove("c"));
    assert!(!params.remove("c"));
    assert_eq!(params.canonical(), "a=1&b=x%20y&d=4");
    assert!(params.set("e f", "1").is_err());
    assert!(params.set("e", "").is_err());
    assert!(params.set("e", "a%41").is_err());
}

#[test]
fn only_the_canonical_text_is_canonical() {
    assert!(ParamText::parse_canonical(b"a=x%20y").is_ok());
    assert!(ParamText::parse_canonical(b"a=x+y").is_err());
    assert!(ParamText::parse_canonical(b"a=x%2fy").is_err());
    assert!(ParamText::parse_canonical(b"a=@").is_err());
}

#[test]
fn a_number_is_set_as_its_digits_are() {
    for number in [0, 7, 10, 1_700_000_000_000, u64::MAX] {
        let mut digits = ParamText::parse(b"symbol=A&timestamp=1&b=2").unwrap();
        let mut text = digits.clone();
        digits.set_number("timestamp", number).unwrap();
        text.set("timestamp", &number.to_string()).unwrap();
        assert_eq!(digits, text);
        digits.set_number("other", number).unwrap();
        assert!(digits.canonical().ends_with(&format!("&b=2&other={number}")));
    }
}
