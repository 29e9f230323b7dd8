//! What `key add` proposes: multiples of what the bots are configured to do.

use wire::model::Decimal;

use super::{
    Approvals, ApprovedCeiling, Ceiling, CeilingError, Destination, MarketCeiling, QuoteCeiling,
    ValueOutCeiling,
};
use crate::protocol::KeyClass;

/// The ceiling for one order, in multiples of the largest a bot may place.
const ORDER_MULTIPLE: u32 = 2;
/// The ceiling for an hour's signed quantity, in multiples of what a bot may
/// trade: cancelled quotes count, so real trading is a small part of it.
const GROSS_MULTIPLE: u32 = 20;

/// What the bots of one account are configured to do in one market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketNeed {
    /// The market (`BTCUSDT`).
    pub market: String,
    /// Largest order of any bot, base units.
    pub order_base: Decimal,
    /// What all bots together may trade in an hour, base units.
    pub traded_base_per_hour: Decimal,
    /// The same by quote quantity (order, hour), where any bot sends such
    /// orders; quote units.
    pub quote: Option<(Decimal, Decimal)>,
    /// Whether every bot here only makes.
    pub maker_only: bool,
}

/// One place that value may go to, with the caps of its asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueOutNeed {
    /// The asset (`USDT`).
    pub asset: String,
    /// Largest amount of one request, asset units; the same in every need of
    /// the asset.
    pub per_request: Decimal,
    /// Largest sum in 24 h over all destinations of the asset, asset units;
    /// the same in every need of the asset.
    pub per_day: Decimal,
    /// What may leave with approval; the same in every need of the asset.
    pub approved: Option<ApprovedCeiling>,
    /// Where to.
    pub destination: Destination,
}

/// The ceiling of a read key.
pub const fn propose_read() -> Ceiling {
    Ceiling::closed(KeyClass::Read)
}

/// A ceiling for a trade key: twice the largest order, twenty times the hour.
pub fn propose_trade(needs: &[MarketNeed]) -> Result<Ceiling, CeilingError> {
    let times = |value: Decimal, multiple: u32| {
        value
            .checked_mul(Decimal::from(multiple))
            .ok_or_else(|| CeilingError::Rule(format!("{value} is too large")))
    };
    let mut ceiling = Ceiling::closed(KeyClass::Trade);
    for need in needs {
        let max_base = times(need.order_base, ORDER_MULTIPLE)?;
        let quote = need
            .quote
            .map(|(order, hour)| {
                let max_quote = times(order, ORDER_MULTIPLE)?;
                let gross = times(hour, GROSS_MULTIPLE)?.max(max_quote);
                Ok::<_, CeilingError>(QuoteCeiling { max_quote, gross_quote_per_hour: gross })
            })
            .transpose()?;
        ceiling.markets.push(MarketCeiling {
            market: need.market.clone(),
            max_base,
            gross_base_per_hour: times(need.traded_base_per_hour, GROSS_MULTIPLE)?.max(max_base),
            quote,
            maker_only: need.maker_only,
        });
    }
    ceiling.checked()
}

/// A ceiling for a value-out key: what was listed and no more. A multiple, as
/// for orders, would be room that nobody asked for.
///
/// # Errors
/// Needs of one asset with different caps, a destination named twice, or a
/// rule of every ceiling.
pub fn propose_value_out(
    needs: &[ValueOutNeed],
    approvals: Option<Approvals>,
) -> Result<Ceiling, CeilingError> {
    let mut ceiling = Ceiling { approvals, ..Ceiling::closed(KeyClass::ValueOut) };
    for need in needs {
        let to = need.destination.clone();
        let rule = |what: &str| Err(CeilingError::Rule(format!("{} {what}", need.asset)));
        let Some(known) = ceiling.value_out.iter_mut().find(|one| one.asset == need.asset) else {
            ceiling.value_out.push(ValueOutCeiling {
                asset: need.asset.clone(),
                per_request: need.per_request,
                per_day: need.per_day,
                approved: need.approved.clone(),
                destinations: vec![to],
            });
            continue;
        };
        if (known.per_request, known.per_day, &known.approved)
            != (need.per_request, need.per_day, &need.approved)
        {
            return rule("has two caps");
        }
        if known.destinations.contains(&to) {
            return rule("has a destination twice");
        }
        known.destinations.push(to);
    }
    ceiling.checked()
}
