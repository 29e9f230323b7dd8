//! Published signatures, which we did not compute.

use std::path::Path;

use serde_json::Value;
use sim::binance::{Secret, read, signature};

fn verify(vector: &Value) -> bool {
    let canonical = vector["canonical"].as_str().unwrap();
    let expected = vector["expected"].as_str().unwrap();
    let secret = match vector["public_key_hex"].as_str() {
        Some(public) => Secret::Ed25519(hex::decode(public).unwrap()),
        None => Secret::Hmac(vector["secret"].as_str().unwrap().to_owned()),
    };
    let holds = signature::verify(&secret, canonical.as_bytes(), expected);
    let changed = format!("{canonical}0");
    assert!(!signature::verify(&secret, changed.as_bytes(), expected));
    holds
}

#[test]
fn published_vectors_hold() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../data/vectors.json")).unwrap();
    assert_eq!(vectors.len(), 8);
    for vector in &vectors {
        assert!(verify(vector), "{}", vector["id"]);
    }
}

#[test]
fn hmac_signatures_are_read_in_either_case() {
    let secret = Secret::Hmac("testsecret".to_owned());
    let signed = super::client::sign("testsecret", "a=1");
    assert!(signature::verify(&secret, b"a=1", &signed.to_uppercase()));
    assert!(!signature::verify(&secret, b"a=1", ""));
    assert!(!signature::verify(&secret, b"a=1", signed.split_at(32).0));
    assert!(!signature::verify(&secret, b"a=1", "zz"));
}

/// Requests that a real client made, where the wider collection is at hand.
#[test]
fn requests_of_a_real_client_are_read_as_signed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("../shared/data/venues/vectors.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: no wider collection of vectors beside the repository");
        return;
    };
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for vector in vectors.iter().filter(|vector| vector["venue"] == "binance") {
        let Some(url) = vector["url"].as_str() else { continue };
        let target = url.split_once(".com").unwrap().1;
        let headers = vector["headers"].as_object().unwrap().iter();
        let headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let body = vector["body"].as_str().unwrap_or_default();
        let method = vector["method"].as_str().unwrap();
        let reading = read(method, target, &headers, body.as_bytes());
        assert_eq!(reading.payload, vector["canonical"].as_str().unwrap().as_bytes());
        let secret = Secret::Hmac("testsecret".to_owned());
        let signed = reading.signature.unwrap();
        assert!(signature::verify(&secret, &reading.payload, &signed), "{}", vector["id"]);
        checked += 1;
    }
    assert!(checked >= 4, "{checked}");
}
