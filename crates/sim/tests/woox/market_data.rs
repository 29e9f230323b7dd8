//! Public market data.

use crate::client::{dec, options, start};

#[test]
fn both_versions_tell_the_same_market() {
    let (venue, client) = start(options());
    venue.set_price("PERP_BTC_USDT", dec("61000"));
    let symbols = client.get("/v3/public/instruments");
    let old = client.get("/v1/public/info");
    let count = symbols.data()["rows"].as_array().unwrap().len();
    assert_eq!(count, old.body["rows"].as_array().unwrap().len());
    let book = client.get("/v3/public/orderbook?symbol=PERP_BTC_USDT&maxLevel=5");
    let asks = book.data()["asks"].as_array().unwrap();
    let price = |level: &serde_json::Value| dec(level["price"].as_str().unwrap());
    assert_eq!(asks.len(), 5);
    assert!(asks.windows(2).all(|pair| price(&pair[0]) < price(&pair[1])));
    assert!(price(&book.data()["bids"][0]) < price(&asks[0]));
    let old = client.get("/v1/public/orderbook/PERP_BTC_USDT?max_level=5");
    assert_eq!(old.body["asks"][0]["price"].as_i64(), price(&asks[0]).try_into().ok());
    let futures = client.get("/v3/public/futures?symbol=PERP_BTC_USDT");
    assert_eq!(futures.data()["rows"][0]["markPrice"], "61000");
    let trades = client.get("/v3/public/marketTrades?symbol=PERP_BTC_USDT");
    assert_eq!(trades.data()["rows"][0]["executedPrice"], "61000");
    let klines = client.get("/v3/public/klineHistory?symbol=PERP_BTC_USDT&type=1m&limit=1");
    assert_eq!(klines.data()["rows"][0]["close"], "61000");
    let status = client.get("/v3/public/systemInfo");
    assert_eq!(status.data()["status"], 0);
    for path in ["/v3/public/orderbook", "/v1/public/kline?symbol=SPOT_BTC_USDT&type=7m"] {
        assert_eq!(client.get(path).code(), -1005, "{path}");
    }
    assert_eq!(client.get("/v3/public/orderbook?symbol=X").code(), 302_101);
}
