//! Names of market streams, such as `btcusdt@depth@100ms`.

/// Whose market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Product {
    Spot,
    Futures,
}

/// What a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The best bid and ask, whenever they change.
    BookTicker,
    /// Changed levels, every so many milliseconds.
    Depth { every_ms: i64 },
    /// The best levels, every so many milliseconds.
    Levels { most: usize, every_ms: i64 },
    /// Each trade.
    Trade,
    /// Each trade, in the words of aggregate trades.
    AggTrade,
    /// The last day, every second or two.
    Ticker { every_ms: i64 },
    /// The last day in few words, every second.
    MiniTicker,
    /// Mark price, index price and funding rate of a contract.
    MarkPrice { every_ms: i64 },
}

/// A stream: product, symbol, what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Topic {
    pub(crate) product: Product,
    /// In upper case, as the markets are named.
    pub(crate) symbol: String,
    pub(crate) kind: Kind,
}

impl Topic {
    /// Reads a stream's name. None for names that tell nothing: the venue
    /// accepts them and stays silent.
    pub(crate) fn parse(product: Product, name: &str) -> Option<Self> {
        let (symbol, rest) = name.split_once('@')?;
        // Symbols of streams are in lower case.
        if symbol.is_empty() || symbol.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let kind = kind(product, rest)?;
        Some(Self { product, symbol: symbol.to_ascii_uppercase(), kind })
    }
}

fn kind(product: Product, rest: &str) -> Option<Kind> {
    let futures = product == Product::Futures;
    let (what, speed) = match rest.split_once('@') {
        Some((what, speed)) => (what, Some(speed)),
        None => (rest, None),
    };
    let speed_ms = match speed {
        None => None,
        Some(text) => Some(text.strip_suffix("ms").map_or_else(
            || text.strip_suffix('s').and_then(|s| s.parse::<i64>().ok()?.checked_mul(1000)),
            |ms| ms.parse().ok(),
        )?),
    };
    let depth_ms = || match (speed_ms, futures) {
        (None, false) => Some(1000),
        (None, true) => Some(250),
        (Some(ms @ (100 | 1000)), false) | (Some(ms @ (100 | 250 | 500)), true) => Some(ms),
        _ => None,
    };
    let plain = |kind: Kind| speed_ms.is_none().then_some(kind);
    match what {
        "bookTicker" => plain(Kind::BookTicker),
        "trade" => plain(Kind::Trade),
        "aggTrade" => plain(Kind::AggTrade),
        "ticker" => plain(Kind::Ticker { every_ms: if futures { 2000 } else { 1000 } }),
        "miniTicker" => plain(Kind::MiniTicker),
        "depth" => Some(Kind::Depth { every_ms: depth_ms()? }),
        "depth5" => Some(Kind::Levels { most: 5, every_ms: depth_ms()? }),
        "depth10" => Some(Kind::Levels { most: 10, every_ms: depth_ms()? }),
        "depth20" => Some(Kind::Levels { most: 20, every_ms: depth_ms()? }),
        "markPrice" if futures => match speed_ms {
            None | Some(3000) => Some(Kind::MarkPrice { every_ms: 3000 }),
            Some(1000) => Some(Kind::MarkPrice { every_ms: 1000 }),
            Some(_) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_venue_writes_them() {
        let kind = |product, name| Topic::parse(product, name).map(|topic| topic.kind);
        let (spot, futures) = (Product::Spot, Product::Futures);
        assert_eq!(kind(spot, "btcusdt@depth"), Some(Kind::Depth { every_ms: 1000 }));
        assert_eq!(kind(spot, "btcusdt@depth@100ms"), Some(Kind::Depth { every_ms: 100 }));
        assert_eq!(kind(spot, "btcusdt@depth@250ms"), None);
        assert_eq!(kind(futures, "btcusdt@depth@500ms"), Some(Kind::Depth { every_ms: 500 }));
        let levels = Kind::Levels { most: 20, every_ms: 100 };
        assert_eq!(kind(spot, "btcusdt@depth20@100ms"), Some(levels));
        assert_eq!(kind(futures, "btcusdt@markPrice@1s"), Some(Kind::MarkPrice { every_ms: 1000 }));
        assert_eq!(kind(spot, "btcusdt@markPrice"), None);
        assert_eq!(kind(spot, "BTCUSDT@trade"), None);
        assert_eq!(kind(spot, "btcusdt@trade@100ms"), None);
        for nonsense in ["", "0", "@trade", "btcusdt", "btcusdt@", "btcusdt@depth@ms"] {
            assert_eq!(kind(spot, nonsense), None, "{nonsense}");
        }
        assert_eq!(Topic::parse(spot, "btcusdt@trade").unwrap().symbol, "BTCUSDT");
    }
}
