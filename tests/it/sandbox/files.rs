//! What is left of the file tree and of TCP under Landlock, tried in a process of its own.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use infra_monitor::sys::landlock;
use infra_monitor::sys::landlock::Territory;

use super::attempt_with;

const FOLDER: &str = "IM_SANDBOX_FOLDER";
const PORT: &str = "IM_SANDBOX_PORT";

#[test]
fn only_the_territory_is_read_and_only_what_is_kept_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let environment = [(FOLDER, folder.path().as_os_str()), (PORT, port.as_ref())];
    let child = attempt_with("territory", &environment);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {errors}", child.status);
    if errors.contains("skipped") {
        eprintln!("{errors}");
    }
}

/// The side of the child.
pub(super) fn stay_inside() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    let [read, kept] = ["read", "kept"].map(|name| folder.join(name));
    fs::create_dir(&read).unwrap();
    fs::create_dir(&kept).unwrap();
    fs::write(read.join("a"), "text").unwrap();
    fs::write(folder.join("beside"), "text").unwrap();
    let territory = Territory {
        read: vec![read.clone(), "/nonexistent".into()],
        kept: vec![kept.clone()],
        devices: vec!["/dev".into()],
        abstract_sockets: false,
    };
    let enforced = match landlock::restrict(&territory) {
        Ok(enforced) => enforced,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            eprintln!("skipped: no Landlock here: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let refused = |outcome: io::Result<()>| {
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    };
    assert_eq!(fs::read_to_string(read.join("a")).unwrap(), "text");
    fs::write(kept.join("b"), "text").unwrap();
    fs::remove_file(kept.join("b")).unwrap();
    fs::write("/dev/null", "text").unwrap();
    refused(fs::read("/etc/passwd").map(drop));
    refused(fs::read(folder.join("beside")).map(drop));
    refused(fs::write("/root/x", "text"));
    fs::read("/root/x").unwrap_err();
    refused(fs::write(read.join("b"), "text"));
    refused(fs::remove_file(read.join("a")));
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    if enforced.abi >= 4 {
        refused(TcpListener::bind("127.0.0.1:0").map(drop));
    }
}
