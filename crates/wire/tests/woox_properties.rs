//! Properties of WOO X's readers: another JSON reader agrees with ours,
//! whatever is read reads the same again, and no text that a table allows can
//! mean something worse than it says.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::path::Path;

use proptest::prelude::*;
use wire::fuzz;
use wire::model::Effect;
use wire::venue::woox::listed::{Form, Place, Weight, all};
use wire::venue::woox::{
    Json, Object, RawRequest, Scheme, Text, collide, read, receive, text_to_sign,
};

/// Our value as the other reader's.
fn theirs(json: &Json) -> serde_json::Value {
    match json {
        Json::Text(text) => serde_json::Value::String(text.clone()),
        Json::Number(number) => serde_json::from_str(number).unwrap(),
        Json::Boolean(value) => serde_json::Value::Bool(*value),
        Json::List(values) => values.iter().map(theirs).collect(),
        Json::Object(object) => their_object(object),
    }
}

fn their_object(object: &Object) -> serde_json::Value {
    serde_json::Value::Object(
        object.iter().map(|(name, value)| (name.to_owned(), theirs(value))).collect(),
    )
}

/// Whatever we take, `serde_json` takes, and reads as the same value; our
/// canonical form too.
fn agrees(bytes: &[u8]) {
    let Ok(object) = Object::parse(bytes) else { return };
    let found: serde_json::Value = serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("only we take {}: {error}", String::from_utf8_lossy(bytes)));
    assert_eq!(found, their_object(&object));
    let again: serde_json::Value = serde_json::from_str(&object.canonical()).unwrap();
    assert_eq!(found, again);
    fuzz::woox_json(bytes);
}

/// JSON of the kind that bodies hold, some of it outside what we take.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        "[a-zA-Z0-9_ \"\\\\/é😀%\u{200b}\n]{0,8}".prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        (0_u64..1_000_000_000).prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec(("[a-zA-Z_]{1,4}", inner), 0..5)
                .prop_map(|fields| { serde_json::Value::Object(fields.into_iter().collect()) }),
        ]
    })
}

fn printed() -> impl Strategy<Value = String> {
    let root = prop::collection::vec(("[a-zA-Z][a-zA-Z_]{0,3}", json()), 0..6);
    (root, any::<bool>()).prop_map(|(fields, pretty)| {
        let object = serde_json::Value::Object(fields.into_iter().collect());
        if pretty { format!("{object:#}") } else { object.to_string() }
    })
}

/// Bytes of JSON with a few of them changed, put in or taken out.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..3_u8, prop::sample::select(ALPHABET.to_vec()));
    (printed(), prop::collection::vec(edit, 1..4)).prop_map(|(text, edits)| {
        let mut bytes = text.into_bytes();
        for (index, kind, byte) in edits {
            let at = index.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 => {
                    if let Some(place) = bytes.get_mut(at) {
                        *place = byte;
                    }
                }
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    })
}

