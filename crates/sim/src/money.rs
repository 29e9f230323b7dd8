//! Fixed-point arithmetic that saturates. Prices and quantities are bounded by
//! the filters before they are multiplied, so saturation means a seed balance
//! beyond any real one; it then shows as an insufficient balance, never a wrap.

use rust_decimal::{Decimal, RoundingStrategy};

/// Decimals that the venue shows in every amount.
pub(crate) const SCALE: u32 = 8;

/// An amount as the venue prints it: eight decimals, cut, never rounded up.
pub(crate) fn show(amount: Decimal) -> String {
    format!("{:.8}", amount.trunc_with_scale(SCALE))
}

/// An amount as wallet endpoints print it: without trailing zeros.
pub(crate) fn short(amount: Decimal) -> String {
    amount.trunc_with_scale(SCALE).normalize().to_string()
}

/// `a + b`.
pub(crate) fn add(a: Decimal, b: Decimal) -> Decimal {
    a.saturating_add(b)
}

/// `a - b`.
pub(crate) fn sub(a: Decimal, b: Decimal) -> Decimal {
    a.saturating_sub(b)
}

/// `a * b`.
pub(crate) fn mul(a: Decimal, b: Decimal) -> Decimal {
    a.saturating_mul(b)
}

/// `a / b`; zero where `b` is zero.
pub(crate) fn div(a: Decimal, b: Decimal) -> Decimal {
    a.checked_div(b).unwrap_or(Decimal::ZERO)
}

/// The largest multiple of `step` not above `amount`.
pub(crate) fn floor_to(amount: Decimal, step: Decimal) -> Decimal {
    if step.is_zero() {
        return amount;
    }
    mul(div(amount, step).floor(), step)
}

/// Whether `amount` is a multiple of `step`; a zero step disables the rule.
pub(crate) fn on_grid(amount: Decimal, step: Decimal) -> bool {
    step.is_zero() || amount.checked_rem(step).is_some_and(|rest| rest.is_zero())
}

/// A share of `amount` in basis points, cut to eight decimals.
pub(crate) fn share_bps(amount: Decimal, bps: Decimal) -> Decimal {
    div(mul(amount, bps), Decimal::from(10_000))
        .round_dp_with_strategy(SCALE, RoundingStrategy::ToZero)
}
