//! Several rings on one interface: each frame is one ring's, and what belongs together meets.

use std::time::{Duration, Instant};

use infra_monitor::config::Capture;
use infra_monitor::record::InterfaceState::{Absent, Down, Up};
use infra_monitor::sys::inject::Injector;

use crate::netns::Namespace;
use crate::tap::Tap;
use crate::traffic::{self, Address, MORE_FRAGMENTS, PSH_ACK, Standing};

const INTERFACE: &str = "tap0";
const N_RINGS: u8 = 2;
const N_CONNECTIONS: u16 = 1000;
const SERVER: (Address, u16) = ([203, 0, 113, 1], 502);

/// The rings of the capturing end, and the sending end.
fn rings(spec: &Capture) -> Option<(Namespace, Namespace, Vec<Tap>)> {
    let (left, right) = (Namespace::new("l")?, Namespace::new("r")?);
    left.join(&right, INTERFACE);
    let open = |ring| Tap::open_ring(&left, spec.clone(), ring);
    let mut taps: Vec<_> = (0..spec.rings).map(open).collect();
    wait_until_up(&mut taps);
    Some((left, right, taps))
}

fn wait_until_up(taps: &mut [Tap]) {
    for tap in taps {
        tap.take_until_state(Up);
    }
}

fn spec() -> Capture {
    Capture { rings: N_RINGS, ..Capture::new(INTERFACE) }
}

/// Take deliveries of all rings until `enough` of what `count` adds up.
fn take_until(taps: &mut [Tap], enough: u64, count: impl Fn(&Tap) -> u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while taps.iter().map(&count).sum::<u64>() < enough {
        taps.iter_mut().for_each(Tap::take_what_is_there);
        std::thread::sleep(Duration::from_millis(1));
        let seen = || taps.iter().map(|tap| &tap.seen).collect::<Vec<_>>();
        assert!(Instant::now() < deadline, "{:?}", seen());
    }
}

/// Send `frames` from the other end.
fn send(from: &Namespace, frames: Vec<Vec<u8>>) {
    let send = move || {
        let injector = Injector::open(INTERFACE).unwrap();
        for frame in frames {
            injector.send(&frame).unwrap();
        }
    };
    from.spawn(send).join().unwrap();
}

/// A client of its own for each connection.
fn client(n: u16) -> (Address, u16) {
    let [high, low] = n.to_be_bytes();
    ([10, 7, high, low], 40_000 + n)
}

/// The read of one register and its answer, both directions of connection `n`.
fn exchange(n: u16) -> [Vec<u8>; 2] {
    let asks = Standing {
        source: client(n),
        destination: SERVER,
        sequence: 1000,
        acknowledgment: 2000,
        flags: PSH_ACK,
    };
    let answers = Standing {
        source: SERVER,
        destination: client(n),
        sequence: 2000,
        acknowledgment: 1012,
        flags: PSH_ACK,
    };
    let request = traffic::tcp(&asks, &[0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]);
    [request, traffic::tcp(&answers, &[0, 7, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34])]
}

/// The same frame with a VLAN tag.
fn tagged(frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &[0x81, 0, 0, 7], &frame[12..]].concat()
}

#[test]
fn a_thousand_connections_meet_in_one_ring_each_and_both_rings_are_used() {
    let Some((_left, right, mut taps)) = rings(&spec()) else { return };
    let n_frames = 2 * u64::from(N_CONNECTIONS);
    send(&right, (0..N_CONNECTIONS).flat_map(exchange).collect());
    take_until(&mut taps, n_frames, |tap| tap.seen.frames);
    let seen: Vec<_> = taps.into_iter().map(Tap::close).collect();
    let transactions: Vec<_> = seen.iter().map(|seen| seen.transactions).collect();
    println!("transactions by ring: {transactions:?}");
    assert_eq!(transactions.iter().sum::<u64>(), u64::from(N_CONNECTIONS), "{seen:?}");
    assert!(transactions.iter().all(|n| *n > u64::from(N_CONNECTIONS) / 4), "{transactions:?}");
    assert_eq!(seen.iter().map(|seen| seen.packets).sum::<u64>(), n_frames, "{seen:?}");
    assert!(seen.iter().all(|seen| seen.is_balanced() && seen.drops == 0), "{seen:?}");
}

