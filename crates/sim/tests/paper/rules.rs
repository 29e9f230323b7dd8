//! What the venue refuses in an order, and how orders of each type end.

use crate::client::{dec, options, start};

#[test]
fn orders_are_refused_in_the_venues_words() {
    let (_venue, client) = start(options());
    let base = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";
    let long_id = "x".repeat(37);
    let cases: Vec<(String, i64, &str)> = vec![
        (base.replace("symbol=BTCUSDT&", ""), -1102, "symbol"),
        (base.replace("BTCUSDT", "btcusdt"), -1100, "symbol"),
        (base.replace("BTCUSDT", "NOPE"), -1121, "Invalid symbol."),
        (base.replace("BTCUSDT", ""), -1105, "symbol"),
        (base.replace("side=BUY", "side=HOLD"), -1117, "Invalid side."),
        (base.replace("LIMIT", "ICEBERG"), -1116, "Invalid orderType."),
        (base.replace("GTC", "GTD"), -1115, "Invalid timeInForce."),
        (base.replace("&timeInForce=GTC", ""), -1102, "timeInForce"),
        (base.replace("&quantity=0.01", ""), -1102, "quantity"),
        (base.replace("&price=50000", ""), -1102, "price"),
        (base.replace("50000", "-5"), -1100, "price"),
        (base.replace("50000", "5e4"), -1100, "price"),
        (base.replace("50000", "0"), -1102, "price"),
        (base.replace("0.01", "0.000000001"), -1111, "quantity"),
        (base.replace("0.01", "99999999999999999999"), -1108, "quantity"),
        (base.replace("50000", "50000.001"), -1013, "PRICE_FILTER"),
        (base.replace("50000", "1"), -1013, "PERCENT_PRICE_BY_SIDE"),
        (base.replace("0.01", "0.000001"), -1013, "LOT_SIZE"),
        (base.replace("0.01", "9001"), -1013, "LOT_SIZE"),
        (base.replace("0.01", "0.00001"), -1013, "NOTIONAL"),
        (base.replace("0.01", "100"), -2010, "insufficient balance"),
        (format!("{base}&quoteOrderQty=5"), -1106, "quoteOrderQty"),
        (format!("{base}&stopPrice=5"), -1106, "stopPrice"),
        (format!("{base}&newClientOrderId=a b"), -1022, "Signature"),
        (format!("{base}&newClientOrderId=a%20b"), -1100, "newClientOrderId"),
        (format!("{base}&newClientOrderId={long_id}"), -1100, "newClientOrderId"),
        (format!("{base}&newOrderRespType=ALL"), -1130, "newOrderRespType"),
        (format!("{base}&unknown=1"), -1104, "read '8' parameter(s) but was sent '9'"),
        ("symbol=BTCUSDT&side=BUY&type=MARKET".to_owned(), -1102, "quoteOrderQty"),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&price=1".to_owned(), -1106, "price"),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timeInForce=GTC".to_owned(),
            -1106,
            "timeInForce",
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.01&price=61000".to_owned(),
            -2010,
            "Order would immediately match and take.",
        ),
        (
            "symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=0.01&stopPrice=61000".to_owned(),
            -2010,
            "Stop price would trigger immediately.",
        ),
    ];
    for (params, code, msg) in cases {
        for path in ["/api/v3/order", "/api/v3/order/test"] {
            if path.ends_with("test") && msg.contains("balance") {
                continue;
            }
            let answer = if params.contains(' ') {
                client.send_form("POST", path, &params)
            } else {
                client.send("POST", path, &params)
            };
            assert_eq!((answer.status, answer.code()), (400, code), "{path} {params}: {answer:?}");
            assert!(answer.text("msg").contains(msg), "{params}: {answer:?}");
        }
    }
    assert_eq!(client.balance("USDT"), (dec("1000000"), dec("0")));
}

#[test]
fn immediate_and_whole_or_nothing_orders_end_at_once() {
    let (_venue, client) = start(options());
    let order = |quantity: &str, price: &str, tif: &str| {
        let params = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce={tif}&quantity={quantity}&price={price}"
        );
        client.send("POST", "/api/v3/order", &params)
    };
    let immediate = order("1.5", "60003", "IOC");
    assert_eq!(immediate.text("status"), "EXPIRED");
    assert_eq!(immediate.text("executedQty"), "0.83333000");
    let whole = order("1.5", "60003", "FOK");
    assert_eq!(whole.text("status"), "EXPIRED");
    assert_eq!(whole.text("executedQty"), "0.00000000");
    assert_eq!(order("0.5", "60003", "FOK").text("status"), "FILLED");
    assert_eq!(client.balance("USDT").1, dec("0"));
}

#[test]
fn a_quote_quantity_buys_for_at_most_that_much() {
    let (_venue, client) = start(options());
    let params = "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=1000";
    let bought = client.send("POST", "/api/v3/order", params);
    assert_eq!(bought.text("status"), "FILLED");
    let spent = bought.decimal("cummulativeQuoteQty");
    assert!(spent <= dec("1000") && spent > dec("999"), "{spent}");
    assert_eq!(client.balance("USDT"), (dec("1000000") - spent, dec("0")));
}

