//! `read --watch`: lines until Ctrl-C, through whatever the controller does meanwhile.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Stdio;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;

use super::device::Device;
use crate::program::program;
use crate::program::run;

struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watch {
    fn start(endpoint: &str, args: &[&str]) -> Self {
        let base = ["read", endpoint, "--unit", "1", "--timeout", "2s", "--watch", "50ms"];
        let mut command = program();
        command.args(base).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "the command ended");
        line
    }

    /// The exit code and what was said on standard error.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, Signal::SIGINT).unwrap();
        std::io::copy(&mut self.lines, &mut std::io::sink()).unwrap();
        end(self.child)
    }

    /// The same, if the command ends by itself when nobody reads its lines.
    fn abandon(self) -> (Option<i32>, String) {
        drop(self.lines);
        end(self.child)
    }
}

fn end(mut child: Child) -> (Option<i32>, String) {
    let code = child.wait().unwrap().code();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (code, text)
}

#[test]
fn a_watch_prints_each_value_with_its_time_and_ends_well_on_ctrl_c() {
    let device = Device::on_tcp();
    let mut watch = Watch::start(&device.endpoint, &["%MW7", "holding:150"]);
    let lines: Vec<_> = (0..6).map(|_| watch.line()).collect();
    for (line, (name, value)) in
        lines.iter().zip([("%MW7", "7"), ("holding:150", "150")].into_iter().cycle())
    {
        let words: Vec<_> = line.split_whitespace().collect();
        humantime::parse_rfc3339(words[0]).unwrap();
        assert_eq!(words[1..], [name, value, "UINT", "Good"]);
        assert_eq!(line.find("UINT"), lines[0].find("UINT"), "aligned");
    }
    assert_eq!(watch.interrupt(), (Some(0), String::new()));
}

#[test]
fn a_watch_as_json_has_one_object_a_line_named_as_read_does() {
    let device = Device::on_tcp();
    let mut watch = Watch::start(&device.endpoint, &["--format", "json", "%MW7"]);
    let times: Vec<_> = (0..3)
        .map(|_| {
            let line: Value = serde_json::from_str(&watch.line()).unwrap();
            assert_eq!((&line["tag"], &line["value"]), (&"%MW7".into(), &7.into()));
            assert_eq!((&line["event"], &line["quality"]), (&"poll.sample".into(), &"Good".into()));
            humantime::parse_rfc3339(line["at"].as_str().unwrap()).unwrap()
        })
        .collect();
    assert!(times.is_sorted() && times[0] < times[2], "{times:?}");
    assert_eq!(watch.interrupt().0, Some(0));
}

#[test]
fn a_controller_that_goes_away_is_told_once_and_waited_for() {
    let first = Device::on_tcp();
    let port = first.port();
    let mut watch = Watch::start(&first.endpoint, &["%MW7"]);
    assert!(watch.line().contains("Good"));
    first.stop();
    while watch.line().contains("Good") {}
    assert!(watch.line().contains("Bad"), "and again");
    let _second = Device::on_port(port);
    while !watch.line().contains("Good") {}
    let (code, stderr) = watch.interrupt();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("nothing listens") && stderr.lines().count() <= 3, "{stderr}");
}

#[test]
fn a_watch_that_ends_on_a_bad_value_exits_69() {
    let device = Device::on_tcp();
    let mut watch = Watch::start(&device.endpoint, &["%MW7", "%MW700"]);
    while !watch.line().contains("Exception(2)") {}
    let (code, stderr) = watch.interrupt();
    assert_eq!(code, Some(69), "{stderr}");
    assert!(stderr.contains("no such address") && stderr.contains("1 of 2"), "{stderr}");
}

#[test]
fn a_watch_ends_quietly_when_its_reader_goes_away() {
    let device = Device::on_tcp();
    let mut watch = Watch::start(&device.endpoint, &["%MW7"]);
    watch.line();
    assert_eq!(watch.abandon(), (Some(0), String::new()));
}

#[test]
fn an_interval_that_is_none_says_where_addresses_stand() {
    let wrong = run(&["read", "tcp://127.0.0.1:502", "--unit", "1", "--watch", "%MW1", "%MW2"]);
    assert_eq!(wrong.code, Some(64));
    assert!(wrong.stderr.contains("before --watch"), "{}", wrong.stderr);
}
