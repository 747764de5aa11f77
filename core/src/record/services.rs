//! Which port speaks what.

use std::sync::Arc;

use super::Protocol;

/// Ports of servers, each with its protocol: over TCP, UDP or both, as the protocol has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services(Arc<[(u16, Protocol)]>);

impl Services {
    /// The ports that IANA assigned. RTU over TCP has none.
    pub const ASSIGNED: [(u16, Protocol); 7] = [
        (502, Protocol::Modbus),
        (4840, Protocol::OpcUa),
        (20_000, Protocol::Dnp3),
        (2404, Protocol::Iec104),
        (102, Protocol::S7comm),
        (44_818, Protocol::EtherNetIp),
        (47_808, Protocol::Bacnet),
    ];

    /// No port of `protocol` but these.
    #[must_use]
    pub fn with(&self, protocol: Protocol, ports: &[u16]) -> Self {
        let others = self.iter().filter(|(_, other)| *other != protocol);
        others.chain(ports.iter().map(|port| (*port, protocol))).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u16, Protocol)> {
        self.0.iter().copied()
    }

    /// Ports of one protocol.
    pub fn of(&self, protocol: Protocol) -> impl Iterator<Item = u16> {
        self.iter().filter(move |(_, spoken)| *spoken == protocol).map(|(port, _)| port)
    }

    /// The first that a port was given.
    pub fn protocol(&self, port: u16) -> Option<Protocol> {
        self.iter().find(|(known, _)| *known == port).map(|(_, protocol)| protocol)
    }
}

impl Default for Services {
    fn default() -> Self {
        Self::ASSIGNED.into_iter().collect()
    }
}

impl FromIterator<(u16, Protocol)> for Services {
    fn from_iter<T: IntoIterator<Item = (u16, Protocol)>>(ports: T) -> Self {
        Self(ports.into_iter().collect())
    }
}
