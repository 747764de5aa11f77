use proptest::prelude::*;

use super::*;
use crate::wire::fixture;

/// Paths: the identity of a device, the connection manager, the router, the tag `pump`.
const IDENTITY: [u8; 4] = [0x20, 1, 0x24, 1];
const MANAGER: [u8; 4] = [0x20, 6, 0x24, 1];
const ROUTER: [u8; 4] = [0x20, 2, 0x24, 1];
const PUMP: [u8; 6] = [0x91, 4, b'p', b'u', b'm', b'p'];

fn request(service: u8, path: &[u8], body: &[u8]) -> Vec<u8> {
    let n_words = u8::try_from(path.len() / 2).unwrap();
    [&[service, n_words], path, body].concat()
}

fn reply(service: u8, status: u8, body: &[u8]) -> Vec<u8> {
    [&[service | REPLY, 0, status, 0], body].concat()
}

fn several(services: &[Vec<u8>]) -> Vec<u8> {
    let mut body = u16::try_from(services.len()).unwrap().to_le_bytes().to_vec();
    let mut at = 2 + 2 * services.len();
    for service in services {
        body.extend(u16::try_from(at).unwrap().to_le_bytes());
        at += service.len();
    }
    [body, services.concat()].concat()
}

/// Through a router, to what is in this slot.
fn routed(inner: &[u8], slot: u8) -> Vec<u8> {
    let len = u16::try_from(inner.len()).unwrap().to_le_bytes();
    let pad = vec![0; inner.len() % 2];
    let body = [&[10, 14, len[0], len[1]], inner, &pad, &[1, 0, 1, slot]].concat();
    request(0x52, &MANAGER, &body)
}

fn read(bytes: &[u8]) -> (Role, Operation, u16, Option<u16>) {
    let Message { role, operation, code, error, .. } = message(bytes).unwrap();
    (role, operation, code, error)
}

fn examples() -> Vec<Vec<u8>> {
    let write = request(0x4d, &PUMP, &[0xc4, 0, 1, 0, 7, 0, 0, 0]);
    vec![
        request(0x0e, &[0x20, 1, 0x24, 1, 0x30, 7], &[]),
        reply(0x0e, 0, b"\x04pump"),
        request(0x54, &MANAGER, &[10, 14, 0, 0, 0, 0]),
        routed(&write, 3),
        request(0x0a, &ROUTER, &several(&[request(0x4c, &PUMP, &[1, 0]), write])),
        reply(0x0a, 0x1e, &several(&[reply(0x4c, 0, &[0xc4, 0]), reply(0x4d, 8, &[])])),
    ]
}

#[test]
fn services_are_told_by_what_they_are_for() {
    for (service, path, operation, code) in [
        (0x01, &IDENTITY[..], Operation::Read, 0x01),
        (0x10, &IDENTITY, Operation::Write, 0x10),
        (0x05, &IDENTITY, Operation::Command, 0x05),
        (0x54, &MANAGER, Operation::Session, 0x0654),
        (0x4e, &MANAGER, Operation::Session, 0x064e),
        (0x4c, &PUMP, Operation::Read, 0x4c),
        (0x4d, &PUMP, Operation::Write, 0x4d),
        (0x53, &PUMP, Operation::Write, 0x53),
        (0x4d, &IDENTITY, Operation::Other, 0x7f4d),
    ] {
        assert_eq!(read(&request(service, path, &[])), (Role::Request, operation, code, None));
    }
}

#[test]
fn a_status_other_than_success_or_partial_is_a_refusal() {
    for (status, error) in [(0, None), (6, None), (5, Some(5)), (0xff, Some(0xff))] {
        let told = (Role::Response, Operation::Read, 0x4c, error);
        assert_eq!(read(&reply(0x4c, status, &[])), told);
    }
    let routing = read(&[0xd2, 0, 1, 1, 4, 2, 0]); // with an extended status: a time-out
    assert_eq!(routing, (Role::Response, Operation::Session, 0x0652, Some(1)));
}

