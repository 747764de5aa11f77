//! Findings for reading.

use std::fmt::Write;

use crate::app::probe::Decode;
use crate::app::probe::End;
use crate::app::probe::Findings;
use crate::app::probe::Plan;
use crate::app::probe::identity::Support;
use crate::app::probe::search::Search;
use crate::config::TransactionId;
use crate::tag::Value;

use super::answers;
use super::answers::Decoded;

pub(super) fn report(plan: &Plan, findings: &Findings) -> String {
    let mut text = String::new();
    units(&mut text, plan, findings);
    functions(&mut text, findings);
    if let Some(found) = &findings.decode {
        decode(&mut text, found);
    }
    if let Some(first) = findings.units.first().filter(|_| !findings.tables.is_empty()) {
        let _ = writeln!(text, "\ntables of unit {}", first.unit);
        findings.tables.iter().for_each(|search| table(&mut text, search));
    }
    close(&mut text, findings);
    text
}

// Writing to a String cannot fail, here and below.
fn units(text: &mut String, plan: &Plan, findings: &Findings) {
    let (n_units, n_called) = (findings.units.len(), findings.n_called);
    let _ = writeln!(text, "{}: {n_units} of {n_called} units called answer", plan.endpoint);
    if n_units > 1 && n_units == n_called {
        let _ = writeln!(text, "  all of them: the device may ignore the unit");
    }
    if findings.n_behind_gateway > 0 {
        let n_behind = findings.n_behind_gateway;
        let _ = writeln!(text, "  a gateway says of {n_behind} that it cannot reach them");
    }
    if findings.transaction_id == TransactionId::Lenient {
        let _ = writeln!(
            text,
            "  it does not number its replies: it needs transaction_id = \"lenient\""
        );
    }
    for found in &findings.units {
        let latency = answers::milliseconds(found.latency);
        let _ = writeln!(text, "\nunit {}, first reply after {latency} ms", found.unit);
        for (name, value) in answers::identification(&found.identification) {
            let _ = writeln!(text, "  {name:<13} {value}");
        }
    }
}

fn functions(text: &mut String, findings: &Findings) {
    let Some(first) = findings.units.first().filter(|_| !findings.functions.is_empty()) else {
        return;
    };
    let _ = writeln!(text, "\nfunctions of unit {}", first.unit);
    for (function, support) in &findings.functions {
        let support = match support {
            Support::Answers => "answers".to_owned(),
            Support::Refuses(code) => {
                format!("refuses: exception {code}, {}", answers::exception(*code))
            }
            Support::Unproven => "replies with what is not provably an answer".to_owned(),
            Support::Silent => "no reply".to_owned(),
        };
        let _ = writeln!(text, "  {:<35} {support}", function.name);
    }
}

fn decode(text: &mut String, found: &Decode) {
    let hex: Vec<_> = found.registers.iter().map(|register| format!("{register:04x}")).collect();
    if hex.is_empty() {
        let _ = writeln!(text, "\n{} cannot be read", found.at);
        return;
    }
    let _ = writeln!(text, "\n{}: {}", found.at, hex.join(" "));
    let rows = answers::decoded(found);
    let names = rows.first().map(|row| row.values.iter().map(|(name, _)| *name));
    let names: Vec<_> = names.into_iter().flatten().collect();
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let widths: Vec<_> = (0..names.len())
        .map(|nth| cells.iter().filter_map(|row| row.get(nth)).map(String::len).max().unwrap_or(4))
        .collect();
    let line = |kind: &str, row: &[String]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("  {cell:>width$}"));
        format!("  {kind:<5}{}", padded.collect::<String>()).trim_end().to_owned()
    };
    let head: Vec<_> = names.iter().map(|name| format!("{name} ")).collect();
    let _ = writeln!(text, "{}", line("", &head));
    for (row, cells) in rows.iter().zip(&cells) {
        let _ = writeln!(text, "{}", line(&row.kind.to_string(), cells));
    }
    let _ = writeln!(text, "  * from 0.001 to 1000000 in size, as most measured values are");
}

/// Each value with its mark or the blank in its place.
fn cells(row: &Decoded) -> Vec<String> {
    let cell = |value: &Option<Value>| match value {
        Some(value) if answers::is_plausible(value) => format!("{value}*"),
        Some(value) => format!("{value} "),
        None => "- ".to_owned(),
    };
    row.values.iter().map(|(_, value)| cell(value)).collect()
}

fn table(text: &mut String, search: &Search) {
    let table = search.table();
    if search.is_absent() {
        let _ = writeln!(text, "  {table:<9} none: the device has no such function");
        return;
    }
    let mut name = table.to_string();
    for stretch in search.stretches() {
        let range = format!("{}..={}", stretch.first, stretch.last);
        let _ = writeln!(text, "  {name:<9} {range:<14} {}", answers::fate(&stretch));
        name.clear();
    }
    let remarks = [
        answers::remark(search).map(str::to_owned),
        answers::largest(search).map(|largest| format!("largest request: {largest}")),
        Some(format!("{} requests", search.n_asked())),
    ];
    for remark in remarks.into_iter().flatten() {
        let _ = writeln!(text, "  {name:<9} {remark}");
        name.clear();
    }
}

fn close(text: &mut String, findings: &Findings) {
    text.push('\n');
    if let Some(times) = findings.latencies() {
        let [min, median, max] = times.map(answers::milliseconds);
        let n = findings.times.len();
        let _ = writeln!(
            text,
            "{n} replies after {min} ms at least, {median} in the middle, {max} at most"
        );
    }
    let _ = writeln!(text, "{} requests in all", findings.n_requests);
    match findings.end {
        End::Done => (),
        End::Stopped => text.push_str("stopped before the end\n"),
        End::LinkLost => text.push_str("the link was lost before the end\n"),
    }
    for trouble in &findings.trouble {
        let _ = writeln!(text, "note: {trouble}");
    }
}
