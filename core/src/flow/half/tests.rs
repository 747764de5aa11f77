use proptest::prelude::*;

use super::*;

/// What a segment was beside new bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Arrival {
    repeated: u32,
    is_conflict: bool,
}

/// A direction, and what it handed on: the bytes, with a `None` for each hole.
struct Heard {
    half: Half,
    pool: Pool,
    now_ns: u64,
    said: Vec<Option<u8>>,
    missing: u32,
    last: Arrival,
}

const FIRST: u32 = u32::MAX - 7; // it wraps around soon
const POOL: usize = 4096;

impl Heard {
    fn new() -> Self {
        let (half, pool) = (Half::default(), Pool::new(POOL));
        Self { half, pool, now_ns: 0, said: vec![], missing: 0, last: Arrival::default() }
    }

    /// After a SYN, so that the first byte is known.
    fn synchronised() -> Self {
        let mut heard = Self::new();
        heard.segment(FIRST.wrapping_sub(1), Flags::SYN, &[]);
        heard
    }

    fn segment(&mut self, sequence: u32, flags: u8, payload: &[u8]) {
        let segment = Segment { sequence, flags: Flags(flags), ..segment(payload) };
        let Self { half, pool, now_ns, said, missing, last } = self;
        let mut is_conflict = false;
        let mut note = note(said, missing);
        let repeated = half.accept(&segment, verified(*now_ns), pool, |piece| {
            is_conflict |= matches!(piece, Piece::Conflict { .. });
            note(piece);
        });
        *last = Arrival { repeated, is_conflict };
    }

    /// `payload` at an offset from the first byte.
    fn at(&mut self, offset: u32, payload: &[u8]) {
        self.segment(FIRST.wrapping_add(offset), Flags::ACK, payload);
    }

    fn acknowledge(&mut self, offset: u32) {
        self.half.on_acknowledgment(FIRST.wrapping_add(offset), self.now_ns);
    }

    fn wait(&mut self, ns: u64) {
        self.now_ns += ns;
        let Self { half, pool, now_ns, said, missing, .. } = self;
        half.give_up(*now_ns, pool, note(said, missing));
    }

    fn finish(&mut self) {
        let Self { half, pool, said, missing, .. } = self;
        half.finish(pool, note(said, missing));
    }

    /// The bytes, with a `.` for each hole.
    fn text(&self) -> String {
        self.said.iter().map(|byte| byte.map_or('.', char::from)).collect()
    }
}

fn verified(at_ns: u64) -> Seen {
    Seen { at_ns, is_verified: true }
}

fn segment(payload: &[u8]) -> Segment<'_> {
    Segment {
        source_port: 40_000,
        destination_port: 502,
        sequence: FIRST,
        acknowledgment: 0,
        flags: Flags(Flags::ACK),
        len: 20 + payload.len(),
        payload,
    }
}

fn note(said: &mut Vec<Option<u8>>, missing: &mut u32) -> impl FnMut(Piece<'_>) {
    |piece| match piece {
        Piece::Start | Piece::Conflict { .. } => (),
        Piece::Bytes { bytes, .. } => said.extend(bytes.iter().copied().map(Some)),
        Piece::Hole(n) => {
            said.push(None);
            *missing += n;
        }
    }
}

#[test]
fn what_comes_early_waits_for_what_is_before_it() {
    let mut heard = Heard::synchronised();
    heard.at(4, b"efgh");
    heard.at(8, b"ij");
    assert_eq!(heard.text(), "");
    heard.at(0, b"abcd");
    assert_eq!((heard.text().as_str(), heard.half.has_hole()), ("abcdefghij", false));
    assert_eq!(heard.pool.free(), POOL);
}

#[test]
fn bytes_that_the_other_side_has_and_we_never_saw_are_a_hole() {
    let mut heard = Heard::synchronised();
    heard.at(0, b"ab");
    heard.at(6, b"gh");
    heard.acknowledge(2);
    heard.wait(1);
    assert_eq!(heard.text(), "ab", "it is not acknowledged");
    heard.acknowledge(8);
    heard.wait(1);
    assert_eq!((heard.text().as_str(), heard.missing), ("ab.gh", 4));
    heard.acknowledge(12);
    heard.wait(ACKED_PATIENCE_NS - 1);
    assert!(heard.half.has_hole(), "nothing came behind it: it may be under way to us");
    heard.wait(1);
    heard.at(12, b"mn");
    assert_eq!((heard.text().as_str(), heard.missing), ("ab.gh.mn", 8));
}

#[test]
fn an_acknowledgment_that_is_seen_before_what_it_acknowledges_costs_nothing() {
    let mut heard = Heard::synchronised();
    for nth in 0..1000 {
        heard.acknowledge(nth * 2 + 4); // always ahead, by as much as two segments
        heard.at(nth * 2, b"ab");
        heard.wait(ACKED_PATIENCE_NS / 2);
    }
    assert_eq!((heard.said.len(), heard.missing), (2000, 0));
}

