//! Requests, and what might be received after them: replies, good, damaged, or no replies at all.

use infra_monitor::wire::checksum::crc16_modbus;
use infra_monitor::wire::modbus::mbap::Mbap;
use infra_monitor::wire::modbus::request::{MAX_BITS, MAX_REGISTERS, ReadRequest, Span};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

pub(super) const UNIT: u8 = 17;
/// What the client of `tokio-modbus` begins with.
pub(super) const TRANSACTION: u16 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Rtu,
}

#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) carrier: Carrier,
    pub(super) request: ReadRequest,
    pub(super) received: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Append(Vec<u8>),
    Prepend(Vec<u8>),
}

/// Requests with replies to them, of which a third are as they should be.
pub(super) fn exchanges(carrier: Carrier) -> impl Strategy<Value = Exchange> {
    let framed = (requests(), vec(damages(), 0..2), vec(damages(), 0..2));
    framed.prop_flat_map(move |(request, in_pdu, in_frame)| {
        pdus(request).prop_map(move |mut pdu| {
            for damage in &in_pdu {
                damage.inflict(&mut pdu);
            }
            let mut exchange = Exchange { carrier, request, received: vec![] };
            exchange.received = wrap(&exchange, &pdu);
            for damage in &in_frame {
                damage.inflict(&mut exchange.received);
            }
            exchange
        })
    })
}

/// A frame as it should be around any PDU.
pub(super) fn wrap(exchange: &Exchange, pdu: &[u8]) -> Vec<u8> {
    match exchange.carrier {
        Carrier::Tcp => {
            let pdu_len = u8::try_from(pdu.len()).unwrap_or(u8::MAX);
            [&Mbap::new(TRANSACTION, UNIT, pdu_len).to_bytes()[..], pdu].concat()
        }
        Carrier::Rtu => {
            let covered = [&[UNIT], pdu].concat();
            [&covered[..], &crc16_modbus(&covered).to_le_bytes()].concat()
        }
    }
}

fn requests() -> impl Strategy<Value = ReadRequest> {
    let registers = || (any::<u16>(), 1..=MAX_REGISTERS).prop_map(span);
    let bits = || (any::<u16>(), 1..=MAX_BITS).prop_map(span);
    prop_oneof![
        registers().prop_map(ReadRequest::Holding),
        registers().prop_map(ReadRequest::Input),
        bits().prop_map(ReadRequest::Coils),
        bits().prop_map(ReadRequest::Discretes),
        // Its own echo has the shape of its answer.
        (0x0300_u16..0x0400, 17..=24_u16).prop_map(span).prop_map(ReadRequest::Coils),
    ]
}

fn span((first, count): (u16, u16)) -> Span {
    Span { first, count }
}

fn pdus(request: ReadRequest) -> impl Strategy<Value = Vec<u8>> {
    let function = request.function();
    let byte_count = request.byte_count().unwrap();
    let reply = move |values: Vec<u8>| {
        let stated = u8::try_from(values.len()).unwrap();
        [&[function, stated], &values[..]].concat()
    };
    prop_oneof![
        6 => vec(any::<u8>(), byte_count).prop_map(reply),
        1 => vec(any::<u8>(), 0..=250).prop_map(reply),
        2 => any::<u8>().prop_map(move |code| vec![function | 0x80, code]),
        1 => any::<[u8; 2]>().prop_map(|[function, code]| vec![function | 0x80, code]),
        1 => Just(request.pdu().to_vec()),
        1 => vec(any::<u8>(), 0..=253),
    ]
}

fn damages() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 1..=u8::MAX).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        any::<Index>().prop_map(Damage::Cut),
        vec(any::<u8>(), 1..24).prop_map(Damage::Append),
        vec(any::<u8>(), 1..24).prop_map(Damage::Prepend),
    ]
}

impl Damage {
    fn inflict(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip(at, mask) if !bytes.is_empty() => *at.get_mut(bytes) ^= mask,
            Self::Cut(at) if !bytes.is_empty() => bytes.truncate(at.index(bytes.len())),
            Self::Append(more) => bytes.extend(more),
            Self::Prepend(more) => drop(bytes.splice(..0, more.iter().copied())),
            Self::Flip(..) | Self::Cut(_) => (),
        }
    }
}
