//! Each fault on each kind of link, at every request of the first cycles and at many: no sample
//! may be `Good` and wrong, and three cycles after the fault every sample is `Good` again.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::record::{Quality, Reading};

use super::fake::{EVERY, Echo, Hits, Record, Script, TIMEOUT, Wire, lie, poll_for};
use super::unit::Fault;

pub(super) const WIRES: [Wire; 8] = [
    Wire::Tcp,
    Wire::TcpZero,
    Wire::TcpTwo,
    Wire::RtuOverTcp,
    Wire::RtuEchoing,
    Wire::Rtu(Echo::Served),
    Wire::Rtu(Echo::Refused),
    Wire::Rtu(Echo::Ignored),
];

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One run. Returns what went wrong.
async fn verdict(script: &Script, settled_within: Duration) -> Vec<String> {
    let start = Instant::now();
    let hit_for = match script.hits {
        Hits::Nth(_) => 3 * EVERY,
        Hits::EveryNth(_) | Hits::Unit(_) | Hits::Always(_) | Hits::From(_) => 4 * EVERY,
    };
    let latest = if let Fault::Trickle(gap) = script.fault { gap * 13 } else { ms(0) };
    let latest = latest.max(ms(3500));
    let (log, record) = poll_for(script, hit_for + latest + settled_within + 2 * EVERY).await;
    wrong(&log, &record, start, settled_within)
}

/// What is wrong with the readings of one run.
fn wrong(
    log: &[(Instant, Reading)],
    record: &Record,
    start: Instant,
    settled_within: Duration,
) -> Vec<String> {
    let mut wrong = lies(log, start);
    let settled = record.last_fault.unwrap_or(start) + settled_within + TIMEOUT;
    let late = log.iter().filter(|(at, _)| *at > settled);
    let (good, bad): (Vec<_>, Vec<_>) =
        late.map(|(_, reading)| reading).partition(|reading| reading.quality == Quality::Good);
    if let Some(reading) = bad.first() {
        wrong.push(format!("not recovered: {:?} {:?}", reading.quality, reading.detail));
    }
    let units: BTreeSet<_> = good.iter().map(|reading| reading.unit).collect();
    if units.len() != 2 {
        wrong.push(format!("only units {units:?} have good readings in the end"));
    }
    wrong
}

/// What is wrong with the `Good` samples of one run. A turn tells of each tag of one unit once, and
/// that, not the time between readings, says where the next one begins.
pub(super) fn lies(log: &[(Instant, Reading)], start: Instant) -> Vec<String> {
    let mut lies = vec![];
    let (mut since, mut last) = (Duration::ZERO, Duration::ZERO);
    let (mut unit, mut told) = (None, BTreeSet::new());
    for (at, reading) in log {
        let tags = reading.samples.iter().map(|sample| &*sample.tag.name);
        if reading.unit != unit || tags.clone().any(|tag| told.contains(tag)) {
            (since, unit) = (last, reading.unit);
            told.clear();
        }
        told.extend(tags);
        last = *at - start;
        lies.extend(reading.samples.iter().filter_map(|sample| lie(since, reading, sample)));
    }
    lies
}

/// Each fault once at every request of the first cycles, and again and again.
async fn try_all(wires: &[Wire], faults: &[Fault]) {
    let once = [0, 1, 2, 3, 4, 5, 7, 10].map(Hits::Nth);
    let often = [1, 2, 3, 5, 7].map(Hits::EveryNth);
    try_each(wires, faults, &[&once[..], &often].concat()).await;
}

