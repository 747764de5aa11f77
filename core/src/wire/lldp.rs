//! Link layer discovery (IEEE 802.1AB, clause 8): which port of which device is at the other end.

use std::net::Ipv4Addr;

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;
use crate::wire::mac::Mac;

/// What a neighbour says of itself. Everything in it is a stranger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lldp<'a> {
    pub chassis: Id<'a>,
    pub port: Id<'a>,
    /// Seconds that this is valid; 0 says good-bye.
    pub ttl: u16,
    pub system_name: Option<&'a [u8]>,
}

/// The name of a chassis or a port, by one of several schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id<'a> {
    Mac(Mac),
    Ipv4(Ipv4Addr),
    /// By whatever name the device gives; mostly text.
    Named(&'a [u8]),
}

impl std::fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mac(mac) => mac.fmt(f),
            Self::Ipv4(address) => address.fmt(f),
            Self::Named(name) => name.utf8_chunks().try_for_each(|chunk| {
                f.write_str(chunk.valid())?;
                f.write_str(if chunk.invalid().is_empty() { "" } else { "\u{fffd}" })
            }),
        }
    }
}

const END: u8 = 0;
const CHASSIS: u8 = 1;
const PORT: u8 = 2;
const TTL: u8 = 3;
const SYSTEM_NAME: u8 = 5;

/// The subtypes that we read; those of chassis and port are numbered apart (tables 8-2 and 8-3).
const CHASSIS_MAC: u8 = 4;
const CHASSIS_ADDRESS: u8 = 5;
const PORT_MAC: u8 = 3;
const PORT_ADDRESS: u8 = 4;

/// Longest name of a chassis, of a port and of a system (clauses 8.5.2.2, 8.5.3.2, 8.5.6.2).
const MAX_NAME: usize = 255;

impl<'a> Lldp<'a> {
    /// Chassis, port and time to live come first, in this order; the rest in any.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (chassis, rest) = mandatory(CHASSIS, bytes)?;
        let (port, rest) = mandatory(PORT, rest)?;
        let (ttl, mut rest) = mandatory(TTL, rest)?;
        let (ttl, _) = header(Layer::Lldp, ttl)?;
        let mut system_name = None;
        while !rest.is_empty() {
            let (kind, value, after) = tlv(rest)?;
            match kind {
                END => break,
                SYSTEM_NAME => system_name = Some(bounded(value)?),
                _ => (),
            }
            rest = after;
        }
        Ok(Self {
            chassis: id(chassis, CHASSIS_MAC, CHASSIS_ADDRESS)?,
            port: id(port, PORT_MAC, PORT_ADDRESS)?,
            ttl: u16::from_be_bytes(*ttl),
            system_name,
        })
    }
}

/// Seven bits of type, nine of length, and so many bytes.
fn tlv(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), WireError> {
    let (&[high, low], rest) = header(Layer::Lldp, bytes)?;
    let need = usize::from(high & 1) << 8 | usize::from(low);
    let have = rest.len();
    let truncated = WireError::Truncated { layer: Layer::Lldp, need, have };
    let (value, rest) = rest.split_at_checked(need).ok_or(truncated)?;
    Ok((high >> 1, value, rest))
}

fn mandatory(kind: u8, bytes: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let (found, value, rest) = tlv(bytes)?;
    if found == kind {
        Ok((value, rest))
    } else {
        Err(WireError::UnknownCode { layer: Layer::Lldp, code: found })
    }
}

fn bounded(value: &[u8]) -> Result<&[u8], WireError> {
    let stated = value.len();
    let too_long = WireError::TooLong { layer: Layer::Lldp, stated, maximum: MAX_NAME };
    if stated <= MAX_NAME { Ok(value) } else { Err(too_long) }
}

fn id(value: &[u8], mac: u8, address: u8) -> Result<Id<'_>, WireError> {
    /// Of the families that IANA numbers.
    const IPV4: u8 = 1;
    let (&[subtype], name) = header(Layer::Lldp, value)?;
    let name = bounded(name)?;
    if name.is_empty() {
        return Err(WireError::BadLength { layer: Layer::Lldp, stated: value.len(), minimum: 2 });
    }
    if subtype == mac
        && let Ok(mac) = name.try_into()
    {
        return Ok(Id::Mac(Mac(mac)));
    }
    match name {
        [IPV4, a, b, c, d] if subtype == address => Ok(Id::Ipv4(Ipv4Addr::new(*a, *b, *c, *d))),
        _ => Ok(Id::Named(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;

    /// Seen on a plant network, without its padding.
    const ADVERTISED: [u8; 35] = [
        0x02, 0x07, 0x04, 0, 0x21, 0x91, 0x06, 0xf1, 0x66, 0x04, 0x03, 0x01, b'1', b'9', 0x06,
        0x02, 0, 0x78, 0x10, 0x0c, 5, 1, 0xd0, 0x49, 0xd9, 0x8e, 2, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn chassis_port_and_time_are_read() {
        let lldp = Lldp::parse(&ADVERTISED).unwrap();
        assert_eq!(lldp.chassis, Id::Mac(Mac([0, 0x21, 0x91, 0x06, 0xf1, 0x66])));
        assert_eq!((lldp.port, lldp.ttl), (Id::Named(b"19"), 120));
        assert_eq!(lldp.system_name, None);
    }

    #[test]
    fn a_system_name_is_read_wherever_it_stands() {
        let mut bytes = ADVERTISED[..18].to_vec();
        bytes.extend([5 << 1, 4]);
        bytes.extend(b"sw-1");
        assert_eq!(Lldp::parse(&bytes).unwrap().system_name, Some(&b"sw-1"[..]));
        bytes.extend([0, 0, 0xff]);
        assert!(Lldp::parse(&bytes).is_ok(), "padding follows the end");
    }

    #[test]
    fn addresses_are_read_by_their_family() {
        let bytes = [2, 6, 5, 1, 192, 0, 2, 1, 4, 2, 7, b'7', 6, 2, 0, 0];
        let lldp = Lldp::parse(&bytes).unwrap();
        assert_eq!(lldp.chassis, Id::Ipv4(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!((lldp.port, lldp.ttl), (Id::Named(b"7"), 0));
        assert_eq!(lldp.chassis.to_string(), "192.0.2.1");
        assert_eq!(Id::Named(b"gi\xff1/\xc3\xbc").to_string(), "gi\u{fffd}1/\u{fc}");
    }

    #[test]
    fn what_must_stand_first_does_or_it_is_no_advertisement() {
        let swapped = [&ADVERTISED[9..14], &ADVERTISED[..9], &ADVERTISED[14..]].concat();
        assert!(matches!(Lldp::parse(&swapped), Err(WireError::UnknownCode { .. })));
        let nameless = [2, 1, 4, 4, 2, 7, b'7', 6, 2, 0, 0];
        assert!(matches!(Lldp::parse(&nameless), Err(WireError::BadLength { .. })));
    }

    #[test]
    fn a_name_that_is_too_long_is_refused() {
        let mut bytes = ADVERTISED[..18].to_vec();
        bytes.extend([5 << 1 | 1, 0]);
        bytes.extend([b'x'; 256]);
        assert!(matches!(Lldp::parse(&bytes), Err(WireError::TooLong { .. })));
    }

    #[test]
    fn spoiled_bytes_are_read_or_refused() {
        fixture::spoil(&ADVERTISED, |bytes| {
            let _ = Lldp::parse(bytes);
        });
    }
}
