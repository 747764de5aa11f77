//! Floods of frames that are not IP.

use std::time::Duration;

use infra_monitor::record::Kind;

use crate::alone::alone;
use crate::layer2::frames;

use super::watched::{Packet, Watched};
use super::{flood_on, spoofed};

/// One that has learnt who is there.
fn settled() -> Watched {
    let mut watched = Watched::new();
    for _ in 0..=6 {
        watched.see(vec![Packet::ethernet(frames::claim(mac(1), [192, 0, 2, 1]))]);
        watched.wait(Duration::from_secs(60)); // of a longer silence, no more is taken for learning
    }
    watched
}

fn mac(n: u64) -> [u8; 6] {
    let [_, _, mut octets @ ..] = n.to_be_bytes();
    octets[0] = 2; // locally administered, and far above every number used here
    octets
}

#[test]
fn spoofed_stations_cost_no_memory_and_few_lines() {
    alone("hostile::layer2::spoofed_stations_cost_no_memory_and_few_lines", || {
        let watched = flood_on(settled(), |n| {
            // New stations, and one address that everybody claims.
            let address = if n % 2 == 0 { spoofed(n).0 } else { [192, 0, 2, 7] };
            Packet::ethernet(frames::claim(mac(n), address))
        });
        let n_told = [watched.n_told(Kind::StationNew), watched.n_told(Kind::StationConflict)];
        println!("{n_told:?} told, {:?}", watched.totals.layer2);
        assert!(n_told.iter().all(|n| (1..=9).contains(n)), "{n_told:?}");
        assert!(watched.totals.layer2.stations_forgotten > 0);
        assert!(watched.totals.layer2.n_stations() <= 4096);
    });
}

#[test]
fn spoofed_streams_cost_no_memory_and_few_lines() {
    alone("hostile::layer2::spoofed_streams_cost_no_memory_and_few_lines", || {
        let watched = flood_on(settled(), |n| {
            let number = u32::try_from(n).unwrap();
            Packet::ethernet(match n % 3 {
                0 => frames::goose(number, 1, 0),
                1 => frames::goose(number % 100, number, 0),
                _ => frames::goose(number % 100, number % 77, number),
            })
        });
        let n_told = [watched.n_told(Kind::GooseChanged), watched.n_told(Kind::GooseLost)];
        println!("{n_told:?} told, {:?}", watched.totals.layer2);
        assert!(n_told[0] > 0 && n_told.iter().all(|n| *n <= 33), "{n_told:?}");
        assert!(watched.totals.layer2.evicted > 0);
    });
}
