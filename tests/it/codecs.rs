//! A second and a third opinion on each reply: `rmodbus` and the client of `tokio-modbus`.
//!
//! What we believe, both believe, with the same values. What one of them believes and we do not
//! has a reason, and [`excuse`] holds all there are: what the others leave unchecked.

mod frames;
mod opinions;

use infra_monitor::wire::modbus::reply::NotTheAnswer;
use proptest::prelude::*;

use frames::{Carrier, Exchange};
use opinions::{Other, Refusal, ours, theirs};

/// Bytes that `tokio-modbus` gives up, one by one, looking for a frame after them.
const MAX_SKIPPED: usize = 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn replies_over_tcp_are_judged_as_others_judge_them(
        exchange in frames::exchanges(Carrier::Tcp),
    ) {
        compare(&exchange)?;
    }

    #[test]
    fn replies_on_a_line_are_judged_as_others_judge_them(
        exchange in frames::exchanges(Carrier::Rtu),
    ) {
        compare(&exchange)?;
    }

    #[test]
    fn requests_are_encoded_as_others_encode_them(exchange in frames::exchanges(Carrier::Tcp)) {
        for carrier in [Carrier::Tcp, Carrier::Rtu] {
            let exchange = Exchange { carrier, ..exchange.clone() };
            let frame = frames::wrap(&exchange, &exchange.request.pdu());
            prop_assert_eq!(&opinions::encoded_by_rmodbus(&exchange), &frame);
            prop_assert_eq!(&opinions::encoded_by_tokio_modbus(&exchange), &frame);
        }
    }
}

fn compare(exchange: &Exchange) -> Result<(), TestCaseError> {
    let ours = ours(exchange);
    for other in [Other::Rmodbus, Other::TokioModbus] {
        match (&ours, theirs(other, exchange)) {
            (Ok(ours), theirs) => prop_assert_eq!(theirs.as_ref(), Some(ours), "{:?}", other),
            (Err(_), None) => (),
            (Err(refusal), Some(theirs)) => {
                let excuse = excuse(other, exchange, refusal);
                prop_assert!(excuse.is_some(), "{other:?}: {theirs:?}, we: {refusal:?}");
            }
        }
    }
    Ok(())
}

/// What `other` does not check, where that is why it believes what we refuse.
fn excuse(other: Other, exchange: &Exchange, refusal: &Refusal) -> Option<&'static str> {
    let is_tcp = exchange.carrier == Carrier::Tcp;
    match (other, refusal) {
        (Other::Rmodbus, Refusal::Proof(NotTheAnswer::Function { .. })) => {
            Some("takes any other function for an exception")
        }
        (Other::Rmodbus, Refusal::Length | Refusal::Incomplete) if is_tcp => {
            Some("does not read the length in the MBAP header")
        }
        (Other::TokioModbus, Refusal::Length) if is_tcp => {
            Some("takes a length above 254 in the MBAP header")
        }
        (_, Refusal::Proof(NotTheAnswer::ByteCount { .. } | NotTheAnswer::Length { .. })) => {
            Some("leaves to its caller whether the reply has the quantity that was asked for")
        }
        (_, Refusal::Proof(NotTheAnswer::OwnRequest)) => Some("does not know echoes"),
        (Other::TokioModbus, _) if !is_tcp && holds_another_frame(&exchange.received) => {
            Some("looks for a frame anywhere in the bytes")
        }
        (Other::Rmodbus | Other::TokioModbus, _) => None,
    }
}

/// True if some but not all of the bytes are a frame.
fn holds_another_frame(bytes: &[u8]) -> bool {
    let starts = 0..=MAX_SKIPPED.min(bytes.len());
    let ends_of = |start| (start..=bytes.len()).map(move |end| start..end);
    let is_part = |range: &std::ops::Range<usize>| range.len() < bytes.len();
    let mut parts = starts.flat_map(ends_of).filter(is_part);
    parts.any(|range| infra_monitor::wire::modbus::rtu::Frame::parse(&bytes[range]).is_ok())
}
