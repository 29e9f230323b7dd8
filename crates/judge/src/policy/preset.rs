//! A bot's table as Cedar text: what `policy explain` prints is what is
//! judged.

use std::fmt::Write as _;

use wire::model::Decimal;

use super::compile::PolicyError;
use super::config::{BotPolicy, Destination, Hours, Preset};
use crate::bounds;
use crate::money;

const READ_ONLY: &str = include_str!("../../../../policies/presets/read-only.cedar");
const TAKER: &str = include_str!("../../../../policies/presets/taker.cedar");
const MARKET_MAKER: &str = include_str!("../../../../policies/presets/market-maker.cedar");
const TREASURY: &str = include_str!("../../../../policies/presets/treasury.cedar");
const LIMITS: &str = include_str!("../../../../policies/presets/limits.cedar");
const ALWAYS: &str = include_str!("../../../../policies/presets/always.cedar");
const DESTINATION: &str = include_str!("../../../../policies/presets/destination.cedar");

/// The Cedar text of one bot's table.
pub fn cedar_text(bot: &BotPolicy) -> Result<String, PolicyError> {
    check(bot)?;
    let blanks = blanks(bot)?;
    let preset = match bot.preset {
        Preset::ReadOnly => READ_ONLY,
        Preset::Taker => TAKER,
        Preset::MarketMaker => MARKET_MAKER,
        Preset::Treasury => TREASURY,
    };
    let mut text = fill(preset, &blanks);
    if bot.preset.trades() {
        text.push_str(&fill(LIMITS, &blanks));
    }
    for destination in &bot.withdraw {
        let mut blanks = blanks.clone();
        blanks.push(("destination", quoted(&destination_id(destination))));
        blanks.push(("max_per_request", millionths(bot, destination.max_per_request)?));
        blanks.push(("max_per_day", millionths(bot, destination.max_per_day)?));
        text.push_str(&fill(DESTINATION, &blanks));
    }
    text.push_str(&fill(ALWAYS, &blanks));
    Ok(text)
}

/// The entity id of a destination: its parts joined by `/`, with `/` and `%`
/// inside a part escaped, so that no two destinations share one.
pub fn destination_id(destination: &Destination) -> String {
    destination_id_of(
        &destination.asset,
        &destination.network,
        &destination.address,
        destination.memo.as_deref(),
    )
}

/// As [`destination_id`], from its parts.
pub fn destination_id_of(asset: &str, network: &str, address: &str, memo: Option<&str>) -> String {
    let escape = |part: &str| part.replace('%', "%25").replace('/', "%2F");
    let mut id = format!("{}/{}/{}", escape(asset), escape(network), escape(address));
    if let Some(memo) = memo {
        id.push('/');
        id.push_str(&escape(memo));
    }
    id
}

