//! Signatures and whole requests that we did not compute: the vendor's, and ccxt's.

use serde_json::Value;
use sim::woox::{read, signature};

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../data/woox/vectors.json")).unwrap()
}

#[test]
fn published_signatures_hold() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 8);
    for vector in &vectors {
        let text = vector["canonical"].as_str().unwrap();
        let (secret, expected) =
            (vector["secret"].as_str().unwrap(), vector["expected"].as_str().unwrap());
        assert!(signature::verify(secret, text.as_bytes(), expected), "{}", vector["id"]);
        assert!(signature::verify(secret, text.as_bytes(), &expected.to_uppercase()));
        assert!(!signature::verify(secret, format!("{text}0").as_bytes(), expected));
        assert!(!signature::verify("other", text.as_bytes(), expected));
        assert!(!signature::verify(secret, text.as_bytes(), &expected[..62]));
    }
}

#[test]
fn requests_of_a_real_client_are_read_as_signed() {
    let mut checked = 0;
    for vector in vectors().iter().filter(|vector| vector["url"].is_string()) {
        let target = vector["url"].as_str().unwrap().split_once(".io").unwrap().1;
        let headers: Vec<(String, String)> = vector["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let body = vector["body"].as_str().unwrap_or_default();
        let method = vector["method"].as_str().unwrap();
        let reading = read(method, target, &headers, body.as_bytes());
        let wanted = vector["canonical"].as_str().unwrap().as_bytes().to_vec();
        assert!(reading.texts.contains(&wanted), "{}", vector["id"]);
        assert_eq!(reading.signature.as_deref(), vector["expected"].as_str());
        assert_eq!(reading.repeated, None);
        assert!(!reading.params.is_empty());
        // Whatever else is sent is not what was signed.
        for (other_method, other_target, other_body) in [
            (method, format!("{target}x"), body.to_owned()),
            (method, target.to_owned(), format!("{body}&x=1")),
        ] {
            let other = read(other_method, &other_target, &headers, other_body.as_bytes());
            let deletes_v3 = other.v3 && !matches!(method, "POST" | "PUT");
            let path_only_v1 = !other.v3 && other_body == body && !target.contains('?');
            // v1 signs no path, and v3 no body of a DELETE: the venue's own gaps.
            let uncovered = path_only_v1 || (deletes_v3 && other_target == target);
            assert_eq!(other.texts.contains(&wanted), uncovered, "{}", vector["id"]);
        }
        checked += 1;
    }
    assert_eq!(checked, 5);
}

#[test]
fn a_parameter_in_query_and_body_is_noticed() {
    let reading = read("POST", "/v1/order?side=BUY", &[], b"side=SELL");
    assert_eq!(reading.repeated.as_deref(), Some("side"));
    let reading = read("POST", "/v3/trade/order", &[], b"[1]");
    assert!(reading.malformed);
}
