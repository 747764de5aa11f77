//! The logs of Zeek with the ICSNPP parser.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::replay::captures;

use super::{joined, transactions};

/// Fields of one entry by the names of the columns.
type Row = BTreeMap<String, String>;

/// One column of one transaction of the detailed log, by its identifier.
struct Difference {
    id: &'static str,
    column: &'static str,
    theirs: &'static str,
    ours: &'static str,
    why: &'static str,
}

const fn differs(id: &'static str, column: &'static str, theirs: &'static str) -> Difference {
    Difference { id, column, theirs, ours: "-", why: "" }
}

const PADDING: &str = "the bits that fill the last byte up, which nobody asked for";
const SINGLE: &str = "a single write states no quantity; theirs is implied";
const BYTE_COUNT: &str = "a count of bytes, which is no quantity; ours are lists of records";
const QUEUE: &str = "the length of the answer's list, which is there";
const UNPAIRED: &str = "they log request and response apart; header and function pair them";

const DIFFERENCES: &[Difference] = &[
    Difference { why: PADDING, ..differs("1", "response_data", "0,0,0,0,0,0,0") },
    Difference { why: PADDING, ..differs("3", "response_data", "0,0,0,0,0,0,0") },
    Difference { why: SINGLE, ..differs("9", "quantity", "1") },
    Difference { why: SINGLE, ..differs("10", "quantity", "1") },
    Difference { why: UNPAIRED, ours: "T", ..differs("11", "matched", "-") },
    Difference { why: UNPAIRED, ours: "1", ..differs("11", "rows", "2") },
    Difference { why: UNPAIRED, ours: "T", ..differs("15", "matched", "-") },
    Difference { why: UNPAIRED, ours: "1", ..differs("15", "rows", "2") },
    Difference { why: BYTE_COUNT, ..differs("16", "quantity", "0") },
    Difference { why: BYTE_COUNT, ..differs("17", "quantity", "0") },
    Difference { why: QUEUE, ..differs("22", "quantity", "0") },
];

const FUNCTIONS: &[(u64, &str)] = &[
    (1, "READ_COILS"),
    (2, "READ_DISCRETE_INPUTS"),
    (3, "READ_HOLDING_REGISTERS"),
    (4, "READ_INPUT_REGISTERS"),
    (5, "WRITE_SINGLE_COIL"),
    (6, "WRITE_SINGLE_REGISTER"),
    (7, "READ_EXCEPTION_STATUS"),
    (8, "DIAGNOSTICS"),
    (15, "WRITE_MULTIPLE_COILS"),
    (16, "WRITE_MULTIPLE_REGISTERS"),
    (17, "REPORT_SLAVE_ID"),
    (20, "READ_FILE_RECORD"),
    (21, "WRITE_FILE_RECORD"),
    (22, "MASK_WRITE_REGISTER"),
    (23, "READ_WRITE_MULTIPLE_REGISTERS"),
    (24, "READ_FIFO_QUEUE"),
    (43, "ENCAP_INTERFACE_TRANSPORT"),
];

/// The entries of one log; of one without a header, with these columns.
fn log(folder: &Path, name: &str, columns: &str) -> Vec<Row> {
    let path = folder.join(format!("oracles/icsnpp-modbus_example.{name}.log"));
    let text = fs::read_to_string(path).unwrap();
    let header = text.lines().find_map(|line| line.strip_prefix("#fields\t"));
    let separator = if header.is_some() { '\t' } else { ' ' };
    let columns: Vec<_> = header.unwrap_or(columns).split(separator).collect();
    let row = |line: &str| {
        let named = columns.iter().zip(line.split('\t'));
        named.map(|(name, field)| ((*name).to_owned(), field.to_owned())).collect()
    };
    text.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// Client and server, as they stand in every log.
fn ends(row: &Row) -> [String; 2] {
    ["orig", "resp"]
        .map(|end| format!("{}:{}", row[&format!("id.{end}_h")], row[&format!("id.{end}_p")]))
}

/// Ours, and the folder in which the logs are.
fn both() -> Option<(std::path::PathBuf, Vec<Value>)> {
    let folder = captures()?;
    if !folder.join("oracles/icsnpp-modbus_example.modbus.log").is_file() {
        eprintln!("skipped: no logs of Zeek in {}/oracles", folder.display());
        return None;
    }
    let ours = transactions(&folder.join("icsnpp-modbus_example.pcap"));
    Some((folder, ours))
}

fn function(line: &Value) -> &'static str {
    let code = line["function_code"].as_u64().unwrap();
    FUNCTIONS.iter().find(|(known, _)| *known == code).unwrap().1
}

