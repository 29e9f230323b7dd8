//! The signer's own reading: every order that a text could be.
//!
//! Binance signs parameters, not method or path. So one text may be a single
//! order, a cancel-and-replace, a list in either of its shapes, or an amend, on
//! spot, margin and futures alike (they share the names). And it signs query
//! and body joined without separator, so a text may be cut once anywhere: a
//! name keeps its end, a value its start. What is charged is the worst of these
//! readings, in the market of each product whose endpoints would take the text
//! (`BTCUSDT` and `UM/BTCUSDT`, see [`Product`]); a text in which a cut would
//! bring out a second quantity or market is refused. (A cut can shorten a
//! quantity, a price or a market's name, never lengthen it.)
//!
//! INVARIANT (second reading): nothing here comes from the gateway but the
//! text itself.

use std::borrow::Cow;

use super::collide::could_be_integer;
use super::params::ParamText;
use super::read::{amount, is_client_id, is_symbol};
use super::{Refusal, RefusalCode};
use crate::limits;
use crate::model::{Decimal, Product};

mod batch;
pub(super) mod products;

pub use products::Products;

/// One order that a signed text could place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCharge<'a> {
    /// The market, marked with its product (`BTCUSDT`, `UM/BTCUSDT`).
    pub market: Cow<'a, str>,
    /// Base quantity, asset units; `None` where only a quote quantity is given.
    /// (Contracts where the product counts in them: no market of such a one is
    /// served.)
    pub base: Option<Decimal>,
    /// Quote quantity, asset units (`quoteOrderQty`).
    pub quote: Option<Decimal>,
    /// The parameter the quantity stands in.
    pub source: &'static str,
    /// Whether it closes a whole position: neither quantity is given then, and
    /// none bounds it.
    pub closes_position: bool,
    /// Whether the order cannot take, in any reading on this product: its type
    /// is `LIMIT_MAKER`, or on futures `LIMIT` with `GTX`, and nothing in the
    /// text could make it another, or an amend of an order that may take.
    pub maker_only: bool,
    /// Whether the order has a client order id, in the reading that its
    /// parameters fit best.
    pub has_client_order_id: bool,
}

/// Every order that this text could place, once for each leg and each market it
/// could be placed in: a ceiling on one order is held against each, the gross
/// quantity of a market against their sum there.
///
/// `taken_by` are the products whose endpoints would take the text as an order
/// ([`super::collide::Worst::products`]): they are charged, and every product
/// where there is none, so that leaving it out charges too much.
///
/// Where the same quantity is used by several readings, it is listed as often
/// as the largest of them uses it. A text without side and quantity gives an
/// empty list: it places no order, and one that the collision table takes for
/// an order nevertheless cannot be counted and is not signed.
///
/// # Errors
/// A text whose orders cannot be counted: several orders in one parameter, a
/// pending order without a quantity, a quantity that is no number, a second
/// quantity or market that a cut could bring out.
pub fn orders_in(params: &ParamText, taken_by: Products) -> Result<Vec<OrderCharge<'_>>, Refusal> {
    let products = taken_by.or_all();
    for (name, value) in params.iter() {
        check_name(name)?;
        if value.starts_with("TRANSFER") && ends_with(name, "selfTradePreventionMode") {
            return Err(uncountable(name, "would move assets between accounts"));
        }
    }
    let mut charges = Vec::new();
    let mut orders = 0;
    for source in &SOURCES {
        let Some(value) = params.get(source.name) else {
            continue;
        };
        let size = amount(source.name, value)?;
        // Pairs are known on spot alone.
        let legs = if products.has(Product::Spot) { (source.legs)(params).max(1) } else { 1 };
        for leg in 0..legs {
            orders += 1;
            if orders > limits::ORDERS_PER_REQUEST {
                return Err(uncountable(source.name, "is one order too many"));
            }
            let symbol = symbol(params)?;
            for product in products.that_know(symbol) {
                charges.push(OrderCharge {
                    market: marked(product, symbol),
                    base: (!source.quote).then_some(size),
                    quote: source.quote.then_some(size),
                    source: source.name,
                    closes_position: false,
                    maker_only: match product {
                        Product::Spot => legs == 1 && (source.maker_only)(params),
                        _ => source.name == "quantity" && is_future_maker(params),
                    },
                    has_client_order_id: is_named(params, (source.id)(params, leg), product),
                });
            }
        }
    }
    charges.extend(closing(params, products)?);
    charges.extend(batch::orders(params, products)?);
    check_pending(params)?;
    if charges.is_empty() && (params.has("side") || params.has("workingSide")) {
        return Err(uncountable("quantity", "is needed to count an order"));
    }
    Ok(charges)
}

