//! Protocols that are spoken in datagrams: each is a message by itself.

use std::net::IpAddr;

use crate::record::{Protocol, Services, WireReport};
use crate::wire::bacnet;
use crate::wire::enip;
use crate::wire::message::Message;
use crate::wire::packet::Vlan;

use super::conversation;
use super::key::Key;
use super::ports::Ports;
use super::sighting::Evidence;
use super::usage::Usages;

/// What a datagram is judged by; borrowed, one for each.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Nanoseconds since the Unix epoch.
    pub at_ns: u64,
    pub vlan: Vlan,
    pub evidence: Evidence,
    pub source: &'a IpAddr,
    pub destination: &'a IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    pub payload: &'a [u8],
}

/// Ports that are listened to, and what they speak.
#[derive(Debug)]
pub struct Datagrams {
    ports: Ports,
    services: Services,
}

impl Datagrams {
    pub fn new(services: &Services) -> Self {
        let has_io = services.of(Protocol::EtherNetIp).next().is_some();
        let io = has_io.then_some((enip::IO_PORT, Protocol::EtherNetIp));
        let services: Services =
            services.iter().filter(|(_, protocol)| is_spoken(*protocol)).chain(io).collect();
        Self { ports: Ports::new(services.iter().map(|(port, _)| port)), services }
    }

    /// Read a datagram, if it is one of a service.
    #[inline]
    pub fn observe(&self, datagram: &Datagram<'_>, usages: &mut Usages, report: &mut WireReport) {
        if self.ports.contain(datagram.destination_port) {
            self.read(datagram, datagram.destination_port, usages, report);
        } else if self.ports.contain(datagram.source_port) {
            self.read(datagram, datagram.source_port, usages, report);
        }
    }

    /// Where both ends have the port of a service, what a message says of itself decides who asks.
    #[cold]
    fn read(
        &self,
        datagram: &Datagram<'_>,
        port: u16,
        usages: &mut Usages,
        report: &mut WireReport,
    ) {
        let Some(protocol) = self.services.protocol(port) else { return };
        let message = match said(protocol, datagram) {
            Said::Message(message) => message,
            Said::Part => return,
            Said::Frames => return conversation::dnp3::read_datagram(datagram, usages, report),
            Said::Unread => {
                report.messages.of(protocol).unread += u64::from(!datagram.payload.is_empty());
                return;
            }
        };
        let key = Key::of_datagram(datagram, conversation::direction_of(&message));
        conversation::on_datagram(datagram, (protocol, &key), message, (usages, report));
    }
}

/// Whether a protocol is spoken in datagrams too.
fn is_spoken(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Dnp3 | Protocol::EtherNetIp | Protocol::Bacnet => true,
        Protocol::Modbus
        | Protocol::ModbusRtu
        | Protocol::OpcUa
        | Protocol::Iec104
        | Protocol::S7comm => false,
    }
}

/// What a datagram is.
enum Said {
    Message(Message),
    /// It goes on with a message that was counted.
    Part,
    /// Frames that are judged one by one.
    Frames,
    /// It cannot be read as this protocol.
    Unread,
}

fn said(protocol: Protocol, datagram: &Datagram<'_>) -> Said {
    match protocol {
        Protocol::Dnp3 => Said::Frames,
        Protocol::Bacnet => match bacnet::read(datagram.payload) {
            Ok(Some(message)) => Said::Message(message),
            Ok(None) => Said::Part,
            Err(_) => Said::Unread,
        },
        Protocol::EtherNetIp => {
            enip::datagram(datagram.payload).map_or(Said::Unread, Said::Message)
        }
        Protocol::Modbus
        | Protocol::ModbusRtu
        | Protocol::OpcUa
        | Protocol::Iec104
        | Protocol::S7comm => Said::Unread,
    }
}
