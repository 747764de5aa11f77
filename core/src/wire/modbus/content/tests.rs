use proptest::prelude::*;

use super::super::pdu::Direction::{self, Request, Response};
use super::*;

fn read(direction: Direction, pdu: &[u8]) -> Content<'_> {
    Content::read(direction, pdu).unwrap()
}

/// A long PDU of each form, as section 6 lays it out.
const LONG: &[(Direction, &[u8])] = &[
    (Request, &[3, 0, 107, 0, 3]),
    (Response, &[1, 2, 0xcd, 0x6b]),
    (Response, &[4, 4, 0, 10, 0, 11]),
    (Request, &[5, 0, 172, 0xff, 0]),
    (Response, &[6, 0, 1, 0, 3]),
    (Response, &[7, 0x6d]),
    (Request, &[8, 0, 0, 0xa5, 0x37]),
    (Response, &[11, 0xff, 0xff, 1, 8]),
    (Response, &[12, 8, 0, 0, 1, 8, 1, 0x21, 0x20, 0]),
    (Request, &[15, 0, 19, 0, 10, 2, 0xcd, 1]),
    (Request, &[16, 0, 1, 0, 2, 4, 0, 10, 1, 2]),
    (Response, &[17, 2, 1, 0xff]),
    (Request, &[20, 14, 6, 0, 4, 0, 1, 0, 2, 6, 0, 3, 0, 9, 0, 2]),
    (Response, &[20, 12, 5, 6, 0x0d, 0xfe, 0, 0x20, 5, 6, 0x33, 0xcd, 0, 0x40]),
    (Request, &[21, 13, 6, 0, 4, 0, 7, 0, 3, 6, 0xaf, 4, 0xbe, 0x10, 0x0d]),
    (Request, &[22, 0, 4, 0, 0xf2, 0, 0x25]),
    (Request, &[23, 0, 3, 0, 6, 0, 14, 0, 2, 4, 0, 0xff, 1, 2]),
    (Request, &[24, 4, 0xde]),
    (Response, &[24, 0, 6, 0, 2, 1, 0xb8, 0x12, 0x84]),
    (Request, &[43, 14, 1, 0]),
    (Response, &[43, 14, 1, 1, 0, 0, 2, 0, 2, b'a', b'b', 1, 3, b'c', b'd', b'e']),
    (Response, &[0x83, 2]),
];

/// Everything that a view gives out, so that no iterator is left untried.
fn n_walked(content: Content<'_>) -> usize {
    match content {
        Content::Bits(bits) | Content::WriteBits { bits, .. } => bits.iter().count(),
        Content::Registers(registers)
        | Content::WriteRegisters { registers, .. }
        | Content::ReadWrite { registers, .. }
        | Content::Queue(registers) => registers.iter().count(),
        Content::FileRecords(records) => {
            records.iter().map(|record| 1 + record.registers.iter().count()).sum()
        }
        Content::Identification { objects, .. } => objects.iter().count(),
        Content::EventLog { log: bytes, .. }
        | Content::Diagnostics { bytes, .. }
        | Content::Encapsulated { bytes, .. }
        | Content::ServerId(bytes)
        | Content::Raw(bytes) => bytes.len(),
        Content::Bare
        | Content::Range { .. }
        | Content::Coil { .. }
        | Content::Register { .. }
        | Content::ExceptionStatus(_)
        | Content::EventCounter { .. }
        | Content::Mask { .. }
        | Content::QueueAddress(_)
        | Content::Identify { .. }
        | Content::Exception(_) => 0,
    }
}

#[test]
fn every_form_is_read_and_none_is_left_raw() {
    for (direction, pdu) in LONG {
        let content = read(*direction, pdu);
        assert!(!matches!(content, Content::Raw(_)), "{direction:?} {pdu:02x?}");
    }
}

#[test]
fn no_prefix_of_a_pdu_passes_for_the_whole() {
    for (direction, pdu) in LONG {
        let whole = read(*direction, pdu);
        for len in 1..pdu.len() {
            let part = read(*direction, &pdu[..len]);
            assert_ne!(part, whole, "{len} bytes of {pdu:02x?}");
            // Without data of their own there is nothing to miss.
            let may_be_shorter = matches!(
                whole,
                Content::Diagnostics { .. }
                    | Content::Identify { .. }
                    | Content::Identification { .. }
            );
            assert!(may_be_shorter || matches!(part, Content::Raw(_)), "{len} of {pdu:02x?}");
        }
    }
}

