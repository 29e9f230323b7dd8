//! The decision on one text: read it, find the worst it could mean, hold that
//! against the key's ceiling.
//!
//! INVARIANT (second reading): nothing here trusts the gateway. Its claim can
//! only make an ask be refused, never be signed.

use aws_lc_rs::digest::{SHA256, digest};
use wire::limits::BOT_TIMESTAMP_AHEAD_MS;
use wire::model::{Decimal, Effect, Product};
use wire::venue::binance::collide::{self, Worst};
use wire::venue::binance::{OrderCharge, ParamText, orders_in};

use super::clock::Moment;
use super::keys::{Key, Prepared};
use super::refuse::{bot, gateway, operator};
use super::value::{self, Move};
use crate::ceiling::UNCOUNTED;
use crate::protocol::control::ConnectionKind;
use crate::protocol::{RefusalCode, SignAsk, SignRefusal, Surface};

/// What every ask of a frame is decided under.
#[derive(Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) moment: Moment,
    pub(super) offset_ms: i64,
    pub(super) kind: ConnectionKind,
    /// Until when what orders used in the last hour is unknown, window time.
    pub(super) orders_spent_until_ms: u64,
}

/// A text that may be signed once its charges are made and written.
pub(super) struct Decision {
    /// The text as it will be signed.
    pub(super) text: String,
    pub(super) meaning: Effect,
    /// Whether it takes no risk: reads, cancels, harmless settings.
    pub(super) quiet: bool,
    /// Base and quote per place in the ceiling's markets.
    pub(super) orders: Vec<MarketCharge>,
    /// What moves value.
    pub(super) moves: Vec<Move>,
    pub(super) asked_sha256: [u8; 32],
    /// The receive window that was written, ms.
    pub(super) receive_window_ms: u64,
}

/// What one text takes out of one market's windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MarketCharge {
    pub(super) market: usize,
    pub(super) base: Decimal,
    pub(super) quote: Decimal,
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().first_chunk::<32>().copied().unwrap_or_default()
}

/// Decides; charges nothing yet.
pub(super) fn decide(
    ask: &SignAsk,
    key: &mut Key,
    under: &Circumstances,
) -> Result<Decision, SignRefusal> {
    if !ask.grants.is_empty() {
        return Err(gateway(
            RefusalCode::GrantRefused,
            "approvals are not accepted by this version; what needs one is refused",
        ));
    }
    if let Prepared::NotYet(scheme) = &key.prepared {
        return Err(operator(
            RefusalCode::Scheme,
            format!("this version does not sign with {} keys; use an HMAC key", scheme.name()),
        ));
    }
    let mut params = read_text(ask)?;
    let (timestamp, receive_window_ms) = times(ask, &params, key, under)?;
    write_times(&mut params, timestamp, receive_window_ms)?;

    let worst = collide::worst(&params, key.reach).ok_or_else(|| {
        gateway(RefusalCode::NoMeaning, "no endpoint of the venue takes this text with this key")
    })?;
    let effect = effective(&worst, &params, key);
    let quiet = effect <= Effect::HarmlessSetting;
    check_claim(ask, &worst, quiet, key, under)?;
    if collide::equals_session_logon(&params)
        && !matches!(key.prepared, Prepared::Hmac(_))
        && key.session_could_trade()
    {
        return Err(gateway(
            RefusalCode::Logon,
            "this text logs a session on that could trade unseen; log on with a read key",
        ));
    }
    let mut decision = Decision {
        meaning: worst.effect,
        quiet,
        orders: Vec::new(),
        moves: Vec::new(),
        asked_sha256: sha256(&ask.text),
        receive_window_ms,
        text: String::new(),
    };
    if !quiet {
        check_clock(under)?;
        if effect > Effect::Order {
            decision.moves = value::moves(&params, key)?;
        }
        if effect == Effect::Order || worst.order.is_some() {
            decision.orders = charge_orders(&params, &worst, key, under)?;
        }
    }
    decision.text = spell(&params, ask.surface);
    Ok(decision)
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

fn by(worst: &Worst) -> &str {
    worst.by.map_or("a read", |endpoint| endpoint.name.as_str())
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

/// The timestamp that will be signed and its receive window, ms.
fn times(
    ask: &SignAsk,
    params: &ParamText,
    key: &Key,
    under: &Circumstances,
) -> Result<(u64, u64), SignRefusal> {
    let off = |ms: i64| format!("clock is off by {ms} ms, fix time synchronisation");
    if under.offset_ms.saturating_abs() > key.ceiling.clock_offset_ms {
        return Err(operator(RefusalCode::Clock, off(under.offset_ms)));
    }
    let now = under.moment.wall_ms.saturating_add_signed(under.offset_ms);
    let asked = params
        .get("timestamp")
        .and_then(|text| text.parse::<u64>().ok())
        .map(to_milliseconds)
        .ok_or_else(|| gateway(RefusalCode::NotCanonical, "`timestamp` is not a number"))?;
    if asked > now.saturating_add(BOT_TIMESTAMP_AHEAD_MS) {
        let ahead = i64::try_from(asked - now).unwrap_or(i64::MAX);
        return Err(bot(
            RefusalCode::Clock,
            format!("`timestamp` is {ahead} ms ahead of the venue; {}", off(ahead)),
        ));
    }
    let left = ask.deadline_unix_ms.saturating_sub(now);
    if left == 0 {
        return Err(bot(RefusalCode::Deadline, "the request's own receive window has passed"));
    }
    Ok((now, left.min(key.ceiling.max_receive_window_ms)))
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

/// What the claim, the connection and the key's standing rule out.
fn check_claim(
    ask: &SignAsk,
    worst: &Worst,
    quiet: bool,
    key: &Key,
    under: &Circumstances,
) -> Result<(), SignRefusal> {
    if under.kind == ConnectionKind::CancelAll && !(ask.claim <= Effect::Cancel && quiet) {
        return Err(gateway(
            RefusalCode::CancelOnly,
            format!(
                "this connection signs reads and cancels only; the text could be {}",
                by(worst)
            ),
        ));
    }
    if ask.claim > worst.effect {
        return Err(gateway(
            RefusalCode::ClaimMismatch,
            format!(
                "the text cannot be what it is claimed to be ({}): the worst that this key could \
                 do with it is {}; the key may lack the right at the venue",
                ask.claim.name(),
                worst.effect.name()
            ),
        ));
    }
    match &key.info.limited {
        Some(why) if !quiet => Err(operator(RefusalCode::RightsWidened, why)),
        _ => Ok(()),
    }
}

/// What adds risk or moves value waits for a sane clock.
///
/// INVARIANT (fail closed): reads and cancels pass.
fn check_clock(under: &Circumstances) -> Result<(), SignRefusal> {
    match under.moment.jumped_ms {
        Some(ms) => Err(operator(
            RefusalCode::Clock,
            format!(
                "the host's clock has jumped: clock is off by {ms} ms, fix time synchronisation"
            ),
        )),
        None => Ok(()),
    }
}

/// What an order's size and market stand in.
const ORDER_NAMES: [&str; 4] = ["symbol", "quantity", "quoteOrderQty", "newQty"];
/// The parameters that may end in one of those names.
const KNOWN_ORDER_NAMES: [&str; 6] =
    ["symbol", "quantity", "quoteOrderQty", "workingQuantity", "pendingQuantity", "newQty"];

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

fn ends_with_ignoring_case(name: &str, end: &str) -> bool {
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

/// Holds every order that the text could be against the ceiling, in the market
/// of every product whose endpoints would take it.
fn charge_orders(
    params: &ParamText,
    worst: &Worst,
    key: &mut Key,
    under: &Circumstances,
) -> Result<Vec<MarketCharge>, SignRefusal> {
    lookalikes(params, &ORDER_NAMES, &KNOWN_ORDER_NAMES)?;
    let orders = orders_in(params, worst.products)
        .map_err(|refusal| gateway(RefusalCode::Ceiling, refusal.to_string()))?;
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
    for order in &orders {
        let charge = charge_order(order, params, key)?;
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
        let (Some(rule), Some(used)) =
            (key.ceiling.markets.get(charge.market), key.markets.get_mut(charge.market))
        else {
            return Err(gateway(RefusalCode::Ceiling, "market not in the ceiling"));
        };
        let gross_quote =
            rule.quote.as_ref().map_or(Decimal::ZERO, |quote| quote.gross_quote_per_hour);
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
                            "{}: {signed} {what} signed in the last hour and {amount} more is \
                             over the key's ceiling of {limit}; raise it with `countersign key \
                             add` if this is real trading",
                            rule.market
                        ),
                    )
                });
            }
        }
    }
    Ok(charges)
}

