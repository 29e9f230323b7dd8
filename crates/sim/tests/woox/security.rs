//! Keys, signatures, timestamps, addresses, permissions.

use std::net::IpAddr;

use serde_json::json;
use sim::woox::{ApiKey, Permissions};

use crate::client::{Client, KEY, SECRET, options, sign, start};

#[test]
fn what_is_malformed_is_1001_and_what_is_wrong_is_1002() {
    let (venue, client) = start(options());
    let time = client.now_ms().to_string();
    let text = format!("{time}GET/v3/asset/balances");
    let good = sign(SECRET, &text);
    let send = |key: &str, time: &str, signature: &str| {
        let headers =
            [("x-api-key", key), ("x-api-timestamp", time), ("x-api-signature", signature)];
        let answer = client.raw("GET", "/v3/asset/balances", &headers, "").unwrap();
        (answer.status, answer.code())
    };
    assert_eq!(send(KEY, &time, &good), (200, 0));
    assert_eq!(send("", &time, &good), (401, -1001));
    assert_eq!(send(KEY, &time, "nothex"), (401, -1001));
    assert_eq!(send(KEY, "1234", &good), (401, -1001));
    assert_eq!(send("unknown", &time, &good), (401, -1002));
    assert_eq!(send(KEY, &time, &sign("othersecret", &text)), (401, -1002));
    assert_eq!(send(KEY, &time, &sign(SECRET, &format!("{text}?a=1"))), (401, -1002));
    let unsigned = client.get("/v3/asset/balances");
    assert_eq!((unsigned.status, unsigned.code()), (401, -1001));
    drop(venue);
}

#[test]
fn a_timestamp_outside_the_window_is_refused() {
    let (venue, mut client) = start(options());
    for ahead in [-9_000, 9_000] {
        client.ahead_ms = ahead;
        assert_eq!(client.v3("GET", "/v3/asset/balances", &json!({})).status, 200);
    }
    for ahead in [-11_000, 11_000] {
        client.ahead_ms = ahead;
        let answer = client.v1("GET", "/v1/client/holding", &json!({}));
        assert_eq!((answer.status, answer.code()), (401, -1002));
    }
    venue.set_skew_ms(11_000);
    assert_eq!(client.v3("GET", "/v3/asset/balances", &json!({})).status, 200);
}

#[test]
fn every_class_needs_its_permission() {
    let (venue, _) = start(options());
    let order = json!({
        "symbol": "SPOT_BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.01",
    });
    let withdrawal = json!({
        "token": "USDT", "network": "ETH", "amount": 100,
        "address": "0x2b0502FDab4e221dcD492c058255D2073d50A3ae",
    });
    let rights = [
        (Permissions::READ, [200, 401, 401]),
        (Permissions::TRADE, [200, 200, 401]),
        (Permissions::ALL, [200, 200, 200]),
        (Permissions { read: false, trade: true, withdrawal: false }, [401, 200, 401]),
    ];
    for (permissions, wanted) in rights {
        venue.set_key(0, ApiKey::new("k", "s", permissions));
        let client = Client::new(venue.addr(), "k", "s");
        let statuses = [
            client.v3("GET", "/v3/account/info", &json!({})).status,
            client.v3("POST", "/v3/trade/order", &order).status,
            client.v3("POST", "/v3/asset/wallet/withdraw", &withdrawal).status,
        ];
        assert_eq!(statuses, wanted, "{permissions:?}");
    }
    assert!(venue.revoke_key("k"));
    let gone = Client::new(venue.addr(), "k", "s");
    assert_eq!(gone.v3("GET", "/v3/account/info", &json!({})).code(), -1002);
}

#[test]
fn a_key_is_inspected_and_bound_to_addresses() {
    let (venue, client) = start(options());
    let rows = |client: &Client| {
        client.v3("GET", "/v3/account/credentials", &json!({})).data()["rows"].clone()
    };
    let row = &rows(&client)[0];
    assert_eq!(row["apiKey"], KEY);
    assert_eq!(row["permissions"], json!(["READ", "TRADE", "WITHDRAWAL"]));
    assert!(row.get("allowedIPs").is_none());
    let mut bound = ApiKey::new("bound", "s", Permissions::READ);
    bound.allowed = vec![IpAddr::from([127, 0, 0, 1]).into()];
    venue.set_key(0, bound.clone());
    let rows = rows(&Client::new(venue.addr(), "bound", "s"));
    let row = rows.as_array().unwrap().iter().find(|row| row["apiKey"] == "bound").unwrap();
    assert_eq!(row["permissions"], json!(["READ"]));
    assert_eq!(row["allowedIPs"], json!(["127.0.0.1"]));
    bound.allowed = vec![IpAddr::from([10, 0, 0, 1]).into()];
    venue.set_key(0, bound);
    let answer = Client::new(venue.addr(), "bound", "s").v3("GET", "/v3/account/info", &json!({}));
    assert_eq!((answer.status, answer.code()), (401, -1002));
}

#[test]
fn v1_signs_parameters_raw_or_decoded_and_not_the_path() {
    let (_venue, client) = start(options());
    let time = client.now_ms().to_string();
    let body = "order_tag=a%20b&symbol=SPOT_BTC_USDT&order_id=1";
    // As ccxt, and as the vendor's samples.
    for text in [
        format!("order_id=1&order_tag=a%20b&symbol=SPOT_BTC_USDT|{time}"),
        format!("order_id=1&order_tag=a b&symbol=SPOT_BTC_USDT|{time}"),
    ] {
        let answer = client.signed("DELETE", "/v1/order", body, &text, &time).unwrap();
        assert_eq!((answer.status, answer.code()), (400, -1006), "{text}");
        let elsewhere = client.signed("DELETE", "/v1/client/order", body, &text, &time).unwrap();
        assert_ne!(elsewhere.status, 401);
    }
    let wrong = format!("order_id=2&order_tag=a b&symbol=SPOT_BTC_USDT|{time}");
    assert_eq!(client.signed("DELETE", "/v1/order", body, &wrong, &time).unwrap().status, 401);
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let (_venue, client) = start(options());
    let time = client.now_ms().to_string();
    let body =
        r#"{"symbol":"SPOT_BTC_USDT","side":"BUY","type":"LIMIT","price":"1","quantity":"1"}"#;
    let text = format!("{time}POST/v3/trade/order?side=SELL{body}");
    let answer = client.signed("POST", "/v3/trade/order?side=SELL", body, &text, &time).unwrap();
    assert_eq!((answer.status, answer.code()), (400, -1005));
    let text = format!("{time}POST/v3/trade/order[1]");
    let answer = client.signed("POST", "/v3/trade/order", "[1]", &text, &time).unwrap();
    assert_eq!((answer.status, answer.code()), (400, -1005));
    assert_eq!(client.get("/v3/nothing").status, 404);
    assert_eq!(client.v3("POST", "/v3/asset/balances", &json!({})).status, 405);
}
