use proptest::prelude::*;

use super::Direction::{Request, Response};
use super::*;

/// Examples of section 6 of the Application Protocol, one request and one response each.
const EXAMPLES: &[(Direction, &[u8])] = &[
    (Request, &[0x01, 0x00, 0x13, 0x00, 0x13]),
    (Response, &[0x01, 0x03, 0xcd, 0x6b, 0x05]),
    (Request, &[0x02, 0x00, 0xc4, 0x00, 0x16]),
    (Response, &[0x02, 0x03, 0xac, 0xdb, 0x35]),
    (Request, &[0x03, 0x00, 0x6b, 0x00, 0x03]),
    (Response, &[0x03, 0x06, 0x02, 0x2b, 0x00, 0x00, 0x00, 0x64]),
    (Request, &[0x04, 0x00, 0x08, 0x00, 0x01]),
    (Response, &[0x04, 0x02, 0x00, 0x0a]),
    (Request, &[0x05, 0x00, 0xac, 0xff, 0x00]),
    (Response, &[0x05, 0x00, 0xac, 0xff, 0x00]),
    (Request, &[0x06, 0x00, 0x01, 0x00, 0x03]),
    (Response, &[0x06, 0x00, 0x01, 0x00, 0x03]),
    (Request, &[0x07]),
    (Response, &[0x07, 0x6d]),
    (Request, &[0x08, 0x00, 0x00, 0xa5, 0x37]),
    (Response, &[0x08, 0x00, 0x00, 0xa5, 0x37]),
    (Request, &[0x0b]),
    (Response, &[0x0b, 0xff, 0xff, 0x01, 0x08]),
    (Request, &[0x0c]),
    (Response, &[0x0c, 0x08, 0x00, 0x00, 0x01, 0x08, 0x01, 0x21, 0x20, 0x00]),
    (Request, &[0x0f, 0x00, 0x13, 0x00, 0x0a, 0x02, 0xcd, 0x01]),
    (Response, &[0x0f, 0x00, 0x13, 0x00, 0x0a]),
    (Request, &[0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0a, 0x01, 0x02]),
    (Response, &[0x10, 0x00, 0x01, 0x00, 0x02]),
    (Request, &[0x11]),
    (Response, &[0x11, 0x02, 0x01, 0xff]),
    (Request, &[0x14, 0x07, 0x06, 0x00, 0x04, 0x00, 0x01, 0x00, 0x02]),
    (Response, &[0x14, 0x06, 0x05, 0x06, 0x0d, 0xfe, 0x00, 0x20]),
    (Request, &[0x15, 0x09, 0x06, 0x00, 0x04, 0x00, 0x07, 0x00, 0x01, 0x06, 0xaf]),
    (Response, &[0x15, 0x09, 0x06, 0x00, 0x04, 0x00, 0x07, 0x00, 0x01, 0x06, 0xaf]),
    (Request, &[0x16, 0x00, 0x04, 0x00, 0xf2, 0x00, 0x25]),
    (Response, &[0x16, 0x00, 0x04, 0x00, 0xf2, 0x00, 0x25]),
    (Request, &[0x17, 0x00, 0x03, 0x00, 0x06, 0x00, 0x0e, 0x00, 0x01, 0x02, 0x00, 0xff]),
    (Response, &[0x17, 0x02, 0x00, 0xfe]),
    (Request, &[0x18, 0x04, 0xde]),
    (Response, &[0x18, 0x00, 0x06, 0x00, 0x02, 0x01, 0xb8, 0x12, 0x84]),
    (Request, &[0x2b, 0x0e, 0x01, 0x00]),
    (Response, &[0x81, 0x02]),
];

#[test]
fn every_example_of_the_specification_has_the_layout_of_its_function() {
    for (direction, bytes) in EXAMPLES {
        let pdu = Pdu::parse(*direction, bytes).unwrap();
        assert_eq!(pdu.layout, Layout::Expected, "{direction:?} {bytes:02x?}");
        assert_eq!(pdu.function, bytes[0] & 0x7f);
    }
}