/// `ILLEGAL_DATA_ADDRESS`.
fn exception(line: &Value) -> String {
    line["exception"].as_str().map_or("-".to_owned(), |name| name.to_uppercase().replace(' ', "_"))
}

#[test]
fn the_transactions_are_those_of_zeeks_log_in_its_order() {
    let Some((folder, ours)) = both() else { return };
    let columns = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p func exception";
    let theirs: Vec<_> = log(&folder, "modbus", columns)
        .into_iter()
        .map(|row| (ends(&row), row["func"].clone(), row["exception"].clone()))
        .collect();
    let ours = ours.iter().map(|line| {
        let suffix = if line["exception"].is_null() { "" } else { "_EXCEPTION" };
        let ends = ["client", "server"].map(|end| line[end].as_str().unwrap().to_owned());
        (ends, format!("{}{suffix}", function(line)), exception(line))
    });
    assert_eq!(ours.collect::<Vec<_>>(), theirs);
    assert_eq!(theirs.len(), 24);
}

/// One of our lines under the names of the detailed log's columns.
fn detailed(line: &Value) -> Row {
    let code = line["function_code"].as_u64().unwrap();
    let text = |name: &str| line[name].as_str().map_or("-".to_owned(), str::to_lowercase);
    let escaped = |name: &str| match line[name].as_str() {
        Some(digits) => {
            let pairs = digits.as_bytes().chunks(2);
            let pairs: Vec<_> = pairs.map(|pair| str::from_utf8(pair).unwrap()).collect();
            format!("\\x{}", pairs.join("\\x"))
        }
        None => "-".to_owned(),
    };
    // An echo is not told twice: it is there if nothing else is.
    let is_echoed = line["seen"] == "both" && line["response_pdu"].is_null();
    let (has_asked, has_answered) = match code {
        1..=4 => (false, true),
        5 | 6 => (true, is_echoed),
        15 | 16 => (true, false),
        _ => (false, false),
    };
    let values = |is_there| if is_there { joined(&line["values"]) } else { "-".to_owned() };
    // These of function 23 are in a log of their own.
    let unless_23 = |name: &str| if code == 23 { "-".to_owned() } else { joined(&line[name]) };
    let row = [
        ("client", line["client"].as_str().unwrap().to_owned()),
        ("server", line["server"].as_str().unwrap().to_owned()),
        ("tid", joined(&line["transaction"])),
        ("unit", joined(&line["unit"])),
        ("func", function(line).to_owned()),
        ("address", unless_23("address")),
        ("quantity", unless_23("quantity")),
        ("request_values", values(has_asked)),
        ("response_values", values(has_answered)),
        ("matched", if line["seen"] == "both" { "T" } else { "-" }.to_owned()),
        ("request_subfunction_code", text("sub_function")),
        ("response_subfunction_code", text("sub_function")),
        ("request_data", escaped("request_bytes")),
        ("response_data", escaped("response_bytes")),
        ("exception_code", exception(line)),
        ("mei_type", text("mei_type")),
        ("rows", "1".to_owned()),
    ];
    row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Their rows, those of one transaction joined.
fn theirs_detailed(folder: &Path) -> Vec<Row> {
    let mut joined: Vec<Row> = vec![];
    for mut row in log(folder, "modbus_detailed", "") {
        let [client, server] = ends(&row);
        row.extend([("client".to_owned(), client), ("server".to_owned(), server)]);
        for name in ["request_subfunction_code", "response_subfunction_code", "mei_type"] {
            row.entry(name.to_owned()).and_modify(|text| *text = text.to_lowercase());
        }
        row.retain(|name, _| {
            !name.starts_with("id.") && !["ts", "uid", "modbus_detailed_link_id"].contains(&&**name)
        });
        let is_same = |last: &&mut Row| {
            last.iter().all(|(name, field)| name == "rows" || *field == row[name])
        };
        if let Some(last) = joined.last_mut().filter(is_same) {
            last.insert("rows".to_owned(), "2".to_owned());
        } else {
            row.insert("rows".to_owned(), "1".to_owned());
            joined.push(row);
        }
    }
    joined
}

#[test]
fn addresses_quantities_and_values_are_those_of_the_detailed_log() {
    let Some((folder, ours)) = both() else { return };
    let (ours, theirs): (Vec<_>, _) =
        (ours.iter().map(detailed).collect(), theirs_detailed(&folder));
    assert_eq!((ours.len(), theirs.len()), (24, 24));
    let mut differences = vec![];
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!(ours.keys().eq(theirs.keys()), "{ours:?} {theirs:?}");
        for (column, field) in theirs {
            if ours[column] != *field {
                let [id, ours] = ["tid", column].map(|name| ours[name].clone());
                differences.push((id, column.clone(), field.clone(), ours));
            }
        }
    }
    let explained = DIFFERENCES.iter().map(|difference| {
        let Difference { id, column, theirs, ours, why } = difference;
        eprintln!("{id}: {column} {theirs}, ours {ours}: {why}");
        [*id, column, theirs, ours].map(str::to_owned).into()
    });
    assert_eq!(differences, explained.collect::<Vec<_>>());
}

