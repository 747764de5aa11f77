use proptest::prelude::*;

use super::*;
use crate::wire::fixture;

fn frame(command: u16, session: u32, status: u32, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap();
    let head = [command.to_le_bytes(), len.to_le_bytes()].concat();
    let ids = [session.to_le_bytes(), status.to_le_bytes()].concat();
    [&head, &ids[..], b"context!", &[0; 4], body].concat()
}

/// What CIP says, in the elements of a request without a connection.
fn unconnected(cip: &[u8]) -> Vec<u8> {
    let len = u16::try_from(cip.len()).unwrap().to_le_bytes();
    [&[0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0], &len[..], cip].concat()
}

/// The same as the seventh on a connection.
fn connected(cip: &[u8]) -> Vec<u8> {
    let len = u16::try_from(cip.len() + 2).unwrap().to_le_bytes();
    let address = [0, 0, 0, 0, 0, 0, 2, 0, 0xa1, 0, 4, 0, 1, 2, 3, 4, 0xb1, 0];
    [&address, &len[..], &[7, 0], cip].concat()
}

const GET_NAME: [u8; 8] = [0x0e, 3, 0x20, 1, 0x24, 1, 0x30, 7];
const IO_DATAGRAM: [u8; 24] =
    [2, 0, 2, 0x80, 8, 0, 1, 2, 3, 4, 9, 0, 0, 0, 0xb1, 0, 6, 0, 1, 0, 0, 0, 0, 0];

fn examples() -> Vec<Vec<u8>> {
    vec![
        frame(LIST_IDENTITY, 0, 0, &[]),
        frame(REGISTER_SESSION, 0, 0, &[1, 0, 0, 0]),
        frame(SEND_RR_DATA, 1, 0, &unconnected(&GET_NAME)),
        frame(SEND_UNIT_DATA, 1, 0, &connected(&[0x8e, 0, 8, 0])),
        frame(SEND_RR_DATA, 1, 0x64, &[]),
        IO_DATAGRAM.to_vec(),
    ]
}

fn read(bytes: &[u8]) -> (Role, Operation, u16, Option<u16>) {
    let Message { role, operation, code, error, .. } = message(bytes).unwrap();
    (role, operation, code, error)
}

#[test]
fn commands_without_cip_keep_a_session() {
    let session = Operation::Session;
    for (command, session_id, body, role) in [
        (LIST_IDENTITY, 0, &[][..], Role::Request),
        (LIST_IDENTITY, 0, &[1, 0], Role::Response),
        (LIST_SERVICES, 0, &[1, 0], Role::Response),
        (REGISTER_SESSION, 0, &[1, 0, 0, 0], Role::Request),
        (REGISTER_SESSION, 9, &[1, 0, 0, 0], Role::Response),
        (UNREGISTER_SESSION, 9, &[], Role::Request),
        (0, 9, &[], Role::Request),
    ] {
        let told = (role, session, 0x8000 | command, None);
        assert_eq!(read(&frame(command, session_id, 0, body)), told);
    }
    let refused = read(&frame(REGISTER_SESSION, 0, 0x69, &[1, 0, 0, 0]));
    assert_eq!(refused, (Role::Response, session, 0x8065, Some(0x8069)));
    assert_eq!(error_name(0x8069), Some("protocol version not supported"));
}

#[test]
fn cip_is_read_with_and_without_a_connection() {
    let asked = (Role::Request, Operation::Read, 0x0e, None);
    assert_eq!(read(&frame(SEND_RR_DATA, 1, 0, &unconnected(&GET_NAME))), asked);
    assert_eq!(read(&frame(SEND_UNIT_DATA, 1, 0, &connected(&GET_NAME))), asked);
    let refused = (Role::Response, Operation::Read, 0x0e, Some(8));
    let reply = frame(SEND_UNIT_DATA, 1, 0, &connected(&[0x8e, 0, 8, 0]));
    assert_eq!(read(&reply), refused);
    assert_eq!(
        (name(0x0e), error_name(8)),
        (Some("get attribute single"), Some("service not supported"))
    );
}

#[test]
fn a_refusal_by_the_encapsulation_names_the_command() {
    let refused = read(&frame(SEND_RR_DATA, 1, 0x64, &[]));
    assert_eq!(refused, (Role::Response, Operation::Session, 0x806f, Some(0x8064)));
    assert_eq!((name(0x806f), error_name(0x8064)), (Some("send request"), Some("invalid session")));
    assert_eq!(read(&frame(SEND_RR_DATA, 1, 0x1_0000, &[])).3, Some(0xffff));
    let empty = read(&frame(SEND_RR_DATA, 1, 0, &[0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(empty, (Role::Request, Operation::Other, 0x806f, None));
}

#[test]
fn an_answer_is_known_by_what_its_request_was_known_by() {
    let context = Some(u64::from_le_bytes(*b"context!"));
    assert_eq!(exchange(&frame(SEND_RR_DATA, 1, 0, &unconnected(&GET_NAME))), context);
    assert_eq!(exchange(&frame(SEND_RR_DATA, 1, 0x64, &[])), context);
    assert_eq!(exchange(&frame(SEND_UNIT_DATA, 1, 0, &connected(&GET_NAME))), Some(7));
    assert_eq!(exchange(&frame(REGISTER_SESSION, 1, 0, &[1, 0, 0, 0])), None);
}

#[test]
fn inputs_and_outputs_are_a_connection_and_what_it_carries() {
    let told = datagram(&IO_DATAGRAM).unwrap();
    assert_eq!((told.role, told.operation, told.code), (Role::Report, Operation::Other, IO));
    assert_eq!(datagram(&examples()[0]), message(&examples()[0]));
    let layer = Layer::EtherNetIp;
    let mut other = IO_DATAGRAM;
    other[2] = 0xa1;
    assert_eq!(datagram(&other), Err(WireError::UnknownCode { layer, code: 0xa1 }));
    let alone = [&[1], &IO_DATAGRAM[1..14]].concat();
    assert_eq!(datagram(&alone), Err(WireError::BadLength { layer, stated: 0, minimum: 2 }));
}

#[test]
fn a_frame_ends_where_its_length_says_if_it_can_be_one() {
    let whole = frame(SEND_RR_DATA, 1, 0, &unconnected(&GET_NAME));
    assert_eq!(extent(&whole), Extent::Whole(whole.len()));
    assert_eq!(extent(&whole[..HEADER_LEN]), Extent::Whole(whole.len()));
    for len in 0..HEADER_LEN {
        assert_eq!(extent(&whole[..len]), Extent::Short, "{len}");
    }
    assert_eq!(extent(&[0x6f, 1]), Extent::Foreign);
    let mut with_options = whole;
    with_options[20] = 1;
    assert_eq!(extent(&with_options), Extent::Foreign);
}

#[test]
fn spoiled_bytes_never_panic() {
    for example in examples() {
        fixture::spoil(&example, |bytes| {
            let _ = (extent(bytes), message(bytes), exchange(bytes), datagram(bytes));
        });
    }
}

proptest! {
    #[test]
    fn random_bytes_behind_any_header_are_read_without_a_panic(
        command in prop::sample::select(vec![0x04_u16, 0x63, 0x65, 0x6f, 0x70]),
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let frame = frame(command, 1, 0, &bytes);
        prop_assert_eq!(extent(&frame), Extent::Whole(frame.len()));
        let _ = (message(&frame), exchange(&frame), datagram(&bytes));
    }
}
