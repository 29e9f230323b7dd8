//! Numbers in answers: JSON numbers or the same as text, read exactly.

use serde::Deserialize;
use serde_json::value::RawValue;
use wire::model::Decimal;

/// Longest market and asset names, bytes; the venue's are shorter.
const NAME_BYTES: usize = wire::limits::WOOX_SYMBOL_BYTES;

/// A number as it stands in the answer: never a float.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Number(Box<RawValue>);

impl Number {
    /// The digits, without quotes.
    pub(super) fn text(&self) -> &str {
        self.0.get().trim_matches('"')
    }

    pub(super) fn decimal(&self) -> Option<Decimal> {
        let text = self.text();
        Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
    }

    pub(super) fn whole(&self) -> Option<u64> {
        self.text().parse().ok()
    }
}

/// Whether a name of the venue's may be kept.
pub(super) fn sane_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES
}
