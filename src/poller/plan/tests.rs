use proptest::prelude::*;

use crate::tag::Address;
use crate::tag::Type;

use super::*;

const FULL: Size = Size { max_registers: MAX_REGISTERS };

fn tag(table: Table, index: u16, kind: Type) -> Arc<Tag> {
    let bit = (kind == Type::Bool && !table.is_bit()).then_some(3);
    Arc::new(Tag::new("t", Address { table, index, bit }, kind))
}

fn words(indices: &[u16]) -> Vec<Arc<Tag>> {
    indices.iter().map(|index| tag(Table::Holding, *index, Type::Word)).collect()
}

fn spans(tags: &[Arc<Tag>], merge: Merge) -> Vec<(u16, u16)> {
    let blocks = Plan::new(tags, merge, FULL).blocks;
    blocks.iter().map(|block| span(block.request)).map(|span| (span.first, span.count)).collect()
}

fn span(request: ReadRequest) -> Span {
    match request {
        ReadRequest::Coils(span)
        | ReadRequest::Discretes(span)
        | ReadRequest::Holding(span)
        | ReadRequest::Input(span) => span,
        ReadRequest::Echo { .. } => panic!("a plan only reads"),
    }
}

#[test]
fn adjacent_and_nearly_adjacent_tags_share_a_request() {
    assert_eq!(spans(&words(&[100, 101, 109, 119]), Merge::Near), [(100, 10), (119, 1)]);
    assert_eq!(spans(&words(&[100, 101, 109]), Merge::Adjacent), [(100, 2), (109, 1)]);
    assert_eq!(spans(&words(&[100, 101]), Merge::Inside), [(100, 1), (101, 1)]);
}

#[test]
fn tables_never_share_a_request() {
    let tags = [
        tag(Table::Holding, 0, Type::Real),
        tag(Table::Input, 2, Type::Int),
        tag(Table::Coil, 3, Type::Bool),
        tag(Table::Discrete, 4, Type::Bool),
    ];
    assert_eq!(Plan::new(&tags, Merge::Near, FULL).blocks.len(), 4);
}

#[test]
fn bits_of_one_register_share_it_even_when_nothing_else_is_merged() {
    let bit = |bit| Address { table: Table::Holding, index: 7, bit: Some(bit) };
    let tags: Vec<_> = (0..16).map(|n| Arc::new(Tag::new("t", bit(n), Type::Bool))).collect();
    assert_eq!(spans(&tags, Merge::Inside), [(7, 1)]);
}

#[test]
fn the_end_of_the_table_is_read_and_never_passed() {
    let last = tag(Table::Holding, 65_534, Type::Real);
    assert_eq!(spans(&[last], Merge::Near), [(65_534, 2)]);
    let beyond = tag(Table::Holding, 65_535, Type::Real);
    assert_eq!(Plan::new(&[beyond], Merge::Near, FULL).unreadable.len(), 1);
}

#[test]
fn a_tag_too_long_for_a_request_is_named_and_not_read_in_pieces() {
    let plan = Plan::new(&[tag(Table::Holding, 0, Type::String(255))], Merge::Near, FULL);
    assert_eq!((plan.blocks.len(), plan.unreadable.len()), (0, 1));
}

#[test]
fn a_weak_controller_is_asked_for_less_at_a_time() {
    let weak = Size::new(4);
    let plan = Plan::new(&words(&[0, 1, 2, 3, 4, 5, 9]), Merge::Near, weak);
    let counts: Vec<_> = plan.blocks.iter().map(|block| span(block.request).count).collect();
    assert_eq!(counts, [4, 2, 1]);
    let coil = |index| tag(Table::Coil, index, Type::Bool);
    assert_eq!(Plan::new(&[coil(0), coil(63), coil(64)], Merge::Near, weak).blocks.len(), 2);
    let long = tag(Table::Holding, 0, Type::String(10));
    assert_eq!(Plan::new(&[long], Merge::Near, weak).unreadable.len(), 1);
}

#[test]
fn a_refused_block_is_split_down_to_single_tags() {
    let plan = Plan::new(&words(&[10, 11, 15]), Merge::Near, FULL);
    let halves = plan.blocks[0].split().unwrap();
    assert_eq!(halves.iter().map(|block| span(block.request).count).collect::<Vec<_>>(), [2, 1]);
    let single = halves[0].split().unwrap();
    assert_eq!(single.len(), 2);
    assert_eq!(single[0].split(), None);
    let possible: Vec<_> = possible_requests(&words(&[10, 11, 15]), FULL).collect();
    assert!(halves.iter().chain(&single).all(|block| possible.contains(&block.request)));
}

