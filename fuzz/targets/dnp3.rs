#![no_main]

#[path = "../bodies/dnp3.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
