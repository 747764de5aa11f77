//! What each fault is told as; and what is believed although it is wrong, because nothing in the
//! protocol tells it from the truth.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::record::{Doubt, Quality};

use super::fake::{EVERY, Echo, Hits, Script, Wire, lie, poll_for};
use super::unit::Fault;

const MS: Duration = Duration::from_millis(1);
const RTU: Wire = Wire::Rtu(Echo::Served);
const GOOD: Quality = Quality::Good;
const LATE: Quality = Quality::Uncertain(Doubt::LateReply);
const TIMEOUT: Quality = Quality::Bad(crate::record::Fault::Timeout);
const DAMAGED: Quality = Quality::Bad(crate::record::Fault::BadCrc);
const FOREIGN: Quality = Quality::Bad(crate::record::Fault::ForeignReply);
const DOWN: Quality = Quality::Bad(crate::record::Fault::LinkDown);

/// The worst that is said of the request that the fault befalls, after a first turn without
/// faults. Past the second cycle all is good again.
async fn told(wire: Wire, fault: Fault) -> Quality {
    // The second request of the first unit's second turn: the two first turns are 5 requests
    // each on RTU (a probe to begin with, two reads, a probe after each), and 2 on TCP.
    let nth = if wire.is_rtu() { 12 } else { 5 };
    let script = Script { wire, fault: fault.clone(), hits: Hits::Nth(nth) };
    let (log, _) = poll_for(&script, 30 * EVERY).await;
    let qualities: Vec<_> = log.iter().map(|(_, reading)| reading.quality).collect();
    assert!(qualities[..4].iter().all(|quality| quality.is_good()), "{wire:?} {fault:?}");
    assert!(qualities.ends_with(&[GOOD; 12]), "{wire:?} {fault:?}: recovers");
    let hit = log.iter().filter(|(_, reading)| {
        let reads = |index| {
            let registers = reading.samples.iter().filter_map(|sample| sample.tag.registers());
            registers.map(|registers| registers.address.index).any(|found| found == index)
        };
        reading.unit == Some(1) && reads(300)
    });
    let qualities: Vec<_> = hit.map(|(_, reading)| reading.quality).collect();
    qualities[1]
}

#[tokio::test(start_paused = true)]
async fn each_fault_is_told_for_what_it_is() {
    // fault, and what is said over TCP, RTU over TCP, and RTU
    let table = [
        (Fault::Late(400 * MS), [TIMEOUT, TIMEOUT, TIMEOUT]),
        (Fault::Overtaken(400 * MS), [TIMEOUT, TIMEOUT, TIMEOUT]),
        (Fault::Silent, [TIMEOUT, TIMEOUT, TIMEOUT]),
        (Fault::Twice(Duration::ZERO), [GOOD, DAMAGED, DAMAGED]),
        (Fault::Twice(5 * MS), [GOOD, LATE, LATE]),
        (Fault::Again(5 * MS), [GOOD, LATE, LATE]),
        (Fault::Behind(1), [TIMEOUT, FOREIGN, FOREIGN]),
        (Fault::Cut(5), [TIMEOUT, TIMEOUT, TIMEOUT]),
        (Fault::Trickle(1000 * MS), [TIMEOUT, TIMEOUT, TIMEOUT]),
        (Fault::Split(3, 20 * MS), [GOOD, GOOD, GOOD]),
        (Fault::WrongUnit, [FOREIGN, FOREIGN, FOREIGN]),
        (Fault::WrongFunction, [FOREIGN, FOREIGN, FOREIGN]),
        (Fault::WrongCount(1), [FOREIGN, FOREIGN, FOREIGN]),
        (Fault::Flip(30), [FOREIGN, DAMAGED, DAMAGED]),
        (Fault::Before(vec![0]), [FOREIGN, DAMAGED, DAMAGED]),
        // A zero after a CRC leaves the CRC right (it is 0), and the length wrong.
        (Fault::After(vec![0]), [GOOD, FOREIGN, FOREIGN]),
        (Fault::After(vec![1]), [GOOD, DAMAGED, DAMAGED]),
        (Fault::OnlyOwnRequest, [FOREIGN, FOREIGN, FOREIGN]),
        (Fault::HalfOpen, [TIMEOUT, TIMEOUT, TIMEOUT]),
        (Fault::Close, [DOWN, DOWN, DOWN]),
        (Fault::CloseAfter(5), [DOWN, DOWN, DOWN]),
    ];
    let mut wrong = vec![];
    for (fault, expected) in table {
        for (wire, expected) in [Wire::Tcp, Wire::RtuOverTcp, RTU].into_iter().zip(expected) {
            if wire == RTU && fault == Fault::HalfOpen {
                continue; // a serial line has one end
            }
            let told = told(wire, fault.clone()).await;
            if told != expected {
                wrong.push(format!("{wire:?} {fault:?}: {told:?}, expected {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each of these was true once, or is true of the neighbouring request, and comes in the shape
/// and at the time of the answer. If one of them is told one day, the better.
#[tokio::test(start_paused = true)]
async fn what_leaves_no_trace_is_believed() {
    let untold = [
        // One old reply in place of the true one, which is lost: a turn is four requests.
        (RTU, Fault::Behind(4), Hits::Nth(10)),
        // A unit that always repeats its last turn, and whose probes carry no nonce.
        (Wire::Rtu(Echo::Refused), Fault::Behind(4), Hits::Unit(1)),
        // One that is a request behind and answers no probe; and one without identifiers.
        (Wire::Rtu(Echo::Mute), Fault::Behind(1), Hits::Always(1)),
        (Wire::TcpZero, Fault::Behind(1), Hits::Unit(1)),
    ];
    let mut told = BTreeSet::new();
    for (wire, fault, hits) in untold {
        let script = Script { wire, fault: fault.clone(), hits };
        let start = Instant::now();
        let (log, _) = poll_for(&script, 40 * EVERY).await;
        let mut n_lies = 0;
        let mut since = Duration::ZERO;
        for turn in log.chunk_by(|(before, _), (at, _)| before == at) {
            for (_, reading) in turn {
                n_lies += reading.samples.iter().filter_map(|s| lie(since, reading, s)).count();
            }
            since = turn.first().map_or(since, |(at, _)| *at - start);
        }
        if n_lies == 0 {
            told.insert(format!("{wire:?} {fault:?} {hits:?}"));
        }
    }
    assert_eq!(told, BTreeSet::new(), "told after all: say so in `rtu`");
}