/// Parameters that hold several orders, or name one that is not in the text.
const UNREADABLE: [&str; 4] = ["orders", "orderArgs", "legs", "blockOrderMatchingKey"];

/// Refuses names that hold orders in a way that is not read here, and names of
/// which a cut would leave a quantity or a market.
fn check_name(name: &str) -> Result<(), Refusal> {
    // Each name that is looked for ends in one of these letters.
    if !matches!(name.as_bytes().last(), Some(b'y' | b'Y' | b's' | b'S' | b'l' | b'L')) {
        return Ok(());
    }
    if name == batch::ORDERS {
        return Ok(());
    }
    if UNREADABLE.iter().any(|known| ends_with(name, known)) {
        return Err(uncountable(name, "holds orders that cannot be counted"));
    }
    let known = SOURCES.iter().any(|source| source.name == name);
    if !known && SOURCES.iter().any(|source| ends_with(name, source.name)) {
        return Err(uncountable(name, "could be read as a second quantity"));
    }
    if name != "symbol" && ends_with(name, "symbol") {
        return Err(uncountable(name, "could be read as a second market"));
    }
    Ok(())
}

/// As the venue might compare names: without case, and after a cut.
fn ends_with(name: &str, end: &str) -> bool {
    name.len()
        .checked_sub(end.len())
        .and_then(|from| name.as_bytes().get(from..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

/// A parameter that holds a quantity, and the orders that could use it.
struct Source {
    name: &'static str,
    quote: bool,
    /// How many orders the largest reading makes of it.
    legs: fn(&ParamText) -> usize,
    /// Whether the only order it could be cannot take.
    maker_only: fn(&ParamText) -> bool,
    /// The parameter that names the order of that leg.
    id: fn(&ParamText, usize) -> Option<&'static str>,
}

const SOURCES: [Source; 5] = [
    Source {
        name: "quantity",
        quote: false,
        legs: quantity_legs,
        maker_only: |params| is_maker(params, "type", "timeInForce"),
        id: quantity_id,
    },
    Source {
        name: "quoteOrderQty",
        quote: true,
        legs: |_| 1,
        maker_only: |_| false,
        id: |_, _| Some("newClientOrderId"),
    },
    Source {
        name: "workingQuantity",
        quote: false,
        legs: |_| 1,
        maker_only: |params| is_maker(params, "workingType", "workingTimeInForce"),
        id: |_, _| Some("workingClientOrderId"),
    },
    Source {
        name: "pendingQuantity",
        quote: false,
        legs: pending_legs,
        maker_only: |params| is_maker(params, "pendingType", "pendingTimeInForce"),
        id: |params, leg| match (is_pending_pair(params), leg) {
            (false, _) => Some("pendingClientOrderId"),
            (true, 0) => Some("pendingAboveClientOrderId"),
            (true, _) => Some("pendingBelowClientOrderId"),
        },
    },
    Source {
        name: "newQty",
        quote: false,
        legs: |_| 1,
        // An amend only shrinks an order that rests: it never takes.
        maker_only: |_| true,
        id: |_, _| Some("newClientOrderId"),
    },
];

/// Whether the order of this leg has an id of the bot's: its own parameter; on
/// futures also that of a conditional order, or, for a text without a type (which
/// can only amend there), the order that it names: an amend that is sent again
/// changes nothing.
fn is_named(params: &ParamText, name: Option<&str>, product: Product) -> bool {
    let own = |name: &str| params.get(name).is_some_and(is_client_id);
    let amends = || !params.iter().any(|(name, _)| ends_with(name, "type"));
    let futures = || {
        (own("clientAlgoId") && params.has("algoType"))
            || (amends() && (own("orderId") || own("origClientOrderId")))
    };
    name.is_some_and(own) || (product != Product::Spot && futures())
}

/// The market of a symbol; spot's own, which is on the path, is borrowed.
fn marked(product: Product, symbol: &str) -> Cow<'_, str> {
    match product {
        Product::Spot => Cow::Borrowed(symbol),
        _ => Cow::Owned(product.market(symbol)),
    }
}

/// What closes a whole position: charged without a quantity, so that whoever
/// holds it against a ceiling has to say whether that may be.
fn closing(params: &ParamText, products: Products) -> Result<Vec<OrderCharge<'_>>, Refusal> {
    let closes = params.iter().any(|(name, value)| {
        ends_with(name, "closePosition") && !matches!(value, "false" | "FALSE")
    });
    if !closes || !products.futures() {
        return Ok(Vec::new());
    }
    let symbol = symbol(params)?;
    Ok(products
        .that_know(symbol)
        .filter(|product| *product != Product::Spot)
        .map(|product| OrderCharge {
            market: marked(product, symbol),
            base: None,
            quote: None,
            source: "closePosition",
            closes_position: true,
            maker_only: false,
            has_client_order_id: is_named(params, Some("newClientOrderId"), product),
        })
        .collect())
}

/// On futures: `LIMIT` with `GTX`, or a `LIMIT_MAKER` that no futures endpoint
/// knows; with no other type that a cut could bring out, and no order that it
/// could amend in place of placing one.
fn is_future_maker(params: &ParamText) -> bool {
    let posts = params.get("type") == Some("LIMIT") && params.get("timeInForce") == Some("GTX");
    let others = params.iter().all(|(name, value)| {
        let other_type = name != "type" && ends_with(name, "type") && !is_no_order_type(value);
        let other_life = name != "timeInForce" && ends_with(name, "timeInForce");
        let amends = (ends_with(name, "orderId") && could_be_integer(value))
            || ends_with(name, "origClientOrderId");
        !other_type && !other_life && !amends
    });
    (posts || is_maker(params, "type", "timeInForce")) && others
}

/// `LIMIT_MAKER`, without the time in force that `LIMIT` (its start, after a
/// cut) would need, and with no other type that a cut could bring out.
fn is_maker(params: &ParamText, kind: &str, time_in_force: &str) -> bool {
    params.get(kind) == Some("LIMIT_MAKER")
        && params.iter().all(|(name, value)| {
            !ends_with(name, time_in_force)
                && (name == kind || !ends_with(name, "type") || is_no_order_type(value))
        })
}

/// Whether a value cannot stand for an order type: a number, or how much the
/// venue should answer.
fn is_no_order_type(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit())
        || matches!(
            value,
            "ACK" | "RESULT" | "FULL" | "CONDITIONAL" | "MARK_PRICE" | "CONTRACT_PRICE"
        )
}

