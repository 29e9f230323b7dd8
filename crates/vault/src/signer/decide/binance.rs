//! A text of Binance: parameters, whose worst meaning is looked for at every
//! endpoint that takes them.

use wire::model::{Effect, Product};
use wire::venue::binance::collide::{self, Worst};
use wire::venue::binance::{OrderCharge, ParamText, orders_in};

use super::{
    Circumstances, Decision, Found, MarketCharge, approval_of, check_claim, check_clock,
    no_meaning, times,
};
use crate::ceiling::UNCOUNTED;
use crate::protocol::{RefusalCode, SignAsk, SignRefusal, Surface};
use crate::signer::keys::Key;
use crate::signer::orders::{Order, charge_orders, ends_with_ignoring_case, lookalikes};
use crate::signer::prepared::Prepared;
use crate::signer::refuse::gateway;
use crate::signer::value;

pub(super) fn decide(
    ask: &SignAsk,
    key: &mut Key,
    under: &Circumstances,
) -> Result<Decision, SignRefusal> {
    let mut params = read_text(ask)?;
    let asked = params
        .get("timestamp")
        .and_then(|text| text.parse::<u64>().ok())
        .map(to_milliseconds)
        .ok_or_else(|| gateway(RefusalCode::NotCanonical, "`timestamp` is not a number"))?;
    let (timestamp, left_ms) = times(ask, asked, key, under)?;
    let receive_window_ms = left_ms.min(key.ceiling.max_receive_window_ms);
    write_times(&mut params, timestamp, receive_window_ms)?;

    let worst = collide::worst(&params, key.reach).ok_or_else(no_meaning)?;
    let effect = effective(&worst, &params, key);
    let found = Found {
        worst: worst.effect,
        by: worst.by.map(|endpoint| endpoint.name.as_str()),
        quiet: effect <= Effect::HarmlessSetting,
    };
    check_claim(ask, &found, key, under)?;
    if collide::equals_session_logon(&params)
        && !matches!(key.prepared, Prepared::Hmac(_))
        && key.session_could_trade()
    {
        return Err(gateway(
            RefusalCode::Logon,
            "this text logs a session on that could trade unseen; log on with a read key",
        ));
    }
    let mut decision = Decision::new(ask, &found, timestamp, receive_window_ms);
    if !found.quiet {
        check_clock(under)?;
        if effect > Effect::Order {
            decision.moves = value::moves(
                &params,
                &worse_than_orders(&params, key),
                key,
                &approval_of(ask, under),
            )?;
        }
        if effect == Effect::Order || worst.order.is_some() {
            decision.orders = orders(&params, &worst, key, under)?;
        }
    }
    decision.text = spell(&params, ask.surface);
    Ok(decision)
}

fn worse_than_orders(params: &ParamText, key: &Key) -> Vec<(&'static str, Effect)> {
    let meanings = collide::meanings(params, key.reach);
    let worse = meanings.endpoints.into_iter().filter(|(_, effect)| *effect > Effect::Order);
    worse.map(|(endpoint, effect)| (endpoint.name.as_str(), effect)).collect()
}

/// The worst effect that the ceiling has to answer for: without what a person
/// accepted as uncounted, and, where rights widened and nobody has accepted that
/// yet, without settings that were harmless under the sealed rights. (They take
/// a bare `timestamp`; otherwise nobody could cancel any more.)
fn effective(worst: &Worst, params: &ParamText, key: &Key) -> Effect {
    if worst.effect <= Effect::Order {
        return worst.effect;
    }
    let sealed = key.info.limited.is_some().then(|| collide::meanings(params, key.sealed_reach));
    let was_harmless = |name: &str| {
        sealed.as_ref().is_some_and(|sealed| {
            sealed
                .endpoints
                .iter()
                .any(|(one, effect)| one.name == name && *effect <= Effect::HarmlessSetting)
        })
    };
    let uncounted = |name: &str, effect: Effect| {
        key.ceiling
            .allowance(name)
            .is_some_and(|one| one.effect == effect && one.requests_per_day == UNCOUNTED)
    };
    let meanings = collide::meanings(params, key.reach);
    let left = meanings.endpoints.iter().filter(|(endpoint, effect)| {
        *effect <= Effect::Order
            || !(uncounted(&endpoint.name, *effect) || was_harmless(&endpoint.name))
    });
    left.map(|(_, effect)| *effect).max().unwrap_or(Effect::Read)
}

