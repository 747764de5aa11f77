//! A unit's side of one exchange: the request as it came, and what goes out under each fault.

use std::time::Duration;

use crate::wire::checksum::crc16_modbus;

use super::fake::{Echo, Wire};

/// From a request to the first byte of its reply.
const LATENCY: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    /// The unit is busy for so long, then answers what was asked meanwhile in order.
    Late(Duration),
    /// The reply is held back elsewhere for so long; others overtake it.
    Overtaken(Duration),
    /// The reply is sent twice, this far apart.
    Twice(Duration),
    /// The reply before this one is sent again first, this long before it.
    Again(Duration),
    /// After so long the reply before this one is sent again, and this one so long after that: its
    /// sender waits for the acknowledgement of the first (RFC 896).
    KeptBack(Duration, Duration),
    Silent,
    WrongId,
    WrongUnit,
    WrongFunction,
    /// So many registers more or fewer than asked, in an otherwise consistent reply.
    WrongCount(i8),
    Exception(u8),
    Flip(usize),
    /// A pause in front of byte `at`.
    Split(usize, Duration),
    Before(Vec<u8>),
    After(Vec<u8>),
    /// The request comes back, and the reply after this long.
    OwnRequest(Duration),
    OnlyOwnRequest,
    Close,
    /// So many bytes of the reply, and nothing after them.
    Cut(usize),
    /// So many bytes of the reply, and the end of the connection.
    CloseAfter(usize),
    /// One byte at a time, this far apart.
    Trickle(Duration),
    /// Identifier 0 from a device that is held to have its own.
    IdZero,
    /// What the header says of the length.
    Length(u16),
    /// From here on nothing is answered in this connection, which stays open.
    HalfOpen,
    /// What the unit was asked so many requests before is answered instead, without delay.
    Behind(usize),
}

/// A reply: whose, and all its bytes.
pub(super) struct Sent {
    unit: u8,
    bytes: Vec<u8>,
}

pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    id: u16,
    pub(super) unit: u8,
    pub(super) pdu: Vec<u8>,
}

impl Request {
    pub(super) fn take(wire: Wire, received: &mut Vec<u8>) -> Option<Self> {
        let (len, header) = if wire.is_rtu() { (8, 1) } else { (12, 7) };
        if received.len() < len {
            return None;
        }
        let bytes: Vec<u8> = received.drain(..len).collect();
        if wire.is_rtu() {
            assert_eq!(crc16_modbus(&bytes[..6]).to_le_bytes(), bytes[6..]);
        }
        let pdu = bytes[header..header + 5].to_vec();
        let is_numbered = matches!(wire, Wire::Tcp | Wire::TcpTwo);
        let id = if is_numbered { u16::from_be_bytes([bytes[0], bytes[1]]) } else { 0 };
        Some(Self { id, unit: bytes[header - 1], pdu, bytes })
    }

    pub(super) fn answer(&self, wire: Wire, clock: u16) -> Option<Vec<u8>> {
        let echo = if let Wire::Rtu(echo) = wire { echo } else { Echo::Served };
        let (first, count) = (self.word(1), self.word(3));
        match (self.pdu[0], echo) {
            (3, Echo::Mute) if count != 2 => None,
            (3, _) => Some(registers(3, first, count, self.unit, clock)),
            (8, Echo::Served) => Some(self.pdu.clone()),
            (_, Echo::Mute) | (8, Echo::Ignored) => None,
            (function, _) => Some(vec![function | 0x80, 1]),
        }
    }