#[test]
fn every_flipped_byte_changes_what_is_read_or_leaves_it_raw() {
    for (direction, pdu) in LONG {
        let whole = (pdu[0], read(*direction, pdu));
        for (at, bits) in (0..pdu.len()).flat_map(|at| (0..8).map(move |bit| (at, 1 << bit))) {
            let mut flipped = pdu.to_vec();
            flipped[at] ^= bits;
            let content = read(*direction, &flipped);
            n_walked(content);
            // Where to go on says nothing if nothing more follows; what follows is all or none.
            let is_unread = pdu[0] == 43 && direction == &Response && (at == 4 || at == 5);
            assert!(is_unread || (flipped[0], content) != whole, "byte {at} of {pdu:02x?}");
        }
    }
}

#[test]
fn written_bits_and_registers_are_exactly_those_announced() {
    let Content::WriteBits { address: 19, bits } = read(LONG[9].0, LONG[9].1) else { panic!() };
    let set: Vec<_> = bits.iter().map(u8::from).collect();
    assert_eq!(set, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]);
    let short: [&[u8]; 2] = [&[15, 0, 19, 0, 10, 1, 0xcd], &[16, 0, 1, 0, 2, 2, 0, 10]];
    for pdu in short {
        assert_eq!(read(Request, pdu), Content::Raw(&pdu[1..]));
    }
}

#[test]
fn a_read_write_shows_both_ranges_and_the_values() {
    let pdu = [23, 0, 3, 0, 6, 0, 14, 0, 2, 4, 0, 0xff, 1, 2];
    let Content::ReadWrite { read: (3, 6), address: 14, registers } = read(Request, &pdu) else {
        panic!()
    };
    assert_eq!(registers.iter().collect::<Vec<_>>(), [0xff, 0x102]);
}

#[test]
fn file_records_are_told_apart() {
    let records = |pdu, direction| {
        let Content::FileRecords(records) = read(direction, pdu) else { panic!("{pdu:?}") };
        let parts = records.iter().map(|record| {
            let values: Vec<_> = record.registers.iter().collect();
            (record.reference_type, record.place, record.length, values)
        });
        parts.collect::<Vec<_>>()
    };
    let asked = [(6, Some((4, 1)), 2, vec![]), (6, Some((3, 9)), 2, vec![])];
    assert_eq!(records(LONG[12].1, Request), asked);
    let given = [(6, None, 2, vec![0x0dfe, 0x20]), (6, None, 2, vec![0x33cd, 0x40])];
    assert_eq!(records(LONG[13].1, Response), given);
    let written = [(6, Some((4, 7)), 3, vec![0x06af, 0x04be, 0x100d])];
    assert_eq!(records(LONG[14].1, Request), written);
}

#[test]
fn identification_is_a_list_of_objects_and_where_to_go_on() {
    let pdu = [43, 14, 1, 0x83, 0xff, 7, 2, 0, 2, b'a', b'b', 1, 0];
    let Content::Identification { code: 1, conformity: 0x83, next: Some(7), objects } =
        read(Response, &pdu)
    else {
        panic!()
    };
    let objects: Vec<_> = objects.iter().map(|object| (object.id, object.value)).collect();
    assert_eq!(objects, [(0, &b"ab"[..]), (1, b"")]);
}

#[test]
fn what_the_protocol_does_not_define_is_given_as_it_is() {
    assert_eq!(read(Request, &[100, 1, 2]), Content::Raw(&[1, 2]));
    assert_eq!(read(Request, &[0x83, 2]), Content::Raw(&[2]), "nobody asks for an exception");
    let canopen = Content::Encapsulated { mei_type: 13, bytes: &[1, 2] };
    assert_eq!(read(Request, &[43, 13, 1, 2]), canopen);
    assert_eq!(Content::read(Request, &[]), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_yield_no_more_than_they_hold(
        pdu in proptest::collection::vec(any::<u8>(), 1..254), function in 0_u8..50,
        is_request in any::<bool>(),
    ) {
        let direction = if is_request { Request } else { Response };
        for pdu in [pdu.clone(), [&[function], &pdu[1..]].concat()] {
            prop_assert!(n_walked(read(direction, &pdu)) <= 8 * pdu.len());
        }
    }
}
