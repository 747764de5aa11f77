//! Hostile traffic through the analyser and the pipeline: memory stays flat, the log stays short,
//! and a write to a controller in the middle of it all is told at once.
//!
//! Each flood has [`N_PACKETS`] packets, or as many as `INFRA_MONITOR_FLOOD` says; a million spoofed
//! connections are `INFRA_MONITOR_FLOOD=1000000`.

mod layer2;
mod malformed;
mod watched;

use std::time::Duration;

use crate::alone::{alone, resident_kib, wish};
use crate::traffic::{self, Address, MORE_FRAGMENTS, PSH_ACK, SYN, Standing};

use watched::{Packet, Watched};

/// By default, because builds for tests are slow.
const N_PACKETS: u64 = 200_000;
const BLOCK_FRAMES: u64 = 1000;
/// By when every place of every table was used several times.
const SETTLED: u64 = 100_000;
/// Connections that are known at a time.
const MAX_FLOWS: u64 = 16_384;
/// What the process may grow by after that.
const GROWTH_KIB: u64 = 4096;

const CONTROLLER: (Address, u16) = ([203, 0, 113, 99], 502);
const ENGINEER: (Address, u16) = ([198, 51, 100, 77], 40_000);

/// An address, and a port, that nobody has twice.
fn spoofed(n: u64) -> (Address, u16) {
    let [.., upper, high, low] = n.to_be_bytes();
    ([10, upper, high, low], 1024 + u16::from(low))
}

fn to_controller(n: u64, flags: u8) -> Standing {
    let (source, destination) = (spoofed(n), CONTROLLER);
    Standing { source, destination, sequence: 1, acknowledgment: 0, flags }
}

/// A request of a client that nobody has twice.
fn request(n: u64) -> Packet {
    let [.., upper, high, unit] = n.to_be_bytes();
    let request = [0, 1, 0, 0, 0, 6, unit, 1 + upper % 4, high, upper, 0, 2];
    Packet::ethernet(traffic::tcp(&to_controller(n, PSH_ACK), &request))
}

/// A request to write one register.
fn write_request() -> Packet {
    let (source, destination) = (ENGINEER, CONTROLLER);
    let at = Standing { source, destination, sequence: 1, acknowledgment: 1, flags: PSH_ACK };
    Packet::ethernet(traffic::tcp(&at, &[0, 1, 0, 0, 0, 6, 1, 6, 0, 8, 0x12, 0x34]))
}

/// Show a flood, with a write in the middle of the last packets; returns who saw it.
fn flood(packet: impl Fn(u64) -> Packet) -> Watched {
    flood_on(Watched::new(), packet)
}

/// The same, of one who has seen something before.
fn flood_on(mut watched: Watched, packet: impl Fn(u64) -> Packet) -> Watched {
    let n_packets = wish("INFRA_MONITOR_FLOOD").unwrap_or(N_PACKETS);
    let mut settled_kib = 0;
    for block in 0..n_packets / BLOCK_FRAMES {
        if block == SETTLED.min(n_packets / 2) / BLOCK_FRAMES {
            settled_kib = resident_kib("self");
        }
        watched.see((0..BLOCK_FRAMES).map(|n| packet(block * BLOCK_FRAMES + n)).collect());
    }
    let grown_kib = resident_kib("self").saturating_sub(settled_kib);
    assert_eq!(watched.n_writes_told(), 0);
    let half = BLOCK_FRAMES / 2;
    let (before, after) = ((0..half).map(&packet), (half..BLOCK_FRAMES).map(&packet));
    watched.see(before.chain([write_request()]).chain(after).collect());
    println!("{watched}; grown by {grown_kib} KiB of {settled_kib}");
    assert_eq!(watched.n_writes_told(), 1, "told with the block that held it");
    assert!(grown_kib <= GROWTH_KIB, "grown by {grown_kib} KiB");
    watched.check_books();
    watched
}