/// The one reading of the text.
///
/// INVARIANT (one reading): only the canonical text is read, so that what is
/// signed is what was read.
fn read_text(ask: &SignAsk) -> Result<ParamText, SignRefusal> {
    let params = ParamText::parse_canonical(&ask.text).map_err(|refusal| {
        gateway(RefusalCode::NotCanonical, format!("the text cannot be signed: {refusal}"))
    })?;
    if params.has_in_any_case("signature") {
        return Err(gateway(RefusalCode::NotCanonical, "the text carries a signature already"));
    }
    // In another case the signer's own would stand beside it, or not at all.
    // (No name is there twice, whatever its case.)
    if params.has_in_any_case("recvWindow") && !params.has("recvWindow") {
        return Err(gateway(RefusalCode::NotCanonical, "`recvWindow` is spelled otherwise"));
    }
    if !params.has("timestamp") {
        return Err(gateway(RefusalCode::NotCanonical, "the text has no `timestamp`"));
    }
    if ask.surface == Surface::WebSocket {
        // The same bytes must mean the same on both surfaces: nothing in it may
        // be percent-encoded, and names must be sorted.
        let sorted = params.iter().map(|(name, _)| name).is_sorted();
        if !sorted || ask.text.contains(&b'%') {
            return Err(gateway(
                RefusalCode::NotCanonical,
                "a WebSocket text must be sorted by name and free of percent-encoding",
            ));
        }
    }
    Ok(params)
}

/// Milliseconds of a timestamp that may be in microseconds.
fn to_milliseconds(value: u64) -> u64 {
    const MICROSECONDS_FROM: u64 = 100_000_000_000_000;
    if value >= MICROSECONDS_FROM { value / 1000 } else { value }
}

/// The signer writes the times itself, whatever the text said.
fn write_times(
    params: &mut ParamText,
    timestamp: u64,
    receive_window_ms: u64,
) -> Result<(), SignRefusal> {
    params
        .set_number("timestamp", timestamp)
        .and_then(|()| params.set_number("recvWindow", receive_window_ms))
        .map_err(|refusal| gateway(RefusalCode::NotCanonical, refusal.to_string()))
}

/// The text as its surface spells it.
fn spell(params: &ParamText, surface: Surface) -> String {
    match surface {
        Surface::Rest => params.canonical(),
        Surface::WebSocket => {
            let mut pairs: Vec<(&str, &str)> = params.iter().collect();
            pairs.sort_unstable();
            let mut text = String::new();
            for (name, value) in pairs {
                let between = if text.is_empty() { "" } else { "&" };
                for part in [between, name, "=", value] {
                    text.push_str(part);
                }
            }
            text
        }
    }
}

/// What an order's size and market stand in.
const ORDER_NAMES: [&str; 4] = ["symbol", "quantity", "quoteOrderQty", "newQty"];
/// The parameters that may end in one of those names.
const KNOWN_ORDER_NAMES: [&str; 6] =
    ["symbol", "quantity", "quoteOrderQty", "workingQuantity", "pendingQuantity", "newQty"];

/// Every order that the text could be, in the market of every product whose
/// endpoints would take it, against the ceiling.
fn orders(
    params: &ParamText,
    worst: &Worst,
    key: &mut Key,
    under: &Circumstances,
) -> Result<Vec<MarketCharge>, SignRefusal> {
    lookalikes(params, &ORDER_NAMES, &KNOWN_ORDER_NAMES)?;
    let found = orders_in(params, worst.products)
        .map_err(|refusal| gateway(RefusalCode::Ceiling, refusal.to_string()))?;
    let lasts = params.iter().any(|(name, _)| ends_with_ignoring_case(name, "timeInForce"));
    let found: Vec<Order<'_>> = found.into_iter().map(|order| of(order, lasts)).collect();
    charge_orders(&found, key, under)
}

fn of(order: OrderCharge<'_>, lasts: bool) -> Order<'_> {
    let spot = Product::of(&order.market).0 == Product::Spot;
    Order {
        market: Some(order.market),
        base: order.base.unwrap_or_default(),
        quote: order.quote.unwrap_or_default(),
        closes_position: order.closes_position,
        // Cut after `type=LIMIT` the text would be a limit order, if it had a
        // time in force; on futures `LIMIT` with `GTX` is what only makes.
        may_take: !order.maker_only || (spot && lasts),
        has_client_order_id: order.has_client_order_id,
    }
}
