//! Baselines with the program itself: learnt from captures, reviewed, and held against others.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::netns::skip;
use crate::program::{Run, program, run};
use crate::replay::captures;
use crate::traffic::{PSH_ACK, Standing, tcp};

/// A Modbus/TCP request from 192.0.2.`client` to unit 1 of 192.0.2.10.
pub(crate) fn request(client: u8, number: u16, pdu: &[u8]) -> Vec<u8> {
    let len = u16::try_from(pdu.len() + 1).unwrap();
    let mut adu = [number, 0, len].map(u16::to_be_bytes).concat();
    adu.push(1);
    adu.extend(pdu);
    let standing = Standing {
        source: ([192, 0, 2, client], 40_000),
        destination: ([192, 0, 2, 10], 502),
        // Requests of one length follow each other without a hole.
        sequence: 1000 + u32::from(number) * u32::try_from(adu.len()).unwrap(),
        acknowledgment: 1,
        flags: PSH_ACK,
    };
    tcp(&standing, &adu)
}

/// Write `value` to register `address`.
pub(crate) fn write(client: u8, number: u16, address: u16, value: u16) -> Vec<u8> {
    let [address, value] = [address, value].map(u16::to_be_bytes);
    request(client, number, &[&[6][..], &address, &value].concat())
}

/// A capture file of these frames, 10 ms apart.
fn capture_file(path: &Path, frames: &[Vec<u8>]) {
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut file = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1]);
    for (n, frame) in (0..).zip(frames) {
        let len = u32::try_from(frame.len()).unwrap();
        file.extend(words(&[1_700_000_000, 10_000 * n, len, len]));
        file.extend(frame);
    }
    fs::write(path, file).unwrap();
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn capture(&self, name: &str, frames: &[Vec<u8>]) -> PathBuf {
        let path = self.path(name);
        capture_file(&path, frames);
        path
    }
}

fn learn(baseline: &Path, captures: &[&Path]) -> Run {
    let run = program().args(["learn", "--output"]).arg(baseline).args(captures).output().unwrap();
    let run = Run::from(run);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{}", run.stderr);
    run
}

