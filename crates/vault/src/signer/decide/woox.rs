//! A text of WOO X: of version 1 (parameters and a time, good at every endpoint
//! that takes them) or of version 3 (method, path and body are signed too).
//!
//! The venue has no receive window: the signer writes the time itself, and for
//! how long the venue may take the text counts as its window.

use wire::limits::WOOX_ACCEPTANCE_MS;
use wire::model::Effect;
use wire::venue::woox::collide::{self, Meanings};
use wire::venue::woox::{OrderCharge, Text, orders_in};

use super::{
    Circumstances, Decision, Found, approval_of, check_claim, check_clock, no_meaning, times,
};
use crate::ceiling::UNCOUNTED;
use crate::protocol::{RefusalCode, SignAsk, SignRefusal, Surface};
use crate::signer::keys::Key;
use crate::signer::orders::{Order, charge_orders};
use crate::signer::refuse::gateway;
use crate::signer::value;

pub(super) fn decide(
    ask: &SignAsk,
    key: &mut Key,
    under: &Circumstances,
) -> Result<Decision, SignRefusal> {
    if ask.surface != Surface::Rest {
        return Err(gateway(
            RefusalCode::NotCanonical,
            "a text of WOO X is spelled in one way; ask for it as one of REST",
        ));
    }
    let text = Text::parse_canonical(&ask.text).map_err(|refusal| {
        gateway(RefusalCode::NotCanonical, format!("the text cannot be signed: {refusal}"))
    })?;
    let (timestamp, _) = times(ask, text.timestamp_ms(), key, under)?;
    let text = text.at(timestamp);

    let meanings = collide::meanings(&text);
    let worst = meanings.worst().ok_or_else(no_meaning)?;
    let effect = effective(&meanings, key);
    let by = meanings.with(worst).next().filter(|_| worst > Effect::Read);
    let found = Found {
        worst,
        by: by.map(|endpoint| endpoint.name.as_str()),
        quiet: effect <= Effect::HarmlessSetting,
    };
    check_claim(ask, &found, key, under)?;
    let mut decision = Decision::new(ask, &found, timestamp, WOOX_ACCEPTANCE_MS);
    if !found.quiet {
        check_clock(under)?;
        if effect > Effect::Order {
            decision.moves =
                value::moves(&text, &worse_than_orders(&meanings), key, &approval_of(ask, under))?;
        }
        // What is worse beside it does not make it less of an order.
        let is_order =
            meanings.endpoints.iter().any(|(endpoint, _)| endpoint.effect == Effect::Order);
        if effect == Effect::Order || is_order {
            decision.orders = orders(&text, key, under)?;
        }
    }
    decision.text = text.canonical();
    Ok(decision)
}

/// The worst effect that the ceiling has to answer for: without what a person
/// accepted as uncounted.
fn effective(meanings: &Meanings, key: &Key) -> Effect {
    let uncounted = |name: &str, effect: Effect| {
        key.ceiling
            .allowance(name)
            .is_some_and(|one| one.effect == effect && one.requests_per_day == UNCOUNTED)
    };
    let left = meanings.endpoints.iter().filter(|(endpoint, effect)| {
        *effect <= Effect::Order || !uncounted(&endpoint.name, *effect)
    });
    left.map(|(_, effect)| *effect).max().unwrap_or(Effect::Read)
}

fn worse_than_orders(meanings: &Meanings) -> Vec<(&'static str, Effect)> {
    let worse = meanings.endpoints.iter().filter(|(_, effect)| *effect > Effect::Order);
    worse.map(|(endpoint, effect)| (endpoint.name.as_str(), *effect)).collect()
}

/// Every order that the text could be, against the ceiling.
fn orders(
    text: &Text,
    key: &mut Key,
    under: &Circumstances,
) -> Result<Vec<super::MarketCharge>, SignRefusal> {
    let found =
        orders_in(text).map_err(|refusal| gateway(RefusalCode::Ceiling, refusal.to_string()))?;
    let mut found: Vec<Order<'_>> = found.into_iter().map(of).collect();
    if found.is_empty() && changes_an_order(text) {
        // It moves the price of a quantity that was charged when it was placed.
        found.push(Order::change(Default::default()));
    }
    charge_orders(&found, key, under)
}

/// Whether the text changes a resting order. Only version 3 can: nothing but
/// its method and path says so.
fn changes_an_order(text: &Text) -> bool {
    matches!(text, Text::V3 { method: "PUT", .. })
}

fn of(order: OrderCharge<'static>) -> Order<'static> {
    let base = order.base.unwrap_or_default();
    if order.market.is_empty() {
        // The text names no market.
        return Order::change(base);
    }
    Order {
        market: Some(order.market),
        base,
        quote: order.quote.unwrap_or_default(),
        closes_position: order.closes_position,
        may_take: !order.maker_only,
        has_client_order_id: order.has_client_order_id,
    }
}
