//! Numbers and hashes as `signed.log` spells them, appended to a line without
//! the formatting machinery: each signature writes a dozen.

use wire::model::Decimal;

/// Digits of the largest `u64`.
const DIGITS: usize = 20;

/// Two hexadecimal digits for each byte.
static HEX: [[u8; 2]; 256] = {
    const DIGIT: &[u8; 16] = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            table[byte] = [DIGIT[byte >> 4], DIGIT[byte & 15]];
        }
        byte += 1;
    }
    table
};

/// Appends the decimal digits of a number.
pub(super) fn put_number(line: &mut Vec<u8>, number: u64) {
    put_digits(line, number, 1);
}

/// Appends a number with at least so many digits (at most [`DIGITS`]).
fn put_digits(line: &mut Vec<u8>, number: u64, least: usize) {
    let mut digits = [b'0'; DIGITS];
    let mut rest = number;
    let mut from = DIGITS;
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        if rest == 0 && DIGITS - from >= least {
            break;
        }
        *digit += (rest % 10) as u8;
        rest /= 10;
        from = at;
    }
    line.extend_from_slice(digits.get(from..).unwrap_or_default());
}

/// Appends a decimal as its `Display` spells it.
pub(super) fn put_decimal(line: &mut Vec<u8>, decimal: Decimal) {
    let scale = decimal.scale() as usize;
    let short = u64::try_from(decimal.mantissa()).ok();
    let Some(mantissa) = short.filter(|_| scale < DIGITS && !decimal.is_sign_negative()) else {
        use std::io::Write;
        // Writing to memory does not fail.
        let _ = write!(line, "{decimal}");
        return;
    };
    put_digits(line, mantissa, scale + 1);
    if scale > 0 {
        line.insert(line.len() - scale, b'.');
    }
}

/// Appends bytes as lower-case hexadecimal digits.
pub(super) fn put_hex(line: &mut Vec<u8>, bytes: &[u8]) {
    line.reserve(2 * bytes.len());
    for byte in bytes {
        line.extend_from_slice(HEX.get(usize::from(*byte)).map_or(b"??", |pair| pair));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelled(put: impl Fn(&mut Vec<u8>)) -> String {
        let mut line = b"before ".to_vec();
        put(&mut line);
        String::from_utf8(line).unwrap().split_off(7)
    }

    #[test]
    fn at_the_edges_too() {
        for number in [0, 9, 10, u64::MAX] {
            assert_eq!(spelled(|line| put_number(line, number)), number.to_string());
        }
        for text in [
            "0",
            "0.00",
            "-0.5",
            "0.00000000000000000001",
            "0.0000000000000000000000000001",
            "18446744073709551615",
            "18446744073709551616",
            "1.8446744073709551615",
            "79228162514264337593543950335",
            "1.50",
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(spelled(|line| put_decimal(line, decimal)), text);
        }
        let negative_zero = -Decimal::ZERO;
        assert_eq!(spelled(|line| put_decimal(line, negative_zero)), negative_zero.to_string());
    }

    proptest! {
        #[test]
        fn as_the_formatting_machinery_does(
            mantissa in any::<i64>(),
            high in any::<i32>(),
            scale in 0_u32..=28,
            bytes in proptest::collection::vec(any::<u8>(), 0..70),
        ) {
            for mantissa in [i128::from(mantissa), i128::from(mantissa) * i128::from(high)] {
                let Ok(decimal) = Decimal::try_from_i128_with_scale(mantissa, scale) else {
                    continue;
                };
                prop_assert_eq!(spelled(|line| put_decimal(line, decimal)), decimal.to_string());
            }
            prop_assert_eq!(spelled(|line| put_hex(line, &bytes)), hex::encode(&bytes));
            let number = mantissa.unsigned_abs();
            prop_assert_eq!(spelled(|line| put_number(line, number)), number.to_string());
        }
    }
}