#[test]
fn only_what_is_acknowledged_is_given_up_before_its_time() {
    let mut heard = Heard::synchronised();
    heard.at(6, b"gh");
    heard.acknowledge(3);
    heard.wait(ACKED_PATIENCE_NS);
    assert_eq!((heard.text().as_str(), heard.missing), (".", 3));
    heard.at(3, b"def");
    assert_eq!(heard.text(), ".defgh");
}

#[test]
fn the_acknowledgment_of_a_fin_is_not_one_of_a_byte() {
    for is_fin_first in [true, false] {
        let mut heard = Heard::synchronised();
        heard.at(0, b"ab");
        let end = FIRST.wrapping_add(2);
        if is_fin_first {
            heard.segment(end, Flags::FIN | Flags::ACK, b"cd");
            heard.acknowledge(5);
        } else {
            heard.acknowledge(5);
            heard.segment(end, Flags::FIN | Flags::ACK, b"cd");
        }
        assert!(!heard.half.has_hole(), "{is_fin_first}");
        heard.finish();
        assert_eq!((heard.text().as_str(), heard.missing), ("abcd", 0));
    }
}

#[test]
fn bytes_are_dated_by_when_they_could_be_read() {
    let mut heard = Heard::synchronised();
    let mut dates = vec![];
    for (now_ns, offset) in [(1, 0_u32), (2, 8), (3, 4), (4, 2), (5, 20), (6, 18), (7, 30)] {
        let sequence = FIRST.wrapping_add(offset);
        let segment = Segment { sequence, ..segment(b"ab") };
        let Heard { half, pool, .. } = &mut heard;
        let mut visit = |piece: Piece<'_>| match piece {
            Piece::Bytes { seen, .. } => dates.push((now_ns, seen.at_ns)),
            Piece::Start | Piece::Hole(_) | Piece::Conflict { .. } => (),
        };
        half.accept(&segment, verified(now_ns), pool, &mut visit);
        if now_ns == 7 {
            half.finish(pool, visit);
        }
    }
    // What waited for a retransmission is dated by it, what waited in vain by itself.
    let now = [(1, 1), (4, 4), (4, 4), (7, 2), (7, 6), (7, 6), (7, 7)];
    assert_eq!(dates, now);
}

#[test]
fn a_hole_that_nobody_acknowledges_is_given_up_after_a_while() {
    let mut heard = Heard::synchronised();
    heard.at(2, b"c");
    heard.at(4, b"e");
    heard.wait(PATIENCE_NS - 1);
    assert_eq!(heard.text(), "");
    heard.wait(1);
    assert_eq!(heard.text(), ".c", "the second hole is met when the first is passed");
    heard.finish();
    assert_eq!((heard.text().as_str(), heard.missing), (".c.e", 3));
}

#[test]
fn a_repetition_is_dropped_and_one_that_says_something_else_is_noticed() {
    let mut heard = Heard::synchronised();
    heard.at(0, b"abcdef");
    heard.at(2, b"cdefgh");
    assert_eq!(heard.last, Arrival { repeated: 4, is_conflict: false });
    heard.at(2, b"cXef");
    assert_eq!(heard.last, Arrival { repeated: 4, is_conflict: true });
    heard.at(7, b"?");
    assert_eq!(heard.last, Arrival { repeated: 1, is_conflict: false }, "a keep-alive");
    assert_eq!(heard.text(), "abcdefgh");
}

#[test]
fn early_segments_that_contradict_each_other_are_noticed() {
    let mut heard = Heard::synchronised();
    heard.at(2, b"cdef");
    heard.at(2, b"cX");
    assert!(heard.last.is_conflict);
    heard.at(4, b"eY");
    heard.at(0, b"ab");
    assert!(heard.last.is_conflict);
    assert_eq!(heard.text(), "abcdef");
}

#[test]
fn another_stream_is_taken_up_and_the_old_one_finished() {
    let mut heard = Heard::synchronised();
    heard.at(0, b"ab");
    heard.at(4, b"ef");
    heard.at(1 << 24, b"xy");
    assert_eq!(heard.text(), "ab.ef.xy");
    heard.segment(7, Flags::SYN, b"");
    heard.segment(8, Flags::ACK, b"new");
    assert_eq!((heard.text().as_str(), heard.pool.free()), ("ab.ef.xynew", POOL));
}

#[test]
fn what_waits_is_bounded_in_one_direction_and_in_all_together() {
    let mut heard = Heard::synchronised();
    for nth in 0..100 {
        heard.at(2 + 2 * nth, b"x");
        assert!(heard.half.early.len() <= MAX_EARLY);
    }
    heard.finish();
    assert_eq!(heard.text(), ".x".repeat(100));
    let mut heard = Heard::synchronised();
    for nth in 0..8 {
        heard.at(2_000 * nth + 1, &[b'x'; 1_999]);
    }
    heard.finish();
    assert_eq!((heard.missing, heard.said.len()), (8, 8 * 2_000));
    assert_eq!(heard.pool.free(), POOL);
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![vec![]] };
    let shorter = permutations(last);
    let placed = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, last);
        order
    };
    shorter.iter().flat_map(|order| (0..n).map(move |at| placed(order, at))).collect()
}

