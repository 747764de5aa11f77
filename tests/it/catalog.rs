//! What `journalctl -x` adds to an event: the catalog, held against the kinds and the journal's tool.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use infra_monitor::record::Kind;

const CATALOG: &str = "packaging/infra_monitor.catalog";

/// Header and text of each entry, by message identifier.
fn entries() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CATALOG);
    let text = fs::read_to_string(path).unwrap();
    let entries = text.split("\n-- ").skip(1);
    entries
        .map(|entry| entry.split_once('\n').unwrap())
        .map(|(id, entry)| (id.into(), entry.into()))
        .collect()
}

#[test]
fn each_kind_of_event_is_explained_with_what_to_do() {
    let entries = entries();
    for kind in Kind::ALL {
        let entry = entries.get(kind.message_id());
        let entry = entry.unwrap_or_else(|| panic!("{} is not in {CATALOG}", kind.name()));
        let paragraphs: Vec<_> = entry.trim_end().split("\n\n").collect();
        assert!(paragraphs[0].starts_with("Subject: "), "{}", kind.name());
        assert!(paragraphs.len() == 3, "{}: meaning and next step", kind.name());
    }
    assert_eq!(entries.len(), Kind::ALL.len(), "nothing else is explained");
}

#[test]
fn the_journal_takes_the_catalog_up() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("usr/lib/systemd/catalog");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(root.path().join("var/lib/systemd/catalog")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(CATALOG);
    fs::copy(source, folder.join("infra_monitor.catalog")).unwrap();
    let journalctl = |option| {
        Command::new("journalctl").arg("--root").arg(root.path()).arg(option).output().ok()
    };
    let Some(updated) = journalctl("--update-catalog") else {
        eprintln!("skipped: no journalctl to compile the catalog");
        return;
    };
    assert!(updated.status.success(), "{}", String::from_utf8_lossy(&updated.stderr));
    let listed = String::from_utf8(journalctl("--list-catalog").unwrap().stdout).unwrap();
    assert_eq!(listed.lines().count(), Kind::ALL.len(), "{listed}");
    assert!(listed.contains("infra_monitor: Somebody wrote to a Modbus device"), "{listed}");
}
