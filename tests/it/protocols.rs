//! Protocols other than Modbus in the public captures, against what tshark counts.

mod opcua;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

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
