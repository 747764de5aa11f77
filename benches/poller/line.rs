//! A serial line in real time: a pseudo-terminal behind which a thread plays eight units, some of
//! them dead, and lets each byte take as long as it takes at the line's speed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use infra_monitor::config::{Device, Endpoint, Link, Serial};
use infra_monitor::tag::{Address, Table, Tag, Type};
use infra_monitor::wire::checksum::crc16_modbus;
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::ttyname;

pub(crate) const BAUD: u32 = 19_200;
pub(crate) const HEALTHY: [u8; 5] = [1, 2, 4, 5, 7];
pub(crate) const DEAD: [u8; 3] = [3, 6, 8];
/// Of each reading, and how often one is due.
pub(crate) const N_REGISTERS: u8 = 10;
pub(crate) const FIRST: u16 = 100;
pub(crate) const EVERY: Duration = Duration::from_secs(1);
pub(crate) const TIMEOUT: Duration = Duration::from_millis(200);

/// Eleven bits: start, eight of data, parity, stop.
const CHARACTER: Duration = Duration::from_nanos(11_000_000_000 / 19_200);
/// From the end of a request to the begin of its reply.
const TURNAROUND: Duration = Duration::from_millis(5);

pub(crate) struct Line {
    pub(crate) path: PathBuf,
    /// Keeps the terminal alive while nobody has it open.
    _near: OwnedFd,
    reads: Arc<Mutex<BTreeMap<u8, u32>>>,
}

impl Line {
    pub(crate) fn begin() -> Self {
        let terminal = openpty(None, None).unwrap();
        let near = terminal.slave;
        let mut raw = tcgetattr(near.as_fd()).unwrap();
        cfmakeraw(&mut raw);
        tcsetattr(near.as_fd(), SetArg::TCSANOW, &raw).unwrap();
        let reads = Arc::new(Mutex::new(BTreeMap::new()));
        let counted = Arc::clone(&reads);
        let far = File::from(terminal.master);
        Builder::new().name("units".into()).spawn(move || serve(far, &counted)).unwrap();
        Self { path: ttyname(near.as_fd()).unwrap(), _near: near, reads }
    }

    /// The line as it would be configured.
    pub(crate) fn link(&self) -> Arc<Link> {
        let serial = Serial { baud: BAUD, ..Serial::new(&self.path.to_string_lossy()).unwrap() };
        let word = |index| {
            let address = Address { table: Table::Holding, index, bit: None };
            Arc::new(Tag::new(&format!("w{index}"), address, Type::Uint))
        };
        let tags: Vec<_> = (FIRST..FIRST + u16::from(N_REGISTERS)).map(word).collect();
        let device = |unit: u8| {
            let tags = tags.clone();
            Arc::new(Device { every: EVERY, tags, ..Device::new(&format!("unit-{unit}"), unit) })
        };
        let devices = (1..=8).map(device).collect();
        Arc::new(Link { timeout: TIMEOUT, devices, ..Link::new(Endpoint::Serial(serial)) })
    }

    /// How often each unit was read and answered.
    pub(crate) fn reads(&self) -> BTreeMap<u8, u32> {
        self.reads.lock().unwrap().clone()
    }
}

/// Until the terminal is closed.
fn serve(mut far: File, reads: &Mutex<BTreeMap<u8, u32>>) {
    let mut received = vec![];
    let mut chunk = [0; 64];
    while let Ok(n_bytes @ 1..) = far.read(&mut chunk) {
        let began = Instant::now();
        received.extend_from_slice(&chunk[..n_bytes]);
        while let Some((request, rest)) = received.split_first_chunk::<8>() {
            let request = *request;
            received = rest.to_vec();
            wait_until(began + CHARACTER * 8 + TURNAROUND);
            let [unit, function, first_hi, first_lo, _, count, ..] = request;
            if DEAD.contains(&unit) {
                continue;
            }
            let mut reply = vec![unit, function];
            if function == 8 {
                reply.extend(&request[2..6]);
            } else {
                let first = u16::from_be_bytes([first_hi, first_lo]);
                reply.push(count * 2);
                reply.extend((first..first + u16::from(count)).flat_map(u16::to_be_bytes));
            }
            reply.extend(crc16_modbus(&reply).to_le_bytes());
            let sent = Instant::now();
            for (nth, byte) in (1..).zip(reply) {
                wait_until(sent + CHARACTER * nth);
                if far.write_all(&[byte]).is_err() {
                    return;
                }
            }
            if (function, count) == (3, N_REGISTERS) {
                *reads.lock().unwrap().entry(unit).or_default() += 1;
            }
        }
    }
}

fn wait_until(at: Instant) {
    sleep(at.saturating_duration_since(Instant::now()));
}
