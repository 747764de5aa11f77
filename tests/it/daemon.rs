//! The daemon as a process: started, told things by signal, and watched from outside.

mod baseline;
mod crosscheck;
#[cfg(feature = "opcua")]
mod opcua;
mod plant;
mod process;
mod reach;
mod serial;
mod start;
mod watchdog;

use std::time::Duration;

use nix::sys::signal::Signal;

use plant::Controller;
use process::Daemon;
use process::ServiceManager;

#[test]
fn sigterm_drains_and_exits_0_with_a_balanced_ledger() {
    let controller = Controller::start();
    let text = config(&[("line-a", &controller, "20ms")]) + &capture_of_loopback();
    let mut daemon = Daemon::start(&text);
    daemon.wait_for("poll.sample");
    daemon.signal(Signal::SIGTERM);
    let (status, events) = daemon.end();
    assert_eq!(status.code(), Some(0));
    let last = ["daemon.stopping", "ledger.report"].map(|kind| {
        let found: Vec<_> = events.iter().filter(|event| event["event"] == kind).collect();
        assert!(!found.is_empty(), "no {kind} in {events:#?}");
        found
    });
    assert_eq!(last[0][0]["reason"], "SIGTERM");
    assert!(last[1].iter().all(|ledger| ledger["balances"] == true), "{last:#?}");
    let names: Vec<_> = last[1].iter().map(|event| event["ledger"].as_str().unwrap()).collect();
    assert!(names.contains(&"readings:line-a"), "{names:?}");
    assert_eq!(names.contains(&"capture:lo"), process::may_capture(), "{names:?}");
}

#[test]
fn sighup_restarts_only_the_link_that_changed() {
    let [kept, changed, added] = [Controller::start(), Controller::start(), Controller::start()];
    let mut daemon =
        Daemon::start(&config(&[("line-a", &kept, "20ms"), ("line-b", &changed, "20ms")]));
    daemon.wait_for_sample_of("line-a");
    daemon.wait_for_sample_of("line-b");

    daemon.reload(&config(&[
        ("line-a", &kept, "20ms"),
        ("line-b", &changed, "30ms"),
        ("line-c", &added, "20ms"),
    ]));
    let reloaded = daemon.wait_for("config.reloaded");
    let counts = ["kept", "restarted", "started", "stopped"]
        .map(|what| reloaded[format!("links_{what}")].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1, 0]);
    daemon.wait_for_sample_of("line-c");
    changed.wait_for_connections(2);
    assert_eq!((kept.n_connections(), added.n_connections()), (1, 1));

    daemon.reload(&config(&[("line-a", &kept, "20ms")]));
    let reloaded = daemon.wait_for("config.reloaded");
    assert_eq!(reloaded["links_stopped"], 2);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().0.code(), Some(0));
    assert_eq!(kept.n_connections(), 1);
}

#[test]
fn a_bad_file_on_sighup_is_told_with_line_and_column_and_changes_nothing() {
    let controller = Controller::start();
    let good = config(&[("line-a", &controller, "20ms")]);
    let mut daemon = Daemon::start(&good);
    daemon.wait_for("poll.sample");
    daemon.reload(&good.replace("unit = 1", "unit = \"one\"\nevry = \"1s\""));
    let rejected = daemon.wait_for("config.rejected");
    let text = rejected["text"].as_str().unwrap();
    let line = good.lines().position(|line| line == "unit = 1").unwrap() + 1;
    assert_eq!((&rejected["line"], &rejected["column"]), (&line.into(), &8.into()), "{text}");
    assert!(text.contains(&format!(".toml:{line}:8: ")), "{text}");
    assert!(text.contains(&format!(".toml:{}:1: ", line + 1)), "{text}");
    controller.wait_for_requests(controller.n_requests() + 2);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().0.code(), Some(0));
    assert_eq!(controller.n_connections(), 1);
}

#[test]
fn what_only_a_restart_can_change_is_named() {
    let controller = Controller::start();
    let good = config(&[("line-a", &controller, "20ms")]);
    let mut daemon = Daemon::start(&good);
    daemon.wait_for("daemon.started");
    daemon.reload(&format!("site = \"elsewhere\"\n{good}\n[[capture]]\ninterface = \"lo\"\n"));
    let reloaded = daemon.wait_for("config.reloaded");
    assert_eq!(reloaded["needs_restart"], "site,[[capture]] lo (added)");
    assert_eq!(reloaded["links_kept"], 1);
}

