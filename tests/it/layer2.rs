//! Frames that are not IP: counted as tshark counts them, and two hosts of one address on a wire.

pub(crate) mod frames;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use infra_monitor::app::replay::replay;
use infra_monitor::config::Capture;
use infra_monitor::record::{InterfaceState, Kind};
use infra_monitor::sys::inject::Injector;

use crate::netns::Namespace;
use crate::replay::captures;
use crate::tap::Tap;

/// Our name of a protocol, and tshark's.
const PROTOCOLS: [(&str, &str); 5] =
    [("arp", "arp"), ("lldp", "lldp"), ("stp", "stp"), ("dcp", "pn_dcp"), ("goose", "goose")];

/// Frames by our names; `None` if there is no tshark.
fn theirs(path: &Path) -> Option<BTreeMap<&'static str, u64>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args(["-T", "fields", "-e", "frame.protocols"]);
    let output = command.output().ok().filter(|output| output.status.success())?;
    let mut counts = BTreeMap::new();
    for line in str::from_utf8(&output.stdout).unwrap().lines() {
        for (ours, theirs) in PROTOCOLS {
            if line.split(':').any(|name| name == theirs) {
                *counts.entry(ours).or_default() += 1;
            }
        }
    }
    Some(counts)
}

#[test]
fn frames_are_counted_as_tshark_counts_them() {
    let Some(folder) = captures() else { return };
    let files = [
        ("iti-goose-vlan.pcap", &[("goose", 451)][..]),
        ("icsnpp-enip_cip_example.pcap", &[("arp", 4), ("lldp", 2), ("stp", 10)]),
        ("zeek-erspan.pcap", &[("arp", 10)]),
    ];
    for (file, expected) in files {
        let path = folder.join(file);
        let ours = replay(std::slice::from_ref(&path), |_| ()).unwrap().summary.layer2;
        assert_eq!(ours, expected.iter().copied().collect(), "{file}");
        match theirs(&path) {
            Some(theirs) => assert_eq!(ours, theirs, "{file}"),
            None => eprintln!("skipped: no tshark, or it cannot read {}", path.display()),
        }
    }
}

/// One field of one frame, as tshark reads it; `None` if there is no tshark.
fn read_by_tshark(frame: &[u8], field: &str) -> Option<String> {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let len = u32::try_from(frame.len()).unwrap();
    let head = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1, 1, 0, len, len]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [&head, frame].concat()).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file.path()).args(["-T", "fields", "-e", field]);
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn tshark_reads_in_our_frames_what_we_read_in_them() {
    let fields = [
        (frames::set_name(b"pump1"), "pn_dcp.suboption_device_nameofstation", "pump1"),
        (frames::goose(7, 36_705, 4), "goose.stNum", "36705"),
        (frames::goose(7, 36_705, 4), "goose.sqNum", "4"),
        (frames::claim([2, 0, 0, 0, 0, 1], [192, 0, 2, 7]), "arp.src.proto_ipv4", "192.0.2.7"),
    ];
    for (frame, field, expected) in fields {
        match read_by_tshark(&frame, field) {
            Some(read) => assert_eq!(read, expected, "{field}"),
            None => eprintln!("skipped: no tshark, or it does not know {field}"),
        }
    }
}

#[test]
fn two_hosts_that_answer_for_one_address_are_one_event() {
    let (Some(left), Some(right)) = (Namespace::new("l"), Namespace::new("r")) else { return };
    left.join(&right, "tap0");
    let mut tap = Tap::open(&left, Capture::new("tap0"));
    tap.take_until_state(InterfaceState::Up);
    let send = || {
        let injector = Injector::open("tap0").unwrap();
        for n in 0..20u8 {
            let host = [2, 0, 0, 0, 0, 0xa + n % 2];
            injector.send(&frames::claim(host, [192, 0, 2, 7])).unwrap();
        }
    };
    right.spawn(send).join().unwrap();
    tap.take_until(|seen| seen.arp >= 20);
    let seen = tap.close();
    let events: Vec<_> =
        seen.events.iter().filter(|event| event.kind == Kind::StationConflict).collect();
    assert_eq!((seen.arp, events.len()), (20, 1), "{:?}", seen.events);
    for named in ["192.0.2.7", "02:00:00:00:00:0a", "02:00:00:00:00:0b"] {
        assert!(events[0].text.contains(named), "{}", events[0].text);
    }
    assert!(seen.is_balanced(), "{seen:?}");
}
