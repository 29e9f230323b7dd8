use super::*;
use wire::venue::binance::served;

fn read(endpoint: &str, http: u16, body: &str) -> Reading {
    let (method, path) = endpoint.split_once(' ').unwrap();
    Reading::of(served(method, path).unwrap(), http, body.as_bytes())
}

/// The venue's documentation, `POST /api/v3/order`, response type RESULT.
const RESULT: &str = r#"{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,
    "clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","transactTime":1507725176595,"price":"0.00000000",
    "origQty":"10.00000000","executedQty":"10.00000000","origQuoteOrderQty":"0.000000",
    "cummulativeQuoteQty":"10.00000000","status":"FILLED","timeInForce":"GTC","type":"MARKET",
    "side":"SELL","workingTime":1507725176595,"selfTradePreventionMode":"NONE"}"#;

#[test]
fn a_result_closes_the_order_and_tells_its_fill() {
    let reading = read("POST /api/v3/order", 200, RESULT);
    assert_eq!(reading.outcome, SettleOutcome::Acknowledged);
    let [order] = &reading.orders[..] else { panic!("{reading:?}") };
    assert_eq!(order.status, OrderStatus::Closed);
    assert_eq!(order.order_id, Some(28));
    assert_eq!(order.order_list_id, None);
    assert_eq!(order.executed_quote, Some(Decimal::new(10_0000_0000, 8)));
}

#[test]
fn an_acknowledgement_leaves_the_order_open() {
    let body = r#"{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"a",
        "transactTime":1507725176595}"#;
    let reading = read("POST /api/v3/order", 200, body);
    assert_eq!(reading.orders[0].status, OrderStatus::Open);
    assert_eq!(reading.orders[0].executed_quantity, None);
}

#[test]
fn a_cancel_is_of_the_original_order() {
    let body = r#"{"symbol":"LTCBTC","origClientOrderId":"myOrder1","orderId":4,"orderListId":-1,
        "clientOrderId":"cancelMyOrder1","transactTime":1684804350068,"price":"2.0",
        "origQty":"1.0","executedQty":"0.0","cummulativeQuoteQty":"0.0","status":"CANCELED"}"#;
    let reading = read("DELETE /api/v3/order", 200, body);
    assert_eq!(reading.orders[0].client_order_id, "myOrder1");
    assert_eq!(reading.orders[0].new_client_order_id, None);
    assert_eq!(reading.orders[0].status, OrderStatus::Closed);
}

#[test]
fn cancel_all_tells_of_orders_and_lists() {
    let body = r#"[{"symbol":"BTCUSDT","origClientOrderId":"E6","orderId":11,"orderListId":-1,
        "clientOrderId":"pX","status":"CANCELED","origQty":"0.2","executedQty":"0.0"},
        {"orderListId":1929,"contingencyType":"OCO","listStatusType":"ALL_DONE",
        "listOrderStatus":"ALL_DONE","listClientOrderId":"2i","transactionTime":1585230948299,
        "symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":20,"clientOrderId":"Cw"}],
        "orderReports":[{"symbol":"BTCUSDT","origClientOrderId":"Cw","orderId":20,
        "orderListId":1929,"clientOrderId":"pX","status":"CANCELED"}]}]"#;
    let reading = read("DELETE /api/v3/openOrders", 200, body);
    let ids: Vec<_> = reading.orders.iter().map(|order| order.order_id).collect();
    assert_eq!(ids, [Some(11), Some(20)]);
    assert_eq!(reading.orders[1].order_list_id, Some(1929));
}

#[test]
fn a_list_tells_every_leg() {
    let body = r#"{"orderListId":1,"contingencyType":"OCO","listClientOrderId":"l",
        "symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":12,"clientOrderId":"a"},
        {"symbol":"BTCUSDT","orderId":13,"clientOrderId":"b"}],"orderReports":[]}"#;
    let reading = read("POST /api/v3/orderList/oco", 200, body);
    assert_eq!(reading.orders.len(), 2);
}