#[test]
fn stops_wait_for_their_price() {
    let (venue, client) = start(options());
    let stop = "symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.5&price=58000&stopPrice=59000";
    let placed = client.send("POST", "/api/v3/order", stop);
    let id = placed.body["orderId"].as_u64().unwrap();
    let query = || client.send("GET", "/api/v3/order", &format!("symbol=BTCUSDT&orderId={id}"));
    venue.set_price("BTCUSDT", dec("59500"));
    assert_eq!((query().text("status"), &query().body["isWorking"]), ("NEW", &false.into()));
    assert_eq!(client.balance("BTC"), (dec("19.5"), dec("0.5")));
    venue.set_price("BTCUSDT", dec("58900"));
    assert_eq!(query().text("status"), "FILLED");
    assert_eq!(client.balance("BTC"), (dec("19.5"), dec("0")));
}

#[test]
fn an_account_does_not_trade_with_itself() {
    let mut options = options();
    options.market_maker.levels = 0;
    let (venue, client) = start(options);
    client.limit("SELL", "1", "60000", "&newClientOrderId=rests");
    let taker = client.limit("BUY", "1", "60000", "&selfTradePreventionMode=EXPIRE_TAKER");
    assert_eq!(taker.text("status"), "EXPIRED_IN_MATCH");
    let taker = client.limit("BUY", "1", "60000", "");
    assert_eq!(taker.text("status"), "NEW");
    assert_eq!(venue.orders(0)[0].status, "EXPIRED_IN_MATCH");
    assert_eq!(client.balance("BTC"), (dec("20"), dec("0")));
}

#[test]
fn cancel_replace_tells_both_halves() {
    let (_venue, client) = start(options());
    let place = client.limit("BUY", "0.01", "50000", "&newClientOrderId=old");
    assert_eq!(place.status, 200);
    let replace = |old: &str, quantity: &str, mode: &str| {
        let params = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price=50000&cancelReplaceMode={mode}&cancelOrigClientOrderId={old}&newClientOrderId=new"
        );
        client.send("POST", "/api/v3/order/cancelReplace", &params)
    };
    let stopped = replace("nope", "0.01", "STOP_ON_FAILURE");
    assert_eq!((stopped.status, stopped.code()), (400, -2022));
    assert_eq!(stopped.body["data"]["newOrderResult"], "NOT_ATTEMPTED");
    assert!(stopped.body["data"]["newOrderResponse"].is_null());
    let both = replace("nope", "100", "ALLOW_FAILURE");
    assert_eq!((both.status, both.code()), (400, -2022));
    assert_eq!(both.body["data"]["newOrderResponse"]["code"], -2010);
    let partly = replace("old", "100", "STOP_ON_FAILURE");
    assert_eq!((partly.status, partly.code()), (409, -2021));
    assert_eq!(partly.body["data"]["cancelResult"], "SUCCESS");
    assert_eq!(partly.body["data"]["newOrderResult"], "FAILURE");
    client.limit("BUY", "0.01", "50000", "&newClientOrderId=old");
    let done = replace("old", "0.02", "STOP_ON_FAILURE");
    assert_eq!(done.status, 200);
    assert_eq!(done.body["newOrderResponse"]["clientOrderId"], "new");
    assert_eq!(client.balance("USDT").1, dec("1000"));
}

#[test]
fn an_amendment_only_shrinks() {
    let (_venue, client) = start(options());
    client.limit("BUY", "0.5", "50000", "&newClientOrderId=big");
    let amend = |quantity: &str, id: &str| {
        let params = format!(
            "symbol=BTCUSDT&origClientOrderId={id}&newQty={quantity}&newClientOrderId=small"
        );
        client.send("PUT", "/api/v3/order/amend/keepPriority", &params)
    };
    assert_eq!(amend("0.6", "big").code(), -2038);
    assert_eq!(amend("0.5", "big").code(), -2038);
    assert_eq!(amend("0.2", "gone").code(), -2011);
    let amended = amend("0.2", "big");
    assert_eq!(amended.body["amendedOrder"]["qty"], "0.20000000");
    assert_eq!(client.balance("USDT"), (dec("990000"), dec("10000")));
    let id = &amended.body["amendedOrder"]["orderId"];
    let list =
        client.send("GET", "/api/v3/order/amendments", &format!("symbol=BTCUSDT&orderId={id}"));
    assert_eq!(list.body[0]["origQty"], "0.50000000");
}

#[test]
fn cancel_all_needs_something_to_cancel() {
    let (_venue, client) = start(options());
    let none = client.send("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT");
    assert_eq!((none.status, none.code()), (400, -2011));
    client.limit("BUY", "0.01", "50000", "");
    client.limit("SELL", "0.01", "70000", "");
    let both = client.send("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT");
    assert_eq!(both.body.as_array().unwrap().len(), 2);
    let missing = client.send("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=1");
    assert_eq!((missing.status, missing.code()), (400, -2013));
}
