#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::model::Effect;
use crate::venue::binance::endpoints;

fn read(text: &str) -> ParamText {
    ParamText::parse(text.as_bytes()).unwrap()
}

fn refused(text: &str) -> String {
    let refusal = orders_in(&ParamText::parse(text.as_bytes()).unwrap()).unwrap_err();
    refusal.parameter.unwrap()
}

fn shown(text: &str) -> Vec<String> {
    orders_in(&read(text))
        .unwrap()
        .iter()
        .map(|charge| {
            let size = match (charge.base, charge.quote) {
                (Some(base), None) => base.to_string(),
                (None, Some(quote)) => format!("quote {quote}"),
                _ => "?".to_owned(),
            };
            format!(
                "{size} {}{}",
                charge.symbol,
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
    let maker = |text: &str| orders_in(&read(text)).unwrap().iter().all(|charge| charge.maker_only);
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
        let counted = orders_in(&params).map(|charges| charges.len());
        assert!(counted != Ok(0), "{}: {}", endpoint.name, params.canonical());
        seen += 1;
    }
    assert!(seen > 50);
}
