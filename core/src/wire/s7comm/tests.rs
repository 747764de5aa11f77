use proptest::prelude::*;

use super::*;
use crate::wire::fixture;

/// An S7 PDU in one transport packet.
fn frame(pdu: &[u8]) -> Vec<u8> {
    packet(&[&[2, 0xf0, 0x80], pdu].concat())
}

fn packet(tpdu: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(tpkt::HEADER_LEN + tpdu.len()).unwrap().to_be_bytes();
    [&[3, 0, high, low], tpdu].concat()
}

fn job(parameters: &[u8], body: &[u8]) -> Vec<u8> {
    pdu(1, &[], parameters, body)
}

fn answer(refusal: u16, parameters: &[u8], body: &[u8]) -> Vec<u8> {
    pdu(3, &refusal.to_be_bytes(), parameters, body)
}

fn pdu(rosctr: u8, refusal: &[u8], parameters: &[u8], body: &[u8]) -> Vec<u8> {
    let [p0, p1] = u16::try_from(parameters.len()).unwrap().to_be_bytes();
    let [b0, b1] = u16::try_from(body.len()).unwrap().to_be_bytes();
    let header = [0x32, rosctr, 0, 0, 0x12, 0x34, p0, p1, b0, b1];
    frame(&[&header, refusal, parameters, body].concat())
}

fn userdata(sort: u8, subfunction: u8, refusal: &[u8]) -> Vec<u8> {
    let head = [0, 1, 0x12, 4, 0x11, sort, subfunction, 0];
    pdu(7, &[], &[&head[..], refusal].concat(), &[0xff, 9, 0, 0])
}

fn read(frame: &[u8]) -> (Role, Operation, u16, Option<u16>) {
    let Message { role, operation, code, error, .. } = message(frame).unwrap().unwrap();
    (role, operation, code, error)
}

/// Ten bytes of data block 1, as an operand of a request.
const OPERAND: [u8; 12] = [0x12, 10, 0x10, 2, 0, 10, 0, 1, 0x84, 0, 0, 0];

/// One frame of each sort.
fn examples() -> Vec<Vec<u8>> {
    vec![
        packet(&[17, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2]),
        packet(&[6, 0x80, 0, 1, 0, 0, 3]),
        job(&[0xf0, 0, 0, 1, 0, 1, 1, 0xe0], &[]),
        job(&[&[4, 1][..], &OPERAND].concat(), &[]),
        answer(0, &[4, 1], &[0xff, 4, 0, 16, 0xde, 0xad]),
        job(&[&[5, 1][..], &OPERAND].concat(), &[0, 4, 0, 8, 7]),
        answer(0, &[5, 2], &[0xff, 0x0a]),
        pdu(2, &[0xd2, 0x0c], &[], &[]),
        userdata(0x44, 1, &[]),
        userdata(0x83, 3, &[0, 0, 0xd2, 9]),
        frame(&[0x72, 1, 0, 4, 0x31, 0, 0, 0x04]),
    ]
}

#[test]
fn jobs_ask_for_what_their_function_is() {
    for (parameters, operation) in [
        (&[4, 0][..], Operation::Read),
        (&[5, 0], Operation::Write),
        (&[0x1a], Operation::Write),
        (&[0x1b], Operation::Session),
        (&[0x1c], Operation::Session),
        (&[0x1d], Operation::Read),
        (&[0x28], Operation::Command),
        (&[0x29], Operation::Command),
        (&[0xf0], Operation::Session),
        (&[0x33], Operation::Other),
    ] {
        let code = u16::from(parameters[0]);
        assert_eq!(read(&job(parameters, &[])), (Role::Request, operation, code, None));
        assert_eq!(read(&answer(0, parameters, &[])), (Role::Response, operation, code, None));
    }
}

#[test]
fn userdata_asks_answers_or_tells_by_group_and_subfunction() {
    for (sort, subfunction, expected) in [
        (0x44, 1, (Role::Request, Operation::Read, 0x7401, None)),
        (0x84, 1, (Role::Response, Operation::Read, 0x7401, None)),
        (0x04, 3, (Role::Report, Operation::Read, 0x7403, None)),
        (0x47, 2, (Role::Request, Operation::Write, 0x7702, None)),
        (0x41, 9, (Role::Request, Operation::Write, 0x7109, None)),
        (0x45, 1, (Role::Request, Operation::Session, 0x7501, None)),
        (0x7f, 1, (Role::Request, Operation::Write, 0x7f01, None)),
        (0x4a, 1, (Role::Request, Operation::Other, 0x7a01, None)),
    ] {
        assert_eq!(read(&userdata(sort, subfunction, &[])), expected);
    }
    let refused = read(&userdata(0x83, 3, &[0, 0, 0xd2, 9]));
    assert_eq!(refused, (Role::Response, Operation::Read, 0x7303, Some(0xd209)));
    let fine = read(&userdata(0x87, 2, &[2, 0, 0, 0]));
    assert_eq!(fine, (Role::Response, Operation::Write, 0x7702, None));
    let unknown = WireError::UnknownCode { layer: Layer::S7comm, code: 0x94 };
    assert_eq!(message(&userdata(0x94, 1, &[])), Err(unknown));
}

