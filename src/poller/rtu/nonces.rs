//! What echo requests carry, so that an answer can be no other's.

use std::hash::{BuildHasher, RandomState};

use crate::wire::modbus::request::ReadRequest;
use crate::wire::modbus::rtu;

/// Nonces of echo requests, from a random start so that two runs of the daemon differ.
pub(super) struct Nonces(u16);

impl Nonces {
    pub(super) fn new() -> Self {
        let [low, high, ..] = RandomState::new().hash_one(()).to_le_bytes();
        Self(u16::from_le_bytes([low, high]))
    }

    /// The next nonce whose frame ends in bytes that are no function code: a receiver that lost
    /// its place, or that skips functions it does not know byte by byte, finds no request there.
    pub(super) fn next(&mut self, unit: u8) -> u16 {
        let is_plain = |nonce: &u16| {
            let [.., a, b, c, d] = rtu::encode(unit, ReadRequest::Echo { nonce: *nonce }.pdu());
            [a, b, c, d].iter().all(|byte| *byte >= 0x80)
        };
        let candidates = (1..=u16::MAX).map(|step| self.0.wrapping_add(step));
        self.0 = { candidates }.find(is_plain).unwrap_or(self.0.wrapping_add(1));
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ_and_hold_no_function_code() {
        for unit in 0..=255 {
            let mut nonces = Nonces::new();
            let drawn: Vec<_> = (0..100).map(|_| nonces.next(unit)).collect();
            assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]));
            assert!(drawn.iter().all(|nonce| *nonce >= 0x8080));
        }
    }
}
