//! Several rings on one interface, and the processors of their threads.

use infra_monitor::config::Processors;
use infra_monitor::record::SourceId;

use super::{accepted, assert_refused};

/// `lines` is what a capture says beyond its interface. It begins on line 3.
fn capture(lines: &str) -> String {
    format!("[[capture]]\ninterface = \"eth1\"\n{lines}\n")
}

#[test]
fn each_ring_has_the_processor_that_is_listed_for_it_or_all_have_the_one() {
    let cpus = |lines: &str| {
        let config = accepted(&capture(lines));
        let capture = &config.captures[&SourceId::from("eth1")];
        (0..capture.rings).map(|ring| capture.cpu_of(ring)).collect::<Vec<_>>()
    };
    assert_eq!(cpus(""), [None]);
    assert_eq!(cpus("cpu = 3"), [Some(3)]);
    assert_eq!(cpus("cpu = [3]"), [Some(3)]);
    assert_eq!(cpus("rings = 2"), [None, None]);
    assert_eq!(cpus("rings = 2\ncpu = 3"), [Some(3), Some(3)]);
    assert_eq!(cpus("rings = 3\ncpu = [2, 1, 2]"), [Some(2), Some(1), Some(2)]);
}

#[test]
fn auto_leaves_the_choice_of_processors_to_the_program() {
    let config = accepted(&capture("rings = 2\ncpu = \"auto\""));
    let capture_of = &config.captures[&SourceId::from("eth1")];
    assert_eq!(capture_of.cpus, Processors::Auto);
    assert_refused(
        &capture("cpu = \"any\""),
        &[
            "3:7: `cpu`: \"any\" will not do (expected a number from 0 to 1023, without quotes, or \"auto\")",
        ],
    );
}

#[test]
fn memory_is_that_of_all_rings() {
    let config = accepted(&capture("rings = 4\nblocks = 8\nblock_size = \"512KiB\""));
    assert_eq!(config.captures[&SourceId::from("eth1")].ring_memory(), 16 << 20);
}

#[test]
fn a_list_of_processors_has_one_for_each_ring() {
    let help = "list one for each ring, or write one number for all of them";
    assert_refused(
        &capture("cpu = [1, 2]"),
        &[&format!("3:7: `cpu`: 2 processors for 1 rings ({help})")],
    );
    assert_refused(
        &capture("rings = 3\ncpu = []"),
        &[&format!("4:7: `cpu`: 0 processors for 3 rings ({help})")],
    );
    assert_refused(
        &capture("rings = 2\ncpu = [1, 1024]"),
        &["4:11: `cpu`: 1024 is out of range (expected a whole number from 0 to 1023)"],
    );
    assert_refused(
        &capture("rings = 17"),
        &["3:9: `rings`: 17 is out of range (expected a whole number from 1 to 16)"],
    );
}

#[test]
fn more_rings_than_there_are_descriptors_for_are_refused_where_they_become_too_many() {
    let captures = |n: usize, last: &str| {
        let sixteen = |n| format!("[[capture]]\ninterface = \"eth{n}\"\nrings = 16\n");
        (1..=n).map(sixteen).collect::<String>() + last
    };
    let all = accepted(&captures(4, "")).captures;
    assert_eq!(all.values().map(|capture| u32::from(capture.rings)).sum::<u32>(), 64);
    let help = "take fewer `rings`, or capture the rest on another machine";
    assert_refused(
        &captures(
            3,
            "[[capture]]\ninterface = \"a\"\nrings = 17\n[[capture]]\ninterface = \"b\"\n",
        ),
        &["12:9: `rings`: 17 is out of range (expected a whole number from 1 to 16)"],
    );
    assert_refused(
        &captures(4, "[[capture]]\ninterface = \"a\"\n"),
        &[&format!("13:1: `rings`: with these there are 65 rings, and 64 can be had ({help})")],
    );
    assert_refused(
        &captures(5, ""),
        &[&format!("15:9: `rings`: with these there are 80 rings, and 64 can be had ({help})")],
    );
}
