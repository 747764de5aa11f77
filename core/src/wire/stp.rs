//! Bridge protocol data units: spanning tree, rapid and multiple (IEEE 802.1D-2004, clause 9.3;
//! IEEE 802.1Q, clause 14). All versions begin as the first does; what later ones add is not read.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;
use crate::wire::mac::Mac;

const CONFIGURATION: u8 = 0x00;
const RAPID: u8 = 0x02;
const TOPOLOGY_CHANGE: u8 = 0x80;

/// Who a bridge is: priority first, so that the lower one wins (IEEE 802.1D, clause 9.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeId {
    /// Four bits of priority, and twelve that tell instances apart (IEEE 802.1Q, clause 14.2.5).
    pub priority: u16,
    pub mac: Mac,
}

impl BridgeId {
    fn new(bytes: [u8; 8]) -> Self {
        let [high, low, mac @ ..] = bytes;
        Self { priority: u16::from_be_bytes([high, low]), mac: Mac(mac) }
    }

    /// Which of several trees is meant: a VLAN, or 0.
    pub fn instance(self) -> u16 {
        self.priority & 0x0fff
    }
}

impl std::fmt::Display for BridgeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.priority, self.mac)
    }
}

/// What a bridge says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bpdu {
    Configuration(Configuration),
    /// To the root: somewhere below a port went up or down.
    TopologyChange,
}

/// What a bridge believes of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    pub root: BridgeId,
    /// Of the path from the sender to the root.
    pub cost: u32,
    pub bridge: BridgeId,
    pub port: u16,
    /// Set for a while after ports went up or down.
    pub is_topology_change: bool,
    /// How long this is worth without being said again, in units of 1/256 s.
    pub max_age: u16,
}

impl Bpdu {
    /// Read from the protocol identifier on.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let (&[high, low, _version, kind], rest) = header(Layer::Stp, bytes)?;
        match ([high, low], kind) {
            ([0, 0], TOPOLOGY_CHANGE) => Ok(Self::TopologyChange),
            ([0, 0], CONFIGURATION | RAPID) => Configuration::parse(rest).map(Self::Configuration),
            ([0, 0], code) | ([_, code], _) => {
                Err(WireError::UnknownCode { layer: Layer::Stp, code })
            }
        }
    }
}

impl Configuration {
    fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let (&[flags], rest) = header(Layer::Stp, bytes)?;
        let (root, rest) = header(Layer::Stp, rest)?;
        let (cost, rest) = header(Layer::Stp, rest)?;
        let (bridge, rest) = header(Layer::Stp, rest)?;
        let (port, rest) = header(Layer::Stp, rest)?;
        // The age of what is said, how long it is valid, and two times that only bridges need.
        let (times, _rest) = header::<8>(Layer::Stp, rest)?;
        Ok(Self {
            root: BridgeId::new(*root),
            cost: u32::from_be_bytes(*cost),
            bridge: BridgeId::new(*bridge),
            port: u16::from_be_bytes(*port),
            is_topology_change: flags & 1 != 0,
            max_age: u16::from_be_bytes([times[2], times[3]]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;

    /// Seen on a plant network.
    const RAPID_BPDU: [u8; 36] = [
        0, 0, 2, 2, 0x3c, 0x80, 3, 0, 0x1e, 0xf6, 0x73, 0x59, 0x80, 0, 0, 0, 0, 0x80, 3, 0, 0x1e,
        0xf6, 0x73, 0x59, 0x80, 0x80, 1, 0, 0, 0x14, 0, 2, 0, 0x0f, 0, 0,
    ];

    #[test]
    fn a_root_tells_who_it_is() {
        let bridge = BridgeId { priority: 0x8003, mac: Mac([0, 0x1e, 0xf6, 0x73, 0x59, 0x80]) };
        let configuration = Configuration {
            root: bridge,
            cost: 0,
            bridge,
            port: 0x8001,
            is_topology_change: false,
            max_age: 20 << 8,
        };
        assert_eq!(Bpdu::parse(&RAPID_BPDU), Ok(Bpdu::Configuration(configuration)));
        assert_eq!(
            (bridge.instance(), bridge.to_string().as_str()),
            (3, "32771/00:1e:f6:73:59:80")
        );
    }

    #[test]
    fn a_change_of_topology_is_a_flag_or_a_bpdu_of_its_own() {
        let mut bytes = RAPID_BPDU;
        bytes[4] |= 1;
        let Ok(Bpdu::Configuration(configuration)) = Bpdu::parse(&bytes) else { panic!() };
        assert!(configuration.is_topology_change);
        assert_eq!(Bpdu::parse(&[0, 0, 0, 0x80]), Ok(Bpdu::TopologyChange));
    }

    #[test]
    fn other_protocols_and_types_are_refused() {
        assert!(matches!(Bpdu::parse(&[0, 1, 0, 0]), Err(WireError::UnknownCode { .. })));
        assert!(matches!(Bpdu::parse(&[0, 0, 0, 7]), Err(WireError::UnknownCode { code: 7, .. })));
    }

    #[test]
    fn a_short_bpdu_is_truncated() {
        for len in 0..35 {
            let read = Bpdu::parse(&RAPID_BPDU[..len]);
            assert!(matches!(read, Err(WireError::Truncated { .. })), "{len}: {read:?}");
        }
        assert!(Bpdu::parse(&RAPID_BPDU[..35]).is_ok(), "the first version ends here");
    }

    #[test]
    fn spoiled_bytes_are_read_or_refused() {
        fixture::spoil(&RAPID_BPDU, |bytes| {
            let _ = Bpdu::parse(bytes);
        });
    }
}
