//! A stream of IEC 60870-5-104: APDUs end where their lengths say, wherever the stream is cut, and
//! each that is whole is read.
//!
//! One byte chooses the cut. The rest was seen on the wire.

use infra_monitor::wire::iec104::{self, Apdu, HEADER_LEN, MAX_LEN};
use infra_monitor::wire::message::{Extent, Role};

pub(crate) fn run(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let cut = usize::from(*cut).min(stream.len());
    match (iec104::extent(&stream[..cut]), iec104::extent(stream)) {
        (Extent::Short, _) => (),
        (early, late) => assert_eq!(early, late, "at {cut}"),
    }
    let mut rest = stream;
    while let Extent::Whole(len) = iec104::extent(rest) {
        assert!((HEADER_LEN..=MAX_LEN).contains(&len));
        let Some((apdu, behind)) = rest.split_at_checked(len) else { break };
        read(apdu);
        rest = behind;
    }
    let _ = iec104::message(rest);
}

fn read(bytes: &[u8]) {
    match Apdu::parse(bytes) {
        Ok(Apdu::Information { send, receive, asdu }) => {
            assert!(send < 1 << 15 && receive < 1 << 15);
            assert_eq!(asdu.len() + HEADER_LEN, bytes.len());
            assert!(iec104::next(send) < 1 << 15);
        }
        Ok(Apdu::Supervisory { receive }) => assert!(receive < 1 << 15),
        Ok(Apdu::Unnumbered(_)) => (),
        Err(error) => panic!("{error} in what has an extent"),
    }
    let message = iec104::message(bytes).expect("what has an extent is read");
    assert!(message.error.is_none() || message.role == Role::Response);
}
