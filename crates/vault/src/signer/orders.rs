//! Orders against the key's ceiling, whichever venue they are for.

use std::borrow::Cow;

use wire::model::Decimal;
use wire::venue::binance::ParamText;

use super::decide::Circumstances;
use super::keys::{Key, MarketWindows};
use super::refuse::{bot, gateway, operator};
use crate::ceiling::{Ceiling, MarketCeiling};
use crate::protocol::{RefusalCode, SignRefusal};

/// How `signed.log` names a charge to every market of the ceiling.
pub(super) const EVERY_MARKET: &str = "*";

/// One order that a text could place.
pub(super) struct Order<'a> {
    /// Its market; none for the change of a resting order, which may be in any.
    pub(super) market: Option<Cow<'a, str>>,
    /// Base quantity, asset units; zero where there is none.
    pub(super) base: Decimal,
    /// Quote quantity, asset units; zero where there is none.
    pub(super) quote: Decimal,
    /// Whether it closes a whole position, of whatever size.
    pub(super) closes_position: bool,
    pub(super) may_take: bool,
    pub(super) has_client_order_id: bool,
}

impl Order<'_> {
    /// The change of a resting order to this quantity; zero where it keeps the
    /// one that it was charged for. It may take where the resting one may.
    pub(super) const fn change(base: Decimal) -> Self {
        Self {
            market: None,
            base,
            quote: Decimal::ZERO,
            closes_position: false,
            may_take: true,
            has_client_order_id: true,
        }
    }
}

/// What one text takes out of one market's windows, or out of every market's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MarketCharge {
    /// The market's place in the ceiling; none for every market.
    pub(super) market: Option<usize>,
    pub(super) base: Decimal,
    pub(super) quote: Decimal,
}

impl MarketCharge {
    /// The windows that it is taken out of, with their rules.
    pub(super) fn windows<'k>(
        &self,
        ceiling: &'k Ceiling,
        markets: &'k mut [MarketWindows],
    ) -> impl Iterator<Item = (&'k MarketCeiling, &'k mut MarketWindows)> {
        let only = self.market;
        let both = ceiling.markets.iter().zip(markets.iter_mut()).enumerate();
        both.filter(move |(at, _)| only.is_none_or(|only| only == *at)).map(|(_, both)| both)
    }
}

/// Refuses names that the venue could take for one that is charged: the same
/// in another case, or with something in front that a sender could cut off (the
/// signed text joins query and body without a separator).
pub(super) fn lookalikes(
    params: &ParamText,
    charged: &[&str],
    known: &[&str],
) -> Result<(), SignRefusal> {
    // By its last letter, most names are none of them.
    let letter = |name: &str| 1_u32 << (name.bytes().last().unwrap_or(0) & 31);
    let letters = charged.iter().fold(0, |letters, end| letters | letter(end));
    for (name, _) in params.iter() {
        if letters & letter(name) == 0 {
            continue;
        }
        if charged.iter().any(|end| ends_with_ignoring_case(name, end)) && !known.contains(&name) {
            return Err(gateway(
                RefusalCode::NotCanonical,
                format!("the parameter `{name}` could be taken for another one"),
            ));
        }
    }
    Ok(())
}

