//! The venue signs query and body without what separates them, so a signed
//! text may be cut once anywhere. Nothing worse may come out.

use vault::protocol::RefusalCode;
use wire::model::Effect;

use crate::oracle::Oracle;
use crate::signer::{
    DESTINATION, OUT_RIGHTS, Signer, market, now_ms, out_key, trade_key, wide_trade_key,
};
use crate::venue;
use wire::model::Right;

fn timed(text: &str) -> String {
    format!("{text}&timestamp={}", now_ms())
}

pub(crate) fn that_change_the_meaning() {
    let mut signer = Signer::with(vec![wide_trade_key(), out_key()]);
    let mut gateway = signer.gateway();
    gateway.show_none();
    let (trade, out) = (gateway.handle("trade"), gateway.handle("out"));
    let oracle = Oracle::new(OUT_RIGHTS.with(Right::UniversalTransfer));
    // A withdrawal to anybody, one letter away.
    for text in [
        "coin=USDT&network=ETH&xaddress=0xbb&amount=5&withdrawOrderId=a",
        "xcoin=USDT&network=ETH&address=0xbb&amount=5&withdrawOrderId=a",
        "coin=USDT&network=ETH&address=0xbb&xamount=5&withdrawOrderId=a",
        "coin=USDT&network=ETH&address=0xbb&amount=5x&withdrawOrderId=a",
        "coin=USDT&network=ETH&ADDRESS=0xbb&amount=5&withdrawOrderId=a",
        "limit=5&coin=USDT&toaddress=0xbb&amount=5",
    ] {
        let text = timed(text);
        assert_eq!(oracle.worst(&text), Some(Effect::ValueOut), "{text}");
        let found = gateway.refused(out, &text);
        assert!(
            matches!(
                found,
                RefusalCode::EffectNotAllowed
                    | RefusalCode::Ceiling
                    | RefusalCode::Destination
                    | RefusalCode::NotCanonical
                    | RefusalCode::NoClientOrderId
            ),
            "{text}: {found:?}"
        );
    }
    // Orders of a size that only shows after a cut, or in other letters.
    let hidden = [
        "xquantity=900&newQty=0.001",
        "quantity=0.001&xquantity=900",
        "QUANTITY=900&newQty=0.001",
        "quantity=0.001&xquoteOrderQty=900",
        "quantity=0.001&NEWQTY=900",
        "quantity=0.001&xsymbol=ETHUSDT",
        "quantity=0.001&batchorders=x",
        "xquantity=0.001",
    ];
    for text in hidden {
        let text = timed(&format!("symbol=BTCUSDT&side=BUY&type=MARKET&newClientOrderId=a&{text}"));
        let found = gateway.refused(trade, &text);
        // Either the name is no client's, or it could be a second quantity.
        let fits = matches!(found, RefusalCode::Ceiling | RefusalCode::NotCanonical);
        assert!(fits, "{found:?}: {text}");
    }
    // A loan behind an order.
    for text in [
        "sideEffectType=AUTO_BORROW_REPAY",
        "SIDEEFFECTTYPE=AUTO_REPAY",
        "xsideEffectType=MARGIN_BUY",
    ] {
        let text = timed(&format!(
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newClientOrderId=a&{text}"
        ));
        let found = gateway.refused(trade, &text);
        let fits = matches!(found, RefusalCode::EffectNotAllowed | RefusalCode::NotCanonical);
        assert!(fits, "{found:?}: {text}");
    }
}

/// A key that only makes: no text of it is taken by the paper venue for an
/// order that takes, wherever it is cut.
pub(crate) fn maker_only_holds() {
    let paper = venue::start(|options| options.limits.orders_per_10s = 100_000);
    let only =
        vault::ceiling::MarketCeiling { maker_only: true, ..market("BTCUSDT", "1", "1000000") };
    let mut signer = Signer::with(vec![trade_key(vec![only])]);
    let mut gateway = signer.gateway();
    let trade = gateway.handle("trade");
    let price = 2 * 60_000;
    let mut signed = Vec::new();
    let mut refused = 0;
    for (kind, rest) in [
        ("LIMIT_MAKER", ""),
        ("LIMIT_MAKER", "&timeInForce=GTC"),
        ("LIMIT_MAKER", "&xtimeInForce=GTC"),
        ("LIMIT_MAKER", "&workingType=MARKET"),
        ("LIMIT_MAKER", "&xtype=MARKET"),
        ("LIMIT_MAKER", "&newOrderRespType=MARKET"),
        ("LIMIT_MAKER", "&stopPrice=70000"),
        ("MARKET", "&workingType=LIMIT_MAKER"),
        ("MARKET", "&xtype=LIMIT_MAKER"),
        ("LIMIT", "&timeInForce=GTC"),
    ] {
        let text = timed(&format!(
            "symbol=BTCUSDT&side=BUY&type={kind}&quantity=0.01&price={price}\
             &newClientOrderId=made&limitClientOrderId=l&stopClientOrderId=s{rest}"
        ));
        match gateway.sign(trade, &text) {
            Ok(one) => signed.push(one),
            Err(refusal) => {
                assert_eq!(refusal.code, RefusalCode::Ceiling, "{text}: {refusal}");
                refused += 1;
            }
        }
    }
    assert_eq!((signed.len(), refused), (1, 9));
    let mut client = venue::Client::new(&paper);
    let mut sent = 0;
    for one in &signed {
        let text = std::str::from_utf8(&one.text).unwrap();
        for at in 0..=text.len() {
            let (query, body) = text.split_at(at);
            let query = format!("{query}&signature={}", one.signature);
            for path in ["/api/v3/order", "/api/v3/order/oco", "/api/v3/orderList/oco"] {
                client.send("POST", path, venue::TRADE.0, &query, body);
                sent += 1;
            }
        }
    }
    let taken: Vec<_> = paper.orders(0).into_iter().filter(|o| !o.executed.is_zero()).collect();
    assert!(taken.is_empty(), "{taken:?}");
    println!("  {sent} cuts of what a maker-only key signed, none taken");
}

/// A reader that takes more than ASCII digits for a number sees a withdrawal
/// where a strict one sees a mere read.
pub(crate) fn numerals() {
    let mut signer = Signer::with(vec![out_key()]);
    let mut gateway = signer.gateway();
    gateway.show_none();
    let out = gateway.handle("out");
    for amount in
        ["%EF%BC%91%EF%BC%90", "1%20000", "1%2C000", "0x10", "%D9%A1", "1L", "1d", "%2B5", "5E1"]
    {
        let text =
            timed(&format!("coin=USDT&network=ETH&address=0xbb&amount={amount}&withdrawOrderId=a"));
        let found = gateway.refused(out, &text);
        assert!(
            matches!(found, RefusalCode::Destination | RefusalCode::NotCanonical),
            "{amount}: {found:?}"
        );
    }
    assert!(!DESTINATION.contains("bb"));
}
