//! The orders of a batch: JSON inside one parameter.
//!
//! A cut inside the JSON leaves what no reader takes for a list, or fewer
//! orders with a shorter quantity, never a larger one.

use super::products::Products;
use super::{OrderCharge, uncountable};
use crate::json::{self, Value};
use crate::model::Product;
use crate::venue::binance::Refusal;
use crate::venue::binance::params::ParamText;
use crate::venue::binance::read::batch::{element, list};
use crate::venue::binance::read::{amount, is_client_id, is_symbol};

pub(super) use crate::venue::binance::read::batch::ORDERS;

/// What an element may hold, whether it places or amends.
const NAMES: [&str; 16] = [
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "positionSide",
    "reduceOnly",
    "newClientOrderId",
    "newOrderRespType",
    "selfTradePreventionMode",
    "goodTillDate",
    "orderId",
    "origClientOrderId",
    "modifyId",
    "priceMatch",
];

/// Each order of the batch, where the text has one.
///
/// INVARIANT (one reading): the signer reads only JSON that is spelled in the
/// one way in which it is written.
pub(super) fn orders(
    params: &ParamText,
    products: Products,
) -> Result<Vec<OrderCharge<'static>>, Refusal> {
    let Some(text) = params.get(ORDERS) else {
        return Ok(Vec::new());
    };
    json::parse_canonical(text.as_bytes())
        .map_err(|_| uncountable(ORDERS, "is no JSON in its one spelling"))?;
    let mut charges = Vec::new();
    for value in &list(ORDERS, text)? {
        order(value, products.of_batch(), &mut charges)?;
    }
    Ok(charges)
}

fn order(
    value: &Value,
    products: Products,
    charges: &mut Vec<OrderCharge<'static>>,
) -> Result<(), Refusal> {
    let order = element(value)?;
    if let Some((name, _)) = order.iter().find(|(name, _)| !NAMES.contains(name)) {
        return Err(uncountable(name, "in a batch could be what is not counted"));
    }
    if order.get("selfTradePreventionMode").is_some_and(|mode| mode.starts_with("TRANSFER")) {
        return Err(uncountable("selfTradePreventionMode", "would move assets between accounts"));
    }
    let symbol = order
        .get("symbol")
        .filter(|symbol| is_symbol(symbol))
        .ok_or_else(|| uncountable("symbol", "is needed to count an order"))?;
    let size = order
        .get("quantity")
        .ok_or_else(|| uncountable("quantity", "is needed to count an order"))
        .and_then(|size| amount("quantity", size))?;
    let amends = order.has("orderId") || order.has("origClientOrderId");
    let named = order.get("newClientOrderId").is_some_and(is_client_id);
    let posts = order.get("type") == Some("LIMIT") && order.get("timeInForce") == Some("GTX");
    for product in products.that_know(symbol).filter(|product| *product != Product::Spot) {
        charges.push(OrderCharge {
            market: product.market(symbol).into(),
            base: Some(size),
            quote: None,
            source: ORDERS,
            closes_position: false,
            maker_only: posts && !amends,
            has_client_order_id: named || (amends && !order.has("type")),
        });
    }
    Ok(())
}
