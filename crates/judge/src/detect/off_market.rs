//! Sees an order whose price is far on the losing side of a slow price.
//!
//! Why: with trading rights alone a thief buys a worthless token dear, or sells
//! the victim's coins cheap, to himself (Binance SYS 2018: 1 SYS for 96 BTC;
//! FTX DMG 2022; 3Commas 2022). The policy's collar measures against the
//! venue's own price, which the thief moves; this measures against independent
//! venues, or else a time-weighted median over ten minutes or more.
//!
//! Parameters: `bps_of_venues`, `bps_of_median` (wider: the median lags in a
//! crash). Blind spots: no slow price is known in the first minutes of a
//! market; a slow squeeze over many times ten minutes.

use super::config::OffMarket;
use super::look::{Look, Order};

pub(super) fn look(config: &OffMarket, look: &Look<'_>, order: &Order<'_>) -> Option<String> {
    let slow = look.facts.around.slow_price?;
    let (bps, of) = match slow.venues {
        0 | 1 => (config.bps_of_median, "its median of ten minutes".to_owned()),
        venues => (config.bps_of_venues, format!("the price of {venues} venues")),
    };
    let (side, price) = order.beyond(slow.price, bps)?;
    Some(format!(
        "a {} of `{}` at {price}, more than {bps} bps on the losing side of {of}, {}",
        side.name(),
        order.market,
        slow.price.normalize()
    ))
}
