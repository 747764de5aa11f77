use std::time::Duration;

use super::*;

const BLOCK_SIZE: u32 = 4096;

/// A ring without a kernel: a file in its place.
fn ring(n_blocks: u32) -> Mapping {
    let file = tempfile::tempfile().unwrap();
    file.set_len(u64::from(BLOCK_SIZE * n_blocks)).unwrap();
    Mapping::new(&file, BLOCK_SIZE, n_blocks).unwrap()
}

/// What the kernel does when it opens a block, puts frames into it, and closes it or not.
fn fill(ring: &Mapping, index: u32, sequence: u32, n_frames: u32, status: u32) {
    for (half, word) in [(0, sequence), (4, 0)] {
        let place = if cfg!(target_endian = "big") { 4 - half } else { half };
        ring.word(index, BLOCK_SEQ_NUM + place).store(word, Ordering::Release);
    }
    ring.word(index, BLOCK_NUM_PKTS).store(n_frames, Ordering::Release);
    ring.status(index).store(status, Ordering::Release);
}

const OPEN: u32 = libc::TP_STATUS_KERNEL;
const FILLED: u32 = libc::TP_STATUS_USER;

fn spec() -> RingSpec {
    RingSpec {
        block_size: BLOCK_SIZE,
        blocks: 8,
        block_timeout: Duration::from_millis(20),
        promiscuous: true,
        share: Share { ring: 1, of: 2 },
        purpose: *b"eth1\0\0\0\0\0\0\0\0\0\0\0\0",
    }
}

#[test]
fn a_ring_says_what_it_is_to_who_knows_nothing_of_it() {
    let ring = ring(4);
    assert_eq!(ring.description(), None);
    ring.describe(&Description::new(&spec(), 4));
    let description = ring.description().unwrap();
    assert_eq!((description.block_size, description.n_blocks), (BLOCK_SIZE, 4));
    assert_eq!(description.purpose(), spec().purpose);
    assert!(description.is_of(&spec()), "four blocks of the eight that were asked for");
}

#[test]
fn a_ring_that_was_made_for_anything_else_is_told_apart() {
    let description = Description::new(&spec(), 8);
    for other in [
        RingSpec { block_size: 2 * BLOCK_SIZE, ..spec() },
        RingSpec { blocks: 16, ..spec() },
        RingSpec { block_timeout: Duration::from_millis(10), ..spec() },
        RingSpec { promiscuous: false, ..spec() },
        RingSpec { share: Share { ring: 0, of: 2 }, ..spec() },
        RingSpec { share: Share { ring: 1, of: 3 }, ..spec() },
        RingSpec { purpose: *b"eth10\0\0\0\0\0\0\0\0\0\0\0", ..spec() },
    ] {
        assert!(!description.is_of(&other), "{other:?}");
    }
}

#[test]
fn killed_at_any_instant_of_giving_a_block_back_its_frames_count_once() {
    for n_stores in 0..=5 {
        let ring = ring(4);
        fill(&ring, 2, 7, 5, FILLED);
        fill(&ring, 3, 8, 7, FILLED);
        fill(&ring, 0, 9, 11, OPEN);
        ring.give_back(2);
        for (place, word) in ring.giving_back(3).into_iter().take(n_stores) {
            ring.word(3, place).store(word, Ordering::Release);
        }
        let (judged, frames) = (ring.n_judged_before(), ring.n_frames());
        assert_eq!(judged + frames, 5 + 7 + 11, "{judged} + {frames} after {n_stores} stores");
        assert_eq!(judged, if n_stores < 4 { 5 } else { 12 });
        assert_eq!(ring.first_unread(), if n_stores < 5 { 3 } else { 0 });
    }
}

#[test]
fn reading_goes_on_at_the_oldest_block_that_is_filled_else_at_the_one_being_filled() {
    let ring = ring(4);
    fill(&ring, 0, 1, 0, OPEN);
    assert_eq!(ring.first_unread(), 0, "never used");
    for (index, sequence) in [(0, 9), (1, 10), (2, 7), (3, 8)] {
        fill(&ring, index, sequence, 1, FILLED);
    }
    for (oldest, next) in [(2, 3), (3, 0), (0, 1)] {
        assert_eq!(ring.first_unread(), oldest, "the queue was frozen when all were full");
        ring.give_back(oldest);
        assert_eq!(ring.first_unread(), next);
    }
    ring.give_back(1);
    assert_eq!(ring.first_unread(), 2, "the kernel is frozen before this one, and takes it next");
    fill(&ring, 2, 11, 0, OPEN);
    assert_eq!(ring.first_unread(), 2, "now it has");
    assert_eq!(ring.n_judged_before(), 4);
}

#[test]
fn totals_beyond_32_bits_are_kept() {
    let ring = ring(2);
    ring.n_judged.store(u64::from(u32::MAX), Ordering::Relaxed);
    fill(&ring, 0, 3, 2, FILLED);
    ring.give_back(0);
    assert_eq!(ring.n_judged_before(), u64::from(u32::MAX) + 2);
}

#[test]
fn garbage_where_a_ring_says_how_far_it_was_read_ends_no_process_and_stays_inside() {
    let mut word = 0x9e37_79b9_u32; // xorshift(32), from any number but 0
    let mut garbage = || {
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        word
    };
    for round in 0..1000 {
        let ring = ring(4);
        for index in 0..4 {
            for place in (0..BLOCK_HEADER + AREA_LEN as usize).step_by(4) {
                let word = if round == 0 { u32::MAX } else { garbage() };
                ring.word(index, place).store(word, Ordering::Release);
            }
        }
        assert_eq!(ring.description(), None);
        assert!(ring.first_unread() < 4);
        ring.n_judged.store(ring.n_judged_before(), Ordering::Relaxed);
        for index in 0..4 {
            ring.give_back(index);
        }
        assert_eq!(ring.n_frames(), 0);
    }
}

#[test]
fn a_division_that_is_not_that_of_the_ring_is_seen_by_its_length() {
    for (block_size, n_blocks) in [(0, 4), (BLOCK_SIZE, 5), (u32::MAX, u32::MAX)] {
        let claimed = Description::new(&RingSpec { block_size, ..spec() }, n_blocks);
        assert_ne!(claimed.len(), ring(4).len(), "{block_size} × {n_blocks}");
    }
}
