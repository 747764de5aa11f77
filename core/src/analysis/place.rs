//! Where a host lies in a small table: strangers choose addresses, so the hash has a seed.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

/// Places in each table.
pub(super) const N_PLACES: usize = 64;

/// What this analyser's hashes start from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn new() -> Self {
        Self(RandomState::new().hash_one(N_PLACES))
    }

    /// Place of a host, and of what else tells entries apart. Folded multiplication, as in wyhash.
    #[expect(clippy::cast_possible_truncation, reason = "both halves of each number are used")]
    pub(super) fn place(self, host: IpAddr, rest: u64) -> usize {
        let number = match host {
            IpAddr::V4(host) => u128::from(host.to_bits()),
            IpAddr::V6(host) => host.to_bits(),
        };
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            (product >> 64) as u64 ^ product as u64
        };
        let host = fold(number as u64 ^ self.0, (number >> 64) as u64 ^ 0xa076_1d64_78bd_642f);
        fold(host ^ self.0, rest ^ 0x8ebc_6af0_9c88_c6e3) as usize % N_PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_spread_over_the_table_and_another_seed_spreads_them_otherwise() {
        let places = |seed: Seed| -> Vec<usize> {
            (0..64_u8).map(|last| seed.place(IpAddr::from([192, 0, 2, last]), 0)).collect()
        };
        let (one, other) = (places(Seed(1)), places(Seed(0x9e37_79b9_7f4a_7c15)));
        let distinct: std::collections::BTreeSet<_> = one.iter().collect();
        assert!(distinct.len() > 32, "{one:?}");
        assert_ne!(one, other);
    }
}
