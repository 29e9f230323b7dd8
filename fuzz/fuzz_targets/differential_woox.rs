#![no_main]
#[path = "../../crates/countersign/tests/fuzz/differential.rs"]
#[allow(dead_code, reason = "each target is one of its functions")]
mod differential;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| differential::woox(bytes));
