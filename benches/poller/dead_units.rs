//! A line at 19200 baud with eight units, three of them dead: how much of their schedule the others
//! keep, with our poller and with `mbpoll`, which waits out each time-out in each round.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use infra_monitor::poller;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::line::{BAUD, DEAD, EVERY, FIRST, HEALTHY, Line, N_REGISTERS, TIMEOUT};

const N_CYCLES: u32 = 20;

pub(super) fn compare() {
    let n_units = HEALTHY.len() + DEAD.len();
    println!(
        "{n_units} units at {BAUD} baud, {} of them dead, each due every {EVERY:?}",
        DEAD.len()
    );
    print("our poller", &ours());
    // It waits after each unit. So a round takes `EVERY` if all answer at once; and flat out.
    for wait in [EVERY / u32::try_from(n_units).unwrap(), Duration::from_millis(11)] {
        match mbpoll(wait) {
            Some(line) => print(&format!("mbpoll -l {}", wait.as_millis()), &line),
            None => println!("skipped: no mbpoll here to compare with"),
        }
    }
}

fn print(name: &str, line: &Line) {
    let reads = line.reads();
    let worst = HEALTHY.iter().map(|unit| reads.get(unit).copied().unwrap_or(0)).min().unwrap();
    let kept = f64::from(worst) / f64::from(N_CYCLES) * 100.0;
    println!("{name:<34} {worst:>4} of {N_CYCLES} readings of the healthy units ({kept:.0}%)");
}

fn ours() -> Line {
    let line = Line::begin();
    let (readings, mut received) = mpsc::channel(16);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::select! {
            () = poller::run("line".into(), line.link(), readings, CancellationToken::new()) => (),
            () = async { while received.recv().await.is_some() {} } => (),
            () = tokio::time::sleep(EVERY * N_CYCLES) => (),
        }
    });
    line
}

/// `None` where it is not installed. It waits for `wait` after each unit.
fn mbpoll(wait: Duration) -> Option<Line> {
    let line = Line::begin();
    let units = format!("1:{}", HEALTHY.len() + DEAD.len());
    let mut command = Command::new("mbpoll");
    command.args(["-m", "rtu", "-P", "even", "-t", "4", "-0", "-a", &units]);
    command.args(["-b", &BAUD.to_string(), "-r", &FIRST.to_string()]);
    command.args(["-c", &N_REGISTERS.to_string(), "-l", &wait.as_millis().to_string()]);
    command.args(["-o", &TIMEOUT.as_secs_f64().to_string()]);
    command.arg(&line.path).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().ok()?;
    sleep(EVERY * N_CYCLES);
    process.kill().unwrap();
    process.wait().unwrap();
    Some(line)
}
