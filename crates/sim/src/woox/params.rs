//! Typed access to a request's parameters, whether they came as text or as JSON.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::woox::reject::Reject;

/// Largest amount read, so that later products stay in range.
const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
/// Longest text read.
const MAX_TEXT: usize = 256;

/// The parameters of one request.
#[derive(Clone, Copy)]
pub(crate) struct Params<'a> {
    map: &'a Map<String, Value>,
}

impl<'a> Params<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map }
    }

    /// A value, where it was sent and is neither null nor empty.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// A text or a number as text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Reject> {
        let text = match self.raw(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(_) => return Err(Reject::invalid(format!("{name} is invalid"))),
        };
        if text.len() > MAX_TEXT {
            return Err(Reject::invalid(format!("{name} is too long")));
        }
        Ok(Some(text))
    }

    /// A text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<String, Reject> {
        self.text(name)?.ok_or_else(|| Reject::missing(name))
    }

    /// An unsigned whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<u64>, Reject> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Reject::invalid(format!("{name} must be an integer")))
    }

    /// A time in milliseconds; v1 writes seconds with a fraction as well.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, Reject> {
        let time = self.decimal(name)?;
        let whole = time.map(|time| {
            let ms =
                if time.scale() > 0 { time.saturating_mul(Decimal::ONE_THOUSAND) } else { time };
            i64::try_from(ms.trunc().mantissa()).unwrap_or(i64::MAX)
        });
        Ok(whole)
    }

    /// A decimal that is not negative.
    pub(crate) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Reject> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = || Reject::invalid(format!("{name} must be a positive number"));
        let parsed = text.parse().or_else(|_| Decimal::from_scientific(&text));
        let amount: Decimal = parsed.map_err(|_| wrong())?;
        if amount.is_sign_negative() || amount > Decimal::from(MAX_AMOUNT) {
            return Err(wrong());
        }
        Ok(Some(amount.normalize()))
    }

    /// A decimal above zero, where sent.
    pub(crate) fn amount(&self, name: &str) -> Result<Option<Decimal>, Reject> {
        let amount = self.decimal(name)?;
        if amount.is_some_and(|amount| amount.is_zero()) {
            return Err(Reject::invalid(format!("{name} must be a positive number")));
        }
        Ok(amount)
    }

    /// A decimal above zero that must be there.
    pub(crate) fn required_amount(&self, name: &str) -> Result<Decimal, Reject> {
        self.amount(name)?.ok_or_else(|| Reject::missing(name))
    }

    /// `true` or `false`, in JSON or as text.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Reject> {
        match self.text(name)?.as_deref() {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(Reject::invalid(format!("{name} must be true or false"))),
        }
    }

    /// The parameter under the first of two names that was sent.
    pub(crate) fn either<T>(
        &self,
        a: &str,
        b: &str,
        read: impl Fn(&Self, &str) -> Result<Option<T>, Reject>,
    ) -> Result<Option<T>, Reject> {
        match read(self, a)? {
            Some(value) => Ok(Some(value)),
            None => read(self, b),
        }
    }

    /// Page (from 1) and page size: `page` and `size`.
    pub(crate) fn page(&self, default: u64, most: u64) -> Result<Page, Reject> {
        let page = self.integer("page")?.unwrap_or(1).max(1);
        let size = self.either("size", "limit", Self::integer)?.unwrap_or(default);
        if size == 0 {
            return Err(Reject::invalid("size must be a positive number"));
        }
        Ok(Page { page, size: size.min(most) })
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) page: u64,
    pub(crate) size: u64,
}

impl Page {
    /// The rows of this page.
    pub(crate) fn cut<T>(&self, rows: Vec<T>) -> Vec<T> {
        let skip = self.page.saturating_sub(1).saturating_mul(self.size);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        rows.into_iter().skip(skip).take(size).collect()
    }
}