pub(super) fn ends_with_ignoring_case(name: &str, end: &str) -> bool {
    // Names are letters, digits and `_ . -`: bytes will do. Most differ in the
    // last.
    let (name, end) = (name.as_bytes(), end.as_bytes());
    if name.last().map(u8::to_ascii_lowercase) != end.last().map(u8::to_ascii_lowercase) {
        return false;
    }
    name.len()
        .checked_sub(end.len())
        .and_then(|from| name.get(from..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Holds every order that the text could be against the ceiling.
pub(super) fn charge_orders(
    orders: &[Order<'_>],
    key: &mut Key,
    under: &Circumstances,
) -> Result<Vec<MarketCharge>, SignRefusal> {
    if orders.is_empty() {
        return Err(gateway(
            RefusalCode::Ceiling,
            "the text could place an order whose size cannot be told",
        ));
    }
    if under.moment.window_ms < under.orders_spent_until_ms {
        let minutes = (under.orders_spent_until_ms - under.moment.window_ms).div_ceil(60_000);
        return Err(operator(
            RefusalCode::StateSpent,
            format!(
                "what was signed in the last hour is unknown (signed.log missing or older than \
                 the log): orders are signed again in {minutes} min"
            ),
        ));
    }
    let mut charges: Vec<MarketCharge> = Vec::with_capacity(orders.len());
    for order in orders {
        let charge = charge_order(order, key)?;
        match charges.iter_mut().find(|one| one.market == charge.market) {
            Some(sum) => {
                let both = |a: Decimal, b: Decimal| {
                    a.checked_add(b)
                        .ok_or_else(|| gateway(RefusalCode::Ceiling, "quantities overflow"))
                };
                sum.base = both(sum.base, charge.base)?;
                sum.quote = both(sum.quote, charge.quote)?;
            }
            None => charges.push(charge),
        }
    }
    let now = under.moment.window_ms;
    for charge in &charges {
        for (rule, used) in charge.windows(&key.ceiling, &mut key.markets) {
            fits(charge, rule, used, now)?;
        }
    }
    Ok(charges)
}

/// Whether a charge fits one market's windows.
fn fits(
    charge: &MarketCharge,
    rule: &MarketCeiling,
    used: &mut MarketWindows,
    now: u64,
) -> Result<(), SignRefusal> {
    let gross_quote = rule.quote.as_ref().map_or(Decimal::ZERO, |quote| quote.gross_quote_per_hour);
    for (window, amount, limit, what) in [
        (&mut used.base, charge.base, rule.gross_base_per_hour, "base"),
        (&mut used.quote, charge.quote, gross_quote, "quote"),
    ] {
        if !amount.is_zero() && !window.fits(now, amount, limit) {
            let signed = window.total(now).unwrap_or(Decimal::MAX);
            return Err(SignRefusal {
                retry: true,
                ..bot(
                    RefusalCode::Window,
                    format!(
                        "{}: {signed} {what} signed in the last hour and {amount} more is over \
                         the key's ceiling of {limit}; raise it with `countersign key add` if \
                         this is real trading",
                        rule.market
                    ),
                )
            });
        }
    }
    Ok(())
}

/// One order against its market's ceiling, or against every market's.
fn charge_order(order: &Order<'_>, key: &Key) -> Result<MarketCharge, SignRefusal> {
    let over = |what: String| Err(bot(RefusalCode::Ceiling, what));
    let Some(market) = &order.market else {
        if key.ceiling.markets.is_empty() {
            return over(format!(
                "the text changes an order, and the ceiling of key `{}` allows none",
                key.info.name
            ));
        }
        for rule in &key.ceiling.markets {
            check_order(order, rule)?;
        }
        return Ok(MarketCharge { market: None, base: order.base, quote: order.quote });
    };
    let place = key.market_at(market);
    let Some((place, rule)) = place.and_then(|at| Some((at, key.ceiling.markets.get(at)?))) else {
        return over(format!(
            "the text could be an order in {market}, which is not in the ceiling of key `{}`",
            key.info.name
        ));
    };
    if !order.has_client_order_id {
        return Err(gateway(
            RefusalCode::NoClientOrderId,
            "every order, and every leg of a list, needs a client order id",
        ));
    }
    check_order(order, rule)?;
    if order.base.is_zero() && order.quote.is_zero() {
        return over(format!("{}: an order without a quantity", rule.market));
    }
    Ok(MarketCharge { market: Some(place), base: order.base, quote: order.quote })
}

/// One order against one market's rule.
fn check_order(order: &Order<'_>, rule: &MarketCeiling) -> Result<(), SignRefusal> {
    let over = |what: String| Err(bot(RefusalCode::Ceiling, what));
    if rule.maker_only && order.may_take {
        return over(format!(
            "{}: the ceiling allows orders that cannot take (LIMIT_MAKER, POST_ONLY) only",
            rule.market
        ));
    }
    if order.closes_position {
        return over(format!(
            "{}: `closePosition` closes a position whose size the signer cannot know; send \
             `reduceOnly` with a quantity",
            rule.market
        ));
    }
    let (base, quote) = (order.base, order.quote);
    if base < Decimal::ZERO || quote < Decimal::ZERO {
        return over(format!("{}: an order without a quantity", rule.market));
    }
    if base > rule.max_base {
        return over(format!(
            "{}: {base} base in one order is over the key's ceiling of {}",
            rule.market, rule.max_base
        ));
    }
    if quote.is_zero() {
        return Ok(());
    }
    match &rule.quote {
        None => over(format!("{}: the ceiling allows no orders by quote quantity", rule.market)),
        Some(limit) if quote > limit.max_quote => over(format!(
            "{}: {quote} quote in one order is over the key's ceiling of {}",
            rule.market, limit.max_quote
        )),
        Some(_) => Ok(()),
    }
}
