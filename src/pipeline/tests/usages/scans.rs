//! Clients that search.

use super::*;

/// What is told when the window of these news ends, and when nothing can be answered any more.
fn window(
    pipeline: &mut Pipeline,
    usages: impl IntoIterator<Item = Usage>,
    answers: impl IntoIterator<Item = UsageChange>,
) -> Vec<Event> {
    let usages: Vec<_> = usages.into_iter().collect();
    let last = usages.iter().map(|usage| usage.at).max().unwrap();
    let mut events = see(pipeline, usages, answers);
    pipeline.on_window_end(last + Duration::from_secs(1));
    events.extend(drain(pipeline));
    assert!(events.iter().all(|event| event.kind != Kind::DeviceScanned), "answers may come");
    pipeline.on_window_end(last + Duration::from_secs(6));
    events.extend(drain(pipeline));
    events.retain(|event| event.kind == Kind::DeviceScanned);
    events
}

fn unit(seconds: u64, client: u8, unit: u32) -> Usage {
    Usage { station: Some(unit), ..usage(seconds, client) }
}

#[test]
fn a_client_that_asks_unit_after_unit_is_told_once_and_then_counted() {
    let mut pipeline = settled();
    let events = window(&mut pipeline, (2..=41).map(|nth| unit(0, 66, nth)), []);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    device.scanned: 192.0.2.66 asked within 0s for much that nobody asked for before: stations 40, servers 1, functions 1; unanswered or refused: 40; somebody searches for devices, or a client was started that is new or configured for another plant; find the host and what runs on it
      protocol = Text("modbus")
      client = Text("192.0.2.66")
      server = Text("192.0.2.10:502")
      unit = Unsigned(2)
      servers = Unsigned(1)
      stations = Unsigned(40)
      functions = Unsigned(1)
      news = Unsigned(40)
      fruitless = Unsigned(40)
      span_ms = Real(0.0)
      trust = Text("full")
    "#);
    assert_eq!(window(&mut pipeline, (42..=91).map(|nth| unit(5, 66, nth)), []), []);
    assert_eq!(pipeline.ledgers()["notes"].noted["scans_repeated"], 50);
    let events = window(&mut pipeline, (92..=131).map(|nth| unit(400, 66, nth)), []);
    assert_eq!(events.len(), 1, "it goes on");
}

#[test]
fn a_slow_search_is_found_because_nobody_answers() {
    let mut pipeline = settled();
    let mut events = vec![];
    for nth in 2..=33_u32 {
        events.extend(window(&mut pipeline, [unit(u64::from(nth) * 10, 66, nth)], []));
    }
    assert_eq!(events.len(), 1);
    assert_eq!(field(&events[0], "fruitless"), Some(&Scalar::Unsigned(16)));
}

#[test]
fn a_client_that_starts_and_is_answered_is_no_scan_while_the_capture_learns() {
    let units = || (1..=60).map(|nth| unit(0, 5, nth));
    let answers =
        (1..=60).map(|nth| UsageChange { station: Some(nth), ..change(0, 5, Change::Answers) });
    assert_eq!(window(&mut quiet(), units(), answers), []);
    // Nor is one that asks one dead unit for many blocks.
    let address = |nth: u64| Usage { news: News::Address, ..usage(nth / 10, 5) };
    assert_eq!(window(&mut quiet(), (0..60).map(address), []), []);
}

fn answers(seconds: u64, units: std::ops::RangeInclusive<u32>) -> Vec<UsageChange> {
    let answer = |nth| UsageChange { station: Some(nth), ..change(seconds, 5, Change::Answers) };
    units.map(answer).collect()
}

#[test]
fn a_client_that_starts_just_before_a_window_ends_is_no_scan_if_answers_come_after_it() {
    for (n_answered, n_told) in [(30, 0), (8, 1)] {
        let mut pipeline = settled();
        see(&mut pipeline, (2..=31).map(|nth| unit(8, 5, nth)), []);
        pipeline.on_window_end(at(9));
        see(&mut pipeline, [usage(9, 5)], answers(9, 2..=n_answered + 1));
        (10..16).for_each(|seconds| pipeline.on_window_end(at(seconds)));
        let told = kinds(&mut pipeline);
        assert_eq!(told, vec![Kind::DeviceScanned; n_told]);
    }
}

#[test]
fn a_search_that_never_pauses_is_found_all_the_same() {
    let mut pipeline = settled();
    let mut told = vec![];
    for (seconds, hundred) in (1..20).zip(1..) {
        let units = (0..100).map(|nth| unit(seconds, 66, 100 * hundred + nth));
        told.extend(see(&mut pipeline, units, []));
        pipeline.on_window_end(at(seconds));
        told.extend(drain(&mut pipeline));
    }
    assert_eq!(told.iter().map(|event| event.kind).collect::<Vec<_>>(), [Kind::DeviceScanned]);
}

#[test]
fn what_is_under_suspicion_at_the_end_is_judged_by_what_was_seen() {
    let mut pipeline = settled();
    see(&mut pipeline, (2..=31).map(|nth| unit(8, 5, nth)), []);
    pipeline.close(at(9));
    assert_eq!(kinds(&mut pipeline), [Kind::DeviceScanned]);
}

#[test]
fn silence_is_no_search_where_nobody_is_seen_to_answer() {
    let mut pipeline = quiet();
    assert_eq!(window(&mut pipeline, (1..=60).map(|nth| unit(0, 5, nth)), []), []);
    // Once somebody was, it is one.
    see(&mut pipeline, [usage(20, 5)], answers(20, 1..=1));
    assert_eq!(window(&mut pipeline, (61..=90).map(|nth| unit(30, 5, nth)), []).len(), 1);
}

