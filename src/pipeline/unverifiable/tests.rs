use crate::config::Log;

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn hint(last: u8, cause: Unfinished) -> Unverifiable {
    let host = IpAddr::from([192, 0, 2, last]);
    Unverifiable { at: at(0), host, cause, packets: 100, verified: 0, mtu: Some(1500) }
}

/// What is told at the end of a window.
fn told_at(hints: &mut Hints, seconds: u64, origin: Origin) -> Vec<Event> {
    let mut outbox = Outbox::new(&Log::default(), Duration::from_secs(1));
    hints.on_window_end((&SourceId::from("eth1"), origin), at(seconds), &mut outbox);
    outbox.take_ready()
}

#[test]
fn each_host_is_told_once_and_an_interface_speaks_once_an_hour() {
    let mut hints = Hints::default();
    for _ in 0..3 {
        (1..=2).for_each(|last| hints.on_note(&hint(last, Unfinished::Local)));
    }
    let hosts = |events: Vec<Event>| -> Vec<String> {
        events.iter().map(|event| event.fields[0].1.to_string()).collect()
    };
    assert_eq!(hosts(told_at(&mut hints, 1, Origin::Interface)), ["192.0.2.1"]);
    assert_eq!(hosts(told_at(&mut hints, 3600, Origin::Interface)), [""; 0]);
    assert_eq!(hosts(told_at(&mut hints, 3601, Origin::Interface)), ["192.0.2.2"]);
    hints.on_note(&hint(1, Unfinished::Local));
    assert_eq!(hosts(told_at(&mut hints, 9999, Origin::Interface)), [""; 0]);
}

#[test]
fn each_cause_has_the_line_that_would_change_it() {
    let remedy = |cause, origin| {
        let mut hints = Hints::default();
        hints.on_note(&hint(1, cause));
        let event = told_at(&mut hints, 1, origin).remove(0);
        let (_, remedy) = event.fields.iter().find(|(name, _)| *name == "remedy").unwrap();
        assert!(event.text.contains(&format!("`{remedy}`")), "{}", event.text);
        remedy.to_string()
    };
    let of = |cause| remedy(cause, Origin::Interface);
    assert_eq!(of(Unfinished::Merged), "ethtool -K eth1 gro off lro off");
    assert_eq!(of(Unfinished::Local), "ethtool -K eth1 tx off");
    assert_eq!(of(Unfinished::Copied), "ethtool -K INTERFACE tx off");
    let merged = remedy(Unfinished::Merged, Origin::File);
    assert_eq!(merged, "ethtool -K INTERFACE gro off lro off");
}

#[test]
fn a_flood_of_hosts_is_counted() {
    let mut hints = Hints::default();
    (0..=255).for_each(|last| hints.on_note(&hint(last, Unfinished::Copied)));
    assert_eq!((hints.known.len(), hints.waiting.len(), hints.n_unknown()), (64, 64, 192));
}
