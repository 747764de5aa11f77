//! However much strangers ask.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The model is a set of what was told: nothing is told twice, nothing that is new is kept quiet
    /// while there is room for it, and what was not told comes back.
    #[test]
    fn each_news_is_told_once_if_there_is_room_and_comes_again_if_there_was_none(
        requests in proptest::collection::vec((0_u8..4, 0_u32..3, 1_u16..4, 0_u32..40), 1..400),
        block in 1_usize..200,
    ) {
        let mut traffic = Traffic::with_capacity(256);
        let mut told = BTreeSet::new();
        for requests in requests.chunks(block) {
            for (client, station, function, address) in requests {
                let asked = Asked { station: Some(*station), function: *function, ..read(*address) };
                let before = (traffic.report.usages.len(), traffic.report.usages_deferred);
                traffic.ask(*client, &asked);
                let usage = (*client, *station, *function);
                let was_known = told.contains(&(usage, *address));
                let is_told = traffic.report.usages.len() > before.0;
                let is_deferred = traffic.report.usages_deferred > before.1;
                prop_assert!(!(is_told && is_deferred));
                prop_assert_eq!(is_told || is_deferred, !was_known);
                if is_told {
                    let usage_told = traffic.report.usages.last().unwrap();
                    let addresses = usage_told.addresses.clone().unwrap();
                    prop_assert!(addresses.contains(address));
                    // Whoever asks for the first of two has to have asked for the last.
                    told.extend((*addresses.start()..*addresses.end()).map(|known| (usage, known)));
                }
                prop_assert!(traffic.report.usages.len() <= WireReport::MAX_USAGES);
            }
            traffic.report.usages.clear();
            traffic.report.usages_deferred = 0;
        }
        prop_assert_eq!(traffic.report.usages_evicted, 0);
    }

    #[test]
    fn any_requests_and_responses_are_survived_and_both_tables_keep_their_bound(
        requests in proptest::collection::vec(any::<(u8, u32, u16, u32, u64, bool)>(), 1..600),
    ) {
        let mut traffic = Traffic::with_capacity(16);
        for (client, station, function, address, at_ns, is_write) in requests {
            let operation = if is_write { Operation::Write } else { Operation::Read };
            traffic.now_ns = at_ns >> (station % 32);
            let addresses = Some((address, address.saturating_add(9)));
            let asked = Asked { station: Some(station), function, operation, addresses, ..read(0) };
            let handle = traffic.ask(client, &asked);
            traffic.answer(handle, at_ns / 7, Answer::Served);
            traffic.end_block(0);
            traffic.report.usages.clear();
            traffic.report.usage_changes.clear();
        }
        prop_assert!(traffic.usages.entries.len() <= 16 + 31);
        prop_assert!(traffic.usages.stations.len() <= 16 + 31);
    }
}

#[test]
fn a_walk_through_all_addresses_is_one_usage_whose_range_has_grown() {
    let mut traffic = Traffic::new();
    for address in 0..65_535 {
        traffic.ask_again(SCADA, &read(address));
        if address % 1000 == 999 {
            assert_eq!(traffic.report.usages.len(), WireReport::MAX_USAGES);
            traffic.report.usages.clear();
        }
    }
    assert_eq!(traffic.usages.entries.len(), 1);
    traffic.report.usages.clear();
    traffic.ask_again(SCADA, &read(65_534));
    assert_eq!(traffic.report.usages[0].addresses, Some(0..=65_535));
    traffic.report.usages.clear();
    for address in 0..65_535 {
        traffic.ask_again(SCADA, &read(address));
    }
    assert_eq!(traffic.take_news(), []);
}

#[test]
fn strangers_whom_nobody_answers_do_not_displace_a_poll() {
    let mut traffic = Traffic::with_capacity(16);
    traffic.poll(SCADA, &read(100), 20);
    traffic.report.usages.clear();
    for station in 0..5000 {
        traffic.ask(OTHER, &Asked { station: Some(station), ..read(0) });
        traffic.now_ns += SECOND / 1000;
        traffic.report.usages.clear();
    }
    assert!(traffic.report.usages_evicted > 4900, "{}", traffic.report.usages_evicted);
    traffic.poll(SCADA, &read(100), 1);
    assert_eq!(traffic.take_news(), []);
    assert_eq!(traffic.take_changes(), [Change::Answers], "of old");
}
