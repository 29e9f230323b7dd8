//! What the paper futures are set up with.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::binance::options::Instrument;

/// A perpetual contract.
#[derive(Debug, Clone)]
pub struct Contract {
    /// Symbol, assets, price, tick, step, smallest and largest order. The quote
    /// asset is the margin asset.
    pub instrument: Instrument,
    /// Highest leverage.
    pub max_leverage: u32,
    /// Maintenance margin as a share of the notional, in percent.
    pub maintenance_percent: Decimal,
}

/// The futures exchange.
#[derive(Debug, Clone)]
pub struct FuturesOptions {
    /// Contracts; none switches the futures off.
    pub contracts: Vec<Contract>,
    /// Maker fee, in basis points of the notional.
    pub maker_fee_bps: Decimal,
    /// Taker fee, in basis points of the notional.
    pub taker_fee_bps: Decimal,
    /// How often funding is paid, counted from midnight UTC.
    pub funding_every: Duration,
    /// Funding rate where none was set for a symbol: longs pay shorts this
    /// share of the notional.
    pub funding_rate: Decimal,
    /// Open orders per account and symbol.
    pub open_orders: usize,
    /// Open conditional orders per account and symbol.
    pub open_algo_orders: usize,
    /// Leverage of a symbol before it is set.
    pub leverage: u32,
}

impl Default for FuturesOptions {
    fn default() -> Self {
        Self {
            contracts: default_contracts(),
            maker_fee_bps: Decimal::TWO,
            taker_fee_bps: Decimal::from(5),
            funding_every: Duration::from_secs(8 * 60 * 60),
            funding_rate: Decimal::new(1, 4),
            open_orders: 200,
            open_algo_orders: 200,
            leverage: 20,
        }
    }
}

fn default_contracts() -> Vec<Contract> {
    let contract = |base: &str, price: Decimal, tick: u32, step: u32| {
        let mut instrument = Instrument::new(base, "USDT", price, tick, step);
        instrument.max_qty = Decimal::from(10_000);
        Contract { instrument, max_leverage: 125, maintenance_percent: Decimal::new(4, 1) }
    };
    vec![
        contract("BTC", Decimal::new(600_000, 1), 1, 3),
        contract("ETH", Decimal::new(300_000, 2), 2, 3),
        contract("SOL", Decimal::new(15_000, 2), 2, 1),
    ]
}
