//! MBAP header (Modbus Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3).

use super::super::{Layer, WireError, header};

/// Bytes before the PDU.
pub const LEN: usize = 7;
/// Longest PDU (Application Protocol V1.1b3, section 4.1).
pub const MAX_PDU: usize = 253;

/// The header in front of each PDU on TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mbap {
    pub transaction: u16,
    /// 0 for Modbus.
    pub protocol: u16,
    /// Bytes that follow the length field: unit and PDU.
    pub len: u16,
    pub unit: u8,
}

impl Mbap {
    /// Read the header; the rest of `bytes` is returned with it, however much it is.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), WireError> {
        let ([t0, t1, p0, p1, l0, l1, unit], rest) = header::<LEN>(Layer::Mbap, bytes)?;
        let mbap = Self {
            transaction: u16::from_be_bytes([*t0, *t1]),
            protocol: u16::from_be_bytes([*p0, *p1]),
            len: u16::from_be_bytes([*l0, *l1]),
            unit: *unit,
        };
        Ok((mbap, rest))
    }

    /// The header in front of a PDU of `pdu_len` bytes, at most [`MAX_PDU`].
    pub fn new(transaction: u16, unit: u8, pdu_len: u8) -> Self {
        Self { transaction, protocol: 0, len: u16::from(pdu_len) + 1, unit }
    }

    pub fn to_bytes(self) -> [u8; LEN] {
        let [t0, t1] = self.transaction.to_be_bytes();
        let [p0, p1] = self.protocol.to_be_bytes();
        let [l0, l1] = self.len.to_be_bytes();
        [t0, t1, p0, p1, l0, l1, self.unit]
    }

    /// Bytes of the PDU, if the header can belong to Modbus: protocol 0, a PDU of 1 to 253 bytes.
    pub fn pdu_len(&self) -> Option<usize> {
        let pdu_len = usize::from(self.len).checked_sub(1)?;
        (self.protocol == 0 && (1..=MAX_PDU).contains(&pdu_len)).then_some(pdu_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_survives_a_round_trip() {
        let mbap = Mbap::new(0x1234, 17, 5);
        let mut bytes = mbap.to_bytes().to_vec();
        bytes.extend([3, 0, 107, 0, 3]);
        let (parsed, rest) = Mbap::parse(&bytes).unwrap();
        assert_eq!((parsed, rest.len(), parsed.pdu_len()), (mbap, 5, Some(5)));
    }

    #[test]
    fn lengths_and_protocols_that_cannot_be_modbus_have_no_pdu() {
        for (protocol, len) in [(0, 0), (0, 1), (0, 255), (0, 65535), (1, 6)] {
            let mbap = Mbap { transaction: 1, protocol, len, unit: 1 };
            assert_eq!(mbap.pdu_len(), None, "{mbap:?}");
        }
    }
}
