//! Money as policies and windows count it: millionths, whole, checked.
//!
//! Observed values are rounded up and limits down, so rounding never lets
//! more through. Whatever does not fit is no number, and the caller denies.

use wire::model::Decimal;

const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// Millionths of a value that was observed, rounded up; none where it is
/// negative or does not fit.
pub fn millionths_up(value: Decimal) -> Option<i64> {
    whole(value.checked_mul(MILLION)?.ceil())
}

/// Millionths of a limit, rounded down; none where it is negative or does not
/// fit.
pub fn millionths_down(value: Decimal) -> Option<i64> {
    whole(value.checked_mul(MILLION)?.floor())
}

fn whole(value: Decimal) -> Option<i64> {
    if value.is_sign_negative() && !value.is_zero() {
        return None;
    }
    i64::try_from(value).ok()
}

/// A count of millionths as a plain number (`1000.5`).
pub fn show_millionths(value: i64) -> String {
    Decimal::from_i128_with_scale(i128::from(value), 6).normalize().to_string()
}

/// `base` × (1 ± bps / 10,000); none on overflow.
pub fn with_bps(base: Decimal, bps: u32) -> Option<Decimal> {
    let factor = Decimal::from_i128_with_scale(i128::from(10_000 + u64::from(bps)), 4);
    base.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn rounding_never_lets_more_through() {
        assert_eq!(millionths_up(decimal("0.0000001")), Some(1));
        assert_eq!(millionths_down(decimal("0.0000019")), Some(1));
        assert_eq!(millionths_up(decimal("1000")), Some(1_000_000_000));
        assert_eq!(millionths_down(decimal("1000")), Some(1_000_000_000));
    }

    #[test]
    fn what_does_not_fit_is_no_number() {
        assert_eq!(millionths_up(Decimal::MAX), None);
        assert_eq!(millionths_up(decimal("-0.000001")), None);
        assert_eq!(millionths_up(decimal("9223372036854.775807")), Some(i64::MAX));
        assert_eq!(millionths_up(decimal("9223372036854.775808")), None);
        assert_eq!(with_bps(Decimal::MAX, 100), None);
    }

    #[test]
    fn basis_points_add_up() {
        assert_eq!(with_bps(decimal("100"), 200), Some(decimal("102.0000")));
        assert_eq!(show_millionths(1_000_500_000), "1000.5");
    }
}
