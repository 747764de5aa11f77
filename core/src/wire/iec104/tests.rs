use proptest::prelude::*;

use super::name::{error_name, function_name};
use super::*;
use crate::wire::fixture::spoil;

/// Single command to object 4500 of station 3: on, selected.
const COMMAND: [u8; 16] = [0x68, 14, 0x2c, 0, 0xa2, 0, 45, 1, 6, 0, 3, 0, 0x94, 0x11, 0, 0x81];
/// Two floating point values, unasked.
const SPONTANEOUS: [u8; 28] = [
    0x68, 26, 0x9a, 0, 0x28, 0, 13, 2, 1, 0, 3, 0, 0x14, 5, 0, 0, 0, 0xf0, 0x41, 0, 0x15, 5, 0, 0,
    0, 0x31, 0x44, 0,
];
const ACKNOWLEDGED: [u8; 6] = [0x68, 4, 1, 0, 0x9c, 0];
const TEST: [u8; 6] = [0x68, 4, 0x43, 0, 0, 0];

fn with(type_id: u8, cause: u8) -> Message {
    let mut bytes = COMMAND;
    (bytes[6], bytes[8]) = (type_id, cause);
    message(&bytes).unwrap()
}

#[test]
fn a_numbered_asdu_is_read_to_its_object() {
    let Ok(Apdu::Information { send, receive, asdu }) = Apdu::parse(&COMMAND) else { panic!() };
    assert_eq!((send, receive), (22, 81));
    let head = Asdu::parse(asdu).unwrap();
    let expected = Asdu {
        type_id: 45,
        count: 1,
        is_sequence: false,
        cause: 6,
        is_negative: false,
        is_test: false,
        originator: 0,
        station: 3,
        object: Some(4500),
    };
    assert_eq!(head, expected);
    let ordered = Message {
        role: Role::Request,
        operation: Operation::Command,
        code: 45,
        station: Some(3),
        error: None,
    };
    assert_eq!(message(&COMMAND), Some(ordered));
}

#[test]
fn what_comes_unasked_is_a_report_whatever_its_cause() {
    for cause in [1, 2, 3, 4, 11, 12] {
        assert_eq!(with(13, cause).role, Role::Report, "cause {cause}");
    }
    let told = message(&SPONTANEOUS).unwrap();
    assert_eq!((told.role, told.operation, told.code), (Role::Report, Operation::Read, 13));
}

#[test]
fn an_interrogation_is_asked_confirmed_and_answered() {
    let asked = with(100, 6);
    assert_eq!((asked.role, asked.operation), (Role::Request, Operation::Read));
    for cause in [7, 10, 20, 37] {
        assert_eq!(with(100, cause).role, Role::Response, "cause {cause}");
    }
    assert_eq!((with(102, 5).role, with(13, 5).role), (Role::Request, Role::Response));
}

#[test]
fn types_are_told_apart_by_what_they_do() {
    for (types, operation) in [
        (&[45, 50, 58, 64, 105][..], Operation::Command),
        (&[110, 111, 112, 113], Operation::Write),
        (&[1, 13, 36, 100, 101, 102], Operation::Read),
        (&[70, 103, 107], Operation::Session),
        (&[120, 125, 0, 200], Operation::Other),
    ] {
        for type_id in types {
            assert_eq!(with(*type_id, 6).operation, operation, "type {type_id}");
        }
    }
}

#[test]
fn a_negative_confirmation_is_a_refusal_and_a_negative_report_is_not() {
    let refused = with(45, 7 | 0x40);
    assert_eq!((refused.role, refused.error), (Role::Response, Some(7)));
    assert_eq!(refused.error.and_then(error_name), Some("activation refused"));
    for cause in 44..=47 {
        let unknown = with(45, cause);
        assert_eq!((unknown.role, unknown.error), (Role::Response, Some(cause.into())));
        assert!(unknown.error.and_then(error_name).is_some());
    }
    assert_eq!((with(45, 7).error, with(45, 7 | 0x80).error), (None, None));
    assert_eq!((with(13, 3 | 0x40).error, with(45, 6 | 0x40).error), (None, None));
}

#[test]
fn frames_without_an_asdu_are_of_the_session() {
    assert_eq!(Apdu::parse(&ACKNOWLEDGED), Ok(Apdu::Supervisory { receive: 78 }));
    let told = message(&ACKNOWLEDGED).unwrap();
    assert_eq!((told.operation, told.code), (Operation::Session, CONTROL | 1));
    assert_eq!(Apdu::parse(&TEST), Ok(Apdu::Unnumbered(Function::TestActivation)));
    for control in [0x01, 0x07, 0x0b, 0x13, 0x23, 0x43, 0x83] {
        let told = message(&[0x68, 4, control, 0, 0, 0]).unwrap();
        assert_eq!((told.operation, told.error), (Operation::Session, None));
        assert_eq!(told.code, CONTROL | u16::from(control));
        assert!(function_name(told.code).is_some(), "{control:#x}");
    }
}

#[test]
fn the_extent_is_known_from_the_third_byte_on_and_never_changes() {
    for bytes in [&COMMAND[..], &SPONTANEOUS, &ACKNOWLEDGED, &TEST] {
        for len in 0..bytes.len() {
            let expected = if len < 3 { Extent::Short } else { Extent::Whole(bytes.len()) };
            assert_eq!(extent(&bytes[..len]), expected, "{len} of {bytes:02x?}");
        }
    }
}

#[test]
fn bytes_in_no_format_are_foreign() {
    for foreign in [
        &[0x67][..],
        &[0x68, 3],
        &[0x68, 254],
        &[0x68, 9, 0],    // an I frame without room for an ASDU
        &[0x68, 14, 1],   // an S frame with one
        &[0x68, 14, 7],   // so a U frame
        &[0x68, 4, 5],    // S with a bit too many
        &[0x68, 4, 0x17], // two functions at once
        &[0x68, 4, 3],    // none
    ] {
        assert_eq!(extent(foreign), Extent::Foreign, "{foreign:02x?}");
    }
}

#[test]
fn any_bytes_are_read_without_panic() {
    for bytes in [&COMMAND[..], &SPONTANEOUS, &ACKNOWLEDGED, &TEST] {
        spoil(bytes, |bytes| {
            let _ = (extent(bytes), message(bytes));
        });
    }
}

#[test]
fn sequence_numbers_go_round_after_fifteen_bits() {
    assert_eq!((next(0), next(0x7ffe), next(0x7fff)), (1, 0x7fff, 0));
}

proptest! {
    #[test]
    fn a_frame_that_is_whole_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let bytes = [&[0x68][..], &bytes].concat();
        if let Extent::Whole(len) = extent(&bytes) {
            prop_assert!((HEADER_LEN..=MAX_LEN).contains(&len));
            if let Some(frame) = bytes.get(..len) {
                prop_assert!(message(frame).is_some());
            }
        }
    }
}