/// The deviations of a capture, and the number of them in the summary.
fn deviations(baseline: &Path, captures: &[&Path]) -> (Vec<Value>, Value) {
    let mut command = program();
    command.args(["replay", "--events", "--format", "json", "--baseline"]);
    let run = Run::from(command.arg(baseline).args(captures).output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mut lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap();
    lines.retain(|line| line["event"] == "baseline.deviation");
    (lines, summary["deviations"].clone())
}

#[test]
fn a_public_capture_is_learnt_and_shows_no_deviation_and_one_more_write_shows_one() {
    let Some(folder) = captures() else { return };
    let public = folder.join("icsnpp-modbus_example.pcap");
    let folder = Folder::new();
    let baseline = folder.path("baseline.toml");
    let learnt = learn(&baseline, &[&public]);
    assert!(learnt.stderr.contains("icsnpp-modbus_example.pcap"), "{}", learnt.stderr);
    let text = fs::read_to_string(&baseline).unwrap();
    for expected in [
        "client = \"127.0.0.1\"\nserver = \"127.0.0.1:502\"\nprotocol = \"modbus\"\n",
        "{ station = 7, function = 6, addresses = 1, ",
        "# write single register\n",
        "client = \"192.168.1.6\"\nserver = \"3.15.227.20:502\"\n",
        "{ station = 0, function = 3, addresses = \"600..609\" },   # read holding registers\n",
    ] {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
    assert_eq!(deviations(&baseline, &[&public]), (vec![], 0.into()));

    let more = folder.capture("more.pcap", &[write(7, 0, 8, 5)]);
    let (told, n) = deviations(&baseline, &[&public, &more]);
    let [told] = &told[..] else { panic!("{told:#?}") };
    assert_eq!(n, 1);
    for (field, value) in [
        ("deviation", "talk"),
        ("client", "192.0.2.7"),
        ("server", "192.0.2.10:502"),
        ("function", "write single register"),
    ] {
        assert_eq!(told[field], value, "{told:#?}");
    }
    // What the event says is all that it takes.
    fs::write(&baseline, text + told["allow"].as_str().unwrap()).unwrap();
    assert_eq!(deviations(&baseline, &[&public, &more]), (vec![], 0.into()));
}

#[test]
fn every_public_capture_is_covered_by_what_was_learnt_from_it() {
    let Some(folder) = captures() else { return };
    let mut n_lines = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let is_capture = path.extension().is_some_and(|it| it == "pcap" || it == "pcapng");
        if !is_capture || fs::metadata(&path).unwrap().len() > 2 << 20 {
            continue;
        }
        let folder = Folder::new();
        let baseline = folder.path("baseline.toml");
        learn(&baseline, &[&path]);
        n_lines += fs::read_to_string(&baseline).unwrap().matches("function = ").count();
        assert_eq!(deviations(&baseline, &[&path]), (vec![], 0.into()), "{}", path.display());
    }
    assert!(n_lines > 100, "{n_lines}");
}

#[test]
fn learning_more_adds_lines_and_changes_none() {
    let folder = Folder::new();
    let monday = folder.capture("monday.pcap", &[write(7, 0, 8, 5), write(7, 1, 12, 50)]);
    let tuesday = folder.capture("tuesday.pcap", &[write(7, 0, 9, 51), write(8, 0, 3, 3)]);
    let baseline = folder.path("baseline.toml");
    learn(&baseline, &[&monday]);
    let reviewed = fs::read_to_string(&baseline).unwrap().replace("# write", "# agreed: write");
    fs::write(&baseline, &reviewed).unwrap();
    let (told, _) = deviations(&baseline, &[&tuesday]);
    let kinds: Vec<_> = told.iter().map(|event| event["deviation"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["value", "talk"], "{told:#?}");

    let again = learn(&baseline, &[&monday]);
    assert!(again.stderr.contains("which stays as it is"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&baseline).unwrap(), reviewed);
    let more = learn(&baseline, &[&tuesday, &monday]);
    assert!(more.stderr.contains("2 of them new"), "{}", more.stderr);
    let text = fs::read_to_string(&baseline).unwrap();
    let mut rest = text.lines();
    assert!(reviewed.lines().all(|kept| rest.any(|line| line == kept)), "{text}");
    assert_eq!(deviations(&baseline, &[&monday, &tuesday]).1, 0);
}

#[test]
fn what_came_too_fast_to_be_learnt_makes_a_baseline_that_says_so() {
    let folder = Folder::new();
    let clients: Vec<_> = (1..=200).map(|client| write(client, 0, 8, 5)).collect();
    let capture = folder.capture("burst.pcap", &clients);
    let baseline = folder.path("baseline.toml");
    let run = learn(&baseline, &[&capture]);
    let text = fs::read_to_string(&baseline).unwrap();
    let n_missing = 200 - text.matches("[[talk]]").count();
    assert!(n_missing > 0, "one block has no room for so many");
    let said = format!("that {n_missing} requests could not be kept when they were seen");
    assert!(text.contains("# INCOMPLETE: ") && text.contains(&said), "{text}");
    assert!(run.stderr.contains(&said), "{}", run.stderr);
}

#[test]
fn a_baseline_goes_to_standard_output_unless_a_file_is_named() {
    let folder = Folder::new();
    let capture = folder.capture("a\n[[talk]].pcap", &[write(7, 0, 8, 5)]);
    let run = run(&["learn", capture.to_str().unwrap()]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!("learn_stdout", run.stdout);
    let baseline = folder.path("baseline.toml");
    fs::write(&baseline, run.stdout).unwrap();
    assert_eq!(deviations(&baseline, &[&capture]), (vec![], 0.into()));
}

#[test]
fn a_mistake_in_a_baseline_is_told_with_its_place_by_whoever_reads_it() {
    let folder = Folder::new();
    let (config, baseline) = (folder.path("plant.toml"), folder.path("baseline.toml"));
    fs::write(&baseline, "[[talk]]\nclient = \"192.0.2.7\"\nsever = \"192.0.2.10\"\n").unwrap();
    fs::write(&config, format!("[baseline]\nfile = {:?}\n", baseline.to_str().unwrap())).unwrap();
    let (config, baseline) = (config.to_str().unwrap(), baseline.to_str().unwrap());
    for args in [
        &["check", config][..],
        &["run", "--allow-root", "--config", config],
        &["replay", "--baseline", baseline, "/dev/null"],
        &["learn", "--output", baseline, "/dev/null"],
    ] {
        let run = run(args);
        assert_eq!((run.code, run.stdout.as_str()), (Some(78), ""), "{args:?}: {}", run.stderr);
        for expected in ["baseline.toml:3:1", "did you mean `server`?", "has no `protocol`"] {
            assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
        }
    }
    fs::remove_file(baseline).unwrap();
    for args in [&["check", config][..], &["run", "--allow-root", "--config", config]] {
        let run = run(args);
        assert_eq!(run.code, Some(78), "{args:?}");
        assert!(run.stderr.contains("infra_monitor learn"), "{}", run.stderr);
    }
}

#[test]
fn check_says_how_much_a_baseline_allows() {
    let folder = Folder::new();
    let config = folder.path("plant.toml");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/baseline.toml");
    fs::write(&config, format!("[baseline]\nfile = {example:?}\n")).unwrap();
    let check = run(&["check", config.to_str().unwrap()]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
    assert!(check.stdout.contains("baseline.toml: good; 2 talks, 4 lines\n"), "{}", check.stdout);
}

#[test]
fn what_cannot_be_learnt_from_or_written_to_is_said_at_once() {
    let folder = Folder::new();
    let capture = folder.capture("a.pcap", &[write(7, 0, 8, 5)]);
    let capture = capture.to_str().unwrap();
    let config = folder.path("empty.toml");
    fs::write(&config, "").unwrap();
    for (args, code, expected) in [
        (&["learn", "--config", config.to_str().unwrap()][..], 78, "no [[capture]]"),
        (&["learn", "/nonexistent.pcap"], 66, "/nonexistent.pcap"),
        (&["learn", "--output", "/proc/baseline.toml", capture], 66, "/proc/baseline.toml"),
        (&["learn", "--for", "1h", capture], 64, "--for"),
        (&["replay", "--transactions", "--baseline", "b", capture], 64, "--transactions"),
    ] {
        let run = run(args);
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
    }
    let Some((mut command, place)) = crate::program::program_as_nobody() else {
        skip("cannot look at what learn says to somebody without permission");
        return;
    };
    let config = place.path().join("capture.toml");
    fs::write(&config, "[[capture]]\ninterface = \"lo\"\n").unwrap();
    let run = Run::from(command.args(["learn", "--config"]).arg(config).output().unwrap());
    assert_eq!(run.code, Some(77), "{}", run.stderr);
    assert!(run.stderr.contains("setcap cap_net_raw+ep"), "{}", run.stderr);
}
