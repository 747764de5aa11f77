use super::*;

/// A service chunk of channel 1, with a body.
fn service(body: &[u8]) -> Vec<u8> {
    chunk("MSGF", &[&[1, 0, 0, 0, 1, 0, 0, 0, 51, 0, 0, 0, 1, 0, 0, 0], body].concat())
}

fn chunk(letters: &str, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(HEADER_LEN + body.len()).unwrap();
    [letters.as_bytes(), &len.to_le_bytes()[..], body].concat()
}

fn said(role: Role, operation: Operation, code: u16, error: Option<u16>) -> Said {
    Said::Message(Message { role, operation, code, station: None, error })
}

#[test]
fn a_write_and_its_refusal_are_read() {
    let write = service(&[1, 0, 0xa1, 2]);
    let asked = said(Role::Request, Operation::Write, 673, None);
    assert_eq!(message(&write, Readable::Yes), asked);
    let header = |status: u32| [&[1, 0, 0xa4, 2][..], &[0; 12], &status.to_le_bytes()].concat();
    let refused = service(&header(0x801f_0000));
    let answer = said(Role::Response, Operation::Write, 673, Some(0x801f));
    assert_eq!(message(&refused, Readable::Perhaps), answer);
    assert_eq!(name(673), "Write");
    assert_eq!(error_name(0x801f), "BadUserAccessDenied");
    let granted = service(&header(0));
    let answer = said(Role::Response, Operation::Write, 673, None);
    assert_eq!(message(&granted, Readable::Yes), answer);
}

#[test]
fn a_request_for_news_is_no_read_whose_pace_says_something() {
    let publish = service(&[1, 0, 0x3a, 3]);
    let asked = said(Role::Request, Operation::Other, 826, None);
    assert_eq!(message(&publish, Readable::Yes), asked);
}

#[test]
fn what_is_encrypted_is_not_read() {
    let write = service(&[1, 0, 0xa1, 2]);
    assert_eq!(message(&write, Readable::No), Said::Hidden);
}

#[test]
fn a_chunk_says_where_it_ends_before_it_is_all_there() {
    let write = service(&[1, 0, 0xa1, 2]);
    for len in 0..HEADER_LEN {
        assert_eq!(extent(&write[..len]), Extent::Short, "{len}");
    }
    for len in HEADER_LEN..=write.len() {
        assert_eq!(extent(&write[..len]), Extent::Whole(write.len()), "{len}");
    }
    for foreign in [&b"GET"[..], b"M?", b"MSGX\x20\0\0\0", b"MSGF\x07\0\0\0"] {
        assert_eq!(extent(foreign), Extent::Foreign, "{foreign:?}");
    }
}

#[test]
fn every_prefix_of_a_chunk_is_judged_without_complaint() {
    let write = service(&[1, 0, 0xa1, 2]);
    for len in 0..write.len() {
        let _ = message(&write[..len], Readable::Perhaps);
    }
}
