//! Public market data, and what start-up calls find.

use crate::client::{dec, options, start};

#[test]
fn exchange_info_has_what_clients_load() {
    let (_venue, client) = start(options());
    let all = client.get("/api/v3/exchangeInfo");
    assert_eq!(all.body["symbols"].as_array().unwrap().len(), 6);
    let one = client.get("/api/v3/exchangeInfo?symbol=BTCUSDT");
    let filters = one.body["symbols"][0]["filters"].as_array().unwrap();
    for name in ["PRICE_FILTER", "LOT_SIZE", "NOTIONAL"] {
        assert!(filters.iter().any(|filter| filter["filterType"] == name), "{name}");
    }
    let two = client.get("/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D");
    assert_eq!(two.body["symbols"].as_array().unwrap().len(), 2);
    let unknown = client.get("/api/v3/exchangeInfo?symbol=NOPE");
    assert_eq!((unknown.status, unknown.code()), (400, -1121));
    let symbols = |path| client.get(path).body["symbols"].as_array().unwrap().len();
    assert_eq!((symbols("/fapi/v1/exchangeInfo"), symbols("/dapi/v1/exchangeInfo")), (3, 0));
}

#[test]
fn the_book_stands_around_the_price_and_moves_with_it() {
    let (venue, client) = start(options());
    for price in ["60000", "58000"] {
        assert!(venue.set_price("BTCUSDT", dec(price)));
        let book = client.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT");
        let (bid, ask) = (book.decimal("bidPrice"), book.decimal("askPrice"));
        assert!(bid < dec(price) && dec(price) < ask, "{bid} {ask}");
        assert!(ask - bid < dec("10"));
    }
    let depth = client.get("/api/v3/depth?symbol=BTCUSDT&limit=5");
    assert_eq!(depth.body["bids"].as_array().unwrap().len(), 5);
    assert!(!venue.set_price("NOPE", dec("1")));
}

#[test]
fn the_walk_is_the_same_under_the_same_seed() {
    let prices = |seed: u64| {
        let (venue, _) = start(sim::binance::PaperOptions { seed, ..options() });
        (0..20)
            .map(|_| {
                venue.walk();
                venue.price("BTCUSDT").unwrap()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(prices(7), prices(7));
    assert_ne!(prices(7), prices(8));
}
