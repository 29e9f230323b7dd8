//! The forms of values: what is legal, and the one number a text means.

use super::super::json::Json;
use super::super::listed::{Form, Listed};
use super::super::{Refusal, RefusalCode};
use crate::limits;
use crate::model::Decimal;

pub(super) use crate::venue::binance::read::{amount, integer};

/// Checks a value against its form: a single one as text, or a structure.
pub(super) fn check(
    listed: &Listed,
    value: Option<&str>,
    structure: Option<&Json>,
) -> Result<(), Refusal> {
    let name = listed.name;
    match (listed.form, value, structure) {
        (Form::Orders, None, Some(Json::List(_))) => Ok(()),
        (Form::Application, None, Some(Json::Object(object))) => {
            let id = object.get("applicationId").is_some_and(|id| matches!(id, Json::Text(_)));
            if id && object.len() == 1 {
                Ok(())
            } else {
                Err(malformed(name, "is not an object with an applicationId alone"))
            }
        }
        (Form::Orders, ..) => Err(malformed(name, "is not a list of orders")),
        (Form::Application, ..) => Err(malformed(name, "is not an object")),
        (form, Some(value), structure) => {
            check_kind(name, form, structure)?;
            check_scalar(name, form, value)
        }
        (_, None, _) => Err(malformed(name, "is a list or an object; send a single value")),
    }
}

/// Checks a single value of a JSON body.
pub(super) fn check_value(name: &str, form: Form, value: &Json) -> Result<(), Refusal> {
    let text = value.scalar().ok_or_else(|| malformed(name, "must be a single value"))?;
    check_kind(name, form, Some(value))?;
    check_scalar(name, form, text)
}

/// The JSON kinds that a form may have: truth as truth, text as text, numbers
/// as either.
fn check_kind(name: &str, form: Form, value: Option<&Json>) -> Result<(), Refusal> {
    let numeric = matches!(
        form,
        Form::Amount | Form::AmountOrZero | Form::Integer | Form::ClientId | Form::Ratio
    );
    match value {
        Some(Json::Number(_)) if !numeric => {
            Err(malformed(name, "is a number; send it as text, in quotes"))
        }
        Some(Json::Text(_)) if form == Form::Boolean => {
            Err(malformed(name, "is text; send true or false without quotes"))
        }
        Some(Json::Boolean(_)) if form != Form::Boolean => {
            Err(malformed(name, "is true or false, which it cannot be"))
        }
        _ => Ok(()),
    }
}

fn check_scalar(name: &str, form: Form, value: &str) -> Result<(), Refusal> {
    match form {
        Form::Symbol if is_symbol(value) => Ok(()),
        Form::Symbol => Err(illegal(
            name,
            "is not a market name (SPOT_ or PERP_, upper-case letters, digits, `_`)",
        )),
        Form::Asset if is_asset(value) => Ok(()),
        Form::Asset => {
            Err(illegal(name, "is not an asset or network name (letters, digits, `-`, `_`, `.`)"))
        }
        Form::Amount => amount(name, value).map(drop),
        Form::AmountOrZero => amount_or_zero(name, value).map(drop),
        Form::Integer => integer(name, value).map(drop),
        Form::Ratio => ratio_bps(name, value).map(drop),
        Form::Boolean => {
            if matches!(value, "true" | "false") {
                Ok(())
            } else {
                Err(malformed(name, "is neither `true` nor `false`"))
            }
        }
        Form::OneOf(words) => {
            if words.contains(&value) {
                Ok(())
            } else {
                Err(malformed(name, &format!("is none of {} (exact case)", words.join(", "))))
            }
        }
        Form::ClientId if is_client_id(value) => Ok(()),
        Form::ClientId => Err(illegal(
            name,
            "is no client order id of this venue: a whole number from 1 to 9223372036854775807",
        )),
        Form::Address => {
            if value.bytes().all(|byte| byte.is_ascii_graphic()) {
                Ok(())
            } else {
                Err(illegal(name, "holds a space or a character outside ASCII"))
            }
        }
        // What free text may not hold was refused when it was decoded.
        Form::Text => Ok(()),
        Form::Application | Form::Orders => Err(malformed(name, "is a single value")),
    }
}

/// `SPOT_BTC_USDT`, `PERP_1000SHIB_USDT`; bounded.
pub(in super::super) fn is_symbol(value: &str) -> bool {
    let market = value.strip_prefix("SPOT_").or_else(|| value.strip_prefix("PERP_"));
    value.len() <= limits::WOOX_SYMBOL_BYTES
        && market.is_some_and(|market| {
            market.split('_').count() > 1
                && market.split('_').all(|part| {
                    !part.is_empty()
                        && part
                            .bytes()
                            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                })
        })
}

/// Whether a market is of perpetual contracts.
pub(super) fn is_perpetual(symbol: &str) -> bool {
    symbol.starts_with("PERP_")
}

fn is_asset(value: &str) -> bool {
    value.len() <= limits::WOOX_SYMBOL_BYTES
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// A whole number from 1 to 9223372036854775807, as the venue takes it; 0 is its
/// word for none.
pub fn is_client_id(value: &str) -> bool {
    !value.starts_with('0')
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && value.parse::<i64>().is_ok()
}

/// A canonical decimal, zero allowed.
pub(super) fn amount_or_zero(name: &str, value: &str) -> Result<Decimal, Refusal> {
    if value == "0" { Ok(Decimal::ZERO) } else { amount(name, value) }
}

/// A share (`0.1` is 10 %) as whole basis points.
pub(super) fn ratio_bps(name: &str, value: &str) -> Result<u32, Refusal> {
    use rust_decimal::prelude::ToPrimitive;
    let bps = amount(name, value)?.checked_mul(Decimal::from(10_000_u32));
    bps.filter(|bps| bps.fract().is_zero())
        .and_then(|bps| bps.to_u32())
        .filter(|bps| (1..=limits::TRAILING_DELTA_BPS).contains(bps))
        .ok_or_else(|| malformed(name, "is no share in whole basis points, such as 0.01 for 1 %"))
}

fn illegal(name: &str, detail: &str) -> Refusal {
    Refusal::of(RefusalCode::IllegalCharacters, name, detail)
}

fn malformed(name: &str, detail: &str) -> Refusal {
    Refusal::of(RefusalCode::Malformed, name, detail)
}