#[test]
fn the_service_manager_hears_of_every_state() {
    let controller = Controller::start();
    let systemd = ServiceManager::listen();
    let good = config(&[("line-a", &controller, "20ms")]);
    let daemon = Daemon::start_under(&systemd, &good);
    systemd.wait_for("READY=1");
    systemd.wait_for("STATUS=");
    systemd.wait_for("WATCHDOG=1");
    systemd.wait_for("WATCHDOG=1");
    daemon.reload(&good);
    let reloading = systemd.wait_for("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    systemd.wait_for("READY=1");
    daemon.signal(Signal::SIGTERM);
    systemd.wait_for("STOPPING=1");
    assert_eq!(daemon.end().0.code(), Some(0));
}

#[test]
fn a_link_to_nowhere_is_a_stated_retry_and_does_not_hold_up_the_start() {
    let systemd = ServiceManager::listen();
    let gone = Controller::absent();
    let mut daemon = Daemon::start_under(&systemd, &config(&[("line-a", &gone, "20ms")]));
    systemd.wait_for("READY=1");
    let down = daemon.wait_for("link.down");
    assert_eq!(down["source"], "line-a");
}

#[test]
fn without_a_source_the_daemon_is_ready_before_anything_else_happens() {
    let systemd = ServiceManager::listen();
    let _daemon = Daemon::start_under(&systemd, "");
    assert_eq!(systemd.wait_for(""), "READY=1");
}

#[test]
fn what_the_log_could_not_take_is_told_on_standard_error_at_the_end() {
    let controller = Controller::start();
    let daemon = Daemon::start_on_full_disk(&config(&[("line-a", &controller, "20ms")]));
    controller.wait_for_requests(5);
    daemon.signal(Signal::SIGTERM);
    let (status, errors) = daemon.end_unread();
    assert_eq!(status.code(), Some(0), "{errors}");
    assert!(errors.contains("= out 0 + ") && errors.contains(" output_closed"), "{errors}");
}

#[test]
fn a_reader_that_hangs_cannot_hold_up_the_end() {
    let controller = Controller::start();
    let tags: Vec<_> = (0..100).map(|n| TAG.replace("\"n\"", &format!("\"n{n}\""))).collect();
    let text = config(&[("line-a", &controller, "20ms")])
        .replace(TAG, &tags.join(", "))
        .replace("window = \"100ms\"", "window = \"100ms\"\nshutdown_grace = \"300ms\"");
    let daemon = Daemon::start_unread(&text);
    controller.wait_for_requests(20); // of which each is some 25 KB of output, for a pipe of 64
    daemon.signal(Signal::SIGTERM);
    let (status, errors) = daemon.end_unread();
    assert_eq!(status.code(), Some(70), "{errors}");
    assert!(errors.contains("left running: sink"), "{errors}");
    assert!(errors.contains("shutdown_grace (300ms)"), "{errors}");
}

#[test]
fn a_capture_without_permission_exits_77_and_names_the_remedy() {
    let Some(end) = process::run_as_nobody("[[capture]]\ninterface = \"lo\"\n") else {
        return;
    };
    let errors = end.stderr;
    assert_eq!(end.code, Some(77), "{errors}");
    assert!(errors.contains("setcap cap_net_raw+ep"), "{errors}");
    assert_eq!(errors.matches("error").count(), 1, "{errors}");
    assert_eq!(end.stdout, "");
}

#[test]
fn every_thread_is_restricted_once_it_runs() {
    let controller = Controller::start();
    let text = config(&[("line-a", &controller, "20ms")]) + &capture_of_loopback();
    let mut daemon = Daemon::start(&text);
    daemon.wait_for("poll.sample");
    // Who has no capability cannot empty the bounding set, and gains nothing from it.
    let bounded = if process::may_capture() { "CapBnd:\t0000000000000000" } else { "CapBnd:" };
    for thread in daemon.threads() {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(thread.contains(&format!("{set}:\t0000000000000000\n")), "{set}: {thread}");
        }
        for restriction in [bounded, "NoNewPrivs:\t1", "Seccomp:\t2"] {
            assert!(thread.contains(restriction), "{restriction} is not in {thread}");
        }
    }
}

#[test]
fn threads_run_where_they_are_pinned() {
    let (controller, systemd) = (Controller::start(), ServiceManager::listen());
    let text =
        config(&[("line-a", &controller, "20ms")]).replace("[runtime]", "[runtime]\ncpus = [0]");
    let capture = capture_of_loopback().replace("\"lo\"", "\"lo\"\ncpu = 0");
    let daemon = Daemon::start_under(&systemd, &(text + &capture));
    systemd.wait_for("READY=1");
    let anywhere = process::allowed_processors("/proc/self/status");
    for thread in daemon.threads() {
        let is_pinned = ["runtime", "capture", "analysis"]
            .iter()
            .any(|name| thread.starts_with(&format!("Name:\t{name}")));
        let expected = if is_pinned { "Cpus_allowed_list:\t0" } else { &anywhere };
        assert!(thread.lines().any(|line| line == expected), "{expected} is not in {thread}");
    }
}

/// Links to controllers on loopback, each with one device that has one tag.
fn config(links: &[(&str, &Controller, &str)]) -> String {
    let text = "[runtime]\nwindow = \"100ms\"\n\
                [log]\nsamples = \"all\"\nrate = 100000\nburst = 100000\n";
    links.iter().fold(text.to_owned(), |text, (name, controller, every)| {
        let address = controller.address();
        let link = format!("[[modbus]]\nname = \"{name}\"\ntcp = \"{address}\"\n");
        let device =
            format!("name = \"{name}-1\"\nunit = 1\nevery = \"{every}\"\ntags = [{TAG}]\n");
        text + &link + "[[modbus.device]]\n" + &device
    })
}

const TAG: &str = r#"{ name = "n", at = "holding:0", type = "UINT" }"#;

/// A capture that needs no cable; none where it is not permitted.
fn capture_of_loopback() -> String {
    if process::may_capture() {
        return "[[capture]]\ninterface = \"lo\"\n".to_owned();
    }
    eprintln!("skipped: the capture, which needs root");
    String::new()
}

/// Long for what takes milliseconds, so that a loaded machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);
