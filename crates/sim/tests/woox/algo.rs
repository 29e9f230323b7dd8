//! Algo orders wait for a price and then trade.

use serde_json::{Value, json};

use crate::client::{Client, dec, options, start};

const SPOT: &str = "SPOT_BTC_USDT";

fn place(client: &Client, more: &Value) -> crate::client::Response {
    let mut algo = json!({ "symbol": SPOT, "side": "SELL", "type": "MARKET", "quantity": "0.1" });
    for (name, value) in more.as_object().unwrap() {
        algo[name.as_str()] = value.clone();
    }
    client.v3("POST", "/v3/trade/algoOrder", &algo)
}

fn id(answer: &crate::client::Response) -> u64 {
    answer.data()["rows"][0]["orderId"].as_u64().unwrap()
}

fn status(client: &Client, id: u64) -> String {
    let algo = client.v3("GET", "/v3/trade/algoOrder", &json!({ "algoOrderId": id }));
    algo.data()["algoStatus"].as_str().unwrap().to_owned()
}

#[test]
fn a_stop_fires_when_the_price_falls_to_it() {
    let (venue, client) = start(options());
    let id = id(&place(&client, &json!({ "algoType": "STOP", "triggerPrice": "55000" })));
    venue.set_price(SPOT, dec("56000"));
    assert_eq!(status(&client, id), "NEW");
    venue.set_price(SPOT, dec("54000"));
    assert_eq!(status(&client, id), "FILLED");
    let order = &venue.orders(0)[0];
    assert_eq!((order.side, order.executed, order.status), ("SELL", dec("0.1"), "FILLED"));
}

#[test]
fn a_trailing_stop_follows_and_fires() {
    let (venue, client) = start(options());
    let trailing = json!({
        "algoType": "TRAILING_STOP", "callbackRate": "0.05", "activatedPrice": "62000",
    });
    let id = id(&place(&client, &trailing));
    for (price, wanted) in [
        ("57000", "NEW"),
        ("62000", "NEW"),
        ("70000", "NEW"),
        ("67000", "NEW"),
        ("66500", "FILLED"),
    ] {
        venue.set_price(SPOT, dec(price));
        assert_eq!(status(&client, id), wanted, "at {price}");
    }
}

#[test]
fn algo_orders_are_changed_listed_and_cancelled() {
    let (venue, client) = start(options());
    let stop = json!({ "algoType": "STOP", "triggerPrice": "55000", "clientAlgoOrderId": 9 });
    let id = id(&place(&client, &stop));
    let change = json!({ "algoOrderId": id, "triggerPrice": "50000" });
    assert_eq!(client.v3("PUT", "/v3/trade/algoOrder", &change).data()["status"], "EDIT_SENT");
    venue.set_price(SPOT, dec("54000"));
    assert_eq!(status(&client, id), "NEW");
    let list = client.v3("GET", "/v3/trade/algoOrders", &json!({ "status": "INCOMPLETE" }));
    assert_eq!(list.data()["rows"][0]["triggerPrice"], 50_000);
    // The ordinary cancel-all leaves them alone, the one for all orders does not.
    client.v3("DELETE", "/v3/trade/orders", &json!({}));
    assert_eq!(venue.open_algos(0), 1);
    let cancel = json!({ "clientAlgoOrderId": 9 });
    assert_eq!(client.v3("DELETE", "/v3/trade/algoOrder", &cancel).status, 200);
    assert_eq!(client.v3("DELETE", "/v3/trade/algoOrder", &cancel).code(), 317_184);
    place(&client, &stop);
    client.v3("DELETE", "/v3/trade/allOrders", &json!({ "symbol": SPOT }));
    assert_eq!(venue.open_algos(0), 0);
}

#[test]
fn what_is_not_offered_is_refused() {
    let (_venue, client) = start(options());
    assert_eq!(place(&client, &json!({ "algoType": "BRACKET" })).code(), 317_167);
    assert_eq!(place(&client, &json!({ "algoType": "STOP" })).code(), -1005);
    assert_eq!(place(&client, &json!({ "algoType": "TRAILING_STOP" })).code(), -1005);
    let off = json!({ "algoType": "STOP", "triggerPrice": "55000.001" });
    assert_eq!(place(&client, &off).code(), 317_147);
}
