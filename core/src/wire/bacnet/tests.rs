use std::collections::BTreeSet;

use proptest::prelude::*;

use super::apdu::Error;
use super::name::function_name;
use super::network::Address;
use super::refusal::error_name;
use super::*;
use crate::wire::fixture::spoil;

/// A datagram to one host that carries an NPDU without addresses, and `apdu` in it.
fn datagram(apdu: &[u8]) -> Vec<u8> {
    link(0x0a, &[&[1, 4][..], apdu].concat())
}

fn link(function: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[0x81, function, high, low][..], body].concat()
}

/// Reads the vendor name of device 101.
const READ: [u8; 13] = [0, 5, 1, 12, 0x0c, 2, 0, 0, 0x65, 0x19, 0x79, 0, 0];
/// From host 61 of network 13: reinitializing was refused, password failure.
const ERROR: [u8; 18] =
    [0x81, 0x0a, 0, 18, 1, 0x20, 0, 13, 1, 61, 255, 0x50, 52, 20, 0x91, 5, 0x91, 26];
const I_AM: [u8; 17] = [0x81, 0x0b, 0, 17, 1, 0, 0x10, 0, 0xc4, 2, 0, 0, 0x65, 0x22, 4, 0, 0x91];

#[test]
fn a_service_is_asked_for_by_its_number() {
    let asked = Message {
        role: Role::Request,
        operation: Operation::Read,
        code: 12,
        station: None,
        error: None,
    };
    assert_eq!(message(&datagram(&READ)), Some(asked));
    let written = message(&datagram(&[0, 5, 1, 15])).unwrap();
    assert_eq!(
        (written.operation, function_name(written.code)),
        (Operation::Write, Some("write property"))
    );
    let ordered = message(&datagram(&[0, 5, 1, 17])).unwrap();
    assert_eq!(ordered.operation, Operation::Command);
}

#[test]
fn an_error_tells_its_code_and_the_service_it_answers() {
    let told = message(&ERROR).unwrap();
    assert_eq!((told.role, told.code, told.error), (Role::Response, 20, Some(26)));
    assert_eq!(told.error.and_then(error_name), Some("password failure"));
    let wrapped = datagram(&[0x50, 1, 8, 0x0e, 0x91, 2, 0x92, 1, 0x2c, 0x0f, 0x19, 1]);
    assert_eq!(message(&wrapped).unwrap().error, Some(300));
    let error = Some(Error { class: 2, code: 300 });
    assert_eq!(Pdu::parse(&wrapped[6..]), Ok(Pdu::Error { invoke: 1, service: 8, error }));
    // An error that cannot be read is one.
    assert_eq!(message(&datagram(&[0x50, 1, 8, 0x55])).unwrap().error, Some(0));
}

#[test]
fn rejections_and_aborts_name_no_service_and_give_their_reason() {
    let rejected = message(&datagram(&[0x60, 58, 9])).unwrap();
    assert_eq!((rejected.role, rejected.code), (Role::Response, PDU | 6));
    assert_eq!(rejected.error.and_then(error_name), Some("rejected: unrecognized service"));
    let aborted = message(&datagram(&[0x71, 1, 4])).unwrap();
    assert_eq!(aborted.code, PDU | 7);
    assert_eq!(aborted.error.and_then(error_name), Some("aborted: segmentation not supported"));
    let segment = message(&datagram(&[0x40, 1, 3, 4])).unwrap();
    assert_eq!((segment.code, segment.error), (PDU | 4, None));
}

#[test]
fn acknowledgments_are_responses_to_their_service() {
    for apdu in [&[0x20, 1, 15][..], &[0x30, 1, 14, 0x0c], &[0x38, 1, 0, 4, 14]] {
        let told = message(&datagram(apdu)).unwrap();
        assert_eq!((told.role, told.error), (Role::Response, None), "{apdu:02x?}");
    }
    assert_eq!(message(&datagram(&[0x38, 1, 1, 4, 14])), None, "goes on with one");
    assert_eq!(message(&datagram(&[0x0c, 5, 1, 2, 4, 16])), None, "goes on with one");
}

#[test]
fn services_without_confirmation_have_numbers_of_their_own() {
    let told = message(&I_AM).unwrap();
    assert_eq!((told.role, told.operation, told.code), (Role::Report, Operation::Session, 0x100));
    assert_eq!(function_name(told.code), Some("I am"));
    let asked = message(&datagram(&[0x10, 8])).unwrap();
    assert_eq!((asked.role, asked.operation), (Role::Request, Operation::Session));
    let group = message(&datagram(&[0x10, 10])).unwrap();
    assert_eq!((group.role, group.operation), (Role::Request, Operation::Write));
}

