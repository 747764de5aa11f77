//! The unit, its drop-ins and what is installed beside it, each as the tool that reads it sees it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use tempfile::TempDir;

use crate::netns::skip;

const TREE: &str = env!("CARGO_MANIFEST_DIR");
const UNIT: &str = "infra_monitor.service";
const SERIAL: &str = "10-serial.conf";
const PASSIVE: &str = "20-passive.conf";
const PINNING: &str = "30-pinning.conf";
const PRIORITY: &str = "40-priority.conf";

/// The unit with these drop-ins, below a root folder of its own; it starts the program that was
/// built with the tests.
struct Unit {
    root: TempDir,
    file: PathBuf,
}

impl Unit {
    fn with(drop_ins: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let units = root.path().join("etc/systemd/system");
        let (source, folder) = (Path::new(TREE).join("systemd"), units.join(format!("{UNIT}.d")));
        fs::create_dir_all(&folder).unwrap();
        for name in drop_ins {
            fs::copy(source.join(format!("{UNIT}.d")).join(name), folder.join(name)).unwrap();
        }
        let text = fs::read_to_string(source.join(UNIT)).unwrap();
        let here = text
            .replace("/usr/bin/infra_monitor ", concat!(env!("CARGO_BIN_EXE_infra_monitor"), " "));
        let file = units.join(UNIT);
        fs::write(&file, here).unwrap();
        Self { root, file }
    }
}

/// What `command` came to; `None`, said aloud, where it is not installed.
fn tried(command: &mut Command) -> Option<Output> {
    let output = command.output();
    if let Err(error) = &output {
        skip(&format!("{}: {error}", command.get_program().display()));
    }
    output.ok()
}

/// Nothing was wrong, and nothing was remarked.
fn assert_silent(output: &Output) {
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
}

#[test]
fn the_unit_is_exposed_as_little_as_is_promised_with_each_of_its_drop_ins() {
    // In tenths, as `systemd-analyze security` prints them.
    for (drop_ins, threshold) in [
        (&[][..], 10),
        (&[SERIAL], 12),
        (&[PASSIVE], 3),
        (&[SERIAL, PASSIVE], 4),
        (&[PINNING], 11),
        (&[SERIAL, PINNING], 13),
        (&[PRIORITY], 12),
        (&[SERIAL, PINNING, PRIORITY], 14),
    ] {
        let unit = Unit::with(drop_ins);
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--no-pager", "--offline=true"]);
        command.arg(format!("--threshold={threshold}"));
        command.arg(format!("--root={}", unit.root.path().display())).arg(UNIT);
        let Some(verdict) = tried(&mut command) else { return };
        let report = String::from_utf8_lossy(&verdict.stdout);
        let complaints = String::from_utf8_lossy(&verdict.stderr);
        if complaints.contains("unrecognized option") {
            skip("this systemd-analyze has no --offline, which systemd 250 brought");
            return;
        }
        assert!(report.contains("Overall exposure level"), "{complaints}");
        let exposed = report.lines().filter(|line| !line.starts_with('✓')).collect::<Vec<_>>();
        assert!(verdict.status.success(), "{drop_ins:?}:\n{}", exposed.join("\n"));
    }
}

#[test]
fn the_unit_is_valid_with_each_of_its_drop_ins() {
    for drop_ins in [&[][..], &[SERIAL], &[SERIAL, PASSIVE], &[PINNING, PRIORITY]] {
        let unit = Unit::with(drop_ins);
        let mut command = Command::new("systemd-analyze");
        // The manual is that of the tree, not of this machine.
        let Some(verdict) = tried(command.args(["verify", "--man=no"]).arg(&unit.file)) else {
            return;
        };
        assert_silent(&verdict);
    }
}

#[test]
fn the_unit_has_its_user_made_and_a_folder_that_this_user_reads_and_others_do_not() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let below = |tool: &str| {
        let mut command = Command::new(format!("systemd-{tool}"));
        command.arg(format!("--root={}", root.path().display()));
        command.args((tool == "tmpfiles").then_some("--create"));
        command.arg(Path::new(TREE).join(format!("systemd/{tool}.d/infra_monitor.conf")));
        tried(&mut command)
    };
    let Some(output) = below("sysusers") else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = |file: &str| fs::read_to_string(root.path().join(file)).unwrap();
    let unit = fs::read_to_string(Path::new(TREE).join("systemd").join(UNIT)).unwrap();
    assert!(unit.contains("\nUser=infra_monitor\nGroup=infra_monitor\n"));
    assert!(made("etc/passwd").starts_with("infra_monitor:x:"), "{}", made("etc/passwd"));
    assert!(made("etc/passwd").trim_end().ends_with("nologin"), "{}", made("etc/passwd"));
    let group = made("etc/group");
    let number = group.strip_prefix("infra_monitor:x:").and_then(|rest| rest.split(':').next());
    if !nix::unistd::geteuid().is_root() {
        skip("only root can give a folder to a group");
        return;
    }
    let Some(output) = below("tmpfiles") else { return };
    assert_silent(&output);
    let folder = fs::metadata(root.path().join("etc/infra_monitor")).unwrap();
    assert_eq!(folder.mode() & 0o7777, 0o750);
    assert_eq!((folder.uid(), Some(folder.gid().to_string().as_str())), (0, number));
}

#[test]
fn the_profile_that_the_unit_asks_for_is_one() {
    let profile = Path::new(TREE).join("packaging/apparmor/infra_monitor");
    let mut command = Command::new("apparmor_parser");
    // Without loading it, and without a cache.
    let Some(output) =
        tried(command.args(["--skip-kernel-load", "--skip-cache", "-N"]).arg(profile))
    else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "infra_monitor\n");
    let unit = fs::read_to_string(Path::new(TREE).join("systemd").join(UNIT)).unwrap();
    assert!(unit.contains("\nAppArmorProfile=-infra_monitor\n"));
}

#[test]
fn the_rules_that_name_serial_lines_for_a_unit_are_valid() {
    let rules = Path::new(TREE).join("packaging/udev/70-infra_monitor.rules");
    let text = fs::read_to_string(&rules).unwrap();
    for jump in text.split("GOTO=\"").skip(1) {
        let label = format!("LABEL=\"{}\"", jump.split('"').next().unwrap());
        assert!(text.contains(&label), "{label} is jumped to and not there");
    }
    let mut command = Command::new("udevadm");
    let Some(output) = tried(command.args(["verify", "--no-style"]).arg(rules)) else { return };
    let complaints = String::from_utf8_lossy(&output.stderr);
    if complaints.contains("nknown command verb") {
        skip("this udevadm has no `verify`, which systemd 254 brought");
        return;
    }
    assert!(output.status.success(), "{complaints}");
}

#[test]
fn nothing_but_the_demo_listens_on_a_port_so_that_no_firewall_has_to_be_opened_for_the_unit() {
    let mut pending = vec![Path::new(TREE).join("src"), Path::new(TREE).join("core/src")];
    while let Some(path) = pending.pop() {
        if path.ends_with("app/demo") || path.ends_with("tests") || path.ends_with("tests.rs") {
            continue;
        }
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for listens in ["TcpListener", "TcpSocket", "UdpSocket", "socket::listen"] {
            let place = path.display();
            assert!(
                !code.contains(listens),
                "{place} has {listens}: ship a firewalld service and an nftables snippet for it"
            );
        }
    }
}
