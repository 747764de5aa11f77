//! What we received, and what the wire showed of it.

use proptest::prelude::*;

use super::super::matching::{MAX_ASKED, MAX_EARLY};
use super::*;

#[test]
fn whichever_comes_first_an_exchange_is_compared_once() {
    let mut pipeline = pipeline();
    let (first, second) = (read(1, 0, &[7, 8, 9]), read(2, 100, &[7, 8, 9]));
    pipeline.on_reading(&polled(&first));
    pipeline.on_report(&seen(&first));
    pipeline.on_report(&seen(&second));
    pipeline.on_reading(&polled(&second));
    pipeline.on_window_end(at(1_000));
    assert_eq!(ledger(&pipeline).left, 0, "a second sight may still come");
    pipeline.on_window_end(at(3_000));
    assert_eq!(ledger(&pipeline).to_string(), "in 2 = out 2");
    assert_eq!(drain(&mut pipeline), []);
}

#[test]
fn a_difference_is_told_with_both_values_its_register_its_tags_and_its_coverage() {
    let mut pipeline = pipeline();
    let (unseen, equal) = (read(1, 0, &[1, 2, 3]), read(2, 10, &[1, 2, 3]));
    let (received, shown) = (read(3, 20, &[1, 2, 3]), read(3, 20, &[1, 2, 0x1003]));
    for exchange in [&unseen, &equal, &received] {
        pipeline.on_reading(&polled(exchange));
    }
    pipeline.on_report(&report("eth1", 0, &[&equal, &shown]));
    pipeline.on_window_end(at(3_000));
    assert_eq!(ledger(&pipeline).to_string(), "in 3 = out 1 + 1 different + 1 not_seen");
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    crosscheck.mismatch: pump-1 (unit 1): an answer differs from what eth1 showed of it, first in holding register 102 (pressure): received 0x0003, on the wire 0x1003; compared 2 of 3 polled, different 1; something between the tap and our socket rewrites contents (a firewall, a proxy, this host's memory), or two devices have one address: capture at both ends and compare, and look for the address twice (`arping -D`)
      device = Text("pump-1")
      unit = Unsigned(1)
      cause = Text("wire")
      client = Text("192.0.2.5:40000")
      server = Text("192.0.2.10:502")
      transaction = Unsigned(3)
      function_code = Unsigned(3)
      address = Unsigned(100)
      quantity = Unsigned(3)
      received = Text("0x000100020003")
      on_the_wire = Text("0x000100021003")
      capture = Text("eth1")
      trust = Text("full")
      register = Unsigned(102)
      tags = Text("pressure")
      count = Unsigned(1)
      compared = Unsigned(2)
      polled = Unsigned(3)
      different = Unsigned(1)
    "#);
}

#[test]
fn a_refusal_on_the_wire_of_what_we_have_values_of_is_a_difference() {
    let mut pipeline = pipeline();
    let received = read(1, 0, &[7]);
    let refused = Exchange { answer: ReadAnswer::Exception(2), ..received.clone() };
    pipeline.on_reading(&polled(&received));
    pipeline.on_report(&seen(&refused));
    pipeline.close(at(100));
    assert_eq!(ledger(&pipeline).dropped["different"], 1);
    let events = drain(&mut pipeline);
    assert_eq!(field(&events[0], "on_the_wire"), Some(&Scalar::from("exception 2")));
    assert_eq!(field(&events[0], "register"), None);
}

#[test]
fn the_first_coil_that_differs_is_named() {
    let mut pipeline = pipeline();
    let coils = |answer: &[bool]| Exchange {
        identity: Identity {
            request: ReadRequest::Coils(Span { first: 30, count: 12 }),
            ..read(1, 0, &[0]).identity
        },
        answer: ReadAnswer::of_bits(answer.iter().copied()),
        ..read(1, 0, &[0])
    };
    let (received, mut other) = ([false; 12], [false; 12]);
    other[9] = true;
    pipeline.on_reading(&polled(&coils(&received)));
    pipeline.on_report(&seen(&coils(&other)));
    pipeline.close(at(100));
    assert_eq!(field(&drain(&mut pipeline)[0], "register"), Some(&Scalar::Unsigned(39)));
}

#[test]
fn a_mismatch_is_told_once_a_device_and_then_counted() {
    let mut pipeline = pipeline();
    let mut told = vec![];
    for nth in 0..400 {
        let ms = u64::from(nth) * 1_000;
        pipeline.on_reading(&polled(&read(nth, ms, &[7])));
        pipeline.on_report(&seen(&read(nth, ms, &[8])));
        pipeline.on_window_end(at(ms + 2_500));
        let count = |event: &Event| field(event, "count").cloned();
        told.extend(drain(&mut pipeline).iter().filter_map(count));
    }
    assert_eq!(told, [Scalar::Unsigned(1), Scalar::Unsigned(300)]);
    assert_eq!(ledger(&pipeline).dropped["different"], 400);
}

#[test]
fn what_was_not_seen_is_no_mismatch() {
    let mut pipeline = pipeline();
    let asked = read(7, 0, &[7]);
    pipeline.on_reading(&polled(&asked));
    let Identity { client, request, .. } = asked.identity;
    let others = [
        Identity { transaction: 8, ..asked.identity },
        Identity { unit: 2, ..asked.identity },
        Identity { client: SocketAddr::new(client.ip(), 40_001), ..asked.identity },
        Identity { server: address(11, 502), ..asked.identity },
        Identity { request: ReadRequest::Input(request.span().unwrap()), ..asked.identity },
    ];
    for identity in others {
        pipeline.on_report(&seen(&Exchange { identity, ..read(7, 0, &[8]) }));
    }
    pipeline.on_window_end(at(3_000));
    assert_eq!(ledger(&pipeline).to_string(), "in 1 = out 0 + 1 not_seen");
    assert_eq!(drain(&mut pipeline), []);
}

#[test]
fn an_exchange_that_was_seen_twice_is_compared_once() {
    let mut pipeline = pipeline();
    let exchange = read(1, 0, &[7]);
    pipeline.on_report(&report("eth1", 0, &[&exchange, &exchange]));
    pipeline.on_reading(&polled(&exchange));
    pipeline.on_report(&report("eth2", 5, &[&exchange]));
    pipeline.on_window_end(at(3_000));
    assert_eq!(ledger(&pipeline).to_string(), "in 1 = out 1");
}

#[test]
fn an_exchange_that_two_captures_show_differently_proves_nothing_about_ours() {
    let mut pipeline = pipeline();
    pipeline.on_reading(&polled(&read(1, 0, &[7])));
    pipeline.on_report(&report("eth1", 0, &[&read(1, 0, &[7])]));
    pipeline.on_report(&report("eth2", 0, &[&read(1, 0, &[8])]));
    pipeline.on_window_end(at(3_000));
    assert_eq!(ledger(&pipeline).to_string(), "in 1 = out 0 + 1 ambiguous");
    assert_eq!(drain(&mut pipeline), []);
}

#[test]
fn an_identifier_that_is_used_again_is_not_taken_for_its_first_use() {
    let mut pipeline = pipeline();
    pipeline.on_report(&seen(&read(1, 0, &[8]))); // no window ends for long
    pipeline.on_reading(&polled(&read(1, 2_001, &[7])));
    pipeline.close(at(3_000));
    assert_eq!(ledger(&pipeline).to_string(), "in 1 = out 0 + 1 not_seen");
    // Within the time that one waits for the other, nobody can tell the two apart.
    pipeline.on_reading(&polled(&read(2, 4_000, &[7])));
    pipeline.on_reading(&polled(&read(2, 5_000, &[8])));
    pipeline.on_report(&report("eth1", 0, &[&read(2, 4_000, &[7]), &read(2, 5_000, &[8])]));
    pipeline.close(at(9_000));
    assert_eq!(ledger(&pipeline).to_string(), "in 3 = out 0 + 2 ambiguous + 1 not_seen");
    assert_eq!(drain(&mut pipeline), []);
}

#[test]
fn a_full_table_judges_the_oldest_by_what_there_is() {
    let mut pipeline = pipeline();
    let n = MAX_ASKED + 10;
    for nth in 0..n {
        let exchange = read(u16::try_from(nth).unwrap(), 0, &[7]);
        pipeline.on_reading(&polled(&exchange));
        if nth < 4 {
            pipeline.on_report(&seen(&exchange));
        }
    }
    let books = ledger(&pipeline);
    assert_eq!((books.entered, books.left), (n as u64, 4));
    assert_eq!(books.dropped["table_full"], 6);
    pipeline.close(at(100));
    let text = format!("in {n} = out 4 + {MAX_ASKED} not_seen + 6 table_full");
    assert_eq!(ledger(&pipeline).to_string(), text);
}

#[test]
fn strangers_cost_coverage_and_no_more() {
    let mut pipeline = pipeline();
    let early = read(1, 0, &[7]);
    pipeline.on_report(&seen(&early));
    for nth in 0..MAX_EARLY {
        let mut other = read(u16::try_from(nth).unwrap(), 0, &[8]);
        other.identity.client = address(66, 1_000);
        pipeline.on_report(&seen(&other));
    }
    let kept = read(2, 0, &[7]);
    pipeline.on_report(&seen(&kept));
    pipeline.on_reading(&polled(&early));
    pipeline.on_reading(&polled(&kept));
    pipeline.close(at(100));
    assert_eq!(ledger(&pipeline).to_string(), "in 2 = out 1 + 1 not_seen");
}

#[test]
fn a_clock_that_is_set_back_settles_what_waits() {
    let mut pipeline = pipeline();
    pipeline.on_reading(&polled(&read(1, 3_600_000, &[7])));
    pipeline.on_window_end(at(0));
    assert_eq!(ledger(&pipeline).to_string(), "in 1 = out 0 + 1 not_seen");
}

#[test]
fn where_no_reading_names_an_exchange_there_is_nothing_to_compare() {
    let mut pipeline = pipeline();
    pipeline.on_reading(&Reading { exchange: None, ..polled(&read(1, 0, &[7])) });
    pipeline.on_report(&seen(&read(1, 0, &[8])));
    pipeline.close(at(3_000));
    assert!(!pipeline.ledgers().contains_key("crosscheck:line-a"));
    assert_eq!(drain(&mut pipeline), []);
}

#[test]
fn reads_that_were_not_kept_stand_in_the_books_of_their_capture() {
    let mut pipeline = pipeline();
    let exchange = read(1, 0, &[7]);
    let mut report = report("eth1", 0, &vec![&exchange; 300]);
    report.reads_unproven = 5;
    pipeline.on_report(&report);
    let noted = pipeline.ledgers()["capture:eth1"].noted.clone();
    assert_eq!((noted["reads_dropped"], noted["reads_unproven"]), (300 - 256, 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_polled_exchange_is_accounted_for_whatever_comes_in(
        steps in prop::collection::vec((0..4_u8, 0..40_u16, 0..3_u16), 0..300),
    ) {
        let mut pipeline = pipeline();
        let mut n_polled = 0;
        for (ms, (what, id, value)) in (0..).step_by(50).zip(steps) {
            match what {
                0 => {
                    n_polled += 1;
                    pipeline.on_reading(&polled(&read(id, ms, &[value])));
                }
                1 => pipeline.on_report(&seen(&read(id, ms, &[value]))),
                2 => pipeline.on_report(&report("eth2", 1, &[&read(id, ms, &[0])])),
                _ => pipeline.on_window_end(at(ms)),
            }
        }
        pipeline.close(at(100_000));
        if n_polled > 0 {
            let books = ledger(&pipeline);
            prop_assert!(books.balances(), "{}", books);
            prop_assert_eq!(books.entered, n_polled);
        }
    }
}
