#![no_main]

#[path = "../bodies/layer2.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
