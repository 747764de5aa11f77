#![no_main]

#[path = "../bodies/iec104.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
