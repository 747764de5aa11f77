//! Tags: where a value lies in a controller, how it is read there, what it means.
//!
//! Pure. Registers in, engineering value out; never a default where there is no value.

mod address;
mod checksum;
mod decode;
mod kind;
mod node;
mod value;

pub use address::{Address, AddressError, Addressing, Table};
pub use checksum::{Algorithm, ByteOrder};
pub use decode::DecodeError;
pub use kind::{Misfit, Order, OrderError, Type, TypeError};
pub use node::{Identifier, NodeId, NodeIdError};
pub use value::{Value, readable};

use std::sync::Arc;
use std::time::Duration;

/// One named value of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    pub name: Arc<str>,
    pub place: Place,
    /// Engineering value = raw × `scale` + `offset`. Exactly (1, 0) keeps integers integers.
    pub scale: f64,
    pub offset: f64,
    /// Engineering unit, as the operator wrote it.
    pub unit: Option<Arc<str>>,
    pub limits: Limits,
    /// Smallest change worth an entry, in engineering units; also the limits' hysteresis.
    pub deadband: f64,
    /// Longest time that it may keep its value: a heartbeat that stands still is stale.
    pub expect_change: Option<Duration>,
}

impl Tag {
    /// A tag in a Modbus table, with the defaults of everything that is not its place or its type.
    pub fn new(name: &str, address: Address, kind: Type) -> Self {
        Self::at(name, Registers { address, kind, order: Order::default() }.into())
    }

    /// A tag with the defaults of everything that is not its place.
    pub fn at(name: &str, place: Place) -> Self {
        Self {
            name: name.into(),
            place,
            scale: 1.0,
            offset: 0.0,
            unit: None,
            limits: Limits::default(),
            deadband: 0.0,
            expect_change: None,
        }
    }

    /// Its place, if that is in a Modbus table.
    pub fn registers(&self) -> Option<Registers> {
        match self.place {
            Place::Registers(registers) => Some(registers),
            Place::Node(_) => None,
        }
    }

    /// True if the engineering value differs from the raw one; exactly the defaults do not.
    fn is_scaled(&self) -> bool {
        (self.scale, self.offset) != (1.0, 0.0)
    }
}

/// Where a value lies in a controller, in the terms of the protocol that reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Modbus.
    Registers(Registers),
    /// OPC UA. The server says what type the value has.
    Node(NodeId),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Registers(registers) => registers.address.fmt(f),
            Self::Node(node) => node.fmt(f),
        }
    }
}

/// A bit or a run of registers in a Modbus table, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    pub address: Address,
    pub kind: Type,
    pub order: Order,
}

impl Registers {
    /// Entries of its table that it covers.
    pub fn span(&self) -> u16 {
        if self.address.is_bit() { 1 } else { self.kind.n_registers() }
    }
}

impl From<Registers> for Place {
    fn from(registers: Registers) -> Self {
        Self::Registers(registers)
    }
}

impl From<NodeId> for Place {
    fn from(node: NodeId) -> Self {
        Self::Node(node)
    }
}

/// Alarm limits in engineering units (IEC 62682's terms).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    pub low_low: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub high_high: Option<f64>,
}
