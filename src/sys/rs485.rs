//! RS-485 direction: a driver that raises RTS while it transmits, for transceivers that need it.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// `struct serial_rs485` of `linux/serial.h`; `padding` is a union of later additions there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct SerialRs485 {
    flags: u32,
    delay_rts_before_send: u32,
    delay_rts_after_send: u32,
    padding: [u32; 5],
}

const _: () = assert!(size_of::<SerialRs485>() == 32);

/// `SER_RS485_ENABLED`, and RTS high while sending and low after it.
const ENABLED: u32 = 1;
const RTS_ON_SEND: u32 = 1 << 1;
const RTS_AFTER_SEND: u32 = 1 << 2;

/// Have the driver of the terminal `line` switch the direction. What the device tree or the
/// operator set before (polarity, delays) is kept. Most USB adapters switch by themselves and
/// their drivers refuse this.
pub fn enable(line: &impl AsRawFd) -> io::Result<()> {
    let fd = line.as_raw_fd();
    let mut settings = get(fd)?;
    settings.flags |= ENABLED;
    if settings.flags & (RTS_ON_SEND | RTS_AFTER_SEND) == 0 {
        settings.flags |= RTS_ON_SEND;
    }
    set(fd, settings)?;
    // A driver may drop what its hardware cannot do and report success (Documentation/
    // driver-api/serial/serial-rs485.rst): what counts is what it took.
    if get(fd)?.flags & ENABLED == 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(())
}

fn get(fd: RawFd) -> io::Result<SerialRs485> {
    let mut settings = SerialRs485::default();
    // SAFETY: TIOCGRS485 writes at most one `struct serial_rs485`, whose layout and size
    // `SerialRs485` has (repr(C), the assertion above), to the one that lives here. Any bits are
    // valid in its fields. On a descriptor that is no serial line the call fails.
    let outcome = unsafe { libc::ioctl(fd, libc::TIOCGRS485, &raw mut settings) };
    checked(outcome).map(|()| settings)
}

fn set(fd: RawFd, mut settings: SerialRs485) -> io::Result<()> {
    // SAFETY: TIOCSRS485 reads one `struct serial_rs485` and writes back what the driver made of
    // it, both within the one that lives here, as in `get`.
    let outcome = unsafe { libc::ioctl(fd, libc::TIOCSRS485, &raw mut settings) };
    checked(outcome)
}

fn checked(outcome: libc::c_int) -> io::Result<()> {
    if outcome == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // The driver has no such mode, or not with this hardware.
        Some(libc::ENOTTY | libc::EINVAL | libc::EOPNOTSUPP) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_is_no_serial_line_is_refused_as_unsupported() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(enable(&file).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
