//! Situations of a line, the score they get and the cause they are put down to.

use super::*;

const GOOD: UnitCount =
    UnitCount { answers: 100, timeouts: 0, damaged: 0, foreign: 0, probes: 0, ignored_probes: 0 };
const OFF: UnitCount = UnitCount { answers: 0, timeouts: 9, ..GOOD };

fn line(units: &[UnitCount]) -> LineCount {
    let units = (1..).zip(units.iter().copied()).collect();
    LineCount { units, uart: Uart::Refused, ..LineCount::default() }
}

fn port(uart: UartCount, count: LineCount) -> LineCount {
    LineCount { uart: Uart::Counted(UartCount { received_bytes: 5000, ..uart }), ..count }
}

fn judged(count: &LineCount) -> Verdict {
    judge(&Evidence { count, heard: Heard::Something, drift: None })
}

fn damaged(damaged: u64) -> UnitCount {
    UnitCount { answers: 100 - damaged, damaged, ..GOOD }
}

fn timed_out(timeouts: u64) -> UnitCount {
    UnitCount { answers: 100 - timeouts, timeouts, ..GOOD }
}

#[test]
fn each_situation_has_its_score_and_its_cause_in_words() {
    let clean = UartCount::default();
    let framing = UartCount { framing: 18, breaks: 3, ..clean };
    let parity = UartCount { parity: 40, framing: 2, ..clean };
    let overruns = UartCount { overruns: 6, ..clean };
    let breaks = UartCount { breaks: 60, ..clean };
    let noisy = LineCount { noise: 50, discarded_bytes: 60, ..line(&[GOOD]) };
    let babbling = LineCount { babbles: 12, ..line(&[UnitCount { answers: 8, ..GOOD }]) };
    let crowded = LineCount { strays: 30, ..line(&[UnitCount { foreign: 10, ..GOOD }]) };
    let late = LineCount { strays: 18, ..line(&[timed_out(20)]) };
    let remote = LineCount { uart: Uart::Remote, ..line(&[damaged(20)]) };
    let situations = [
        (port(framing, line(&[damaged(20)])), 29..=29, "another baud rate or number of stop bits"),
        (port(parity, line(&[damaged(40)])), 0..=0, "parity errors: another parity"),
        (port(overruns, line(&[damaged(9)])), 65..=75, "this host takes bytes too late"),
        (port(breaks, line(&[GOOD])), 60..=60, "something holds the line low"),
        (port(clean, line(&[damaged(20)])), 50..=50, "a device, or a gateway or converter"),
        (line(&[damaged(20)]), 50..=50, "no UART counters"),
        (remote, 50..=50, "noise on the line behind the gateway"),
        (line(&[GOOD, damaged(40)]), 50..=50, "replies of unit 2, hardly of others"),
        (line(&[OFF, OFF]), 0..=0, "time-outs of most units: a loose wire"),
        (line(&[timed_out(20), timed_out(30)]), 50..=50, "a loose wire, TX and RX"),
        (late, 32..=35, "raise `timeout`"),
        (babbling, 0..=0, "never silent: another master"),
        (crowded, 49..=51, "another master, two devices with one address"),
        (noisy, 60..=60, "no bias on the line"),
    ];
    for (count, score, sentence) in situations {
        let verdict = judged(&count);
        let text = verdict.cause.unwrap().sentence(count.uart);
        assert!(score.contains(&verdict.score) && text.contains(sentence), "{verdict:?} {text}");
        assert!(verdict.score < 80, "worth an event: {verdict:?}");
        assert!(text.len() > 60 && text.len() < 300, "{text}");
    }
}

#[test]
fn a_line_on_which_nothing_was_ever_heard_sends_for_the_multimeter() {
    for uart in [Uart::Refused, Uart::Remote, Uart::default()] {
        let count = LineCount { uart, ..line(&[OFF]) };
        let heard = Heard::default().after(&count);
        let verdict = judge(&Evidence { count: &count, heard, drift: None });
        assert_eq!(verdict, Verdict { score: 0, cause: Some(Cause::Mute) });
        let text = verdict.cause.unwrap().sentence(uart);
        assert!(text.contains("200 mV") && text.contains("-3 to -15 V"), "{text}");
    }
}

#[test]
fn bytes_that_make_no_frame_are_something_heard() {
    let some = LineCount { discarded_bytes: 1, ..line(&[OFF]) };
    let bytes = port(UartCount::default(), line(&[OFF]));
    for count in [some, bytes, line(&[GOOD])] {
        assert_eq!(Heard::Never.after(&count), Heard::Something);
        assert_eq!(Heard::Something.after(&line(&[OFF])), Heard::Something);
    }
}

#[test]
fn what_is_normal_costs_next_to_nothing() {
    let dead_probe = UnitCount { probes: 4, ignored_probes: 4, answers: 0, ..GOOD };
    let mute = UnitCount { probes: 30, ignored_probes: 30, ..GOOD };
    let normal = [
        line(&[GOOD]),
        port(UartCount::default(), line(&[GOOD, GOOD])),
        line(&[damaged(1)]),
        line(&[GOOD, OFF]),
        line(&[GOOD, GOOD, OFF, OFF]),
        line(&[GOOD, dead_probe, dead_probe]),
        line(&[mute]),
        LineCount { noise: 1, ..line(&[GOOD]) },
    ];
    for count in normal {
        assert!(judged(&count).score > 95, "{count:?}");
    }
    assert_eq!(judged(&line(&[GOOD])), Verdict { score: 100, cause: None });
}

#[test]
fn probes_that_are_all_ignored_are_silence_in_the_end() {
    let silent = UnitCount { answers: 0, probes: 5, ignored_probes: 5, ..GOOD };
    assert_eq!(judged(&line(&[silent])), Verdict { score: 0, cause: Some(Cause::Silence) });
}

#[test]
fn a_port_that_saw_few_errors_does_not_explain_many_damaged_replies() {
    let one = UartCount { framing: 1, ..UartCount::default() };
    let cause = judged(&port(one, line(&[damaged(30)]))).cause;
    assert_eq!(cause, Some(Cause::Corruption(Whose::Any)));
}

#[test]
fn replies_that_take_four_times_as_long_degrade_a_line() {
    let count = line(&[GOOD]);
    let at = |drift| judge(&Evidence { count: &count, heard: Heard::Something, drift });
    assert_eq!(at(Some(2.0)).score, 100);
    assert_eq!(at(Some(0.1)).score, 100);
    assert_eq!(at(Some(4.0)), Verdict { score: 75, cause: Some(Cause::Slowness) });
    assert_eq!(at(Some(1e9)).score, 60);
}

#[test]
fn more_trouble_never_scores_better() {
    for n in 0..100 {
        assert!(judged(&line(&[damaged(n + 1)])).score <= judged(&line(&[damaged(n)])).score);
        assert!(judged(&line(&[timed_out(n + 1)])).score <= judged(&line(&[timed_out(n)])).score);
    }
}
