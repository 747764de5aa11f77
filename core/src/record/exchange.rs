//! One read and its answer, in the same terms whether we asked or overheard it.
//!
//! Addresses are in their canonical form: an IPv4 address is never an IPv6 one that maps it, and
//! a link-local one has no scope. So what a socket says and what a frame says can be compared.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::wire::modbus::reply::Answer;
use crate::wire::modbus::request::ReadRequest;
use crate::wire::packet::Vlan;

use super::Trust;

/// A read with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub identity: Identity,
    /// When the request left, or was seen.
    pub asked: SystemTime,
    /// When the answer was complete.
    pub answered: SystemTime,
    pub answer: ReadAnswer,
}

/// What tells one read of a Modbus/TCP server from all others of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub transaction: u16,
    pub unit: u8,
    pub request: ReadRequest,
}

/// What was answered, as its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// Registers, high byte first; or bits, eight to a byte, the first in the lowest bit and 0
    /// where none were asked for (Application Protocol V1.1b3, sections 6.1 and 6.3). 1 to 250.
    Values(Box<[u8]>),
    /// The code of a refusal (section 7).
    Exception(u8),
}

/// An exchange that was overheard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overheard {
    pub vlan: Vlan,
    pub exchange: Arc<Exchange>,
    pub trust: Trust,
}

impl ReadAnswer {
    pub fn of_registers(registers: impl Iterator<Item = u16>) -> Self {
        Self::Values(registers.flat_map(u16::to_be_bytes).collect())
    }

    pub fn of_bits(bits: impl Iterator<Item = bool>) -> Self {
        let mut packed = vec![];
        for (nth, bit) in bits.enumerate() {
            if nth % 8 == 0 {
                packed.push(0);
            }
            if let Some(byte) = packed.last_mut() {
                *byte |= u8::from(bit) << (nth % 8);
            }
        }
        Self::Values(packed.into())
    }

    /// `None` for the answer to an echo, which reads nothing.
    pub fn of(answer: Answer<'_>) -> Option<Self> {
        match answer {
            Answer::Registers(registers) => Some(Self::of_registers(registers.iter())),
            Answer::Bits(bits) => Some(Self::of_bits(bits.iter())),
            Answer::Exception(code) => Some(Self::Exception(code)),
            Answer::Echo => None,
        }
    }
}

/// The canonical form of an address.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_nobody_asked_for_count_as_0() {
        let bits = [true, false, true, false, false, false, false, true, false, true];
        let packed = ReadAnswer::Values([0b1000_0101, 0b10].into());
        assert_eq!(ReadAnswer::of_bits(bits.into_iter()), packed);
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        for (written, meant) in [
            ("[::ffff:192.0.2.1]:502", "192.0.2.1:502"),
            ("[fe80::1%7]:502", "[fe80::1]:502"),
            ("[2001:db8::1]:502", "[2001:db8::1]:502"),
        ] {
            assert_eq!(canonical(written.parse().unwrap()), meant.parse().unwrap(), "{written}");
        }
    }
}
