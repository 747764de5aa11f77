//! Whatever a stream is cut into, and whatever else is sent.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// However a stream is cut, repeated or overlapped in order, each ADU is read once.
    #[test]
    fn any_cut_of_a_stream_yields_its_adus(
        lens in proptest::collection::vec(1_usize..254, 1..20),
        cuts in proptest::collection::vec((1_usize..600, 0_usize..300), 1..40),
    ) {
        let adus = lens.iter().map(|len| adu(1, &vec![99; *len]));
        let stream = adus.collect::<Vec<_>>().concat();
        let mut wire = Wire::new();
        wire.send(SERVER, &values(1)); // known
        wire.segment(SERVER, -1, Flags::SYN | Flags::ACK, &[]);
        let mut at = 0;
        for (len, again) in cuts.iter().cycle() {
            let back = at.min(*again);
            let end = stream.len().min(at + len);
            wire.segment(SERVER, -i32::try_from(back).unwrap(), Flags::ACK, &stream[at - back..end]);
            wire.skip(SERVER, end - at);
            at = end;
            if at == stream.len() {
                break;
            }
        }
        prop_assert_eq!(wire.report.modbus.responses, 1 + lens.len() as u64);
        prop_assert_eq!(wire.report.modbus.unread, 0);
    }

    #[test]
    fn any_bytes_at_any_sequence_number_are_survived(
        segments in proptest::collection::vec(
            (0_usize..2, any::<i32>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..400)),
            1..50,
        ),
    ) {
        let mut wire = Wire::with_capacity(1);
        for (side, offset, flags, payload) in segments {
            wire.client_port = u16::from(flags);
            wire.segment(side, offset % 600, flags, &payload);
        }
        let (requests, responses, transactions) = wire.counts();
        prop_assert!(transactions <= requests.min(responses));
    }
}
