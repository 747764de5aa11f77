//! The command line as a user meets it: help, exit codes, errors.

mod controller;
mod device;
mod probe;
mod watch;

use std::fs;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::program::program;
use crate::program::program_as_nobody;
use crate::program::run;
use controller::Controller;

#[test]
fn the_help_of_every_command_is_what_was_reviewed() {
    for command in ["", "run", "check", "demo", "replay", "learn", "read", "probe", "open-sockets"]
    {
        let args: Vec<&str> =
            [command, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        let help = run(&args);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        let name = if command.is_empty() { "help" } else { &format!("help_{command}") };
        insta::assert_snapshot!(name, help.stdout);
    }
}

#[test]
fn help_fits_a_terminal_of_100_columns() {
    for command in ["run", "check", "demo", "replay", "learn", "read", "probe", "open-sockets"] {
        for line in run(&[command, "--help"]).stdout.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

#[test]
fn usage_errors_exit_64_and_say_what_was_expected() {
    for (args, expected) in [
        (&["frobnicate"][..], "unrecognized subcommand"),
        (&["read", "tcp://127.0.0.1:502", "%MW1"], "--unit"),
        (&["read", "tcp://127.0.0.1:502", "--unit", "300", "%MW1"], "300"),
        (&["read", "tcp://127.0.0.1:502", "--unit", "-1", "%MW1"], "0..=255"),
        (&["read", "tcp://127.0.0.1:502", "--unit", "248", "%MW1"], "reserved"),
        (&["read", "rtu:///dev/null", "--unit", "0", "%MW1"], "1 to 247"),
        (&["read", "tcp://127.0.0.1:502", "--unit", "1", "%MW1", "--timeout", "0s"], "10ms to 1m"),
        (&["read", "udp://127.0.0.1:502", "--unit", "1", "%MW1"], "rtu:///dev/ttyS0"),
        (&["read", "tcp://127.0.0.1:502", "--unit", "1", "%MZ1"], "%MW100"),
        (&["read", "tcp://127.0.0.1:502", "--unit", "1", "%MW1", "--type", "FLOAT"], "REAL"),
        (&["read", "tcp://127.0.0.1:502", "--unit", "1", "coil:1", "--type", "REAL"], "BOOL"),
        (&["demo", "--for", "soon"], "soon"),
        (&["replay"], "<FILE>"),
        (&["run", "--log", "syslog"], "journald"),
    ] {
        let run = run(args);
        assert_eq!(run.code, Some(64), "{args:?}");
        assert!(run.stderr.contains(expected) && run.stdout.is_empty(), "{}", run.stderr);
    }
}

#[test]
fn every_wrong_address_is_told_at_once() {
    let run =
        run(&["read", "tcp://127.0.0.1:502", "--unit", "1", "%MZ1", "40101", "holding:70000"]);
    assert_eq!(run.code, Some(64));
    assert!(run.stderr.contains("%MZ1") && run.stderr.contains("holding:70000"), "{}", run.stderr);
}

const FIVE_MISTAKES: &str = r#"site = "pump-station-7"
windows = "1s"

[[modbus]]
name = "line-a"
tcp = "192.0.2.10:502"
timeout = "fast"

[[modbus.device]]
name = "pump-1"
unit = 300
every = "1s"
tags = [
  { name = "pressure", at = "%MZ100", type = "REAL" },
  { name = "level", at = "%MW102", type = "FLOAT" },
]
"#;

#[test]
fn five_mistakes_are_reported_as_five_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plant.toml"), FIVE_MISTAKES).unwrap();
    let check = program().args(["check", "plant.toml"]).current_dir(folder.path()).output();
    let check = crate::program::Run::from(check.unwrap());
    assert_eq!((check.code, check.stdout.as_str()), (Some(78), ""));
    insta::assert_snapshot!("check_five_mistakes", check.stderr);
    assert_eq!(check.stderr.matches("--> plant.toml:").count(), 5, "{}", check.stderr);
}

#[cfg(not(feature = "opcua"))]
#[test]
fn a_build_without_opcua_refuses_a_server_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plant.toml");
    let text = "site = \"s\"\n\n[[opcua]]\nname = \"scada-1\"\nendpoint = \"opc.tcp://192.0.2.10\"\n\
                tags = [{ name = \"t\", node = \"i=1\" }]\n";
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    for args in [&["check", path][..], &["run", "--config", path]] {
        let run = run(args);
        assert_eq!((run.code, run.stdout.as_str()), (Some(78), ""), "{args:?}");
        for expected in ["this build has no OPC UA", "plant.toml:3:1", "--features opcua"] {
            assert!(run.stderr.contains(expected), "{}", run.stderr);
        }
    }
}

#[test]
fn the_reference_configuration_is_good_and_summed_up_in_one_line() {
    let check = run(&["check", concat!(env!("CARGO_MANIFEST_DIR"), "/config/infra_monitor.toml")]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = check.stdout.lines().collect();
    let [sum, sandbox] = lines[..] else { panic!("{lines:?}") };
    assert!(sum.contains(": good; ") && sandbox.starts_with("sandbox on this machine: "));
}

/// A serial line at 9600 8E1 with so many devices of 100 registers each second.
fn busy_line(n_devices: usize) -> String {
    let link = "[[modbus]]\nname = \"line-a\"\n\
        serial = { device = \"/dev/ttyS0\", baud = 9600 }\n";
    let device = |unit: usize| {
        format!(
            "[[modbus.device]]\nname = \"pump-{unit}\"\nunit = {unit}\ntags = [\
             {{ name = \"a\", at = \"%MW0\", type = \"STRING[200]\" }}]\n"
        )
    };
    let devices: Vec<_> = (1..=n_devices).map(device).collect();
    format!("{link}{}", devices.concat())
}

#[test]
fn check_says_how_much_of_its_time_each_serial_line_needs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plant.toml");
    for (n_devices, out, err) in [
        (2, "line-a needs 59 % of 9600 8E1\n", ""),
        (
            5,
            "",
            "warning: line-a needs 146 % of 9600 8E1, so turns will be missed: set every = \"2s\" \
             for pump-1, pump-2, pump-3, pump-4, pump-5, or raise the baud rate (devices are taken \
             to answer within 10ms)\n",
        ),
    ] {
        fs::write(&path, busy_line(n_devices)).unwrap();
        let check = run(&["check", path.to_str().unwrap()]);
        assert_eq!((check.code, check.stderr.as_str()), (Some(0), err));
        let (summary, loads) = check.stdout.split_once('\n').unwrap();
        assert!(summary.contains(": good; 0 captures, 1 link, "), "{summary}");
        let loads = loads.split_once("sandbox on this machine: ").unwrap().0;
        assert_eq!(loads, out);
    }
}

#[test]
fn a_configuration_that_is_missing_or_no_text_exits_78_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("binary.toml");
    fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    for (path, next) in [("/nonexistent/im.toml", "demo"), (binary.to_str().unwrap(), "UTF-8")] {
        for args in [&["check", path][..], &["run", "--config", path]] {
            let run = run(args);
            assert_eq!(run.code, Some(78), "{args:?}");
            assert!(run.stderr.contains(path) && run.stderr.contains(next), "{}", run.stderr);
        }
    }
}

