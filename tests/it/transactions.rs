//! Every Modbus transaction of the public captures, against what Zeek and tshark made of them.
//!
//! Zeek's logs, by its ICSNPP parser, lie beside the captures; tshark is asked. Where we tell
//! something else, a table says what and why; a difference that went away fails too.

mod tshark;
mod zeek;

use std::path::Path;

use serde_json::Value;

use crate::program::run;

/// What `replay --transactions` prints of a file, without the summary.
fn transactions(path: &Path) -> Vec<Value> {
    let path = path.to_str().unwrap();
    let replay = run(&["replay", "--transactions", "--format", "json", path]);
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    let lines = replay.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut lines: Vec<Value> = lines.collect();
    let summary = lines.pop().unwrap();
    let seen = |what: &str| lines.iter().filter(|line| line["seen"] == what).count() as u64;
    let counts = [seen("both") + seen("request"), seen("both") + seen("response"), seen("both")];
    let names = ["requests", "responses", "transactions"];
    let summed_up = names.map(|name| summary["modbus"][name].as_u64().unwrap());
    assert_eq!(counts, summed_up, "each is told once");
    lines
}

/// The numbers of a list, or the one number, as both others write them.
fn joined(value: &Value) -> String {
    let numbers = match value.as_array() {
        Some(values) => values.iter().map(Value::to_string).collect(),
        None if value.is_null() => vec![],
        None => vec![value.to_string()],
    };
    if numbers.is_empty() { "-".to_owned() } else { numbers.join(",") }
}
