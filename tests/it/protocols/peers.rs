//! Stations and masters that others wrote, overheard: whatever they say is read, by who says it.
//!
//! They are found in `target/venv`, where `.ci/run` puts them, or where `INFRA_MONITOR_VENV` says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use infra_monitor::wire::bacnet;
use infra_monitor::wire::iec104::{self, Apdu};
use infra_monitor::wire::message::Role;

use super::*;

/// What client and server said, piece by piece; `None`, said aloud, if the module is not installed.
fn overheard(script: &str, module: &str) -> Option<[Vec<Vec<u8>>; 2]> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = std::env::var_os("INFRA_MONITOR_VENV");
    let venv = venv.map_or_else(|| root.join("target/venv"), PathBuf::from);
    let python = || Command::new(venv.join("bin/python"));
    let probe = python().args(["-c", &format!("import {module}")]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("skipped: no {module}; .ci/run installs it");
        return None;
    }
    let output = python().arg(root.join("tests/it/protocols").join(script)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(["C ", "S "].map(|side| {
        let pieces = text.lines().filter_map(|line| line.strip_prefix(side));
        pieces.map(bytes).collect()
    }))
}

fn codes_of(messages: &[Message]) -> Vec<u16> {
    let mut codes: Vec<_> = messages.iter().map(|message| message.code).collect();
    codes.sort_unstable();
    codes
}

/// Code and reason of each refusal.
fn refusals(messages: &[Message]) -> Vec<(u16, u16)> {
    messages.iter().filter_map(|message| Some((message.code, message.error?))).collect()
}

#[test]
fn a_master_and_a_station_of_c104_are_read_to_the_last_byte() {
    let Some(sides) = overheard("iec104.py", "c104") else { return };
    let [client, server] = sides.map(|pieces| {
        let stream = pieces.concat();
        let (mut rest, mut messages, mut due) = (&stream[..], vec![], 0);
        while let Extent::Whole(len) = iec104::extent(rest) {
            let (frame, behind) = rest.split_at(len);
            let apdu = Apdu::parse(frame).unwrap();
            if let Apdu::Information { send, .. } = apdu {
                assert_eq!(send, due);
                due = iec104::next(send);
                messages.push(apdu.message().unwrap());
            }
            rest = behind;
        }
        assert_eq!(rest, [0; 0]);
        messages
    });
    assert_eq!(codes_of(&client), [45, 45, 100]);
    assert!(client.iter().all(|asked| asked.role == Role::Request));
    assert!(server.iter().all(|told| told.role != Role::Request));
    assert!(server.iter().any(|told| told.role == Role::Report && told.code == 13));
    assert_eq!(refusals(&server), [(45, 7)], "one of the two commands");
    assert!(server.iter().all(|told| told.station == Some(47)));
}

#[test]
fn a_client_and_a_device_of_bacpypes_are_read_to_the_last_datagram() {
    let Some(sides) = overheard("bacnet.py", "bacpypes3") else { return };
    let [client, server] = sides.map(|datagrams| {
        // What comes again because the machine is slow comes under its old number.
        let datagrams: BTreeSet<_> = datagrams.into_iter().collect();
        let read = datagrams.iter().map(|datagram| {
            assert_eq!(bacnet::extent(datagram), Extent::Whole(datagram.len()));
            bacnet::message(datagram).unwrap()
        });
        read.collect::<Vec<_>>()
    });
    assert_eq!(codes_of(&client), [12, 12, 15, 15, 15, bacnet::UNCONFIRMED | 8]);
    assert_eq!(codes_of(&server), [12, 12, 15, 15, 15, bacnet::UNCONFIRMED]);
    assert!(client.iter().all(|asked| asked.role == Role::Request));
    assert!(server.iter().all(|told| told.role != Role::Request));
    assert_eq!(refusals(&server), [(15, 31)], "an object that is not there");
}
