//! What is told of damage and loss: where, and since when.

mod senders;

use crate::record::{
    Intact, Losses, Note, Repaired, RingCount, Severity, Unfinished, Unverifiable, WireReport,
};

use super::*;

fn report(seconds: u64) -> WireReport {
    WireReport::new(SourceId::from("eth1"), at(seconds))
}

fn with_corrupt(seconds: u64, corruptions: &[Corruption]) -> WireReport {
    let mut report = report(seconds);
    report.checksums.tcp.valid = 99;
    for corruption in corruptions {
        report.checksums.tcp.invalid += 1;
        report.note(Note::Corrupt(Corruption { at: at(seconds), ..*corruption }));
    }
    report
}

fn awaited(from: u8, to: u8) -> Corruption {
    Corruption { is_awaited: true, ..corruption(from, to) }
}

fn repaired(from: u8, to: u8) -> Note {
    Note::Repaired(Repaired {
        at: at(2),
        vlan: Vlan::default(),
        source: host(from),
        destination: host(to),
        after: Duration::from_micros(203_400),
    })
}

fn losing(losses: Losses) -> WireReport {
    WireReport { losses, ..report(0) }
}

#[test]
fn a_damaged_segment_waits_for_its_repetition_which_blames_the_link() {
    let mut pipeline = quiet();
    pipeline.on_report(&with_corrupt(0, &[awaited(1, 2)]));
    pipeline.on_window_end(at(1));
    assert_eq!(kinds(&mut pipeline), [], "the repetition is due");
    let mut next = report(1);
    next.checksums.tcp.valid = 100;
    next.note(repaired(1, 2));
    pipeline.on_report(&next);
    pipeline.on_window_end(at(2));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    checksum.invalid: corrupt tcp packets from 192.0.2.1 to 192.0.2.2: 1; checksums that could be verified: 200 of 200; repeated intact 203.4 ms later, so 192.0.2.1 sends it right: the link from there to this tap, its cable, connectors and ports
      layer = Text("tcp")
      source_host = Text("192.0.2.1")
      destination_host = Text("192.0.2.2")
      failed = Unsigned(1)
      per_million = Unsigned(5000)
      locator = Text("link")
      trust = Text("full")
      stored = Text("0x0bad")
      computed = Text("0x600d")
      verified = Unsigned(200)
      seen = Unsigned(200)
    "#);
    pipeline.on_window_end(at(3));
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn without_a_repetition_it_is_told_after_a_moment_or_at_the_end_without_a_place() {
    let mut pipeline = quiet();
    pipeline.on_report(&with_corrupt(0, &[awaited(1, 2)]));
    (1..=2).for_each(|seconds| pipeline.on_window_end(at(seconds)));
    assert_eq!(kinds(&mut pipeline), []);
    pipeline.on_window_end(at(3));
    let event = &drain(&mut pipeline)[0];
    assert_eq!(field(event, "locator"), Some(&Scalar::from("unknown")));
    assert!(event.text.contains("not known yet"), "{}", event.text);
    pipeline.on_report(&with_corrupt(4, &[awaited(1, 2)]));
    pipeline.close(at(5));
    assert_eq!(kinds(&mut pipeline), [Kind::ChecksumInvalid]);
}

#[test]
fn failures_of_pairs_that_are_held_are_told_once_and_add_up() {
    let mut pipeline = quiet();
    let mut failed = vec![];
    for seconds in 0..20 {
        let noted: Vec<_> = (0..seconds % 7).map(|_| awaited(1, 2)).collect();
        let mut report = with_corrupt(seconds, &noted);
        report.checksums.tcp.invalid += 5; // without a note
        pipeline.on_report(&report);
        pipeline.on_window_end(at(seconds + 1));
        failed.extend(drain(&mut pipeline));
    }
    pipeline.close(at(30));
    failed.extend(drain(&mut pipeline));
    let sum: u64 = failed
        .iter()
        .map(|event| match field(event, "failed") {
            Some(Scalar::Unsigned(failed)) => *failed,
            other => panic!("{other:?}"),
        })
        .sum();
    let noted: u64 = (0..20).map(|seconds| seconds % 7).sum();
    assert_eq!(sum, noted + 5 * 20);
}

/// What is told in so many seconds, in each of which these are corrupt, and when they are over: where,
/// and how many.
fn told_of(seconds: u64, corruptions: &[Corruption]) -> Vec<(Scalar, Scalar)> {
    let mut pipeline = quiet();
    for second in 0..seconds {
        let mut report = with_corrupt(second, corruptions);
        report.intact = vec![Intact { host: host(9), packets: 5 }];
        pipeline.on_report(&report);
        pipeline.on_window_end(at(second));
    }
    pipeline.close(at(seconds));
    let told = |event: &Event| {
        let field = |name| field(event, name).cloned();
        Some((field("locator")?, field("failed")?))
    };
    drain(&mut pipeline).iter().filter_map(told).collect()
}

#[test]
fn what_stays_wrong_is_told_once_and_then_counted() {
    let line = Corruption { checked: Checked::ModbusRtu, ..corruption(1, 2) };
    let rewritten = Corruption { is_rewritten: true, ..corruption(1, 2) };
    for (corruption, place) in [(line, "line"), (rewritten, "rewritten")] {
        let told = [1_u64, 300, 300, 99].map(|n| (Scalar::from(place), Scalar::Unsigned(n)));
        assert_eq!(told_of(700, &[corruption]), told);
    }
}

#[test]
fn a_host_is_told_again_when_it_shows_that_all_of_it_is_wrong_and_then_counted() {
    let told = told_of(700, &[corruption(1, 2), corruption(1, 2)]);
    let (unknown, sender): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|(place, _)| *place == Scalar::from("unknown"));
    assert_eq!(unknown.len(), 5, "in the first five seconds");
    let told = [2_u64, 600, 600, 188].map(|n| (Scalar::from("sender"), Scalar::Unsigned(n)));
    assert_eq!(sender, told);
}

