//! Public captures, replayed, against counts that others made of them.
//!
//! `EXPECTED.tsv` was computed apart from this project, its Modbus columns by tshark. Where we
//! count differently, [`DIFFERENCES`] says what and why; a difference that went away fails too.

mod differences;
mod effect;
mod told;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use infra_monitor::app::replay::{Observed, Replayed, Summary, replay};
use infra_monitor::record::{Kind, Tally};

use differences::{DIFFERENCES, Difference};

/// Rows of the table: file name, then number by column.
type Expected = BTreeMap<String, BTreeMap<String, String>>;

/// The folder of captures: named by a variable, or `shared/pcaps` beside the project.
pub(crate) fn captures() -> Option<PathBuf> {
    let named = std::env::var_os("INFRA_MONITOR_PCAPS").map(PathBuf::from);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = || {
        let mut above = root.ancestors().map(|folder| folder.join("../shared/pcaps"));
        above.find(|folder| folder.is_dir())
    };
    let found = named.or_else(beside).filter(|folder| folder.join("EXPECTED.tsv").is_file());
    if found.is_none() {
        eprintln!("skipped: no ../shared/pcaps with EXPECTED.tsv (set INFRA_MONITOR_PCAPS)");
    }
    found
}

fn expected(table: &str) -> Expected {
    let mut lines = table.lines();
    let columns: Vec<_> = lines.next().unwrap().split('\t').collect();
    let row = |line: &str| {
        let cells: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let named = columns.iter().map(|name| (*name).to_owned()).zip(cells.clone());
        (cells[0].clone(), named.collect())
    };
    lines.map(row).collect()
}

/// Our counts under the names of the table's columns.
fn ours(summary: &Summary) -> BTreeMap<&'static str, String> {
    let Summary { checksums, modbus, .. } = summary;
    let number = |count: u64| count.to_string();
    let verdicts = |tally: &Tally| [tally.valid, tally.offloaded, tally.invalid].map(number);
    let [ip4_ok, ip4_zero, ip4_bad] = verdicts(&checksums.ipv4);
    let [tcp_ok, tcp_partial, tcp_bad] = verdicts(&checksums.tcp);
    let [udp_ok, udp_partial, udp_bad] = verdicts(&checksums.udp);
    let [icmp_ok, _, icmp_bad] = verdicts(&checksums.icmp);
    let l4 = [&checksums.tcp, &checksums.udp, &checksums.icmp];
    let n_fragments = l4.iter().map(|tally| tally.fragment).sum();
    let functions = modbus.functions.iter().map(|(code, count)| format!("{code}:{count}"));
    BTreeMap::from([
        ("packets", number(summary.packets)),
        ("ip4_ok", ip4_ok),
        ("ip4_bad_zero(offload)", ip4_zero),
        ("ip4_bad_other", ip4_bad),
        ("tcp_ok", tcp_ok),
        ("tcp_partial(offload)", tcp_partial),
        ("tcp_bad", tcp_bad),
        ("udp_ok", udp_ok),
        ("udp_no_csum", number(checksums.udp.absent)),
        ("udp_partial(offload)", udp_partial),
        ("udp_bad", udp_bad),
        ("ip4_fragments(not l4 checked)", number(n_fragments)),
        ("icmp_ok", icmp_ok),
        ("icmp_bad", icmp_bad),
        ("tshark_modbus_func_code_counts", functions.collect::<Vec<_>>().join(" ")),
        ("exceptions", number(modbus.exceptions)),
    ])
}

/// The table breaks exceptions down by code; we count them.
fn n_exceptions(by_code: &str) -> String {
    let counts = by_code.split_whitespace().filter_map(|part| part.split_once(':'));
    counts.map(|(_, count)| count.parse::<u64>().unwrap()).sum::<u64>().to_string()
}

#[test]
fn public_captures_hold_what_others_found_in_them() {
    let Some(folder) = captures() else { return };
    let table = fs::read_to_string(folder.join("EXPECTED.tsv")).unwrap();
    let mut differences = vec![];
    for (file, mut row) in expected(&table) {
        let by_code = row.remove("tshark_modbus_exception_code_counts").unwrap();
        row.insert("exceptions".to_owned(), n_exceptions(&by_code));
        let Replayed { summary, broken } = replay(&[folder.join(&file)], |_| ()).unwrap();
        assert!(broken.is_empty(), "{broken:?}");
        for (column, count) in ours(&summary) {
            if row[column].trim() != count {
                differences.push((file.clone(), column, row[column].clone(), count));
            }
        }
        assert!(summary.ledger.balances(), "{file}: {}", summary.ledger);
    }
    let explained = DIFFERENCES.iter().map(|difference| {
        let Difference { file, column, theirs, ours, why } = difference;
        eprintln!("{file}: {column} {theirs:?}, ours {ours:?}: {why}");
        ((*file).to_owned(), *column, (*theirs).to_owned(), (*ours).to_owned())
    });
    let mut explained: Vec<_> = explained.collect();
    explained.sort();
    differences.sort();
    assert_eq!(differences, explained);
}

#[test]
fn icmpv6_is_judged_over_its_pseudo_header() {
    let Some(folder) = captures() else { return };
    for (file, valid, invalid) in [("good", 1, 0), ("bad", 0, 1)] {
        let path = folder.join(format!("chksums/zeek-ip6-icmp6-{file}-chksum.pcap"));
        let icmpv6 = replay(&[path], |_| ()).unwrap().summary.checksums.icmpv6;
        assert_eq!((icmpv6.valid, icmpv6.invalid), (valid, invalid), "{file}");
    }
}

#[test]
fn several_files_add_up_and_progress_reaches_the_end() {
    let Some(folder) = captures() else { return };
    let paths = ["iti-ModbusTCP.pcap", "zeek-vlan-pcp-dei.pcapng"].map(|file| folder.join(file));
    let mut last = (0, 0);
    let mut n_writes = 0;
    let summary = replay(&paths, |observed| match observed {
        Observed::Progress { read, total } => {
            assert!(read >= last.0 && read <= total);
            last = (read, total);
        }
        Observed::Event(event) => n_writes += u64::from(event.kind == Kind::ModbusWrite),
        Observed::Usage(_) | Observed::Deferred(_) => (),
        Observed::Transaction { turn, .. } => panic!("nobody asked for {turn:?}"),
    });
    let summary = summary.unwrap().summary;
    assert_eq!((last.0, summary.packets), (last.1, 15_387 + 9));
    // Each write was told or repeats one, although the block limit could have hidden some.
    assert_eq!((n_writes, summary.ledger.noted["writes_repeated"]), (611, 1518));
    assert_eq!(summary.modbus.writes, 611 + 1518);
}