#[test]
fn half_a_replacement_is_told_by_halves() {
    // Cancelled, and the new order refused.
    let body = r#"{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{
        "cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"symbol":"BTCUSDT",
        "origClientOrderId":"86M","orderId":22,"orderListId":-1,"clientOrderId":"osx",
        "status":"CANCELED"},"newOrderResponse":{"code":-2010,"msg":"insufficient balance"}}}"#;
    let reading = read("POST /api/v3/order/cancelReplace", 409, body);
    assert_eq!(reading.outcome, SettleOutcome::Rejected);
    assert_eq!(reading.orders.len(), 1);
    // Not cancelled, and the new order placed.
    let body = r#"{"code":-2021,"msg":"x","data":{"cancelResult":"FAILURE",
        "newOrderResult":"SUCCESS","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},
        "newOrderResponse":{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"n"}}}"#;
    let reading = read("POST /api/v3/order/cancelReplace", 409, body);
    assert_eq!(reading.outcome, SettleOutcome::Acknowledged);
    assert_eq!(reading.orders[0].client_order_id, "n");
    let body = r#"{"code":-2022,"msg":"Order cancel-replace failed.","data":{
        "cancelResult":"FAILURE","newOrderResult":"NOT_ATTEMPTED","cancelResponse":{"code":-2011,
        "msg":"Unknown order sent."},"newOrderResponse":null}}"#;
    let reading = read("POST /api/v3/order/cancelReplace", 400, body);
    assert_eq!((reading.outcome, reading.orders.len()), (SettleOutcome::Rejected, 0));
}

#[test]
fn an_amend_may_rename() {
    let body = r#"{"transactTime":1741926410255,"executionId":75,"amendedOrder":{
        "symbol":"BTCUSDT","orderId":33,"orderListId":-1,"origClientOrderId":"5x",
        "clientOrderId":"4z","price":"6.0","qty":"5.0","executedQty":"0.0","status":"NEW"}}"#;
    let reading = read("PUT /api/v3/order/amend/keepPriority", 200, body);
    let order = &reading.orders[0];
    assert_eq!(order.client_order_id, "5x");
    assert_eq!(order.new_client_order_id.as_deref(), Some("4z"));
    assert_eq!(order.quantity, Some(Decimal::new(50, 1)));
}

/// Status, body, and whether the outcome is unknown.
const FAILURES: [(u16, &str, bool); 12] = [
    (400, r#"{"code":-2010,"msg":"Account has insufficient balance."}"#, false),
    (401, r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#, false),
    (403, "<html>", false),
    (418, r#"{"code":-1003,"msg":"banned"}"#, false),
    (429, r#"{"code":-1015,"msg":"Too many new orders"}"#, false),
    (503, r#"{"code":-1008,"msg":"Server is currently overloaded"}"#, false),
    (400, r#"{"code":-1007,"msg":"Timeout waiting for response"}"#, true),
    (400, r#"{"code":-1006,"msg":"An unexpected response was received"}"#, true),
    (504, r#"{"code":-1007,"msg":"Timeout"}"#, true),
    (500, "", true),
    (502, "<html>bad gateway</html>", true),
    (301, "", true),
];

#[test]
fn what_may_have_been_executed_is_unknown() {
    for (http, body, unknown) in FAILURES {
        let reading = read("POST /api/v3/order", http, body);
        let expected = if unknown { SettleOutcome::Unknown } else { SettleOutcome::Rejected };
        assert_eq!(reading.outcome, expected, "{http} {body}");
    }
}

#[test]
fn a_success_that_cannot_be_read_is_unknown() {
    for body in ["", "{}", "[]", "null", r#"{"symbol":"X"}"#, r#"{"orderId":1}"#] {
        let reading = read("POST /api/v3/order", 200, body);
        assert_eq!(reading.outcome, SettleOutcome::Unknown, "{body}");
    }
}
