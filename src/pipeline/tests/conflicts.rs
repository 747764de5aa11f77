//! What becomes of bytes that were seen in two versions.

use crate::record::{Conflict, Contested, Note, WireReport};

use super::*;

fn stream(from: u8, to: u8) -> Contested {
    let host = |last| SocketAddr::from(([192, 0, 2, last], 502));
    Contested::Stream { source: host(from), destination: host(to) }
}

fn report(conflicts: impl IntoIterator<Item = Contested>) -> WireReport {
    let mut report = WireReport::new(SourceId::from("eth1"), at(0));
    for of in conflicts {
        match of {
            Contested::Stream { .. } => report.streams.conflicts += 1,
            Contested::Datagram { .. } => report.fragments.contradicted += 1,
        }
        let vlan = Vlan { outer: 7, inner: 0 };
        report.note(Note::Conflict(Conflict { at: at(0), vlan, of, trust: Trust::FULL }));
    }
    report
}

#[test]
fn conflicts_are_told_by_host_pair_when_the_window_ends() {
    let mut pipeline = quiet();
    pipeline.on_report(&report([stream(1, 2), stream(1, 2), stream(2, 1)]));
    assert_eq!(kinds(&mut pipeline), [], "not before the window ends");
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 2);
    insta::assert_snapshot!(show(&events[0]), @r#"
    stream.conflict: retransmissions from 192.0.2.1 to 192.0.2.2 contradict what they repeat: 2; the first version was read, and the receiver may have taken the other: somebody evades this monitor, or a device or a box between the two is broken
      layer = Text("tcp")
      source_host = Text("192.0.2.1")
      destination_host = Text("192.0.2.2")
      source_port = Unsigned(502)
      destination_port = Unsigned(502)
      conflicts = Unsigned(2)
      trust = Text("full")
      vlan = Unsigned(7)
    "#);
    pipeline.on_window_end(at(2));
    assert_eq!(kinds(&mut pipeline), [], "a window is told once");
}

#[test]
fn fragments_that_contradict_each_other_are_told_with_their_hosts() {
    let mut pipeline = quiet();
    let host = |last| IpAddr::from([192, 0, 2, last]);
    let of = Contested::Datagram { source: host(1), destination: host(2) };
    pipeline.on_report(&report([of]));
    pipeline.on_window_end(at(1));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    stream.conflict: fragments from 192.0.2.1 to 192.0.2.2 contradict what they repeat: 1; neither version was read, and the receiver may have taken one: somebody evades this monitor, or a device or a box between the two is broken
      layer = Text("ip")
      source_host = Text("192.0.2.1")
      destination_host = Text("192.0.2.2")
      conflicts = Unsigned(1)
      trust = Text("full")
      vlan = Unsigned(7)
    "#);
}

#[test]
fn what_is_told_of_conflicts_adds_up_however_many_hosts_there_are() {
    let mut pipeline = quiet();
    pipeline.on_report(&report((0..200).map(|from| stream(from, 250))));
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 17);
    let counted = events.iter().map(|event| match field(event, "conflicts") {
        Some(Scalar::Unsigned(n)) => *n,
        other => panic!("{other:?}"),
    });
    assert_eq!(counted.sum::<u64>(), 200);
    insta::assert_snapshot!(show(&events[16]), @r#"
    stream.conflict: bytes sent in two versions, not told by host: 184
      conflicts = Unsigned(184)
    "#);
}

#[test]
fn a_pair_that_goes_on_is_told_again_after_five_minutes_and_at_the_end_with_the_count() {
    let mut pipeline = quiet();
    let mut events = vec![];
    for second in 1..=400 {
        pipeline.on_report(&report([stream(1, 2)]));
        pipeline.on_window_end(at(second));
        events.extend(drain(&mut pipeline));
    }
    pipeline.close(at(400));
    events.extend(drain(&mut pipeline));
    let told: Vec<_> = events.iter().map(|event| (event.at, field(event, "conflicts"))).collect();
    let counts = [1, 300, 99].map(Scalar::Unsigned);
    let expected: Vec<_> = [1, 301, 400].map(at).into_iter().zip(counts.iter().map(Some)).collect();
    assert_eq!(told, expected);
}
