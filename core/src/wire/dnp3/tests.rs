use proptest::prelude::*;

use super::application::ObjectHeader;
use super::name::{error_name, function_name};
use super::*;
use crate::wire::checksum::crc16_dnp;
use crate::wire::fixture::spoil;

/// Reads the events of the three classes: master 100 to outstation 5.
const READ: &str = "056411c405006400c5f2d1c4013c01063c02063c030635c5";
/// Selects point 8 to be latched on.
const SELECT: &str = "056418c405006400feddccc7030c011701084201f40100000000d2fd000000ffff";
/// The select is echoed with status 0.
const SELECTED: &str = "05641a4464000500c0aef7c78100000c011701084201f40100004e030000000000ffff";
/// The last third of a response.
const CONTINUED: &str = "0564374464000500173db60000000000000000000000000000003c85000000000000000\
    00000000000000000ffff00000000000000000000000000000000ffff0000ffff";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// A frame with the CRCs that it calls for.
fn frame(control: u8, destination: u16, source: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x05, 0x64, u8::try_from(body.len() + 5).unwrap(), control];
    bytes.extend(destination.to_le_bytes().into_iter().chain(source.to_le_bytes()));
    bytes.extend(crc16_dnp(&bytes).to_le_bytes());
    for block in body.chunks(16) {
        bytes.extend(block);
        bytes.extend(crc16_dnp(block).to_le_bytes());
    }
    bytes
}

/// From outstation 5, with a fragment in one segment.
fn response(fragment: &[u8]) -> Option<Message> {
    message(&frame(0x44, 100, 5, &[&[0xc0], fragment].concat()))
}

#[test]
fn a_request_is_for_the_outstation_it_goes_to() {
    let asked = Message {
        role: Role::Request,
        operation: Operation::Read,
        code: 1,
        station: Some(5),
        error: None,
    };
    assert_eq!(message(&bytes(READ)), Some(asked));
    let selected = Message { operation: Operation::Command, code: 3, ..asked };
    assert_eq!(message(&bytes(SELECT)), Some(selected));
}

#[test]
fn a_response_is_of_the_outstation_it_comes_from() {
    let answered = message(&bytes(SELECTED)).unwrap();
    assert_eq!((answered.role, answered.code), (Role::Response, 129));
    assert_eq!((answered.station, answered.error), (Some(5), None));
    let unasked = response(&[0xf0, 130, 0x80, 0]).unwrap();
    assert_eq!((unasked.role, unasked.operation), (Role::Report, Operation::Read));
}

#[test]
fn what_goes_on_with_a_fragment_is_no_message_of_its_own() {
    let bytes = bytes(CONTINUED);
    let (frame, rest) = Frame::parse(&bytes).unwrap();
    assert_eq!((frame.checksum(), rest), (Checksum::Valid, &[][..]));
    assert_eq!(message(&bytes), None);
}

#[test]
fn the_first_object_is_told_with_its_qualifier() {
    let bytes = bytes(READ);
    let body = Body::of(&Frame::parse(&bytes).unwrap().0);
    let fragment = Fragment::parse(body.fragment().unwrap()).unwrap();
    assert_eq!((fragment.control, fragment.function, fragment.indications), (0xc4, 1, None));
    let classes = ObjectHeader { group: 60, variation: 1, qualifier: 6 };
    assert_eq!(fragment.first_object(), Some(classes));
    assert_eq!(fragment.objects.len(), 9);
}

#[test]
fn every_flipped_bit_breaks_a_crc_or_the_frame() {
    for hex in [READ, SELECT, SELECTED, CONTINUED] {
        let intact = bytes(hex);
        for bit in 0..intact.len() * 8 {
            let mut flipped = intact.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let verdict = Frame::parse(&flipped).map(|(frame, _)| frame.checksum());
            assert!(!matches!(verdict, Ok(Checksum::Valid)), "bit {bit} of {hex}");
            assert_eq!(message(&flipped), None, "bit {bit} of {hex}");
        }
    }
}

#[test]
fn any_bytes_are_read_without_panic() {
    for hex in [READ, SELECT, SELECTED, CONTINUED] {
        spoil(&bytes(hex), |bytes| {
            let _ = (extent(bytes), message(bytes));
            if let Ok((frame, _)) = Frame::parse(bytes) {
                let _ = read(&frame);
            }
        });
    }
}

#[test]
fn the_extent_is_known_from_the_third_byte_on() {
    let bytes = bytes(SELECT);
    for len in 0..bytes.len() {
        let expected = if len < 3 { Extent::Short } else { Extent::Whole(bytes.len()) };
        assert_eq!(extent(&bytes[..len]), expected, "{len}");
    }
    assert_eq!(extent(&[0x05, 0x64, 4]), Extent::Foreign, "no room for the addresses");
    assert_eq!(extent(&[0x05, 0x64, 255]), Extent::Whole(link::MAX_LEN));
    assert_eq!(extent(&[0x05, 0x65]), Extent::Foreign);
    assert_eq!(extent(&[0x68]), Extent::Foreign);
}

