//! Order lists.

use crate::client::{Client, dec, options, start};

const OCO: &str = "symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=65000&belowType=STOP_LOSS&belowStopPrice=55000";

fn statuses(client: &Client) -> Vec<String> {
    let all = client.send("GET", "/api/v3/allOrders", "symbol=BTCUSDT");
    let rows = all.body.as_array().unwrap().iter();
    rows.map(|row| format!("{} {}", row["type"].as_str().unwrap(), row["status"].as_str().unwrap()))
        .collect()
}

#[test]
fn an_oco_locks_once_and_one_leg_ends_the_other() {
    for (price, expected) in [
        ("65100", ["STOP_LOSS EXPIRED", "LIMIT_MAKER FILLED"]),
        ("54900", ["STOP_LOSS FILLED", "LIMIT_MAKER EXPIRED"]),
    ] {
        let (venue, client) = start(options());
        let placed = client.send("POST", "/api/v3/orderList/oco", OCO);
        assert_eq!(placed.status, 200, "{placed:?}");
        assert_eq!(placed.body["orderReports"].as_array().unwrap().len(), 2);
        assert_eq!(placed.header("x-mbx-order-count-10s"), Some("2"));
        assert_eq!(client.balance("BTC"), (dec("19"), dec("1")));
        assert!(venue.set_price("BTCUSDT", dec(price)));
        assert_eq!(statuses(&client), expected);
        assert_eq!(client.balance("BTC"), (dec("19"), dec("0")));
        let open = client.send("GET", "/api/v3/openOrderList", "");
        assert!(open.body.as_array().unwrap().is_empty());
    }
}

#[test]
fn cancelling_a_leg_or_the_list_cancels_both() {
    let (_venue, client) = start(options());
    let placed =
        client.send("POST", "/api/v3/orderList/oco", &format!("{OCO}&belowClientOrderId=leg"));
    let list = placed.body["orderListId"].clone();
    client.send("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=leg");
    assert_eq!(statuses(&client), ["STOP_LOSS CANCELED", "LIMIT_MAKER CANCELED"]);
    assert_eq!(client.balance("BTC"), (dec("20"), dec("0")));
    let gone =
        client.send("DELETE", "/api/v3/orderList", &format!("symbol=BTCUSDT&orderListId={list}"));
    assert_eq!(gone.code(), -2011);
    let old = "symbol=BTCUSDT&side=SELL&quantity=1&price=65000&stopPrice=55000&stopLimitPrice=54000&stopLimitTimeInForce=GTC&listClientOrderId=mine";
    let placed = client.send("POST", "/api/v3/order/oco", old);
    assert_eq!(placed.status, 200, "{placed:?}");
    let found = client.send("GET", "/api/v3/orderList", "origClientOrderId=mine");
    assert_eq!(found.text("listOrderStatus"), "EXECUTING");
    let canceled =
        client.send("DELETE", "/api/v3/orderList", "symbol=BTCUSDT&listClientOrderId=mine");
    assert_eq!(canceled.text("listOrderStatus"), "ALL_DONE");
    assert_eq!(client.balance("BTC"), (dec("20"), dec("0")));
}

#[test]
fn impossible_pairs_are_refused() {
    let (_venue, client) = start(options());
    for (params, code) in [
        (OCO.replace("65000", "50000").replace("55000", "58000"), -2010),
        (OCO.replace("STOP_LOSS&belowStopPrice", "LIMIT_MAKER&belowPrice"), -1168),
        (OCO.replace("side=SELL", "side=BUY"), -1165),
        (OCO.replace("quantity=1&", ""), -1102),
        (OCO.replace("&abovePrice=65000", ""), -1102),
        (format!("{OCO}&aboveClientOrderId=a&belowClientOrderId=a"), -2010),
        (OCO.replace("quantity=1&", "quantity=21&"), -2010),
    ] {
        let answer = client.send("POST", "/api/v3/orderList/oco", &params);
        assert_eq!((answer.status, answer.code()), (400, code), "{params} {answer:?}");
    }
    assert!(statuses(&client).is_empty());
}

#[test]
fn a_pending_order_starts_when_the_working_one_is_filled() {
    let (venue, client) = start(options());
    let oto = "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=58000&workingQuantity=1&workingTimeInForce=GTC&pendingType=LIMIT&pendingSide=SELL&pendingQuantity=0.9&pendingPrice=62000&pendingTimeInForce=GTC";
    let placed = client.send("POST", "/api/v3/orderList/oto", oto);
    assert_eq!(placed.body["orderReports"][1]["status"], "PENDING_NEW", "{placed:?}");
    assert_eq!(client.balance("USDT").1, dec("58000"));
    assert_eq!(client.balance("BTC").1, dec("0"));
    venue.set_price("BTCUSDT", dec("57900"));
    assert_eq!(statuses(&client), ["LIMIT FILLED", "LIMIT NEW"]);
    assert_eq!(client.balance("BTC").1, dec("0.9"));
    venue.set_price("BTCUSDT", dec("62100"));
    assert_eq!(statuses(&client), ["LIMIT FILLED", "LIMIT FILLED"]);
}

#[test]
fn a_pending_pair_starts_or_dies_with_its_working_order() {
    let otoco = "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=58000&workingQuantity=1&workingTimeInForce=GTC&pendingSide=SELL&pendingQuantity=0.9&pendingAboveType=LIMIT_MAKER&pendingAbovePrice=62000&pendingBelowType=STOP_LOSS&pendingBelowStopPrice=55000&workingClientOrderId=first";
    let (venue, client) = start(options());
    assert_eq!(client.send("POST", "/api/v3/orderList/otoco", otoco).status, 200);
    client.send("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=first");
    assert!(statuses(&client).iter().all(|status| status.ends_with("CANCELED")));
    assert_eq!(client.send("POST", "/api/v3/orderList/otoco", otoco).status, 200);
    venue.set_price("BTCUSDT", dec("57900"));
    assert_eq!(client.balance("BTC").1, dec("0.9"));
    venue.set_price("BTCUSDT", dec("54900"));
    let ends = statuses(&client);
    assert_eq!(ends[3..], ["LIMIT FILLED", "STOP_LOSS FILLED", "LIMIT_MAKER EXPIRED"]);
    assert_eq!(client.balance("BTC").1, dec("0"));
}

#[test]
fn open_lists_are_limited() {
    let (_venue, client) = start(options());
    let small = OCO.replace(
        "quantity=1&",
        "quantity=0.01&belowType=STOP_LOSS_LIMIT&belowPrice=54000&belowTimeInForce=GTC&",
    );
    let small = small.replace("&belowType=STOP_LOSS&", "&");
    // The limit on open stop orders comes before the limit on lists.
    for _ in 0..5 {
        assert_eq!(client.send("POST", "/api/v3/orderList/oco", &small).status, 200);
    }
    let over = client.send("POST", "/api/v3/orderList/oco", &small);
    assert_eq!(over.text("msg"), "Filter failure: MAX_NUM_ALGO_ORDERS");
}
