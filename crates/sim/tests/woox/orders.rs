//! Spot orders in both versions: place, amend, cancel, look up, refuse.

use serde_json::json;

use crate::client::{Client, dec, options, start};

const SPOT: &str = "SPOT_BTC_USDT";

#[test]
fn a_limit_order_freezes_rests_moves_and_ends() {
    let (venue, client) = start(options());
    let id = client.limit(SPOT, "BUY", "0.1", "50000");
    assert_eq!(client.balance("USDT"), (dec("1000000"), dec("995000")));
    let order = client.order(id);
    assert_eq!((order["status"].as_str(), order["price"].as_i64()), (Some("NEW"), Some(50_000)));
    assert_eq!(order["quantity"], json!(0.1));
    let book = client.get("/v3/public/orderbook?symbol=SPOT_BTC_USDT&maxLevel=100");
    let bids = book.data()["bids"].as_array().unwrap();
    assert!(bids.contains(&json!({ "price": "50000", "quantity": "0.1" })), "{bids:?}");

    let amended = json!({ "orderId": id, "price": "40000", "quantity": "0.2" });
    let answer = client.v3("PUT", "/v3/trade/order", &amended);
    assert_eq!(answer.data()["status"], "EDIT_SENT");
    assert_eq!(client.balance("USDT").1, dec("992000"));
    let same = client.v3("PUT", "/v3/trade/order", &amended);
    assert_eq!(same.code(), 302_130);

    let cancel = json!({ "orderId": id, "symbol": SPOT });
    let answer = client.v3("DELETE", "/v3/trade/order", &cancel);
    assert_eq!(answer.data()["status"], "CANCEL_SENT");
    assert_eq!(client.balance("USDT").1, dec("1000000"));
    assert_eq!(client.order(id)["status"], "CANCELLED");
    assert_eq!(client.v3("DELETE", "/v3/trade/order", &cancel).code(), 317_184);
    assert_eq!(venue.orders(0)[0].status, "CANCELLED");
}

#[test]
fn fills_move_balances_and_charge_fees() {
    let (_venue, client) = start(options());
    let order = json!({ "symbol": SPOT, "side": "BUY", "type": "MARKET", "amount": "6000" });
    let id = client.v3("POST", "/v3/trade/order", &order).data()["orderId"].as_u64().unwrap();
    let order = client.order(id);
    assert_eq!(order["status"], "FILLED");
    assert_eq!(order["feeAsset"], "BTC");
    let (btc, usdt) = (client.balance("BTC").0, client.balance("USDT").0);
    assert!(btc > dec("20.0998") && btc < dec("20.1"), "{btc}");
    assert!(usdt >= dec("994000") && usdt < dec("994001"), "{usdt}");
    assert_eq!(client.market(SPOT, "SELL", "0.1").status, 200);
    let history = client.v3("GET", "/v3/trade/transactionHistory", &json!({ "symbol": SPOT }));
    let rows = history.data()["rows"].as_array().unwrap();
    assert_eq!(
        (rows[0]["side"].as_str(), rows[0]["feeAsset"].as_str()),
        (Some("SELL"), Some("USDT"))
    );
    assert_eq!(rows[0]["isMaker"], 0);
    let fees: f64 = rows[0]["fee"].as_f64().unwrap();
    assert!(fees > 5.9 && fees < 6.1, "ten basis points of 6000: {fees}");
    let trade = rows[0]["id"].clone();
    let one = client.v3("GET", "/v3/trade/transaction", &json!({ "tradeId": trade }));
    assert_eq!(one.data()["id"], trade);
}

#[test]
fn a_resting_order_is_filled_when_the_price_comes() {
    let (venue, client) = start(options());
    let id = client.limit(SPOT, "BUY", "0.1", "59000");
    assert!(venue.fill_resting(id, dec("0.04")));
    assert_eq!(client.order(id)["status"], "PARTIAL_FILLED");
    assert!(venue.set_price(SPOT, dec("58000")));
    let order = client.order(id);
    assert_eq!(
        (order["status"].as_str(), order["averageExecutedPrice"].as_i64()),
        (Some("FILLED"), Some(59_000))
    );
    // Maker fee: eight basis points of what is received.
    assert_eq!(client.balance("BTC").0, dec("20.09992"));
    assert_eq!(client.balance("USDT"), (dec("994100"), dec("994100")));
}

