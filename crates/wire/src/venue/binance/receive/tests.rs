#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::venue::binance::{ids, read, text_to_sign};

fn post<'a>(path: &'a str, body: &'a str) -> RawRequest<'a> {
    RawRequest {
        method: "POST",
        path,
        query: None,
        body: body.as_bytes(),
        content_type: Some("application/x-www-form-urlencoded"),
    }
}

#[test]
fn times_are_read_and_kept_in_their_place() {
    let raw = post(
        "/api/v3/order",
        "timestamp=1795189989231999&symbol=A&side=BUY&type=MARKET&quantity=1\
         &recvWindow=1500.75&signature=ab",
    );
    let received = receive(&raw).unwrap();
    assert_eq!(received.timestamp_ms, Some(1_795_189_989_231));
    assert_eq!(received.receive_window_ms, 1500);
    assert_eq!(received.signature.as_deref(), Some("ab"));
    let names: Vec<&str> = received.params.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["timestamp", "symbol", "side", "type", "quantity", "recvWindow"]);
    let plain = RawRequest {
        method: "GET",
        path: "/api/v3/account",
        query: Some("timestamp=1795189989231&signature=ab"),
        body: b"",
        content_type: None,
    };
    assert_eq!(receive(&plain).unwrap().receive_window_ms, 5000);
}

#[test]
fn a_refused_endpoint_can_still_be_authenticated() {
    let raw = post(
        "/sapi/v1/asset/dust",
        "asset=BTC&asset=ETH&recvWindow=900&timestamp=1795189989231&signature=ab",
    );
    let received = receive(&raw).unwrap();
    assert_eq!(
        received.signed_payload,
        b"asset=BTC&asset=ETH&recvWindow=900&timestamp=1795189989231"
    );
    assert_eq!(received.timestamp_ms, Some(1_795_189_989_231));
    assert_eq!(received.receive_window_ms, 900);
    assert!(received.params.is_empty());
    let refusal = read(&received).unwrap_err();
    assert_eq!(refusal.class, Some(crate::model::Class::Convert));
}

#[test]
fn a_base64_signature_may_be_encoded_or_bare() {
    for sent in ["signature=a%2Fb%2Bc%3D%3D", "signature=a/b+c=="] {
        let payload = Payload::of(sent.as_bytes(), b"").unwrap();
        assert_eq!(payload.signature.as_deref(), Some("a/b+c=="));
        assert!(payload.text.is_empty());
    }
    for sent in ["signature=", "signature=%00", "signature=a b", "signature=a&signature=a"] {
        assert!(Payload::of(sent.as_bytes(), b"").is_err(), "{sent}");
    }
}

#[test]
fn the_signature_pair_goes_with_one_ampersand() {
    for (sent, text) in [
        ("signature=ab", ""),
        ("a=1&signature=ab", "a=1"),
        ("signature=ab&a=1", "a=1"),
        ("a=1&signature=ab&b=2", "a=1&b=2"),
        ("a=1&&signature=ab", "a=1&"),
        ("&signature=ab", ""),
        ("a=1&xsignature=ab", "a=1&xsignature=ab"),
        ("", ""),
    ] {
        assert_eq!(Payload::of(sent.as_bytes(), b"").unwrap().text, text.as_bytes(), "{sent}");
        assert_eq!(Payload::of(b"", sent.as_bytes()).unwrap().text, text.as_bytes(), "{sent}");
    }
}

#[test]
fn the_decoded_payload_is_offered_where_it_differs() {
    let payload = Payload::of(b"", b"name=my+w%40llet&a=%&signature=ab").unwrap();
    assert_eq!(payload.decoded().unwrap(), b"name=my w@llet&a=%");
    assert_eq!(Payload::of(b"a=1", b"").unwrap().decoded(), None);
}

#[test]
fn the_text_to_sign_has_every_id_and_no_signature() {
    let body = "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=100&workingQuantity=1\
        &workingTimeInForce=GTC&pendingSide=SELL&pendingQuantity=1&pendingAboveType=LIMIT_MAKER\
        &pendingAbovePrice=110&workingClientOrderId=mine&timestamp=1795189989231&signature=ab";
    let raw = post("/api/v3/orderList/otoco", body);
    let received = receive(&raw).unwrap();
    let intent = read(&received).unwrap();
    let missing: Vec<&str> = ids::missing(received.endpoint, &received.params).collect();
    assert_eq!(missing, ["listClientOrderId", "pendingAboveClientOrderId"]);
    let given: Vec<(&str, &str)> = missing.iter().map(|name| (*name, "cs-1")).collect();
    let text = text_to_sign(&received, &intent, &given).unwrap().canonical();
    assert!(text.ends_with(
        "&timestamp=1795189989231&listClientOrderId=cs-1&pendingAboveClientOrderId=cs-1"
    ));
    assert!(text.contains("workingClientOrderId=mine") && !text.contains("signature"));
    for (name, id) in
        [("workingClientOrderId", "cs-1"), ("foo", "cs-1"), ("listClientOrderId", "a b")]
    {
        assert!(text_to_sign(&received, &intent, &[(name, id)]).is_err(), "{name}");
    }
}

#[test]
fn a_withdrawal_gets_an_id_where_it_has_none() {
    let body = "coin=USDT&network=ETH&address=0xaa&amount=1&timestamp=1795189989231&signature=ab";
    let ids_of = |body: &str| {
        let raw = post("/sapi/v1/capital/withdraw/apply", body);
        let received = receive(&raw).unwrap();
        ids::missing(received.endpoint, &received.params).collect::<Vec<_>>()
    };
    assert_eq!(ids_of(body), ["withdrawOrderId"]);
    assert!(ids_of(&format!("withdrawOrderId=w&{body}")).is_empty());
}

#[test]
fn nothing_that_is_printed_holds_a_value() {
    let raw = post(
        "/sapi/v1/capital/withdraw/apply",
        "coin=USDT&network=ETH&address=0xdeadbeef&amount=12345&timestamp=1795189989231&signature=cafe",
    );
    let shown = format!("{:?}", receive(&raw).unwrap());
    assert!(shown.contains("address") && shown.contains("timestamp"));
    for value in ["deadbeef", "12345", "cafe"] {
        assert!(!shown.contains(value), "{shown}");
    }
}
