//! Serial lines (`termios(3)`) that are only read from: opened without the right to write.

use std::fs::File;
use std::io;
use std::io::Read;
use std::ops::Deref;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::termios::{
    BaudRate, ControlFlags, FlushArg, InputFlags, SetArg, Termios, cfgetospeed, cfmakeraw,
    cfsetspeed, tcflush, tcgetattr, tcsetattr,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How bytes are framed on a line: always eight bits, and a parity bit or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFormat {
    /// Bits per second, one of the rates that `termios(3)` names.
    pub baud: u32,
    pub parity: ParityBit,
    pub has_two_stop_bits: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParityBit {
    None,
    Even,
    Odd,
}

/// A line that nobody else may open meanwhile, or was asked not to. Never written to: the
/// descriptor has no such right.
#[derive(Debug)]
pub struct SerialInput(Flock<File>);

impl SerialInput {
    /// Open the line at `path`, without waiting for a carrier. What it received before is dropped:
    /// nobody knows when that was.
    pub fn open(path: &Path, format: LineFormat) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(open(path, flags, Mode::empty())?);
        // One that asks for the lock, and one that does not even ask, are both kept out.
        let line = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| if error == Errno::EWOULDBLOCK { Errno::EBUSY } else { error })?;
        let mut settings = tcgetattr(&*line)?;
        apply(format, &mut settings)?;
        set(&line, &settings)?;
        set_exclusive(line.as_raw_fd())?;
        tcflush(&*line, FlushArg::TCIFLUSH)?;
        Ok(Self(line))
    }

    /// Have the current runtime say when there is something to read.
    pub fn watched(self) -> io::Result<AsyncFd<Self>> {
        // SAFETY: the descriptor that `as_raw_fd` returns is that of the file in `self.0`, which
        // stays open, and the same, until `self` is dropped; nothing here hands it out or swaps it.
        let watched = unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) };
        Ok(watched?)
    }

    /// Read what has arrived; `WouldBlock` if nothing has, 0 bytes if the line is gone.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.deref().read(buffer)
    }
}

