//! The daemon beside a line of others: what it tells of it, through a reload.

use std::fs::File;
use std::io::Write;

use infra_monitor::wire::checksum::crc16_modbus;
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::unistd::ttyname;

use super::process::{Daemon, ServiceManager};

fn framed(pdu: &[u8]) -> Vec<u8> {
    let mut bytes = [&[17], pdu].concat();
    bytes.extend(crc16_modbus(&bytes).to_le_bytes());
    bytes
}

fn config(name: &str, device: &str) -> String {
    format!(
        "[runtime]\nwindow = \"100ms\"\n\
         [[serial]]\nname = \"{name}\"\ndevice = \"{device}\"\nbaud = 115200\nmode = \"listen\"\n"
    )
}

#[test]
fn writes_on_a_line_of_others_are_told_and_its_books_balance_through_a_reload() {
    let line = openpty(None, None).unwrap();
    let device = ttyname(&line.slave).unwrap().display().to_string();
    let mut end = File::from(line.master);
    let systemd = ServiceManager::listen();
    let mut daemon = Daemon::start_under(&systemd, &config("line-b", &device));
    systemd.wait_for("READY=1");
    let write = framed(&[6, 0, 8, 0x12, 0x34]);
    // A listener that starts drops what came before it, so the master has to go on.
    let master = move || {
        while end.write_all(&[&write[..], &write].concat()).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    };
    std::thread::Builder::new().spawn(master).unwrap();
    let told = daemon.wait_for("modbus.write");
    assert_eq!((&told["source"], &told["unit"]), (&"line-b".into(), &17.into()));
    assert_eq!(told.get("client"), None, "nobody on a line has an address");

    daemon.reload(&config("line-c", &device));
    let reloaded = daemon.wait_for("config.reloaded");
    assert_eq!((&reloaded["links_started"], &reloaded["links_stopped"]), (&1.into(), &1.into()));
    // The line is free as soon as line-b has ended; if that is late, line-c tries again.
    while daemon.wait_for("modbus.write")["source"] != "line-c" {}
    daemon.signal(Signal::SIGTERM);
    let (status, events) = daemon.end();
    assert_eq!(status.code(), Some(0));
    for line in ["line:line-b", "line:line-c"] {
        let ledger = events.iter().find(|event| event["ledger"] == line);
        let ledger = ledger.unwrap_or_else(|| panic!("no {line} in {events:#?}"));
        assert_eq!(ledger["balances"], true, "{ledger}");
        assert!(ledger["in"].as_u64() >= Some(16), "{ledger}");
    }
}