#[test]
fn frames_of_the_link_layer_are_of_the_session() {
    for (control, destination, source, code, role) in [
        (0xc0, 5, 100, LINK | 0x40, Role::Request),
        (0xc2, 5, 100, LINK | 0x42, Role::Request),
        (0xc9, 5, 100, LINK | 0x49, Role::Request),
        (0x00, 100, 5, LINK, Role::Response),
        (0x0b, 100, 5, LINK | 0x0b, Role::Response),
    ] {
        let told = message(&frame(control, destination, source, &[])).unwrap();
        assert_eq!((told.role, told.operation), (role, Operation::Session), "{control:#x}");
        assert_eq!((told.code, told.station, told.error), (code, Some(5), None));
        assert!(function_name(code).is_some());
    }
    let refused = message(&frame(0x01, 100, 5, &[])).unwrap();
    assert_eq!(refused.error.and_then(error_name), Some("link negative acknowledgment"));
}

#[test]
fn indications_refuse_only_by_their_error_bits() {
    for (second, error) in
        [(0x01, Some("function code not supported")), (0x02, Some("object unknown"))]
    {
        let refused = response(&[0xc0, 129, 0x80, second]).unwrap();
        assert_eq!(refused.error.and_then(error_name), error);
    }
    assert_eq!(response(&[0xc0, 129, 0, 0x14]).unwrap().error, Some(0x14));
    // Restarted, in trouble, events waiting; the buffer ran over, the configuration is corrupt.
    assert_eq!(response(&[0xc0, 129, 0xff, 0x28]).unwrap().error, None);
}

#[test]
fn a_control_that_was_not_carried_out_is_refused_with_its_status() {
    let control = |index: u8, status: u8| [&[index, 0x41, 1][..], &[0; 8], &[status]].concat();
    let relays = |statuses: &[u8]| {
        let n_relays = u8::try_from(statuses.len()).unwrap();
        let controls = (0..).zip(statuses).flat_map(|(index, status)| control(index, *status));
        let objects = [12, 1, 0x17, n_relays].into_iter().chain(controls);
        [0xc0, 129, 0, 0].into_iter().chain(objects).collect::<Vec<u8>>()
    };
    assert_eq!(response(&relays(&[0, 0, 0])).unwrap().error, None);
    let second = response(&relays(&[0, 7, 2])).unwrap();
    assert_eq!(second.error, Some(CONTROL_STATUS | 7));
    assert_eq!(second.error.and_then(error_name), Some("the station is in local mode"));
    // A set point with a two-byte count and index behind relays that worked.
    let set_point = [41, 2, 0x28, 1, 0, 9, 0, 0x10, 0x27, 12];
    let both = [&relays(&[0])[..], &set_point].concat();
    assert_eq!(response(&both).unwrap().error, Some(CONTROL_STATUS + 12));
    // Counters that happen to stand where a status would.
    assert_eq!(response(&[0xc0, 129, 0, 0, 20, 1, 0x17, 1, 0, 1, 2, 3, 4, 5]).unwrap().error, None);
}

#[test]
fn every_function_of_the_standard_has_a_name_and_a_purpose() {
    for code in (0..=33).chain(129..=131) {
        assert!(function_name(code.into()).is_some(), "{code}");
        assert_eq!(operation(code) == Operation::Other, code == 129, "{code}");
    }
    assert_eq!((function_name(34), function_name(132)), (None, None));
}

proptest! {
    #[test]
    fn what_is_framed_is_read_back(body in proptest::collection::vec(any::<u8>(), 0..=250)) {
        let bytes = frame(0x44, 0xfff0, 1, &body);
        prop_assert_eq!(extent(&bytes), Extent::Whole(bytes.len()));
        let (parsed, rest) = Frame::parse(&bytes).unwrap();
        prop_assert_eq!((parsed.destination, parsed.source), (0xfff0, 1));
        prop_assert_eq!((parsed.checksum(), rest.len()), (Checksum::Valid, 0));
        let carried = Body::of(&parsed);
        prop_assert_eq!(carried.as_bytes(), &body[..]);
    }

    #[test]
    fn whatever_a_fragment_holds_it_is_read(fragment in proptest::collection::vec(any::<u8>(), 0..249)) {
        let told = response(&fragment);
        prop_assert_eq!(told.is_some(), fragment.len() >= 4 || fragment.len() >= 2 && fragment[1] < 129);
    }
}
