//! What tells connections apart, and hashes to where one lies in the table.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::Vlan;

use super::datagram::Datagram;
use super::sighting::Sighting;
use super::watch::WatchList;

/// Who talks to whom, and on which VLAN: addresses may repeat across VLANs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    client: u128,
    server: u128,
    /// Client port, server port, outer and inner VLAN.
    rest: u64,
}

impl Key {
    /// Of no connection: nobody listens at port 0.
    pub(super) const NOBODY: Self = Self { client: 0, server: 0, rest: 0 };

    pub(super) fn of(sighting: &Sighting<'_>, direction: Direction) -> Self {
        let Sighting { source, destination, segment, vlan, .. } = *sighting;
        let ports = (segment.source_port, segment.destination_port);
        Self::between((source, destination), ports, vlan, direction)
    }

    pub(super) fn of_datagram(datagram: &Datagram<'_>, direction: Direction) -> Self {
        let Datagram { source, destination, source_port, destination_port, vlan, .. } = *datagram;
        Self::between((source, destination), (source_port, destination_port), vlan, direction)
    }

    #[inline]
    fn between(
        (source, destination): (&IpAddr, &IpAddr),
        (source_port, destination_port): (u16, u16),
        vlan: Vlan,
        direction: Direction,
    ) -> Self {
        let (client, server, client_port, server_port) = match direction {
            Direction::Request => (source, destination, source_port, destination_port),
            Direction::Response => (destination, source, destination_port, source_port),
        };
        let rest = rest([client_port, server_port, vlan.outer, vlan.inner]);
        Self { client: number(client), server: number(server), rest }
    }

    /// As seen from the other side: the server asks.
    pub(super) fn reversed(&self) -> Self {
        let [client_port, server_port, outer, inner] = self.rest_parts();
        let rest = rest([server_port, client_port, outer, inner]);
        Self { client: self.server, server: self.client, rest }
    }

    /// The server at the port that it connected to: its own is another one each time.
    pub(super) fn at_port_of_client(&self) -> Self {
        let [client_port, _, outer, inner] = self.rest_parts();
        Self { rest: rest([client_port, client_port, outer, inner]), ..*self }
    }

    /// The server's end alone, of whomever it talks to.
    pub(super) fn of_server(&self) -> Self {
        Self { client: 0, server: self.server, rest: self.rest & !(0xffff << 48) }
    }

    pub(super) fn client(&self) -> SocketAddr {
        SocketAddr::new(address(self.client), self.rest_parts()[0])
    }

    pub(super) fn server(&self) -> SocketAddr {
        SocketAddr::new(address(self.server), self.rest_parts()[1])
    }

    /// Server by address, and by port and VLAN.
    pub(super) fn service(&self) -> (u128, u64) {
        (self.server, self.rest & 0xffff_ffff_ffff)
    }

    pub(super) fn client_port(&self) -> u16 {
        self.rest_parts()[0]
    }

    pub(super) fn server_port(&self) -> u16 {
        self.rest_parts()[1]
    }

    pub(super) fn vlan(&self) -> Vlan {
        let [_, _, outer, inner] = self.rest_parts();
        Vlan { outer, inner }
    }

    pub(super) fn is_on(&self, watched: &WatchList) -> bool {
        watched.contains(self.server, self.server_port())
    }

    /// The same for all connections between two hosts.
    pub(super) fn without_client_port(&self) -> Self {
        Self { rest: self.rest & (u64::MAX >> 16), ..*self }
    }

    /// The same for all clients of a server.
    pub(super) fn without_client(&self) -> Self {
        Self { client: 0, ..self.without_client_port() }
    }

    fn rest_parts(&self) -> [u16; 4] {
        let part = |nth: u32| (self.rest >> (48 - 16 * nth)).to_be_bytes();
        [0, 1, 2, 3].map(|nth| {
            let [.., high, low] = part(nth);
            u16::from_be_bytes([high, low])
        })
    }

    /// Folded multiplication, as in wyhash: quick, and a stranger cannot aim without the seed.
    #[expect(clippy::cast_possible_truncation, reason = "both halves of a product are used")]
    pub(super) fn hash(&self, seed: u64) -> u64 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            (product >> 64) as u64 ^ product as u64
        };
        let halves = |address: u128| ((address >> 64) as u64, address as u64);
        let (client_high, client_low) = halves(self.client);
        let (server_high, server_low) = halves(self.server);
        let client = fold(client_low ^ seed, client_high ^ 0xa076_1d64_78bd_642f);
        let server = fold(server_low ^ seed, server_high ^ 0xe703_7ed1_a0b4_28db);
        fold(client ^ server.rotate_left(32) ^ seed, self.rest ^ 0x8ebc_6af0_9c88_c6e3)
    }
}

#[inline]
fn rest(parts: [u16; 4]) -> u64 {
    parts.iter().fold(0, |rest, part| rest << 16 | u64::from(*part))
}

/// An IPv4 address is the IPv6 address it maps to (RFC 4291, section 2.5.5.2).
pub(super) fn number(address: &IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => 0xffff << 32 | u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(number: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(number)).to_canonical()
}
