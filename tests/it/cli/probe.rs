//! `probe` against a device with holes, limits and an ill will.

use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use super::device::Device;
use crate::program::Run;
use crate::program::program;
use crate::program::run;

fn probed(endpoint: &str, args: &[&str]) -> Run {
    let probe = run(&[&["probe", endpoint, "--pause", "0s"], args].concat());
    assert_eq!(probe.code, Some(0), "{}", probe.stderr);
    probe
}

/// Without what differs from run to run: port and times.
fn steady(text: &str, endpoint: &str) -> String {
    let text = text.replace(endpoint, "ENDPOINT").replace(&endpoint["tcp://".len()..], "PLACE");
    let digits = |word: &str| word.parse::<f64>().is_ok();
    let lines = text.lines().map(|line| {
        if line.starts_with("timeout = ") {
            return "timeout = TIME".to_owned();
        }
        if !line.contains(" ms") && !line.contains("took") {
            return line.to_owned();
        }
        let words = line.split(' ').map(|word| if digits(word) { "TIME" } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn a_device_is_probed_to_its_edges_and_told_as_text() {
    let device = Device::on_tcp();
    let probe = probed(&device.endpoint, &["--at", "%MW100"]);
    insta::assert_snapshot!("probe_text", steady(&probe.stdout, &device.endpoint));
}

#[test]
fn a_device_is_probed_to_its_edges_and_told_as_json() {
    let device = Device::on_tcp();
    let args = ["--unit", "7", "--format", "json", "--at", "holding:199"];
    let probe = probed(&device.endpoint, &args);
    assert_eq!(probe.stdout.lines().count(), 1);
    let mut report: Value = serde_json::from_str(&probe.stdout).unwrap();
    for time in ["min", "median", "max"] {
        assert!(report["reply_ms"][time].as_f64().unwrap() > 0.0);
        report["reply_ms"][time] = Value::Null;
    }
    report["units"][0]["latency_ms"] = Value::Null;
    report["endpoint"] = Value::Null;
    insta::assert_snapshot!("probe_json", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn a_section_for_the_configuration_is_accepted_by_check_whatever_the_device_says() {
    let device = Device::on_tcp();
    let probe = probed(&device.endpoint, &["--write-config"]);
    insta::assert_snapshot!("probe_config", steady(&probe.stdout, &device.endpoint));
    assert!(!probe.stdout.contains(['\x1b', '\u{202e}']));
    assert_is_accepted(&probe.stdout);
    // The examples are to be used: they have to be right as well.
    let used = probe.stdout.replace("  # {", "  {");
    assert!(used.contains("\n  { name"), "{used}");
    assert_is_accepted(&used);
}

fn assert_is_accepted(section: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probed.toml");
    std::fs::write(&path, section).unwrap();
    let check = run(&["check", path.to_str().unwrap()]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""), "{section}");
}

#[test]
fn what_a_device_calls_itself_cannot_steer_the_terminal() {
    let device = Device::on_tcp();
    for format in ["text", "json"] {
        let probe = probed(&device.endpoint, &["--unit", "1", "--format", format]);
        assert!(probe.stdout.contains("Acme"), "{}", probe.stdout);
        let is_hostile = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!probe.stdout.contains(is_hostile), "{:?}", probe.stdout);
        assert!(!probe.stdout.contains("\n[[modbus]]"), "{}", probe.stdout);
    }
}

#[test]
fn on_a_line_silent_units_cost_little_and_a_slow_one_is_called_again() {
    let device = Device::on_a_line();
    let started = Instant::now();
    let probe = probed(&device.endpoint, &["--units", "1,5-9", "--format", "json"]);
    let report: Value = serde_json::from_str(&probe.stdout).unwrap();
    let units: Vec<_> =
        report["units"].as_array().unwrap().iter().map(|found| &found["unit"]).collect();
    assert_eq!(units, [1, 7], "{report}");
    for nth in 0..2 {
        assert_eq!(report["units"][nth]["identification"]["product code"], "P-7", "{report}");
    }
    let holding = &report["device"]["tables"][0];
    assert_eq!((&holding["table"], &holding["largest_request"]), (&"holding".into(), &60.into()));
    let read: Vec<_> = { holding["ranges"].as_array().unwrap().iter() }
        .filter(|range| range["read"] == true)
        .map(|range| (range["first"].as_u64().unwrap(), range["last"].as_u64().unwrap()))
        .collect();
    assert_eq!(read, [(0, 36), (40, 199)]);
    assert!(started.elapsed() < Duration::from_secs(60), "took {:?}", started.elapsed());
}

#[test]
fn every_unit_of_a_line_stands_in_the_section_for_the_configuration() {
    let device = Device::on_a_line();
    let section =
        probed(&device.endpoint, &["--units", "1,7", "--write-config", "--timeout", "1s"]);
    assert_is_accepted(&section.stdout);
    assert_eq!(section.stdout.matches("[[modbus.device]]").count(), 2, "{}", section.stdout);
}

#[test]
fn a_gateway_that_reaches_nobody_is_told_from_a_silent_one() {
    let device = Device::on_tcp();
    let nobody = run(&["probe", &device.endpoint, "--units", "2-4"]);
    assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(69), ""));
    assert!(nobody.stderr.contains("A gateway answers"), "{}", nobody.stderr);
}

#[test]
fn a_port_where_nobody_speaks_modbus_exits_69_with_what_to_check() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", mute.local_addr().unwrap());
    let args = ["--timeout", "50ms", "--units", "1-2", "--format", "json"];
    let nobody = run(&[&["probe", &endpoint][..], &args].concat());
    assert_eq!(nobody.code, Some(69), "{}", nobody.stderr);
    for hint in ["rtu+tcp://", "--units", "--timeout", "2 called"] {
        assert!(nobody.stderr.contains(hint), "{}", nobody.stderr);
    }
    let report: Value = serde_json::from_str(&nobody.stdout).unwrap();
    assert_eq!((&report["units"], &report["device"]), (&Value::Array(vec![]), &Value::Null));
}

#[test]
fn a_probe_of_nothing_at_all_says_that_nothing_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = run(&["probe", &format!("tcp://127.0.0.1:{port}")]);
    assert_eq!(nobody.code, Some(69));
    assert!(nobody.stderr.contains("nothing listens"), "{}", nobody.stderr);
}

#[test]
fn a_probe_that_is_interrupted_tells_what_it_has_found() {
    let device = Device::on_tcp();
    // Each question takes so long that the tables cannot be done when the signal comes.
    let args = ["probe", &device.endpoint, "--unit", "1", "--pause", "300ms", "--format", "json"];
    let child = program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let probe = Run::from(child.wait_with_output().unwrap());
    assert_eq!(probe.code, Some(0), "{}", probe.stderr);
    let report: Value = serde_json::from_str(&probe.stdout).unwrap();
    assert_eq!((&report["end"], &report["units"][0]["unit"]), (&"stopped".into(), &1.into()));
}
