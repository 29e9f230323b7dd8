#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::model::Effect;
use crate::venue::binance::endpoints;

fn read(text: &str) -> ParamText {
    ParamText::parse(text.as_bytes()).unwrap()
}

fn at(names: &[(&str, &str)]) -> Products {
    names.iter().fold(Products::NONE, |products, (method, path)| {
        products.with(Products::of(endpoints::find_rest(method, path).unwrap()))
    })
}

fn charges_at(text: &str, products: Products) -> Vec<OrderCharge<'static>> {
    // A test's text may live as long as the test.
    orders_in(Box::leak(Box::new(read(text))), products).unwrap()
}

fn charges(text: &str) -> Vec<OrderCharge<'static>> {
    charges_at(text, at(&[("POST", "/api/v3/order")]))
}

fn futures(text: &str) -> Vec<OrderCharge<'static>> {
    charges_at(text, at(&[("POST", "/fapi/v1/order")]))
}

fn refused(text: &str) -> String {
    let refusal = orders_in(&read(text), Products::NONE).unwrap_err();
    refusal.parameter.unwrap()
}

fn shown(text: &str) -> Vec<String> {
    show(&charges(text))
}

fn show(charges: &[OrderCharge<'_>]) -> Vec<String> {
    charges
        .iter()
        .map(|charge| {
            let size = match (charge.base, charge.quote) {
                (Some(base), None) => base.to_string(),
                (None, Some(quote)) => format!("quote {quote}"),
                _ => "all".to_owned(),
            };
            format!(
                "{size} {}{}",
                charge.market,
                if charge.has_client_order_id { "" } else { " unnamed" }
            )
        })
        .collect()
}

#[test]
fn each_shape_is_charged_leg_by_leg() {
    for (text, expected) in [
        ("symbol=A&side=BUY&type=LIMIT&quantity=2&price=1&newClientOrderId=a", vec!["2 A"]),
        ("symbol=A&side=BUY&type=LIMIT&quantity=2&price=1", vec!["2 A unnamed"]),
        ("symbol=A&side=BUY&type=MARKET&quoteOrderQty=9&newClientOrderId=a", vec!["quote 9 A"]),
        // Also a legacy pair: both legs have the quantity.
        (
            "symbol=A&side=SELL&type=STOP_LOSS_LIMIT&quantity=2&price=1&stopPrice=2&newClientOrderId=a",
            vec!["2 A", "2 A"],
        ),
        (
            "symbol=A&side=SELL&quantity=2&price=1&stopPrice=2&limitClientOrderId=a",
            vec!["2 A", "2 A unnamed"],
        ),
        (
            "symbol=A&side=SELL&quantity=2&aboveType=LIMIT_MAKER&belowType=STOP_LOSS&aboveClientOrderId=a&belowClientOrderId=b",
            vec!["2 A", "2 A"],
        ),
        (
            "symbol=A&workingType=LIMIT&workingSide=BUY&workingPrice=1&workingQuantity=2&pendingType=MARKET&pendingSide=SELL&pendingQuantity=3&workingClientOrderId=a&pendingClientOrderId=b",
            vec!["2 A", "3 A"],
        ),
        (
            "symbol=A&workingType=LIMIT&workingSide=BUY&workingPrice=1&workingQuantity=2&pendingSide=SELL&pendingQuantity=3&pendingAboveType=LIMIT_MAKER&pendingBelowType=STOP_LOSS&workingClientOrderId=a&pendingAboveClientOrderId=b",
            vec!["2 A", "3 A", "3 A unnamed"],
        ),
        ("symbol=A&orderId=1&newQty=4&newClientOrderId=a", vec!["4 A"]),
        ("symbol=A&orderId=1&timestamp=1", vec![]),
        ("timestamp=1", vec![]),
        // Everything at once is charged as everything.
        (
            "symbol=A&side=BUY&type=LIMIT&quantity=1&quoteOrderQty=2&newQty=3&newClientOrderId=a",
            vec!["1 A", "quote 2 A", "3 A"],
        ),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_counted_is_refused() {
    for (text, parameter) in [
        ("symbol=A&side=BUY&type=LIMIT", "quantity"),
        ("side=BUY&type=LIMIT&quantity=1", "symbol"),
        ("symbol=a&side=BUY&type=LIMIT&quantity=1", "symbol"),
        ("symbol=A&side=BUY&type=LIMIT&quantity=1e9", "quantity"),
        ("symbol=A&side=BUY&type=LIMIT&quantity=-1", "quantity"),
        (
            "symbol=A&side=BUY&type=LIMIT&quantity=1&selfTradePreventionMode=TRANSFER",
            "selfTradePreventionMode",
        ),
        ("batchOrders=x", "batchOrders"),
        ("xbatchorders=x", "xbatchorders"),
        ("orders=x", "orders"),
        ("blockOrderMatchingKey=x", "blockOrderMatchingKey"),
        ("symbol=A&side=BUY&type=LIMIT&quantity=1&xquantity=100", "xquantity"),
        ("symbol=A&side=BUY&type=LIMIT&Quantity=100", "Quantity"),
        ("symbol=A&side=BUY&type=LIMIT&quantity=1&xsymbol=B", "xsymbol"),
        (
            "symbol=A&workingType=LIMIT&workingSide=BUY&workingPrice=1&workingQuantity=2&pendingType=MARKET&pendingSide=SELL",
            "pendingQuantity",
        ),
    ] {
        assert_eq!(refused(text), parameter, "{text}");
    }
}

#[test]
fn a_maker_order_is_one_in_every_reading() {
    let maker = |text: &str| charges(text).iter().all(|charge| charge.maker_only);
    let plain = "symbol=A&side=BUY&quantity=2&price=1&newClientOrderId=a&type=";
    assert!(maker(&format!("{plain}LIMIT_MAKER")));
    assert!(maker(&format!("{plain}LIMIT_MAKER&newOrderRespType=FULL&strategyType=1000000")));
    assert!(maker("symbol=A&orderId=1&newQty=4&newClientOrderId=a"));
    for rest in [
        "LIMIT",
        // Cut after `LIMIT` it takes.
        "LIMIT_MAKER&timeInForce=GTC",
        "LIMIT_MAKER&xtimeInForce=GTC",
        // A second type after a cut.
        "LIMIT_MAKER&workingType=MARKET&pendingQuantity=1",
        "LIMIT_MAKER&xtype=MARKET",
        // A legacy pair has a stop leg.
        "LIMIT_MAKER&stopPrice=3",
        "LIMIT_MAKER&quoteOrderQty=3",
    ] {
        assert!(!maker(&format!("{plain}{rest}")), "{rest}");
    }
}

/// INVARIANT (second reading): the endpoint table was written from other sources;
/// no text that it takes for an order goes uncounted here.
#[test]
fn no_order_of_the_endpoint_table_goes_uncounted() {
    let orders = endpoints::all()
        .iter()
        .filter(|endpoint| endpoint.effect == Effect::Order && endpoint.is_sourced());
    let mut seen = 0;
    for endpoint in orders {
        let quantities = ["quantity", "quoteOrderQty", "newQty"];
        let optional = endpoint.optional.iter().filter(|name| quantities.contains(*name));
        let mandatory = endpoint.mandatory.iter().flatten().flatten();
        let mut params = ParamText::default();
        for rule in mandatory {
            params.set(rule.name, rule.domain.example()).unwrap();
        }
        for name in optional {
            params.set(name, "0.5").unwrap();
        }
        if params.has("symbol") {
            params.set("symbol", "BTCUSDT").unwrap();
        }
        let counted = orders_in(&params, Products::of(endpoint)).map(|charges| charges.len());
        assert!(counted != Ok(0), "{}: {}", endpoint.name, params.canonical());
        seen += 1;
    }
    assert!(seen > 50);
}

#[test]
fn a_text_is_charged_in_the_market_of_every_product_that_takes_it() {
    let text =
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=2&price=1&newClientOrderId=a";
    let params = ParamText::parse(text.as_bytes()).unwrap();
    let markets = |endpoints: &[(&str, &str)]| -> Vec<String> {
        let charges = orders_in(&params, at(endpoints)).unwrap();
        charges.into_iter().map(|charge| charge.market.into_owned()).collect()
    };
    let (spot, future) = (("POST", "/api/v3/order"), ("POST", "/fapi/v1/order"));
    assert_eq!(markets(&[spot]), ["BTCUSDT"]);
    assert_eq!(markets(&[("POST", "/sapi/v1/margin/order")]), ["BTCUSDT"]);
    assert_eq!(markets(&[future]), ["UM/BTCUSDT"]);
    assert_eq!(markets(&[("POST", "/papi/v1/um/order")]), ["UM/BTCUSDT"]);
    assert_eq!(markets(&[spot, future]), ["BTCUSDT", "UM/BTCUSDT"]);
    // Nothing is left out where nobody says who takes it.
    assert_eq!(markets(&[]), ["BTCUSDT", "UM/BTCUSDT"]);
    // COIN-M and options have symbols of their own shape.
    let dapi = ("POST", "/dapi/v1/order");
    assert_eq!(markets(&[future, dapi]), ["UM/BTCUSDT"]);
    let coin = text.replace("BTCUSDT", "BTCUSD_PERP");
    let coin = ParamText::parse(coin.as_bytes()).unwrap();
    let charges = orders_in(&coin, at(&[future, dapi])).unwrap();
    assert_eq!(
        charges.iter().map(|c| &*c.market).collect::<Vec<_>>(),
        ["UM/BTCUSD_PERP", "CM/BTCUSD_PERP"]
    );
    let option = text.replace("BTCUSDT", "BTC-251226-90000-C");
    let option = ParamText::parse(option.as_bytes()).unwrap();
    let charges = orders_in(&option, at(&[("POST", "/eapi/v1/order")])).unwrap();
    assert_eq!(charges.first().unwrap().market, "OPT/BTC-251226-90000-C");
}

#[test]
fn futures_orders_are_charged_whole() {
    let plain = "symbol=A&side=BUY&type=MARKET&quantity=2&newClientOrderId=a";
    assert_eq!(show(&futures(plain)), ["2 UM/A"]);
    // A stop with a limit is one order there, on spot it could be a pair.
    let stop = "symbol=A&side=SELL&type=STOP&quantity=2&price=1&stopPrice=2&newClientOrderId=a";
    assert_eq!(show(&futures(stop)), ["2 UM/A"]);
    let conditional = "algoType=CONDITIONAL&symbol=A&side=SELL&type=STOP_MARKET&quantity=2&triggerPrice=2&clientAlgoId=a";
    assert_eq!(show(&futures(conditional)), ["2 UM/A"]);
    assert_eq!(shown(conditional), ["2 A unnamed"]);
    // An amend is named by its order, on futures only.
    let amend = "symbol=A&side=SELL&quantity=2&price=1&orderId=5";
    assert_eq!(show(&futures(amend)), ["2 UM/A"]);
    assert_eq!(shown(amend), ["2 A unnamed"]);
    assert_eq!(show(&futures(&format!("{amend}&type=LIMIT"))), ["2 UM/A unnamed"]);
}

#[test]
fn a_whole_position_has_no_quantity_and_says_so() {
    let closing = "symbol=A&side=SELL&type=STOP_MARKET&stopPrice=2&newClientOrderId=a";
    for flag in
        ["closePosition=true", "closePosition=TRUE", "xclosePosition=true", "CLOSEPOSITION=truex"]
    {
        let found = futures(&format!("{closing}&{flag}"));
        assert_eq!(show(&found), ["all UM/A"], "{flag}");
        assert!(found.iter().all(|charge| charge.closes_position));
    }
    // Beside a quantity both are charged.
    let both = futures(&format!("{closing}&closePosition=true&quantity=3"));
    assert_eq!(show(&both), ["3 UM/A", "all UM/A"]);
    let none = futures(&format!("{closing}&closePosition=false&quantity=3"));
    assert_eq!(show(&none), ["3 UM/A"]);
    assert_eq!(refused(&format!("{closing}&closePosition=false")), "quantity");
    // Spot knows no positions, and no order without a quantity.
    let spot = at(&[("POST", "/api/v3/order")]);
    let text = format!("{closing}&closePosition=true");
    assert!(orders_in(&read(&text), spot).is_err());
}

#[test]
fn each_order_of_a_batch_is_charged() {
    let batch = |json: &str| {
        let mut params = ParamText::default();
        params.set("batchOrders", json).unwrap();
        let futures = at(&[("POST", "/fapi/v1/batchOrders")]);
        orders_in(&params, futures)
            .map(|charges| show(&charges))
            .map_err(|refusal| refusal.parameter.unwrap())
    };
    let order =
        r#"{"symbol":"A","side":"BUY","type":"MARKET","quantity":"2","newClientOrderId":"a"}"#;
    let other = r#"{"symbol":"B","side":"BUY","type":"MARKET","quantity":3}"#;
    let amend = r#"{"symbol":"C","side":"BUY","orderId":5,"quantity":4,"price":1}"#;
    assert_eq!(
        batch(&format!("[{order},{other},{amend}]")).unwrap(),
        ["2 UM/A", "3 UM/B unnamed", "4 UM/C"]
    );
    for (json, parameter) in [
        ("x".to_owned(), "batchOrders"),
        ("[]".to_owned(), "batchOrders"),
        (format!("[{order}] "), "batchOrders"),
        (format!("[{order}, {other}]"), "batchOrders"),
        (order.to_owned(), "batchOrders"),
        (format!("[{}]", [order; 6].join(",")), "batchOrders"),
        (order.replace("\"2\"", "2e9").replace('{', "[{") + "]", "quantity"),
        (order.replace("\"quantity\":\"2\",", "").replace('{', "[{") + "]", "quantity"),
        (order.replace("quantity", "Quantity").replace('{', "[{") + "]", "Quantity"),
        (order.replace("side", "closePosition").replace('{', "[{") + "]", "closePosition"),
        (order.replace("\"A\"", "\"a\"").replace('{', "[{") + "]", "symbol"),
        (order.replace("\"A\"", "[\"A\"]").replace('{', "[{") + "]", "symbol"),
        (
            order.replace("\"side\":\"BUY\"", "\"symbol\":\"B\"").replace('{', "[{") + "]",
            "batchOrders",
        ),
    ] {
        assert_eq!(batch(&json).unwrap_err(), parameter, "{json}");
    }
    // Beside an order of its own both are charged.
    let mut params =
        ParamText::parse(b"symbol=D&side=BUY&type=MARKET&quantity=1&newClientOrderId=d").unwrap();
    params.set("batchOrders", &format!("[{order}]")).unwrap();
    let both = at(&[("POST", "/api/v3/order"), ("POST", "/fapi/v1/batchOrders")]);
    let both = orders_in(&params, both).unwrap();
    assert_eq!(show(&both), ["1 D", "1 UM/D", "2 UM/A"]);
    // A key without futures rights: no less.
    let spot = orders_in(&params, at(&[("POST", "/api/v3/order")])).unwrap();
    assert_eq!(show(&spot), ["1 D", "2 UM/A"]);
}

#[test]
fn a_future_that_posts_is_a_maker_in_every_reading() {
    let maker = |rest: &str| {
        let text = format!("symbol=A&side=BUY&quantity=2&price=1&{rest}");
        futures(&text).iter().all(|charge| charge.maker_only)
    };
    assert!(maker("type=LIMIT&timeInForce=GTX&newClientOrderId=a"));
    assert!(maker("type=LIMIT&timeInForce=GTX&newClientOrderId=a&newOrderRespType=RESULT"));
    assert!(maker("type=LIMIT_MAKER&newClientOrderId=a"));
    for rest in [
        "type=LIMIT&timeInForce=GTC&newClientOrderId=a",
        "type=LIMIT&newClientOrderId=a",
        "type=MARKET&timeInForce=GTX&newClientOrderId=a",
        "type=LIMIT&timeInForce=GTX&xtype=MARKET&newClientOrderId=a",
        "type=LIMIT&timeInForce=GTX&xtimeInForce=IOC&newClientOrderId=a",
        // Cut, this amends order 5.
        "type=LIMIT&timeInForce=GTX&newClientOrderId=5",
        "type=LIMIT_MAKER&newClientOrderId=a&orderId=5",
        "type=LIMIT&timeInForce=GTX&origClientOrderId=b&newClientOrderId=a",
        "orderId=5",
    ] {
        assert!(!maker(rest), "{rest}");
    }
}
