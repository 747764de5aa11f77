//! A request and what came after it on a line: nothing is believed that does not answer it.
//!
//! Five bytes choose the request: function, address, quantity. The rest was received.

use infra_monitor::wire::modbus::reply::{self, Answer};
use infra_monitor::wire::modbus::request::{ReadRequest, Span};
use infra_monitor::wire::modbus::rtu::{self, Frame};

pub(crate) fn run(bytes: &[u8]) {
    let Some((request, received)) = bytes.split_first_chunk().map(|(head, rest)| (of(*head), rest))
    else {
        return;
    };
    let mut predicted = None;
    for len in 0..=received.len().min(rtu::MAX_LEN) {
        let prefix = received.get(..len).unwrap_or_default();
        match (predicted, rtu::reply_len(prefix)) {
            (Some(before), Ok(Some(now))) => assert_eq!(before, now, "more bytes, another length"),
            (Some(before), other) => panic!("{before} bytes, then {other:?}"),
            (None, Ok(now)) => predicted = now,
            (None, Err(_)) => break,
        }
    }
    let Ok(frame) = Frame::parse(received) else { return };
    let Ok(answer) = reply::prove(request, frame.pdu) else { return };
    assert_eq!(predicted, Some(received.len()), "a receiver would have waited for it");
    let (n_values, need) = match (answer, request) {
        (Answer::Registers(registers), ReadRequest::Holding(span) | ReadRequest::Input(span)) => {
            (registers.iter().count(), span.count)
        }
        (Answer::Bits(bits), ReadRequest::Coils(span) | ReadRequest::Discretes(span)) => {
            (bits.iter().count(), span.count)
        }
        (Answer::Echo, ReadRequest::Echo { .. }) | (Answer::Exception(_), _) => return,
        (answer, request) => panic!("{answer:?} to {request:?}"),
    };
    assert_eq!(n_values, usize::from(need));
}

fn of([function, a, b, c, d]: [u8; 5]) -> ReadRequest {
    let first = u16::from_be_bytes([a, b]);
    let quantity = u16::from_be_bytes([c, d]);
    let of_at_most = |max| Span { first, count: quantity % max + 1 };
    match function {
        1 => ReadRequest::Coils(of_at_most(2000)),
        2 => ReadRequest::Discretes(of_at_most(2000)),
        3 => ReadRequest::Holding(of_at_most(125)),
        4 => ReadRequest::Input(of_at_most(125)),
        _ => ReadRequest::Echo { nonce: quantity },
    }
}
