//! Whether a payload of which nothing is known is Modbus, to its last byte, and who would say it.
//!
//! Most payloads fail the first question, which costs a few compares. One payload proves nothing,
//! however well it fits: what follows from a request and its answer is for whoever sees both.

use super::mbap::{LEN, Mbap};
use super::pdu::Direction;
use super::rtu::{Frame, MAX_LEN};
use super::shape::{self, EXCEPTION};

/// How PDUs are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framing {
    /// Behind an MBAP header, as Modbus/TCP has it.
    Mbap,
    /// Between unit and CRC, as on a serial line.
    Rtu,
}

/// What a payload can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likeness {
    pub framing: Framing,
    /// The one side that may say all of it; `None` if both may, as with a write that is echoed.
    pub direction: Option<Direction>,
}

/// One PDU, and what it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adu<'a> {
    /// Identifier of Modbus/TCP; 0 of a frame, which has none.
    pub transaction: u16,
    pub unit: u8,
    pub pdu: &'a [u8],
}

/// A request without a body: unit, function and CRC.
const MIN_FRAME: usize = 4;

/// False for nearly everything that is not Modbus, at the price of a few compares.
#[inline]
pub fn may_be_modbus(payload: &[u8]) -> bool {
    may_be_mbap(payload) || may_be_frame(payload)
}

/// Protocol 0, and not longer than what there is.
#[inline]
fn may_be_mbap(payload: &[u8]) -> bool {
    let Some([_, _, 0, 0, high, low, _, _]) = payload.first_chunk() else { return false };
    usize::from(u16::from_be_bytes([*high, *low])) + LEN - 1 <= payload.len()
}

/// A function that the protocol defines, where one stands in a frame.
#[inline]
fn may_be_frame(payload: &[u8]) -> bool {
    (MIN_FRAME..=MAX_LEN).contains(&payload.len())
        && payload.get(1).is_some_and(|function| shape::is_defined(function & !EXCEPTION))
}

/// What `payload` is, if all of it is Modbus: ADUs one behind the other, or one RTU frame.
pub fn likeness(payload: &[u8]) -> Option<Likeness> {
    let mbap = may_be_mbap(payload).then(|| of_adus(payload)).flatten();
    mbap.or_else(|| may_be_frame(payload).then(|| of_frame(payload)).flatten())
}

/// The ADUs of a payload that is alike.
pub fn adus(framing: Framing, payload: &[u8]) -> impl Iterator<Item = Adu<'_>> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        let (adu, behind) = match framing {
            Framing::Mbap => first_adu(rest)?,
            Framing::Rtu => {
                let Frame { unit, pdu } = Frame::parse(rest).ok()?;
                (Adu { transaction: 0, unit, pdu }, &[][..])
            }
        };
        rest = behind;
        Some(adu)
    })
}

fn first_adu(bytes: &[u8]) -> Option<(Adu<'_>, &[u8])> {
    let (mbap, body) = Mbap::parse(bytes).ok()?;
    let (pdu, rest) = body.split_at_checked(mbap.pdu_len()?)?;
    Some((Adu { transaction: mbap.transaction, unit: mbap.unit, pdu }, rest))
}

fn of_adus(payload: &[u8]) -> Option<Likeness> {
    let mut rest = payload;
    let mut speakers = Speakers { client: true, server: true };
    while !rest.is_empty() {
        let (adu, behind) = first_adu(rest)?;
        speakers.hear(|direction| shape::is_plausible(direction, adu.pdu));
        if !speakers.client && !speakers.server {
            return None;
        }
        rest = behind;
    }
    speakers.likeness(Framing::Mbap)
}

fn of_frame(payload: &[u8]) -> Option<Likeness> {
    let mut speakers = Speakers { client: true, server: true };
    speakers.hear(|direction| shape::frame(direction, payload).is_some());
    speakers.likeness(Framing::Rtu)
}

/// Who may have said everything so far.
#[derive(Clone, Copy)]
struct Speakers {
    client: bool,
    server: bool,
}

impl Speakers {
    fn hear(&mut self, is_plausible: impl Fn(Direction) -> bool) {
        self.client = self.client && is_plausible(Direction::Request);
        self.server = self.server && is_plausible(Direction::Response);
    }

