//! What the replay stands beside: a floor, and two programs that read the same file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use infra_monitor_core::yardstick;

/// Bytes read at once, as much as fits a cache near the core.
const PIECE: usize = 256 << 10;

/// Read the file and add up its bytes as a checksum does, and nothing more.
pub(super) fn sum(path: &Path) -> u64 {
    let mut file = File::open(path).unwrap();
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    loop {
        let n_read = file.read(&mut piece).unwrap();
        if n_read == 0 {
            return total;
        }
        total += u64::from(yardstick::sum(piece.get(..n_read).unwrap_or_default()));
    }
}

/// False where there is no tcpdump.
pub(super) fn tcpdump(path: &Path) -> bool {
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.arg("-r").arg(path).args(["-w", "/dev/null"]);
    succeeds(tcpdump)
}

/// Dissect all and verify IP and TCP checksums, print a summary. False where there is no tshark.
pub(super) fn tshark(path: &Path) -> bool {
    let mut tshark = Command::new("tshark");
    tshark.arg("-n").arg("-r").arg(path).args(["-q", "-z", "io,stat,0"]);
    tshark.args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    succeeds(tshark)
}

fn succeeds(mut program: Command) -> bool {
    let run = program.stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}
