use crate::record::Checked;
use crate::wire::Mismatch;
use crate::wire::packet::{L4, Vlan};

use super::*;

const NONE: Losses = Losses {
    rx_missed: 0,
    rx_fifo: 0,
    rx_crc: 0,
    rx_frame: 0,
    rx_dropped: 0,
    rx_nohandler: 0,
    softnet_dropped: 0,
    softnet_squeezed: 0,
};

fn host(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn corruption(seconds: u64, from: u8, to: u8) -> Corruption {
    Corruption {
        at: at(seconds),
        checked: Checked::L4(L4::Tcp),
        mismatch: Mismatch { stored: 1, computed: 2 },
        vlan: Vlan::default(),
        source: host(from),
        destination: host(to),
        is_awaited: true,
        is_rewritten: false,
    }
}

fn repaired(from: u8, to: u8) -> Repaired {
    let (source, destination) = (host(from), host(to));
    let after = Duration::from_millis(210);
    Repaired { at: at(1), vlan: Vlan::default(), source, destination, after }
}

fn intact(from: u8, packets: u64) -> [Intact; 1] {
    [Intact { host: host(from), packets }]
}

#[test]
fn a_repetition_that_is_intact_blames_the_link_of_its_pair_alone() {
    let mut suspects = Suspects::default();
    suspects.on_corruption(&corruption(0, 1, 2));
    assert_eq!(suspects.locate(host(1), host(2), &NONE), Locator::Unknown);
    suspects.on_repaired(&repaired(1, 2));
    let link = Locator::Link { repaired_after: Duration::from_millis(210) };
    assert_eq!(suspects.locate(host(1), host(2), &NONE), link);
    assert_eq!(suspects.locate(host(1), host(3), &NONE), Locator::Unknown);
    assert_eq!(suspects.locate(host(2), host(1), &NONE), Locator::Unknown);
}

#[test]
fn a_sender_of_nothing_but_damage_is_blamed_once_that_is_steady_and_others_are_fine() {
    let mut suspects = Suspects::default();
    let located = |suspects: &Suspects| suspects.locate(host(1), host(2), &NONE);
    (0..7).for_each(|n| suspects.on_corruption(&corruption(n, 1, 2)));
    suspects.on_intact(&[], 100);
    assert_eq!(located(&suspects), Locator::Unknown, "seven of seven may be chance");
    suspects.on_corruption(&corruption(7, 1, 2));
    assert_eq!(located(&suspects), Locator::Sender { failed: 8, n_peers: 1 });
    suspects.on_intact(&intact(1, 1), 1);
    assert_eq!(located(&suspects), Locator::Unknown, "one of its packets was right");
}

#[test]
fn a_burst_to_one_host_is_no_broken_sender_but_to_several_it_is() {
    let mut suspects = Suspects::default();
    (0..50).for_each(|_| suspects.on_corruption(&corruption(0, 1, 2)));
    suspects.on_intact(&[], 100);
    assert_eq!(suspects.locate(host(1), host(2), &NONE), Locator::Unknown);
    suspects.on_corruption(&corruption(0, 1, 3));
    assert_eq!(
        suspects.locate(host(1), host(2), &NONE),
        Locator::Sender { failed: 51, n_peers: 2 }
    );
}

#[test]
fn where_nothing_at_all_is_right_no_sender_is_blamed() {
    let mut suspects = Suspects::default();
    suspects.on_intact(&[], 1000); // before the first damage
    (0..50).for_each(|n| suspects.on_corruption(&corruption(n, 1, 2)));
    (0..50).for_each(|n| suspects.on_corruption(&corruption(n, 2, 1)));
    assert_eq!(suspects.locate(host(1), host(2), &NONE), Locator::Path { n_hosts: 2 });
}

#[test]
fn frames_that_arrive_damaged_at_the_same_time_blame_the_port() {
    let mut suspects = Suspects::default();
    suspects.on_corruption(&corruption(0, 1, 2));
    suspects.on_repaired(&repaired(1, 2));
    let losses = Losses { rx_crc: 3, ..NONE };
    assert_eq!(suspects.locate(host(1), host(2), &losses), Locator::Port(losses));
    let full = Losses { rx_missed: 3, softnet_dropped: 1, ..NONE };
    assert!(matches!(suspects.locate(host(1), host(2), &full), Locator::Link { .. }));
}

#[test]
fn rewritten_addresses_are_nobodys_damage() {
    let mut suspects = Suspects::default();
    suspects.on_corruption(&corruption(0, 1, 2));
    suspects.on_corruption(&Corruption { is_rewritten: true, ..corruption(0, 1, 2) });
    suspects.on_repaired(&repaired(1, 2));
    assert_eq!(suspects.locate(host(1), host(2), &NONE), Locator::Rewritten);
}

#[test]
fn what_is_long_ago_is_forgotten_and_strangers_fill_fixed_tables() {
    let mut suspects = Suspects::default();
    for from in 0..=255 {
        (0..=255).for_each(|to| suspects.on_corruption(&corruption(0, from, to)));
    }
    assert_eq!(suspects.by_host.len(), MAX_HOSTS);
    assert!(suspects.by_host.values().all(|suspect| suspect.peers.len() == MAX_PEERS));
    suspects.on_window_end(at(59));
    assert_eq!(suspects.by_host.len(), MAX_HOSTS);
    suspects.on_window_end(at(60));
    assert_eq!(suspects.by_host.len(), 0);
}