impl AsRawFd for SerialInput {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Drop for SerialInput {
    /// A pseudo-terminal outlives its last reader, and would stay exclusive for ever.
    fn drop(&mut self) {
        let _ = set_shared(self.0.as_raw_fd());
    }
}

/// Raw bytes, whatever modem lines say. Parity is not checked by the driver, which would put a
/// zero in place of the byte: the frame's own checksum tells, and the byte as it came is evidence.
fn apply(format: LineFormat, settings: &mut Termios) -> nix::Result<()> {
    cfmakeraw(settings);
    // What that leaves as another program set it: `INPCK` and `IGNPAR` change bytes, and with
    // `IXOFF` the driver itself sends a byte, whatever rights we opened the line with.
    settings.input_flags = InputFlags::empty();
    let flags = &mut settings.control_flags;
    flags.insert(ControlFlags::CREAD | ControlFlags::CLOCAL);
    flags.remove(ControlFlags::CRTSCTS);
    flags.set(ControlFlags::CSTOPB, format.has_two_stop_bits);
    flags.set(ControlFlags::PARENB, format.parity != ParityBit::None);
    flags.set(ControlFlags::PARODD, format.parity == ParityBit::Odd);
    cfsetspeed(settings, rate(format.baud)?)
}

/// A pseudo-terminal has no parity. The C library calls that an error, if nothing else changes.
fn set(line: &File, settings: &Termios) -> nix::Result<()> {
    match tcsetattr(line, SetArg::TCSANOW, settings) {
        Err(Errno::EINVAL) if cfgetospeed(&tcgetattr(line)?) == cfgetospeed(settings) => Ok(()),
        outcome => outcome,
    }
}

fn rate(baud: u32) -> nix::Result<BaudRate> {
    use BaudRate as B;
    Ok(match baud {
        300 => B::B300,
        600 => B::B600,
        1_200 => B::B1200,
        2_400 => B::B2400,
        4_800 => B::B4800,
        9_600 => B::B9600,
        19_200 => B::B19200,
        38_400 => B::B38400,
        57_600 => B::B57600,
        115_200 => B::B115200,
        230_400 => B::B230400,
        460_800 => B::B460800,
        500_000 => B::B500000,
        921_600 => B::B921600,
        1_000_000 => B::B1000000,
        _ => return Err(Errno::EINVAL),
    })
}

fn set_exclusive(fd: RawFd) -> io::Result<()> {
    // SAFETY: TIOCEXCL takes no argument; on a descriptor that is no terminal it fails.
    checked(unsafe { libc::ioctl(fd, libc::TIOCEXCL) })
}

fn set_shared(fd: RawFd) -> io::Result<()> {
    // SAFETY: TIOCNXCL takes no argument; on a descriptor that is no terminal it fails.
    checked(unsafe { libc::ioctl(fd, libc::TIOCNXCL) })
}

fn checked(outcome: libc::c_int) -> io::Result<()> {
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use nix::fcntl::{FcntlArg, fcntl};
    use nix::pty::{OpenptyResult, openpty};
    use nix::unistd::ttyname;

    use super::*;

    const FORMAT: LineFormat =
        LineFormat { baud: 19_200, parity: ParityBit::Even, has_two_stop_bits: false };

    fn terminal() -> (OpenptyResult, PathBuf) {
        let terminal = openpty(None, None).unwrap();
        let path = ttyname(&terminal.slave).unwrap();
        (terminal, path)
    }

    #[test]
    fn a_line_is_opened_without_the_right_to_write_and_bytes_come_as_they_are() {
        let (terminal, path) = terminal();
        let line = SerialInput::open(&path, FORMAT).unwrap();
        let mode = fcntl(&*line.0, FcntlArg::F_GETFL).unwrap();
        assert_eq!(mode & libc::O_ACCMODE, libc::O_RDONLY);
        assert_eq!(line.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let sent = [0, 3, 4, 13, 17, 26, 127, 255]; // of which terminals interpret most
        let mut end = File::from(terminal.master);
        end.write_all(&sent).unwrap();
        let mut heard = [0; 8];
        assert_eq!(line.read(&mut heard).unwrap(), 8);
        assert_eq!(heard, sent);
    }

    #[test]
    fn what_another_program_left_set_neither_changes_bytes_nor_makes_the_driver_send() {
        let (terminal, path) = terminal();
        let mut left = tcgetattr(&terminal.slave).unwrap();
        // As it is after a program that used flow control in software, or checked parity.
        let flow = InputFlags::IXOFF | InputFlags::IXANY;
        left.input_flags.insert(flow | InputFlags::INPCK | InputFlags::IGNPAR);
        tcsetattr(&terminal.slave, SetArg::TCSANOW, &left).unwrap();
        let line = SerialInput::open(&path, FORMAT).unwrap();
        assert_eq!(tcgetattr(&*line.0).unwrap().input_flags, InputFlags::empty());
    }

    #[test]
    fn a_line_in_use_is_busy_until_it_is_let_go() {
        let (_terminal, path) = terminal();
        let first = SerialInput::open(&path, FORMAT).unwrap();
        let second = SerialInput::open(&path, FORMAT).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
        drop(first);
        SerialInput::open(&path, FORMAT).unwrap();
    }

    #[test]
    fn what_is_no_line_and_a_rate_that_is_none_are_refused() {
        let file = SerialInput::open(Path::new("/dev/null"), FORMAT).unwrap_err();
        assert_eq!(file.raw_os_error(), Some(libc::ENOTTY));
        let (_terminal, path) = terminal();
        let odd = SerialInput::open(&path, LineFormat { baud: 12_345, ..FORMAT }).unwrap_err();
        assert_eq!(odd.kind(), io::ErrorKind::InvalidInput);
    }
}
