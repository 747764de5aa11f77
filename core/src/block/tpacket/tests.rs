use proptest::prelude::*;

use super::*;

const FIRST: usize = 48;
/// Where the kernel puts a frame's bytes: behind both headers, aligned to 16 (`TPACKET_ALIGN`).
const MAC: usize = 80;

/// A block as the kernel writes it.
fn block_of(payloads: &[&[u8]]) -> Vec<u8> {
    let mut block = vec![0; FIRST];
    put(&mut block, BLOCK_NUM_PKTS, u32::try_from(payloads.len()).unwrap());
    put(&mut block, BLOCK_FIRST_PKT, 48);
    for payload in payloads {
        let len = u32::try_from(payload.len()).unwrap();
        let mut raw = vec![0; MAC];
        put(&mut raw, FRAME_NEXT, 80 + len);
        put(&mut raw, FRAME_SEC, 1_700_000_000);
        put(&mut raw, FRAME_NSEC, 999_999_999);
        put(&mut raw, FRAME_SNAPLEN, len);
        put(&mut raw, FRAME_LEN, len + 1000);
        raw[FRAME_MAC..][..2].copy_from_slice(&80u16.to_ne_bytes());
        raw[FRAME_HATYPE..][..2].copy_from_slice(&1u16.to_ne_bytes());
        block.extend(raw);
        block.extend(*payload);
    }
    block
}

fn put(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..][..4].copy_from_slice(&value.to_ne_bytes());
}

fn bytes_of(block: &[u8]) -> Vec<&[u8]> {
    frames(block).map(|frame| frame.bytes).collect()
}

#[test]
fn every_frame_is_shown_in_order() {
    let block = block_of(&[b"one", b"three", b""]);
    assert_eq!(bytes_of(&block), [&b"one"[..], b"three", b""]);
    let first = frames(&block).next().unwrap();
    assert_eq!((first.at_ns, first.wire_len), (1_700_000_000_999_999_999, 1003));
    assert_eq!(first.link, Some(Link::Ethernet));
    assert_eq!((first.stripped_vlan, first.checksum_pending), (None, false));
}

#[test]
fn a_stripped_tag_counts_only_if_the_kernel_says_there_was_one() {
    let mut block = block_of(&[b"frame"]);
    put(&mut block, FIRST + FRAME_VLAN_TCI, 0x2064);
    assert_eq!(frames(&block).next().unwrap().stripped_vlan, None);
    put(&mut block, FIRST + FRAME_STATUS, STATUS_VLAN_VALID);
    assert_eq!(frames(&block).next().unwrap().stripped_vlan, Some(0x2064));
    put(&mut block, FIRST + FRAME_VLAN_TCI, 0); // priority tag, VLAN 0
    assert_eq!(frames(&block).next().unwrap().stripped_vlan, Some(0));
}

#[test]
fn a_checksum_the_nic_was_to_fill_in_is_pending() {
    let mut block = block_of(&[b"frame"]);
    put(&mut block, FIRST + FRAME_STATUS, STATUS_CSUMNOTREADY);
    assert!(frames(&block).next().unwrap().checksum_pending);
}

#[test]
fn the_hardware_type_decides_what_a_frame_starts_with() {
    let mut block = block_of(&[b"frame"]);
    let mut link_of = |hardware: u16| {
        block[FIRST + FRAME_HATYPE..][..2].copy_from_slice(&hardware.to_ne_bytes());
        frames(&block).next().unwrap().link
    };
    assert_eq!(link_of(772), Some(Link::Ethernet)); // loopback
    assert_eq!(link_of(0xfffe), Some(Link::Raw)); // tun
    assert_eq!(link_of(512), Some(Link::Raw)); // PPP
    assert_eq!(link_of(280), None); // CAN
}

#[test]
fn a_step_that_does_not_move_on_ends_the_walk() {
    let mut block = block_of(&[b"one", b"two"]);
    put(&mut block, BLOCK_NUM_PKTS, u32::MAX);
    put(&mut block, FIRST + FRAME_NEXT, 0);
    assert_eq!(bytes_of(&block), [b"one"]);
}

#[test]
fn every_prefix_shows_only_whole_frames() {
    let block = block_of(&[b"one", b"three"]);
    for end in 0..block.len() {
        let expected: &[&[u8]] = if end < FIRST + MAC + 3 { &[] } else { &[b"one"] };
        assert_eq!(bytes_of(&block[..end]), expected, "{end}");
    }
}

#[test]
fn no_flipped_byte_panics_or_shows_more_frames_than_fit() {
    let block = block_of(&[b"one", b"three"]);
    for at in 0..block.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut block = block.clone();
            block[at] ^= flip;
            assert!(frames(&block).count() <= block.len() / FRAME_HEADER + 1);
        }
    }
}

proptest! {
    #[test]
    fn random_blocks_do_not_panic(block in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(frames(&block).count() <= block.len() / FRAME_HEADER + 1);
    }

    #[test]
    fn what_was_laid_out_is_read_back(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)
    ) {
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let block = block_of(&payloads);
        prop_assert_eq!(bytes_of(&block), payloads);
    }
}
