//! Events of the market streams, in the words of spot and of futures.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::names::{Kind, Product, Topic};
use super::outbox::ToldTrade;
use crate::binance::exchange::{Market, Side};
use crate::binance::money::{add, div, mul, sub};

/// A way to print prices and quantities.
pub(crate) type Show = fn(Decimal) -> String;

/// What a topic needs to know of its market now.
pub(crate) struct View<'a> {
    pub(crate) market: &'a Market,
    pub(crate) levels: &'a dyn Fn(Side, usize) -> Vec<(Decimal, Decimal)>,
    pub(crate) show: Show,
    pub(crate) now: i64,
    /// Mark price, index price, funding rate and next funding time.
    pub(crate) mark: Option<(Decimal, Decimal, Decimal, i64)>,
}

impl View<'_> {
    fn best(&self, side: Side) -> (Decimal, Decimal) {
        (self.levels)(side, 1).into_iter().next().unwrap_or_default()
    }

    fn rows(&self, levels: &[(Decimal, Decimal)]) -> Value {
        levels.iter().map(|(price, qty)| json!([(self.show)(*price), (self.show)(*qty)])).collect()
    }

    /// `bookTicker`.
    pub(crate) fn book_ticker(&self, product: Product) -> Value {
        let (bid, ask) = (self.best(Side::Buy), self.best(Side::Sell));
        let mut event = json!({
            "u": self.market.book.updates,
            "s": self.market.spec.symbol,
            "b": (self.show)(bid.0),
            "B": (self.show)(bid.1),
            "a": (self.show)(ask.0),
            "A": (self.show)(ask.1),
        });
        if let (Product::Futures, Some(map)) = (product, event.as_object_mut()) {
            map.insert("e".to_owned(), json!("bookTicker"));
            map.insert("T".to_owned(), json!(self.now));
            map.insert("E".to_owned(), json!(self.now));
        }
        event
    }

    /// `depthUpdate` with changed levels; a level that is gone has quantity zero.
    pub(crate) fn depth_update(
        &self,
        topic: &Topic,
        first: u64,
        previous: u64,
        bids: &[(Decimal, Decimal)],
        asks: &[(Decimal, Decimal)],
    ) -> Value {
        let (symbol, last) = (&self.market.spec.symbol, self.market.book.updates);
        match topic.product {
            Product::Spot => json!({
                "e": "depthUpdate", "E": self.now, "s": symbol, "U": first, "u": last,
                "b": self.rows(bids), "a": self.rows(asks),
            }),
            Product::Futures => json!({
                "e": "depthUpdate", "E": self.now, "T": self.now, "s": symbol,
                "U": first, "u": last, "pu": previous,
                "b": self.rows(bids), "a": self.rows(asks),
            }),
        }
    }

    /// The best levels of `depth5` and its like.
    pub(crate) fn best_levels(&self, topic: &Topic, most: usize) -> Value {
        let bids = self.rows(&(self.levels)(Side::Buy, most));
        let asks = self.rows(&(self.levels)(Side::Sell, most));
        let last = self.market.book.updates;
        match topic.product {
            Product::Spot => json!({ "lastUpdateId": last, "bids": bids, "asks": asks }),
            Product::Futures => json!({
                "e": "depthUpdate", "E": self.now, "T": self.now,
                "s": self.market.spec.symbol, "U": last, "u": last,
                "pu": last.saturating_sub(1), "b": bids, "a": asks,
            }),
        }
    }

    /// `24hrTicker` and `24hrMiniTicker`, over the trades kept.
    pub(crate) fn ticker(&self, kind: Kind) -> Value {
        let market = self.market;
        let open = market.spec.price;
        let (mut high, mut low) = (open.max(market.last), open.min(market.last));
        let (mut volume, mut quote) = (Decimal::ZERO, Decimal::ZERO);
        for trade in &market.trades {
            high = high.max(trade.price);
            low = low.min(trade.price);
            volume = add(volume, trade.quantity);
            quote = add(quote, mul(trade.price, trade.quantity));
        }
        let show = self.show;
        if kind == Kind::MiniTicker {
            return json!({
                "e": "24hrMiniTicker", "E": self.now, "s": market.spec.symbol,
                "c": show(market.last), "o": show(open), "h": show(high), "l": show(low),
                "v": show(volume), "q": show(quote),
            });
        }
        let change = sub(market.last, open);
        let percent = mul(div(change, open), Decimal::ONE_HUNDRED);
        let average = if volume.is_zero() { market.last } else { div(quote, volume) };
        let (bid, ask) = (self.best(Side::Buy), self.best(Side::Sell));
        let id = |trade: Option<&crate::binance::exchange::PublicTrade>| {
            trade.and_then(|trade| i64::try_from(trade.id).ok()).unwrap_or(-1)
        };
        json!({
            "e": "24hrTicker", "E": self.now, "s": market.spec.symbol,
            "p": show(change), "P": format!("{percent:.3}"), "w": show(average),
            "x": show(open), "c": show(market.last),
            "Q": show(market.trades.back().map(|trade| trade.quantity).unwrap_or_default()),
            "b": show(bid.0), "B": show(bid.1), "a": show(ask.0), "A": show(ask.1),
            "o": show(open), "h": show(high), "l": show(low), "v": show(volume), "q": show(quote),
            "O": self.now.saturating_sub(86_400_000).max(market.opened_ms), "C": self.now,
            "F": id(market.trades.front()), "L": id(market.trades.back()),
            "n": market.trades.len(),
        })
    }

    /// `markPriceUpdate`.
    pub(crate) fn mark_price(&self) -> Option<Value> {
        let (mark, index, rate, next) = self.mark?;
        let show = crate::binance::money::show;
        Some(json!({
            "e": "markPriceUpdate", "E": self.now, "s": self.market.spec.symbol,
            "p": show(mark), "i": show(index), "P": show(mark), "r": show(rate), "T": next,
        }))
    }
}

/// `trade` or `aggTrade`.
pub(crate) fn trade_event(topic: &Topic, trade: &ToldTrade, show: Show, now: i64) -> Value {
    let mut event = json!({
        "e": if topic.kind == Kind::AggTrade { "aggTrade" } else { "trade" },
        "E": now,
        "s": trade.symbol,
        "p": show(trade.price),
        "q": show(trade.quantity),
        "T": trade.at_ms,
        "m": trade.buyer_is_maker,
    });
    let Some(map) = event.as_object_mut() else { return event };
    if topic.kind == Kind::AggTrade {
        for field in ["a", "f", "l"] {
            map.insert(field.to_owned(), json!(trade.id));
        }
    } else {
        map.insert("t".to_owned(), json!(trade.id));
    }
    match topic.product {
        Product::Spot => map.insert("M".to_owned(), json!(true)),
        Product::Futures if topic.kind == Kind::Trade => {
            map.insert("X".to_owned(), json!("MARKET"))
        }
        Product::Futures => None,
    };
    event
}
