use proptest::prelude::*;

use super::super::super::checksum::crc16_modbus;
use super::*;

fn framed(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut bytes = [&[unit], pdu].concat();
    bytes.extend(crc16_modbus(&bytes).to_le_bytes());
    bytes
}

/// A request of each function, and its response.
fn exchanges() -> Vec<(Vec<u8>, Vec<u8>)> {
    let written = [&[16, 0, 1, 0, 2, 4][..], &[0, 10, 1, 2]].concat();
    let both = [&[23, 0, 3, 0, 2, 0, 14, 0, 1, 2][..], &[0, 255]].concat();
    let file = vec![21, 9, 6, 0, 4, 0, 7, 0, 1, 6, 0xaf];
    let id = vec![43, 14, 1, 1, 0, 0, 2, 0, 2, b'a', b'b', 1, 1, b'c'];
    vec![
        (vec![1, 0, 19, 0, 19], vec![1, 3, 0xcd, 0x6b, 5]),
        (vec![2, 0, 196, 0, 9], vec![2, 2, 0xac, 1]),
        (vec![3, 0, 107, 0, 3], vec![3, 6, 2, 43, 0, 0, 0, 100]),
        (vec![4, 0, 8, 0, 1], vec![4, 2, 0, 10]),
        (vec![5, 0, 172, 0xff, 0], vec![5, 0, 172, 0xff, 0]),
        (vec![6, 0, 1, 0, 3], vec![6, 0, 1, 0, 3]),
        (vec![7], vec![7, 0x6d]),
        (vec![8, 0, 0, 0xa5, 0x37], vec![8, 0, 0, 0xa5, 0x37]),
        (vec![11], vec![11, 0xff, 0xff, 1, 8]),
        (vec![12], vec![12, 8, 0, 0, 1, 8, 1, 0x21, 0x20, 0]),
        (vec![15, 0, 19, 0, 10, 2, 0xcd, 1], vec![15, 0, 19, 0, 10]),
        (written, vec![16, 0, 1, 0, 2]),
        (vec![17], vec![17, 3, 1, 2, 0xff]),
        (vec![20, 7, 6, 0, 4, 0, 1, 0, 1], vec![20, 4, 3, 6, 0x0d, 0xfe]),
        (file.clone(), file),
        (vec![22, 0, 4, 0, 0xf2, 0, 0x25], vec![22, 0, 4, 0, 0xf2, 0, 0x25]),
        (both, vec![23, 4, 0, 254, 0x0a, 0xcd]),
        (vec![24, 4, 0xde], vec![24, 0, 6, 0, 2, 1, 0xb8, 0x12, 0x84]),
        (vec![43, 14, 1, 0], id),
    ]
}

#[test]
fn every_function_is_sized_from_its_first_bytes_in_both_directions() {
    for (request, response) in exchanges() {
        for (direction, pdu) in [(Direction::Request, request), (Direction::Response, response)] {
            let bytes = framed(17, &pdu);
            assert!(frame(direction, &bytes).is_some(), "{direction:?} {pdu:?}");
            let mut told = false;
            for len in 0..=bytes.len() {
                match extent(direction, &bytes[..len]) {
                    Extent::Len(predicted) => {
                        told = true;
                        assert_eq!(predicted, bytes.len(), "{direction:?} {pdu:?} at {len}");
                    }
                    Extent::Open => assert!(!told && len < bytes.len(), "{pdu:?} at {len}"),
                    Extent::Impossible => panic!("{direction:?} {pdu:?} at {len}"),
                }
            }
        }
    }
}

#[test]
fn every_prefix_and_every_flipped_bit_is_no_frame() {
    for (request, response) in exchanges() {
        for (direction, pdu) in [(Direction::Request, request), (Direction::Response, response)] {
            let bytes = framed(17, &pdu);
            for len in 0..bytes.len() {
                assert_eq!(frame(direction, &bytes[..len]), None);
            }
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(frame(direction, &flipped), None, "{pdu:?} bit {bit}");
            }
        }
    }
}

#[test]
fn what_the_protocol_rules_out_is_no_frame_even_with_a_good_crc() {
    for pdu in [
        &[3, 0, 0, 0, 0][..],       // no registers
        &[3, 0, 0, 0, 126],         // more than fit
        &[16, 0, 0, 0, 2, 2, 0, 1], // two registers in two bytes
        &[5, 0, 0, 1, 0],           // neither on nor off
        &[65, 1, 2, 3],             // a function of the maker's own
        &[0x83, 2],                 // nobody asks with an exception
        &[8, 1, 0, 0, 0],           // no such sub-function
    ] {
        assert_eq!(frame(Direction::Request, &framed(17, pdu)), None, "{pdu:?}");
    }
    for pdu in [&[3, 3, 0, 0, 0][..], &[1, 0], &[0x83, 0], &[0x83, 99], &[0xc1, 1]] {
        assert_eq!(frame(Direction::Response, &framed(17, pdu)), None, "{pdu:?}");
    }
}

#[test]
fn a_broadcast_writes_and_is_never_answered() {
    let write = framed(0, &[6, 0, 1, 0, 3]);
    assert!(frame(Direction::Request, &write).is_some());
    assert_eq!(frame(Direction::Response, &write), None);
    assert_eq!(frame(Direction::Request, &framed(0, &[3, 0, 0, 0, 1])), None);
    assert_eq!(frame(Direction::Request, &framed(248, &[3, 0, 0, 0, 1])), None);
}

#[test]
fn each_response_answers_its_own_request_and_no_other() {
    let exchanges = exchanges();
    for (i, (request, _)) in exchanges.iter().enumerate() {
        for (j, (_, response)) in exchanges.iter().enumerate() {
            assert_eq!(answers(request, response), i == j, "{request:?} {response:?}");
        }
        assert!(answers(request, &[request[0] | 0x80, 2]));
    }
    let read = [3, 0, 107, 0, 3];
    assert!(!answers(&read, &[3, 4, 0, 0, 0, 0]), "another quantity");
    assert!(!answers(&[6, 0, 1, 0, 3], &[6, 0, 1, 0, 4]), "another value");
    assert!(!answers(&[16, 0, 1, 0, 2, 4, 0, 0, 0, 0], &[16, 0, 2, 0, 2]), "another address");
    assert!(answers(&read, &[3]) && answers(&read, &[]) && !answers(&read, &[3, 4]));
}

proptest! {
    #[test]
    fn random_bytes_are_sized_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300), other in any::<[u8; 9]>(),
    ) {
        for direction in [Direction::Request, Direction::Response] {
            if let Some(found) = frame(direction, &bytes) {
                prop_assert_eq!(found.pdu.len() + 3, bytes.len());
            }
            if let Extent::Len(len) = extent(direction, &bytes) {
                prop_assert!((4..=MAX_LEN).contains(&len));
            }
        }
        let _ = answers(&bytes, &other);
    }
}