const ALPHABET: &[u8] = b"{}[]\",:\\/u0123456789abcdefE+-. \n\ttrufalsn\xef\xbb\xbf\xff\0";

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_reader_agrees(text in printed()) {
        agrees(text.as_bytes());
    }

    #[test]
    fn another_reader_agrees_on_what_is_broken(bytes in broken()) {
        agrees(&bytes);
    }

    #[test]
    fn any_text_reads_the_same_again(text in "[0-9|&=a-z_A-Z/?{}\":%.]{0,60}") {
        fuzz::woox_text(text.as_bytes());
        fuzz::woox_text(format!("{text}|1795189989000").as_bytes());
        fuzz::woox_text(format!("1795189989000{text}").as_bytes());
        for method in ["GET/v3/", "POST/v3/", "PUT/v3/", "DELETE/v3/"] {
            fuzz::woox_text(format!("1795189989000{method}{text}").as_bytes());
        }
    }

    /// INVARIANT (second reading): whatever a closed table allows of version 1
    /// reads, cancels and places, its text means nothing worse, and of version 3
    /// exactly itself.
    #[test]
    fn no_allowed_text_means_something_worse(
        at in any::<prop::sample::Index>(),
        chosen in prop::collection::vec(any::<bool>(), 32),
        spelling in 0..3_usize,
    ) {
        let endpoints: Vec<_> = all().collect();
        let endpoint = *at.get(&endpoints);
        let mut pairs = Vec::new();
        for (listed, chosen) in endpoint.parameters.iter().zip(&chosen) {
            let changing = matches!(listed.weight, Weight::ClassChanging(_));
            let sent = listed.place == Place::Sent && !changing && (listed.mandatory || *chosen);
            if let (true, Some(value)) = (sent, example(listed.form, spelling)) {
                pairs.push((listed.name, value));
            }
        }
        let path: Vec<&str> = endpoint
            .path
            .split('/')
            .map(|part| match part {
                "{symbol}" => "PERP_BTC_USDT",
                part if part.starts_with('{') => "7",
                part => part,
            })
            .collect();
        let path = path.join("/");
        let is_json = endpoint.scheme == Scheme::V3 && matches!(endpoint.method, "POST" | "PUT");
        let text = if is_json {
            let fields: serde_json::Map<String, serde_json::Value> = pairs
                .iter()
                .map(|(name, value)| {
                    let value = match *value {
                        "true" => serde_json::Value::Bool(true),
                        value => serde_json::Value::from(value),
                    };
                    ((*name).to_owned(), value)
                })
                .collect();
            serde_json::Value::Object(fields).to_string()
        } else {
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        let raw = RawRequest {
            method: endpoint.method,
            path: &path,
            query: (!is_json && !text.is_empty()).then_some(text.as_str()),
            body: if is_json { text.as_bytes() } else { b"" },
            content_type: Some("application/json"),
            api_key: Some("k"),
            timestamp: Some("1795189989000"),
            signature: Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        };
        let received = receive(&raw).unwrap();
        prop_assert_eq!(received.endpoint.name, endpoint.name);
        // A combination that contradicts itself is refused; that is not the question here.
        let Ok(intent) = read(&received) else { return Ok(()) };
        let text = text_to_sign(&received, &intent, &[]).unwrap();
        let worst = collide::worst(&text).unwrap().effect;
        let allowed = match endpoint.scheme {
            Scheme::V3 => endpoint.effect,
            _ => endpoint.effect.max(Effect::Cancel),
        };
        prop_assert!(worst <= allowed, "{}: {:?}", text.canonical(), worst);
        prop_assert!(worst >= endpoint.effect, "{}: {:?}", text.canonical(), worst);
        prop_assert_eq!(Text::parse_canonical(text.canonical().as_bytes()), Ok(text));
    }
}

/// A value of that form, in one of three spellings.
fn example(form: Form, spelling: usize) -> Option<&'static str> {
    let of = |values: [&'static str; 3]| values.into_iter().nth(spelling).unwrap();
    Some(match form {
        Form::Symbol => of(["PERP_BTC_USDT", "SPOT_BTC_USDT", "PERP_ETH_USDT"]),
        Form::Asset => of(["USDT", "WOO", "BTC"]),
        Form::Amount => of(["1", "0.5", "100"]),
        Form::AmountOrZero => of(["0", "0.5", "1"]),
        Form::Integer => of(["1", "0", "1795189989000"]),
        Form::Boolean => of(["true", "true", "true"]),
        Form::OneOf(words) => words.get(spelling % words.len()).copied()?,
        Form::ClientId => of(["1", "7", "9223372036854775807"]),
        Form::Address => "0xa",
        Form::Text => of(["a", "7", "BUY"]),
        Form::Ratio => of(["0.1", "0.01", "0.025"]),
        Form::Application | Form::Orders => return None,
    })
}

/// Every vector, as the fuzzers would be fed.
#[test]
fn vectors_hold_what_the_fuzzers_assert() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/woox");
    let mut fed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "vec") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for block in text.split("\n\n") {
            let get = |key: &str| {
                block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
            };
            let Some(request) = get("request") else { continue };
            let query = get("query").unwrap_or_default();
            let mut bytes = format!("{request}\n{query}\n").into_bytes();
            match get("body-hex") {
                Some(digits) => bytes.extend(hex::decode(digits).unwrap()),
                None => bytes.extend_from_slice(get("body").unwrap_or_default().as_bytes()),
            }
            fuzz::woox_request(&bytes);
            agrees(get("body").unwrap_or_default().as_bytes());
            fuzz::woox_text(get("text").unwrap_or_default().as_bytes());
            fed += 1;
        }
    }
    assert!(fed > 250, "{fed}");
}
