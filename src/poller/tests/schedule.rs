//! Turns that cannot be taken in time, and how many are said to be missed.

use std::time::Duration;

use crate::config::{Device, Serial};
use crate::record::Quality;

use super::super::load::request_time;
use super::super::plan::{Merge, Plan, Size};
use super::super::*;
use super::fake::{EVERY, Echo, Hits, Script, TIMEOUT, Wire, link, poll_for, poll_link_for};
use super::unit::Fault;

const MS: Duration = Duration::from_millis(1);
const NO_FAULT: Hits = Hits::Nth(u32::MAX);

/// Its devices read every so often.
fn paced(wire: Wire, every: Duration) -> Arc<Link> {
    let link = Link::clone(&link(wire));
    let paced = |device: &Arc<Device>| Arc::new(Device { every, ..Device::clone(device) });
    Arc::new(Link { devices: link.devices.iter().map(paced).collect(), ..link })
}

fn missed(log: &[(Instant, Reading)], unit: u8) -> u32 {
    let of_unit = log.iter().filter(|(_, reading)| reading.unit == Some(unit));
    of_unit.map(|(_, reading)| reading.missed).sum()
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_line_is_polled_as_often_as_computed_and_counts_what_it_misses() {
    let wire = Wire::Rtu(Echo::Served);
    let link = paced(wire, 10 * MS);
    let Endpoint::Serial(serial) = &link.endpoint else { panic!("{:?}", link.endpoint) };
    let plan = Plan::new(&link.devices[0].tags, Merge::Near, Size::new(125));
    // The fake answers after 5 ms, and its bytes take no time.
    let serial = &Serial { baud: 1_000_000, ..serial.clone() };
    let computed = request_time(serial, Duration::ZERO, plan.blocks[0].request, 5 * MS);
    let script = Script { wire, fault: Fault::None, hits: NO_FAULT };
    let (log, record) = poll_link_for(Arc::clone(&link), &script, 10_000 * MS).await;
    let n_computed = (10_000 * MS).as_nanos() / computed.as_nanos();
    let n_requests = u128::try_from(record.requested.len()).unwrap();
    let is_near = (n_computed * 9 / 10..=n_computed * 11 / 10).contains(&n_requests);
    assert!(is_near, "{n_requests} requests, computed {n_computed}");
    let n_turns = u32::try_from(log.len() / plan.blocks.len()).unwrap();
    let n_missed = missed(&log, 1) + missed(&log, 2);
    assert!((1950..=2001).contains(&(n_turns + n_missed)), "{n_turns} taken, {n_missed} missed");
}

#[tokio::test(start_paused = true)]
async fn ten_milliseconds_are_kept_over_tcp_without_drift() {
    let script = Script { wire: Wire::Tcp, fault: Fault::None, hits: NO_FAULT };
    let link = paced(Wire::Tcp, 10 * MS);
    let devices = vec![Arc::clone(&link.devices[0])];
    let link = Arc::new(Link { devices, ..Link::clone(&link) });
    let start = Instant::now();
    let (log, record) = poll_link_for(link, &script, 10_000 * MS).await;
    // Each turn is two requests of 5 ms, so the turns just fit.
    let turns = record.requested.iter().step_by(2);
    assert_eq!(turns.clone().count(), 1000);
    for (nth, at) in (0..).zip(turns) {
        assert!(*at - start < 10 * MS * nth + 10 * MS, "turn {nth} at {:?}", *at - start);
    }
    assert_eq!(missed(&log, 1), 0);
}

#[tokio::test(start_paused = true)]
async fn turns_that_a_dead_unit_costs_its_neighbour_are_missed_and_its_own_are_not() {
    // A time-out of 200 ms takes two turns of 100 ms from the other unit, once and then more rarely.
    let script = Script { wire: Wire::Tcp, fault: Fault::Silent, hits: Hits::Unit(2) };
    let (log, _) = poll_link_for(paced(Wire::Tcp, TIMEOUT / 2), &script, 8 * EVERY).await;
    let n_neighbour = missed(&log, 1);
    assert!((4..20).contains(&n_neighbour), "{n_neighbour}");
    let backed_off = Quality::Bad(crate::record::Fault::BackedOff);
    let of_resting = log.iter().filter(|(_, reading)| reading.quality == backed_off);
    assert!(of_resting.clone().count() > 5);
    assert!(of_resting.clone().all(|(_, reading)| reading.missed == 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_missed_where_there_is_time_for_all() {
    for wire in [Wire::Tcp, Wire::Rtu(Echo::Served)] {
        let script = Script { wire, fault: Fault::None, hits: NO_FAULT };
        let (log, _) = poll_for(&script, 20 * EVERY).await;
        assert_eq!((missed(&log, 1), missed(&log, 2)), (0, 0), "{wire:?}");
    }
}
