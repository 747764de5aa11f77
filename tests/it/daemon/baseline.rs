//! Learning on a live wire, then the daemon with what was learnt: two namespaces and a veth pair.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use infra_monitor::sys::inject::Injector;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::baseline::write;
use crate::netns::Namespace;

use super::process::{Daemon, ServiceManager};

const CAPTURE: &str = "[runtime]\nwindow = \"100ms\"\n[[capture]]\ninterface = \"tap0\"\n";

fn send(from: &Namespace, frames: Vec<Vec<u8>>) {
    let send = move || {
        let injector = Injector::open("tap0").unwrap();
        for frame in frames {
            injector.send(&frame).unwrap();
        }
    };
    from.spawn(send).join().unwrap();
}

/// `learn` in a namespace, until it was interrupted after `frames`; what it said.
fn learn(here: &Namespace, there: &Namespace, folder: &Path, frames: Vec<Vec<u8>>) -> String {
    let config = folder.join("capture.toml");
    fs::write(&config, CAPTURE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra_monitor"));
    command.args(["learn", "--for", "24h", "--output"]).arg(folder.join("baseline.toml"));
    command.arg("--config").arg(config).stderr(Stdio::piped());
    let mut child = here.spawn(move || command.spawn().unwrap()).join().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("tap0: listening") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    send(there, frames);
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    said
}

#[test]
fn what_was_learnt_on_the_wire_is_normal_there_until_somebody_goes_beyond_it() {
    let (Some(here), Some(there)) = (Namespace::new("l"), Namespace::new("r")) else { return };
    here.join(&there, "tap0");
    let folder = tempfile::tempdir().unwrap();
    let usual = || vec![write(7, 0, 8, 5), write(7, 1, 12, 50)];
    let said = learn(&here, &there, folder.path(), usual());
    assert!(said.contains("learnt from tap0: 0s until ") || said.contains("s until "), "{said}");
    assert!(said.contains("none lost") && said.contains("lines: 1, written to"), "{said}");
    let baseline = folder.path().join("baseline.toml");
    let text = fs::read_to_string(&baseline).unwrap();
    let line = r#"{ station = 1, function = 6, addresses = "8..12", values = "5..50" },"#;
    assert!(text.contains(line), "{text}");

    let config = format!("{CAPTURE}[baseline]\nfile = {:?}\n", baseline.to_str().unwrap());
    let systemd = ServiceManager::listen();
    let (socket, start) = (systemd.path(), config.clone());
    let start = move || Daemon::start_notifying(&socket, &start);
    let mut daemon = here.spawn(start).join().unwrap();
    systemd.wait_for("READY=1");
    send(&there, usual());
    send(&there, vec![write(7, 2, 12, 51)]);
    let told = daemon.wait_for("baseline.deviation");
    assert_eq!((&told["deviation"], &told["allowed"]), (&"value".into(), &"5..50".into()));

    fs::write(&baseline, text.replace("5..50", "5..60")).unwrap();
    daemon.reload(&config);
    let reloaded = daemon.wait_for("config.reloaded");
    assert_eq!(
        (&reloaded["baseline"], &reloaded["baseline_grants"]),
        (&"changed".into(), &1.into())
    );
    send(&there, vec![write(7, 3, 12, 60), write(7, 4, 13, 60)]);
    let told = daemon.wait_for("baseline.deviation");
    assert_eq!((&told["deviation"], &told["allowed"]), (&"address".into(), &"8..12".into()));

    fs::write(&baseline, "[[talk]]\n").unwrap();
    daemon.reload(&config);
    let refused = daemon.wait_for("config.rejected");
    assert_eq!(
        (&refused["file"], &refused["line"]),
        (&baseline.to_str().unwrap().into(), &1.into())
    );
    daemon.signal(Signal::SIGTERM);
    let (status, events) = daemon.end();
    assert_eq!(status.code(), Some(0));
    let n_told = events.iter().filter(|event| event["event"] == "baseline.deviation").count();
    assert_eq!(n_told, 2, "{events:#?}");
}