#[test]
fn who_is_behind_a_router_is_told_by_network_and_host() {
    // From network 13, host 61, and to network 7, host 2, on another kind of network.
    let to = [1, 0x2c, 0, 7, 1, 2, 0, 13, 1, 61, 255];
    let asked = message(&link(0x0a, &[&to[..], &READ].concat())).unwrap();
    assert_eq!(asked.station, Some(7 << 8 | 2));
    let told = message(&link(0x0a, &[&to[..], &[0x10, 0]].concat())).unwrap();
    assert_eq!(told.station, Some(0x0d3d));
    let everywhere = [1, 0x20, 0xff, 0xff, 0, 255, 0x10, 8];
    assert_eq!(message(&link(0x0b, &everywhere)).unwrap().station, None);
    let of_six_bytes = [1, 0x08, 0, 9, 6, 1, 2, 3, 4, 5, 6, 0x10, 0];
    let npdu = Npdu::parse(&of_six_bytes).unwrap();
    assert_eq!(npdu.source, Some(Address { network: 9, host: None }));
    assert_eq!(message(&link(0x0b, &of_six_bytes)).unwrap().station, Some(9 << 8));
}

#[test]
fn what_a_broadcast_device_forwards_is_read_behind_its_origin() {
    let origin = [192, 0, 2, 7, 0xba, 0xc0];
    let told = message(&link(0x04, &[&origin[..], &[1, 0, 0x10, 8]].concat())).unwrap();
    assert_eq!(told.code, UNCONFIRMED | 8);
    assert_eq!(message(&link(0x04, &origin[..5])), None);
}

#[test]
fn the_link_and_the_network_layer_speak_for_themselves() {
    let results = [(0, None, None), (0x30, Some(118), Some("foreign device not registered"))];
    for (code, error, name) in results {
        let told = message(&link(0, &[0, code])).unwrap();
        assert_eq!((told.code, told.error), (LINK, error));
        assert_eq!(told.error.and_then(error_name), name);
    }
    let table = message(&link(1, &[192, 0, 2, 7, 0xba, 0xc0, 255, 255, 255, 255])).unwrap();
    assert_eq!((table.role, table.operation), (Role::Request, Operation::Write));
    let rejected = message(&link(0x0a, &[1, 0x80, 3, 1, 0, 13])).unwrap();
    assert_eq!((rejected.code, rejected.error), (NETWORK | 3, Some(110)));
    assert_eq!(rejected.error.and_then(error_name), Some("no route to the network"));
    let asked = message(&link(0x0b, &[1, 0x80, 0])).unwrap();
    assert_eq!((asked.role, asked.code, asked.error), (Role::Request, NETWORK, None));
}

#[test]
fn the_extent_is_known_from_the_fourth_byte_on() {
    for len in 0..I_AM.len() {
        let expected = if len < 4 { Extent::Short } else { Extent::Whole(I_AM.len()) };
        assert_eq!(extent(&I_AM[..len]), expected, "{len}");
    }
    for foreign in [&[0x82][..], &[0x81, 0x0d], &[0x81, 0x0a, 0, 3]] {
        assert_eq!(extent(foreign), Extent::Foreign, "{foreign:02x?}");
    }
}

#[test]
fn any_bytes_are_read_without_panic() {
    let routed = [&[1, 0x2c, 0, 7, 1, 2, 0, 13, 1, 61, 255][..], &READ].concat();
    for bytes in [&datagram(&READ), &ERROR.to_vec(), &I_AM.to_vec(), &link(0x0a, &routed)] {
        spoil(bytes, |bytes| {
            let _ = (extent(bytes), message(bytes));
        });
    }
}

#[test]
fn every_number_of_the_standard_has_a_name() {
    let codes = (0..34).chain((0..15).map(|service| UNCONFIRMED | service));
    for code in codes.chain([NETWORK | 0x12, LINK, PDU | 4, PDU | 6, PDU | 7]) {
        assert!(function_name(code).is_some(), "{code:#x}");
    }
    for code in [34, UNCONFIRMED | 15, NETWORK | 0x0a, PDU | 5, 0x500, 0xffff] {
        assert_eq!(function_name(code), None, "{code:#x}");
    }
}

#[test]
fn every_reason_has_an_error_code_with_a_name_of_its_own() {
    let reasons = (0..=9).map(refusal::of_reject).chain((0..=11).map(refusal::of_abort));
    let lower = (1..=6).map(refusal::of_network);
    let link = (1..=6).filter_map(|code| refusal::of_link(code << 4));
    let codes: Vec<_> = reasons.chain(lower).chain(link).collect();
    let names: BTreeSet<_> = codes.iter().map(|code| error_name(*code).unwrap()).collect();
    assert_eq!(names.len(), codes.len());
    for (code, name) in [
        (refusal::of_reject(4), "rejected: invalid tag"),
        (refusal::of_abort(10), "aborted: transaction timeout"),
        (refusal::of_abort(200), "aborted: proprietary reason"),
        (refusal::of_network(2), "router busy"),
    ] {
        assert_eq!(error_name(code), Some(name));
    }
}

proptest! {
    #[test]
    fn any_datagram_is_read(function in 0_u8..=0x0c, body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let bytes = link(function, &body);
        prop_assert_eq!(extent(&bytes), Extent::Whole(bytes.len()));
        if let Some(told) = message(&bytes) {
            prop_assert!(told.error.is_none() || told.role == Role::Response);
        }
    }
}
