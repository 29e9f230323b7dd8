//! The markets, tokens and funds of a paper venue that nobody configured.

use rust_decimal::Decimal;

use crate::woox::options::{Instrument, Network, Token};

/// Liquid markets, in sizes and ticks near the real ones.
pub(super) fn instruments() -> Vec<Instrument> {
    vec![
        Instrument::spot("BTC", Decimal::from(60_000), 2, 6),
        Instrument::spot("ETH", Decimal::from(3_000), 2, 5),
        Instrument::spot("WOO", Decimal::new(2, 1), 5, 1),
        Instrument::spot("SOL", Decimal::from(150), 2, 3),
        Instrument::perpetual("BTC", Decimal::from(60_000), 0, 4),
        Instrument::perpetual("ETH", Decimal::from(3_000), 1, 3),
        Instrument::perpetual("WOO", Decimal::new(2, 1), 5, 0),
    ]
}

fn network(name: &str, protocol: &str, fee: Decimal, min: Decimal) -> Network {
    Network {
        network: name.to_owned(),
        protocol: protocol.to_owned(),
        withdraw_fee: fee,
        withdraw_min: min,
    }
}

/// The tokens of the default markets.
pub(super) fn tokens() -> Vec<Token> {
    let token = |ticker: &str, name: &str, networks: Vec<Network>| Token {
        token: ticker.to_owned(),
        name: name.to_owned(),
        networks,
    };
    let milli = Decimal::new(1, 3);
    vec![
        token("BTC", "Bitcoin", vec![network("BTC", "BTC", Decimal::new(1, 4), milli)]),
        token("ETH", "Ethereum", vec![network("ETH", "ERC20", milli, Decimal::new(1, 2))]),
        token(
            "USDT",
            "Tether",
            vec![
                network("ETH", "ERC20", Decimal::TWO, Decimal::TEN),
                network("TRX", "TRC20", Decimal::new(45, 1), Decimal::TEN),
                network("BSC", "BEP20", Decimal::ONE, Decimal::TEN),
            ],
        ),
        token(
            "WOO",
            "WOO Network",
            vec![network("ETH", "ERC20", Decimal::from(20), Decimal::from(50))],
        ),
        token("SOL", "Solana", vec![network("SOL", "SOL", milli, Decimal::new(1, 1))]),
    ]
}

/// What a default account starts with.
pub(super) fn funds() -> Vec<(String, Decimal)> {
    let funds =
        [("USDT", 1_000_000), ("BTC", 20), ("ETH", 300), ("WOO", 10_000_000), ("SOL", 5000)];
    funds.iter().map(|(token, amount)| ((*token).to_owned(), Decimal::from(*amount))).collect()
}
