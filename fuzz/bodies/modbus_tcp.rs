//! A stream of Modbus/TCP replies: frames end where their header says, wherever the stream is cut,
//! and an answer has the quantity that was asked for.
//!
//! Two bytes choose the request for holding registers and the cut. The rest was received.

use infra_monitor::wire::modbus::mbap::{self, Mbap};
use infra_monitor::wire::modbus::pdu::{Direction, Pdu};
use infra_monitor::wire::modbus::reply::{self, Answer};
use infra_monitor::wire::modbus::request::{ReadRequest, Span};

pub(crate) fn run(bytes: &[u8]) {
    let Some(([count, cut], stream)) = bytes.split_first_chunk() else { return };
    let request = ReadRequest::Holding(Span { first: 0, count: u16::from(count % 125 + 1) });
    let whole = pdus(stream);
    let (pieces, rest) = pdus(stream.get(..usize::from(*cut)).unwrap_or(stream));
    assert_eq!(whole.0.get(..pieces.len()), Some(&pieces[..]), "{rest} bytes left");
    for pdu in whole.0 {
        assert!((1..=mbap::MAX_PDU).contains(&pdu.len()));
        for direction in [Direction::Request, Direction::Response] {
            assert!(Pdu::parse(direction, pdu).is_ok_and(|pdu| pdu.function < 0x80));
        }
        if let Ok(Answer::Registers(registers)) = reply::prove(request, pdu) {
            assert_eq!(request.byte_count(), Some(2 * registers.iter().count()));
        }
    }
}

/// The PDUs at the front of `stream`, and how many bytes are no frame yet or never will be.
fn pdus(mut stream: &[u8]) -> (Vec<&[u8]>, usize) {
    let mut found = vec![];
    while let Ok((mbap, rest)) = Mbap::parse(stream)
        && let Some(pdu) = mbap.pdu_len().and_then(|pdu_len| rest.get(..pdu_len))
    {
        found.push(pdu);
        stream = rest.get(pdu.len()..).unwrap_or_default();
    }
    (found, stream.len())
}
