use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use crate::record::{News, Operation, Protocol, Trust, Usage};
use crate::wire::packet::Vlan;

use super::*;

fn learned(known: Arc<Baseline>, station: u32) -> Learned {
    let mut learned = Learned::beside(known);
    learned.on_usage(&Usage {
        at: SystemTime::UNIX_EPOCH,
        vlan: Vlan::default(),
        client: [192, 0, 2, 7].into(),
        server: ([192, 0, 2, 10], 502).into(),
        protocol: Protocol::Modbus,
        station: Some(station),
        function: 3,
        operation: Operation::Read,
        addresses: None,
        values: None,
        news: News::First,
        trust: Trust::FULL,
    });
    learned
}

/// Learn of one station into `path`.
fn write(path: &Path, station: u32) -> Written {
    let (output, known) = Output::prepare(path).unwrap();
    output.write(&learned(known, station), "# header\n").unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_made_added_to_and_left_alone_and_nothing_else_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.toml");
    assert_eq!(write(&path, 1), Written::New);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# header\n\n[[talk]]\n"), "{text}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(write(&path, 1), Written::Nothing);
    assert_eq!(write(&path, 2), Written::Added);
    let longer = fs::read_to_string(&path).unwrap();
    assert_eq!((longer.matches("header").count(), longer.matches("station = ").count()), (1, 2));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(folder.path()), ["baseline.toml"]);
}

#[test]
fn a_link_stays_one_and_what_it_leads_to_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("link.toml");
    let target = folder.path().join("baseline.toml");
    fs::write(&target, "# kept\n").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    assert_eq!(write(&path, 1), Written::Added);
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().starts_with("# kept\n\n[[talk]]\n"));
}

#[test]
fn a_mistake_made_meanwhile_does_not_cost_what_was_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.toml");
    fs::write(&path, "# kept\n").unwrap();
    let (output, known) = Output::prepare(&path).unwrap();
    fs::write(&path, "[[talk]\n").unwrap();
    let written = output.write(&learned(known, 1), "# header\n").unwrap();
    let Written::Beside(beside, why) = written else { panic!("{written:?}") };
    assert!(why.contains("baseline.toml:1"), "{why}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "[[talk]\n");
    assert!(parse_baseline("", fs::read(&beside).unwrap()).unwrap().n_grants() == 1);
    assert_eq!(names(folder.path()), ["baseline.toml", "baseline.toml.learnt"]);
}

#[test]
fn what_cannot_be_written_or_added_to_is_told_before_anything_is_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent/baseline.toml");
    for path in [&absent, folder.path(), Path::new("/"), Path::new("/proc/baseline.toml")] {
        let error = Output::prepare(path).unwrap_err();
        assert!(matches!(error, OutputError::Io { .. }), "{error}");
    }
    let path = folder.path().join("baseline.toml");
    fs::write(&path, "[[talk]]\nclient = 7\n").unwrap();
    assert!(matches!(Output::prepare(&path).unwrap_err(), OutputError::Rejected(_)));
    assert_eq!(names(folder.path()), ["baseline.toml"]);
}
