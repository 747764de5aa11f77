//! Modbus RTU frames (Serial Line V1.02, section 2.5): unit, PDU, CRC; and how long silence is.
//!
//! A frame has no length field and ends with silence. Its length can still be predicted from its
//! first bytes, which is how a receiver knows that more is to come when an adapter delivers late.

use std::time::Duration;

use super::super::{Layer, Mismatch, WireError, checksum};
use super::request::PDU_LEN;

/// Longest frame: unit, 253 bytes of PDU, CRC.
pub const MAX_LEN: usize = 256;
/// Length of each request we send.
pub const REQUEST_LEN: usize = PDU_LEN + 3;
/// Unit, function and CRC.
const MIN_LEN: usize = 4;

/// A frame whose CRC holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub unit: u8,
    pub pdu: &'a [u8],
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFrame {
    #[error(transparent)]
    Short(#[from] WireError),
    #[error("CRC is {:04x}, the bytes call for {:04x}", .0.stored, .0.computed)]
    Crc(Mismatch),
}

impl<'a> Frame<'a> {
    /// Read `bytes`, all of them, as one frame.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotAFrame> {
        let short =
            WireError::Truncated { layer: Layer::ModbusRtu, need: MIN_LEN, have: bytes.len() };
        let (covered, stored) = bytes.split_last_chunk().ok_or(short)?;
        let (unit, pdu) = covered.split_first().ok_or(short)?;
        if pdu.is_empty() {
            return Err(short.into());
        }
        // The CRC is the one little-endian field of Modbus (section 2.5.1.2).
        checksum::compare(u16::from_le_bytes(*stored), checksum::crc16_modbus(covered))
            .map_err(NotAFrame::Crc)?;
        Ok(Self { unit: *unit, pdu })
    }
}

/// The frame of a request.
pub fn encode(unit: u8, pdu: [u8; PDU_LEN]) -> [u8; REQUEST_LEN] {
    let [function, a, b, c, d] = pdu;
    let [low, high] = checksum::crc16_modbus(&[unit, function, a, b, c, d]).to_le_bytes();
    [unit, function, a, b, c, d, low, high]
}

/// Length of the reply that begins with `received`; `None` while it cannot be told yet.
pub fn reply_len(received: &[u8]) -> Result<Option<usize>, WireError> {
    match received {
        [] | [_] | [_, 1..=4] => Ok(None),
        [_, 1..=4, byte_count, ..] => Ok(Some(usize::from(*byte_count) + 5)),
        [_, 8, ..] => Ok(Some(REQUEST_LEN)),
        [_, 0x80..=0xff, ..] => Ok(Some(5)),
        [_, code, ..] => Err(WireError::UnknownCode { layer: Layer::ModbusRtu, code: *code }),
    }
}

/// How long things take on a line of a given speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Nanoseconds that one character takes: 11 bits, whatever the parity (section 2.5.1).
    character_ns: u64,
    /// Silence that may lie inside a frame: 1.5 characters. Informative: adapters that buffer
    /// break it all the time, so a receiver in user space must not judge by it.
    pub t1_5: Duration,
    /// Silence that separates frames: 3.5 characters.
    pub t3_5: Duration,
}

impl Timing {
    /// Timing at `baud` bits per second. Above 19200 the silences are fixed (section 2.5.1.1).
    pub fn at(baud: u32) -> Self {
        let character_ns = 11_000_000_000 / u64::from(baud.max(1));
        let (t1_5, t3_5) = if baud > 19_200 {
            (Duration::from_micros(750), Duration::from_micros(1750))
        } else {
            (Duration::from_nanos(character_ns * 3 / 2), Duration::from_nanos(character_ns * 7 / 2))
        };
        Self { character_ns, t1_5, t3_5 }
    }

    /// Timing of frames that come over a network, which keeps neither speed nor silences.
    pub fn of_network() -> Self {
        Self { character_ns: 0, t1_5: Duration::ZERO, t3_5: Duration::ZERO }
    }

    /// Time that `n_bytes` take on the line.
    pub fn transmission(self, n_bytes: usize) -> Duration {
        let n_bytes = u64::try_from(n_bytes).unwrap_or(u64::MAX);
        Duration::from_nanos(self.character_ns.saturating_mul(n_bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply() -> Vec<u8> {
        let mut bytes = vec![17, 3, 4, 0, 107, 0, 108];
        bytes.extend(checksum::crc16_modbus(&bytes).to_le_bytes());
        bytes
    }

    #[test]
    fn a_request_is_encoded_with_its_crc_low_byte_first() {
        // The worked example of many device manuals.
        assert_eq!(encode(0x11, [3, 0, 0x6b, 0, 3]), [0x11, 3, 0, 0x6b, 0, 3, 0x76, 0x87]);
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_refused() {
        let bytes = reply();
        assert_eq!(Frame::parse(&bytes), Ok(Frame { unit: 17, pdu: &[3, 4, 0, 107, 0, 108] }));
        for len in 0..bytes.len() {
            assert!(Frame::parse(&bytes[..len]).is_err(), "{len} bytes");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::parse(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_length_is_known_from_the_third_byte_on() {
        let bytes = reply();
        assert_eq!(reply_len(&bytes[..2]), Ok(None));
        for len in 3..=bytes.len() {
            assert_eq!(reply_len(&bytes[..len]), Ok(Some(bytes.len())));
        }
        assert_eq!(reply_len(&[17, 0x83]), Ok(Some(5)));
        assert_eq!(reply_len(&[17, 8]), Ok(Some(8)));
        assert!(reply_len(&[17, 0x2b, 14]).is_err());
    }

    #[test]
    fn silence_scales_with_the_speed_up_to_19200() {
        assert_eq!(Timing::at(9600).t3_5, Duration::from_nanos(4_010_415));
        assert_eq!(Timing::at(19_200).t3_5, Duration::from_nanos(2_005_206));
        assert_eq!(Timing::at(115_200).t3_5, Duration::from_micros(1750));
        assert_eq!(Timing::at(115_200).t1_5, Duration::from_micros(750));
        assert_eq!(Timing::at(11_000).transmission(8), Duration::from_millis(8));
    }

    proptest! {
        #[test]
        fn random_bytes_are_measured_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let _ = (Frame::parse(&bytes), reply_len(&bytes));
        }
    }
}