fn any_tag() -> impl Strategy<Value = Arc<Tag>> {
    let tables = vec![Table::Coil, Table::Discrete, Table::Input, Table::Holding];
    let kinds = vec![Type::Bool, Type::Word, Type::Real, Type::Lreal, Type::String(40)];
    let index = prop_oneof![0_u16..400, any::<u16>(), 65_500_u16..=65_535];
    (prop::sample::select(tables), index, prop::sample::select(kinds)).prop_map(
        |(table, index, kind)| tag(table, index, if table.is_bit() { Type::Bool } else { kind }),
    )
}

#[test]
fn a_tag_that_lies_in_no_table_is_named_and_not_read() {
    let node = Tag::at("t", "ns=2;s=Pump".parse::<crate::tag::NodeId>().unwrap().into());
    let plan = Plan::new(&[Arc::new(node)], Merge::Near, FULL);
    assert_eq!((plan.blocks.len(), plan.unreadable.len()), (0, 1));
}

proptest! {
    #[test]
    fn every_tag_is_covered_exactly_once_within_the_limits(
        tags in proptest::collection::vec(any_tag(), 0..200),
        merge in prop::sample::select(&Merge::ALL[..]),
    ) {
        let plan = Plan::new(&tags, merge, FULL);
        let covered: usize = plan.blocks.iter().map(|block| block.tags.len()).sum();
        prop_assert_eq!(covered + plan.unreadable.len(), tags.len());
        for tag in &tags {
            let slots = plan.blocks.iter().flat_map(|block| &block.tags);
            let n_slots = slots.filter(|slot| Arc::ptr_eq(&slot.tag, tag)).count();
            let n_unreadable = plan.unreadable.iter().filter(|other| Arc::ptr_eq(other, tag)).count();
            prop_assert_eq!(n_slots + n_unreadable, 1);
        }
        for block in &plan.blocks {
            let Span { first, count } = span(block.request);
            let limit = if block.request.function() < 3 { MAX_BITS } else { MAX_REGISTERS };
            prop_assert!((1..=limit).contains(&count));
            prop_assert!(u32::from(first) + u32::from(count) <= TABLE_LEN);
            for slot in &block.tags {
                let start = usize::from(slot.registers.address.index - first);
                prop_assert_eq!(&slot.place, &(start..start + usize::from(slot.registers.span())));
                prop_assert!(slot.place.end <= usize::from(count));
            }
        }
    }

    #[test]
    fn ranges_are_read_whole_and_each_register_once(
        ranges in proptest::collection::vec((any::<bool>(), 0_u16..700, 1_u16..300), 1..8),
        at_the_end in any::<bool>(),
        merge in prop::sample::select(&Merge::ALL[..]),
        max_registers in 1_u16..=125,
    ) {
        let base = if at_the_end { u16::MAX - 999 } else { 0 };
        let range = |(is_input, first, count): &(bool, u16, u16)| {
            let table = if *is_input { Table::Input } else { Table::Holding };
            RegisterRange { table, first: base + first, count: *count }
        };
        let ranges: Vec<_> = ranges.iter().map(range).collect();
        let requests = cover(ranges.iter().copied(), merge, Size::new(max_registers));
        let mut read = std::collections::BTreeSet::new();
        for request in &requests {
            let Span { first, count } = span(*request);
            prop_assert!((1..=max_registers).contains(&count));
            for index in u32::from(first)..u32::from(first) + u32::from(count) {
                prop_assert!(read.insert((request.function(), index)), "{index} is read twice");
            }
        }
        for range in &ranges {
            let function = if range.table == Table::Input { 4 } else { 3 };
            prop_assert!(range.extent().all(|index| read.contains(&(function, index))));
        }
        if merge != Merge::Near {
            let is_wanted = |(function, index): &(u8, u32)| ranges.iter().any(|range| {
                (range.table == Table::Input) == (*function == 4) && range.extent().contains(index)
            });
            prop_assert!(read.iter().all(is_wanted));
        }
    }
}
