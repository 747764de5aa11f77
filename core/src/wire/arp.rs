//! ARP for IPv4 over Ethernet (RFC 826). ARP has no checksum; only its layout is judged.

use std::net::Ipv4Addr;

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;
use crate::wire::mac::Mac;

const LEN: usize = 28;
/// Address lengths of Ethernet and IPv4, side by side as they stand in the packet.
const ADDRESS_LENS: u16 = 0x0604;

/// Who asks or tells.
#[derive(Clone, Copy, Debug)]
pub struct Arp<'a> {
    bytes: &'a [u8; LEN],
}

impl<'a> Arp<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (bytes, _padding) = header(Layer::Arp, bytes)?;
        let lens = u16::from_be_bytes([bytes[4], bytes[5]]);
        let stated = usize::from(lens);
        match lens {
            ADDRESS_LENS => Ok(Self { bytes }),
            _ => Err(WireError::BadLength { layer: Layer::Arp, stated, minimum: 0x0604 }),
        }
    }

    /// 1 is a request, 2 a reply.
    pub fn operation(&self) -> u16 {
        u16::from_be_bytes([self.bytes[6], self.bytes[7]])
    }

    pub fn sender_mac(&self) -> Mac {
        let bytes = self.bytes;
        Mac([bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13]])
    }

    /// Zeros in a request: it is what is asked for.
    pub fn target_mac(&self) -> Mac {
        let bytes = self.bytes;
        Mac([bytes[18], bytes[19], bytes[20], bytes[21], bytes[22], bytes[23]])
    }

    /// True if the sender asks whether anybody has the address that it wants, and claims none
    /// (RFC 5227, section 1.1).
    pub fn is_probe(&self) -> bool {
        self.sender().is_unspecified()
    }

    /// True if the sender tells everybody its own address (RFC 5227, section 1.1), as it does at
    /// its start, to defend it, and when it takes it over from another.
    pub fn is_announcement(&self) -> bool {
        self.sender() == self.target() && !self.is_probe()
    }

    pub fn sender(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.bytes[14], self.bytes[15], self.bytes[16], self.bytes[17])
    }

    pub fn target(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.bytes[24], self.bytes[25], self.bytes[26], self.bytes[27])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;

    const REQUEST: [u8; LEN] =
        [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2];

    #[test]
    fn a_request_names_who_asks_for_whom() {
        let arp = Arp::parse(&REQUEST).unwrap();
        assert_eq!(arp.operation(), 1);
        assert_eq!(arp.sender(), Ipv4Addr::from(fixture::SOURCE));
        assert_eq!(arp.target(), Ipv4Addr::from(fixture::DESTINATION));
        assert_eq!((arp.sender_mac(), arp.target_mac()), (Mac([2, 0, 0, 0, 0, 1]), Mac([0; 6])));
    }

    #[test]
    fn a_probe_claims_nothing_and_an_announcement_says_so() {
        let arp = |sender: u8, target: u8| {
            let mut bytes = REQUEST;
            bytes[14..18].copy_from_slice(&[sender; 4]);
            bytes[24..28].copy_from_slice(&[target; 4]);
            let arp = Arp::parse(&bytes).unwrap();
            (arp.is_probe(), arp.is_announcement())
        };
        assert_eq!(arp(0, 7), (true, false));
        assert_eq!(arp(7, 7), (false, true));
        assert_eq!(arp(7, 8), (false, false));
        assert_eq!(arp(0, 0), (true, false));
    }

    #[test]
    fn spoiled_bytes_are_an_error_or_a_request() {
        fixture::spoil(&REQUEST, |bytes| {
            let _ = Arp::parse(bytes).map(|arp| (arp.operation(), arp.sender(), arp.target()));
        });
    }

    #[test]
    fn other_address_lengths_are_refused() {
        let mut bytes = REQUEST;
        bytes[5] = 16;
        assert!(matches!(Arp::parse(&bytes), Err(WireError::BadLength { .. })));
    }
}
