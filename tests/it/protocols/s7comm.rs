//! S7comm.

use infra_monitor::wire::message::{Message, Role};
use infra_monitor::wire::s7comm::{self, function};

use super::*;

const CAPTURE: &str = "icsnpp-s7-snap7.pcap";

#[test]
fn s7comm_is_counted_as_tshark_counts_it() {
    let Some(summary) = summary(CAPTURE) else { return };
    let path = captures().unwrap().join(CAPTURE);
    let count = |filter| Some(tshark(&path, filter, "s7comm.header.pduref")?.values().sum::<u64>());
    let expected = [
        ("requests", "s7comm.header.rosctr == 1 || s7comm.param.userdata.type == 4"),
        ("responses", "s7comm.header.rosctr in {2, 3} || s7comm.param.userdata.type == 8"),
        ("reports", "s7comm.param.userdata.type == 0"),
        ("writes", "s7comm.header.rosctr == 1 && s7comm.param.func in {0x05, 0x1a}"),
        ("commands", "s7comm.header.rosctr == 1 && s7comm.param.func in {0x28, 0x29}"),
    ];
    for (side, filter) in expected {
        let Some(mut theirs) = count(filter) else { return };
        if side == "writes" {
            theirs += 1; // the clock is set once, and has no function of a job
        }
        assert_eq!(summary["messages"]["s7comm"][side], theirs, "{side}");
    }
    assert_eq!(summary["messages"]["s7comm"]["unread"], 0);
}

#[test]
fn each_function_of_s7comm_occurs_as_often_as_tshark_finds_it() {
    let Some(path) = captures().map(|folder| folder.join(CAPTURE)) else { return };
    let ours = payloads(&path, s7comm::PORT);
    let ours: Vec<Message> =
        ours.iter().map(|frame| s7comm::message(frame).unwrap().unwrap()).collect();
    let code = |message: &Message| format!("{:#04x}", message.code);
    let group = |message: &Message| (message.code >> 8 & 0xf).to_string();
    let count = |role, is_userdata: bool, name: &dyn Fn(&Message) -> String| {
        let is_named = |message: &&Message| {
            let is_of = (message.code >= function::USERDATA) == is_userdata;
            message.role == role && is_of && message.code != u16::from(function::UNNAMED)
        };
        counts(ours.iter().filter(is_named).map(name))
    };
    for (rosctr, role) in [(1, Role::Request), (3, Role::Response)] {
        let filter = format!("s7comm.header.rosctr == {rosctr}");
        let Some(theirs) = tshark(&path, &filter, "s7comm.param.func") else { return };
        assert_eq!(count(role, false, &code), theirs);
    }
    for (sort, role) in [(4, Role::Request), (8, Role::Response)] {
        let filter = format!("s7comm.param.userdata.type == {sort}");
        let Some(theirs) = tshark(&path, &filter, "s7comm.param.userdata.funcgroup") else {
            return;
        };
        assert_eq!(count(role, true, &group), theirs);
    }
    assert_eq!(ours.len(), 64);
}

#[test]
fn s7comm_writes_commands_and_refusals_are_told() {
    if captures().is_none() {
        return;
    }
    let told = |kind, fields: &[&str]| {
        let words = |event: &Value| {
            let words = fields.iter().map(|field| event[*field].as_str().unwrap().to_owned());
            words.collect::<Vec<_>>().join(": ")
        };
        events(CAPTURE, kind).iter().map(words).collect::<Vec<_>>()
    };
    assert_eq!(
        told("protocol.write", &["operation", "function"]),
        [
            "write: set clock",
            "write: write variable",
            "write: write variable",
            "command: plc stop",
            "command: program invocation",
            "command: program invocation",
            "command: program invocation",
        ]
    );
    assert_eq!(
        told("protocol.error", &["function", "error"]),
        [
            "block information: block not found",
            "start upload: no such priority class for the block",
            "write variable: access not allowed",
        ]
    );
}
