use std::time::Duration;

use crate::config::Device;
use crate::tag::{Algorithm, ByteOrder, Order, Type};
use crate::wire::modbus::request::Span;

use super::*;

fn range(first: u16, count: u16) -> RegisterRange {
    RegisterRange { table: Table::Holding, first, count }
}

fn at(index: u16) -> Address {
    Address { table: Table::Holding, index, bit: None }
}

fn kept(index: u16, kind: Type) -> Expect {
    Expect::Kept(Registers { address: at(index), kind, order: Order::Cdab })
}

fn sum16(over: Vec<RegisterRange>, expect: Expect, sequence: Option<u16>) -> Checksum {
    let algorithm = Algorithm::Sum16;
    Checksum { algorithm, over, order: ByteOrder::Big, expect, sequence: sequence.map(at) }
}

fn device(checksum: Checksum, max_registers: u16) -> Device {
    let word = |index| Arc::new(Tag::new(&format!("w{index}"), at(index), Type::Word));
    let tags = [100, 103, 200, 300].map(word).to_vec();
    let checksum = Some(Arc::new(checksum));
    Device { max_registers, tags, checksum, ..Device::new("d", 1) }
}

/// First register and count of each request.
fn spans(requests: &[ReadRequest]) -> Vec<(u16, u16)> {
    let span = |request: &ReadRequest| match request {
        ReadRequest::Holding(Span { first, count }) => (*first, *count),
        ReadRequest::Input(_)
        | ReadRequest::Coils(_)
        | ReadRequest::Discretes(_)
        | ReadRequest::Echo { .. } => panic!("the block is of holding registers"),
    };
    requests.iter().map(span).collect()
}

fn spans_of(checksum: Checksum, max_registers: u16) -> Vec<(u16, u16)> {
    spans(Guard::of(&device(checksum, max_registers)).unwrap().requests())
}

/// Replies in which each register is what `memory` makes of its index.
fn replies(guard: &Guard, memory: impl Fn(u16) -> u16) -> Vec<Reply> {
    let reply = |(first, count): (u16, u16)| Reply {
        values: Values::Registers((first..first + count).map(&memory).collect()),
        arrived: Instant::now(),
        latency: Duration::ZERO,
        confidence: Confidence::Proven,
        transaction: None,
    };
    spans(guard.requests()).into_iter().map(reply).collect()
}

#[test]
fn data_and_checksum_share_a_request_where_they_fit() {
    let at_120 = || kept(120, Type::Word);
    assert_eq!(spans_of(sum16(vec![range(100, 20)], at_120(), None), 125), [(100, 21)]);
    assert_eq!(
        spans_of(sum16(vec![range(100, 20)], kept(128, Type::Dword), None), 125),
        [(100, 30)]
    );
    assert_eq!(
        spans_of(sum16(vec![range(100, 20)], kept(129, Type::Word), None), 125),
        [(100, 20), (129, 1)]
    );
    assert_eq!(spans_of(sum16(vec![range(100, 20)], at_120(), None), 16), [(100, 16), (116, 5)]);
    let wide = vec![range(100, 300)];
    assert_eq!(
        spans_of(sum16(wide, kept(99, Type::Word), None), 125),
        [(99, 125), (224, 125), (349, 51)]
    );
    assert_eq!(spans_of(sum16(vec![range(100, 4)], Expect::Constant(1), None), 125), [(100, 4)]);
}

#[test]
fn a_sequence_is_read_before_everything_and_after_it() {
    let block = || (vec![range(100, 20)], kept(120, Type::Word));
    for (sequence, max_registers, expected) in [
        // Behind the block: its copy is the later one.
        (121, 125, vec![(121, 1), (100, 22)]),
        // Before it: the earlier one.
        (99, 125, vec![(99, 22), (99, 1)]),
        // It would cost a request, or make two of one.
        (140, 125, vec![(140, 1), (100, 21), (140, 1)]),
        (121, 21, vec![(121, 1), (100, 21), (121, 1)]),
    ] {
        let (over, expect) = block();
        let spans = spans_of(sum16(over, expect, Some(sequence)), max_registers);
        assert_eq!(spans, expected, "{sequence} {max_registers}");
    }
    let between = sum16(vec![range(100, 4), range(106, 4)], kept(110, Type::Word), Some(105));
    assert_eq!(spans_of(between, 125), [(105, 1), (100, 11), (105, 1)]);
}

#[test]
fn only_tags_inside_are_read_with_the_block() {
    let checksum = sum16(vec![range(200, 1), range(100, 4)], Expect::Constant(0), None);
    let device = device(checksum, 125);
    let guard = Guard::of(&device).unwrap();
    let places = guard.slots().iter().map(|slot| (&*slot.tag.name, slot.place.clone()));
    assert_eq!(places.collect::<Vec<_>>(), [("w100", 1..2), ("w103", 4..5), ("w200", 0..1)]);
    let outside: Vec<_> = unguarded(&device).iter().map(|tag| tag.name.to_string()).collect();
    assert_eq!(outside, ["w300"]);
}

