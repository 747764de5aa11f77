use proptest::prelude::*;

use super::*;

const BASIC: IdentifyRequest = IdentifyRequest::DeviceId { level: DeviceIdLevel::Basic, object: 0 };
const RECORD: IdentifyRequest = IdentifyRequest::FileRecord { file: 4, record: 1, count: 2 };
const QUEUE: IdentifyRequest = IdentifyRequest::FifoQueue { pointer: 0x04de };

/// Each request with its encoding, a good reply, and how many of the reply's leading bytes are
/// structure: what follows is the device's to say.
const EXCHANGES: [(IdentifyRequest, &[u8], &[u8], usize); 7] = [
    (IdentifyRequest::ExceptionStatus, &[7], &[7, 0x6d], 1),
    (IdentifyRequest::EventCounter, &[11], &[11, 0xff, 0xff, 1, 8], 1),
    (IdentifyRequest::EventLog, &[12], &[12, 8, 0, 0, 1, 8, 1, 0x21, 0x20, 0], 2),
    (IdentifyRequest::ServerId, &[17], &[17, 3, 0x2a, 0xff, 1], 2),
    (RECORD, &[20, 7, 6, 0, 4, 0, 1, 0, 2], &[20, 6, 5, 6, 0x0d, 0xfe, 0, 0x20], 4),
    (QUEUE, &[24, 0x04, 0xde], &[24, 0, 6, 0, 2, 1, 0xb8, 0x12, 0x84], 5),
    (BASIC, &[43, 14, 1, 0], &[43, 14, 1, 1, 0, 0, 2, 0, 2, b'A', b'B', 1, 1, b'C'], 3),
];

#[test]
fn requests_are_encoded_as_in_the_specification() {
    for (request, pdu, ..) in EXCHANGES {
        assert_eq!(request.pdu().as_bytes(), pdu);
    }
}

#[test]
fn replies_are_taken_apart() {
    let identities: Vec<_> =
        EXCHANGES.iter().map(|(request, _, reply, _)| prove(*request, reply).unwrap()).collect();
    assert_eq!(identities[0], Identity::ExceptionStatus(0x6d));
    assert_eq!(identities[1], Identity::EventCounter { status: 0xffff, n_events: 0x108 });
    let (n_events, n_messages, events) = (0x108, 0x121, &[0x20, 0][..]);
    assert_eq!(identities[2], Identity::EventLog { status: 0, n_events, n_messages, events });
    assert_eq!(identities[3], Identity::ServerId(&[0x2a, 0xff, 1]));
    assert_eq!(identities[4], Identity::FileRecord(&[0x0d, 0xfe, 0, 0x20]));
    assert_eq!(identities[5], Identity::FifoQueue(&[1, 0xb8, 0x12, 0x84]));
    let Identity::DeviceId(id) = identities[6] else { panic!("{:?}", identities[6]) };
    assert_eq!((id.conformity, id.next), (1, None));
    assert_eq!(id.objects().collect::<Vec<_>>(), [(0, &b"AB"[..]), (1, b"C")]);
}

#[test]
fn every_prefix_and_every_extension_is_refused() {
    for (request, _, reply, _) in EXCHANGES {
        for len in 0..reply.len() {
            assert!(prove(request, &reply[..len]).is_err(), "{request:?}: {len} bytes");
        }
        assert!(prove(request, &[reply, &[0]].concat()).is_err(), "{request:?}");
    }
}

#[test]
fn no_flipped_bit_of_the_structure_passes() {
    for (request, _, reply, n_structural) in EXCHANGES {
        for bit in 0..n_structural * 8 {
            let mut flipped = reply.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A reply to 7 has the length of a refusal, which says nothing that is wrong.
            let is_refused =
                matches!(prove(request, &flipped), Err(_) | Ok(Identity::Exception(_)));
            assert!(is_refused, "{request:?}: bit {bit}");
        }
    }
}

#[test]
fn no_flipped_byte_makes_it_panic() {
    for (request, _, reply, _) in EXCHANGES {
        for at in 0..reply.len() {
            for byte in 0..=255 {
                let mut flipped = reply.to_vec();
                flipped[at] = byte;
                if let Ok(Identity::DeviceId(id)) = prove(request, &flipped) {
                    assert_eq!(id.objects().count(), usize::from(id.n_objects));
                }
            }
        }
    }
}

#[test]
fn a_request_echoed_is_no_reply_and_an_exception_is_one() {
    for (request, pdu, ..) in EXCHANGES {
        assert!(prove(request, pdu).is_err(), "{request:?}");
        let refused = [request.function() | 0x80, 1];
        assert_eq!(prove(request, &refused), Ok(Identity::Exception(1)));
    }
}

fn any_request() -> impl Strategy<Value = IdentifyRequest> {
    use DeviceIdLevel::{Basic, Extended, Regular, Single};
    let level = prop::sample::select(vec![Basic, Regular, Extended, Single]);
    (0..7, any::<u16>(), any::<u16>(), any::<u8>(), level).prop_map(
        |(kind, file, record, count, level)| match kind {
            0 => IdentifyRequest::ExceptionStatus,
            1 => IdentifyRequest::EventCounter,
            2 => IdentifyRequest::EventLog,
            3 => IdentifyRequest::ServerId,
            4 => IdentifyRequest::FileRecord { file, record, count },
            5 => IdentifyRequest::FifoQueue { pointer: file },
            _ => IdentifyRequest::DeviceId { level, object: count },
        },
    )
}

proptest! {
    #[test]
    fn no_request_can_carry_a_writing_function(request in any_request()) {
        // 5, 6, 15, 16, 21, 22 and 23 write, and of 43 only interface 14 is known to read.
        let pdu = request.pdu();
        let bytes = pdu.as_bytes();
        prop_assert!([7, 11, 12, 17, 20, 24, 43].contains(&bytes[0]));
        prop_assert!(bytes[0] != 43 || bytes[1] == 14);
    }

    #[test]
    fn whatever_arrives_is_judged_without_a_panic(
        request in any_request(), pdu in proptest::collection::vec(any::<u8>(), 0..260),
    ) {
        if let Ok(Identity::DeviceId(id)) = prove(request, &pdu) {
            prop_assert_eq!(id.objects().count(), usize::from(id.n_objects));
        }
    }
}
