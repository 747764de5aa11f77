//! Senders that damage all they send.

use super::*;

/// In each of so many seconds, host 1 sends so many damaged packets to each of so many hosts; others
/// send intact ones.
fn told_of_sender(seconds: u64, n_peers: u8, n_intact: u64) -> Vec<Event> {
    let mut pipeline = quiet();
    let mut events = vec![];
    for second in 0..seconds {
        let corruptions: Vec<_> = (2..2 + n_peers).map(|peer| corruption(1, peer)).collect();
        for some in corruptions.chunks(WireReport::MAX_NOTES / 2) {
            let mut report = with_corrupt(second, some);
            report.intact = vec![Intact { host: host(1), packets: n_intact }];
            pipeline.on_report(&report);
        }
        pipeline.on_window_end(at(second));
        events.extend(drain(&mut pipeline));
    }
    events.retain(|event| event.kind == Kind::ChecksumInvalid);
    events
}

fn failed(events: &[Event]) -> u64 {
    let failed = |event| match field(event, "failed") {
        Some(Scalar::Unsigned(failed)) => *failed,
        other => panic!("{other:?}"),
    };
    events.iter().map(failed).sum()
}

#[test]
fn a_host_of_which_every_packet_is_bad_is_told_apart_from_a_link() {
    let mut pipeline = quiet();
    for seconds in 0..8 {
        let mut report = with_corrupt(seconds, &[corruption(1, 2), corruption(1, 3)]);
        report.intact = vec![Intact { host: host(9), packets: 5 }];
        pipeline.on_report(&report);
    }
    pipeline.on_window_end(at(9));
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    checksum.invalid: corrupt tcp packets from 192.0.2.1 to 2 hosts: 16; checksums that could be verified: 808 of 808; none of the last 16 from 192.0.2.1 was right, while those of others are: its network card, its driver or a broken offload; try `ethtool -K` with `tx off` there
      layer = Text("tcp")
      source_host = Text("192.0.2.1")
      destination_hosts = Unsigned(2)
      failed = Unsigned(16)
      per_million = Unsigned(19801)
      locator = Text("sender")
      trust = Text("full")
      stored = Text("0x0bad")
      computed = Text("0x600d")
      verified = Unsigned(808)
      seen = Unsigned(808)
    "#);
}

#[test]
fn a_sender_that_damages_all_it_sends_to_thirty_hosts_is_one_finding_in_five_minutes() {
    let events = told_of_sender(301, 30, 0);
    assert_eq!(events.len(), 2, "{events:?}");
    for (event, n) in events.iter().zip([30, 30 * 300]) {
        let start = format!("corrupt tcp packets from 192.0.2.1 to 30 hosts: {n}");
        assert!(event.text.starts_with(&start), "{}", event.text);
        assert_eq!(field(event, "destination_hosts"), Some(&Scalar::Unsigned(30)));
        assert_eq!(field(event, "destination_host"), None);
        assert_eq!(field(event, "locator"), Some(&Scalar::from("sender")));
    }
    assert_eq!(failed(&events), 30 * 301);
}

#[test]
fn a_sender_to_more_hosts_than_are_told_apart_says_so() {
    let [event] = &told_of_sender(1, 200, 0)[..] else { panic!() };
    assert!(event.text.contains(" to 64 hosts or more: 200;"), "{}", event.text);
}

#[test]
fn a_sender_that_also_sends_intact_packets_is_not_blamed_and_its_pairs_are_told() {
    let events = told_of_sender(1, 30, 1);
    assert_eq!(events.len(), 17, "16 pairs, and what is not told by host");
    assert!(events.iter().all(|event| !event.text.contains(" to 30 hosts")));
    assert_eq!(failed(&events), 30);
}

#[test]
fn a_sender_that_is_mended_is_told_to_the_last_packet() {
    let mut pipeline = quiet();
    let mut events = vec![];
    for second in 0..20 {
        let bad: Vec<_> = (2..22).map(|peer| corruption(1, peer)).collect();
        let bad = if second < 10 { &bad[..] } else { &bad[..1] };
        let mut report = with_corrupt(second, bad);
        report.intact = vec![Intact { host: host(1), packets: u64::from(second >= 10) }];
        pipeline.on_report(&report);
        pipeline.on_window_end(at(second));
        events.extend(drain(&mut pipeline));
    }
    pipeline.close(at(20));
    events.extend(drain(&mut pipeline));
    assert_eq!(failed(&events), 20 * 10 + 10);
    let later: Vec<_> = events.iter().filter_map(|event| field(event, "locator")).collect();
    let (sender, unknown) = (Scalar::from("sender"), Scalar::from("unknown"));
    let expected = [&[&sender][..], &[&unknown; 10], &[&sender]].concat();
    assert_eq!(later, expected);
}
