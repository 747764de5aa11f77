use super::*;
use crate::wire::fixture;
use crate::wire::fixture::goose as frame;

fn ordinary() -> Vec<u8> {
    frame(&[0x3a, 0x98], &[0, 0x8f, 0x61], &[7], [0, 0])
}

#[test]
fn a_frame_tells_its_stream_its_state_and_when_the_next_is_due() {
    let expected = Goose {
        appid: 0x3001,
        reference: b"IED1LD0/LLN0$GO$gcb_A",
        time_allowed_to_live: 15_000,
        state: 36_705,
        sequence: 7,
        test: false,
        needs_commissioning: false,
    };
    assert_eq!(Goose::parse(&ordinary()), Ok(expected));
    let flagged = frame(&[1], &[1], &[0], [1, 0xff]);
    let flagged = Goose::parse(&flagged).unwrap();
    assert!(flagged.test && flagged.needs_commissioning);
}

#[test]
fn numbers_have_one_to_five_bytes_and_fit_32_bits() {
    let state = |bytes: &[u8]| Goose::parse(&frame(&[1], bytes, &[0], [0; 2])).map(|g| g.state);
    assert_eq!(state(&[0, 0xff, 0xff, 0xff, 0xff]), Ok(u32::MAX));
    assert_eq!(state(&[0xff, 0xff, 0xff, 0xff]), Ok(u32::MAX), "as some devices send it");
    assert!(matches!(state(&[]), Err(WireError::BadLength { .. })));
    assert!(matches!(state(&[1, 0, 0, 0, 0]), Err(WireError::TooLong { .. })));
    assert!(matches!(state(&[0; 6]), Err(WireError::TooLong { .. })));
}

#[test]
fn padding_after_the_stated_length_is_no_part_of_it() {
    let mut padded = ordinary();
    padded.extend([0xff; 20]);
    assert_eq!(Goose::parse(&padded), Goose::parse(&ordinary()));
}

#[test]
fn lengths_of_lengths_are_bounded() {
    for code in [0x80, 0x83, 0x84, 0xff] {
        let mut bytes = ordinary();
        bytes[9] = code;
        let error = WireError::UnknownCode { layer: Layer::Goose, code };
        assert_eq!(Goose::parse(&bytes), Err(error));
    }
}

#[test]
fn every_prefix_is_truncated() {
    let bytes = ordinary();
    for len in 0..bytes.len() {
        let read = Goose::parse(&bytes[..len]);
        assert!(matches!(read, Err(WireError::Truncated { .. })), "{len}: {read:?}");
    }
}

#[test]
fn spoiled_bytes_are_read_or_refused() {
    fixture::spoil(&ordinary(), |bytes| {
        if let Ok(goose) = Goose::parse(bytes) {
            assert!(goose.reference.len() <= MAX_REFERENCE);
        }
    });
}
