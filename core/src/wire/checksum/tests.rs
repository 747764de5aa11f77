use proptest::prelude::*;

use super::*;

/// RFC 1071 as its text puts it: 16 bits at a time.
fn naive_sum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u64 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap()
}

/// The polynomial division as the Modbus specification's flow chart puts it: bit by bit.
fn naive_crc16(initial: u16, polynomial: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(initial, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 }
        })
    })
}

#[test]
fn crcs_of_the_check_string() {
    // Catalogue values.
    assert_eq!(crc16_modbus(b"123456789"), 0x4b37);
    assert_eq!(crc16_dnp(b"123456789"), 0xea82);
}

#[test]
fn rfc_1071_example() {
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(finish(sum(0, &bytes)), !0xddf2);
}

#[test]
fn an_odd_byte_is_padded_on_the_right() {
    assert_eq!(sum(0, &[0x12]), 0x1200);
}

#[test]
fn the_largest_sums_do_not_overflow() {
    for len in [0, 1, 7, 8, 9, 64, 65_535, 300_001] {
        let bytes = vec![0xff; len];
        assert_eq!(finish(sum(0, &bytes)), !naive_sum(&bytes), "{len} bytes");
        assert_eq!(finish(sum(u32::MAX, &bytes)), !naive_sum(&[&[0xff; 4], &*bytes].concat()));
    }
}

#[test]
fn a_mismatch_states_what_the_sender_should_have_stored() {
    let bytes = [0x45, 0x00, 0x12, 0x34, 0xff, 0xff];
    let computed = finish(sum(0, &[0x45, 0x00, 0xff, 0xff]));
    assert_eq!(verify(0, &bytes, 0x1234), Err(Mismatch { stored: 0x1234, computed }));
}

#[test]
fn all_zeros_do_not_verify() {
    assert_eq!(verify(0, &[0; 8], 0), Err(Mismatch { stored: 0, computed: 0xffff }));
}

proptest! {
    #[test]
    fn the_sum_is_the_naive_one(bytes in prop::collection::vec(any::<u8>(), 0..400), skip in 0_usize..9) {
        let unaligned = bytes.get(skip..).unwrap_or_default();
        prop_assert_eq!(finish(sum(0, unaligned)), !naive_sum(unaligned));
    }

    #[test]
    fn a_sum_of_parts_is_the_sum_of_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..400), seed: u32, at in 0_usize..200) {
        let (first, second) = bytes.split_at((2 * at).min(bytes.len() & !1));
        prop_assert_eq!(finish(sum(sum(seed, first), second)), finish(sum(seed, &bytes)));
    }

    #[test]
    fn what_finish_stores_verifies_and_a_flipped_bit_does_not(mut bytes in prop::collection::vec(any::<u8>(), 4..300), seed in 1_u32.., bit in 0_usize..8) {
        bytes[2..4].fill(0);
        let stored = finish(sum(seed, &bytes));
        bytes[2..4].copy_from_slice(&stored.to_be_bytes());
        prop_assert_eq!(verify(seed, &bytes, stored), Ok(()));
        let last = bytes.len() - 1;
        bytes[last] ^= 1 << bit;
        let stored = u16::from_be_bytes([bytes[2], bytes[3]]);
        prop_assert!(verify(seed, &bytes, stored).is_err());
    }

    #[test]
    fn the_crc_is_the_naive_one(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(crc16_modbus(&bytes), naive_crc16(0xffff, 0xa001, &bytes));
        prop_assert_eq!(crc16_dnp(&bytes), !naive_crc16(0, 0xa6bc, &bytes));
    }
}
