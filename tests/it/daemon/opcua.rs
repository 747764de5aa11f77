//! The daemon with an OPC UA server: its samples, its limits, and a restart, as events.

use nix::sys::signal::Signal;

use crate::opcua::server::{Peer, Running};

use super::process::{Daemon, ServiceManager};

#[test]
fn limits_of_an_opcua_tag_fire_and_a_restarted_server_is_told_down_and_up() {
    let Some(mut server) = Running::start(Peer::Asyncua) else { return };
    let text = format!(
        "[runtime]\nwindow = \"100ms\"\n\
         [[opcua]]\nname = \"scada-1\"\nendpoint = \"opc.tcp://127.0.0.1:{}/plant\"\n\
         every = \"200ms\"\ntags = [\n{{ name = \"pressure\", node = \"ns=2;s=Pump.Pressure\", \
         unit = \"bar\", limits = {{ high = 3.0 }} }},\n]\n",
        server.port
    );
    let systemd = ServiceManager::listen();
    let mut daemon = Daemon::start_under(&systemd, &text);
    systemd.wait_for("READY=1");
    let started = daemon.wait_for("daemon.started");
    assert_eq!(started["links"], "scada-1");
    let exceeded = daemon.wait_for("limit.exceeded");
    assert_eq!(exceeded["device"], "scada-1");
    assert!(exceeded["text"].as_str().unwrap().contains("limit of 3 bar"), "{exceeded}");
    assert!(exceeded.get("unit").is_none(), "{exceeded}");
    server.kill();
    let down = daemon.wait_for("device.down");
    assert_eq!(down["quality"], "Bad(LinkDown)");
    server.restart();
    daemon.wait_for("device.up");
    daemon.wait_for_sample_of("scada-1");
    daemon.signal(Signal::SIGTERM);
    let (status, events) = daemon.end();
    assert_eq!(status.code(), Some(0));
    let ledgers: Vec<_> =
        events.iter().filter(|event| event["ledger"] == "readings:scada-1").collect();
    assert!(ledgers.iter().all(|ledger| ledger["balances"] == true), "{ledgers:?}");
    assert!(!ledgers.is_empty());
}
