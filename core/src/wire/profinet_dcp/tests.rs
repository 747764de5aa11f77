use super::*;
use crate::wire::fixture;

fn frame(id: u16, service: u8, kind: u8, blocks: &[u8]) -> Vec<u8> {
    let len = u16::try_from(blocks.len()).unwrap();
    let mut frame = id.to_be_bytes().to_vec();
    frame.extend([service, kind, 0, 0, 0, 9, 0, 0]);
    frame.extend(len.to_be_bytes());
    frame.extend(blocks);
    frame
}

fn blocks(bytes: &[u8]) -> Vec<Block<'_>> {
    let dcp = Dcp::parse(bytes).unwrap();
    dcp.blocks().map(Result::unwrap).collect()
}

const IP: [u8; 18] = [1, 2, 0, 14, 0, 1, 192, 0, 2, 7, 255, 255, 255, 0, 192, 0, 2, 1];
const NAME: [u8; 12] = [2, 2, 0, 7, 0, 1, b'p', b'u', b'm', b'p', b'1', 0];

#[test]
fn setting_a_name_and_an_address_names_both() {
    let frame = frame(0xfefd, 4, 0, &[&NAME[..], &IP].concat());
    let dcp = Dcp::parse(&frame).unwrap();
    assert_eq!((dcp.service, dcp.kind, dcp.xid), (Service::Set, Kind::Request, 9));
    let address = Block::Ip {
        address: [192, 0, 2, 7].into(),
        mask: [255, 255, 255, 0].into(),
        gateway: [192, 0, 2, 1].into(),
    };
    assert_eq!(blocks(&frame), [Block::NameOfStation(b"pump1"), address]);
}

#[test]
fn an_answer_says_for_each_block_whether_it_was_taken() {
    let frame = frame(0xfefd, 4, 1, &[5, 4, 0, 3, 2, 2, 6, 0]);
    assert_eq!(Dcp::parse(&frame).unwrap().kind, Kind::Success);
    assert_eq!(blocks(&frame), [Block::Response { option: 2, suboption: 2, error: 6 }]);
}

#[test]
fn whoever_is_looked_for_is_named_without_a_qualifier() {
    let asked = frame(0xfefe, 5, 0, &[2, 2, 0, 5, b'p', b'u', b'm', b'p', b'1', 0]);
    assert_eq!(blocks(&asked), [Block::NameOfStation(b"pump1")]);
    let answered = frame(0xfeff, 5, 1, &NAME);
    assert_eq!(blocks(&answered), [Block::NameOfStation(b"pump1")]);
}

#[test]
fn a_request_to_read_lists_codes_and_has_no_blocks() {
    assert_eq!(blocks(&frame(0xfefd, 3, 0, &[2, 2, 1, 2])), []);
}

#[test]
fn a_lamp_and_a_reset_are_told_apart() {
    let control = |suboption| frame(0xfefd, 4, 0, &[5, suboption, 0, 4, 0, 0, 1, 0]);
    assert_eq!(blocks(&control(3)), [Block::Signal]);
    assert_eq!(blocks(&control(6)), [Block::Reset]);
    assert_eq!(blocks(&control(2)), [Block::Other { option: 5, suboption: 2 }]);
}

#[test]
fn cyclic_frames_are_not_for_us() {
    assert!(!Dcp::is_one(&[0x80, 0x00, 1, 2]) && !Dcp::is_one(&[0xfe]));
    assert!(Dcp::is_one(&[0xfe, 0xfd]));
}

#[test]
fn every_prefix_is_truncated() {
    let frame = frame(0xfefd, 4, 0, &[&NAME[..], &IP].concat());
    for len in 0..frame.len() {
        let read = Dcp::parse(&frame[..len]);
        assert!(matches!(read, Err(WireError::Truncated { .. })), "{len}: {read:?}");
    }
}

#[test]
fn spoiled_bytes_are_read_or_refused() {
    for (service, kind) in [(4, 0), (4, 1), (5, 0), (3, 0), (6, 0)] {
        let frame =
            frame(0xfefd, service, kind, &[&NAME[..], &IP, &[5, 4, 0, 3, 2, 2, 6]].concat());
        fixture::spoil(&frame, |bytes| {
            if let Ok(dcp) = Dcp::parse(bytes) {
                assert!(dcp.blocks().all(|block| block.is_ok()));
                assert!(dcp.blocks().count() <= MAX_BLOCKS);
            }
        });
    }
}