#[test]
fn kinds_do_what_they_say() {
    let (_venue, client) = start(options());
    let status = |kind: &str, price: &str, quantity: &str| {
        let order = json!({
            "symbol": SPOT, "side": "BUY", "type": kind, "price": price, "quantity": quantity,
        });
        let answer = client.v3("POST", "/v3/trade/order", &order);
        let id = answer.data()["orderId"].as_u64().unwrap();
        client.order(id)["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status("POST_ONLY", "61000", "0.1"), "CANCELLED");
    assert_eq!(status("POST_ONLY", "59000", "0.1"), "NEW");
    assert_eq!(status("IOC", "59000", "0.1"), "CANCELLED");
    assert_eq!(status("IOC", "61000", "0.1"), "FILLED");
    assert_eq!(status("FOK", "60003", "5"), "CANCELLED");
    assert_eq!(status("FOK", "61000", "0.1"), "FILLED");
}

#[test]
fn refusals_have_codes() {
    let (_venue, client) = start(options());
    let code = |change: serde_json::Value| {
        let mut order = json!({
            "symbol": SPOT, "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.1",
        });
        for (name, value) in change.as_object().unwrap() {
            order[name.as_str()] = value.clone();
        }
        let answer = client.v3("POST", "/v3/trade/order", &order);
        assert_eq!(answer.status, 400, "{order}");
        answer.code()
    };
    assert_eq!(code(json!({ "symbol": "SPOT_NO_USDT" })), 302_101);
    assert_eq!(code(json!({ "side": "HOLD" })), -1005);
    assert_eq!(code(json!({ "type": "RPI" })), -1005);
    assert_eq!(code(json!({ "price": null })), -1005);
    assert_eq!(code(json!({ "price": "50000.001" })), -1103);
    assert_eq!(code(json!({ "price": "91000" })), -1105);
    assert_eq!(code(json!({ "quantity": "0.0000001" })), -1104);
    assert_eq!(code(json!({ "quantity": "-1" })), -1005);
    assert_eq!(code(json!({ "quantity": "NaN" })), -1005);
    assert_eq!(code(json!({ "price": "1", "quantity": "0.1" })), 302_164);
    assert_eq!(code(json!({ "quantity": "21" })), 302_154);
    assert_eq!(code(json!({ "quantity": "21", "side": "SELL", "price": "70000" })), 302_155);
    assert_eq!(code(json!({ "type": "MARKET" })), 302_147);
    assert_eq!(code(json!({ "amount": "100" })), -1005);
    assert_eq!(code(json!({ "reduceOnly": true })), 302_163);
    assert_eq!(code(json!({ "positionSide": "LONG" })), 302_186);
    let taken = json!({
        "symbol": SPOT, "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.1",
        "clientOrderId": 7,
    });
    assert_eq!(client.v3("POST", "/v3/trade/order", &taken).status, 200);
    assert_eq!(client.v3("POST", "/v3/trade/order", &taken).code(), 302_117);
    // Nothing of a refused order is left behind.
    assert_eq!(client.balance("USDT").1, dec("995000"));
}

#[test]
fn v1_places_finds_and_cancels() {
    let (_venue, client) = start(options());
    let order = json!({
        "symbol": SPOT, "side": "BUY", "order_type": "LIMIT", "order_price": 50_000,
        "order_quantity": 0.1, "client_order_id": 42,
    });
    let placed = client.v1("POST", "/v1/order", &order);
    assert_eq!((placed.status, placed.body["client_order_id"].as_i64()), (200, Some(42)));
    let id = placed.body["order_id"].as_u64().unwrap();
    let by_id = client.v1("GET", &format!("/v1/order/{id}"), &json!({}));
    assert_eq!(
        (by_id.body["status"].as_str(), by_id.body["price"].as_i64()),
        (Some("NEW"), Some(50_000))
    );
    let by_client = client.v1("GET", "/v1/client/order/42", &json!({}));
    assert_eq!(by_client.body["order_id"].as_u64(), Some(id));
    let open = client.v1("GET", "/v1/orders", &json!({ "status": "INCOMPLETE", "symbol": SPOT }));
    assert_eq!(open.body["rows"].as_array().unwrap().len(), 1);
    assert_eq!(open.body["meta"]["total"], 1);
    let holding = client.v1("GET", "/v1/client/holding", &json!({ "token": "USDT" }));
    assert_eq!(holding.body["holding"][0]["frozen"], 5000);

    let cancel = json!({ "client_order_id": 42, "symbol": SPOT });
    let answer = client.v1("DELETE", "/v1/client/order", &cancel);
    assert_eq!(answer.body["status"], "CANCEL_SENT");
    let again = client.v1("DELETE", "/v1/order", &json!({ "order_id": id, "symbol": SPOT }));
    assert_eq!((again.status, again.code()), (400, -1006));
    let refused = json!({
        "symbol": SPOT, "side": "BUY", "order_type": "MARKET", "order_quantity": 0.1,
    });
    assert_eq!(client.v1("POST", "/v1/order", &refused).code(), -1012);

    client.v1("POST", "/v1/order", &order);
    let all = client.v1("DELETE", "/v1/orders", &json!({ "symbol": SPOT }));
    assert_eq!(all.body["status"], "CANCEL_ALL_SENT");
    let open = client.v1("GET", "/v1/orders", &json!({ "status": "INCOMPLETE" }));
    assert_eq!(open.body["meta"]["total"], 0);
}

#[test]
fn many_orders_are_cancelled_by_list_symbol_or_altogether() {
    let (venue, client) = start(options());
    let place = || -> Vec<u64> {
        let spot = client.limit(SPOT, "BUY", "0.1", "50000");
        let eth = client.limit("SPOT_ETH_USDT", "BUY", "0.1", "2000");
        let perp = client.limit("PERP_BTC_USDT", "BUY", "0.1", "50000");
        vec![spot, eth, perp]
    };
    let open = || venue.orders(0).iter().filter(|order| order.status == "NEW").count();
    let ids = place();
    let list = json!({ "symbol": SPOT, "orderIds": format!("{},{}", ids[0], ids[1]) });
    assert_eq!(client.v3("DELETE", "/v3/trade/orders", &list).status, 200);
    assert_eq!(open(), 2, "the second is of another symbol");
    client.v3("DELETE", "/v3/trade/orders", &json!({ "symbol": "SPOT_ETH_USDT" }));
    assert_eq!(open(), 1);
    place();
    client.v3("DELETE", "/v3/trade/allOrders", &json!({}));
    assert_eq!(open(), 0);
    let bad = client.v3("DELETE", "/v3/trade/orders", &json!({ "orderIds": "1,x" }));
    assert_eq!(bad.code(), 317_165);
}

#[test]
fn cancel_all_after_really_cancels() {
    let (venue, client) = start(options());
    let id = client.limit(SPOT, "BUY", "0.1", "50000");
    let algo = json!({
        "symbol": SPOT, "side": "SELL", "type": "MARKET", "algoType": "STOP", "quantity": "0.1",
        "triggerPrice": "50000",
    });
    client.v3("POST", "/v3/trade/algoOrder", &algo);
    let arm = |after: i64| {
        client.v3("POST", "/v3/trade/cancelAllAfter", &json!({ "triggerAfter": after }))
    };
    assert_eq!(arm(4_000).code(), 317_176);
    assert_eq!(arm(1_000_000).code(), 317_176);
    arm(5_000);
    assert_eq!(arm(0).data()["expectedTriggerTime"], 0);
    venue.set_skew_ms(6_000);
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(client.order(id)["status"], "NEW", "it was switched off");
    let at = arm(5_000).data()["expectedTriggerTime"].as_i64().unwrap();
    assert!(at > venue.now_ms() + 3_000);
    venue.set_skew_ms(12_000);
    // Nobody asks anything: the venue's own clock has to strike.
    for _ in 0..100 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        if venue.orders(0)[0].status == "CANCELLED" {
            break;
        }
    }
    assert_eq!(venue.orders(0)[0].status, "CANCELLED");
    assert_eq!(venue.open_algos(0), 0);
}

#[test]
fn an_order_of_another_account_is_unknown() {
    let (venue, client) = start(options());
    let id = client.limit(SPOT, "BUY", "0.1", "50000");
    let other = Client::new(venue.addr(), "other", "othersecret");
    let found = other.v3("GET", "/v3/trade/order", &json!({ "orderId": id }));
    assert_eq!((found.status, found.code()), (400, -1006));
    let cancel = json!({ "orderId": id, "symbol": SPOT });
    assert_eq!(other.v3("DELETE", "/v3/trade/order", &cancel).code(), 317_184);
    let amend = json!({ "orderId": id, "price": "49000" });
    assert_eq!(other.v3("PUT", "/v3/trade/order", &amend).code(), 317_184);
    let list = other.v3("GET", "/v3/trade/orders", &json!({}));
    assert_eq!(list.data()["meta"]["total"], 0);
    // Two accounts meet in the book, at the resting price.
    let taker = json!({
        "symbol": SPOT, "side": "SELL", "type": "LIMIT", "price": "50000", "quantity": "0.1",
    });
    venue.set_price(SPOT, dec("50010"));
    assert_eq!(client.order(id)["status"], "NEW");
    other.v3("POST", "/v3/trade/order", &taker);
    assert!(["NEW", "FILLED"].contains(&client.order(id)["status"].as_str().unwrap()));
}
