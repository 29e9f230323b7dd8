use super::*;

fn raw<'a>(method: &'a str, path: &'a str) -> RawRequest<'a> {
    RawRequest {
        method,
        path,
        query: None,
        body: b"",
        content_type: None,
        api_key: Some("AbmyVJGUpN064ks5ELjLfA=="),
        timestamp: Some("1578565539808"),
        signature: Some("20DA0852F73B20DA0208C7E627975A59FF072379883D8457D03104651032033D"),
    }
}

#[test]
fn the_payload_of_version_1_is_sorted() {
    let received = receive(&RawRequest {
        body:
            b"symbol=SPOT_BTC_USDT&order_type=LIMIT&order_price=9000&order_quantity=0.11&side=BUY",
        content_type: Some("application/x-www-form-urlencoded"),
        ..raw("POST", "/v1/order")
    })
    .unwrap();
    assert_eq!(
        String::from_utf8(received.signed_payload).unwrap(),
        "order_price=9000&order_quantity=0.11&order_type=LIMIT&side=BUY&symbol=SPOT_BTC_USDT\
         |1578565539808"
    );
    // The vendor's sample client signs in upper case.
    assert!(received.signature.starts_with("20da0852"));
    assert_eq!(received.timestamp_ms, 1_578_565_539_808);
}

#[test]
fn the_payload_of_version_3_is_as_sent() {
    let body = b"{\"symbol\": \"PERP_BTC_USDT\", \"side\": \"BUY\", \"type\": \"MARKET\", \
        \"quantity\": \"1\"}";
    let received = receive(&RawRequest {
        body,
        content_type: Some("application/json; charset=UTF-8"),
        ..raw("POST", "/v3/trade/order")
    })
    .unwrap();
    let payload = String::from_utf8(received.signed_payload).unwrap();
    assert!(payload.starts_with("1578565539808POST/v3/trade/order{\"symbol\": \"PERP"));
    let received =
        receive(&RawRequest { query: Some("algoType=STOP"), ..raw("GET", "/v3/algo/orders") })
            .unwrap();
    assert_eq!(received.signed_payload, b"1578565539808GET/v3/algo/orders?algoType=STOP");
}

/// So that an attempt can be authenticated and attributed, whatever is in it.
#[test]
fn what_is_never_let_through_is_received_unread() {
    let received = receive(&RawRequest {
        body: b"target_user_id=9&balance_token=a%20b&amount=1&amount=2",
        content_type: Some("application/x-www-form-urlencoded"),
        ..raw("POST", "/v1/asset/internal_withdraw")
    })
    .unwrap();
    assert_eq!(
        received.signed_payload,
        b"amount=1&amount=2&balance_token=a%20b&target_user_id=9|1578565539808"
    );
    let decoded = received.signed_payload_decoded.as_deref().unwrap();
    assert_eq!(decoded, b"amount=1&amount=2&balance_token=a b&target_user_id=9|1578565539808");
    assert!(super::super::read(&received.clone()).is_err());
    assert!(!format!("{received:?}").contains("target"));
}

#[test]
fn path_parts_are_read() {
    let received = receive(&raw("GET", "/v1/position/PERP_BTC_USDT")).unwrap();
    assert_eq!(received.get("symbol"), Some("PERP_BTC_USDT"));
    assert_eq!(received.signed_payload, b"|1578565539808");
}
