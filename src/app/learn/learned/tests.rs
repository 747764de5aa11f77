use std::time::SystemTime;

use crate::config::{merged, parse_baseline};
use crate::record::{Operation, Trust};
use crate::wire::packet::Vlan;

use super::*;

fn read(client: u8, station: u32, addresses: RangeInclusive<u32>) -> Usage {
    Usage {
        at: SystemTime::UNIX_EPOCH,
        vlan: Vlan::default(),
        client: [192, 0, 2, client].into(),
        server: ([192, 0, 2, 10], 502).into(),
        protocol: Protocol::Modbus,
        station: Some(station),
        function: 3,
        operation: Operation::Read,
        addresses: Some(addresses),
        values: None,
        news: News::First,
        trust: Trust::FULL,
    }
}

fn write(address: u32, value: u16) -> Usage {
    Usage { function: 6, values: Some(value..=value), ..read(7, 1, address..=address) }
}

fn learnt(known: &str, usages: &[Usage]) -> Learned {
    let known = parse_baseline("known.toml", known).unwrap();
    let mut learned = Learned::beside(Arc::new(known));
    for usage in usages {
        learned.on_usage(usage);
    }
    learned
}

#[test]
fn what_was_seen_is_written_in_one_order_whatever_the_order_in_which_it_was_seen() {
    let opcua = Usage {
        protocol: Protocol::OpcUa,
        server: ([192, 0, 2, 3], 4840).into(),
        station: None,
        function: 673,
        addresses: None,
        vlan: Vlan { outer: 12, inner: 0 },
        ..read(9, 0, 0..=0)
    };
    let mut usages = vec![
        read(9, 1, 0..=9),
        write(8, 70),
        read(7, 2, 5..=5),
        write(9, 3),
        read(7, 1, 0..=1),
        opcua,
    ];
    let text = |usages: &[Usage]| merged("", "", &learnt("", usages).additions()).unwrap();
    let forth = text(&usages);
    usages.reverse();
    assert_eq!(forth, text(&usages));
    insta::assert_snapshot!(forth);
}

#[test]
fn only_what_is_not_allowed_yet_is_added_and_then_nothing_is() {
    let usages = [read(7, 1, 0..=9), write(8, 70)];
    let first = learnt("", &usages);
    assert_eq!((first.n_lines(), first.n_new()), (2, 2));
    let text = merged("", "# reviewed\n", &first.additions()).unwrap();
    assert_eq!((learnt(&text, &usages).n_lines(), learnt(&text, &usages).n_new()), (2, 0));
    let more = learnt(&text, &[read(7, 1, 3..=9), write(8, 71)]);
    let more = merged("", &text, &more.additions()).unwrap();
    let added: Vec<_> = more.lines().filter(|line| !text.contains(line)).collect();
    let line =
        "  { station = 1, function = 6, addresses = 8, values = 71 },   # write single register";
    assert_eq!(added, [line]);
}

#[test]
fn a_request_across_a_gap_of_the_baseline_is_new_though_its_ends_are_allowed() {
    let known = "[[talk]]\nclient = \"192.0.2.7\"\nserver = \"192.0.2.10:502\"\n\
                 protocol = \"modbus\"\nallow = [{ function = 3, addresses = [8, \"20..29\"] }]\n";
    assert_eq!(learnt(known, &[read(7, 1, 8..=8), read(7, 1, 20..=29)]).n_new(), 0);
    let across = learnt(known, &[read(7, 1, 8..=29)]);
    assert_eq!(across.n_new(), 1);
    let text = merged("", known, &across.additions()).unwrap();
    assert_eq!(learnt(&text, &[read(7, 1, 8..=29)]).n_new(), 0);
}

#[test]
fn what_strangers_can_make_it_learn_is_bounded_and_counted() {
    let mut learned = Learned::default();
    for station in 0..=u32::try_from(Learned::CAPACITY).unwrap() {
        learned.on_usage(&read(7, station, 0..=0));
        learned.on_usage(&read(7, 0, 0..=station));
    }
    assert_eq!((learned.n_lines(), learned.n_untold()), (Learned::CAPACITY, 1));
    let text = merged("", "", &learned.additions()).unwrap();
    assert!(text.len() < 2 << 20, "{}: it can be read again", text.len());
}
