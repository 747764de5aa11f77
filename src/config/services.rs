//! Which ports speak what: a key of `[[capture]]` for each protocol.

use crate::record::{Protocol, Services};

use super::complaint::Complaint;
use super::field;
use super::section::Section;

/// A key for each protocol. Ports that are not written are those that were assigned, except where
/// another protocol took them.
pub(super) fn read(section: &Section<'_>) -> Services {
    let assigned = Services::default();
    let listed: Vec<_> = PORT_KEYS
        .iter()
        .filter_map(|&(key, protocol)| {
            let ports = section.list(key, 16, field::integer(1..=65_535))?;
            Some((key, protocol, ports))
        })
        .collect();
    for (nth, (key, protocol, ports)) in listed.iter().enumerate() {
        let others = listed.iter().take(nth);
        let twice = others.filter_map(|(other, _, theirs)| {
            let port = ports.iter().find(|port| theirs.contains(port))?;
            Some((other, port))
        });
        for (other, port) in twice {
            let message = format!("port {port} stands in `{other}` too");
            let help = format!("a port speaks one protocol: is it {}?", protocol.name());
            section.report_key(key, Complaint::new(message, help));
        }
    }
    let written = |protocol| listed.iter().any(|(_, written, _)| *written == protocol);
    let taken = |port| listed.iter().any(|(.., ports)| ports.contains(&port));
    let rest = assigned.iter().filter(|(port, protocol)| !written(*protocol) && !taken(*port));
    let listed =
        listed.iter().flat_map(|(_, protocol, ports)| ports.iter().map(|port| (*port, *protocol)));
    listed.chain(rest).collect()
}

const PORT_KEYS: [(&str, Protocol); 8] = [
    ("modbus_ports", Protocol::Modbus),
    ("rtu_ports", Protocol::ModbusRtu),
    ("opcua_ports", Protocol::OpcUa),
    ("dnp3_ports", Protocol::Dnp3),
    ("iec104_ports", Protocol::Iec104),
    ("s7comm_ports", Protocol::S7comm),
    ("enip_ports", Protocol::EtherNetIp),
    ("bacnet_ports", Protocol::Bacnet),
];
