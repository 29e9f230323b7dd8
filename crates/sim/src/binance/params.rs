//! Typed access to a request's parameters, with the venue's complaints.

use rust_decimal::Decimal;

use crate::binance::money::SCALE;
use crate::binance::reading::Reading;
use crate::binance::reject::Reject;

/// Longest run of digits on each side of a decimal point.
const MAX_DIGITS: usize = 20;
/// Largest amount read, so that later products stay in range.
const MAX_AMOUNT: i64 = 1_000_000_000_000_000;

/// The parameters of one request.
#[derive(Clone, Copy)]
pub(crate) struct Params<'a> {
    reading: &'a Reading,
}

impl<'a> Params<'a> {
    pub(crate) fn new(reading: &'a Reading) -> Self {
        Self { reading }
    }

    /// A value, where the parameter was sent; empty is refused.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Reject> {
        match self.reading.get(name) {
            Some("") => Err(Reject::empty(name)),
            other => Ok(other),
        }
    }

    /// A value that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&'a str, Reject> {
        self.text(name)?.ok_or_else(|| Reject::missing(name))
    }

    pub(crate) fn sent(&self, name: &str) -> bool {
        self.reading.get(name).is_some()
    }

    /// Refuses a parameter that this order must not have.
    pub(crate) fn none(&self, name: &str) -> Result<(), Reject> {
        if self.sent(name) { Err(Reject::not_required(name)) } else { Ok(()) }
    }

    /// An unsigned whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<u64>, Reject> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) || text.len() > MAX_DIGITS {
            return Err(Reject::illegal(name, "^[0-9]{1,20}$"));
        }
        text.parse().map(Some).map_err(|_| Reject::missing(name))
    }

    /// A limit: bounded from above, with a default.
    pub(crate) fn limit(&self, default: u64, most: u64) -> Result<usize, Reject> {
        let limit = self.integer("limit")?.unwrap_or(default);
        if limit == 0 {
            return Err(Reject::new(400, -1130, "Data sent for parameter 'limit' is not valid."));
        }
        Ok(usize::try_from(limit.min(most)).unwrap_or(usize::MAX))
    }

    /// A positive or zero decimal without sign or exponent, at most eight decimals.
    pub(crate) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Reject> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| {
            !part.is_empty()
                && part.len() <= MAX_DIGITS
                && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole) || !digits(fraction) {
            return Err(Reject::illegal(name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$"));
        }
        let amount: Decimal = text.parse().map_err(|_| Reject::missing(name))?;
        if amount > Decimal::from(MAX_AMOUNT) {
            return Err(Reject::new(400, -1108, format!("Parameter '{name}' overflowed.")));
        }
        if amount.normalize().scale() > SCALE {
            return Err(Reject::precision(name));
        }
        Ok(Some(amount.normalize()))
    }

    /// A decimal above zero that must be there.
    pub(crate) fn amount(&self, name: &str) -> Result<Decimal, Reject> {
        self.decimal(name)?
            .filter(|amount| *amount > Decimal::ZERO)
            .ok_or_else(|| Reject::missing(name))
    }

    /// A decimal above zero, where sent.
    pub(crate) fn optional_amount(&self, name: &str) -> Result<Option<Decimal>, Reject> {
        if self.sent(name) { self.amount(name).map(Some) } else { Ok(None) }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Reject> {
        match self.text(name)? {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(Reject::illegal(name, "^(true|false)$")),
        }
    }

    /// A client order id in the venue's alphabet.
    pub(crate) fn client_id(&self, name: &str) -> Result<Option<String>, Reject> {
        let Some(id) = self.text(name)? else { return Ok(None) };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if id.len() > 36 || !id.bytes().all(legal) {
            return Err(Reject::illegal(name, "^[a-zA-Z0-9-_]{1,36}$"));
        }
        Ok(Some(id.to_owned()))
    }

    /// A symbol by its alphabet; whether it exists is the caller's to check.
    pub(crate) fn symbol(&self) -> Result<Option<&'a str>, Reject> {
        let Some(symbol) = self.text("symbol")? else { return Ok(None) };
        check_symbol("symbol", symbol)?;
        Ok(Some(symbol))
    }

    /// The JSON list of `symbols`.
    pub(crate) fn symbols(&self) -> Result<Option<Vec<String>>, Reject> {
        let Some(text) = self.text("symbols")? else { return Ok(None) };
        let range = "^\\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\\]$";
        let list: Vec<String> =
            serde_json::from_str(text).map_err(|_| Reject::illegal("symbols", range))?;
        for symbol in &list {
            check_symbol("symbols", symbol)?;
        }
        Ok(Some(list))
    }

    /// Names of all parameters sent, the signature among them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let signature = self.reading.signature.as_ref().map(|_| "signature");
        self.reading.params.iter().map(|(name, _)| name.as_str()).chain(signature)
    }
}

fn check_symbol(name: &str, symbol: &str) -> Result<(), Reject> {
    let legal = |byte: u8| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    if symbol.is_empty() || symbol.len() > 20 || !symbol.bytes().all(legal) {
        return Err(Reject::illegal(name, "^[A-Z0-9-_.]{1,20}$"));
    }
    Ok(())
}
