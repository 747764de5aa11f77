//! Polls that stop, second masters, and stations that become slow.

use super::*;

/// What a poll of one request a second, the last one so long after the epoch, is told as.
fn poll(last_s: u64) -> Poll {
    let (interval, last) = (Duration::from_secs(1), time(last_s * SECOND));
    Poll { function: 3, interval, last }
}

#[test]
fn a_poll_that_stops_is_told_once_with_how_its_connection_ended_and_told_when_it_is_back() {
    let mut traffic = Traffic::new();
    traffic.poll(SCADA, &read(100), 20);
    traffic.take_changes();
    traffic.end_block(5);
    assert_eq!(traffic.take_changes(), [], "it may still come");
    (0..3).for_each(|_| traffic.end_block(10));
    let stopped = Change::Stopped { poll: poll(20), ending: Ending::ByClient };
    assert_eq!(traffic.take_changes(), [stopped]);
    traffic.poll(SCADA, &read(100), 9);
    assert_eq!(traffic.take_changes(), [Change::Resumed { poll: poll(20) }]);
    traffic.end_block(60);
    assert_eq!(traffic.take_changes().len(), 1, "and may stop again");
}

#[test]
fn a_client_that_asks_its_station_for_something_else_has_not_stopped() {
    let mut traffic = Traffic::new();
    let other_page = Asked { function: 4, ..read(0) };
    traffic.poll(SCADA, &read(100), 20);
    for _ in 0..30 {
        traffic.poll(SCADA, &other_page, 1);
        traffic.end_block(0);
    }
    assert_eq!(traffic.take_changes(), [Change::Answers]);
    let other_unit = Asked { station: Some(2), ..other_page };
    for _ in 0..30 {
        traffic.poll(SCADA, &other_unit, 1);
        traffic.end_block(0);
    }
    let told = traffic.take_changes();
    assert!(matches!(told[..], [Change::Answers, Change::Stopped { .. }]), "{told:?}");
}

#[test]
fn a_fast_poll_waits_a_while_for_a_slow_one_of_its_client() {
    let mut traffic = Traffic::new();
    for _ in 0..20 {
        traffic.poll(SCADA, &Asked { function: 4, ..read(0) }, 1);
        traffic.poll(SCADA, &read(100), 59);
    }
    traffic.take_changes();
    let told: Vec<_> = (0..60)
        .map(|_| {
            traffic.end_block(10);
            traffic.take_changes().len()
        })
        .collect();
    let when: Vec<_> = (1..).zip(&told).filter(|(_, n)| **n > 0).collect();
    assert_eq!(when, [(3, &1), (25, &1)], "after 28 s, and 302 s after a minute before");
}

#[test]
fn a_poll_that_nobody_looked_after_while_it_was_away_is_told_of_when_it_is_back() {
    let mut traffic = Traffic::new();
    traffic.poll(SCADA, &read(100), 20);
    traffic.take_changes();
    traffic.now_ns += 60 * SECOND;
    traffic.poll(SCADA, &read(100), 20);
    let stopped = Change::Stopped { poll: poll(20), ending: Ending::Open };
    assert_eq!(traffic.take_changes(), [stopped, Change::Resumed { poll: poll(20) }]);
}

#[test]
fn nothing_is_said_of_a_poll_across_a_hole_in_the_capture() {
    let mut traffic = Traffic::new();
    traffic.poll(SCADA, &read(100), 20);
    traffic.take_changes();
    traffic.usages.on_gap();
    traffic.end_block(60);
    traffic.poll(SCADA, &read(100), 3);
    traffic.end_block(60);
    assert_eq!(traffic.take_changes(), []);
    traffic.poll(SCADA, &read(100), 300);
    traffic.end_block(60);
    assert_eq!(traffic.take_changes().len(), 1, "learned anew");
}

