mod streams;

use std::net::Ipv4Addr;

use crate::record::{NeighbourChange, SourceId};
use crate::wire::fixture;
use crate::wire::packet::{Link, dissect};

use super::*;

/// A neighbourhood that is shown frames, and what it told.
struct Shown {
    neighbourhood: Neighbourhood,
    report: WireReport,
}

impl Shown {
    fn new() -> Self {
        let report = WireReport::new(SourceId::from("eth1"), std::time::SystemTime::UNIX_EPOCH);
        Self { neighbourhood: Neighbourhood::new(), report }
    }

    /// One that knows who is there, at second 1000.
    fn settled() -> Self {
        let mut shown = Self::new();
        shown.go_on(1..=20);
        shown
    }

    /// Blocks that end, one in 50 seconds.
    fn go_on(&mut self, blocks: std::ops::RangeInclusive<u32>) {
        for n in blocks {
            assert_eq!(self.end_block(f64::from(n) * 50.0), []);
        }
    }

    /// Show a frame at this second; what was told of it.
    fn see(&mut self, second: f64, ethertype: u16, payload: &[u8]) -> Vec<Layer2Change> {
        let bytes = fixture::ethernet(ethertype, payload);
        self.see_frame(second, &bytes)
    }

    fn see_frame(&mut self, second: f64, bytes: &[u8]) -> Vec<Layer2Change> {
        let captured = Captured {
            link: Link::Ethernet,
            bytes,
            wire_len: u32::try_from(bytes.len()).unwrap(),
            stripped_vlan: None,
            checksum_pending: false,
        };
        let packet = dissect(&captured);
        self.neighbourhood.observe(ns(second), &packet, &captured, &mut self.report);
        self.told()
    }

    fn end_block(&mut self, second: f64) -> Vec<Layer2Change> {
        self.neighbourhood.end_block(ns(second), &mut self.report);
        self.told()
    }

    fn told(&mut self) -> Vec<Layer2Change> {
        let notes = std::mem::take(&mut self.report.notes).into_iter();
        notes
            .map(|note| {
                let Note::Layer2(finding) = note else { panic!("{note:?}") };
                finding.change
            })
            .collect()
    }

