//! What the venue told without being asked about one request: executions of
//! resting orders, trades. Written so that a log read back counts the same.

use judge::{AccountEvent, Instrument, OpenOrder, OrderUpdate, Trade, UnixNanos};
use serde::Deserialize;
use wire::model::{Decimal, Side};

use super::plain;
use super::settle::{WrittenOrder, order};

/// Own orders of which a snapshot told something new.
pub(crate) fn orders_seen(
    at_ns: u64,
    now: UnixNanos,
    account: &str,
    orders: &[OrderUpdate],
) -> Vec<u8> {
    plain("orders-seen", at_ns, |json| {
        json.number("now_ns", now.0);
        json.text("account", account);
        json.list("orders", orders, order);
    })
}

/// Trades of one order that ended; `whole` where there are no more of it.
pub(crate) fn trades(
    at_ns: u64,
    now: UnixNanos,
    account: &str,
    of: (&str, u64),
    trades: &[Trade],
    whole: bool,
) -> Vec<u8> {
    plain("trades", at_ns, |json| {
        json.number("now_ns", now.0);
        json.text("account", account);
        json.text("symbol", of.0);
        json.number("order_id", of.1);
        json.list("trades", trades, |trade, json| {
            json.number("trade_id", trade.trade_id);
            json.display("quantity", &trade.quantity);
            json.display("quote", &trade.quote);
        });
        json.flag("whole", whole);
    })
}

/// Markets and their assets, new or changed.
pub(crate) fn instruments(
    at_ns: u64,
    now: UnixNanos,
    account: &str,
    told: &[Instrument],
) -> Vec<u8> {
    plain("instruments", at_ns, |json| {
        json.number("now_ns", now.0);
        json.text("account", account);
        json.list("instruments", told, |one, json| {
            json.text("symbol", &one.symbol);
            json.text("base", &one.base);
            json.text("quote", &one.quote);
        });
    })
}

/// Open orders of a snapshot, whole; the entry about the snapshot follows.
pub(crate) fn open_orders(at_ns: u64, account: &str, told: &[OpenOrder]) -> Vec<u8> {
    plain("open-orders", at_ns, |json| {
        json.text("account", account);
        json.list("rows", told, |one, json| {
            json.text("symbol", &one.symbol);
            json.number("order_id", one.order_id);
            json.text("client_order_id", &one.client_order_id);
            if let Some(id) = one.order_list_id {
                json.number("order_list_id", id);
            }
            json.text("side", one.side.name());
            for (name, price) in [("price", &one.price), ("stop_price", &one.stop_price)] {
                if let Some(price) = price {
                    json.decimal(name, price);
                }
            }
            json.decimal("quantity", &one.quantity);
            json.decimal("executed_quantity", &one.executed_quantity);
            json.decimal("executed_quote", &one.executed_quote);
        });
    })
}

#[derive(Deserialize)]
struct WrittenRows {
    rows: Vec<WrittenRow>,
}

#[derive(Deserialize)]
struct WrittenRow {
    symbol: String,
    order_id: u64,
    client_order_id: String,
    order_list_id: Option<u64>,
    side: String,
    price: Option<String>,
    stop_price: Option<String>,
    quantity: String,
    executed_quantity: String,
    executed_quote: String,
}

/// The open orders of such an entry; none where one cannot be read.
pub(crate) fn read_open_orders(entry: &[u8]) -> Option<Vec<OpenOrder>> {
    let written: WrittenRows = serde_json::from_slice(entry).ok()?;
    let number = |text: &str| Decimal::from_str_exact(text).ok();
    let row = |row: WrittenRow| {
        Some(OpenOrder {
            side: match row.side.as_str() {
                "buy" => Side::Buy,
                "sell" => Side::Sell,
                _ => return None,
            },
            price: row.price.as_deref().and_then(number),
            stop_price: row.stop_price.as_deref().and_then(number),
            quantity: number(&row.quantity)?,
            executed_quantity: number(&row.executed_quantity)?,
            executed_quote: number(&row.executed_quote)?,
            order_list_id: row.order_list_id,
            symbol: row.symbol,
            order_id: row.order_id,
            client_order_id: row.client_order_id,
        })
    };
    written.rows.into_iter().map(row).collect()
}

#[derive(Deserialize)]
struct Written {
    kind: String,
    #[serde(default)]
    orders: Vec<WrittenOrder>,
    #[serde(default)]
    symbol: String,
    #[serde(default)]
    order_id: u64,
    #[serde(default)]
    trades: Vec<WrittenTrade>,
    #[serde(default)]
    instruments: Vec<WrittenInstrument>,
    #[serde(default)]
    whole: bool,
}

#[derive(Deserialize)]
struct WrittenTrade {
    trade_id: u64,
    quantity: String,
    quote: String,
}

#[derive(Deserialize)]
struct WrittenInstrument {
    symbol: String,
    base: String,
    quote: String,
}

