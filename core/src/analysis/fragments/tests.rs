use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn key(identification: u32) -> Key {
    Key {
        vlan: Vlan::default(),
        source: Ipv4Addr::new(192, 0, 2, 1).into(),
        destination: Ipv4Addr::new(192, 0, 2, 2).into(),
        protocol: 17,
        identification,
    }
}

fn fragment(offset: usize, bytes: &[u8], is_last: bool) -> Fragment<'_> {
    Fragment { protocol: 17, identification: 1, offset, is_last, bytes, is_whole: true }
}

/// A table, and what it counted.
#[derive(Default)]
struct Wire {
    fragments: Fragments,
    tally: FragmentTally,
    now_ns: u64,
}

impl Wire {
    fn see(&mut self, identification: u32, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        self.fragments.accept(key(identification), fragment, self.now_ns, &mut self.tally)
    }
}

fn datagram() -> Vec<u8> {
    (0..100).collect()
}

/// Cut at eighths.
fn parts(whole: &[u8]) -> [Fragment<'_>; 4] {
    [
        fragment(0, &whole[..24], false),
        fragment(24, &whole[24..56], false),
        fragment(56, &whole[56..64], false),
        fragment(64, &whole[64..], true),
    ]
}

#[test]
fn parts_in_any_order_and_repeated_are_one_whole() {
    let whole = datagram();
    let parts = parts(&whole);
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let mut wire = Wire::default();
        for nth in &order[..3] {
            assert_eq!(wire.see(1, &parts[*nth]), None);
            assert_eq!(wire.see(1, &parts[*nth]), None);
        }
        assert_eq!(wire.see(1, &parts[order[3]]), Some(whole.clone()), "{order:?}");
        assert_eq!((wire.tally.seen, wire.tally.reassembled), (7, 1));
        assert_eq!((wire.fragments.n_bytes, wire.fragments.datagrams.len()), (0, 0));
    }
}

#[test]
fn parts_that_overlap_and_agree_are_one_whole() {
    let whole = datagram();
    let mut wire = Wire::default();
    wire.see(1, &fragment(0, &whole[..48], false));
    wire.see(1, &fragment(16, &whole[16..72], false));
    assert_eq!(wire.see(1, &fragment(40, &whole[40..], true)), Some(whole));
    assert_eq!(wire.tally.contradicted, 0);
}

#[test]
fn parts_that_contradict_each_other_are_counted_once_and_leave_no_whole() {
    let whole = datagram();
    let [first, second, third, last] = parts(&whole);
    let other = fragment(24, &[0xee; 32], false);
    let shorter = fragment(24, &whole[24..40], true);
    for odd in [other, shorter] {
        let mut wire = Wire::default();
        for part in [first, second, odd, odd, third, last] {
            assert_eq!(wire.see(1, &part), None);
        }
        assert_eq!((wire.tally.contradicted, wire.tally.reassembled), (1, 0));
    }
}

#[test]
fn equal_identifications_of_other_hosts_or_vlans_are_other_datagrams() {
    let whole = datagram();
    let [first, second, third, last] = parts(&whole);
    let mut wire = Wire::default();
    for part in [first, second, third] {
        wire.see(1, &part);
    }
    let elsewhere = Key { vlan: Vlan { outer: 7, inner: 0 }, ..key(1) };
    let seen = wire.fragments.accept(elsewhere, &last, 0, &mut wire.tally);
    assert_eq!(seen, None);
    assert_eq!(wire.see(1, &last), Some(whole));
}

#[test]
fn a_part_that_cannot_be_one_or_was_cut_by_the_capture_leaves_no_whole() {
    let whole = datagram();
    let [first, second, third, last] = parts(&whole);
    let cut = Fragment { is_whole: false, ..second };
    let odd = fragment(24, &whole[24..55], false);
    let beyond = fragment(65_528, &whole, false);
    let empty = fragment(24, &[], false);
    for bad in [cut, odd, beyond, empty] {
        let mut wire = Wire::default();
        for part in [first, bad, second, third, last] {
            assert_eq!(wire.see(1, &part), None, "{bad:?}");
        }
        assert_eq!(wire.tally.contradicted, 0);
    }
}

#[test]
fn a_flood_is_bounded_in_datagrams_parts_and_bytes_and_what_is_given_up_is_counted() {
    let mut wire = Wire::default();
    for id in 0..1_000 {
        wire.see(id, &fragment(8, &[0; 8], false));
    }
    assert_eq!(wire.fragments.datagrams.len(), MAX_DATAGRAMS);
    assert_eq!(wire.tally.given_up, 1_000 - MAX_DATAGRAMS as u64);
    for offset in 0..200 {
        wire.see(5_000, &fragment(offset * 16, &[0; 8], false));
    }
    assert!(wire.fragments.datagrams.iter().all(|datagram| datagram.parts.len() <= MAX_PARTS));
    for id in 0..60 {
        for nth in 0..40 {
            wire.see(id, &fragment(nth * 1_480, &[0; 1_472], false));
            assert!(wire.fragments.n_bytes <= MAX_BYTES);
        }
    }
}

#[test]
fn what_waited_too_long_is_given_up() {
    let whole = datagram();
    let [first, second, third, last] = parts(&whole);
    let mut wire = Wire::default();
    for part in [first, second, third] {
        wire.see(1, &part);
    }
    wire.now_ns = PATIENCE_NS + 1;
    assert_eq!((wire.see(1, &last), wire.tally.given_up), (None, 1));
}

proptest! {
    #[test]
    fn any_fragments_are_survived_and_every_whole_is_what_was_sent(
        parts in proptest::collection::vec((0_usize..12, 1_usize..6, any::<bool>()), 0..40),
    ) {
        let whole = datagram();
        let mut wire = Wire::default();
        for (at, len, is_last) in parts {
            let end = if is_last { 100 } else { (at * 8 + len * 8).min(96) };
            let Some(bytes) = whole.get(at * 8..end) else { continue };
            if let Some(found) = wire.see(1, &fragment(at * 8, bytes, is_last)) {
                prop_assert_eq!(&found, &whole);
            }
        }
        let kept: usize = { wire.fragments.datagrams.iter() }
            .flat_map(|datagram| &datagram.parts)
            .map(|part| part.bytes.len())
            .sum();
        prop_assert_eq!(kept, wire.fragments.n_bytes);
    }
}
