use super::*;

/// A device of which each address has a value or not.
struct Simulated {
    has: fn(u32) -> bool,
    max_count: u16,
}

impl Simulated {
    fn answer(&self, asked: Span) -> Reply {
        let end = end_of(asked);
        if asked.count > self.max_count {
            Reply::Refused(Refusal::Exception(3))
        } else if end > TABLE_LEN || !(u32::from(asked.first)..end).all(self.has) {
            Reply::Refused(Refusal::Exception(2))
        } else {
            Reply::Read { is_zero: false }
        }
    }
}

/// Search until nothing is asked any more.
fn searched(table: Table, answer: impl Fn(Span) -> Reply) -> Search {
    let mut search = Search::new(table);
    while let Some(asked) = search.next() {
        assert!(asked.count > 0 && asked.count <= search.max_count(), "{asked:?}");
        assert!(end_of(asked) <= TABLE_LEN, "{asked:?}");
        search.on_reply(asked, answer(asked));
    }
    assert!(search.n_asked() <= BUDGET);
    search
}

fn of(device: &Simulated) -> Search {
    searched(Table::Holding, |asked| device.answer(asked))
}

/// What was read, by first and last address, and whether every address was.
fn read(search: &Search) -> Vec<(u16, u16, bool)> {
    let stretches = search.stretches().into_iter();
    let read = stretches.filter(|stretch| stretch.fate == Fate::Read);
    read.map(|stretch| (stretch.first, stretch.last, stretch.is_whole())).collect()
}

#[test]
fn a_table_is_found_to_its_last_register_and_read_whole() {
    let search = of(&Simulated { has: |at| at < 200, max_count: 125 });
    assert_eq!(read(&search), [(0, 199, true)]);
    assert_eq!(search.largest(), Largest::Protocol(125));
    assert!(search.n_asked() < 60, "{} requests", search.n_asked());
    let refused = &search.stretches()[1];
    assert_eq!((refused.first, refused.last, refused.is_whole()), (200, 65_535, false));
    assert_eq!(refused.fate, Fate::Refused([Refusal::Exception(2)].into()));
}

#[test]
fn holes_are_found_where_a_stretch_is_read_whole() {
    let search = of(&Simulated {
        has: |at| at < 300 && !(37..=39).contains(&at) && at != 250 || (4096..4200).contains(&at),
        max_count: 125,
    });
    let expected = [(0, 36, true), (40, 249, true), (251, 299, true), (4096, 4199, true)];
    assert_eq!(read(&search), expected);
}

#[test]
fn a_device_that_answers_everywhere_is_told_and_not_read_through() {
    let search = searched(Table::Input, |_| Reply::Read { is_zero: true });
    assert!(search.answers_everywhere() && search.is_all_zero());
    assert_eq!(read(&search), [(0, 65_535, false)]);
    assert_eq!(search.largest(), Largest::Protocol(125));
    assert!(search.n_asked() < 50, "{} requests", search.n_asked());
}

#[test]
fn a_device_that_refuses_long_requests_shows_its_limit() {
    for max_count in [1, 2, 16, 60, 99, 124] {
        let search = of(&Simulated { has: |at| at < 200, max_count });
        assert_eq!(search.largest(), Largest::Limit(max_count, Refusal::Exception(3)));
        if max_count >= 16 {
            assert_eq!(read(&search), [(0, 199, true)], "at most {max_count}");
        }
    }
}

#[test]
fn a_table_shorter_than_a_request_says_only_that_so_much_is_allowed() {
    let search = of(&Simulated { has: |at| at < 10, max_count: 125 });
    assert_eq!((search.largest(), read(&search)), (Largest::AtLeast(10), vec![(0, 9, true)]));
}

#[test]
fn a_long_table_is_sampled_with_exact_edges() {
    let search = of(&Simulated { has: |at| (3..=9_998).contains(&at), max_count: 125 });
    assert_eq!(read(&search), [(3, 9_998, false)]);
    assert_eq!(search.largest(), Largest::Protocol(125));
    assert!(search.n_asked() < 90, "{} requests", search.n_asked());
}

#[test]
fn coils_are_asked_for_by_the_thousand() {
    let device = Simulated { has: |at| at < 5_000, max_count: 2_000 };
    let search = searched(Table::Coil, |asked| device.answer(asked));
    assert_eq!(read(&search), [(0, 4_999, true)]);
    assert_eq!(search.largest(), Largest::Protocol(2_000));
}

#[test]
fn a_mute_device_is_given_up_after_three_questions() {
    let search = searched(Table::Holding, |_| Reply::Refused(Refusal::Silent));
    assert_eq!((search.n_asked(), search.is_silent()), (3, true));
    assert_eq!((read(&search), search.largest()), (vec![], Largest::Unknown));
}

#[test]
fn a_function_that_the_device_does_not_have_costs_two_questions() {
    let search = searched(Table::Discrete, |_| Reply::Refused(Refusal::Exception(1)));
    assert_eq!((search.n_asked(), search.is_absent()), (2, true));
}

#[test]
fn silence_at_long_requests_is_a_limit_too() {
    let search = searched(Table::Holding, |asked| match asked {
        Span { first: 0..200, count: 1..=32 } if end_of(asked) <= 200 => {
            Reply::Read { is_zero: false }
        }
        Span { count: 1..=32, .. } => Reply::Refused(Refusal::Exception(2)),
        Span { .. } => Reply::Refused(Refusal::Silent),
    });
    assert_eq!(search.largest(), Largest::Limit(32, Refusal::Silent));
    assert!(!search.is_silent());
}

#[test]
fn no_device_is_asked_more_than_the_budget_allows_and_nothing_false_is_claimed() {
    // Every other register, then every third, then noise.
    let devices: [fn(u32) -> bool; 3] =
        [|at| at % 2 == 0, |at| at % 3 == 0, |at| at.wrapping_mul(2_654_435_761) >> 28 < 9];
    for has in devices {
        let search = of(&Simulated { has, max_count: 125 });
        for stretch in search.stretches().iter().filter(|stretch| stretch.is_whole()) {
            let is_read = stretch.fate == Fate::Read;
            assert!((stretch.first..=stretch.last).all(|at| has(at.into()) == is_read));
        }
    }
}
