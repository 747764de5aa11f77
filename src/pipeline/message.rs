//! Writes, commands and refusals of protocols other than Modbus, as events.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::record::{Doubts, Event, Kind, Operation, Protocol, Role, SourceId, Spoken};
use crate::wire::{bacnet, dnp3, enip, iec104, opcua, s7comm};

/// The kind of event a message is.
pub(super) fn kind_of(spoken: &Spoken) -> Kind {
    match spoken.message.error {
        Some(_) => Kind::ProtocolError,
        None => Kind::ProtocolWrite,
    }
}

/// Who said what to whom; for a refusal, with how many like it were not told since the last one was.
pub(super) fn seen(source: &SourceId, (spoken, doubts): (&Spoken, Doubts), untold: u64) -> Event {
    let mut text = sentence(spoken);
    if untold > 0 {
        let _ = write!(text, " ({untold} more since this was last told)"); // cannot fail
    }
    let message = &spoken.message;
    let mut event = Event::new(kind_of(spoken), spoken.at, source.clone(), text)
        .with("protocol", spoken.protocol.name())
        .with("client", spoken.client.to_string())
        .with("server", spoken.server.to_string())
        .with("operation", operation(message.operation))
        .with("function", code_name(spoken.protocol, message.code).into_owned())
        .with("function_code", message.code);
    if let Some(station) = message.station {
        event = event.with("station", station);
    }
    for (name, id) in [("vlan", spoken.vlan.outer), ("vlan_inner", spoken.vlan.inner)] {
        if id != 0 {
            event = event.with(name, id);
        }
    }
    let event = event.with("trust", doubts.words(spoken.trust));
    match message.error {
        Some(code) => event
            .with("error", error_name(spoken.protocol, code).into_owned())
            .with("error_code", code)
            .with("count", untold + 1),
        None => event,
    }
}

fn sentence(spoken: &Spoken) -> String {
    let Spoken { protocol, client, server, message, .. } = spoken;
    let what = code_name(*protocol, message.code);
    let station = message.station.map_or_else(String::new, |station| place(*protocol, station));
    let name = title(*protocol);
    match (message.error, message.role) {
        (Some(code), Role::Response | Role::Report) => {
            let why = error_name(*protocol, code);
            format!("{server}{station} to {client}: {name} {what} refused: {why}")
        }
        (Some(code), Role::Request) => {
            let why = error_name(*protocol, code);
            format!("{client} to {server}{station}: {name} {what} given up: {why}")
        }
        (None, _) => format!("{client} to {server}{station}: {name} {what}"),
    }
}

/// Who is meant behind the network address.
fn place(protocol: Protocol, station: u32) -> String {
    match (protocol, station >> 8, station & 0xff) {
        (Protocol::Bacnet, network, 0) => format!(" network {network}"),
        (Protocol::Bacnet, network, host) => format!(" network {network} host {host}"),
        _ => format!(" station {station}"),
    }
}

/// As people write it.
pub(super) fn title(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Modbus => "Modbus",
        Protocol::ModbusRtu => "Modbus RTU",
        Protocol::OpcUa => "OPC UA",
        Protocol::Dnp3 => "DNP3",
        Protocol::Iec104 => "IEC 60870-5-104",
        Protocol::S7comm => "S7comm",
        Protocol::EtherNetIp => "EtherNet/IP",
        Protocol::Bacnet => "BACnet",
    }
}

pub(super) fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "read",
        Operation::Write => "write",
        Operation::Command => "command",
        Operation::Session => "session",
        Operation::Other => "other",
    }
}

/// A function or service in words.
pub(super) fn code_name(protocol: Protocol, code: u16) -> Cow<'static, str> {
    match protocol {
        Protocol::OpcUa => opcua::message::name(code),
        Protocol::Dnp3 => named(dnp3::name::function_name(code), "function", code),
        Protocol::Iec104 => named(iec104::name::function_name(code), "type", code),
        Protocol::Bacnet => named(bacnet::name::function_name(code), "service", code),
        Protocol::S7comm => s7comm::function::name(code)
            .map_or_else(|| format!("function {code:#04x}").into(), Cow::from),
        Protocol::EtherNetIp => enip::name(code)
            .map_or_else(|| format!("service {:#04x}", code & 0xff).into(), Cow::from),
        Protocol::Modbus | Protocol::ModbusRtu => format!("function {code}").into(),
    }
}

/// A reason in words.
fn error_name(protocol: Protocol, code: u16) -> Cow<'static, str> {
    match protocol {
        Protocol::OpcUa => opcua::message::error_name(code),
        Protocol::Dnp3 => named(dnp3::name::error_name(code), "error", code),
        Protocol::Iec104 => named(iec104::name::error_name(code), "negative cause", code),
        Protocol::Bacnet => named(bacnet::refusal::error_name(code), "error", code),
        Protocol::S7comm => s7comm::function::error_name(code)
            .map_or_else(|| format!("error {code:#04x}").into(), Cow::from),
        Protocol::EtherNetIp => enip::error_name(code)
            .map_or_else(|| format!("status {:#04x}", code & 0x7fff).into(), Cow::from),
        Protocol::Modbus | Protocol::ModbusRtu => format!("error {code}").into(),
    }
}

/// A number of the protocol in words, or as the number it is.
fn named(name: Option<&'static str>, of: &str, code: u16) -> Cow<'static, str> {
    name.map_or_else(|| format!("{of} {code}").into(), Cow::Borrowed)
}
