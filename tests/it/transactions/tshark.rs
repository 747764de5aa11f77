//! tshark, asked about every capture that holds Modbus/TCP.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::replay::captures;

use super::transactions;

/// How often each number occurs in one column.
type Counts = BTreeMap<u64, i64>;

/// A column of a file, where we count differently.
struct Difference {
    file: &'static str,
    column: &'static str,
    /// Number, and how many more of it we tell.
    more: &'static [(u64, i64)],
    why: &'static str,
}

const FUZZED: &str = "a fuzzer damaged sequence numbers; where tshark takes what follows for \
    retransmissions, reading resumes at the next segment that starts an ADU";
const GLUED: &str = "the device states three bytes less than it sends; tshark joins them to its next \
    response, which can be read from where its segment starts";

const fn fuzzed(column: &'static str, more: &'static [(u64, i64)]) -> Difference {
    Difference { file: "zeek-modbus-fuzz72.pcap", column, more, why: FUZZED }
}

const fn glued(column: &'static str, more: &'static [(u64, i64)]) -> Difference {
    Difference { file: "quickdraw-modbus_part1.pcap", column, more, why: GLUED }
}

const DIFFERENCES: &[Difference] = &[
    fuzzed("request mbtcp.trans_id", &[(0, 2)]),
    fuzzed("request modbus.func_code", &[(34, 1), (64, 1)]),
    fuzzed("response mbtcp.trans_id", &[(0, 7)]),
    fuzzed(
        "response modbus.func_code",
        &[(28, 1), (47, 1), (51, 1), (54, 1), (58, 1), (59, 1), (66, 1)],
    ),
    fuzzed("response modbus.exception_code", &[(1, 7)]),
    glued("response mbtcp.trans_id", &[(1, 1)]),
    glued("response modbus.func_code", &[(42, 1)]),
];

/// Of requests, and of responses.
const ASKED: [&str; 5] = [
    "mbtcp.trans_id",
    "modbus.func_code",
    "modbus.reference_num",
    "modbus.word_cnt",
    "modbus.bit_cnt",
];
const ANSWERED: [&str; 3] = ["mbtcp.trans_id", "modbus.func_code", "modbus.exception_code"];

/// Counts of requests in the columns asked, and of responses; `None` if there is no tshark.
fn theirs(path: &Path) -> Option<[Vec<Counts>; 2]> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args(["-Y", "modbus && tcp", "-T", "fields", "-E", "occurrence=a"]);
    // Sides are told apart by the port that is written to. A column named twice stays empty once.
    for column in ["tcp.dstport"].iter().chain(&ASKED).chain(&ANSWERED[2..]) {
        command.args(["-e", column]);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    let mut asked = vec![Counts::default(); ASKED.len()];
    let mut answered = vec![Counts::default(); ANSWERED.len()];
    for line in str::from_utf8(&output.stdout).unwrap().lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let of_request = &fields[1..=ASKED.len()];
        let of_response = &[fields[1], fields[2], fields[ASKED.len() + 1]][..];
        let (counts, fields) = match fields[0] {
            "502" => (&mut asked, of_request),
            _ => (&mut answered, of_response),
        };
        for (counts, field) in counts.iter_mut().zip(fields) {
            for number in field.split(',').filter(|number| !number.is_empty()) {
                *counts.entry(number.parse().unwrap()).or_default() += 1;
            }
        }
    }
    Some([asked, answered])
}

/// The same columns of the lines that have this side.
fn ours(lines: &[Value], side: &str, columns: &[&str]) -> Vec<Counts> {
    let count_of = |column: &&str| {
        let mut counts = Counts::default();
        for line in lines.iter().filter(|line| line["seen"] == side || line["seen"] == "both") {
            if let Some(number) = field(line, column).as_u64() {
                *counts.entry(number).or_default() += 1;
            }
        }
        counts
    };
    columns.iter().map(count_of).collect()
}

fn field<'a>(line: &'a Value, column: &str) -> &'a Value {
    let code = line["function_code"].as_u64();
    // It has columns of its own for both ranges of function 23.
    let is_plain = code != Some(23);
    match column {
        "mbtcp.trans_id" => &line["transaction"],
        "modbus.func_code" => &line["function_code"],
        "modbus.reference_num" if is_plain => &line["address"],
        "modbus.word_cnt" if matches!(code, Some(3 | 4 | 16)) => &line["quantity"],
        "modbus.bit_cnt" if matches!(code, Some(1 | 2 | 15)) => &line["quantity"],
        "modbus.exception_code" => &line["exception_code"],
        _ => &Value::Null,
    }
}

/// Number, and how many more of it we tell.
fn more(ours: &Counts, theirs: &Counts) -> Vec<(u64, i64)> {
    let count = |counts: &Counts, number: &u64| counts.get(number).copied().unwrap_or_default();
    let numbers: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let more = numbers.into_iter().map(|n| (*n, count(ours, n) - count(theirs, n)));
    more.filter(|(_, more)| *more != 0).collect()
}

#[test]
fn every_column_of_every_capture_counts_what_tshark_counts() {
    let Some(folder) = captures() else { return };
    let table = fs::read_to_string(folder.join("EXPECTED.tsv")).unwrap();
    let mut differences = vec![];
    let mut n_turns = 0;
    for file in table.lines().skip(1).filter_map(|line| line.split('\t').next()) {
        let path = folder.join(file);
        let lines = transactions(&path);
        n_turns += lines.len();
        let Some([asked, answered]) = theirs(&path) else {
            eprintln!("skipped: no tshark, or it cannot read {}", path.display());
            return;
        };
        let sides = [("request", &ASKED[..], asked), ("response", &ANSWERED[..], answered)];
        for (side, columns, theirs) in sides {
            let ours = ours(&lines, side, columns);
            for ((column, ours), theirs) in columns.iter().zip(&ours).zip(&theirs) {
                let more = more(ours, theirs);
                if !more.is_empty() {
                    differences.push((file.to_owned(), format!("{side} {column}"), more));
                }
            }
        }
    }
    assert!(n_turns > 8000, "{n_turns}");
    let explained = DIFFERENCES.iter().map(|Difference { file, column, more, why }| {
        eprintln!("{file}: {column} {more:?}: {why}");
        ((*file).to_owned(), (*column).to_owned(), more.to_vec())
    });
    assert_eq!(differences, explained.collect::<Vec<_>>());
}
