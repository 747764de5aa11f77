//! What a write changes: one coil or register of one unit, in an order that finds its neighbours.

use crate::record::Bank;

use super::super::key::Key;

/// A coil or register. In this order, all units at an address lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) server: u128,
    /// Port and VLAN.
    pub(super) rest: u64,
    pub(super) bank: Bank,
    pub(super) address: u16,
    pub(super) unit: u8,
}

impl Spot {
    /// Before all others.
    pub(super) const FIRST: Self =
        Self { server: 0, rest: 0, bank: Bank::Coils, address: 0, unit: 0 };
}

/// A device that is spoken to directly takes 0 and 255 for itself, and many take any unit; behind a
/// gateway, 0 is all units (Messaging Guide V1.0b, section 4.4.2).
pub(super) fn is_same_device(one: u8, other: u8) -> bool {
    one == other || [one, other].iter().any(|unit| matches!(unit, 0 | 255))
}

pub(super) fn spot(key: &Key, bank: Bank, address: u16, unit: u8) -> Spot {
    let (server, rest) = key.service();
    Spot { server, rest, bank, address, unit }
}
