//! Entries for fuzzers: whatever bytes go in, nothing panics and nothing takes
//! more memory than its limit.

use crate::ceiling::Ceiling;
use crate::protocol::{control, decode_answers, decode_asks};
use crate::signer::signed_log::SignedLine;

/// Frames in both directions, and the control connection's.
pub fn protocol(bytes: &[u8]) {
    let _ = decode_asks(bytes);
    let _ = decode_answers(bytes);
    let _ = control::decode_ask(bytes);
    let _ = control::decode_answer(bytes);
}

/// Sealed files, ceilings, and lines of `signed.log`.
pub fn sealed_file(bytes: &[u8]) {
    let _ = crate::sealed::inspect(bytes);
    if let Ok(ceiling) = Ceiling::decode(bytes) {
        let again = ceiling.encode();
        assert_eq!(again.as_deref(), Ok(bytes), "a ceiling has one spelling");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = SignedLine::parse(text);
    }
}
