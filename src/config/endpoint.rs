//! Endpoints: where a link leads, as two keys of the file or as one text on the command line.
//!
//! `tcp://192.0.2.10:502`, `rtu+tcp://192.0.2.10:4001` and
//! `rtu:///dev/ttyS0?baud=19200&parity=even&stop=1`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustls_pki_types::ServerName;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Modbus/TCP.
    Tcp(SocketAddr),
    /// Modbus RTU frames in a TCP connection, as converters make it of a serial line.
    RtuOverTcp(SocketAddr),
    /// Modbus/TCP Security: Modbus/TCP in TLS, both sides with certificates.
    Tls(Tls),
    /// Modbus RTU.
    Serial(Serial),
}

/// Where a TLS connection leads, and who is believed at either end. The files are PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub address: SocketAddr,
    /// Certificates of those who may vouch for the device.
    pub ca: PathBuf,
    /// Our own, with what lies between it and its issuer.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Whom the device's certificate has to name.
    pub server_name: ServerName<'static>,
}

impl Tls {
    /// The files, by the keys they are configured with.
    pub fn files(&self) -> [(&'static str, &Path); 3] {
        [("ca", &self.ca), ("certificate", &self.certificate), ("key", &self.key)]
    }
}

/// A serial line (tty) and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial {
    pub device: PathBuf,
    /// Bits per second.
    pub baud: u32,
    pub parity: Parity,
    pub stop_bits: StopBits,
    /// The line gives back what is sent on it.
    pub local_echo: bool,
    /// The driver is to switch the direction of an RS-485 transceiver.
    pub rs485: bool,
}

/// Even is the Modbus default (Serial Line V1.02, section 2.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    None,
    Even,
    Odd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBits {
    One,
    Two,
}

/// Which units can be polled (Serial Line V1.02, section 2.2; TCP V1.0b, section 4.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// 0 addresses every device and none answers.
    Serial,
    /// 0 and 255 mean the device that holds the connection.
    Tcp,
}

/// Why a number is no unit that can be polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("0 is the broadcast address: nobody answers it; {expected}", expected = .0.expected())]
    Broadcast(Units),
    #[error("{unit} is reserved; {expected}", expected = .units.expected())]
    Reserved { unit: u8, units: Units },
}

impl Units {
    pub fn check(self, unit: u8) -> Result<u8, UnitError> {
        match (self, unit) {
            (Self::Serial | Self::Tcp, 1..=247) | (Self::Tcp, 0 | 255) => Ok(unit),
            (Self::Serial, 0) => Err(UnitError::Broadcast(self)),
            (Self::Serial | Self::Tcp, _) => Err(UnitError::Reserved { unit, units: self }),
        }
    }

    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Serial => "expected a unit from 1 to 247",
            Self::Tcp => "expected a unit from 0 to 247, or 255 for the device itself",
        }
    }
}

/// The port assigned to Modbus/TCP.
pub(super) const MODBUS_PORT: u16 = 502;
/// The one assigned to Modbus/TCP Security.
pub(super) const TLS_PORT: u16 = 802;

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error(
        "`{0}` is not an endpoint; write tcp://192.0.2.10:502, rtu+tcp://192.0.2.10:4001 or rtu:///dev/ttyS0?baud=19200&parity=even&stop=1"
    )]
    Scheme(String),
    #[error("`{0}` is not an IP address with or without a port")]
    NotAnAddress(String),
    #[error("port 0 cannot be connected to")]
    PortZero,
    #[error("`{0}` is not an absolute path such as /dev/ttyS0")]
    NotAPath(String),
    #[error("{0} bit/s is not a rate of serial lines; usual are 9600, 19200, 38400 and 115200")]
    Baud(String),
    #[error("`{0}` is not a parity; write even, odd or none")]
    Parity(String),
    #[error("`{0}` is not a number of stop bits; write 1 or 2")]
    StopBits(String),
    #[error(
        "`{0}` is not a setting of a serial line; write baud, parity, stop, local_echo=true or rs485=true"
    )]
    Setting(String),
}

impl Endpoint {
    /// An IP address, with the Modbus port if it names none. Names are not resolved: a resolver
    /// that does not answer would stall polling, and one that is lied to would move it elsewhere.
    fn tcp(text: &str) -> Result<SocketAddr, EndpointError> {
        Self::address(text, MODBUS_PORT)
    }

    /// The same with another port.
    pub(super) fn address(text: &str, port: u16) -> Result<SocketAddr, EndpointError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let address = text
            .parse()
            .or_else(|_| bare.parse().map(|ip: IpAddr| SocketAddr::new(ip, port)))
            .map_err(|_| EndpointError::NotAnAddress(text.to_owned()))?;
        if address.port() == 0 { Err(EndpointError::PortZero) } else { Ok(address) }
    }

    /// Which units can be polled there.
    pub fn units(&self) -> Units {
        match self {
            Self::Tcp(_) | Self::Tls(_) => Units::Tcp,
            Self::RtuOverTcp(_) | Self::Serial(_) => Units::Serial,
        }
    }
}

impl Serial {
    /// Rates that Linux has a constant for (termios(3)), without those no serial line uses.
    pub(super) const RATES: [u32; 15] = [
        300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800,
        500_000, 921_600, 1_000_000,
    ];

