//! Tags: where a value lies in a controller, how its registers are read, what it means.
//!
//! Pure. Registers in, engineering value out; never a default where there is no value.

mod address;
mod value;

pub use address::{Address, AddressError, Addressing, Table};
pub use value::{DecodeError, Order, Type, Value};

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

/// Alarm limits in engineering units (IEC 62682's terms).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    pub low_low: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub high_high: Option<f64>,
}
