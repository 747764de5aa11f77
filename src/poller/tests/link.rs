//! What a link does over time: back-off, recovery, splitting, stopping.

use std::time::Duration;

use tokio::time::Instant;

use crate::record::{Doubt, Quality};

use super::super::*;
use super::fake::{EVERY, Echo, Hits, Script, Wire, lie, link, poll_for, poll_link_for};
use super::unit::Fault;

const RTU: Wire = Wire::Rtu(Echo::Served);

fn qualities(log: &[(Instant, Reading)], unit: u8) -> Vec<Quality> {
    let of_unit = log.iter().filter(|(_, reading)| reading.unit == Some(unit));
    of_unit.map(|(_, reading)| reading.quality).collect()
}

#[tokio::test(start_paused = true)]
async fn a_dead_unit_backs_off_and_does_not_slow_the_others() {
    for wire in [Wire::Tcp, Wire::TcpZero, Wire::RtuOverTcp, RTU] {
        let script = Script { wire, fault: Fault::Silent, hits: Hits::Unit(2) };
        let start = Instant::now();
        let (log, _) = poll_for(&script, 12 * EVERY).await;
        assert!(qualities(&log, 1).iter().all(|quality| quality.is_good()), "{wire:?}");
        assert_eq!(qualities(&log, 1).len(), 24, "{wire:?}: every cycle of the other unit");
        for (at, reading) in log.iter().filter(|(_, reading)| reading.unit == Some(1)) {
            let phase = (*at - start).as_millis() % EVERY.as_millis();
            // Without identifiers each of two replies is followed by 60 ms of listening.
            let most = if wire == Wire::TcpZero { 150 } else { 100 };
            assert!(phase < most, "{wire:?}: {phase} ms late, {:?}", reading.quality);
        }
        let of_dead = qualities(&log, 2);
        assert!(of_dead.contains(&Quality::Bad(crate::record::Fault::Timeout)), "{wire:?}");
        assert!(of_dead.ends_with(&[Quality::Good; 4]), "{wire:?}: recovered");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_is_told_as_uncertain_and_then_forgotten() {
    let late = Fault::Late(Duration::from_millis(300));
    let script = Script { wire: RTU, fault: late, hits: Hits::Nth(6) };
    let (log, _) = poll_for(&script, 6 * EVERY).await;
    let is_doubtful = |reading: &&Reading| reading.quality == Quality::Uncertain(Doubt::LateReply);
    let doubtful: Vec<_> = log.iter().map(|(_, reading)| reading).filter(is_doubtful).collect();
    let detail = |reading: &&&Reading| reading.detail.as_deref().unwrap().to_owned();
    assert!(doubtful.iter().any(|reading| detail(&reading).contains("raise `timeout`")));
    let mut samples = doubtful.iter().flat_map(|reading| &reading.samples);
    assert!(samples.all(|sample| sample.value.is_some() && !sample.quality.is_good()));
    assert_eq!(log.last().unwrap().1.quality, Quality::Good);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_answers_no_probe_is_believed_again_after_silence() {
    for hits in [Hits::Nth(0), Hits::Nth(9), Hits::Nth(40), Hits::Nth(41), Hits::EveryNth(3)] {
        for by in [300, 700, 1010] {
            let fault = Fault::Late(Duration::from_millis(by));
            let script = Script { wire: Wire::Rtu(Echo::Mute), fault, hits };
            let (log, _) = poll_for(&script, 60 * EVERY).await;
            for (_, reading) in &log {
                let lies = reading.samples.iter().filter_map(|s| lie(Duration::ZERO, reading, s));
                assert_eq!(lies.count(), 0, "{hits:?} {by}");
            }
            for unit in [1, 2] {
                assert!(qualities(&log, unit).ends_with(&[Quality::Good; 4]), "{hits:?} {by}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_device_refuses_is_asked_for_in_smaller_parts() {
    let script = Script { wire: RTU, fault: Fault::Exception(2), hits: Hits::EveryNth(1) };
    let (log, _) = poll_for(&script, 10 * EVERY).await;
    let (last, _) = log.last().unwrap();
    let turn: Vec<_> = log.iter().filter(|(at, _)| at == last).collect();
    assert_eq!(turn.len(), 4, "one request for each tag");
    assert!(turn.iter().all(|(_, reading)| reading.quality.is_good()));
}

#[tokio::test(start_paused = true)]
async fn what_a_device_does_not_have_is_named_and_asked_for_ever_more_rarely() {
    for wire in [Wire::Tcp, RTU] {
        let fault = Fault::Exception(2);
        let script = Script { wire, fault, hits: Hits::From(300) };
        let (log, _) = poll_for(&script, 60 * EVERY).await;
        let refused = Quality::Bad(crate::record::Fault::Exception(2));
        let asked: Vec<_> = log.iter().filter(|(_, r)| r.quality == refused).collect();
        assert!((12..18).contains(&asked.len()), "{wire:?}: asked {} times", asked.len());
        let why = asked.last().unwrap().1.detail.as_deref().unwrap();
        assert!(why.contains("w300 (holding:300) refused"), "{why}");
        assert!(why.contains("not asked again for 31.875s"), "{why}");
        let good = |index: u16| {
            let samples = log.iter().flat_map(|(_, reading)| &reading.samples);
            let here = |s: &&crate::record::Sample| {
                s.tag.registers().is_some_and(|r| r.address.index == index)
            };
            samples.filter(here).filter(|s| s.quality.is_good()).count()
        };
        assert_eq!((good(100), good(300), good(301)), (120, 0, 118), "{wire:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_device_is_asked_again_within_its_turn() {
    for (wire, code) in [(Wire::Tcp, 5), (Wire::Tcp, 6), (Wire::RtuOverTcp, 6)] {
        let script = Script { wire, fault: Fault::Exception(code), hits: Hits::EveryNth(4) };
        let (log, _) = poll_for(&script, 10 * EVERY).await;
        assert!(log.iter().all(|(_, reading)| reading.quality.is_good()), "{wire:?} {code}");
        assert_eq!(log.len(), 40, "{wire:?} {code}");
    }
}

/// The unit takes 5 ms to answer, and silence 2 ms.
#[tokio::test(start_paused = true)]
async fn on_a_settled_line_one_request_follows_another_after_the_silence_between_frames() {
    for wire in [RTU, Wire::RtuOverTcp] {
        let script = Script { wire, fault: Fault::None, hits: Hits::Nth(0) };
        let (log, record) = poll_for(&script, 5 * EVERY).await;
        assert!(log.iter().all(|(_, reading)| reading.quality.is_good()), "{wire:?}");
        // A unit's turn, after its first: two reads of one shape and a probe after each.
        for turn in record.requested[10..].chunks_exact(4) {
            let took = (turn[3] - turn[0]).as_millis();
            assert!((21..=24).contains(&took), "{wire:?}: {took} ms from first to last");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_waits_for_its_pause() {
    let pause = Duration::from_millis(70);
    for wire in [Wire::Tcp, RTU] {
        let script = Script { wire, fault: Fault::None, hits: Hits::Nth(0) };
        let slow = Arc::new(Link { pause, ..Link::clone(&link(wire)) });
        let (log, record) = poll_link_for(slow, &script, 5 * EVERY).await;
        let gaps = record.requested.windows(2).map(|pair| pair[1] - pair[0]);
        let shortest = gaps.min().unwrap();
        assert!((75..90).contains(&shortest.as_millis()), "{wire:?}: {shortest:?}");
        assert!(log.iter().all(|(_, reading)| reading.quality.is_good()), "{wire:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_device_go_out_together_where_that_is_allowed() {
    for (max_in_flight, gap) in [(1, 5), (2, 0)] {
        let script = Script { wire: Wire::Tcp, fault: Fault::None, hits: Hits::Nth(0) };
        let link = Arc::new(Link { max_in_flight, ..Link::clone(&link(Wire::Tcp)) });
        let (log, record) = poll_link_for(link, &script, 5 * EVERY).await;
        assert_eq!(log.len(), 20);
        assert!(log.iter().all(|(_, reading)| reading.quality.is_good()));
        // The end of polling may cut the last pair in two.
        for pair in record.requested.chunks_exact(2) {
            assert_eq!((pair[1] - pair[0]).as_millis(), gap, "{max_in_flight} in flight");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn polling_ends_when_it_is_told_to_or_nobody_listens() {
    let (readings, received) = mpsc::channel(1);
    let stop = CancellationToken::new();
    stop.cancel();
    run("line".into(), link(Wire::Tcp), readings.clone(), stop).await;
    drop(received);
    run("line".into(), link(RTU), readings, CancellationToken::new()).await;
}

#[test]
fn a_poller_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let (readings, _received) = mpsc::channel(1);
    is_send(&run("line".into(), link(RTU), readings, CancellationToken::new()));
    is_send(&read_once(&link(RTU)));
}
