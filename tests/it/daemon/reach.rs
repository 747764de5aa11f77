//! Files that a reload names, inside and outside of what the process kept within reach.

use std::fs;
use std::io;

use infra_monitor::sys::landlock::{Territory, restrict};
use nix::sys::signal::Signal;

use super::process::Daemon;
use crate::netns::skip;

/// Tried on a thread of its own, whose restriction ends with it.
fn has_landlock() -> bool {
    let trial = std::thread::Builder::new().spawn(|| restrict(&Territory::default())).unwrap();
    let outcome = trial.join().unwrap();
    let missing = matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::Unsupported);
    if missing {
        skip("no Landlock on this kernel");
    }
    !missing
}

#[test]
fn a_baseline_out_of_reach_is_refused_with_what_to_do_about_it() {
    if !has_landlock() {
        return;
    }
    let [near, far] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let with = |folder: &tempfile::TempDir, name: &str| {
        let file = folder.path().join(name);
        fs::write(&file, "").unwrap();
        format!("[baseline]\nfile = \"{}\"\n", file.display())
    };
    let mut daemon = Daemon::start(&with(&near, "one.toml"));
    daemon.wait_for("daemon.started");
    daemon.reload(&with(&near, "another.toml"));
    let reloaded = daemon.wait_for("config.reloaded");
    assert_eq!(
        (&reloaded["baseline"], &reloaded["needs_restart"]),
        (&"unchanged".into(), &"".into())
    );
    daemon.reload(&with(&far, "one.toml"));
    let rejected = daemon.wait_for("config.rejected");
    let text = rejected["text"].as_str().unwrap();
    let folder = far.path().display().to_string();
    for word in [&folder, "Landlock", "restart the service", "/etc/infra_monitor"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("chmod"), "{text}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().0.code(), Some(0));
}

#[cfg(feature = "tls")] // without it, a configuration that names them is refused
#[test]
fn certificates_out_of_reach_are_named_as_waiting_for_a_restart() {
    if !has_landlock() {
        return;
    }
    let far = tempfile::tempdir().unwrap();
    let link = |folder: &str| {
        let file = |name: &str| format!("{name} = \"{folder}/{name}.pem\"");
        let files = ["ca", "certificate", "key"].map(file).join(", ");
        format!(
            "[[modbus]]\nname = \"a\"\ntcp = \"127.0.0.1:1\"\ntls = {{ {files} }}\n\
             [[modbus.device]]\nname = \"d\"\nunit = 1\n\
             tags = [{{ name = \"t\", at = \"%MW1\", type = \"INT\" }}]\n"
        )
    };
    let folder = far.path().to_str().unwrap();
    let mut daemon = Daemon::start("site = \"test\"\n");
    daemon.wait_for("daemon.started");
    daemon.reload(&format!("site = \"test\"\n{}", link("/etc/infra_monitor_missing")));
    assert_eq!(daemon.wait_for("config.reloaded")["needs_restart"], "");
    daemon.reload(&format!("site = \"test\"\n{}", link(folder)));
    let reloaded = daemon.wait_for("config.reloaded");
    assert_eq!(reloaded["needs_restart"], format!("files in {folder} (out of reach)"));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().0.code(), Some(0));
}