#[test]
fn a_damaged_link_is_told_while_it_damages() {
    let told = told_of(4, &[corruption(1, 2), corruption(9, 2)]);
    assert_eq!(told, vec![(Scalar::from("path"), Scalar::Unsigned(1)); 8]);
}

#[test]
fn damage_that_is_new_is_told_with_its_hosts_however_many_others_stay_wrong() {
    let mut pipeline = quiet();
    let line = |from| Corruption { checked: Checked::ModbusRtu, ..corruption(from, 2) };
    let see = |pipeline: &mut Pipeline, seconds: u8, corruptions: &[Corruption]| {
        for some in corruptions.chunks(14) {
            pipeline.on_report(&with_corrupt(seconds.into(), some));
        }
        pipeline.on_window_end(at(seconds.into()));
    };
    let lines: Vec<_> = (0..70).map(line).collect();
    for second in 0..30 {
        see(&mut pipeline, second, &lines);
    }
    drain(&mut pipeline);
    let lines: Vec<_> = [corruption(200, 2)].into_iter().chain(lines).collect();
    see(&mut pipeline, 30, &lines);
    let events = drain(&mut pipeline);
    let hosts: Vec<_> = events.iter().filter_map(|event| field(event, "source_host")).collect();
    assert_eq!(hosts, [&Scalar::from("192.0.2.200")]);
}

#[test]
fn failures_not_told_by_host_are_one_line_in_five_minutes() {
    let corruptions: Vec<_> = (0..100).map(|from| corruption(from, 250)).collect();
    let mut pipeline = quiet();
    for second in 0..400 {
        pipeline.on_report(&with_corrupt(second, &corruptions));
        pipeline.on_window_end(at(second));
    }
    let events = drain(&mut pipeline);
    let further: Vec<_> =
        events.iter().filter(|event| event.text.contains("not told by host")).collect();
    assert_eq!(further.len(), 2);
    pipeline.close(at(400));
    let failed = |event: &Event| match field(event, "failed") {
        Some(Scalar::Unsigned(failed)) => *failed,
        other => panic!("{other:?}"),
    };
    let events = events.into_iter().chain(drain(&mut pipeline));
    let n_suppressed = pipeline.ledgers()["events"].dropped.get("budget").copied();
    assert_eq!((events.map(|event| failed(&event)).sum(), n_suppressed), (400 * 100_u64, None));
}

