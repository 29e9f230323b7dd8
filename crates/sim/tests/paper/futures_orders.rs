//! Futures orders: place, amend, cancel, batches, what may only reduce.

use serde_json::{Value, json};

use crate::client::{Client, Response, dec, options, start};

const ORDER: &str = "/fapi/v1/order";
const LIMIT: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000";

fn outcome(response: &Response) -> (u16, i64) {
    (response.status, response.code())
}

fn market(client: &Client, side: &str, quantity: &str, more: &str) -> Response {
    let params = format!(
        "symbol=BTCUSDT&side={side}&type=MARKET&quantity={quantity}{more}&newOrderRespType=RESULT"
    );
    client.send("POST", ORDER, &params)
}

#[test]
fn an_order_lives_its_life() {
    let (venue, client) = start(options());
    let placed = client.send_form("POST", ORDER, &format!("{LIMIT}&newClientOrderId=o-1"));
    assert_eq!((placed.status, placed.text("status")), (200, "NEW"), "{placed:?}");
    assert_eq!(placed.header("x-mbx-order-count-10s"), Some("1"));
    assert_eq!(placed.header("x-mbx-order-count-1m"), Some("1"));
    let changed = client.send(
        "PUT",
        ORDER,
        "symbol=BTCUSDT&origClientOrderId=o-1&side=BUY&quantity=0.2&price=50000.5",
    );
    assert_eq!((changed.text("price"), changed.text("origQty")), ("50000.5", "0.2"));
    assert_eq!(changed.body["orderId"], placed.body["orderId"]);
    let same = "symbol=BTCUSDT&origClientOrderId=o-1&side=BUY&quantity=0.2&price=50000.5";
    assert_eq!(outcome(&client.send("PUT", ORDER, same)), (400, -5027));
    let history =
        client.send("GET", "/fapi/v1/orderAmendment", "symbol=BTCUSDT&origClientOrderId=o-1");
    assert_eq!(history.body[0]["amendment"]["price"]["before"], "50000");
    let open = client.send("GET", "/fapi/v1/openOrders", "symbol=BTCUSDT");
    assert_eq!(open.body.as_array().unwrap().len(), 1);
    let gone = client.send("DELETE", ORDER, "symbol=BTCUSDT&origClientOrderId=o-1");
    assert_eq!(gone.text("status"), "CANCELED");
    assert_eq!(
        outcome(&client.send("DELETE", ORDER, "symbol=BTCUSDT&origClientOrderId=o-1")),
        (400, -2011)
    );
    assert_eq!(outcome(&client.send("GET", ORDER, "symbol=BTCUSDT&orderId=1")), (400, -2013));
    let late = client.send("GET", ORDER, "symbol=BTCUSDT&origClientOrderId=o-1");
    assert_eq!(late.text("status"), "CANCELED");
    assert_eq!(venue.futures_orders(0)[0].status, "CANCELED");
    assert_eq!(client.balance("USDT").1, dec("0"), "spot is another wallet");
}