    pub(super) fn word(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.pdu[at], self.pdu[at + 1]])
    }

    pub(super) fn reply(&self, wire: Wire, pdu: &[u8]) -> Sent {
        Sent { unit: self.unit, bytes: self.frame(wire, pdu) }
    }

    fn frame(&self, wire: Wire, pdu: &[u8]) -> Vec<u8> {
        frame(wire, self.id, self.unit, pdu)
    }

    /// What goes out, each so long after the request is taken up.
    pub(super) fn outputs(
        &self,
        wire: Wire,
        fault: &Fault,
        pdu: &[u8],
        replies: &[Sent],
    ) -> Vec<(Duration, Vec<u8>)> {
        let reply = self.frame(wire, pdu);
        let previous = replies.last().map_or(&[][..], |sent| &sent.bytes);
        let now = LATENCY;
        match fault.clone() {
            Fault::None | Fault::Late(_) => vec![(now, reply)],
            Fault::Overtaken(by) => vec![(now + by, reply)],
            Fault::Twice(gap) if gap.is_zero() => vec![(now, [reply.clone(), reply].concat())],
            Fault::Twice(gap) => vec![(now, reply.clone()), (now + gap, reply)],
            Fault::Again(_) if previous.is_empty() => vec![(now, reply)],
            Fault::Again(gap) if gap.is_zero() => vec![(now, [previous, &reply].concat())],
            Fault::Again(gap) => vec![(now, previous.to_vec()), (now + gap, reply)],
            Fault::KeptBack(late, _) if previous.is_empty() => vec![(now + late, reply)],
            Fault::KeptBack(late, gap) => {
                vec![(now + late, previous.to_vec()), (now + late + gap, reply)]
            }
            Fault::Silent | Fault::HalfOpen => vec![],
            Fault::WrongId => vec![(now, frame(wire, self.id ^ 0x0100, self.unit, pdu))],
            Fault::WrongUnit => vec![(now, frame(wire, self.id, 3 - self.unit, pdu))],
            Fault::WrongFunction => {
                vec![(now, self.frame(wire, &[&[pdu[0] ^ 1], &pdu[1..]].concat()))]
            }
            Fault::WrongCount(more) => {
                let count = self.word(3).min(100).checked_add_signed(more.into()).unwrap();
                vec![(now, self.frame(wire, &registers(3, self.word(1), count, self.unit, 0)))]
            }
            Fault::Exception(code) => vec![(now, self.frame(wire, &[pdu[0] | 0x80, code]))],
            Fault::Flip(bit) => {
                let mut flipped = reply;
                if let Some(byte) = flipped.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                vec![(now, flipped)]
            }
            Fault::Split(at, pause) => {
                let (head, tail) = reply.split_at(at.min(reply.len() - 1));
                let head = (!head.is_empty()).then(|| (now, head.to_vec()));
                head.into_iter().chain([(now + pause, tail.to_vec())]).collect()
            }
            Fault::Before(noise) => vec![(now, [noise, reply].concat())],
            Fault::After(noise) => vec![(now, [reply, noise].concat())],
            Fault::OwnRequest(gap) if gap.is_zero() => {
                vec![(now, [self.bytes.clone(), reply].concat())]
            }
            Fault::OwnRequest(gap) => vec![(Duration::ZERO, self.bytes.clone()), (gap, reply)],
            Fault::OnlyOwnRequest => vec![(Duration::ZERO, self.bytes.clone())],
            Fault::Close => vec![(now, vec![])],
            Fault::Cut(len) => vec![(now, head(&reply, len))],
            Fault::CloseAfter(len) => vec![(now, head(&reply, len)), (now, vec![])],
            Fault::Trickle(gap) => {
                let at = |nth| now + gap * nth;
                (0..).zip(reply).map(|(nth, byte)| (at(nth), vec![byte])).collect()
            }
            Fault::IdZero => vec![(now, frame(wire, 0, self.unit, pdu))],
            Fault::Length(len) => {
                let mut lying = reply;
                lying[4..6].copy_from_slice(&len.to_be_bytes());
                vec![(now, lying)]
            }
            Fault::Behind(n) => {
                let mut of_unit = replies.iter().rev().filter(|sent| sent.unit == self.unit);
                vec![(now, of_unit.nth(n - 1).map_or(reply, |sent| sent.bytes.clone()))]
            }
        }
    }
}

fn head(reply: &[u8], len: usize) -> Vec<u8> {
    reply[..len.min(reply.len() - 1)].to_vec()
}

fn registers(function: u8, first: u16, count: u16, unit: u8, clock: u16) -> Vec<u8> {
    let value = |index: u16| {
        if index.is_multiple_of(2) { index + 1000 * u16::from(unit) } else { clock }
    };
    let words = (first..first + count).flat_map(|index| value(index).to_be_bytes());
    [function, u8::try_from(count * 2).unwrap()].into_iter().chain(words).collect()
}

fn frame(wire: Wire, id: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    match wire {
        Wire::Tcp | Wire::TcpZero | Wire::TcpTwo => {
            let [high, low] = id.to_be_bytes();
            let len = u8::try_from(pdu.len() + 1).unwrap();
            [&[high, low, 0, 0, 0, len, unit], pdu].concat()
        }
        Wire::Rtu(_) | Wire::RtuOverTcp | Wire::RtuEchoing => {
            let body = [&[unit], pdu].concat();
            let crc = crc16_modbus(&body).to_le_bytes();
            [&body[..], &crc].concat()
        }
    }
}
