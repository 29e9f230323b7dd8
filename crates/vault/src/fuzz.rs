//! Entries for fuzzers: whatever bytes go in, nothing panics and nothing takes
//! more memory than its limit.

use crate::ceiling::Ceiling;
use crate::change::Change;
use crate::protocol::{control, decode_answers, decode_asks};
use crate::signer::signed_log::SignedLine;

/// Frames in both directions, and the control connection's.
pub fn protocol(bytes: &[u8]) {
    let _ = decode_asks(bytes);
    let _ = decode_answers(bytes);
    let _ = control::decode_ask(bytes);
    let _ = control::decode_answer(bytes);
}

/// Sealed files, ceilings, changes of them, and lines of `signed.log`.
pub fn sealed_file(bytes: &[u8]) {
    let _ = crate::sealed::inspect(bytes);
    if let Ok(ceiling) = Ceiling::decode(bytes) {
        let again = ceiling.encode();
        assert_eq!(again.as_deref(), Ok(bytes), "a ceiling has one spelling");
    }
    if let Ok(change) = Change::decode(bytes) {
        let again = change.encode();
        assert_eq!(again.as_deref(), Ok(bytes), "a change has one spelling");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = SignedLine::parse(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::ceiling::{Ceiling, MarketNeed, propose_trade};
    use crate::sealed::{Kek, Kind, seal};

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            super::protocol(&bytes);
            super::sealed_file(&bytes);
        }

        #[test]
        fn nor_do_files_with_a_few_bytes_changed(
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
            which in 0..2,
        ) {
            let mut bytes = if which == 0 {
                seal(&Kek::for_tests(1), Kind::VenueKey, "name", b"content").unwrap()
            } else {
                ceiling().encode().unwrap()
            };
            let at = at.index(bytes.len());
            bytes[at] = to;
            super::sealed_file(&bytes);
        }
    }

    fn ceiling() -> Ceiling {
        propose_trade(&[MarketNeed {
            market: "BTCUSDT".into(),
            order_base: 1.into(),
            traded_base_per_hour: 2.into(),
            quote: Some((3.into(), 4.into())),
            maker_only: true,
        }])
        .unwrap()
    }
}