#[test]
fn damage_of_several_hosts_or_with_bad_frames_is_told_with_its_place() {
    let mut pipeline = quiet();
    pipeline.on_report(&with_corrupt(0, &[corruption(1, 2), corruption(3, 2)]));
    pipeline.on_window_end(at(1));
    let places = |pipeline: &mut Pipeline| -> Vec<Scalar> {
        let events = drain(pipeline);
        events.iter().filter_map(|event| field(event, "locator").cloned()).collect()
    };
    assert_eq!(places(&mut pipeline), [Scalar::from("path"), Scalar::from("path")]);
    let losses = Losses { rx_crc: 3, ..Losses::default() };
    let report = WireReport { losses, ..with_corrupt(1, &[corruption(1, 2)]) };
    pipeline.on_report(&report);
    pipeline.on_window_end(at(2));
    assert_eq!(places(&mut pipeline), [Scalar::from("port")]);
}

#[test]
fn frames_that_arrive_damaged_are_told_when_that_begins_and_when_it_has_ended() {
    let mut pipeline = quiet();
    let damage = Losses { rx_crc: 2, rx_frame: 1, ..Losses::default() };
    for seconds in 0..30 {
        pipeline.on_report(&losing(damage));
        pipeline.on_window_end(at(seconds));
    }
    (30..200).for_each(|seconds| pipeline.on_window_end(at(seconds)));
    let events = drain(&mut pipeline);
    let severities: Vec<_> = events.iter().map(|event| event.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Notice]);
    let events: Vec<_> = events.iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    interface.errors: eth1: frames arrive damaged and are dropped by the network card (rx_crc_errors 2, rx_frame_errors 1): its cable, a connector, the port at either end, or two ends that disagree on duplex; see `ethtool -S eth1`, and try another cable
      state = Text("damaged")
      rx_crc_errors = Unsigned(2)
      rx_frame_errors = Unsigned(1)
    interface.errors: eth1: no frame arrived damaged for 1m; rx_crc_errors 60, rx_frame_errors 30 in the 29s before
      state = Text("sound")
      lasted_ms = Real(29000.0)
      rx_crc_errors = Unsigned(60)
      rx_frame_errors = Unsigned(30)
    "#);
    pipeline.on_report(&losing(damage));
    pipeline.on_window_end(at(201));
    assert_eq!(kinds(&mut pipeline), [Kind::InterfaceErrors]);
    let ledger = pipeline.ledgers()["capture:eth1"].clone();
    assert_eq!(ledger.noted["rx_crc_errors"], 62);
}

#[test]
fn what_is_lost_before_the_ring_is_told_with_its_place_and_then_counted() {
    let mut pipeline = quiet();
    let losses = Losses { rx_missed: 2, softnet_dropped: 1, rx_dropped: 4, ..Losses::default() };
    for seconds in 0..400 {
        pipeline.on_report(&losing(losses));
        pipeline.on_window_end(at(seconds));
    }
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 2);
    insta::assert_snapshot!(show(&events[1]), @r#"
    capture.loss: eth1: the network card had no room for frames (rx_missed_errors 600, rx_fifo_errors 0); give it more with `ethtool -G eth1 rx`, and its interrupts a processor that is not busy; the kernel dropped 300 frames before any capture, on all interfaces together (/proc/net/softnet_stat); raise `net.core.netdev_max_backlog`
      place = Text("nic,softnet")
      drops = Unsigned(0)
      packets = Unsigned(0)
      frames = Unsigned(0)
      gaps = Unsigned(0)
      total_drops = Unsigned(0)
      total_packets = Unsigned(0)
      total_frames = Unsigned(0)
      rx_missed_errors = Unsigned(600)
      rx_dropped = Unsigned(1200)
      softnet_dropped = Unsigned(300)
    "#);
    let ledger = pipeline.ledgers()["capture:eth1"].clone();
    assert_eq!((ledger.noted["rx_missed_errors"], ledger.noted["softnet_dropped"]), (800, 400));
    assert!(ledger.balances());
}