#[test]
fn orders_are_refused_in_the_venues_words() {
    let (venue, client) = start(options());
    for (change, code) in [
        (("symbol=BTCUSDT", "symbol=NOPE"), -1121),
        (("quantity=0.1", "quantity=0"), -4003),
        (("quantity=0.1", "quantity=0.0001"), -4004),
        (("quantity=0.1", "quantity=0.1001"), -1111),
        (("quantity=0.1", "quantity=20000"), -4005),
        (("price=50000", "price=50000.55"), -1111),
        (("price=50000", "price=0"), -4001),
        (("price=50000", "price=99999"), -4016),
        (("&price=50000", ""), -1102),
        (("&timeInForce=GTC", ""), -1102),
        (("timeInForce=GTC", "timeInForce=XXX"), -1115),
        (("side=BUY", "side=XXX"), -1117),
        (("type=LIMIT", "type=XXX"), -1116),
        (("type=LIMIT", "type=STOP_MARKET"), -4120),
        (("quantity=0.1", "quantity=100"), -2019),
        (("price=50000", "price=50000&positionSide=LONG"), -4061),
        (("price=50000", "price=50000&reduceOnly=true"), -2022),
        (("price=50000", "price=50000&closePosition=true"), -4136),
        (("price=50000", "price=60100&x=1&timeInForceX=1"), 0),
        (("timeInForce=GTC", "timeInForce=GTX"), 0),
        (("price=50000", "price=50000&newClientOrderId=a%20b"), -1100),
        (
            ("price=50000", "price=50000&newClientOrderId=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            -4015,
        ),
        (("timeInForce=GTC", "timeInForce=GTD"), -1102),
        (("timeInForce=GTC", "timeInForce=GTD&goodTillDate=1"), -5040),
    ] {
        let params = LIMIT.replace(change.0, change.1);
        let answer = client.send("POST", ORDER, &params);
        assert_eq!(answer.code(), code, "{params}: {answer:?}");
    }
    let taking = LIMIT.replace("GTC", "GTX").replace("50000", "60100");
    assert_eq!(outcome(&client.send("POST", ORDER, &taking)), (400, -5022));
    let missing = LIMIT.replace("GTC", "FOK");
    assert_eq!(outcome(&client.send("POST", ORDER, &missing)), (400, -5021));
    let small = LIMIT.replace("quantity=0.1", "quantity=0.001").replace("50000", "30001");
    assert_eq!(client.send("POST", ORDER, &small).status, 200);
    let tiny = "symbol=SOLUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=40";
    venue.set_futures_price("SOLUSDT", dec("40"));
    assert_eq!(outcome(&client.send("POST", ORDER, tiny)), (400, -4164));
    let twice = format!("{LIMIT}&newClientOrderId=twice");
    assert_eq!(client.send("POST", ORDER, &twice).status, 200);
    assert_eq!(outcome(&client.send("POST", ORDER, &twice)), (400, -4116));
    let test = client.send("POST", "/fapi/v1/order/test", LIMIT);
    assert_eq!((test.status, test.body), (200, json!({})));
}

#[test]
fn an_acknowledgement_says_nothing_of_fills() {
    let (_venue, client) = start(options());
    let params = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1";
    let acknowledged = client.send("POST", ORDER, params);
    assert_eq!((acknowledged.text("status"), acknowledged.text("executedQty")), ("NEW", "0"));
    let told = market(&client, "BUY", "0.1", "");
    assert_eq!((told.text("status"), told.text("executedQty")), ("FILLED", "0.1"));
}

#[test]
fn reduce_only_never_opens() {
    let (venue, client) = start(options());
    assert_eq!(outcome(&market(&client, "SELL", "0.1", "&reduceOnly=true")), (400, -2022));
    market(&client, "BUY", "0.1", "");
    assert_eq!(outcome(&market(&client, "BUY", "0.1", "&reduceOnly=true")), (400, -2022));
    // More than the position: it closes, and the rest expires.
    let closed = market(&client, "SELL", "0.5", "&reduceOnly=true");
    assert_eq!((closed.text("status"), closed.text("executedQty")), ("EXPIRED", "0.1"));
    assert!(venue.positions(0).is_empty());
    // A resting one ends with the position that it could reduce.
    market(&client, "BUY", "0.1", "");
    let resting = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.3&price=61000&reduceOnly=true";
    let resting = client.send("POST", ORDER, resting);
    assert_eq!(resting.text("status"), "NEW");
    let id = resting.body["orderId"].as_u64().unwrap();
    assert!(venue.fill_resting_futures(id, dec("0.04")));
    market(&client, "SELL", "0.06", "");
    assert!(venue.positions(0).is_empty());
    let ended = client.send("GET", ORDER, &format!("symbol=BTCUSDT&orderId={id}"));
    assert_eq!((ended.text("status"), ended.text("executedQty")), ("EXPIRED", "0.04"));
    // It may rest without needing margin.
    assert_eq!(venue.futures_balances(0)[0].locked, dec("0"));
}

#[test]
fn hedge_mode_keeps_two_positions_apart() {
    let (venue, client) = start(options());
    let mode = "/fapi/v1/positionSide/dual";
    assert_eq!(client.send("POST", mode, "dualSidePosition=true").text("msg"), "success");
    assert_eq!(outcome(&client.send("POST", mode, "dualSidePosition=true")), (400, -4059));
    assert_eq!(client.send("GET", mode, "").body["dualSidePosition"], true);
    assert_eq!(outcome(&market(&client, "BUY", "0.1", "")), (400, -4061));
    assert_eq!(outcome(&market(&client, "SELL", "0.1", "&positionSide=LONG")), (400, -2022));
    assert_eq!(market(&client, "BUY", "0.3", "&positionSide=LONG").status, 200);
    assert_eq!(market(&client, "SELL", "0.2", "&positionSide=SHORT").status, 200);
    let amounts: Vec<_> = venue.positions(0).iter().map(|p| (p.side, p.amount)).collect();
    assert_eq!(amounts, [("LONG", dec("0.3")), ("SHORT", dec("-0.2"))]);
    assert_eq!(outcome(&market(&client, "SELL", "0.4", "&positionSide=LONG")), (400, -2022));
    assert_eq!(
        outcome(&market(&client, "SELL", "0.1", "&positionSide=LONG&reduceOnly=true")),
        (400, -1106)
    );
    assert_eq!(market(&client, "SELL", "0.3", "&positionSide=LONG").status, 200);
    assert_eq!(market(&client, "BUY", "0.1", "&positionSide=SHORT").status, 200);
    assert_eq!(venue.positions(0)[0].amount, dec("-0.1"));
    assert_eq!(outcome(&client.send("POST", mode, "dualSidePosition=false")), (400, -4068));
    client.send("POST", ORDER, "symbol=BTCUSDT&side=BUY&positionSide=LONG&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000");
    assert_eq!(outcome(&client.send("POST", mode, "dualSidePosition=false")), (400, -4067));
}

#[test]
fn batches_stand_as_raw_json_in_one_parameter() {
    let (venue, client) = start(options());
    let order = |id: &str, quantity: &str| {
        json!({
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
            "quantity": quantity, "price": 50000, "newClientOrderId": id,
        })
    };
    let list = Value::Array(vec![order("b-1", "0.1"), order("b-2", "0"), order("b-3", "0.2")]);
    // As client libraries send it: raw JSON, not percent-encoded, and signed so.
    let batch = client.send_form("POST", "/fapi/v1/batchOrders", &format!("batchOrders={list}"));
    assert_eq!(batch.status, 200, "{batch:?}");
    assert_eq!(batch.body[1]["code"], -4003);
    assert_eq!(
        (&batch.body[0]["status"], &batch.body[2]["origQty"]),
        (&json!("NEW"), &json!("0.2"))
    );
    let encoded: String =
        form_urlencoded::byte_serialize(json!([order("b-4", "0.1")]).to_string().as_bytes())
            .collect();
    let again = client.send("POST", "/fapi/v1/batchOrders", &format!("batchOrders={encoded}"));
    assert_eq!(again.body[0]["clientOrderId"], "b-4");
    let change = json!([{
        "symbol": "BTCUSDT", "origClientOrderId": "b-1", "side": "BUY", "quantity": "0.3", "price": "50001"
    }]);
    let changed = client.send_form("PUT", "/fapi/v1/batchOrders", &format!("batchOrders={change}"));
    assert_eq!(changed.body[0]["price"], "50001");
    let six: Vec<Value> = (0..6).map(|n| order(&format!("c-{n}"), "0.1")).collect();
    let many =
        client.send_form("POST", "/fapi/v1/batchOrders", &format!("batchOrders={}", json!(six)));
    assert_eq!(outcome(&many), (400, -4082));
    let broken = client.send_form("POST", "/fapi/v1/batchOrders", "batchOrders=[{");
    assert_eq!(outcome(&broken), (400, -1102));
    let first = venue.futures_orders(0)[0].id;
    let some = client.send(
        "DELETE",
        "/fapi/v1/batchOrders",
        &format!("symbol=BTCUSDT&orderidlist=%5B{first}%2C7%5D"),
    );
    assert_eq!(
        (&some.body[0]["status"], &some.body[1]["code"]),
        (&json!("CANCELED"), &json!(-2011))
    );
    let named = client.send(
        "DELETE",
        "/fapi/v1/batchOrders",
        "symbol=BTCUSDT&origClientOrderIdList=%5B%22b-3%22%5D",
    );
    assert_eq!(named.body[0]["clientOrderId"], "b-3");
    let all = client.send("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    assert_eq!(all.body["code"], 200);
    assert!(venue.futures_orders(0).iter().all(|order| order.status == "CANCELED"));
}

#[test]
fn the_countdown_really_cancels() {
    let (venue, client) = start(options());
    client.send("POST", ORDER, LIMIT);
    client.send(
        "POST",
        ORDER,
        "symbol=ETHUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=2000",
    );
    let path = "/fapi/v1/countdownCancelAll";
    let set = client.send("POST", path, "symbol=BTCUSDT&countdownTime=10000");
    assert_eq!(set.text("countdownTime"), "10000");
    let status = |index: usize| venue.futures_orders(0)[index].status;
    let wait = || std::thread::sleep(std::time::Duration::from_millis(200));
    wait();
    assert_eq!(status(0), "NEW");
    venue.set_skew_ms(11_000);
    wait();
    assert_eq!((status(0), status(1)), ("CANCELED", "NEW"), "only the symbol's");
    // Zero ends a countdown; a new call renews it.
    let mut client = client;
    client.ahead_ms = 11_000;
    client.send("POST", ORDER, LIMIT);
    client.send("POST", path, "symbol=BTCUSDT&countdownTime=1000");
    client.send("POST", path, "symbol=BTCUSDT&countdownTime=0");
    venue.set_skew_ms(20_000);
    wait();
    assert_eq!(status(2), "NEW");
}

#[test]
fn accounts_trade_with_each_other_by_price_and_time() {
    let mut options = options();
    options.market_maker.levels = 0;
    options.accounts[1].futures = vec![("USDT".to_owned(), dec("100000"))];
    options.accounts[1].keys[0].rights = sim::binance::Rights::ALL;
    let (venue, first) = start(options);
    let second = Client::new(venue.addr(), "other", "othersecret");
    let sell = |price: &str, id: &str| {
        let params = format!(
            "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.1&price={price}&newClientOrderId={id}"
        );
        assert_eq!(first.send("POST", ORDER, &params).status, 200);
    };
    sell("60000", "early");
    sell("60000", "late");
    sell("59900", "better");
    let bought = market(&second, "BUY", "0.15", "");
    assert_eq!(bought.text("status"), "FILLED");
    let executed: Vec<_> = venue
        .futures_orders(0)
        .iter()
        .map(|order| (order.client_id.clone(), order.executed))
        .collect();
    assert_eq!(
        executed,
        [
            ("early".to_owned(), dec("0.05")),
            ("late".to_owned(), dec("0")),
            ("better".to_owned(), dec("0.1"))
        ]
    );
    assert_eq!(venue.positions(1)[0].amount, dec("0.15"));
    assert_eq!(venue.positions(0)[0].amount, dec("-0.15"));
    // Own orders are kept apart: the resting one expires.
    let own = market(&first, "BUY", "0.01", "");
    assert_eq!(own.text("status"), "EXPIRED");
    assert_eq!(venue.futures_orders(0)[0].status, "EXPIRED_IN_MATCH");
}

#[test]
fn rights_count_on_the_futures_too() {
    let (venue, client) = start(options());
    venue.set_key(
        0,
        sim::binance::ApiKey::hmac(&client.key, &client.secret, sim::binance::Rights::TRADE),
    );
    assert_eq!(outcome(&client.send("POST", ORDER, LIMIT)), (401, -2015));
    assert_eq!(client.send("GET", "/fapi/v3/account", "").status, 200);
    let payload = format!("timestamp={}", client.now_ms());
    let target = format!("/fapi/v3/account?{payload}&signature=00");
    assert_eq!(outcome(&client.raw("GET", &target, "").unwrap()), (400, -1022));
    let twice = client.send("GET", "/fapi/v1/openOrders", "symbol=BTCUSDT&symbol=ETHUSDT");
    assert_eq!(outcome(&twice), (400, -1101));
}
