//! Addresses of stations on a link (IEEE 802, clause 8).

/// Six octets, as they stand on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// True if one station can have it: no group address, and not all zeros.
    pub fn is_station(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 0 && self != Self::default()
    }

    /// True if several routers may own it in turn: VRRP for IPv4 and IPv6 (RFC 9568, section 7.3),
    /// HSRP versions 1 and 2 (RFC 2281, section 5.4).
    pub fn is_virtual_router(self) -> bool {
        matches!(
            self.0,
            [0, 0, 0x5e, 0, 1 | 2, _]
                | [0, 0, 0x0c, 0x07, 0xac, _]
                | [0, 0, 0x0c, 0x9f, 0xf0..=0xff, _]
        )
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|octet| write!(f, ":{octet:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_in_pairs_of_digits() {
        assert_eq!(Mac([0, 0x11, 0x22, 0xaa, 0xbb, 0x0c]).to_string(), "00:11:22:aa:bb:0c");
    }

    #[test]
    fn groups_and_zeros_are_no_station() {
        assert!(Mac([2, 0, 0, 0, 0, 1]).is_station());
        assert!(!Mac([1, 0x80, 0xc2, 0, 0, 0]).is_station());
        assert!(!Mac([0xff; 6]).is_station() && !Mac([0; 6]).is_station());
    }

    #[test]
    fn addresses_that_routers_share_are_known() {
        for shared in [
            [0, 0, 0x5e, 0, 1, 7],
            [0, 0, 0x5e, 0, 2, 7],
            [0, 0, 0x0c, 0x07, 0xac, 1],
            [0, 0, 0x0c, 0x9f, 0xf1, 1],
        ] {
            assert!(Mac(shared).is_virtual_router());
        }
        assert!(!Mac([0, 0, 0x5e, 0, 3, 7]).is_virtual_router());
        assert!(!Mac([0, 0, 0x0c, 0x9f, 0xe1, 1]).is_virtual_router());
    }
}