#[test]
fn silence_of_a_server_whose_answers_go_by_unseen_is_no_search_though_another_is_heard() {
    for (heard, n_told) in [(11, 0), (10, 1)] {
        let mut pipeline = quiet();
        let answers = UsageChange { server: server(heard), ..change(0, 9, Change::Answers) };
        see(&mut pipeline, [Usage { server: server(heard), ..usage(0, 9) }], [answers]);
        let told = window(&mut pipeline, (2..=61).map(|nth| unit(1, 5, nth)), []);
        assert_eq!(told.len(), n_told, "{heard}");
    }
}

#[test]
fn a_client_that_starts_again_is_no_scan_where_its_server_is_never_heard() {
    for (heard, n_told) in [(11, 0), (10, 1)] {
        let mut pipeline = quiet();
        let answers = UsageChange { server: server(heard), ..change(0, 9, Change::Answers) };
        see(&mut pipeline, (2..=31).map(|nth| unit(1, 5, nth)), [answers]);
        pass(&mut pipeline, 1, SETTLED + 20);
        let again = (2..=31).map(|nth| unit(SETTLED + 20, 5, nth));
        assert_eq!(window(&mut pipeline, again, []).len(), n_told, "{heard}");
    }
}

#[test]
fn a_client_that_starts_again_and_asks_what_it_asked_before_is_no_scan() {
    let mut pipeline = settled();
    see(&mut pipeline, (2..=31).map(|nth| unit(1, 5, nth)), answers(1, 2..=31));
    let again = (2..=31).map(|nth| unit(SETTLED + 10, 5, nth));
    assert_eq!(window(&mut pipeline, again, []), [], "forgotten where usages are followed");
    // Another one that asks for all of that is.
    let other = (2..=31).map(|nth| unit(SETTLED + 30, 66, nth));
    assert_eq!(window(&mut pipeline, other, []).len(), 1);
}

#[test]
fn a_client_whose_usages_do_not_fit_is_no_scan_each_time_they_are_met_again() {
    for (usages_evicted, n_told) in [(1, 0), (0, 1)] {
        let mut pipeline = settled();
        see(&mut pipeline, (2..=31).map(|nth| unit(1, 5, nth)), answers(1, 2..=31));
        let first = |nth| unit(SETTLED + 10, 5, nth);
        let address = |nth| Usage { news: News::Address, ..first(nth) };
        let usages = (2..=31).flat_map(|nth| [first(nth), address(nth)]).collect();
        let report = WireReport::new(SourceId::from("eth1"), at(SETTLED + 10));
        pipeline.on_report(&WireReport { frames: 60, usages, usages_evicted, ..report });
        pipeline.on_window_end(at(SETTLED + 11));
        pipeline.on_window_end(at(SETTLED + 16));
        assert_eq!(kinds(&mut pipeline), vec![Kind::DeviceScanned; n_told]);
    }
}

#[test]
fn what_the_baseline_allows_is_no_scan() {
    let allowed = "[[talk]]\nclient = \"192.0.2.5\"\nserver = \"192.0.2.10:502\"\nprotocol = \
                   \"modbus\"\nallow = [{ station = \"1..40\", function = 3, addresses = \
                   \"100..101\" }]\n";
    let baseline = crate::config::parse_baseline("b.toml", allowed).unwrap();
    for (last, n_told) in [(40, 0), (99, 1)] {
        let mut pipeline = settled().holding_to(Some(Arc::new(baseline.clone())));
        let units = (last - 30..=last).map(|nth| unit(SETTLED + 10, 5, nth));
        assert_eq!(window(&mut pipeline, units, []).len(), n_told);
    }
}

#[test]
fn once_the_capture_has_learned_much_that_is_new_is_a_scan_even_if_it_is_answered() {
    let mut pipeline = settled();
    let address = |nth: u64| Usage { news: News::Address, ..usage(SETTLED + nth / 2, 5) };
    assert_eq!(window(&mut pipeline, (0..12).map(address), []), []);
    assert_eq!(window(&mut pipeline, (40..52).map(address), []), [], "not within ten seconds");
    assert_eq!(window(&mut pipeline, (52..60).map(address), []).len(), 1);
    let value = |nth: u64| Usage { news: News::Value, ..usage(SETTLED + 1000 + nth / 10, 5) };
    assert_eq!(window(&mut pipeline, (0..60).map(value), []), [], "a setpoint moves");
}

#[test]
fn refusals_show_a_search_for_addresses_and_one_wrong_poll_does_not() {
    let refused = |address: u16| {
        let refused = Transaction { function: 3, exception: Some(2), ..write() };
        Note::Modbus(Transaction { address: Some(address), value: None, ..refused })
    };
    for (n_addresses, n_told) in [(1, 0), (40, 1)] {
        let mut pipeline = settled();
        let mut report = WireReport::new(SourceId::from("eth1"), at(1));
        (0..60).for_each(|nth| report.note(refused(nth % n_addresses)));
        pipeline.on_report(&WireReport { frames: 60, ..report });
        pipeline.on_window_end(at(2));
        pipeline.on_window_end(at(7));
        let scans = kinds(&mut pipeline);
        let scans = scans.iter().filter(|kind| **kind == Kind::DeviceScanned);
        assert_eq!(scans.count(), n_told, "{n_addresses}");
    }
}