    /// A claim of this address, as a reply.
    fn claim(&mut self, second: f64, mac: u8, address: u8) -> Vec<Layer2Change> {
        self.see(second, ethernet::ARP, &fixture::arp(2, station(mac).0, ip(address), ip(99)))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test's own seconds")]
fn ns(second: f64) -> u64 {
    (second * 1e9) as u64
}

fn station(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

fn ip(last: u8) -> [u8; 4] {
    [192, 0, 2, last]
}

fn conflict(address: u8, rival: u8, is_announced: bool) -> Layer2Change {
    let address = Ipv4Addr::from(ip(address));
    Layer2Change::Conflict { address, rival: station(rival), is_announced }
}

#[test]
fn stations_of_the_beginning_are_learnt_without_a_word_and_later_ones_told() {
    let mut shown = Shown::new();
    assert_eq!(shown.claim(1.0, 1, 1), []);
    shown.go_on(1..=5);
    assert_eq!(shown.claim(300.0, 2, 2), []);
    let new = Layer2Change::Station { address: ip(3).into(), before: None };
    assert_eq!(shown.claim(302.0, 3, 3), [new]);
    assert_eq!(shown.claim(303.0, 3, 3), [], "told once");
    let tally = shown.report.layer2;
    assert_eq!((tally.arp, tally.stations_met, tally.n_stations()), (4, 3, 3));
}

#[test]
fn a_clock_that_is_set_neither_ends_what_is_learnt_nor_stretches_it() {
    for begin in [0_u32, 2000] {
        let mut shown = Shown::new();
        shown.go_on(begin + 1..=begin + 3);
        shown.go_on(1001..=1002);
        let second = |n: u32| f64::from(1000 + n) * 50.0;
        assert_eq!(shown.claim(second(2) + 5.0, 1, 1), [], "learnt for 215 seconds at most");
        shown.go_on(1003..=1006);
        let new = Layer2Change::Station { address: ip(2).into(), before: None };
        assert_eq!(shown.claim(second(6), 2, 2), [new]);
    }
}

#[test]
fn whoever_looks_at_a_file_learns_all_the_time() {
    let mut shown = Shown::new();
    shown.neighbourhood.learn_always();
    assert_eq!(shown.claim(1.0, 1, 1), []);
    assert_eq!(shown.claim(100_000.0, 2, 2), []);
}

#[test]
fn two_stations_of_one_address_are_told_once() {
    let mut shown = Shown::new();
    assert_eq!(shown.claim(1.0, 1, 7), []);
    assert_eq!(shown.claim(2.0, 2, 7), [conflict(7, 1, false)], "while learning too");
    for n in 0..100_u8 {
        assert_eq!(shown.claim(3.0 + f64::from(n), 1 + n % 2, 7), []);
    }
    assert_eq!(shown.claim(104.0, 3, 7), [conflict(7, 2, false)], "a third is not hidden");
    let again = (0..60).flat_map(|n| shown.claim(110.0 + 60.0 * f64::from(n), 1 + n % 2, 7));
    assert_eq!(again.count(), 2, "others than last are told in ten minutes, and all in an hour");
}

#[test]
fn a_device_that_was_replaced_is_no_conflict() {
    let mut shown = Shown::settled();
    shown.claim(1000.0, 1, 7);
    let replaced = Layer2Change::Station { address: ip(7).into(), before: Some(station(1)) };
    assert_eq!(shown.claim(1200.0, 2, 7), [replaced]);
}

#[test]
fn a_probe_claims_nothing_and_an_announcement_is_named() {
    let mut shown = Shown::new();
    shown.claim(1.0, 1, 7);
    let probe = fixture::arp(1, station(2).0, [0; 4], ip(7));
    assert_eq!(shown.see(2.0, ethernet::ARP, &probe), []);
    let announcement = fixture::arp(1, station(2).0, ip(7), ip(7));
    assert_eq!(shown.see(3.0, ethernet::ARP, &announcement), [conflict(7, 1, true)]);
}

#[test]
fn the_same_address_on_another_vlan_is_another_station() {
    let mut shown = Shown::new();
    shown.claim(1.0, 1, 7);
    let arp = fixture::arp(2, station(2).0, ip(7), ip(99));
    assert_eq!(shown.see(2.0, 0x8100, &fixture::tag(5, ethernet::ARP, &arp)), []);
}

#[test]
fn impossible_stations_are_not_learnt() {
    let mut shown = Shown::new();
    for (mac, address) in [
        ([0; 6], ip(7)),
        ([0xff; 6], ip(7)),
        (station(1).0, [224, 0, 0, 1]),
        (station(1).0, [255; 4]),
    ] {
        shown.see(1.0, ethernet::ARP, &fixture::arp(2, mac, address, ip(99)));
    }
    let operation = fixture::arp(9, station(1).0, ip(7), ip(99));
    shown.see(1.0, ethernet::ARP, &operation);
    assert_eq!((shown.report.layer2.arp, shown.report.layer2.stations_met), (5, 0));
}

/// From a switch of this name, valid for so many seconds.
fn lldp(name: &[u8], ttl: u8) -> Vec<u8> {
    let mut bytes = vec![2, 7, 4, 2, 0, 0, 0, 0, 1, 4, 3, 7, b'g', b'1', 6, 2, 0, ttl];
    bytes.extend([5 << 1, u8::try_from(name.len()).unwrap()]);
    bytes.extend(name);
    bytes
}

fn neighbour_change(told: &[Layer2Change]) -> Option<(&NeighbourChange, &str)> {
    match told {
        [] => None,
        [Layer2Change::Neighbour { change, now }] => Some((change, &*now.system)),
        told => panic!("{told:?}"),
    }
}

#[test]
fn a_neighbour_is_told_when_it_changes_goes_and_comes() {
    let mut shown = Shown::new();
    let see =
        |shown: &mut Shown, at, name: &[u8], ttl| shown.see(at, ethernet::LLDP, &lldp(name, ttl));
    assert_eq!(see(&mut shown, 1.0, b"sw-1", 120), []);
    assert_eq!(see(&mut shown, 31.0, b"sw-1", 120), []);
    let told = see(&mut shown, 61.0, b"sw-2", 120);
    let Some((NeighbourChange::Replaced(before), "sw-2")) = neighbour_change(&told) else {
        panic!("{told:?}")
    };
    assert_eq!((&*before.system, &*before.port), ("sw-1", "g1"));
    assert_eq!(shown.end_block(180.0), []);
    let told = shown.end_block(182.0);
    assert_eq!(neighbour_change(&told), Some((&NeighbourChange::Gone, "sw-2")));
    assert_eq!(shown.end_block(200.0), [], "told once");
    let told = see(&mut shown, 300.0, b"sw-2", 120);
    assert_eq!(neighbour_change(&told), Some((&NeighbourChange::Appeared, "sw-2")));
    let told = see(&mut shown, 400.0, b"sw-2", 0);
    assert_eq!(neighbour_change(&told), Some((&NeighbourChange::Gone, "sw-2")));
    assert_eq!(see(&mut shown, 420.0, b"sw-2", 120), [], "too soon");
    assert_eq!(shown.end_block(450.0), []);
    let told = shown.end_block(461.0);
    assert_eq!(neighbour_change(&told), Some((&NeighbourChange::Appeared, "sw-2")), "it stays");
    assert_eq!(shown.end_block(530.0), [], "told once");
}

#[test]
fn what_is_silent_after_the_clock_was_set_back_is_missed() {
    let mut shown = Shown::settled();
    shown.end_block(9000.0);
    shown.see(5000.0, ethernet::LLDP, &lldp(b"sw-1", 120));
    shown.end_block(5000.0);
    let told = shown.end_block(5121.0);
    assert_eq!(neighbour_change(&told), Some((&NeighbourChange::Gone, "sw-1")));
}

#[test]
fn nobody_is_gone_because_the_capture_was() {
    let mut shown = Shown::new();
    shown.see(1.0, ethernet::LLDP, &lldp(b"sw-1", 120));
    shown.neighbourhood.start_block(Gap::Before);
    assert_eq!(shown.end_block(130.0), []);
    assert_eq!(shown.end_block(249.0), []);
    assert_eq!(shown.end_block(251.0).len(), 1, "a whole time to live after the gap");
    let mut shown = Shown::new();
    shown.see(1.0, ethernet::LLDP, &lldp(b"sw-1", 120));
    assert_eq!(shown.end_block(3600.0), [], "nothing was seen for an hour");
}

/// What a bridge of this number says of the root.
fn bpdu(bridge: u8, root: u8, is_change: bool) -> Vec<u8> {
    let id = |last| [0x80, 1, 2, 0, 0, 0, 0, last];
    let bytes = [
        &[0x42, 0x42, 3, 0, 0, 2, 2, u8::from(is_change)][..],
        &id(root),
        &[0, 0, 0, 4],
        &id(bridge),
        &[0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0, 0],
    ]
    .concat();
    let len = u16::try_from(bytes.len()).unwrap();
    let header = [1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, bridge];
    [&header[..], &len.to_be_bytes(), &bytes].concat()
}

fn roots(told: &[Layer2Change]) -> Vec<(u8, u8)> {
    let last = |id: &crate::wire::stp::BridgeId| id.mac.0[5];
    let root = |change: &Layer2Change| {
        let Layer2Change::Root { before, root, .. } = change else { panic!("{change:?}") };
        (last(before), last(root))
    };
    told.iter().map(root).collect()
}

#[test]
fn another_root_is_told_once_whoever_repeats_it() {
    let mut shown = Shown::new();
    assert_eq!(shown.see_frame(1.0, &bpdu(5, 5, false)), []);
    assert_eq!(shown.see_frame(2.0, &bpdu(6, 6, false)), [], "it knows of no better one yet");
    assert_eq!(roots(&shown.see_frame(3.0, &bpdu(6, 3, false))), [(5, 3)]);
    for n in 0..100 {
        assert_eq!(shown.see_frame(4.0, &bpdu(5 + n % 2, 3, false)), []);
    }
    assert_eq!(roots(&shown.see_frame(90.0, &bpdu(7, 7, false))), [(3, 7)], "nobody speaks of 3");
    assert_eq!(shown.see_frame(110.0, &bpdu(6, 3, false)), [], "too soon");
    assert_eq!(shown.see_frame(149.0, &bpdu(6, 3, false)), []);
    assert_eq!(roots(&shown.see_frame(151.0, &bpdu(6, 3, false))), [(7, 3)], "it stays");
    assert_eq!(shown.see_frame(230.0, &bpdu(6, 3, false)), []);
}

#[test]
fn a_change_of_topology_is_told_once_while_it_is_spoken_of() {
    let mut shown = Shown::new();
    assert_eq!(shown.see_frame(1.0, &bpdu(5, 5, false)), []);
    let told = shown.see_frame(2.0, &bpdu(5, 5, true));
    assert!(matches!(told[..], [Layer2Change::Topology { bridge: Some(_) }]), "{told:?}");
    let more = (0..60).flat_map(|n| shown.see_frame(3.0 + f64::from(n), &bpdu(5, 5, true)));
    assert_eq!(more.count(), 0);
    assert_eq!(shown.see_frame(100.0, &bpdu(5, 5, true)).len(), 1);
    let notice = [0x42, 0x42, 3, 0, 0, 0, 0x80];
    assert_eq!(shown.see(101.0, 7, &notice), [Layer2Change::Topology { bridge: None }]);
}

/// A PROFINET frame that sets something, or answers that.
fn dcp(kind: u8, block: &[u8]) -> Vec<u8> {
    let len = u8::try_from(block.len()).unwrap();
    [&[0xfe, 0xfd, 4, kind, 0, 0, 0, 1, 0, 0, 0, len][..], block].concat()
}

#[test]
fn what_is_set_in_a_device_is_told_and_what_it_refuses() {
    let mut shown = Shown::new();
    let name = dcp(0, &[2, 2, 0, 7, 0, 1, b'p', b'u', b'm', b'p', b'1', 0]);
    let set = |what: &str, is_refused| Layer2Change::Set {
        station: Some(station(2)),
        what: what.into(),
        is_refused,
    };
    assert_eq!(shown.see(1.0, ethernet::PROFINET, &name), [set("name pump1", false)]);
    assert_eq!(shown.see(2.0, ethernet::PROFINET, &name), [], "told once");
    let address = [1, 2, 0, 14, 0, 1, 192, 0, 2, 7, 255, 255, 255, 0, 192, 0, 2, 1];
    let told = shown.see(3.0, ethernet::PROFINET, &dcp(0, &address));
    let what = "address 192.0.2.7 mask 255.255.255.0 gateway 192.0.2.1";
    assert_eq!(told, [set(what, false)]);
    let done = dcp(1, &[5, 4, 0, 3, 2, 2, 0, 0]);
    assert_eq!(shown.see(4.0, ethernet::PROFINET, &done), []);
    let refused = dcp(1, &[5, 4, 0, 3, 2, 2, 6, 0]);
    let what = "name: not possible while in operation";
    assert_eq!(shown.see(5.0, ethernet::PROFINET, &refused), [set(what, true)]);
    assert_eq!(shown.see(6.0, ethernet::PROFINET, &[0x80, 0, 1, 2, 3]), [], "cyclic");
    assert_eq!(shown.report.layer2.dcp, 5);
}

#[test]
fn malformed_frames_are_counted_once() {
    let mut shown = Shown::new();
    shown.see(1.0, ethernet::LLDP, &[7; 30]);
    shown.see(1.0, ethernet::GOOSE, &[0; 30]);
    shown.see(1.0, ethernet::ARP, &[0; 28]);
    shown.see(1.0, 4, &[0x42, 0x42, 3, 9]);
    shown.see(1.0, ethernet::PROFINET, &[0xfe, 0xfd, 9]);
    assert_eq!(shown.report.layer2.malformed, 5);
    // ARP was found by whoever dissected the frame.
    assert_eq!(shown.report.malformed, 4);
}

#[test]
fn spoiled_frames_never_panic() {
    let frames = [
        fixture::ethernet(ethernet::LLDP, &lldp(b"sw-1", 120)),
        fixture::ethernet(ethernet::GOOSE, &fixture::goose(&[1], &[7], &[1], [0; 2])),
        fixture::ethernet(ethernet::PROFINET, &dcp(0, &[2, 2, 0, 4, 0, 1, b'p', b'u'])),
        fixture::ethernet(ethernet::ARP, &fixture::arp(2, station(1).0, ip(1), ip(2))),
        bpdu(5, 3, true),
    ];
    let mut shown = Shown::settled();
    for frame in frames {
        let mut second = 1000.0;
        fixture::spoil(&frame, |bytes| {
            second += 0.01;
            shown.see_frame(second, bytes);
        });
        shown.end_block(second);
    }
}