type Blanks = Vec<(&'static str, String)>;

/// What fills the blanks of the preset files; a number that is not configured
/// has no entry, and the paragraphs that need it fall away.
fn blanks(bot: &BotPolicy) -> Result<Blanks, PolicyError> {
    let mut blanks: Blanks = vec![("bot", quoted(&bot.name)), ("account", quoted(&bot.account))];
    if !bot.markets.iter().any(|market| market == "*") {
        let markets: Vec<String> =
            bot.markets.iter().map(|market| format!("Market::\"{}\"", quoted(market))).collect();
        blanks.push(("markets", markets.join(", ")));
    }
    let market_orders = bot.market_orders.unwrap_or(bot.preset != Preset::MarketMaker);
    if !market_orders {
        blanks.push(("no_market_orders", String::new()));
    }
    let notional = [
        ("max_order_notional", bot.max_order_notional),
        ("max_notional_per_hour", bot.max_notional_per_hour),
        ("max_notional_per_day", bot.max_notional_per_day),
    ];
    for (name, limit) in notional {
        if let Some(limit) = limit {
            blanks.push((name, millionths(bot, limit)?));
        }
    }
    if notional.iter().any(|(_, limit)| limit.is_some()) {
        blanks.push(("notional_limit", String::new()));
    }
    let counts = [
        ("max_orders_per_second", bot.max_orders_per_second),
        ("max_orders_per_minute", bot.max_orders_per_minute),
        ("max_open_orders", bot.max_open_orders),
        ("collar_bps", bot.collar_bps),
    ];
    for (name, limit) in counts {
        if let Some(limit) = limit {
            blanks.push((name, limit.to_string()));
        }
    }
    if let Some(hours) = bot.hours {
        blanks.push(("hours", hours_condition(hours)));
    }
    Ok(blanks)
}

fn hours_condition(hours: Hours) -> String {
    let Hours { from, until } = hours;
    let joint = if hours.wraps() { "||" } else { "&&" };
    format!("context.minute_of_day >= {from} {joint} context.minute_of_day < {until}")
}

/// A limit in millionths, as policies compare it.
fn millionths(bot: &BotPolicy, limit: Decimal) -> Result<String, PolicyError> {
    let whole = money::millionths_down(limit).ok_or_else(|| {
        PolicyError::of(&bot.name, format!("`{limit}` is too large to be a limit"))
    })?;
    Ok(whole.to_string())
}

/// Text inside a Cedar string literal. [`check`] lets printable ASCII alone
/// through, so quote and backslash are all there is to escape.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Fills one preset file: paragraphs (split at empty lines) that start with
/// `//? NAME` stand only where the blank of that name is filled.
fn fill(template: &str, blanks: &Blanks) -> String {
    let mut out = String::new();
    for paragraph in template.split("\n\n") {
        let paragraph = paragraph.trim();
        let (condition, body) = match paragraph.strip_prefix("//? ") {
            Some(rest) => match rest.split_once('\n') {
                Some((name, body)) => (Some(name.trim()), body),
                None => (Some(rest.trim()), ""),
            },
            None => (None, paragraph),
        };
        if condition.is_some_and(|name| !blanks.iter().any(|(blank, _)| *blank == name)) {
            continue;
        }
        let mut body = body.to_owned();
        for (name, value) in blanks {
            body = body.replace(&format!("{{{{{name}}}}}"), value);
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "{body}\n\n");
    }
    out
}

/// Names that are safe inside policy text, and tables that make sense.
fn check(bot: &BotPolicy) -> Result<(), PolicyError> {
    let error = |message: String| Err(PolicyError::of(&bot.name, message));
    let name = |text: &str| {
        !text.is_empty()
            && text.len() <= bounds::NAME_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if !name(&bot.name) {
        return error(format!(
            "`{}` is no name for a bot: use up to {} letters, digits, `-`, `_` and `.`",
            bot.name.escape_debug(),
            bounds::NAME_BYTES
        ));
    }
    if !name(&bot.account) {
        return error(format!("`{}` is no account name", bot.account.escape_debug()));
    }
    for market in bot.markets.iter().chain(&bot.sell_down) {
        // A market that is not spot is marked: `UM/BTCUSDT`.
        if market != "*" && !name(wire::model::Product::of(market).1) {
            return error(format!("`{}` is no market", market.escape_debug()));
        }
    }
    if bot.markets.len().max(bot.sell_down.len()) > bounds::MARKETS_PER_BOT {
        return error(format!("more than {} markets", bounds::MARKETS_PER_BOT));
    }
    if bot.preset.trades() && bot.markets.is_empty() {
        return error(format!(
            "preset `{}` needs `markets`, such as [\"BTCUSDT\"]; [\"*\"] is every market",
            bot.preset.name()
        ));
    }
    if bot.collar_bps.is_some_and(|collar| collar >= 10_000) {
        return error("`collar_bps` is 10000 or more, which is no collar".to_owned());
    }
    if !bot.sell_down.is_empty() && bot.collar_bps.is_none() {
        return error("`sell_down` needs `collar_bps`: reducing orders still obey it".to_owned());
    }
    if bot.withdraw.len() > bounds::DESTINATIONS_PER_BOT {
        return error(format!("more than {} destinations", bounds::DESTINATIONS_PER_BOT));
    }
    if bot.preset != Preset::Treasury && !bot.withdraw.is_empty() {
        return error(format!(
            "`withdraw` needs preset `treasury`; preset `{}` never withdraws",
            bot.preset.name()
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    for destination in &bot.withdraw {
        if !name(&destination.asset) || !name(&destination.network) {
            return error(format!(
                "`{}` on `{}` is no asset on a network",
                destination.asset.escape_debug(),
                destination.network.escape_debug()
            ));
        }
        let printable = |text: &str| {
            !text.is_empty()
                && text.len() <= bounds::ADDRESS_BYTES
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !printable(&destination.address) || !destination.memo.as_deref().is_none_or(printable) {
            return error(format!(
                "destination `{}`: address and memo are printable text without spaces",
                destination.address.escape_debug()
            ));
        }
        if !seen.insert(destination_id(destination)) {
            return error(format!("destination `{}` is listed twice", destination.address));
        }
    }
    Ok(())
}