#[test]
fn a_path_that_never_ends_is_not_read_to_its_end() {
    let run = run(&["check", "/dev/zero"]);
    assert_eq!(run.code, Some(78));
    assert!(run.stderr.contains("larger than 16 MiB"), "{}", run.stderr);
}

#[test]
fn without_permission_to_capture_run_exits_77_and_names_the_remedies() {
    let Some((mut command, folder)) = program_as_nobody() else { return };
    let config = folder.path().join("capture.toml");
    fs::write(&config, "[[capture]]\ninterface = \"lo\"\n").unwrap();
    let output = command.args(["run", "--log", "json", "--config"]).arg(config).output().unwrap();
    let run = crate::program::Run::from(output);
    assert_eq!(run.code, Some(77), "{}", run.stderr);
    for remedy in ["setcap cap_net_raw+ep", "systemd unit", "root"] {
        assert!(run.stderr.contains(remedy), "{}", run.stderr);
    }
}

#[test]
fn a_bad_rust_log_is_said_and_ignored() {
    let controller = Controller::start();
    let output = program()
        .env("RUST_LOG", "infra_monitor=loud")
        .args(["read", &controller.endpoint(), "--unit", "1", "holding:7"])
        .output()
        .unwrap();
    let run = crate::program::Run::from(output);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("RUST_LOG") && run.stderr.contains("debug"), "{}", run.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child =
        program().arg("--help").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = crate::program::Run::from(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn values_are_read_from_a_controller_in_the_order_they_were_asked_for() {
    let controller = Controller::start();
    let endpoint = controller.endpoint();
    let run = run(&["read", &endpoint, "--unit", "1", "holding:9", "%MW7", "40009", "coil:1"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    insta::assert_snapshot!("read_text", run.stdout);
}

#[test]
fn values_are_read_with_type_and_byte_order_as_json() {
    let controller = Controller::start();
    let endpoint = controller.endpoint();
    let read = |args: &[&str]| -> Value {
        let base = ["read", &endpoint, "--unit", "1", "--format", "json"];
        let run = run(&[&base[..], args].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        serde_json::from_str(&run.stdout).unwrap()
    };
    let level = read(&["%MW500", "--type", "REAL"]);
    for (field, value) in [
        ("event", "poll.sample"),
        ("source", endpoint.as_str()),
        ("device", "unit 1"),
        ("tag", "%MW500"),
        ("type", "REAL"),
        ("quality", "Good"),
    ] {
        assert_eq!(level[field], value);
    }
    humantime::parse_rfc3339(level["at"].as_str().unwrap()).unwrap();
    assert_eq!((&level["value"], &level["unit"]), (&Value::from(4.21), &Value::from(1)));
    assert!(level["latency_ms"].as_f64().unwrap() > 0.0);
    let swapped = read(&["holding:7", "--type", "UDINT", "--order", "CDAB"]);
    assert_eq!(swapped["value"], 0x0008_0007);
    let openplc = read(&["%MW7", "--addressing", "openplc"]);
    assert_eq!(openplc["value"], 1031);
}

#[test]
fn what_the_controller_refuses_is_no_value_and_exits_69() {
    let controller = Controller::start();
    let endpoint = controller.endpoint();
    let run = run(&["read", &endpoint, "--unit", "1", "--format", "json", "input:1"]);
    assert_eq!(run.code, Some(69));
    let line: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(line["value"], Value::Null);
    assert!(line["quality"].as_str().unwrap().starts_with("Bad"), "{line}");
    assert!(!run.stderr.is_empty());
}

#[test]
fn what_is_no_value_of_the_type_says_so() {
    let controller = Controller::start();
    // 65409 and 65410 are ff81 and ff82, a NaN as REAL; ff is in no UTF-8 text.
    for (kind, why) in [("REAL", "no finite number"), ("STRING[4]", "no UTF-8 text")] {
        let args = ["--unit", "1", "holding:65409", "--type", kind];
        let run = run(&[&["read", &controller.endpoint()][..], &args].concat());
        assert_eq!(run.code, Some(69), "{}", run.stdout);
        assert!(run.stderr.contains(why), "{}", run.stderr);
    }
}

#[test]
fn a_wrong_address_does_not_spoil_its_neighbour() {
    let controller = Controller::start();
    let run = run(&["read", &controller.endpoint(), "--unit", "1", "%MW599", "%MW600"]);
    assert_eq!(run.code, Some(69));
    assert_eq!(run.stdout, "%MW599  599  UINT   Good\n%MW600    -  UINT   Bad(Exception(2))\n");
    assert!(run.stderr.contains("1 of 2") && run.stderr.contains("no such address"));
}

#[test]
fn a_controller_that_cannot_be_reached_exits_69_with_the_likely_cause() {
    // Bound and not listening: the kernel refuses.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = run(&["read", &format!("tcp://127.0.0.1:{port}"), "--unit", "1", "holding:1"]);
    assert_eq!(run.code, Some(69), "{}", run.stderr);
    assert!(run.stderr.contains("nothing listens"), "{}", run.stderr);
}

/// A pcap file of one intact Modbus request and one with a flipped bit.
fn capture_file() -> tempfile::NamedTempFile {
    let mut frame = hex("020000000014 02000000000a 0800 \
         45000034123440004006a471c000020ac0000214 \
         9c4101f6 00001000 00002000 50182000 0000 0000 \
         000100000006 01 03 0064 0002");
    set_tcp_checksum(&mut frame);
    let mut damaged = frame.clone();
    *damaged.last_mut().unwrap() ^= 0x10;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&hex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000")).unwrap();
    for (second, frame) in [(1_u32, &frame), (2, &damaged)] {
        let len = u32::try_from(frame.len()).unwrap();
        for word in [second, 0, len, len] {
            file.write_all(&word.to_le_bytes()).unwrap();
        }
        file.write_all(frame).unwrap();
    }
    file
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn set_tcp_checksum(frame: &mut [u8]) {
    let tcp_len = u16::try_from(frame.len() - 34).unwrap();
    let pseudo = [&frame[26..34], &[0, 6], &tcp_len.to_be_bytes()].concat();
    let covered = [pseudo, frame[34..].to_vec()].concat();
    let sum: u64 = covered.chunks(2).map(|w| u64::from(w[0]) << 8 | u64::from(w[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
    frame[50..52].copy_from_slice(&checksum.to_be_bytes());
}

#[test]
fn replay_sums_a_capture_file_up_in_one_json_object() {
    let file = capture_file();
    let replay = run(&["replay", "--format", "json", file.path().to_str().unwrap()]);
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    insta::assert_snapshot!("replay_json", replay.stdout);
}

#[test]
fn replay_prints_events_before_the_summary_if_asked() {
    let file = capture_file();
    let replay = run(&["replay", "--events", "--format", "json", file.path().to_str().unwrap()]);
    let lines: Vec<Value> =
        replay.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, events) = lines.split_last().unwrap();
    assert_eq!(summary["checksums"]["tcp"]["invalid"], 1);
    assert!(events.iter().any(|event| event["event"] == "checksum.invalid"), "{events:?}");
}

#[test]
fn replay_prints_transactions_before_the_summary_if_asked_but_not_with_events() {
    let file = capture_file();
    let path = file.path().to_str().unwrap();
    let replay = run(&["replay", "--transactions", path]);
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    let (head, rest) = replay.stdout.split_once('\n').unwrap();
    assert!(head.starts_with("time ") && head.ends_with(" values"), "{head}");
    assert!(rest.contains("Modbus: "), "{rest}");
    assert_eq!(run(&["replay", "--transactions", "--events", path]).code, Some(64));
}

#[test]
fn a_capture_with_a_corrupt_record_is_summed_up_to_there_and_exits_66() {
    let mut file = capture_file();
    file.as_file_mut().seek(SeekFrom::End(0)).unwrap();
    file.write_all(&[0xff; 16]).unwrap();
    let replay = run(&["replay", "--format", "json", file.path().to_str().unwrap()]);
    assert_eq!(replay.code, Some(66), "{}", replay.stderr);
    assert!(replay.stderr.contains("is corrupt"), "{}", replay.stderr);
    let summary: Value = serde_json::from_str(&replay.stdout).unwrap();
    assert_eq!(summary["ledger"]["dropped"]["corrupt_record"], 1);
}

#[test]
fn a_file_that_is_no_capture_exits_66_and_names_it() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"this is not a capture file, but it is long enough to hold a header").unwrap();
    for path in [file.path().to_str().unwrap(), "/nonexistent/plant.pcap"] {
        let replay = run(&["replay", path]);
        assert_eq!(replay.code, Some(66), "{}", replay.stderr);
        assert!(replay.stderr.contains(path), "{}", replay.stderr);
    }
}
