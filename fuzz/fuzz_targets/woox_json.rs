#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire::fuzz::woox_json(bytes));