async fn try_each(wires: &[Wire], faults: &[Fault], hits: &[Hits]) {
    let mut wrong = vec![];
    for wire in wires {
        for fault in faults {
            for hits in hits {
                let script = Script { wire: *wire, fault: fault.clone(), hits: *hits };
                for what in verdict(&script, 3 * EVERY).await {
                    wrong.push(format!("{wire:?} {fault:?} {hits:?}: {what}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn without_faults_everything_is_good_from_the_first_cycle_on() {
    for wire in WIRES {
        let script = Script { wire, fault: Fault::None, hits: Hits::Nth(0) };
        let (log, _) = poll_for(&script, 10 * EVERY).await;
        assert_eq!(log.len(), 40, "{wire:?}: two units with two requests in ten cycles");
        for (_, reading) in log {
            assert_eq!((reading.quality, reading.detail), (Quality::Good, None), "{wire:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_busy_past_the_time_out_never_shifts_values() {
    let late = [210, 400, 990, 1000, 1010, 3300];
    try_all(&WIRES, &late.map(|by| Fault::Late(ms(by)))).await;
}

/// A unit does not answer out of order; something between could. Twice within milliseconds, a
/// reply held back just when another held back earlier comes free, is more than a serial line's
/// replies can show, and is not tried here.
#[tokio::test(start_paused = true)]
async fn a_reply_overtaken_by_others_never_shifts_values() {
    let late = [5, 195, 200, 210, 500, 990, 1000, 1005, 1010, 3010];
    let once: Vec<_> = { 0..16 }.map(Hits::Nth).collect();
    try_each(&WIRES, &late.map(|by| Fault::Overtaken(ms(by))), &once).await;
    try_all(&WIRES[..1], &late.map(|by| Fault::Overtaken(ms(by)))).await;
}

#[tokio::test(start_paused = true)]
async fn a_unit_slower_than_the_time_out_never_shifts_values() {
    let slow: Vec<_> = { 170..460 }
        .step_by(10)
        .chain((480..2100).step_by(60))
        .map(|by| Fault::Overtaken(ms(by)))
        .collect();
    try_each(&WIRES, &slow, &[Hits::EveryNth(1)]).await;
}

#[tokio::test(start_paused = true)]
async fn repeated_replies_never_shift_values() {
    let gaps = [0, 1, 2, 3, 5, 10, 20, 300, 990, 1000, 1003];
    try_all(&WIRES, &gaps.map(|gap| Fault::Twice(ms(gap)))).await;
    let gaps = [0, 1, 2, 3, 4, 5];
    try_all(&WIRES, &gaps.map(|gap| Fault::Again(ms(gap)))).await;
}

/// Linux acknowledges up to 40 ms after the first reply, whenever that comes.
#[tokio::test(start_paused = true)]
async fn a_reply_kept_back_behind_a_repeated_one_never_shifts_values() {
    let late = [0, 10, 20, 30, 50, 70, 90, 110];
    let faults = late.map(|late| [1, 20, 40, 50].map(|gap| Fault::KeptBack(ms(late), ms(gap))));
    let wires = [Wire::Tcp, Wire::TcpZero, Wire::TcpTwo, Wire::RtuOverTcp];
    try_all(&wires, faults.as_flattened()).await;
}

#[tokio::test(start_paused = true)]
async fn replies_to_something_else_are_refused() {
    let faults = [
        Fault::Silent,
        Fault::Close,
        Fault::WrongUnit,
        Fault::WrongFunction,
        Fault::WrongCount(-1),
        Fault::WrongCount(1),
        Fault::Exception(1),
        Fault::Exception(2),
        Fault::Exception(3),
        Fault::Exception(5),
        Fault::Exception(6),
        Fault::Exception(11),
    ];
    try_all(&WIRES, &faults).await;
    try_all(&WIRES[..2], &[Fault::WrongId]).await;
}

#[tokio::test(start_paused = true)]
async fn no_flipped_bit_of_a_frame_is_believed() {
    // Of a serial frame every bit; on TCP nothing but the checksums below protects the registers,
    // so header, function and byte count: as many bytes.
    let flips: Vec<_> = (0..9 * 8).map(Fault::Flip).collect();
    try_each(&WIRES, &flips, &[Hits::Nth(0), Hits::Nth(4), Hits::EveryNth(2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_may_arrive_in_pieces() {
    let faults: Vec<_> =
        (0..13).flat_map(|at| [1, 20, 150].map(|by| Fault::Split(at, ms(by)))).collect();
    try_each(&WIRES, &faults, &[Hits::Nth(1), Hits::EveryNth(1), Hits::EveryNth(3)]).await;
}

#[tokio::test(start_paused = true)]
async fn noise_around_a_reply_is_never_read_as_values() {
    let noise: [&[u8]; 8] =
        [&[0], &[0xff], &[0, 0], &[1], &[1, 3], &[1, 3, 4], &[0, 0, 0, 0, 0, 7], &[0x55; 300]];
    let faults: Vec<_> = { noise }
        .iter()
        .flat_map(|noise| [Fault::Before(noise.to_vec()), Fault::After(noise.to_vec())])
        .collect();
    try_all(&WIRES, &faults).await;
}

#[tokio::test(start_paused = true)]
async fn our_own_request_is_never_read_as_a_reply() {
    let gaps = [0, 1, 2, 3, 5, 20].map(|gap| Fault::OwnRequest(ms(gap)));
    try_all(&WIRES, &gaps).await;
    try_all(&WIRES, &[Fault::OnlyOwnRequest]).await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_cut_short_is_never_read_as_values() {
    let cut: Vec<_> = (1..13).flat_map(|len| [Fault::Cut(len), Fault::CloseAfter(len)]).collect();
    try_each(&WIRES, &cut, &[Hits::Nth(1), Hits::Nth(6), Hits::EveryNth(3)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_never_read_as_values() {
    let once = [0, 1, 2, 5].map(Hits::Nth);
    try_each(&WIRES, &[Fault::Trickle(ms(1000))], &once).await;
    try_each(&WIRES, &[Fault::Trickle(ms(30))], &[Hits::Nth(1), Hits::Unit(2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_header_that_lies_about_its_length_costs_the_connection_at_most() {
    let lies = [0, 1, 2, 254, 255, 256, 65535].map(Fault::Length);
    try_all(&WIRES[..3], &lies).await;
    try_all(&[Wire::Tcp, Wire::TcpTwo], &[Fault::IdZero]).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_open_at_one_end_only_is_replaced() {
    let wires = [Wire::Tcp, Wire::TcpZero, Wire::TcpTwo, Wire::RtuOverTcp];
    try_each(&wires, &[Fault::HalfOpen], &[Hits::Nth(1), Hits::Nth(6), Hits::EveryNth(7)]).await;
}

/// The units that answer a probe, with and without its nonce.
const PROBED: [Wire; 5] = [
    Wire::RtuOverTcp,
    Wire::RtuEchoing,
    Wire::Rtu(Echo::Served),
    Wire::Rtu(Echo::Refused),
    Wire::Rtu(Echo::Ignored),
];
const NUMBERED: [Wire; 2] = [Wire::Tcp, Wire::TcpTwo];

/// No reply is late, missing or to spare. What shows it is that each request differs in shape
/// from the one before.
#[tokio::test(start_paused = true)]
async fn the_reply_to_the_request_before_is_never_believed() {
    for wires in [&PROBED[..], &NUMBERED] {
        try_all(wires, &[Fault::Behind(1)]).await;
        try_each(wires, &[Fault::Behind(1)], &[Hits::Unit(1), Hits::Nth(6)]).await;
    }
}

/// And that the nonce at the end of the turn comes back.
#[tokio::test(start_paused = true)]
async fn a_unit_that_is_any_number_of_requests_behind_is_not_believed() {
    let behind: Vec<_> = { 1..16 }.map(Fault::Behind).collect();
    for wires in [&PROBED[..3], &NUMBERED] {
        try_each(wires, &behind, &[Hits::EveryNth(1), Hits::Unit(1)]).await;
    }
}
