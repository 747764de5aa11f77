//! EtherNet/IP and CIP.

use infra_monitor::wire::message::{Message, Role};
use infra_monitor::wire::{cip, enip};

use super::*;

const CAPTURE: &str = "icsnpp-enip_cip_example.pcap";

#[test]
fn ethernet_ip_is_counted_as_tshark_counts_it() {
    let Some(summary) = summary(CAPTURE) else { return };
    let path = captures().unwrap().join(CAPTURE);
    let count = |filter| Some(tshark(&path, filter, "frame.number")?.values().sum::<u64>());
    for (side, filter) in [
        ("requests", "enip && tcp.dstport == 44818"),
        ("responses", "enip && tcp.srcport == 44818"),
        ("reports", "cipio"),
        ("writes", "cip.sc in {0x02, 0x04, 0x10} && cip.rr == 0"),
    ] {
        let Some(theirs) = count(filter) else { return };
        assert_eq!(summary["messages"]["enip"][side], theirs, "{side}");
    }
    assert_eq!(summary["messages"]["enip"]["unread"], 0);
}

#[test]
fn each_service_of_cip_occurs_as_often_as_tshark_finds_it() {
    let Some(path) = captures().map(|folder| folder.join(CAPTURE)) else { return };
    let frames = payloads(&path, enip::PORT);
    let ours = frames.iter().flat_map(|frame| services(frame)).map(|code| format!("{code:#04x}"));
    let Some(theirs) = tshark(&path, "cip", "cip.service") else { return };
    assert_eq!(counts(ours), theirs);
    let Some(theirs) = tshark(&path, "enip && tcp", "enip.command") else { return };
    let ours = frames.iter().map(|frame| enip::Encapsulated::parse(frame).unwrap().command);
    assert_eq!(counts(ours.map(|command| format!("{command:#06x}"))), theirs);
}

/// Services of a frame as they are numbered on the wire: that of the packet, and those inside it.
fn services(frame: &[u8]) -> Vec<u8> {
    let body = enip::Encapsulated::parse(frame).unwrap().body;
    let Some(elements) = body.get(6..) else { return vec![] };
    let connected = enip::cpf::Elements::of(elements).unwrap().map(Result::unwrap);
    let connected = connected.filter(|(kind, _)| *kind == enip::cpf::Kind::CONNECTED);
    let cip: Vec<&[u8]> = connected.map(|(_, body)| &body[2..]).collect();
    let inner = |bytes: &&[u8]| match bytes[0] {
        0x0a => {
            let packet = cip::Request::parse(bytes).unwrap().body;
            cip::services(packet).map(|service| service[0]).collect()
        }
        0x8a => {
            let packet = cip::Reply::parse(bytes).unwrap().body;
            cip::services(packet).map(|service| service[0]).collect()
        }
        _ => vec![],
    };
    let outer = |bytes: &&[u8]| [vec![bytes[0]], inner(bytes)].concat();
    cip.iter().flat_map(outer).collect()
}

#[test]
fn the_one_write_of_ethernet_ip_is_told() {
    if captures().is_none() {
        return;
    }
    let events = events(CAPTURE, "protocol.write");
    let functions: Vec<_> = events.iter().map(|event| event["function"].as_str()).collect();
    assert_eq!(functions, [Some("set attribute list")]);
}

#[test]
fn a_packet_of_several_is_told_as_what_the_gravest_of_them_is() {
    let Some(path) = captures().map(|folder| folder.join(CAPTURE)) else { return };
    let frames = payloads(&path, enip::PORT);
    let told = frames.iter().filter(|frame| services(frame).first() == Some(&0x0a));
    let told: Vec<Message> = told.map(|frame| enip::message(frame).unwrap()).collect();
    assert_eq!(told.len(), 41);
    let is_list = |message: &Message| message.role == Role::Request && message.code == 0x03;
    assert!(told.iter().all(is_list), "{told:?}");
}
