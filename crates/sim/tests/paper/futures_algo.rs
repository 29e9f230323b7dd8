//! Conditional orders.

use crate::client::{Response, dec, options, start};

const ALGO: &str = "/fapi/v1/algoOrder";

fn outcome(response: &Response) -> (u16, i64) {
    (response.status, response.code())
}

#[test]
fn a_stop_waits_and_becomes_an_order() {
    let (venue, client) = start(options());
    let stop = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.1&triggerPrice=59000&clientAlgoId=a-1";
    let placed = client.send("POST", ALGO, stop);
    assert_eq!((placed.status, placed.text("algoStatus")), (200, "NEW"), "{placed:?}");
    let open = client.send("GET", "/fapi/v1/openAlgoOrders", "symbol=BTCUSDT");
    assert_eq!(open.body[0]["clientAlgoId"], "a-1");
    assert!(venue.futures_orders(0).is_empty());
    venue.set_futures_price("BTCUSDT", dec("59500"));
    assert!(venue.positions(0).is_empty());
    venue.set_futures_price("BTCUSDT", dec("58900"));
    assert_eq!(venue.positions(0)[0].amount, dec("-0.1"));
    let done = client.send("GET", ALGO, "clientAlgoId=a-1");
    assert_eq!(done.text("algoStatus"), "FINISHED");
    let order = client.send(
        "GET",
        "/fapi/v1/order",
        &format!("symbol=BTCUSDT&orderId={}", done.text("actualOrderId")),
    );
    assert_eq!((order.text("origType"), order.text("type")), ("STOP_MARKET", "MARKET"));
}

#[test]
fn close_position_closes_whatever_there_is() {
    let (venue, client) = start(options());
    client.send("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.3");
    let close = |more: &str| {
        client.send(
            "POST",
            ALGO,
            &format!("algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&closePosition=true{more}"),
        )
    };
    assert_eq!(outcome(&close("&type=STOP_MARKET&triggerPrice=55000&quantity=1")), (400, -4137));
    assert_eq!(
        outcome(&close("&type=STOP&triggerPrice=55000&price=54000&timeInForce=GTC")),
        (400, -4136)
    );
    assert_eq!(
        outcome(&close("&type=STOP_MARKET&triggerPrice=55000&reduceOnly=true")),
        (400, -1106)
    );
    assert_eq!(close("&type=STOP_MARKET&triggerPrice=55000").status, 200);
    assert_eq!(outcome(&close("&type=STOP_MARKET&triggerPrice=54000")), (400, -4130));
    assert_eq!(close("&type=TAKE_PROFIT_MARKET&triggerPrice=65000").status, 200);
    client.send("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.2");
    venue.set_futures_price("BTCUSDT", dec("65100"));
    assert!(venue.positions(0).is_empty(), "the whole position, as it was then");
    let rows = client.send("GET", "/fapi/v1/allAlgoOrders", "symbol=BTCUSDT");
    let statuses: Vec<&str> = rows
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["algoStatus"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["EXPIRED", "FINISHED"], "the other ended with the position");
}

#[test]
fn the_mark_price_sets_off_what_works_by_it() {
    let (venue, client) = start(options());
    let stop = "algoType=CONDITIONAL&symbol=BTCUSDT&side=BUY&type=STOP_MARKET&quantity=0.1&triggerPrice=61000&workingType=MARK_PRICE";
    assert_eq!(client.send("POST", ALGO, stop).status, 200);
    venue.set_mark_price("BTCUSDT", Some(dec("60000")));
    venue.set_futures_price("BTCUSDT", dec("61500"));
    assert!(venue.positions(0).is_empty());
    venue.set_mark_price("BTCUSDT", Some(dec("61000")));
    assert_eq!(venue.positions(0)[0].amount, dec("0.1"));
}

#[test]
fn conditional_orders_are_refused_and_cancelled() {
    let (_venue, client) = start(options());
    let stop = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.1&triggerPrice=59000";
    for (change, code) in [
        (("triggerPrice=59000", "triggerPrice=60500"), -2021),
        (("&triggerPrice=59000", ""), -1102),
        (("type=STOP_MARKET", "type=LIMIT"), -1116),
        (("type=STOP_MARKET", "type=TRAILING_STOP_MARKET"), -1020),
        (("algoType=CONDITIONAL", "algoType=VWAP"), -1130),
        (("algoType=CONDITIONAL&", ""), -1102),
        (("triggerPrice=59000", "triggerPrice=59000.05"), -4014),
        (("symbol=BTCUSDT", "symbol=BTCUSDT&workingType=X"), -4031),
    ] {
        let params = stop.replace(change.0, change.1);
        let answer = client.send("POST", ALGO, &params);
        assert_eq!(outcome(&answer), (400, code), "{params}");
    }
    let id = client.send("POST", ALGO, stop).body["algoId"].as_u64().unwrap();
    let gone = client.send("DELETE", ALGO, &format!("algoId={id}"));
    assert_eq!(gone.text("msg"), "success");
    assert_eq!(outcome(&client.send("DELETE", ALGO, &format!("algoId={id}"))), (400, -2011));
    client.send("POST", ALGO, stop);
    client.send("DELETE", "/fapi/v1/algoOpenOrders", "symbol=BTCUSDT");
    let open = client.send("GET", "/fapi/v1/openAlgoOrders", "");
    assert!(open.body.as_array().unwrap().is_empty());
}