#[test]
fn five_segments_in_any_order_are_the_same_bytes() {
    let parts: [&[u8]; 5] = [b"ab", b"cde", b"f", b"ghij", b"kl"];
    let starts = [0, 2, 5, 6, 10];
    let orders = permutations(5);
    assert_eq!(orders.len(), 120);
    for order in orders {
        let mut heard = Heard::synchronised();
        for nth in &order {
            heard.at(starts[*nth], parts[*nth]);
        }
        assert_eq!(heard.text(), "abcdefghijkl", "{order:?}");
    }
}

proptest! {
    #[test]
    fn overlapping_segments_in_any_order_are_the_same_bytes(
        cuts in proptest::collection::vec((0_usize..600, 1_usize..200), 1..40),
        order in any::<u64>(),
    ) {
        let stream: Vec<u8> = (0..600_u32).map(|at| (at * 7 % 251) as u8).collect();
        let mut segments: Vec<_> =
            cuts.iter().map(|(at, len)| (*at, &stream[*at..(at + len).min(600)])).collect();
        // So that nothing is missing in the end.
        segments.extend((0..30).map(|nth| (nth * 20, &stream[nth * 20..nth * 20 + 20])));
        let mut seed = order;
        for at in (1..segments.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            segments.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
        }
        let mut heard = Heard::synchronised();
        heard.pool = Pool::new(1 << 20);
        let mut is_conflict = false;
        for (at, bytes) in segments {
            heard.at(u32::try_from(at).unwrap(), bytes);
            is_conflict |= heard.last.is_conflict;
        }
        heard.finish();
        let bytes: Vec<_> = heard.said.iter().copied().flatten().collect();
        prop_assert!(!is_conflict);
        // More than fits may have waited; then there is a hole, and never a wrong byte.
        if heard.missing == 0 {
            prop_assert_eq!(bytes, stream);
        }
        prop_assert_eq!(heard.pool.free(), 1 << 20);
    }

    #[test]
    fn any_segments_are_survived_and_no_memory_is_lost(
        segments in proptest::collection::vec(
            (any::<u32>(), 0_u8..4, 0_usize..300, any::<u32>(), 0_u64..2_000_000_000), 0..60),
    ) {
        let mut heard = Heard::new();
        for (sequence, flags, len, acknowledgment, wait) in segments {
            let sequence = if flags == 3 { sequence } else { FIRST.wrapping_add(sequence % 4_000) };
            let flags = if flags == 2 { Flags::SYN } else { Flags::ACK };
            heard.segment(sequence, flags, &vec![0; len]);
            heard.half.on_acknowledgment(acknowledgment, heard.now_ns);
            heard.wait(wait);
        }
        heard.finish();
        prop_assert!(!heard.half.has_hole());
        prop_assert_eq!(heard.pool.free(), POOL);
    }

    #[test]
    fn a_segment_that_is_next_is_handed_on_the_same_on_the_short_way(
        steps in proptest::collection::vec(
            (0_u8..10, 0_usize..100, any::<u32>(), prop_oneof![4 => Just(Flags::ACK), 1 => 0_u8..4]),
            0..60,
        ),
    ) {
        let (mut short, mut long) = (Half::default(), Half::default());
        let [mut of_short, mut of_long] = [(); 2].map(|()| Pool::new(POOL));
        let mut next = FIRST;
        for (now_ns, (kind, len, shift, flags)) in (0..).zip(steps) {
            let sequence = match kind {
                0 => next.wrapping_add(shift % 300),
                1 => next.wrapping_sub(shift % 300),
                _ => next,
            };
            let payload = vec![shift.to_le_bytes()[0]; len];
            let segment = Segment { sequence, flags: Flags(flags), ..segment(&payload) };
            let (mut pieces, mut expected) = (vec![], vec![]);
            let mut repeated = 0;
            if short.accept_next(&segment) {
                pieces.push(format!("{:?}", Piece::Bytes { bytes: &payload, seen: verified(now_ns) }));
            } else if !segment.is_acknowledgment() {
                let pool = &mut of_short;
                let visit = |piece: Piece<'_>| pieces.push(format!("{piece:?}"));
                repeated = short.accept(&segment, verified(now_ns), pool, visit);
            }
            let visit = |piece: Piece<'_>| expected.push(format!("{piece:?}"));
            let as_ever = long.accept(&segment, verified(now_ns), &mut of_long, visit);
            prop_assert_eq!((pieces, repeated), (expected, as_ever));
            prop_assert_eq!(format!("{short:?}"), format!("{long:?}"));
            next = long.next.unwrap_or(next);
        }
    }
}
