//! What the driver of a serial port counted: bytes, and the ways in which they arrived wrong.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsRawFd;

/// `struct serial_icounter_struct` of `linux/serial.h`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct SerialIcounter {
    /// CTS, DSR, RI and DCD changes.
    modem: [c_int; 4],
    rx: c_int,
    tx: c_int,
    frame: c_int,
    overrun: c_int,
    parity: c_int,
    brk: c_int,
    buf_overrun: c_int,
    reserved: [c_int; 9],
}

const _: () = assert!(size_of::<SerialIcounter>() == 20 * size_of::<c_int>());

/// Since the port was set up, not since it was opened. Each wraps around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SerialCounters {
    /// Bytes received and sent.
    pub rx: u32,
    pub tx: u32,
    /// Bytes without a stop bit where one was due.
    pub framing: u32,
    pub parity: u32,
    /// Bytes lost in the port because nobody took them in time.
    pub overruns: u32,
    /// The line was low for longer than a byte takes.
    pub breaks: u32,
    /// Bytes lost between driver and reader.
    pub buffer_overruns: u32,
}

/// Read the counters of the terminal `line`. [`io::ErrorKind::Unsupported`] where its driver keeps
/// none: pseudo-terminals, many USB adapters.
pub fn read(line: &impl AsRawFd) -> io::Result<SerialCounters> {
    let mut counted = SerialIcounter::default();
    // SAFETY: TIOCGICOUNT writes at most one `struct serial_icounter_struct`, whose layout and
    // size `SerialIcounter` has (repr(C), the assertion above), to the one that lives here. Any
    // bits are valid in its fields. On a descriptor that is no serial line the call fails.
    let outcome = unsafe { libc::ioctl(line.as_raw_fd(), libc::TIOCGICOUNT, &raw mut counted) };
    if outcome == 0 { Ok(counted.into()) } else { Err(refusal(io::Error::last_os_error())) }
}

fn refusal(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ENOTTY | libc::EINVAL | libc::EOPNOTSUPP) => io::ErrorKind::Unsupported.into(),
        _ => error,
    }
}

impl From<SerialIcounter> for SerialCounters {
    /// The kernel counts in `__u32` and hands out `int`.
    fn from(counted: SerialIcounter) -> Self {
        Self {
            rx: counted.rx.cast_unsigned(),
            tx: counted.tx.cast_unsigned(),
            framing: counted.frame.cast_unsigned(),
            parity: counted.parity.cast_unsigned(),
            overruns: counted.overrun.cast_unsigned(),
            breaks: counted.brk.cast_unsigned(),
            buffer_overruns: counted.buf_overrun.cast_unsigned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn what_counts_nothing_says_so() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(read(&file).unwrap_err().kind(), io::ErrorKind::Unsupported);
        let terminal = nix::pty::openpty(None, None).unwrap();
        assert_eq!(read(&terminal.slave).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }

    #[test]
    fn counters_of_a_port_never_run_backwards() {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open("/dev/ttyS0");
        let Ok(port) = opened else {
            println!("skipped: /dev/ttyS0 does not open: {}", opened.unwrap_err());
            return;
        };
        match (read(&port), read(&port)) {
            (Ok(first), Ok(second)) => {
                println!("{second:?}");
                assert!(second.tx.wrapping_sub(first.tx) < 1 << 31, "{first:?} {second:?}");
                assert!(second.rx.wrapping_sub(first.rx) < 1 << 31, "{first:?} {second:?}");
            }
            (Err(error), _) | (_, Err(error)) => {
                println!("skipped: /dev/ttyS0 counts nothing: {error}");
            }
        }
    }
}