#[test]
fn one_direction_with_a_tag_and_one_without_go_to_the_same_ring() {
    let Some((_left, right, mut taps)) = rings(&spec()) else { return };
    let of_one = |n: u16| {
        let [request, response] = exchange(n);
        vec![request, tagged(&response)]
    };
    for n in 0..8u16 {
        let before: Vec<_> = taps.iter().map(|tap| tap.seen.frames).collect();
        send(&right, of_one(n));
        take_until(&mut taps, 2 * u64::from(n + 1), |tap| tap.seen.frames);
        let grown = taps.iter().zip(before).map(|(tap, before)| tap.seen.frames - before);
        assert_eq!(grown.filter(|n| *n > 0).collect::<Vec<_>>(), [2], "both to one");
    }
    assert!(taps.into_iter().all(|tap| tap.close().is_balanced()));
}

#[test]
fn fragments_meet_and_what_is_not_ip_goes_to_the_first_ring() {
    let Some((_left, right, mut taps)) = rings(&spec()) else { return };
    let fragments = |n: u16| {
        let hosts = (client(n).0, SERVER.0);
        let whole = traffic::udp(hosts.0, hosts.1, &[0xa5; 24]);
        let udp = &whole[34..];
        [
            traffic::ipv4(17, hosts, (n, MORE_FRAGMENTS), &udp[..16]),
            traffic::ipv4(17, hosts, (n, 2), &udp[16..]), // in units of eight bytes
        ]
    };
    send(&right, (0..100).flat_map(fragments).collect());
    take_until(&mut taps, 100, |tap| tap.seen.reassembled);
    assert!(taps.iter().all(|tap| tap.seen.reassembled > 0), "both rings put some together");
    let before: Vec<_> = taps.iter().map(|tap| tap.seen.frames).collect();
    let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 8, 6], &[0; 46]].concat();
    send(&right, vec![arp; 10]);
    take_until(&mut taps, before.iter().sum::<u64>() + 10, |tap| tap.seen.frames);
    assert_eq!(taps[0].seen.frames, before[0] + 10);
    assert!(taps.into_iter().all(|tap| tap.close().is_balanced()));
}

#[test]
fn every_ring_captures_again_from_an_interface_that_was_made_anew() {
    let Some((left, right, mut taps)) = rings(&spec()) else { return };
    for round in 1..=3u64 {
        send(&right, (0..100).flat_map(exchange).collect());
        take_until(&mut taps, 200 * round, |tap| tap.seen.frames);
        left.ip(&format!("link del {INTERFACE}"));
        for tap in &mut taps {
            assert!(tap.take_until_state(Absent).starts_with(&[Down]));
        }
        left.join(&right, INTERFACE);
        wait_until_up(&mut taps);
    }
    let seen: Vec<_> = taps.into_iter().map(Tap::close).collect();
    assert!(seen.iter().all(|seen| seen.is_balanced() && seen.frames > 0), "{seen:?}");
    assert_eq!(seen.iter().map(|seen| seen.frames).sum::<u64>(), 600, "{seen:?}");
}

#[test]
fn sixteen_rings_lose_and_double_nothing() {
    let spec = Capture { rings: 16, blocks: 4, block_size: 1 << 17, ..Capture::new(INTERFACE) };
    let Some((_left, right, mut taps)) = rings(&spec) else { return };
    send(&right, (0..N_CONNECTIONS).flat_map(exchange).collect());
    take_until(&mut taps, 2 * u64::from(N_CONNECTIONS), |tap| tap.seen.packets);
    let seen: Vec<_> = taps.into_iter().map(Tap::close).collect();
    assert_eq!(seen.iter().map(|seen| seen.packets).sum::<u64>(), 2000, "{seen:?}");
    assert!(seen.iter().all(|seen| seen.is_balanced() && seen.packets > 0), "{seen:?}");
}