#[test]
fn no_prefix_of_an_example_passes_for_the_whole() {
    for (direction, bytes) in EXAMPLES {
        for len in 1..bytes.len() {
            let pdu = Pdu::parse(*direction, &bytes[..len]).unwrap();
            // Diagnostics and encapsulated transport have bodies of any length.
            if !matches!(pdu.function, 8 | 43) {
                assert_eq!(pdu.layout, Layout::Unexpected, "{direction:?} {:02x?}", &bytes[..len]);
            }
        }
    }
}

#[test]
fn every_flipped_byte_is_still_a_pdu() {
    for (direction, bytes) in EXAMPLES {
        for at in 0..bytes.len() {
            for flip in 1..=255 {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= flip;
                let pdu = Pdu::parse(*direction, &bytes).unwrap();
                assert_eq!(pdu.function, bytes[0] & 0x7f);
            }
        }
    }
}

#[test]
fn fields_are_those_an_operator_asks_for() {
    let fields = |bytes: &[u8]| {
        let pdu = Pdu::parse(Request, bytes).unwrap();
        (pdu.access, pdu.address, pdu.quantity, pdu.value)
    };
    assert_eq!(fields(&[3, 0, 107, 0, 3]), (Access::Read, Some(107), Some(3), None));
    assert_eq!(fields(&[5, 0, 172, 0xff, 0]), (Access::Write, Some(172), None, Some(1)));
    assert_eq!(fields(&[6, 0, 1, 0, 3]), (Access::Write, Some(1), None, Some(3)));
    assert_eq!(
        fields(&[15, 0, 19, 0, 10, 2, 0xcd, 1]),
        (Access::Write, Some(19), Some(10), Some(1))
    );
    assert_eq!(
        fields(&[16, 0, 1, 0, 2, 4, 0, 10, 1, 2]),
        (Access::Write, Some(1), Some(2), Some(10))
    );
    assert_eq!(
        fields(&[23, 0, 3, 0, 6, 0, 14, 0, 1, 2, 0, 255]),
        (Access::Write, Some(14), Some(1), Some(255))
    );
    assert_eq!(fields(&[90, 1, 2, 3, 4]), (Access::Other, None, None, None));
}

#[test]
fn an_exception_names_its_function_and_code() {
    let pdu = Pdu::parse(Response, &[0x83, 2]).unwrap();
    assert_eq!((pdu.function, pdu.exception, pdu.layout), (3, Some(2), Layout::Expected));
    let cut = Pdu::parse(Response, &[0x83]).unwrap();
    assert_eq!((cut.exception, cut.layout), (Some(0), Layout::Unexpected));
    assert_eq!(Pdu::parse(Request, &[0x83, 2]).unwrap().exception, None);
}

#[test]
fn quantities_that_fit_no_pdu_are_unexpected() {
    for bytes in [[1, 0, 0, 0, 0], [1, 0, 0, 0x07, 0xd1], [3, 0, 0, 0, 126], [5, 0, 0, 0x12, 0]] {
        assert_eq!(Pdu::parse(Request, &bytes).unwrap().layout, Layout::Unexpected, "{bytes:?}");
    }
}

#[test]
fn an_empty_pdu_is_an_error() {
    let error = WireError::Truncated { layer: Layer::ModbusPdu, need: 1, have: 0 };
    assert_eq!(Pdu::parse(Request, &[]), Err(error));
}

proptest! {
    #[test]
    fn any_bytes_are_a_pdu_of_their_first_byte(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        for direction in [Request, Response] {
            let pdu = Pdu::parse(direction, &bytes).unwrap();
            prop_assert_eq!(pdu.function, bytes[0] & 0x7f);
            prop_assert_eq!(pdu.exception.is_some(), direction == Response && bytes[0] > 0x7f);
        }
    }
}
