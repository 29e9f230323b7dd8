//! Which market a name means, where a venue uses one symbol for several.
//!
//! Binance calls the spot market and the perpetual futures market of one pair by
//! the same symbol, `BTCUSDT`. Everything of ours (intents, policies, account
//! state, ceilings) names a market that is not spot with a mark in front of the
//! venue's symbol: `UM/BTCUSDT`. No symbol of the venue holds a slash, so a
//! reader that knows nothing of products sees a market that is in no spot list,
//! and refuses it: a futures order is never judged or charged as the spot
//! market of the same symbol.

/// What kind of thing is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Spot and margin: one order book.
    Spot,
    /// Futures margined in USDT or USDC.
    UsdFutures,
    /// Futures margined in coin.
    CoinFutures,
    /// European options.
    Options,
}

impl Product {
    /// Every product.
    pub const ALL: [Self; 4] = [Self::Spot, Self::UsdFutures, Self::CoinFutures, Self::Options];

    /// What stands before the venue's symbol in a market's name.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Spot => "",
            Self::UsdFutures => "UM/",
            Self::CoinFutures => "CM/",
            Self::Options => "OPT/",
        }
    }

    /// The name in configuration, log and console.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::UsdFutures => "usd-futures",
            Self::CoinFutures => "coin-futures",
            Self::Options => "options",
        }
    }

    /// The market's name for the venue's symbol.
    pub fn market(self, symbol: &str) -> String {
        let mut name = String::with_capacity(self.mark().len() + symbol.len());
        name.push_str(self.mark());
        name.push_str(symbol);
        name
    }

    /// The product and the venue's symbol of a market's name.
    pub fn of(market: &str) -> (Self, &str) {
        Self::ALL
            .into_iter()
            .filter(|product| *product != Self::Spot)
            .find_map(|product| Some((product, market.strip_prefix(product.mark())?)))
            .unwrap_or((Self::Spot, market))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_parts_agree() {
        for product in Product::ALL {
            let name = product.market("BTCUSDT");
            assert_eq!(Product::of(&name), (product, "BTCUSDT"));
        }
        assert_ne!(Product::UsdFutures.market("BTCUSDT"), Product::Spot.market("BTCUSDT"));
        assert_eq!(Product::of("UMBTC"), (Product::Spot, "UMBTC"));
    }
}
