//! Opening a link: a stream, and of a serial device one that nobody else may use meanwhile.

use std::future::Future;
use std::io;

use tokio_serial::{SerialPortBuilderExt, SerialStream};

use crate::config::Endpoint;
use crate::config::Parity;
use crate::config::Serial;
use crate::config::StopBits;
use crate::record::{Uart, UartCount};
use crate::sys::rs485;
use crate::sys::serial_counters;

use super::explain::UNPLUGGED;
use super::stream::{self, Stream};
use super::tls;

/// Opens the stream of a link, as often as it takes.
pub(super) trait Dial {
    fn dial(&self) -> impl Future<Output = io::Result<Box<dyn Stream>>> + Send;
}

impl Dial for Endpoint {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) | Self::RtuOverTcp(address) => {
                Box::new(stream::connect(*address).await?)
            }
            Self::Tls(tls) => Box::new(tls::connect(tls).await?),
            Self::Serial(serial) => Box::new(open(serial)?),
        })
    }
}

/// Exclusive (`TIOCEXCL`) and locked (`flock`): two masters would read each other's replies.
fn open(serial: &Serial) -> io::Result<SerialStream> {
    let parity = match serial.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let stop_bits = match serial.stop_bits {
        StopBits::One => tokio_serial::StopBits::One,
        StopBits::Two => tokio_serial::StopBits::Two,
    };
    let line = tokio_serial::new(serial.device.to_string_lossy(), serial.baud)
        .parity(parity)
        .stop_bits(stop_bits)
        .exclusive(true)
        .open_native_async()
        .map_err(io_error)?;
    if serial.rs485 {
        rs485::enable(&line)?;
    }
    Ok(line)
}

impl Stream for SerialStream {
    fn counted(&self) -> Uart {
        serial_counters::read(self).map_or(Uart::Refused, |counters| {
            Uart::Counted(UartCount {
                received_bytes: counters.rx,
                sent_bytes: counters.tx,
                framing: counters.framing,
                parity: counters.parity,
                overruns: counters.overruns.wrapping_add(counters.buffer_overruns),
                breaks: counters.breaks,
            })
        })
    }
}

/// The crate reports both a lock and `EBUSY` as "no device", and an absent device as `NotFound`. Of
/// other errors it keeps the words only.
fn io_error(error: tokio_serial::Error) -> io::Error {
    let unplugged = UNPLUGGED.into_iter().find(|errno| errno.desc() == error.description);
    if let Some(errno) = unplugged {
        return errno.into();
    }
    let kind = match error.kind {
        tokio_serial::ErrorKind::NoDevice => io::ErrorKind::ResourceBusy,
        tokio_serial::ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
        tokio_serial::ErrorKind::Unknown => io::ErrorKind::Other,
        tokio_serial::ErrorKind::Io(kind) => kind,
    };
    io::Error::new(kind, error.description)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_that_is_gone_keeps_its_error_number() {
        for errno in UNPLUGGED {
            let error = tokio_serial::Error::new(tokio_serial::ErrorKind::Unknown, errno.desc());
            assert_eq!(io_error(error).raw_os_error(), io::Error::from(errno).raw_os_error());
        }
        let busy = tokio_serial::Error::new(tokio_serial::ErrorKind::NoDevice, "locked");
        assert_eq!(io_error(busy).kind(), io::ErrorKind::ResourceBusy);
    }
}
