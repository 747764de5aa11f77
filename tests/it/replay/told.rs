//! What each public capture makes an operator read: one snapshot each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use infra_monitor::app::replay::{Observed, replay};
use infra_monitor::record::Kind;

use super::captures;

/// Sentences of a kind that a snapshot holds; the rest is a number.
const TOLD: usize = 4;

/// Files of a folder and of those in it, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| self::files(folder)));
    files.retain(|path| path.extension().is_some_and(|kind| kind == "pcap" || kind == "pcapng"));
    files.sort();
    files
}

/// How often each kind of event is raised, and the first sentences of it.
fn told(path: &Path) -> String {
    let mut kinds = BTreeMap::<Kind, (u64, Vec<String>)>::new();
    let replayed = replay(&[path.to_owned()], |observed| match observed {
        Observed::Event(event) => {
            let (count, sentences) = kinds.entry(event.kind).or_default();
            *count += 1;
            if sentences.len() < TOLD {
                sentences.push(event.text.clone());
            }
        }
        Observed::Progress { .. }
        | Observed::Transaction { .. }
        | Observed::Usage(_)
        | Observed::Deferred(_) => (),
    });
    let summary = replayed.unwrap().summary;
    let mut text = format!("{} packets: {}\n", summary.packets, summary.ledger);
    for (kind, (count, sentences)) in kinds {
        let _ = writeln!(text, "{} {count}", kind.name()); // cannot fail
        for sentence in sentences {
            let _ = writeln!(text, "  {sentence}");
        }
    }
    text
}

#[test]
fn every_public_capture_makes_an_operator_read_what_its_snapshot_says() {
    let Some(folder) = captures() else { return };
    let files = files(&folder);
    assert!(files.len() >= 30, "{files:?}");
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(format!("told_{name}"), told(&path));
    }
}