#[test]
fn every_request_that_is_sent_is_among_those_a_probe_differs_from() {
    for sequence in [None, Some(99), Some(105), Some(121), Some(900)] {
        let checksum = sum16(vec![range(100, 20)], kept(128, Type::Word), sequence);
        let device = device(checksum, 7);
        let possible = possible_requests(&device);
        let mut guard = Guard::of(&device).unwrap();
        loop {
            assert!(guard.requests().iter().all(|request| possible.contains(request)));
            if guard.on_refusal(2, Instant::now()) != Prospect::InParts {
                break;
            }
        }
        assert!(possible.contains(&ReadRequest::Holding(Span { first: 300, count: 1 })));
    }
}

#[test]
fn a_block_of_several_requests_is_summed_as_one() {
    let memory = |index: u16| if index == 120 { 109 * 20 + 10 } else { index };
    let guard =
        Guard::of(&device(sum16(vec![range(100, 20)], kept(120, Type::Word), None), 7)).unwrap();
    assert_eq!(guard.requests().len(), 3);
    let judged = guard.judge(&replies(&guard, memory));
    assert_eq!(judged.verdict, Verdict::Valid);
    assert_eq!(judged.block, Values::Registers((100..120).collect()));
    let off_by_one = |index| if index == 113 { 114 } else { memory(index) };
    let Verdict::Invalid(found) = guard.judge(&replies(&guard, off_by_one)).verdict else {
        panic!("one register is wrong")
    };
    assert_eq!((found.stored, found.computed, found.block.len()), (2190, 2191, 40));
}

#[test]
fn a_checksum_of_two_registers_is_put_together_in_its_order() {
    let crc32 = Checksum {
        algorithm: Algorithm::Crc32,
        ..sum16(vec![range(100, 2)], kept(102, Type::Dword), None)
    };
    // CRC-32 of "1234" is 0x9be3e0a3; the less significant word comes first.
    let memory = |index: u16| [0x3132, 0x3334, 0xe0a3, 0x9be3][usize::from(index - 100)];
    let guard = Guard::of(&device(crc32, 125)).unwrap();
    assert_eq!(guard.judge(&replies(&guard, memory)).verdict, Verdict::Valid);
}

#[test]
fn a_doubtful_reply_is_not_summed_and_a_missing_one_proves_nothing() {
    let guard =
        Guard::of(&device(sum16(vec![range(100, 20)], Expect::Constant(0), None), 7)).unwrap();
    let mut received = replies(&guard, |_| 0);
    assert_eq!(guard.judge(&received).verdict, Verdict::Valid);
    received[1].confidence = Confidence::Unsettled;
    assert_eq!(guard.judge(&received).verdict, Verdict::Doubtful(Confidence::Unsettled));
    received.remove(1);
    assert_eq!(guard.judge(&received).verdict, Verdict::Incomplete);
}

#[test]
fn a_sequence_that_changed_outweighs_a_sum_that_happens_to_match() {
    let checksum = sum16(vec![range(100, 20)], Expect::Constant(0), Some(99));
    let guard = Guard::of(&device(checksum, 125)).unwrap();
    let mut received = replies(&guard, |_| 0);
    received[1].values = Values::Registers(vec![1]);
    let verdict = guard.judge(&received).verdict;
    assert_eq!(verdict, Verdict::Torn(0, 1));
    let another = [1, 2, 3].map(|n_passes| guard.deserves_another(&verdict, n_passes));
    assert_eq!(another, [true, true, false]);
}

#[test]
fn a_mismatch_gets_a_second_chance_only_where_the_block_may_have_been_written_meanwhile() {
    for (sequence, max_registers, chances) in
        [(None, 125, [false, false]), (None, 7, [true, false]), (Some(99), 7, [false, false])]
    {
        let checksum = sum16(vec![range(100, 20)], Expect::Constant(1), sequence);
        let guard = Guard::of(&device(checksum, max_registers)).unwrap();
        let verdict = guard.judge(&replies(&guard, |_| 0)).verdict;
        let another = [1, 2].map(|n_passes| guard.deserves_another(&verdict, n_passes));
        assert_eq!(another, chances, "{sequence:?} {max_registers}");
    }
}

#[test]
fn a_block_that_is_refused_is_asked_for_in_parts_and_then_more_rarely() {
    let mut guard =
        Guard::of(&device(sum16(vec![range(100, 20)], kept(120, Type::Word), None), 125)).unwrap();
    let now = Instant::now();
    assert_eq!(guard.on_refusal(2, now), Prospect::InParts);
    assert_eq!(spans(guard.requests()), [(100, 20), (120, 1)]);
    assert_eq!(guard.on_refusal(2, now), Prospect::NextTurn);
    assert_eq!(guard.on_refusal(2, now), Prospect::NextTurn);
    assert!(matches!(guard.on_refusal(2, now), Prospect::Again(_)));
    assert!(guard.resting(now).is_some());
    guard.on_answer();
    assert_eq!(guard.resting(now), None);
}
