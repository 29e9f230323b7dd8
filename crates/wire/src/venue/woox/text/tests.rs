use super::*;
use crate::venue::woox::{RawRequest, read, receive};

fn parse(text: &str) -> Result<Text, Refusal> {
    Text::parse(text.as_bytes())
}

#[test]
fn both_versions_have_one_form() {
    for text in [
        "|1795189989000",
        "a=1&b=2|1795189989000",
        "order_price=9000&order_type=LIMIT|1578565539808",
        "1578565539808GET/v3/algo/orders?algoType=STOP",
        "1578565539808DELETE/v3/orders/pending",
        "1578565539808POST/v3/trade/order{\"a\":1}",
        "1578565539808GET/v3/trade/orders?orderTag=a%7Cb",
    ] {
        assert_eq!(parse(text).unwrap().canonical(), text);
        assert!(Text::parse_canonical(text.as_bytes()).is_ok());
    }
    for (text, expected) in [
        ("b=2&a=1|1795189989000", "a=1&b=2|1795189989000"),
        ("1578565539808POST/v3/x{\"b\": 1, \"a\":2}", "1578565539808POST/v3/x{\"a\":2,\"b\":1}"),
        ("1578565539808GET/v3/x?a=%2f", "1578565539808GET/v3/x?a=%2F"),
    ] {
        assert_eq!(parse(text).unwrap().canonical(), expected);
        assert!(Text::parse_canonical(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn what_is_no_text_is_refused() {
    for text in [
        "",
        "a=1",
        "a=1|",
        "a=1|179518998900",
        "a=1|17951899890001",
        "a=1|0795189989000",
        "a=1&a=2|1795189989000",
        "a=1&A=2|1795189989000",
        "a=x|y=1|1795189989000",
        "a=%20|1795189989000",
        "a=a+b|1795189989000",
        "a=a/b|1795189989000",
        "1a=1|1795189989000",
        "_a=1|1795189989000",
        "a.b=1|1795189989000",
        "a=|1795189989000",
        "1795189989000",
        "1795189989000PATCH/v3/trade/order{}",
        "1795189989000GET/v1/orders",
        "1795189989000GET/v3/",
        "1795189989000GET/v3",
        "1795189989000GET/v3//x",
        "1795189989000GET/v3/x/",
        "1795189989000GET/v3/../x",
        "1795189989000GET/v3/x%2f",
        "1795189989000GET/v3/x?",
        "1795189989000GET/v3/x?a=1&a=2",
        "1795189989000GET/v3/x{}",
        "1795189989000DELETE/v3/x{\"a\":1}",
        "1795189989000GET/v3/x?a=1{}",
        "1795189989000POST/v3/x",
        "1795189989000POST/v3/x?a=1",
        "1795189989000POST/v3/x?a=1{}",
        "1795189989000POST/v3/x{}{}",
        "179518998900GET/v3/x",
        "17951899890000GET/v3/x",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(Text::parse(b"a=\xff|1795189989000").is_err());
}

#[test]
fn the_signer_writes_its_own_time() {
    let text = parse("a=1|1795189989000").unwrap().at(1_795_189_989_123);
    assert_eq!(text.canonical(), "a=1|1795189989123");
    assert_eq!(text.timestamp_ms(), 1_795_189_989_123);
    let text = parse("1795189989000GET/v3/x").unwrap().at(1_795_189_989_123);
    assert_eq!(text.canonical(), "1795189989123GET/v3/x");
}

fn received(method: &str, path: &str, body: &str) -> Received {
    receive(&RawRequest {
        method,
        path,
        query: None,
        body: body.as_bytes(),
        content_type: Some(if path.starts_with("/v3") {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        }),
        api_key: Some("k"),
        timestamp: Some("1795189989000"),
        signature: Some(&"a".repeat(64)),
    })
    .unwrap()
}

#[test]
fn an_id_is_given_where_the_bot_gave_none() {
    let order = received(
        "POST",
        "/v3/trade/order",
        "{\"symbol\":\"SPOT_BTC_USDT\",\"side\":\"BUY\",\"type\":\"MARKET\",\"amount\":\"5\"}",
    );
    let intent = read(&order).unwrap();
    assert_eq!(ids::missing(order.endpoint, &order.params).collect::<Vec<_>>(), ["clientOrderId"]);
    let text = text_to_sign(&order, &intent, &[("clientOrderId", "12")]).unwrap();
    assert_eq!(
        text.canonical(),
        "1795189989000POST/v3/trade/order{\"amount\":\"5\",\"clientOrderId\":\"12\",\
         \"side\":\"BUY\",\"symbol\":\"SPOT_BTC_USDT\",\"type\":\"MARKET\"}"
    );
    for (name, id) in
        [("clientOrderId", "0"), ("clientOrderId", "x"), ("orderTag", "1"), ("symbol", "1")]
    {
        assert!(text_to_sign(&order, &intent, &[(name, id)]).is_err(), "{name}={id}");
    }
    let order = received(
        "POST",
        "/v1/order",
        "symbol=SPOT_BTC_USDT&side=BUY&order_type=MARKET&order_amount=5&client_order_id=3",
    );
    let intent = read(&order).unwrap();
    assert_eq!(ids::missing(order.endpoint, &order.params).count(), 0);
    assert!(text_to_sign(&order, &intent, &[("client_order_id", "4")]).is_err());
}

#[test]
fn parameters_go_where_ccxt_puts_them() {
    let cancel = received("DELETE", "/v1/order", "order_id=5&symbol=SPOT_BTC_USDT");
    let text = text_to_sign(&cancel, &read(&cancel).unwrap(), &[]).unwrap();
    let upstream = Upstream::of(cancel.endpoint, &cancel.path, &text).unwrap();
    assert_eq!(upstream.target, "/v1/order");
    assert_eq!(upstream.body, "order_id=5&symbol=SPOT_BTC_USDT");
    let other = parse("1795189989000GET/v3/x").unwrap();
    assert!(Upstream::of(cancel.endpoint, &cancel.path, &other).is_err());
    assert_eq!(format!("{upstream:?}"), "Upstream { target_bytes: 9, body_bytes: 31, .. }");
}
