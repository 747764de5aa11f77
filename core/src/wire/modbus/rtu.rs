//! Modbus RTU frames (Serial Line V1.02, section 2.5): unit, PDU, CRC; and how long silence is.
//!
//! A frame has no length field and ends with silence. Its length can still be predicted from its
//! first bytes, which is how a receiver knows that more is to come when an adapter delivers late.

use std::time::Duration;

use super::super::{Layer, Mismatch, WireError, checksum};
use super::identify;
use super::identify::RequestPdu;
use super::request::PDU_LEN;

/// Longest frame: unit, 253 bytes of PDU, CRC.
pub const MAX_LEN: usize = 256;
/// Length of each request that cyclic polling sends.
pub const REQUEST_LEN: usize = PDU_LEN + 3;
/// Length of the longest request we send, one that identifies.
const MAX_REQUEST_LEN: usize = identify::MAX_PDU_LEN + 3;
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

/// The frame of a request of whatever length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFrame {
    bytes: [u8; MAX_REQUEST_LEN],
    len: usize,
}

impl RequestFrame {
    pub fn new(unit: u8, pdu: &RequestPdu) -> Self {
        let mut bytes = [0; MAX_REQUEST_LEN];
        let covered = std::iter::once(&unit).chain(pdu.as_bytes());
        bytes.iter_mut().zip(covered).for_each(|(byte, part)| *byte = *part);
        let len = pdu.as_bytes().len() + 1;
        let (covered, rest) = bytes.split_at_mut(len);
        let crc = checksum::crc16_modbus(covered).to_le_bytes();
        rest.iter_mut().zip(crc).for_each(|(byte, part)| *byte = part);
        Self { bytes, len: len + 2 }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
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

/// Length of the reply to an identifying request that begins with `received`; `None` while it
/// cannot be told yet, or if it is none. No more than a frame can have is ever predicted.
pub fn identity_len(received: &[u8]) -> Option<usize> {
    let len = match received {
        [_, 7, ..] => 5,
        [_, 11, ..] => 8,
        [_, 12 | 17 | 20, byte_count, ..] => usize::from(*byte_count) + 5,
        [_, 24, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])) + 6,
        // Interface, code, conformity, more follows, next object, number of objects.
        [_, 43, _, _, _, _, _, n_objects, objects @ ..] => device_id_len(*n_objects, objects)?,
        _ => return None,
    };
    Some(len.min(MAX_LEN))
}

/// Of a reply with so many objects, each with its number and its length in front.
fn device_id_len(n_objects: u8, objects: &[u8]) -> Option<usize> {
    const AROUND: usize = 8 + 2;
    let mut len = 0;
    for _ in 0..n_objects {
        len += 2 + usize::from(*objects.get(len + 1)?);
    }
    Some(len + AROUND)
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
    fn a_request_of_any_length_carries_its_crc() {
        let plain = RequestFrame::new(0x11, &[3, 0, 0x6b, 0, 3].into());
        assert_eq!(plain.as_bytes(), encode(0x11, [3, 0, 0x6b, 0, 3]));
        for request in [
            identify::IdentifyRequest::ServerId,
            identify::IdentifyRequest::FileRecord { file: 1, record: 2, count: 3 },
        ] {
            let frame = RequestFrame::new(17, &request.pdu());
            let parsed = Frame::parse(frame.as_bytes()).unwrap();
            assert_eq!((parsed.unit, parsed.pdu), (17, request.pdu().as_bytes()));
        }
    }

    #[test]
    fn the_length_of_an_identification_is_known_once_it_is_stated() {
        let replies: [(&[u8], usize); 7] = [
            (&[17, 7, 0x6d, 0, 0], 2),
            (&[17, 11, 0xff, 0xff, 1, 8, 0, 0], 2),
            (&[17, 12, 8, 0, 0, 1, 8, 1, 0x21, 0x20, 0, 0, 0], 3),
            (&[17, 17, 3, 0x2a, 0xff, 1, 0, 0], 3),
            (&[17, 20, 6, 5, 6, 0x0d, 0xfe, 0, 0x20, 0, 0], 3),
            (&[17, 24, 0, 6, 0, 2, 1, 0xb8, 0x12, 0x84, 0, 0], 4),
            (&[17, 43, 14, 1, 1, 0, 0, 2, 0, 2, b'A', b'B', 1, 1, b'C', 0, 0], 14),
        ];
        for (reply, n_needed) in replies {
            assert_eq!(identity_len(&reply[..n_needed - 1]), None, "function {}", reply[1]);
            for len in n_needed..=reply.len() {
                assert_eq!(identity_len(&reply[..len]), Some(reply.len()));
            }
        }
        assert_eq!(identity_len(&[17, 24, 0xff, 0xff]), Some(MAX_LEN));
        assert_eq!(identity_len(&[17, 3, 2, 0, 7]), None);
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
        fn a_length_once_predicted_stays_whatever_follows(
            function in prop::sample::select(vec![7_u8, 11, 12, 17, 20, 24, 43]),
            rest in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [&[17, function][..], &rest].concat();
            let mut predicted = None;
            for len in 0..=bytes.len() {
                let now = identity_len(&bytes[..len]);
                prop_assert!(predicted.is_none() || predicted == now);
                prop_assert!(now.is_none_or(|now| now <= MAX_LEN));
                predicted = now;
            }
        }

        #[test]
        fn random_bytes_are_measured_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let _ = (Frame::parse(&bytes), reply_len(&bytes), identity_len(&bytes));
        }
    }
}
