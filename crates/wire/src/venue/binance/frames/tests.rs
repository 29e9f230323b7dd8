#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use super::*;
use crate::model::Operation;
use crate::venue::binance::{errors, ids, read};

const SPOT: HostGroup = HostGroup::WsApi;

fn private_of(text: &str) -> Private {
    match receive_frame(SPOT, text.as_bytes(), false).unwrap().asks {
        Asks::Private(private) => *private,
        Asks::Public { method, .. } => panic!("{method} is public"),
    }
}

const ORDER: &str = r#"{"id":"a-1","method":"order.place","params":{"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC","price":"52000.00","quantity":0.010,"recvWindow":100,"timestamp":1645423376532,"apiKey":"key","signature":"ab"}}"#;

#[test]
fn an_order_goes_out_as_it_was_read() {
    let private = private_of(ORDER);
    assert_eq!(
        String::from_utf8(private.received.signed_payload.clone()).unwrap(),
        "apiKey=key&price=52000.00&quantity=0.010&recvWindow=100&side=SELL&symbol=BTCUSDT\
         &timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
    );
    assert_eq!(private.api_key.as_deref(), Some("key"));
    assert!(!private.by_session);
    let intent = read(&private.received).unwrap();
    let Operation::Place(group) = &intent.operation else { panic!("no order") };
    assert_eq!(group.orders[0].quantity.unwrap().to_string(), "0.010");
    let missing: Vec<_> =
        ids::missing(private.received.endpoint, &private.received.params).collect();
    assert_eq!(missing, ["newClientOrderId"]);
    let text =
        text_to_sign(&private, &intent, &[("newClientOrderId", "given")], "venue-key").unwrap();
    let expected = "apiKey=venue-key&newClientOrderId=given&price=52000.00&quantity=0.010\
                    &recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC\
                    &timestamp=1645423376532&type=LIMIT";
    assert_eq!(text.canonical(), expected);
    assert_eq!(
        to_send(&private, "\"a-1\"", expected, "ff").unwrap(),
        r#"{"id":"a-1","method":"order.place","params":{"apiKey":"venue-key","newClientOrderId":"given","price":"52000.00","quantity":0.010,"recvWindow":100,"side":"SELL","symbol":"BTCUSDT","timeInForce":"GTC","timestamp":1645423376532,"type":"LIMIT","signature":"ff"}}"#
    );
}

#[test]
fn a_session_stands_in_for_a_signature_and_never_opens_itself() {
    let bare = r#"{"id":1,"method":"order.cancel","params":{"symbol":"BTCUSDT","orderId":7,"timestamp":1645423376532}}"#;
    let Asks::Private(private) = receive_frame(SPOT, bare.as_bytes(), true).unwrap().asks else {
        panic!("public");
    };
    assert!(private.by_session && private.api_key.is_none());
    let refusal = receive_frame(SPOT, bare.as_bytes(), false).unwrap_err();
    assert_eq!(
        (refusal.id.as_str(), refusal.refusal.parameter.as_deref()),
        ("1", Some("signature"))
    );
    for method in ["session.logon", "userDataStream.subscribe.signature"] {
        let text =
            format!(r#"{{"id":1,"method":"{method}","params":{{"timestamp":1645423376532}}}}"#);
        let refusal = receive_frame(SPOT, text.as_bytes(), true).unwrap_err();
        assert_eq!(refusal.refusal.parameter.as_deref(), Some("signature"), "{method}");
    }
    let status = receive_frame(SPOT, br#"{"id":null,"method":"session.status"}"#, false).unwrap();
    let Asks::Private(status) = status.asks else { panic!("public") };
    assert_eq!(status.session, Some(Session::Status));
}

#[test]
fn an_error_has_the_frames_shape() {
    let refusal = receive_frame(SPOT, br#"{"id":"x","method":"order.steal"}"#, false).unwrap_err();
    let error = errors::for_refusal(&refusal.refusal);
    let frame = errors::frame(&refusal.id, &error);
    let value = crate::json::parse(frame.as_bytes()).unwrap();
    assert_eq!(value.get("id").unwrap().as_text(), Some("x"));
    assert_eq!(value.get("status").unwrap().scalar(), Some("401"));
    assert_eq!(value.get("error").unwrap().get("code").unwrap().scalar(), Some("-1002"));
    assert!(frame.contains("order.steal"));
}

#[test]
fn market_data_is_relayed_without_a_key() {
    let text = r#"{ "id": 5, "method": "v3/depth", "params": {"symbol": "BTCUSDT", "limit": 5} }"#;
    let Asks::Public { method, params } = receive_frame(SPOT, text.as_bytes(), false).unwrap().asks
    else {
        panic!("private");
    };
    assert_eq!((method, params.as_str()), ("depth", r#"{"symbol":"BTCUSDT","limit":5}"#));
    let keyed = r#"{"id":5,"method":"depth","params":{"symbol":"BTCUSDT","apiKey":"k"}}"#;
    assert!(receive_frame(SPOT, keyed.as_bytes(), false).is_err());
}
