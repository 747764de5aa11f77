//! What a machine or a unit withholds from a capture, and what the operator reads of it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use super::attempt_with;
use crate::netns::skip;
use crate::program::{Run, program};

/// Where the child finds the configuration.
const CONFIG: &str = "IM_SANDBOX_CONFIG";

fn a_capture() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[[capture]]\ninterface = \"lo\"\n").unwrap();
    file
}

#[test]
fn a_unit_that_forbids_packet_sockets_and_passes_none_ends_with_77_and_what_to_look_at() {
    let config = a_capture();
    let run = attempt_with("no packet sockets", &[(CONFIG, config.path().as_os_str())]);
    let Run { code, stderr, .. } = run.into();
    assert_eq!(code, Some(77), "{stderr}");
    for word in ["lo", "open-sockets", "20-passive.conf", "journalctl", "setcap cap_net_raw+ep"] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
}

/// The side of the child: becomes a daemon in a unit with `RestrictAddressFamilies=`.
pub(super) fn run_without_packet_sockets() {
    let family = u64::from(libc::AF_PACKET.unsigned_abs());
    let is_packet =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family).unwrap();
    let rule = SeccompRule::new(vec![is_packet]).unwrap();
    let filter = SeccompFilter::new(
        [(libc::SYS_socket, vec![rule])].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EAFNOSUPPORT.unsigned_abs()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let filter = BpfProgram::try_from(filter.unwrap()).unwrap();
    apply_filter(&filter).unwrap();
    let config = std::env::var_os(CONFIG).unwrap();
    let mut daemon = program();
    panic!("{}", daemon.args(["run", "--allow-root", "--config"]).arg(config).exec());
}

#[test]
fn a_limit_of_descriptors_below_those_of_captures_is_named_with_what_it_has_to_be() {
    if !super::is_root() {
        return;
    }
    let config = a_capture();
    let mut limited = Command::new("prlimit");
    limited.args(["--nofile=963:963", env!("CARGO_BIN_EXE_infra_monitor")]);
    limited.args(["run", "--allow-root", "--log", "json", "--config"]).arg(config.path());
    let Ok(output) = limited.output() else { return skip("no prlimit") };
    let Run { code, stderr, .. } = output.into();
    assert_eq!(code, Some(70), "{stderr}");
    for word in ["963", "964", "LimitNOFILE=", "ulimit -Hn"] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
}
