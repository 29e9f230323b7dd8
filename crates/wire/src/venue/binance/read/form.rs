//! The forms of values: what is legal, and the one number a text means.

use crate::limits;
use crate::model::Decimal;
use crate::venue::binance::listed::Form;
use crate::venue::binance::{Refusal, RefusalCode};

/// Checks a value against its form.
pub(in super::super) fn check_form(name: &str, form: Form, value: &str) -> Result<(), Refusal> {
    match form {
        Form::Symbol if is_symbol(value) => Ok(()),
        Form::Symbol => {
            Err(illegal(name, "is not a market name (upper-case letters, digits, `-`, `_`, `.`)"))
        }
        Form::Asset if is_asset(value) => Ok(()),
        Form::Asset => {
            Err(illegal(name, "is not an asset or network name (letters, digits, `-`, `_`, `.`)"))
        }
        Form::Amount => amount(name, value).map(drop),
        Form::Integer => integer(name, value).map(drop),
        Form::Boolean => {
            if matches!(value, "true" | "false" | "True" | "False" | "TRUE" | "FALSE") {
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
            "is no client order id: 1 to 36 of letters, digits, `-`, `_`, `.`, `:`, `/`",
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
        Form::Time => time(name, value),
        // Read element by element where it is used.
        Form::Orders | Form::Integers | Form::ClientIds => {
            super::batch::list(name, value).map(drop)
        }
    }
}

/// Upper-case letters of any script (Binance lists markets in Chinese), digits,
/// `-`, `_`, `.`; bounded.
pub(in super::super) fn is_symbol(value: &str) -> bool {
    let bare = |byte: u8| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    if value.is_empty() || value.len() > limits::SYMBOL_BYTES {
        return false;
    }
    value.bytes().all(bare)
        || value
            .chars()
            .all(|c| u8::try_from(c).map_or(c.is_alphanumeric() && !c.is_lowercase(), bare))
}

fn is_asset(value: &str) -> bool {
    value.len() <= limits::SYMBOL_BYTES
        && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The venue documents `^[a-zA-Z0-9-_]{1,36}$` and takes `.:/` as well.
pub(in super::super) fn is_client_id(value: &str) -> bool {
    (1..=limits::CLIENT_ORDER_ID_BYTES).contains(&value.len())
        && value.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/')
        })
}

/// A positive canonical decimal: `0.1`, `12`, `1.50`; not `.5`, `1.`, `01`,
/// `+1`, `-1`, `1e-5`, `0x1`, `NaN`.
pub(crate) fn amount(name: &str, value: &str) -> Result<Decimal, Refusal> {
    let (whole, fraction) = match value.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (value, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return Err(illegal(name, number_hint(value)));
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(illegal(name, "has leading zeros"));
    }
    if whole.len() > limits::AMOUNT_WHOLE_DIGITS
        || fraction.is_some_and(|part| part.len() > limits::AMOUNT_DECIMALS)
    {
        return Err(malformed(name, "has over 12 digits before or 16 behind the point"));
    }
    let number = decimal(whole, fraction.unwrap_or(""))
        .ok_or_else(|| malformed(name, "is not a number that can be kept exactly"))?;
    if number.is_zero() {
        return Err(malformed(name, "is zero; leave it out or send an amount"));
    }
    Ok(number)
}

/// Digits to a decimal; both parts are checked digits of at most 28 together.
fn decimal(whole: &str, fraction: &str) -> Option<Decimal> {
    /// 18 digits always fit an `i64`.
    const SHORT: usize = 18;
    let digits = || whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0'));
    let scale = u32::try_from(fraction.len()).ok()?;
    if whole.len() + fraction.len() <= SHORT {
        let mantissa = digits().fold(0, |sum: i64, digit| sum * 10 + i64::from(digit));
        return Some(Decimal::new(mantissa, scale));
    }
    let mut mantissa: i128 = 0;
    for digit in digits() {
        mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

fn number_hint(value: &str) -> &'static str {
    if value.bytes().any(|byte| matches!(byte, b'e' | b'E')) {
        "is no plain decimal (an exponent?); send digits with a point, such as 0.00001"
    } else if value.starts_with(['+', '-', ' ']) {
        "is no plain decimal; send digits without a sign"
    } else {
        "is no plain decimal; send digits with at most one point between them, such as 0.5"
    }
}

/// An unsigned integer without leading zeros.
pub(crate) fn integer(name: &str, value: &str) -> Result<u64, Refusal> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let leading = value.len() > 1 && value.starts_with('0');
    value
        .parse()
        .ok()
        .filter(|_| digits && !leading)
        .ok_or_else(|| illegal(name, "is no plain whole number (digits, no sign, no leading zero)"))
}

fn time(name: &str, value: &str) -> Result<(), Refusal> {
    integer(name, value)?;
    if value.len() > 16 {
        return Err(malformed(name, "is no Unix time in milliseconds"));
    }
    Ok(())
}

fn illegal(name: &str, detail: &str) -> Refusal {
    Refusal::of(RefusalCode::IllegalCharacters, name, detail)
}

fn malformed(name: &str, detail: &str) -> Refusal {
    Refusal::of(RefusalCode::Malformed, name, detail)
}