#[test]
fn spoofed_connections_cost_no_memory_and_hide_no_write() {
    alone("hostile::spoofed_connections_cost_no_memory_and_hide_no_write", || {
        let watched = flood(|n| {
            let at = to_controller(n, PSH_ACK);
            let request = [0, 1, 0, 0, 0, 6, 1, 3, 0, 100, 0, 2];
            let payload = match n % 4 {
                0 => &request[..7 + (n / 4 % 5) as usize], // the rest never comes
                1 => &[0, 1, 0, 0, 0, 254, 1, 16, 0, 0][..],
                2 => &[0xff; 40],
                _ => &request,
            };
            Packet::ethernet(traffic::tcp(&at, payload))
        });
        assert!(watched.totals.flows_evicted > 0, "{watched}");
    });
}

#[test]
fn requests_of_a_million_clients_are_a_handful_of_lines() {
    alone("hostile::requests_of_a_million_clients_are_a_handful_of_lines", || {
        let mut watched = Watched::new();
        for _ in 0..11 {
            watched.see(vec![request(0)]);
            watched.wait(Duration::from_secs(60)); // of a longer silence, no more is taken for learning
        }
        let watched = flood_on(watched, request);
        assert!(watched.noted("usages_deferred") > 0 && watched.noted("usages_evicted") > 0);
        assert!(watched.noted("usage_events_counted") > 1000, "{watched}");
        // Eight clients are told as new, and the write among them.
        assert!(watched.n_events() <= 20, "{watched}");
    });
}

#[test]
fn a_syn_flood_displaces_no_connection() {
    alone("hostile::a_syn_flood_displaces_no_connection", || {
        let watched = flood(|n| Packet::ethernet(traffic::tcp(&to_controller(n, SYN), &[])));
        assert_eq!(watched.totals.flows_evicted, 0);
    });
}

#[test]
fn fragments_that_never_become_whole_are_given_up_and_counted() {
    alone("hostile::fragments_that_never_become_whole_are_given_up_and_counted", || {
        let watched = flood(|n| {
            let hosts = (spoofed(n).0, CONTROLLER.0);
            let at = (n.to_le_bytes()[0].into(), MORE_FRAGMENTS | (n % 3) as u16);
            Packet::ethernet(traffic::ipv4(17, hosts, at, &[n.to_le_bytes()[0]; 1400]))
        });
        let fragments = watched.totals.fragments;
        assert!(fragments.seen >= N_PACKETS.min(watched.totals.frames - 1), "{fragments:?}");
        // Each is the only one of its datagram; what is not given up is still waited for.
        assert!((fragments.given_up..=fragments.given_up + 64 + 1000).contains(&fragments.seen));
        assert_eq!(fragments.reassembled, 0);
    });
}

#[test]
fn corrupt_packets_hide_no_write() {
    alone("hostile::corrupt_packets_hide_no_write", || {
        let watched = flood(|n| {
            let mut frame = traffic::udp(spoofed(n).0, CONTROLLER.0, &[0x55; 32]);
            frame[50] ^= 0x04;
            Packet::ethernet(frame)
        });
        // One in 2^15 looks like a checksum that was left to the network card.
        let udp = watched.totals.checksums.udp;
        assert_eq!(udp.invalid + udp.offloaded, watched.totals.frames - 1);
        assert!(udp.offloaded < watched.totals.frames / 5000, "{udp:?}");
    });
}

#[test]
fn malformed_packets_are_survived_and_hide_no_write() {
    alone("hostile::malformed_packets_are_survived_and_hide_no_write", || {
        let corpus = malformed::corpus();
        println!("{} packets to mutate", corpus.len());
        let mut watched = Watched::new();
        // Some of the mutated are of new connections: more of them than a million fill the table.
        for block in 0..2 * MAX_FLOWS / BLOCK_FRAMES {
            watched.see((0..BLOCK_FRAMES).map(|n| request(block * BLOCK_FRAMES + n)).collect());
        }
        // Writes are among the mutated too, and spend the budget of theirs: begin with a window.
        watched.wait(Duration::from_secs(1));
        watched.see(vec![request(0)]);
        let watched = flood_on(watched, |n| malformed::mutated(&corpus, n));
        assert!(watched.totals.malformed > 0, "{watched}");
    });
}
