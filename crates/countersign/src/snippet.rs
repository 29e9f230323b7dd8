//! Ready snippets: how each client library is pointed at the gateway.
//!
//! The clients run unmodified; only the base URL and the key differ.

use vault::venue::Venue;
use wire::model::Product;

/// What a snippet is filled in with.
#[derive(Clone, Copy)]
pub(crate) struct Filling<'a> {
    /// Scheme, address and prefix, without a slash at the end.
    pub(crate) url: &'a str,
    /// The virtual API key.
    pub(crate) api_key: &'a str,
    /// Its secret.
    pub(crate) secret: &'a str,
    /// Where the bot trades.
    pub(crate) venue: Venue,
    /// A market the bot may trade, in the venue's spelling.
    pub(crate) market: &'a str,
}

impl std::fmt::Debug for Filling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filling").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A client library with a snippet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Client {
    /// ccxt for Python
    CcxtPython,
    /// ccxt for JavaScript
    CcxtJs,
    /// python-binance
    PythonBinance,
    /// freqtrade's config.json
    Freqtrade,
    /// hummingbot's connector constants
    Hummingbot,
    /// nautilus_trader's configuration
    NautilusTrader,
}

impl Client {
    /// Every client, in the order in which they are printed.
    pub(crate) const ALL: [Self; 6] = [
        Self::CcxtPython,
        Self::CcxtJs,
        Self::PythonBinance,
        Self::Freqtrade,
        Self::Hummingbot,
        Self::NautilusTrader,
    ];

    /// The name in output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CcxtPython => "ccxt-python",
            Self::CcxtJs => "ccxt-js",
            Self::PythonBinance => "python-binance",
            Self::Freqtrade => "freqtrade",
            Self::Hummingbot => "hummingbot",
            Self::NautilusTrader => "nautilus-trader",
        }
    }

    /// Whether it takes a private key in PEM where it takes a secret.
    pub(crate) const fn takes_private_keys(self) -> bool {
        matches!(self, Self::CcxtPython | Self::CcxtJs | Self::Freqtrade)
    }

    /// Whether there is a snippet of it for a venue.
    pub(crate) const fn trades_at(self, venue: Venue) -> bool {
        match venue {
            Venue::Binance => true,
            Venue::Woox => matches!(self, Self::CcxtPython | Self::CcxtJs),
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::CcxtPython => include_str!("snippet/ccxt.py"),
            Self::CcxtJs => include_str!("snippet/ccxt.mjs"),
            Self::PythonBinance => include_str!("snippet/python_binance.py"),
            Self::Freqtrade => include_str!("snippet/freqtrade.json"),
            Self::Hummingbot => include_str!("snippet/hummingbot.sh"),
            Self::NautilusTrader => include_str!("snippet/nautilus_trader.py"),
        }
    }

    /// The snippet, filled in.
    pub(crate) fn snippet(self, filling: Filling<'_>) -> String {
        self.template()
            .replace("@ACCOUNT@", account_type(filling.market))
            .replace("@SOCKETS@", &sockets(filling.url, filling.market))
            .replace("@URL@", filling.url)
            .replace("@KEY@", filling.api_key)
            .replace("@SECRET@", filling.secret)
            .replace("@MARKET@", filling.market)
            .replace("@EXCHANGE@", exchange(filling.venue, filling.market))
            .replace("@PAIR@", &pair(filling.venue, filling.market))
    }
}

/// nautilus_trader's name of the account that trades a market.
fn account_type(market: &str) -> &'static str {
    match Product::of(market).0 {
        Product::UsdFutures => "USDT_FUTURES",
        _ => "SPOT",
    }
}

/// Where a market's streams are.
fn sockets(url: &str, market: &str) -> String {
    let futures = Product::of(market).0 == Product::UsdFutures;
    let url = url.replacen("http", "ws", 1);
    if futures { format!("{url}/fstream") } else { url }
}

/// ccxt's class for a venue.
fn exchange(venue: Venue, market: &str) -> &'static str {
    match (venue, Product::of(market).0) {
        (Venue::Binance, Product::UsdFutures) => "binanceusdm",
        (Venue::Binance, _) => "binance",
        (Venue::Woox, _) => "woo",
    }
}

/// ccxt's spelling of a market (`BTC/USDT`, `BTC/USDT:USDT` for one that is
/// settled in its quote asset), for the quote assets that are common; otherwise
/// the venue's own, which ccxt takes as well.
fn pair(venue: Venue, market: &str) -> String {
    match venue {
        Venue::Woox => woox_pair(market),
        Venue::Binance => match Product::of(market) {
            (Product::UsdFutures, symbol) => settled(&joined(symbol)),
            (_, symbol) => joined(symbol),
        },
    }
}

fn settled(pair: &str) -> String {
    pair.split_once('/').map_or_else(|| pair.to_owned(), |(_, quote)| format!("{pair}:{quote}"))
}

fn woox_pair(market: &str) -> String {
    match market.split('_').collect::<Vec<_>>()[..] {
        ["SPOT", base, quote] => format!("{base}/{quote}"),
        ["PERP", base, quote] => format!("{base}/{quote}:{quote}"),
        _ => market.to_owned(),
    }
}

/// Splits a name that is base and quote without anything between.
fn joined(market: &str) -> String {
    ["USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY"]
        .into_iter()
        .find_map(|quote| {
            let base = market.strip_suffix(quote)?;
            (!base.is_empty()).then(|| format!("{base}/{quote}"))
        })
        .unwrap_or_else(|| market.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snippet_is_filled_in() {
        let filling = Filling {
            url: "http://127.0.0.1:8787/binance",
            api_key: "KEYKEY",
            secret: "SECSEC",
            venue: Venue::Binance,
            market: "BTCUSDT",
        };
        for client in Client::ALL {
            let text = client.snippet(filling);
            assert!(!text.contains('@'), "{}: {text}", client.name());
            assert!(text.contains("KEYKEY") && text.contains("SECSEC"), "{}", client.name());
            assert!(text.contains("127.0.0.1:8787/binance"), "{}", client.name());
        }
        let freqtrade = Client::Freqtrade.snippet(filling);
        assert!(serde_json::from_str::<serde_json::Value>(&freqtrade).is_ok());
    }

    #[test]
    fn pairs_as_ccxt_spells_them() {
        let binance = |market| pair(Venue::Binance, market);
        assert_eq!(binance("BTCUSDT"), "BTC/USDT");
        assert_eq!(binance("ETHBTC"), "ETH/BTC");
        assert_eq!(binance("USDT"), "USDT");
        assert_eq!(binance("UM/BTCUSDT"), "BTC/USDT:USDT");
        assert_eq!(pair(Venue::Woox, "SPOT_BTC_USDT"), "BTC/USDT");
        assert_eq!(pair(Venue::Woox, "PERP_BTC_USDT"), "BTC/USDT:USDT");
    }
}