/// Request and response, as the two special logs have them: these columns of these functions.
fn special(folder: &Path, name: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let rows = log(folder, name, "").into_iter();
    rows.map(|row| columns.iter().map(|column| row[*column].clone()).collect()).collect()
}

#[test]
fn both_masks_are_those_of_their_log() {
    let Some((folder, ours)) = both() else { return };
    let columns = ["request_response", "tid", "unit", "address", "and_mask", "or_mask"];
    let fields = ["transaction", "unit", "address", "and_mask", "or_mask"];
    let mut rows = vec![];
    for line in ours.iter().filter(|line| line["function_code"] == 22) {
        assert!(
            line["response_pdu"].is_null() && line["seen"] == "both",
            "the response repeats it"
        );
        for side in ["REQUEST", "RESPONSE"] {
            let row = fields.map(|name| joined(&line[name]));
            rows.push([&[side.to_owned()], &row[..]].concat());
        }
    }
    assert_eq!(rows, special(&folder, "modbus_mask_write_register", &columns));
    assert_eq!(rows.len(), 4);
}

#[test]
fn both_ranges_of_a_read_write_and_their_values_are_those_of_their_log() {
    let Some((folder, ours)) = both() else { return };
    let columns = [
        "request_response",
        "tid",
        "unit",
        "write_start_address",
        "write_registers",
        "read_start_address",
        "read_quantity",
        "read_registers",
    ];
    let asked = ["transaction", "unit", "address", "values", "read_address", "read_quantity", "-"];
    let given = ["transaction", "unit", "-", "-", "-", "-", "read_values"];
    let mut rows = vec![];
    for line in ours.iter().filter(|line| line["function_code"] == 23) {
        for (side, fields) in [("REQUEST", asked), ("RESPONSE", given)] {
            let row = fields.map(|name| joined(&line[name]));
            rows.push([&[side.to_owned()], &row[..]].concat());
        }
    }
    let log = special(&folder, "modbus_read_write_multiple_registers", &columns);
    assert_eq!(rows, log);
    assert_eq!(rows.len(), 4);
}