#[test]
fn the_first_operand_that_was_refused_is_told() {
    let bits = [0xff, 3, 0, 1, 1, 0];
    let words = [0xff, 4, 0, 24, 1, 2, 3, 0];
    let octets = [0xff, 9, 0, 3, 1, 2, 3, 0];
    let refused = [0x0a, 0, 0, 0];
    let worse = [5, 0, 0, 0];
    for (operands, error) in [
        (&[&bits[..], &words, &octets][..], None),
        (&[&bits[..], &words, &octets, &refused], Some(0x0a)),
        (&[&worse[..], &refused], Some(5)),
        (&[&octets[..], &worse[..1]], Some(5)),
        (&[&words[..7]], None), // the last is not filled up
    ] {
        let n_operands = u8::try_from(operands.len()).unwrap();
        let frame = answer(0, &[4, n_operands], &operands.concat());
        assert_eq!(read(&frame), (Role::Response, Operation::Read, 4, error), "{operands:?}");
    }
    for (codes, error) in [(&[0xff, 0xff][..], None), (&[0xff, 3, 0x0a], Some(3))] {
        let frame = answer(0, &[5, u8::try_from(codes.len()).unwrap()], codes);
        assert_eq!(read(&frame), (Role::Response, Operation::Write, 5, error));
    }
}

#[test]
fn a_refusal_of_the_whole_comes_before_that_of_an_operand() {
    let frame = answer(0x8104, &[5, 1], &[0x0a]);
    assert_eq!(read(&frame), (Role::Response, Operation::Write, 5, Some(0x8104)));
    let bare = read(&examples()[7]);
    assert_eq!(bare, (Role::Response, Operation::Other, 0xff, Some(0xd20c)));
}

#[test]
fn a_connection_says_which_slot_of_which_rack_it_is_for() {
    let called = |selector: &[u8]| {
        let len = u8::try_from(selector.len()).unwrap();
        let tpdu = [&[8 + len, 0xe0, 0, 0, 0, 1, 0, 0xc2, len][..], selector].concat();
        let message = message(&packet(&tpdu)).unwrap().unwrap();
        assert_eq!((message.operation, message.code), (Operation::Session, 0xe0));
        message.station
    };
    assert_eq!(called(&[1, 2]), Some(2));
    assert_eq!(called(&[3, 0x23]), Some(35));
    assert_eq!(called(b"SIMATIC-ROOT-ES"), None);
    assert_eq!(called(&[0x10, 2]), None);
    let refused = read(&examples()[1]);
    assert_eq!(refused, (Role::Response, Operation::Session, 0x80, Some(0xe003)));
}

#[test]
fn the_successor_is_named_and_not_judged() {
    let plus = |bytes: &[u8]| read(&frame(bytes));
    let said = |role| (role, Operation::Other, 0x72, None);
    assert_eq!(plus(&[0x72, 1, 0, 4, 0x31]), said(Role::Request));
    assert_eq!(plus(&[0x72, 2, 0, 4, 0x32]), said(Role::Response));
    let signed = [&[0x72, 3, 0, 40, 0x20][..], &[9; 0x20], &[0x32]].concat();
    assert_eq!(plus(&signed), said(Role::Response));
    assert_eq!(plus(&[0x72, 2, 0, 4, 0x33]), said(Role::Report));
    assert_eq!(plus(&[0x72, 0xff, 0, 0]), said(Role::Report));
    assert_eq!(function::name(0x72), Some("s7comm-plus"));
}

#[test]
fn what_is_no_pdu_is_told_from_what_says_nothing() {
    assert_eq!(message(&packet(&[2, 0xf0, 0])), Ok(None));
    let mms = WireError::UnknownCode { layer: Layer::S7comm, code: 0x0d };
    assert_eq!(message(&frame(&[0x0d, 1])), Err(mms));
    let begun = packet(&[2, 0xf0, 0, 0x32, 1, 0, 0, 0, 1, 0, 2, 0, 9, 4, 0]);
    assert!(is_continued(&begun) && !is_continued(&packet(&[2, 0xf0, 0])));
    assert_eq!(read(&begun), (Role::Request, Operation::Read, 4, None));
    assert_eq!((reference(&begun), reference(&examples()[0])), (Some(1), None));
}

#[test]
fn spoiled_bytes_never_panic() {
    for example in examples() {
        fixture::spoil(&example, |bytes| {
            let told = message(bytes);
            assert!(told.is_err() || extent(bytes) != Extent::Short);
            let _ = (is_continued(bytes), reference(bytes));
        });
    }
}

#[test]
fn the_beginning_of_a_frame_says_the_same_or_nothing() {
    for example in examples() {
        let whole = message(&example).unwrap().unwrap();
        let beginnings = (0..example.len()).filter_map(|len| message(&example[..len]).ok()?);
        for beginning in beginnings {
            let Message { role, operation, code, .. } = beginning;
            assert_eq!((role, operation, code), (whole.role, whole.operation, whole.code));
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_behind_any_header_are_read_without_a_panic(
        rosctr in 0..9_u8,
        parameters in proptest::collection::vec(any::<u8>(), 0..40),
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let _ = message(&pdu(rosctr, &[0, 0], &parameters, &body));
        let _ = message(&frame(&body));
        let _ = message(&packet(&body));
    }
}
