use crate::wire::modbus::request::Span;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn station() -> Station {
    Station::new(&[ReadRequest::Holding(Span { first: 0, count: 4 })], SECOND)
}

fn settled(now: Instant) -> Station {
    let mut station = station();
    assert_eq!(station.next_probe(now), Some(Probe::Echo));
    station.on_probe_answer(&Values::Echo);
    station
}

#[test]
fn nothing_is_believed_before_a_probe_was_answered() {
    let now = Instant::now();
    assert_eq!(station().confidence(now), Confidence::Unsettled);
    assert_eq!(settled(now).confidence(now), Confidence::Proven);
}

#[test]
fn a_refused_narrower_read_settles_nothing() {
    let now = Instant::now();
    let mut station = station();
    station.next_probe(now);
    station.on_probe_failure(now);
    assert!(matches!(station.next_probe(now), Some(Probe::OtherQuantity(_))));
    station.on_probe_answer(&Values::Exception(2));
    assert!(!station.is_settled());
    station.on_probe_answer(&Values::Registers(vec![0]));
    assert!(station.is_settled());
}

#[test]
fn a_probe_without_an_answer_is_spent_until_another_settles_the_unit() {
    let now = Instant::now();
    let mut station = settled(now);
    station.on_suspicion();
    assert_eq!(station.next_probe(now), Some(Probe::Echo), "the one that held");
    station.on_probe_failure(now);
    assert_ne!(station.next_probe(now), Some(Probe::Echo));
    station.on_probe_answer(&Values::Registers(vec![0]));
    assert!(station.is_settled());
    station.on_suspicion();
    station.on_probe_failure(now);
    assert_eq!(station.next_probe(now), Some(Probe::Echo));
}

#[test]
fn each_stray_puts_one_reading_in_doubt_and_starts_a_vigil() {
    let now = Instant::now();
    let mut station = settled(now);
    station.on_asked(now);
    station.on_stray(now + SECOND);
    assert!(!station.is_settled() && station.needs_confirmation(now + SECOND));
    station.next_probe(now);
    station.on_probe_answer(&Values::Echo);
    assert_eq!(station.confidence(now), Confidence::LateReply(SECOND));
    assert_eq!(station.confidence(now), Confidence::Proven);
    assert!(!station.needs_confirmation(now + 20 * SECOND));
}

#[test]
fn a_unit_that_is_mute_is_believed_once_the_vigil_is_over() {
    let now = Instant::now();
    let mut station = station();
    station.on_failure(&Cause::timeout(0), now);
    for _ in 0..3 {
        station.on_mute();
    }
    assert_eq!(station.next_probe(now), None);
    assert_eq!(station.confidence(now), Confidence::Unsettled);
    assert_eq!(station.confidence(now + 20 * SECOND), Confidence::Proven);
}

#[test]
fn silence_says_something_only_after_twice_the_worst_lateness() {
    let now = Instant::now();
    let mut station = station();
    let timeout = SECOND / 2;
    station.on_asked(now);
    assert_eq!(station.quiet_for(now, timeout), Some(SECOND));
    assert_eq!(station.quiet_for(now + SECOND, timeout), None);
    station.on_stray(now + 2 * SECOND);
    assert_eq!(station.quiet_for(now, timeout), Some(4 * SECOND));
}

#[test]
fn a_damaged_reply_needs_a_probe_and_no_vigil() {
    let now = Instant::now();
    let mut station = settled(now);
    let damaged = crate::wire::modbus::rtu::Frame::parse(&[1, 3, 2, 0, 0, 0, 0]).unwrap_err();
    station.on_failure(&damaged.into(), now);
    assert!(!station.is_settled() && !station.needs_confirmation(now));
}

#[test]
fn a_probe_stands_between_two_requests_of_one_shape() {
    let now = Instant::now();
    let mut station = settled(now);
    let holding = |first, count| ReadRequest::Holding(Span { first, count }).into();
    assert!(station.closes_turns(now) && !station.has_open_turn());
    station.open_turn(holding(0, 4));
    assert!(station.may_confuse(holding(100, 4)) && !station.may_confuse(holding(100, 5)));
    assert_eq!(station.closing_probe(now), Some(Probe::Echo));
    station.on_probe_answer(&Values::Echo);
    station.on_closing(now);
    assert!(!station.may_confuse(holding(100, 4)));
    assert_eq!(station.close_turn(), Confidence::Proven);
}

#[test]
fn a_turn_is_in_doubt_if_its_probe_fails_or_another_reply_was_heard_meanwhile() {
    let now = Instant::now();
    let request = ReadRequest::Holding(Span { first: 0, count: 4 }).into();
    let mut station = settled(now);
    station.open_turn(request);
    station.closing_probe(now);
    station.on_closing(now);
    assert_eq!(station.close_turn(), Confidence::Unsettled);

    let mut station = settled(now);
    station.on_asked(now);
    station.open_turn(request);
    station.on_stray(now + SECOND);
    station.on_probe_answer(&Values::Echo);
    assert_eq!(station.confidence(now), Confidence::LateReply(SECOND), "the reading after it");
    assert_eq!(station.close_turn(), Confidence::LateReply(SECOND), "and those before");
    assert!(!station.is_settled());
}

#[test]
fn a_turn_that_ended_with_a_failure_is_not_probed() {
    let now = Instant::now();
    let mut station = settled(now);
    station.open_turn(ReadRequest::Holding(Span { first: 0, count: 4 }).into());
    station.on_failure(&Cause::timeout(0), now);
    assert_eq!(station.closing_probe(now), None);
    station.on_closing(now);
    assert_eq!(station.close_turn(), Confidence::Unsettled);
}
