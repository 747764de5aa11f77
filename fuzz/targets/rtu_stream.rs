#![no_main]

#[path = "../bodies/rtu_stream.rs"]
mod body;
#[path = "../bodies/segments.rs"]
mod segments;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
