#![no_main]

#[path = "../bodies/shape.rs"]
mod body;
#[path = "../bodies/segments.rs"]
mod segments;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
