//! `packaging/install.sh`, into a folder of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use tempfile::TempDir;

use crate::netns::skip;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/install.sh");
const CONFIG: &str = "etc/infra_monitor.toml";

/// Everything but the configuration.
const FILES: [&str; 16] = [
    "etc/apparmor.d/infra_monitor",
    "etc/systemd/system/infra_monitor.service",
    "usr/local/bin/infra_monitor",
    "usr/local/lib/systemd/catalog/infra_monitor.catalog",
    "usr/local/lib/sysusers.d/infra_monitor.conf",
    "usr/local/lib/tmpfiles.d/infra_monitor.conf",
    "usr/local/lib/udev/rules.d/70-infra_monitor.rules",
    "usr/local/share/bash-completion/completions/infra_monitor",
    "usr/local/share/fish/vendor_completions.d/infra_monitor.fish",
    "usr/local/share/infra_monitor/infra_monitor.service.d/10-serial.conf",
    "usr/local/share/infra_monitor/infra_monitor.service.d/20-passive.conf",
    "usr/local/share/infra_monitor/infra_monitor.service.d/30-pinning.conf",
    "usr/local/share/infra_monitor/infra_monitor.service.d/40-priority.conf",
    "usr/local/share/man/man5/infra_monitor.toml.5",
    "usr/local/share/man/man8/infra_monitor.8",
    "usr/local/share/zsh/site-functions/_infra_monitor",
];

/// A machine's root folder, and what its administrator does there.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn try_install(&self, argument: &str) -> Output {
        let mut script = Command::new("sh");
        script.args([SCRIPT, argument]).env("DESTDIR", self.0.path()).env_remove("PREFIX");
        script.output().unwrap()
    }

    fn install(&self, argument: &str) -> String {
        let output = self.try_install(argument);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let (mut found, mut pending) = (vec![], vec![self.0.path().to_owned()]);
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    pending.push(path);
                } else {
                    found.push(path.strip_prefix(self.0.path()).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).unwrap()
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_infra_monitor");

#[test]
fn an_installation_has_its_files_and_a_unit_that_finds_them() {
    let machine = Machine::new();
    machine.install(PROGRAM);
    let mut expected = FILES.map(str::to_owned).to_vec();
    expected.push(CONFIG.to_owned());
    expected.sort();
    assert_eq!(machine.files(), expected);
    let unit = machine.read("etc/systemd/system/infra_monitor.service");
    assert!(unit.contains("\nExecStart=/usr/local/bin/infra_monitor run "), "{unit}");
    assert!(unit.contains("\nExecPaths=/usr/local/bin/infra_monitor "), "{unit}");
    assert!(!unit.contains("/usr/bin/infra_monitor"), "{unit}");
    let started = Command::new(machine.0.path().join(FILES[2])).arg("--version").output().unwrap();
    assert!(started.status.success());
}

#[test]
fn an_upgrade_by_the_install_script_keeps_what_the_operator_wrote() {
    let machine = Machine::new();
    machine.install(PROGRAM);
    let config = machine.0.path().join(CONFIG);
    let profile = machine.0.path().join(FILES[0]);
    fs::write(&config, "site = \"pump-station-7\"\n").unwrap();
    fs::write(&profile, "profile infra_monitor { }\n").unwrap();
    fs::write(machine.0.path().join(FILES[1]), "an old one").unwrap();
    machine.install(PROGRAM);
    assert_eq!(machine.read(CONFIG), "site = \"pump-station-7\"\n");
    assert_eq!(machine.read(FILES[0]), "profile infra_monitor { }\n");
    assert!(machine.read(FILES[1]).contains("[Service]"));
}

#[test]
fn what_the_install_script_removes_leaves_the_configuration_and_a_purge_nothing() {
    let machine = Machine::new();
    machine.install(PROGRAM);
    let own = machine.0.path().join("etc/systemd/system/infra_monitor.service.d/10-serial.conf");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::copy(machine.0.path().join(FILES[8]), &own).unwrap();
    let told = machine.install("--remove");
    let own = "etc/systemd/system/infra_monitor.service.d/10-serial.conf";
    assert_eq!(machine.files(), [CONFIG, own]);
    let root = machine.0.path().display();
    assert_eq!(
        told,
        format!(
            "removed. Left, as configuration:\n  {root}/{CONFIG}\n  \
             {root}/etc/systemd/system/infra_monitor.service.d\n"
        )
    );
    machine.install("--purge");
    assert_eq!(machine.files(), [""; 0]);
    assert!(!machine.0.path().join("usr/local/share/infra_monitor").exists());
}

#[test]
fn the_install_script_refuses_what_it_does_not_know_and_a_program_that_is_none() {
    let machine = Machine::new();
    for (argument, code, said) in
        [("--uninstall", 64, "--remove"), ("/dev/null", 66, "cargo build --release")]
    {
        let output = machine.try_install(argument);
        assert_eq!(output.status.code(), Some(code));
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{argument}");
    }
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn the_install_script_is_plain_shell() {
    let checked = Command::new("shellcheck").arg(SCRIPT).output();
    match checked {
        Ok(checked) => {
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        }
        Err(error) => skip(&format!("shellcheck: {error}")),
    }
    let first = fs::read_to_string(SCRIPT).unwrap();
    assert!(first.starts_with("#!/bin/sh\n") && Path::new("/bin/sh").exists());
}
