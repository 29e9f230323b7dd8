#![allow(clippy::unwrap_used, reason = "test code")]

use proptest::prelude::*;

use super::*;

fn kind(text: &str) -> JsonErrorKind {
    parse(text.as_bytes()).unwrap_err().kind
}

#[test]
fn values_are_exact() {
    let value = parse(br#" {"a":[1,2.50,-0,1e5],"b":"\u0041\ud83d\ude00\/","c":null} "#).unwrap();
    assert_eq!(value.canonical(), "{\"a\":[1,2.50,-0,1e5],\"b\":\"A\u{1f600}/\",\"c\":null}");
    assert_eq!(value.get("a").unwrap().elements().unwrap()[1].scalar(), Some("2.50"));
    assert_eq!(value.get("b").unwrap().as_text(), Some("A\u{1f600}/"));
    assert_eq!(value.get("A"), None);
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    use JsonErrorKind as K;
    for (text, expected) in [
        (r#"{"a":1,"a":2}"#, K::DuplicateName),
        (r#"{"a":1,"A":2}"#, K::DuplicateName),
        (r#"{"a":1,"\u0061":2}"#, K::DuplicateName),
        (r#"[{"a":{"b":1,"b":1}}]"#, K::DuplicateName),
        ("\u{feff}{}", K::ByteOrderMark),
        ("{}{}", K::Trailing),
        ("{} x", K::Trailing),
        ("1 2", K::Trailing),
        ("01", K::Number),
        ("-01", K::Number),
        ("+1", K::Number),
        (".5", K::Number),
        ("1.", K::Number),
        ("1e", K::Number),
        ("-", K::Number),
        ("0x10", K::Trailing),
        ("NaN", K::Syntax),
        ("Infinity", K::Syntax),
        ("{a:1}", K::Syntax),
        ("{'a':1}", K::Syntax),
        ("[1,]", K::Syntax),
        (r#"{"a":1,}"#, K::Syntax),
        ("[1 2]", K::Syntax),
        ("[", K::Syntax),
        ("\"a", K::Syntax),
        ("\"a\nb\"", K::Syntax),
        ("// c\n1", K::Syntax),
        ("", K::Syntax),
        ("tru", K::Syntax),
        (r#""\x41""#, K::Escape),
        (r#""\u00g1""#, K::Escape),
        (r#""\u+041""#, K::Escape),
        (r#""\ud800""#, K::Escape),
        (r#""\ud800\u0041""#, K::Escape),
        (r#""\udc00""#, K::Escape),
        (r#""\u12"#, K::Escape),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    assert_eq!(parse(b"\"\xff\"").unwrap_err().kind, K::NotUtf8);
}

#[test]
fn depth_size_and_count_are_bounded() {
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(deep(limits::JSON_DEPTH - 1).as_bytes()).is_ok());
    assert_eq!(kind(&deep(limits::JSON_DEPTH)), JsonErrorKind::TooLarge);
    assert_eq!(kind(&"[".repeat(limits::JSON_BYTES)), JsonErrorKind::TooLarge);
    let many = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    assert!(parse(many(limits::JSON_VALUES - 1).as_bytes()).is_ok());
    assert_eq!(kind(&many(limits::JSON_VALUES)), JsonErrorKind::TooLarge);
    assert_eq!(kind(&" ".repeat(limits::JSON_BYTES + 1)), JsonErrorKind::TooLarge);
}

/// The same value as a common library reads, numbers compared as it keeps them.
fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Boolean(a), serde_json::Value::Bool(b)) => a == b,
        (Value::Text(a), serde_json::Value::String(b)) => a == b,
        (Value::Number(text), serde_json::Value::Number(number)) => {
            let again: serde_json::Number = serde_json::from_str(text).unwrap();
            again == *number
        }
        (Value::List(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), serde_json::Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

fn agrees(bytes: &[u8]) {
    let Ok(ours) = parse(bytes) else { return };
    let theirs: serde_json::Value = match serde_json::from_slice(bytes) {
        Ok(theirs) => theirs,
        // It bounds what it can keep as a float; we keep the text.
        Err(error) => {
            assert!(error.to_string().contains("number out of range"), "{error}");
            return;
        }
    };
    assert!(same(&ours, &theirs), "{ours:?}");
    let canonical = ours.canonical();
    assert_eq!(parse_canonical(canonical.as_bytes()).unwrap(), ours);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec(("[a-z\"\\\\\u{1}é]{1,4}", inner), 0..4)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    })
}

proptest! {
    #[test]
    fn what_a_common_library_writes_is_read_the_same(value in any_json()) {
        for text in [serde_json::to_string(&value), serde_json::to_string_pretty(&value)] {
            let text = text.unwrap();
            let ours = parse(text.as_bytes()).unwrap();
            prop_assert!(same(&ours, &value), "{}", text);
        }
    }

    #[test]
    fn whatever_is_taken_a_common_library_reads_the_same(
        text in r#"[\[\]{}",:0-9eE.+\-a-c\\utrn \u{e9}]{0,24}"#,
    ) {
        agrees(text.as_bytes());
    }

    #[test]
    fn a_mutated_text_is_read_the_same_or_not_at_all(
        value in any_json(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<u8>()), 1..4),
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        for (place, edit, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match edit {
                0 => { bytes.remove(at); }
                1 => bytes.insert(at, byte),
                _ => if let Some(place) = bytes.get_mut(at) { *place = byte },
            }
        }
        agrees(&bytes);
    }
}
