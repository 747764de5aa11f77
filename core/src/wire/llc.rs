//! Logical link control (IEEE 802.2): which protocol an 802.3 frame without EtherType carries.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;

/// Service access point of bridges, and of SNAP (IEEE 802, clause 9.2).
const BRIDGES: u8 = 0x42;
const SNAP: u8 = 0xaa;
/// Unnumbered information.
const UI: u8 = 0x03;
/// Organisation and protocol of spanning trees by VLAN (PVST+), which several vendors speak.
const PVST: [u8; 5] = [0x00, 0x00, 0x0c, 0x01, 0x0b];

/// A BPDU from its protocol identifier on; `None` if the frame carries something else.
pub fn bpdu(bytes: &[u8]) -> Result<Option<&[u8]>, WireError> {
    let (&[destination, source, control], rest) = header(Layer::Stp, bytes)?;
    match (destination, source, control) {
        (BRIDGES, BRIDGES, UI) => Ok(Some(rest)),
        (SNAP, SNAP, UI) => {
            let (protocol, rest) = header(Layer::Stp, rest)?;
            Ok((*protocol == PVST).then_some(rest))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_speak_with_and_without_snap() {
        assert_eq!(bpdu(&[0x42, 0x42, 3, 7]), Ok(Some(&[7][..])));
        assert_eq!(bpdu(&[0xaa, 0xaa, 3, 0, 0, 12, 1, 11, 7]), Ok(Some(&[7][..])));
        assert_eq!(bpdu(&[0xaa, 0xaa, 3, 0, 0, 12, 0x20, 0, 7]), Ok(None), "CDP");
        assert_eq!(bpdu(&[0xe0, 0xe0, 3, 7]), Ok(None), "IPX");
    }

    #[test]
    fn a_short_header_is_truncated() {
        for len in 0..3 {
            assert!(bpdu(&[0x42, 0x42, 3][..len]).is_err());
        }
        assert!(bpdu(&[0xaa, 0xaa, 3, 0, 0, 12, 1]).is_err());
    }
}