#[test]
fn every_place_of_a_loss_is_named_in_one_line() {
    let mut pipeline = quiet();
    let ring = RingCount { packets: 100, drops: 40 };
    let losses = Losses { rx_fifo: 7, softnet_dropped: 3, ..Losses::default() };
    pipeline.on_report(&WireReport { frames: 60, ring, losses, ..report(0) });
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    assert_eq!(field(&events[0], "place"), Some(&Scalar::from("ring,nic,softnet")));
    assert_eq!(field(&events[0], "rx_fifo_errors"), Some(&Scalar::Unsigned(7)));
    assert_eq!(events.len(), 1);
}

#[test]
fn what_the_kernel_only_refused_raises_nothing_and_is_in_the_books() {
    let mut pipeline = quiet();
    let losses =
        Losses { rx_dropped: 9, softnet_squeezed: 9, rx_nohandler: 9, ..Losses::default() };
    pipeline.on_report(&losing(losses));
    pipeline.on_window_end(at(1));
    assert_eq!(kinds(&mut pipeline), []);
    let ledger = pipeline.ledgers()["capture:eth1"].to_string();
    assert_eq!(ledger, "in 0 = out 0; rx_dropped 9; rx_nohandler 9; softnet_squeezed 9");
}

#[test]
fn a_host_whose_checksums_cannot_be_verified_is_told_with_the_line_that_changes_it() {
    let mut pipeline = quiet();
    let mut report =
        WireReport { ring: RingCount { packets: 1, drops: 0 }, frames: 1, ..report(0) };
    report.note(Note::Unverifiable(Unverifiable {
        at: at(0),
        host: host(1),
        cause: Unfinished::Merged,
        packets: 250,
        verified: 31,
        mtu: Some(1500),
    }));
    pipeline.on_report(&report);
    pipeline.on_window_end(at(1));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    checksum.unverifiable: checksums of 192.0.2.1 cannot be verified, 250 packets against 31: this machine merges packets before they are captured (longer than the MTU), and their checksums are lost: `ethtool -K eth1 gro off lro off` would change that
      host = Text("192.0.2.1")
      cause = Text("merged")
      packets = Unsigned(250)
      verified = Unsigned(31)
      remedy = Text("ethtool -K eth1 gro off lro off")
      further_hosts = Unsigned(0)
      mtu = Unsigned(1500)
    "#);
}

#[test]
fn findings_say_whether_frames_were_lost_around_them() {
    let mut pipeline = quiet();
    let mut units = 1..;
    let mut trust = |pipeline: &mut Pipeline, report: WireReport| {
        let mut report = report;
        let with_unit = |unit| Transaction { unit, ..write() };
        report.note(Note::Modbus(with_unit(units.next().unwrap())));
        pipeline.on_report(&report);
        field(&drain(pipeline)[0], "trust").unwrap().to_string()
    };
    assert_eq!(trust(&mut pipeline, report(0)), "full");
    let lossy = losing(Losses { rx_crc: 1, ..Losses::default() });
    assert_eq!(trust(&mut pipeline, lossy), "loss");
    pipeline.on_window_end(at(1));
    drain(&mut pipeline);
    assert_eq!(trust(&mut pipeline, report(1)), "loss", "counts come late");
    pipeline.on_window_end(at(2));
    let mut cut = report(2);
    cut.checksums.udp.truncated = 1;
    assert_eq!(trust(&mut pipeline, cut), "clipped");
    pipeline.on_window_end(at(3));
    let ring = RingCount { packets: 9, drops: 1 };
    let full = WireReport { ring, frames: 8, ..with_corrupt(3, &[corruption(1, 2)]) };
    pipeline.on_report(&full);
    pipeline.on_window_end(at(4));
    let events = drain(&mut pipeline);
    let event = events.iter().find(|event| event.kind == Kind::ChecksumInvalid).unwrap();
    assert_eq!(field(event, "trust"), Some(&Scalar::from("loss")));
}
