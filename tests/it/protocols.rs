//! Protocols other than Modbus in the public captures, against what tshark counts.

mod bacnet;
mod dnp3;
mod enip;
mod iec104;
mod opcua;
mod peers;
mod s7comm;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use infra_monitor::block::Block;
use infra_monitor::capture::file::CaptureFile;
use infra_monitor::wire::message::{Extent, Message};
use infra_monitor::wire::packet::{Captured, Transport, dissect};
use serde_json::Value;

use crate::program::run;
use crate::replay::captures;

/// What `replay` sums up of a capture; `None`, said aloud, if it is not here.
fn summary(name: &str) -> Option<Value> {
    let path = captures()?.join(name);
    let replay = run(&["replay", "--format", "json", path.to_str().unwrap()]);
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    let last = replay.stdout.lines().last().unwrap();
    Some(serde_json::from_str(last).unwrap())
}

/// Events of a kind that `replay` raises for a capture.
fn events(name: &str, kind: &str) -> Vec<Value> {
    let Some(path) = captures().map(|captures| captures.join(name)) else { return vec![] };
    let replay = run(&["replay", "--events", "--format", "json", path.to_str().unwrap()]);
    let lines = replay.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == kind).collect()
}

/// How often each value of `field` occurs in the frames that `filter` lets through, as tshark has
/// it; `None`, said aloud, without tshark.
fn tshark(path: &Path, filter: &str, field: &str) -> Option<BTreeMap<String, u64>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args([
        "-Y",
        filter,
        "-T",
        "fields",
        "-E",
        "occurrence=a",
        "-e",
        field,
    ]);
    let Ok(output) = command.output() else {
        eprintln!("skipped: no tshark to ask about {}", path.display());
        return None;
    };
    let mut counts = BTreeMap::new();
    let text = String::from_utf8(output.stdout).unwrap();
    for value in text.split(['\n', ',']).filter(|value| !value.is_empty()) {
        *counts.entry(value.to_owned()).or_default() += 1;
    }
    Some(counts)
}

/// The same as numbers, decimal or hexadecimal.
fn numbers(counts: &BTreeMap<String, u64>) -> BTreeMap<u64, i64> {
    let number = |value: &str| match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    counts.iter().map(|(value, n)| (number(value).unwrap(), i64::try_from(*n).unwrap())).collect()
}

/// Hexadecimal digits as what they stand for.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// How often each code occurs in the frames of the payloads, as tshark has those.
fn codes(
    path: &Path,
    payload: &str,
    extent: fn(&[u8]) -> Extent,
    message: fn(&[u8]) -> Option<Message>,
) -> Option<BTreeMap<u64, i64>> {
    let mut codes = BTreeMap::new();
    for (hex, n) in tshark(path, payload, payload)? {
        let payload = bytes(&hex);
        let mut rest = &payload[..];
        while let Extent::Whole(len) = extent(rest) {
            let (frame, behind) = rest.split_at_checked(len).expect("frames are not cut here");
            if let Some(message) = message(frame) {
                *codes.entry(message.code.into()).or_default() += i64::try_from(n).unwrap();
            }
            rest = behind;
        }
    }
    Some(codes)
}

/// What the TCP segments from or to a port carry, where they carry something.
fn payloads(path: &Path, port: u16) -> Vec<Vec<u8>> {
    let mut file = CaptureFile::open(path).unwrap();
    let mut payloads = vec![];
    while let Some(Block::File(block)) = file.next_block().unwrap() {
        block.for_each(|frame| {
            let packet = dissect(&Captured {
                link: frame.link.unwrap(),
                bytes: frame.bytes,
                wire_len: frame.wire_len,
                stripped_vlan: None,
                checksum_pending: false,
            });
            if let Transport::Tcp(segment) = packet.transport
                && [segment.source_port, segment.destination_port].contains(&port)
                && !segment.payload.is_empty()
            {
                payloads.push(segment.payload.to_vec());
            }
        });
    }
    payloads
}

fn counts(values: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts
}
