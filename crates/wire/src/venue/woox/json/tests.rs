use super::*;

fn canonical(text: &str) -> Result<String, Refusal> {
    Object::parse(text.as_bytes()).map(|object| object.canonical())
}

#[test]
fn one_form_whatever_the_spaces_and_the_order() {
    for (text, expected) in [
        ("{}", "{}"),
        (" { } ", "{}"),
        ("{\"b\" : 1,\r\n\t\"a\":\"x\"}", "{\"a\":\"x\",\"b\":1}"),
        ("{\"a\":[1, 2.50,true]}", "{\"a\":[1,2.50,true]}"),
        ("{\"z\":{\"b\":false,\"a\":0}}", "{\"z\":{\"a\":0,\"b\":false}}"),
        ("{\"a\":\"\\u00e9\\ud83d\\ude00\"}", "{\"a\":\"é😀\"}"),
        ("{\"a\":\"say \\\"no\\\" \\\\\"}", "{\"a\":\"say \\\"no\\\" \\\\\"}"),
        ("{\"a\":\"a/b\"}", "{\"a\":\"a/b\"}"),
    ] {
        let once = canonical(text).unwrap();
        assert_eq!(once, expected);
        assert_eq!(canonical(&once).unwrap(), expected);
    }
}

#[test]
fn two_readings_are_refused() {
    for (text, code) in [
        ("", RefusalCode::Malformed),
        ("[]", RefusalCode::Malformed),
        ("{\"a\":1", RefusalCode::Malformed),
        ("{\"a\":1}}", RefusalCode::Malformed),
        ("{\"a\":1} {}", RefusalCode::Malformed),
        ("{\"a\":1,}", RefusalCode::Malformed),
        ("{,}", RefusalCode::Malformed),
        ("{a:1}", RefusalCode::Malformed),
        ("{'a':1}", RefusalCode::Malformed),
        ("{\"a\" 1}", RefusalCode::Malformed),
        ("{\"a\":1;\"b\":2}", RefusalCode::IllegalCharacters),
        ("\u{feff}{}", RefusalCode::IllegalCharacters),
        ("{\"a\":1,\"a\":2}", RefusalCode::Duplicate),
        ("{\"a\":1,\"A\":2}", RefusalCode::Duplicate),
        ("{\"a\":{\"b\":1,\"b\":1}}", RefusalCode::Duplicate),
        ("{\"a\":[{\"b\":1,\"B\":1}]}", RefusalCode::Duplicate),
        ("{\"\\u0061\":1}", RefusalCode::Malformed),
        ("{\"\":1}", RefusalCode::IllegalCharacters),
        ("{\"a b\":1}", RefusalCode::IllegalCharacters),
        ("{\"1a\":1}", RefusalCode::IllegalCharacters),
        ("{\"a\":null}", RefusalCode::Empty),
        ("{\"a\":\"\"}", RefusalCode::Empty),
        ("{\"a\":[]}", RefusalCode::Empty),
        ("{\"a\":[1,]}", RefusalCode::IllegalCharacters),
        ("{\"a\":-1}", RefusalCode::IllegalCharacters),
        ("{\"a\":+1}", RefusalCode::IllegalCharacters),
        ("{\"a\":1e3}", RefusalCode::IllegalCharacters),
        ("{\"a\":01}", RefusalCode::IllegalCharacters),
        ("{\"a\":.5}", RefusalCode::IllegalCharacters),
        ("{\"a\":5.}", RefusalCode::IllegalCharacters),
        ("{\"a\":0x1}", RefusalCode::IllegalCharacters),
        ("{\"a\":NaN}", RefusalCode::IllegalCharacters),
        ("{\"a\":Infinity}", RefusalCode::IllegalCharacters),
        ("{\"a\":True}", RefusalCode::IllegalCharacters),
        ("{\"a\":1/*c*/}", RefusalCode::IllegalCharacters),
        ("{\"a\":\u{a0}1}", RefusalCode::IllegalCharacters),
        ("{\"a\":1234567890123456}", RefusalCode::Malformed),
        ("{\"a\":0.1234567890123456}", RefusalCode::Malformed),
        ("{\"a\":\"\\u0041\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"a\\/b\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"\\n\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"a\nb\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"\\ud83d\"}", RefusalCode::Malformed),
        ("{\"a\":\"\\ud83d\\u0041\"}", RefusalCode::Malformed),
        ("{\"a\":\"\\ude00\"}", RefusalCode::Malformed),
        ("{\"a\":\"\\u12\"}", RefusalCode::Malformed),
        ("{\"a\":\"\\x41\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"%41\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"x\u{200b}\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"\\u200b\"}", RefusalCode::IllegalCharacters),
        ("{\"a\":\"x}", RefusalCode::Malformed),
        ("{\"a\":\"x\\\"}", RefusalCode::Malformed),
    ] {
        let refusal = canonical(text).unwrap_err();
        assert_eq!(refusal.code, code, "{text}: {refusal}");
    }
    assert!(Object::parse(b"{\"a\":\"\xff\"}").is_err());
}

/// INVARIANT (bounded).
#[test]
fn limits_hold() {
    let nested = |depth: usize| {
        let open = "{\"a\":".repeat(depth);
        format!("{open}1{}", "}".repeat(depth))
    };
    assert!(canonical(&nested(crate::limits::JSON_DEPTH)).is_ok());
    assert!(canonical(&nested(crate::limits::JSON_DEPTH + 1)).is_err());
    let list = |length: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(length - 1));
    assert!(canonical(&list(crate::limits::JSON_VALUES - 1)).is_ok());
    assert!(canonical(&list(crate::limits::JSON_VALUES)).is_err());
    assert!(canonical(&format!("{{\"a\":\"{}\"}}", "x".repeat(1024))).is_ok());
    assert!(canonical(&format!("{{\"a\":\"{}\"}}", "x".repeat(1025))).is_err());
    assert!(canonical(&format!("{{\"{}\":1}}", "x".repeat(65))).is_err());
    assert!(Object::parse(&vec![b' '; crate::limits::SIGNED_TEXT_BYTES + 1]).is_err());
}

#[test]
fn adds_a_text_in_its_place() {
    let mut object = Object::parse(b"{\"b\":1}").unwrap();
    object.add_text("a", "7").unwrap();
    assert_eq!(object.canonical(), "{\"a\":\"7\",\"b\":1}");
    assert!(object.add_text("B", "7").is_err());
    assert!(object.add_text("c", "").is_err());
    assert!(object.add_text("c d", "1").is_err());
    assert!(object.add_text("c", "a%b").is_err());
    assert!(Object::parse_canonical(b"{\"b\":1,\"a\":1}").is_err());
    assert!(Object::parse_canonical(b"{\"a\": 1}").is_err());
}

#[test]
fn debug_shows_names_alone() {
    let object = Object::parse(b"{\"address\":\"0xsecret\"}").unwrap();
    assert_eq!(format!("{object:?}"), "{\"address\"}");
}