    fn likeness(self, framing: Framing) -> Option<Likeness> {
        let direction = match (self.client, self.server) {
            (true, true) => None,
            (true, false) => Some(Direction::Request),
            (false, true) => Some(Direction::Response),
            (false, false) => return None,
        };
        Some(Likeness { framing, direction })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::checksum::crc16_modbus;

    fn adu(transaction: u16, pdu: &[u8]) -> Vec<u8> {
        let mbap = Mbap::new(transaction, 17, u8::try_from(pdu.len()).unwrap());
        [&mbap.to_bytes()[..], pdu].concat()
    }

    fn framed(pdu: &[u8]) -> Vec<u8> {
        let mut bytes = [&[17], pdu].concat();
        bytes.extend(crc16_modbus(&bytes).to_le_bytes());
        bytes
    }

    const READ: [u8; 5] = [3, 0, 0, 0, 2];
    const VALUES: [u8; 6] = [3, 4, 0, 1, 0, 2];
    const ECHOED: [u8; 5] = [6, 0, 8, 0x12, 0x34];

    #[test]
    fn the_side_that_may_say_it_is_told_in_both_framings() {
        for (pdu, direction) in [
            (&READ[..], Some(Direction::Request)),
            (&VALUES, Some(Direction::Response)),
            (&ECHOED, None),
            (&[16, 0, 1, 0, 1, 2, 0, 7], Some(Direction::Request)),
            (&[16, 0, 1, 0, 1], Some(Direction::Response)),
            (&[0x83, 2], Some(Direction::Response)),
        ] {
            for (framing, payload) in [(Framing::Mbap, adu(9, pdu)), (Framing::Rtu, framed(pdu))] {
                assert!(may_be_modbus(&payload));
                assert_eq!(likeness(&payload), Some(Likeness { framing, direction }), "{pdu:?}");
                let read: Vec<_> = adus(framing, &payload).collect();
                let transaction = if framing == Framing::Mbap { 9 } else { 0 };
                assert_eq!(read, [Adu { transaction, unit: 17, pdu }]);
            }
        }
    }

    #[test]
    fn adus_behind_each_other_are_of_one_side() {
        let likeness_of = |pdus: [&[u8]; 2]| likeness(&pdus.map(|pdu| adu(1, pdu)).concat());
        let is_of = |direction| Some(Likeness { framing: Framing::Mbap, direction });
        assert_eq!(likeness_of([&ECHOED, &READ]), is_of(Some(Direction::Request)));
        assert_eq!(likeness_of([&VALUES, &ECHOED]), is_of(Some(Direction::Response)));
        assert_eq!(likeness_of([&ECHOED, &ECHOED]), is_of(None));
        assert_eq!(likeness_of([&READ, &VALUES]), None);
        assert_eq!(adus(Framing::Mbap, &[adu(1, &READ), adu(2, &READ)].concat()).count(), 2);
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_of_a_frame_is_not_alike() {
        for pdu in [&READ[..], &VALUES, &ECHOED] {
            let bytes = framed(pdu);
            for len in 0..bytes.len() {
                assert_eq!(likeness(&bytes[..len]), None);
            }
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(likeness(&flipped), None, "{pdu:?} bit {bit}");
            }
        }
    }

    #[test]
    fn an_adu_that_does_not_end_with_its_segment_is_not_alike() {
        let bytes = adu(1, &VALUES);
        for len in 0..bytes.len() {
            assert_eq!(likeness(&bytes[..len]), None, "{len}");
        }
        assert_eq!(likeness(&[&bytes[..], &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn what_is_alike_passes_the_quick_question(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            at in 0_usize..40,
        ) {
            // Random bytes hardly ever are, so a true one is spoiled, too.
            let mut spoiled = [adu(1, &VALUES), adu(2, &VALUES)].concat();
            if let (Some(byte), Some(new)) = (spoiled.get_mut(at), bytes.first()) {
                *byte = *new;
            }
            for payload in [&bytes, &spoiled] {
                if let Some(found) = likeness(payload) {
                    prop_assert!(may_be_modbus(payload));
                    prop_assert!(adus(found.framing, payload).count() > 0);
                }
            }
        }
    }
}