#[test]
fn a_client_that_waits_for_news_does_not_poll() {
    let mut traffic = Traffic::new();
    let publish = Asked { operation: Operation::Other, ..read(100) };
    traffic.poll(SCADA, &publish, 60);
    traffic.take_changes();
    (0..10).for_each(|_| traffic.end_block(10));
    assert_eq!(traffic.take_changes(), [], "there is no news");
}

#[test]
fn requests_now_and_then_are_no_poll_that_could_stop() {
    let mut traffic = Traffic::new();
    for nth in 0..100 {
        traffic.poll(SCADA, &read(100), 1);
        traffic.end_block(nth % 7 * 10);
    }
    traffic.end_block(10_000);
    assert_eq!(traffic.take_changes(), [Change::Answers]);
}

#[test]
fn a_change_without_room_is_told_by_the_next_block() {
    let mut traffic = Traffic::new();
    traffic.poll(SCADA, &read(100), 20);
    let change = traffic.report.usage_changes[0].clone();
    traffic.report.usage_changes = vec![change; WireReport::MAX_USAGES];
    traffic.end_block(60);
    assert_eq!((traffic.take_changes().len(), traffic.report.usages_deferred), (64, 1));
    traffic.end_block(1);
    assert_eq!(traffic.take_changes().len(), 1);
}

/// After ten minutes in which one client polled.
fn mastered() -> Traffic {
    let mut traffic = Traffic::new();
    traffic.poll(SCADA, &read(100), 700);
    traffic.take_changes();
    traffic
}

/// Both poll.
fn poll_both(traffic: &mut Traffic, n: u64) {
    for _ in 0..n {
        traffic.ask(OTHER, &read(100));
        traffic.poll(SCADA, &read(100), 1);
    }
}

#[test]
fn a_second_client_that_polls_beside_the_first_is_told_once() {
    let mut traffic = mastered();
    poll_both(&mut traffic, 100);
    let (master, since) = (key(SCADA, PLC).client().ip(), time(SECOND));
    assert_eq!(traffic.report.usage_changes[0].client, key(OTHER, PLC).client().ip());
    assert_eq!(traffic.take_changes(), [Change::SecondMaster { master, since }]);
}

#[test]
fn a_second_client_that_writes_once_is_told_at_once_and_one_that_reads_once_is_not() {
    let mut traffic = mastered();
    traffic.ask(OTHER, &read(100));
    assert_eq!(traffic.take_changes(), []);
    traffic.ask(OTHER, &write(1, 17));
    assert!(matches!(traffic.take_changes()[..], [Change::SecondMaster { .. }]));
}

#[test]
fn a_client_that_takes_over_is_no_second_master_and_neither_are_two_of_old() {
    let mut traffic = mastered();
    traffic.poll(OTHER, &read(100), 700);
    traffic.report.usage_changes.retain(|change| !matches!(change.what, Change::Stopped { .. }));
    assert_eq!(traffic.take_changes(), [], "the first fell silent");
    let mut traffic = Traffic::new();
    poll_both(&mut traffic, 2000);
    assert_eq!(traffic.take_changes(), [Change::Answers]);
}

#[test]
fn a_station_that_becomes_slow_is_told_with_both_medians() {
    let mut traffic = Traffic::new();
    let mut answer = |n: u32, latency_ns| {
        for _ in 0..n {
            let handle = traffic.ask(SCADA, &read(100));
            traffic.answer(handle, latency_ns, Answer::Served);
            traffic.answer(handle, 9 * SECOND, Answer::Refused); // proves nothing of its speed
            traffic.now_ns += SECOND;
        }
        traffic.take_changes()
    };
    assert_eq!(answer(500, 5_000_000), [Change::Answers]);
    let ms = Duration::from_millis;
    assert_eq!(answer(99, 80_000_000), [Change::Slower(Pace { usual: ms(5), recent: ms(80) })]);
    assert_eq!(answer(99, 6_000_000), [Change::AsUsual(Pace { usual: ms(5), recent: ms(6) })]);
}
