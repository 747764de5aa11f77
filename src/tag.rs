//! Tags: where a value lies in a controller, how its registers are read, what it means.
//!
//! Pure. Registers in, engineering value out; never a default where there is no value.

mod address;
mod decode;
mod kind;
mod value;

pub use address::{Address, AddressError, Addressing, Table};
pub use decode::DecodeError;
pub use kind::{Misfit, Order, OrderError, Type, TypeError};
pub use value::{Value, readable};

use std::sync::Arc;

/// One named value of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    pub name: Arc<str>,
    /// Where it lies, as a Modbus table and index.
    pub address: Address,
    pub kind: Type,
    pub order: Order,
    /// Engineering value = raw × `scale` + `offset`. Exactly (1, 0) keeps integers integers.
    pub scale: f64,
    pub offset: f64,
    /// Engineering unit, as the operator wrote it.
    pub unit: Option<Arc<str>>,
    pub limits: Limits,
    /// Smallest change worth an entry, in engineering units; also the limits' hysteresis.
    pub deadband: f64,
}

impl Tag {
    /// A tag with the defaults of everything that is not its place or its type.
    pub fn new(name: &str, address: Address, kind: Type) -> Self {
        Self {
            name: name.into(),
            address,
            kind,
            order: Order::default(),
            scale: 1.0,
            offset: 0.0,
            unit: None,
            limits: Limits::default(),
            deadband: 0.0,
        }
    }

    /// True if it is read with the functions for bits, false if with those for registers.
    pub fn is_bit(&self) -> bool {
        self.address.table.is_bit()
    }

    /// Entries of its table that it covers.
    pub fn span(&self) -> u16 {
        if self.address.is_bit() { 1 } else { self.kind.n_registers() }
    }

    /// True if the engineering value differs from the raw one; exactly the defaults do not.
    fn is_scaled(&self) -> bool {
        (self.scale, self.offset) != (1.0, 0.0)
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