/// The events that such an entry stands for; none where it is another kind.
pub(crate) fn read_venue(entry: &[u8]) -> Vec<AccountEvent> {
    let Ok(written) = serde_json::from_slice::<Written>(entry) else { return Vec::new() };
    match written.kind.as_str() {
        "orders-seen" => {
            written.orders.into_iter().map(|order| AccountEvent::Order(order.into())).collect()
        }
        "instruments" => {
            let told = written.instruments.into_iter().map(|one| Instrument {
                symbol: one.symbol,
                base: one.base,
                quote: one.quote,
            });
            vec![AccountEvent::Instruments(told.collect())]
        }
        "trades" => {
            let (symbol, order_id) = (written.symbol, written.order_id);
            let trades: Option<Vec<Trade>> = written
                .trades
                .into_iter()
                .map(|trade| {
                    Some(Trade {
                        symbol: symbol.clone(),
                        trade_id: trade.trade_id,
                        order_id,
                        quantity: Decimal::from_str_exact(&trade.quantity).ok()?,
                        quote: Decimal::from_str_exact(&trade.quote).ok()?,
                    })
                })
                .collect();
            let Some(trades) = trades else { return Vec::new() };
            traded(symbol, order_id, trades, written.whole)
        }
        _ => Vec::new(),
    }
}

/// The events of these trades, as the entry about them is read back.
pub(crate) fn traded(
    symbol: String,
    order_id: u64,
    trades: Vec<Trade>,
    whole: bool,
) -> Vec<AccountEvent> {
    if whole {
        return vec![AccountEvent::Traded { symbol, order_id, trades }];
    }
    trades.into_iter().map(AccountEvent::Filled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use judge::OrderStatus;

    fn trade(trade_id: u64) -> Trade {
        Trade {
            symbol: "BTCUSDT".to_owned(),
            trade_id,
            order_id: 28,
            quantity: Decimal::new(4, 2),
            quote: Decimal::from(2_000),
        }
    }

    #[test]
    fn trades_are_read_back_as_they_were_told() {
        let told = vec![trade(5), trade(6)];
        for whole in [false, true] {
            let entry = trades(1, UnixNanos(2), "main", ("BTCUSDT", 28), &told, whole);
            let events = traded("BTCUSDT".to_owned(), 28, told.clone(), whole);
            assert_eq!(read_venue(&entry), events);
            assert_eq!(events.len(), if whole { 1 } else { 2 });
        }
        // An order without trades is told too.
        let entry = trades(1, UnixNanos(2), "main", ("BTCUSDT", 28), &[], true);
        assert_eq!(read_venue(&entry), traded("BTCUSDT".to_owned(), 28, vec![], true));
    }

    #[test]
    fn orders_are_read_back_as_they_were_seen() {
        let update = OrderUpdate {
            symbol: "BTCUSDT".to_owned(),
            order_id: Some(28),
            client_order_id: "own-1".to_owned(),
            new_client_order_id: None,
            order_list_id: None,
            status: OrderStatus::Open,
            quantity: Some(Decimal::ONE),
            executed_quantity: Some(Decimal::new(5, 1)),
            executed_quote: Some(Decimal::from(25_000)),
        };
        let entry = orders_seen(1, UnixNanos(2), "main", std::slice::from_ref(&update));
        assert_eq!(read_venue(&entry), vec![AccountEvent::Order(update)]);
    }

    #[test]
    fn instruments_are_read_back_as_they_were_told() {
        let told = vec![Instrument {
            symbol: "ETHBTC".to_owned(),
            base: "ETH".to_owned(),
            quote: "BTC".to_owned(),
        }];
        let entry = instruments(1, UnixNanos(2), "main", &told);
        assert_eq!(read_venue(&entry), vec![AccountEvent::Instruments(told)]);
    }

    #[test]
    fn open_orders_are_read_back_whole() {
        let told = vec![OpenOrder {
            symbol: "BTCUSDT".to_owned(),
            order_id: 28,
            client_order_id: "own-1".to_owned(),
            order_list_id: Some(3),
            side: Side::Sell,
            price: Some(Decimal::new(500_005, 1)),
            stop_price: None,
            quantity: Decimal::ONE,
            executed_quantity: Decimal::new(5, 1),
            executed_quote: Decimal::from(25_000),
        }];
        let entry = open_orders(1, "main", &told);
        assert_eq!(read_open_orders(&entry), Some(told));
        let damaged = String::from_utf8(entry).unwrap().replace("sell", "sold");
        assert_eq!(read_open_orders(damaged.as_bytes()), None);
    }

    #[test]
    fn what_cannot_be_read_is_no_event() {
        for text in [
            "{}",
            r#"{"kind":"snapshot","orders":[]}"#,
            r#"{"kind":"trades","symbol":"X","order_id":1,"whole":true,
                "trades":[{"trade_id":1,"quantity":"x","quote":"1"}]}"#,
        ] {
            assert_eq!(read_venue(text.as_bytes()), Vec::new(), "{text}");
        }
    }
}
