//! Hosts and networks, as clients and servers of a baseline.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// An address, or all that begin like it: `192.0.2.7`, `10.1.0.0/16`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// With zeros behind the prefix.
    network: IpAddr,
    /// In bits, at most those of the address.
    len: u8,
}

/// A port of such hosts, or all their ports: `192.0.2.10:502`, `[2001:db8::/32]:502`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub hosts: Prefix,
    pub port: Option<u16>,
}

/// Why text is no such thing, and behind a semicolon what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    #[error("`{0}` is no IP address and no network; write 192.0.2.7 or 10.1.0.0/16")]
    NoAddress(String),
    #[error("/{0} is longer than the address; write at most /{1}")]
    TooLong(u32, u8),
    #[error("`{text}` names a host within its network; write {host} for one, {network} for all")]
    HostBits { text: String, host: IpAddr, network: Prefix },
    #[error("`{0}` is no port; write a number from 0 to 65535 behind the colon, or neither")]
    NoPort(String),
}

impl Prefix {
    pub fn contains(self, address: IpAddr) -> bool {
        let is_same_family = self.network.is_ipv4() == address.is_ipv4();
        is_same_family && masked(address, self.len) == self.network
    }

    /// The address, if it is only one.
    pub fn host(self) -> Option<IpAddr> {
        (self.len == bits(self.network)).then_some(self.network)
    }
}

impl Service {
    pub fn contains(self, address: SocketAddr) -> bool {
        self.hosts.contains(address.ip()) && self.port.is_none_or(|port| port == address.port())
    }

    /// The address and port, if it is only one.
    pub fn host(self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.hosts.host()?, self.port?))
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Its first `len` bits.
fn masked(address: IpAddr, len: u8) -> IpAddr {
    let n_cleared = u32::from(bits(address).saturating_sub(len));
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(n_cleared).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(n_cleared).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        Self { network: address, len: bits(address) }
    }
}

impl From<SocketAddr> for Service {
    fn from(address: SocketAddr) -> Self {
        Self { hosts: address.ip().into(), port: Some(address.port()) }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let no_address = || PrefixError::NoAddress(text.to_owned());
        let (host, len) = match text.split_once('/') {
            Some((host, len)) => (host, Some(len.parse::<u32>().map_err(|_| no_address())?)),
            None => (text, None),
        };
        let host: IpAddr = host.parse().map_err(|_| no_address())?;
        let most = bits(host);
        let len = len.unwrap_or(most.into());
        let short = u8::try_from(len).ok().filter(|len| *len <= most);
        let len = short.ok_or(PrefixError::TooLong(len, most))?;
        let network = Self { network: masked(host, len), len };
        if network.network != host {
            return Err(PrefixError::HostBits { text: text.to_owned(), host, network });
        }
        Ok(network)
    }
}

impl FromStr for Service {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (hosts, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((hosts, "")) => (hosts, None),
            Some((hosts, rest)) => (hosts, Some(rest.strip_prefix(':').unwrap_or(rest))),
            None => match text.split_once(':') {
                Some((hosts, port)) if !port.contains(':') => (hosts, Some(port)),
                Some(_) | None => (text, None),
            },
        };
        // 0 is nobody's port, but strangers can make it seen and learnt.
        let number = |port: &str| port.parse().map_err(|_| PrefixError::NoPort(port.to_owned()));
        Ok(Self { hosts: hosts.parse()?, port: port.map(number).transpose()? })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host() {
            Some(host) => host.fmt(f),
            None => write!(f, "{}/{}", self.network, self.len),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.hosts.network.is_ipv4()) {
            (None, _) => self.hosts.fmt(f),
            (Some(port), true) => write!(f, "{}:{port}", self.hosts),
            (Some(port), false) => write!(f, "[{}]:{port}", self.hosts),
        }
    }
}