#[test]
fn what_is_sent_through_a_router_is_told_with_the_slot_it_is_for() {
    let write = request(0x4d, &PUMP, &[0xc4, 0, 1, 0, 7]);
    for inner in [write.clone(), write[..write.len() - 1].to_vec()] {
        let message = message(&routed(&inner, 3)).unwrap();
        assert_eq!((message.operation, message.code), (Operation::Write, 0x4d));
        assert_eq!(message.station, Some(3));
    }
    let twice = message(&routed(&routed(&write, 3), 1)).unwrap();
    assert_eq!((twice.operation, twice.code), (Operation::Session, 0x0652));
    assert_eq!(twice.station, Some(1));
}

#[test]
fn of_several_services_the_gravest_is_told() {
    let reading = || request(0x4c, &PUMP, &[1, 0]);
    let writing = || request(0x4d, &PUMP, &[0xc4, 0, 1, 0, 7, 0]);
    let resetting = || request(0x05, &IDENTITY, &[]);
    for (asked, operation, code) in [
        (vec![reading(), reading()], Operation::Read, 0x4c),
        (vec![reading(), writing(), reading()], Operation::Write, 0x4d),
        (vec![writing(), resetting(), reading()], Operation::Command, 0x05),
        (vec![], Operation::Other, 0x0a),
    ] {
        let packet = request(0x0a, &ROUTER, &several(&asked));
        assert_eq!(read(&packet), (Role::Request, operation, code, None));
        assert_eq!(services(&packet[6..]).count(), asked.len());
    }
}

#[test]
fn of_several_answers_the_first_refusal_is_told() {
    let [fine, written] = [reply(0x4c, 0, &[0xc4, 0]), reply(0x4d, 0, &[])];
    let [refused, worse] = [reply(0x4c, 5, &[]), reply(0x4d, 0xff, &[])];
    let told = |status, answers: &[Vec<u8>]| read(&reply(0x0a, status, &several(answers)));
    let all = told(0, &[fine.clone(), written]);
    assert_eq!(all, (Role::Response, Operation::Write, 0x4d, None));
    let some = told(0x1e, &[fine, refused, worse]);
    assert_eq!(some, (Role::Response, Operation::Read, 0x4c, Some(5)));
    let none = told(8, &[]);
    assert_eq!(none, (Role::Response, Operation::Other, 0x0a, Some(8)));
}

#[test]
fn services_that_do_not_lie_one_behind_the_other_end_the_packet() {
    let asked = [request(0x4c, &PUMP, &[1, 0]), request(0x05, &IDENTITY, &[])];
    let mut body = several(&asked);
    assert_eq!(services(&body).collect::<Vec<_>>(), asked);
    body[4..6].copy_from_slice(&[6, 0]); // the second begins with the first
    assert_eq!(services(&body).map(<[_]>::len).collect::<Vec<_>>(), [0]);
    let hostile = [0xff, 0xff].repeat(500);
    assert_eq!(services(&hostile).count(), 0);
}

#[test]
fn commands_of_older_controllers_are_looked_into() {
    let pccc = |function| {
        let command = [7, 0x4d, 0, 1, 2, 3, 4, 0x0f, 0, 1, 0, function];
        read(&request(0x4b, &[0x20, 0x67, 0x24, 1], &command))
    };
    assert_eq!(pccc(0xa2), (Role::Request, Operation::Read, 0x4b, None));
    assert_eq!(pccc(0xaa), (Role::Request, Operation::Write, 0x4b, None));
    assert_eq!(pccc(0x80), (Role::Request, Operation::Command, 0x4b, None));
}

#[test]
fn spoiled_bytes_never_panic() {
    for example in examples() {
        fixture::spoil(&example, |bytes| {
            let _ = message(bytes);
        });
    }
}

#[test]
fn the_beginning_of_a_message_says_who_speaks_or_nothing() {
    for example in examples() {
        let whole = message(&example).unwrap();
        let beginnings = (0..example.len()).filter_map(|len| message(&example[..len]).ok());
        assert!(beginnings.into_iter().all(|beginning| beginning.role == whole.role));
    }
}

proptest! {
    #[test]
    fn random_bytes_behind_any_service_are_read_without_a_panic(
        service in any::<u8>(),
        n_words in 0..8_u8,
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let _ = message(&[&[service, n_words], &bytes[..]].concat());
        let _ = message(&request(0x0a, &ROUTER, &bytes));
        let _ = message(&request(0x52, &MANAGER, &bytes));
        prop_assert!(services(&bytes).map(<[_]>::len).sum::<usize>() <= bytes.len());
    }
}