/// One order against its market's ceiling.
fn charge_order(
    order: &OrderCharge<'_>,
    params: &ParamText,
    key: &Key,
) -> Result<MarketCharge, SignRefusal> {
    let over = |what: String| Err(bot(RefusalCode::Ceiling, what));
    let place = key.market_at(&order.market);
    let Some((market, rule)) = place.and_then(|at| Some((at, key.ceiling.markets.get(at)?))) else {
        return over(format!(
            "the text could be an order in {}, which is not in the ceiling of key `{}`",
            order.market, key.info.name
        ));
    };
    if !order.has_client_order_id {
        return Err(gateway(
            RefusalCode::NoClientOrderId,
            "every order, and every leg of a list, needs a client order id",
        ));
    }
    // Cut after `type=LIMIT` the text would be a limit order, if it had a
    // time in force; on futures `LIMIT` with `GTX` is what only makes.
    let lasts = || params.iter().any(|(name, _)| ends_with_ignoring_case(name, "timeInForce"));
    let spot = Product::of(&order.market).0 == Product::Spot;
    let may_take = !order.maker_only || (spot && lasts());
    if rule.maker_only && may_take {
        return over(format!("{}: the ceiling allows LIMIT_MAKER orders only", rule.market));
    }
    if order.closes_position {
        return over(format!(
            "{}: `closePosition` closes a position whose size the signer cannot know; send \
             `reduceOnly` with a quantity",
            rule.market
        ));
    }
    let (base, quote) = (order.base.unwrap_or(Decimal::ZERO), order.quote.unwrap_or(Decimal::ZERO));
    if base < Decimal::ZERO || quote < Decimal::ZERO || (base.is_zero() && quote.is_zero()) {
        return over(format!("{}: an order without a quantity", rule.market));
    }
    if base > rule.max_base {
        return over(format!(
            "{}: {base} base in one order is over the key's ceiling of {}",
            rule.market, rule.max_base
        ));
    }
    if !quote.is_zero() {
        match &rule.quote {
            None => {
                return over(format!(
                    "{}: the ceiling allows no orders by quote quantity",
                    rule.market
                ));
            }
            Some(limit) if quote > limit.max_quote => {
                return over(format!(
                    "{}: {quote} quote in one order is over the key's ceiling of {}",
                    rule.market, limit.max_quote
                ));
            }
            Some(_) => {}
        }
    }
    Ok(MarketCharge { market, base, quote })
}