/// Two where the text fits a pair: `aboveType` with `belowType`, or the legacy
/// shape of `price` with `stopPrice`.
fn quantity_legs(params: &ParamText) -> usize {
    if is_pair(params) || is_legacy_pair(params) { 2 } else { 1 }
}

fn is_pair(params: &ParamText) -> bool {
    params.has("aboveType") && params.has("belowType")
}

/// The WebSocket form of it goes without `stopPrice`, but then has another
/// trigger.
fn is_legacy_pair(params: &ParamText) -> bool {
    let stop = ["stopPrice", "trailingDelta", "stopLimitPrice"];
    params.has("side") && params.has("price") && stop.into_iter().any(|name| params.has(name))
}

fn quantity_id(params: &ParamText, leg: usize) -> Option<&'static str> {
    match (is_pair(params), params.has("type"), leg) {
        (true, false, 0) => Some("aboveClientOrderId"),
        (true, false, _) => Some("belowClientOrderId"),
        (_, true, _) => Some("newClientOrderId"),
        (false, false, 0) if is_legacy_pair(params) => Some("limitClientOrderId"),
        (false, false, _) if is_legacy_pair(params) => Some("stopClientOrderId"),
        _ => Some("newClientOrderId"),
    }
}

fn is_pending_pair(params: &ParamText) -> bool {
    params.has("pendingAboveType")
}

fn pending_legs(params: &ParamText) -> usize {
    if params.has("pendingAboveType") && params.has("pendingBelowType") { 2 } else { 1 }
}

/// A pending order whose quantity the venue would take from the working
/// order's proceeds cannot be counted.
fn check_pending(params: &ParamText) -> Result<(), Refusal> {
    let pending = params.has("pendingType") || params.has("pendingAboveType");
    if (pending || params.has("workingType")) && !params.has("pendingQuantity") {
        return Err(uncountable("pendingQuantity", "is needed to count a pending order"));
    }
    Ok(())
}

fn symbol(params: &ParamText) -> Result<&str, Refusal> {
    params
        .get("symbol")
        .filter(|symbol| is_symbol(symbol))
        .ok_or_else(|| uncountable("symbol", "is needed to count an order"))
}

fn uncountable(name: &str, detail: &str) -> Refusal {
    Refusal::of(RefusalCode::Forbidden, name, detail)
}

#[cfg(test)]
mod tests;
