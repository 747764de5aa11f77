//! A block under the controller's own checksum, on links that fail.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::{Checksum, Device, Expect, RegisterRange};
use crate::record::{BlockChecksum, Doubt, Fault as Why, Quality};
use crate::tag::{Address, Algorithm, ByteOrder, Table, Value};

use super::super::*;
use super::fake::{EVERY, Echo, Hits, Script, Wire, link, poll_link_for};
use super::unit::Fault;

const WIRES: [Wire; 4] = [Wire::Tcp, Wire::TcpTwo, Wire::RtuOverTcp, Wire::Rtu(Echo::Served)];

/// Both units with a checksum over register 100 alone, which holds its address and unit.
fn guarded(wire: Wire, expect: u32, sequence: Option<u16>) -> Arc<Link> {
    let link = link(wire);
    let at = |index| Address { table: Table::Holding, index, bit: None };
    let checksum = Arc::new(Checksum {
        algorithm: Algorithm::Sum16,
        over: vec![RegisterRange { table: Table::Holding, first: 100, count: 1 }],
        order: ByteOrder::Big,
        expect: Expect::Constant(expect),
        sequence: sequence.map(at),
    });
    let guard = |device: &Arc<Device>| {
        let checksum = Some(Arc::clone(&checksum));
        Arc::new(Device { checksum, ..Device::clone(device) })
    };
    Arc::new(Link { devices: link.devices.iter().map(guard).collect(), ..Link::clone(&link) })
}

fn script(wire: Wire, fault: Fault, hits: Hits) -> Script {
    Script { wire, fault, hits }
}

/// The readings of register 100, and those of the others, of one unit.
fn readings_of(log: &[(Instant, Reading)], unit: u8) -> (Vec<&Reading>, Vec<&Reading>) {
    let of_unit = log.iter().map(|(_, reading)| reading).filter(|r| r.unit == Some(unit));
    of_unit.partition(|reading| reading.samples.iter().any(|sample| &*sample.tag.name == "w100"))
}

#[tokio::test(start_paused = true)]
async fn a_checksum_speaks_for_what_it_is_over_and_for_nothing_else() {
    for wire in WIRES {
        let healthy = script(wire, Fault::None, Hits::Nth(0));
        let (log, _) = poll_link_for(guarded(wire, 1100, None), &healthy, 5 * EVERY).await;
        let (inside, outside) = readings_of(&log, 1);
        assert_eq!((inside.len(), outside.len()), (5, 10), "{wire:?}");
        assert!(inside.iter().all(|r| r.quality.is_good() && r.checksum == BlockChecksum::Valid));
        // The other unit's register is another.
        let (inside, outside_of_other) = readings_of(&log, 2);
        for reading in &inside {
            assert_eq!(reading.quality, Quality::Bad(Why::ChecksumMismatch), "{wire:?}");
            assert_eq!(reading.samples.len(), 1);
            assert_eq!(reading.samples[0].value, None);
            assert!(matches!(&reading.checksum, BlockChecksum::Invalid(found)
                if (found.stored, found.computed) == (1100, 2100)));
        }
        for reading in outside.into_iter().chain(outside_of_other) {
            assert!(reading.quality.is_good(), "{wire:?}");
            assert_eq!(reading.checksum, BlockChecksum::Unverified);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sequence_that_never_rests_leaves_the_block_uncertain_and_the_link_in_time() {
    for wire in WIRES {
        let healthy = script(wire, Fault::None, Hits::Nth(0));
        // Odd registers hold the time in milliseconds.
        let torn = guarded(wire, 1100, Some(301));
        let (log, record) = poll_link_for(torn, &healthy, 5 * EVERY).await;
        let (inside, outside) = readings_of(&log, 1);
        assert_eq!(inside.len(), 5, "{wire:?}");
        for reading in inside {
            assert_eq!(reading.quality, Quality::Uncertain(Doubt::Torn), "{wire:?}");
            assert!(reading.samples[0].value.is_some());
            assert!(reading.detail.as_deref().unwrap().contains("sequence holding:301 went from"));
        }
        assert!(outside.iter().all(|reading| reading.quality.is_good()), "{wire:?}");
        // Each with a probe after it, on a line.
        let most = 2 * (2 * 5 * (9 + 2) + 2 * 6);
        assert!(record.requested.len() <= most, "{wire:?}: {}", record.requested.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_sequence_that_rests_proves_the_block_whole() {
    for wire in WIRES {
        let healthy = script(wire, Fault::None, Hits::Nth(0));
        let (log, _) = poll_link_for(guarded(wire, 1100, Some(98)), &healthy, 5 * EVERY).await;
        let (inside, _) = readings_of(&log, 1);
        assert!(inside.iter().all(|reading| reading.checksum == BlockChecksum::Valid), "{wire:?}");
        assert_eq!(inside.len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_keeps_its_own_fault() {
    let late = Duration::from_millis(300);
    let flips = [40, 25, 73, 112].map(Fault::Flip);
    let faults = [Fault::Silent, Fault::Late(late), Fault::Exception(4), Fault::Close];
    let faults: Vec<_> = faults.into_iter().chain(flips).collect();
    let mut n_wrong = 0;
    for wire in WIRES {
        for fault in &faults {
            for nth in 0..12 {
                let broken = script(wire, fault.clone(), Hits::Nth(nth));
                let link = guarded(wire, 1100, Some(98));
                let (log, _) = poll_link_for(link, &broken, 8 * EVERY).await;
                let (inside, _) = readings_of(&log, 1);
                for reading in &inside {
                    let why = format!("{wire:?} {fault:?} {nth}: {reading:?}");
                    let is_verified = reading.checksum == BlockChecksum::Valid;
                    assert_eq!(reading.quality.is_good(), is_verified, "{why}");
                    let value = Some(&Value::Unsigned(1100)).filter(|_| is_verified);
                    assert!(!is_verified || reading.samples[0].value.as_ref() == value, "{why}");
                    // Modbus/TCP has no CRC: there a flipped bit is a wrong register.
                    if reading.quality == Quality::Bad(Why::ChecksumMismatch) {
                        n_wrong += 1;
                        assert!(matches!(wire, Wire::Tcp | Wire::TcpTwo), "{why}");
                        assert!(matches!(fault, Fault::Flip(_)), "{why}");
                    }
                }
                let last = inside.last().unwrap();
                assert!(last.quality.is_good(), "{wire:?} {fault:?} {nth}: {last:?}");
            }
        }
    }
    assert!(n_wrong >= 4, "the sum found {n_wrong} wrong registers");
}

#[tokio::test(start_paused = true)]
async fn a_block_that_the_device_refuses_costs_only_its_own_tags() {
    for wire in WIRES {
        let refusing = script(wire, Fault::Exception(2), Hits::From(100));
        let (log, record) = poll_link_for(guarded(wire, 1100, None), &refusing, 30 * EVERY).await;
        let (inside, outside) = readings_of(&log, 1);
        assert!(inside.iter().all(|reading| !reading.quality.is_good()), "{wire:?}");
        let refused = Quality::Bad(Why::Exception(2));
        let asked = inside.iter().filter(|reading| reading.quality == refused).count();
        assert!((4..12).contains(&asked), "{wire:?}: {asked}");
        let detail = inside[0].detail.as_deref().unwrap();
        assert!(detail.contains("w100 (holding:100) refused"), "{detail}");
        assert!(detail.contains("check its addresses too"), "{detail}");
        assert!(outside.iter().all(|reading| reading.quality.is_good()), "{wire:?}");
        assert!(record.requested.len() > 100, "{wire:?}");
    }
}