    /// Modbus' own settings: 19200 bit/s, even parity, one stop bit.
    pub fn new(device: &str) -> Result<Self, EndpointError> {
        if !Path::new(device).is_absolute() || device.contains('\0') {
            return Err(EndpointError::NotAPath(device.to_owned()));
        }
        Ok(Self {
            device: device.into(),
            baud: 19_200,
            parity: Parity::Even,
            stop_bits: StopBits::One,
            local_echo: false,
            rs485: false,
        })
    }

    /// Apply `baud=9600`.
    fn set(mut self, setting: &str) -> Result<Self, EndpointError> {
        match setting.split_once('=') {
            Some(("baud", rate)) => self.baud = baud(rate)?,
            Some(("parity", parity)) => self.parity = parity.parse()?,
            Some(("stop", bits)) => self.stop_bits = bits.parse()?,
            Some(("local_echo", "true")) => self.local_echo = true,
            Some(("rs485", "true")) => self.rs485 = true,
            _ => return Err(EndpointError::Setting(setting.to_owned())),
        }
        Ok(self)
    }
}

/// A rate that the kernel can set.
pub(super) fn baud(text: &str) -> Result<u32, EndpointError> {
    text.parse()
        .ok()
        .filter(|rate| Serial::RATES.contains(rate))
        .ok_or_else(|| EndpointError::Baud(text.to_owned()))
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Some(address) = text.strip_prefix("tcp://") {
            return Self::tcp(address.trim_end_matches('/')).map(Self::Tcp);
        }
        if let Some(address) = text.strip_prefix("rtu+tcp://") {
            return Self::tcp(address.trim_end_matches('/')).map(Self::RtuOverTcp);
        }
        let line =
            text.strip_prefix("rtu://").ok_or_else(|| EndpointError::Scheme(text.to_owned()))?;
        let (device, settings) = line.split_once('?').unwrap_or((line, ""));
        settings
            .split('&')
            .filter(|setting| !setting.is_empty())
            .try_fold(Serial::new(device)?, Serial::set)
            .map(Self::Serial)
    }
}

impl FromStr for Parity {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match text {
            "none" => Ok(Self::None),
            "even" => Ok(Self::Even),
            "odd" => Ok(Self::Odd),
            _ => Err(EndpointError::Parity(text.to_owned())),
        }
    }
}

impl FromStr for StopBits {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match text {
            "1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            _ => Err(EndpointError::StopBits(text.to_owned())),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::RtuOverTcp(address) => write!(f, "rtu+tcp://{address}"),
            Self::Tls(Tls { address, .. }) => write!(f, "tls://{address}"),
            Self::Serial(Serial { device, baud, parity, stop_bits, local_echo, rs485 }) => {
                let parity = match parity {
                    Parity::None => "none",
                    Parity::Even => "even",
                    Parity::Odd => "odd",
                };
                let stop = match stop_bits {
                    StopBits::One => 1,
                    StopBits::Two => 2,
                };
                write!(f, "rtu://{}?baud={baud}&parity={parity}&stop={stop}", device.display())?;
                for (_, setting) in [(local_echo, "local_echo"), (rs485, "rs485")]
                    .into_iter()
                    .filter(|(is_on, _)| **is_on)
                {
                    write!(f, "&{setting}=true")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_back_as_written() {
        for text in [
            "tcp://192.0.2.10:502",
            "tcp://[2001:db8::1]:1502",
            "rtu+tcp://192.0.2.10:4001",
            "rtu:///dev/ttyS0?baud=19200&parity=even&stop=1",
            "rtu:///dev/serial/by-id/x?baud=115200&parity=none&stop=2",
            "rtu:///dev/ttyS0?baud=9600&parity=none&stop=2&local_echo=true&rs485=true",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_said_is_the_modbus_default() {
        for (text, full) in [
            ("tcp://192.0.2.10", "tcp://192.0.2.10:502"),
            ("tcp://192.0.2.10/", "tcp://192.0.2.10:502"),
            ("tcp://::1", "tcp://[::1]:502"),
            ("tcp://[::1]", "tcp://[::1]:502"),
            ("rtu:///dev/ttyS0", "rtu:///dev/ttyS0?baud=19200&parity=even&stop=1"),
            ("rtu:///dev/ttyS0?parity=odd", "rtu:///dev/ttyS0?baud=19200&parity=odd&stop=1"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn what_cannot_be_opened_is_refused() {
        use EndpointError as E;
        for (text, error) in [
            ("192.0.2.10", E::Scheme("192.0.2.10".to_owned())),
            ("tcp://plc7:502", E::NotAnAddress("plc7:502".to_owned())),
            ("tcp://192.0.2.10:0", E::PortZero),
            ("rtu://ttyS0", E::NotAPath("ttyS0".to_owned())),
            ("rtu:///dev/ttyS0?baud=0", E::Baud("0".to_owned())),
            ("rtu:///dev/ttyS0?baud=19201", E::Baud("19201".to_owned())),
            ("rtu:///dev/ttyS0?parity=mark", E::Parity("mark".to_owned())),
            ("rtu:///dev/ttyS0?stop=3", E::StopBits("3".to_owned())),
            ("rtu:///dev/ttyS0?speed=9600", E::Setting("speed=9600".to_owned())),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(error));
        }
    }
}
