//! Bytes to typed views. Pure: no I/O, no clock, no allocation, no panics on any input.
//!
//! Parsing checks structure only. Whether a checksum holds is a separate question with its
//! own answer, [`Checksum`], so that a corrupt packet is still a packet we can describe.

pub mod arp;
pub mod bacnet;
pub mod checksum;
pub mod cip;
pub mod cotp;
pub mod dnp3;
pub mod enip;
pub mod ethernet;
#[cfg(test)]
pub(crate) mod fixture;
pub mod goose;
pub mod icmp;
pub mod iec104;
pub mod ipv4;
pub mod ipv6;
pub mod llc;
pub mod lldp;
pub mod mac;
pub mod message;
pub mod modbus;
pub mod opcua;
pub mod packet;
pub mod payload;
pub mod profinet_dcp;
pub mod pseudo_header;
pub mod s7comm;
pub mod sll;
pub mod stp;
pub mod tcp;
pub mod tpkt;
pub mod udp;
pub mod vlan;

pub use checksum::{Checksum, Mismatch, Unverified};

/// Why a run of bytes is not the thing we tried to read it as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end before the layer does.
    #[error("{layer:?}: need {need} bytes, have {have}")]
    Truncated { layer: Layer, need: usize, have: usize },
    /// A length field contradicts the layout of its own layer.
    #[error("{layer:?}: length field says {stated}, minimum is {minimum}")]
    BadLength { layer: Layer, stated: usize, minimum: usize },
    /// A length field says more than the layer can have.
    #[error("{layer:?}: length field says {stated}, maximum is {maximum}")]
    TooLong { layer: Layer, stated: usize, maximum: usize },
    /// A code point we cannot size, so the rest of the buffer is meaningless.
    #[error("{layer:?}: unknown code {code:#04x}")]
    UnknownCode { layer: Layer, code: u8 },
}

/// Protocol layer named in errors and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    Ethernet,
    Sll,
    Vlan,
    Gre,
    Erspan,
    Vxlan,
    Arp,
    Ipv4,
    Ipv6,
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
    Mbap,
    ModbusPdu,
    ModbusRtu,
    OpcUa,
    Dnp3,
    Iec104,
    Tpkt,
    Cotp,
    S7comm,
    EtherNetIp,
    Cip,
    Bvlc,
    Bacnet,
    Lldp,
    Stp,
    ProfinetDcp,
    Goose,
}

/// Take the first `N` bytes as a fixed array, so that constant indices into it cannot fail.
fn header<const N: usize>(layer: Layer, bytes: &[u8]) -> Result<(&[u8; N], &[u8]), WireError> {
    bytes.split_first_chunk().ok_or(WireError::Truncated { layer, need: N, have: bytes.len() })
}
