//! What other masters are told, beside what we are.

use super::super::masters::{BRACKETS, MAX_READS};
use super::*;

const EVERY: u64 = 1_000;

/// We poll once a second, and at half past each another master reads.
struct Site {
    pipeline: Pipeline,
    cycle: u16,
}

impl Site {
    fn new() -> Self {
        Self { pipeline: pipeline(), cycle: 0 }
    }

    fn now(&self) -> u64 {
        u64::from(self.cycle) * EVERY
    }

    /// One read of ours, seen as it is.
    fn poll(&mut self, words: &[u16]) {
        let ours = read(self.cycle, self.now(), words);
        self.pipeline.on_reading(&polled(&ours));
        self.pipeline.on_report(&seen(&ours));
        self.cycle += 1;
        self.pipeline.on_window_end(at(self.now()));
    }

    /// A read of another master after our last, from 192.0.2.9.
    fn other(&self, words: &[u16]) -> Exchange {
        let mut other = read(self.cycle, self.now() - EVERY / 2, words);
        other.identity.client = address(9, 50_000);
        other
    }

    fn cycle(&mut self, ours: &[u16], other: &[u16]) {
        self.poll(ours);
        let other = self.other(other);
        self.pipeline.on_report(&seen(&other));
    }

    /// The end: everything is judged. Texts of all findings.
    fn findings(mut self) -> Vec<Event> {
        self.pipeline.close(at(self.now() + 10_000));
        drain(&mut self.pipeline)
    }
}

/// Cycles after which `BRACKETS` brackets are complete: one more than brackets, and two pass until
/// our first read has had its time, before which nobody else's is of interest.
const ENOUGH: u8 = BRACKETS + 3;

#[test]
fn another_master_that_is_told_something_else_is_found() {
    let mut site = Site::new();
    for _ in 0..ENOUGH {
        site.cycle(&[7, 0x1234, 9], &[7, 0x1235, 9]);
    }
    let events = site.findings();
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    crosscheck.mismatch: pump-1 (unit 1): 192.0.2.9 is told something else of holding register 101 (pressure): 0x1235, and we 0x1234 both before and after, 16 times in a row; reads of others compared: 16; a box between that rewrites contents, a second device or a gateway's cache under this address, a server that answers by client, or a register that toggles in step with both: read it from both hosts at the device itself
      device = Text("pump-1")
      unit = Unsigned(1)
      cause = Text("other_master")
      client = Text("192.0.2.5:40000")
      server = Text("192.0.2.10:502")
      transaction = Unsigned(18)
      function_code = Unsigned(3)
      address = Unsigned(100)
      quantity = Unsigned(3)
      ours = Text("0x1234")
      theirs = Text("0x1235")
      master = Text("192.0.2.9:50000")
      registers = Unsigned(1)
      brackets = Unsigned(16)
      others_compared = Unsigned(16)
      capture = Text("eth1")
      trust = Text("full")
      register = Unsigned(101)
      tags = Text("pressure")
      count = Unsigned(1)
      compared = Unsigned(19)
      polled = Unsigned(19)
      different = Unsigned(0)
    "#);
}

#[test]
fn one_bracket_less_is_no_finding() {
    let mut site = Site::new();
    for _ in 0..ENOUGH - 1 {
        site.cycle(&[7], &[8]);
    }
    assert_eq!(site.findings(), []);
}

#[test]
fn a_value_that_moves_for_us_or_agrees_once_starts_over() {
    for interruption in [(&[6], &[8]), (&[7], &[7])] {
        let mut site = Site::new();
        for nth in 0..3 * ENOUGH {
            let (ours, other) = if nth % BRACKETS == 5 { interruption } else { (&[7], &[8]) };
            site.cycle(ours, other);
        }
        assert_eq!(site.findings(), [], "{interruption:?}");
    }
}

#[test]
fn noise_is_no_finding() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64; // xorshift, so that each run is the same
    let mut bit = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        u16::from(random & 0x10_0000 != 0)
    };
    let mut site = Site::new();
    for _ in 0..20_000 {
        site.cycle(&[bit(), bit()], &[bit(), bit()]);
    }
    let compared = ledger(&site.pipeline).noted["others_compared"];
    assert!(compared > 19_990, "{compared}");
    assert_eq!(site.findings(), []);
}

#[test]
fn a_read_that_does_not_lie_between_two_of_ours_is_not_compared() {
    let mut site = Site::new();
    for _ in 0..2 * ENOUGH {
        site.poll(&[7]);
        let mut other = site.other(&[8]);
        other.answered = at(site.now() + 1); // we have asked by then
        site.pipeline.on_report(&seen(&other));
    }
    site.pipeline.close(at(site.now() + 10_000));
    let noted = ledger(&site.pipeline).noted;
    assert!(noted["others_seen"] > u64::from(ENOUGH), "{noted:?}");
    assert_eq!(noted.get("others_compared"), None);
    assert_eq!(site.findings(), []);
}

#[test]
fn equal_addresses_elsewhere_are_another_device() {
    type Elsewhere = fn(Exchange) -> WireReport;
    let elsewhere: [Elsewhere; 6] = [
        |other| report("eth2", 0, &[&other]),
        |other| report("eth1", 7, &[&other]),
        |other| {
            let identity = Identity { unit: 2, ..other.identity };
            seen(&Exchange { identity, ..other })
        },
        |other| {
            let identity = Identity { server: address(11, 502), ..other.identity };
            seen(&Exchange { identity, ..other })
        },
        |other| {
            let request = ReadRequest::Input(Span { first: FIRST, count: 1 });
            seen(&Exchange { identity: Identity { request, ..other.identity }, ..other })
        },
        |other| {
            let request = ReadRequest::Holding(Span { first: FIRST + 1, count: 1 });
            seen(&Exchange { identity: Identity { request, ..other.identity }, ..other })
        },
    ];
    for (nth, elsewhere) in elsewhere.into_iter().enumerate() {
        let mut site = Site::new();
        for _ in 0..2 * ENOUGH {
            site.poll(&[7]);
            let other = site.other(&[8]);
            site.pipeline.on_report(&elsewhere(other));
        }
        assert_eq!(site.findings(), [], "{nth}");
    }
}

#[test]
fn another_link_of_ours_is_no_other_master() {
    let mut site = Site::new();
    for _ in 0..2 * ENOUGH {
        site.poll(&[7]);
        let other = site.other(&[8]);
        let reading = Reading { source: SourceId::from("line-b"), ..polled(&other) };
        site.pipeline.on_report(&seen(&other));
        site.pipeline.on_reading(&reading);
    }
    assert_eq!(site.findings(), []);
}

#[test]
fn only_registers_that_both_read_are_compared() {
    let mut site = Site::new();
    for _ in 0..ENOUGH {
        site.poll(&[1, 2, 3]);
        let mut other = site.other(&[9, 8]);
        let request = ReadRequest::Holding(Span { first: FIRST + 2, count: 2 });
        other.identity.request = request;
        site.pipeline.on_report(&seen(&other));
    }
    let events = site.findings();
    assert_eq!(events.len(), 1);
    let told = ["register", "ours", "theirs"].map(|name| field(&events[0], name).cloned());
    let wanted = [Scalar::Unsigned(102), "0x0003".into(), "0x0009".into()];
    assert_eq!(told, wanted.map(Some));
}

#[test]
fn a_bracket_of_which_reads_were_lost_is_not_compared() {
    let mut site = Site::new();
    for _ in 0..2 * ENOUGH {
        site.poll(&[7]);
        for nth in 0..=MAX_READS {
            let mut other = site.other(&[8]);
            other.answered = other.asked + Duration::from_micros(nth as u64);
            site.pipeline.on_report(&seen(&other));
        }
    }
    site.pipeline.close(at(site.now() + 10_000));
    let noted = ledger(&site.pipeline).noted;
    assert!(noted["others_lost"] > 0 && !noted.contains_key("others_compared"), "{noted:?}");
    assert_eq!(site.findings(), []);
}

#[test]
fn a_read_of_ours_that_was_not_seen_starts_over() {
    let mut site = Site::new();
    for nth in 0..3 * ENOUGH {
        if nth % BRACKETS == 5 {
            let unseen = read(site.cycle, site.now(), &[7]);
            site.pipeline.on_reading(&polled(&unseen));
            site.cycle += 1;
        } else {
            site.cycle(&[7], &[8]);
        }
    }
    assert_eq!(site.findings(), []);
}

#[test]
fn masters_are_told_apart_and_newcomers_take_the_place_of_the_silent() {
    let mut site = Site::new();
    for host in 20..40 {
        // Each newcomer reads for less than it takes, and the last for long enough.
        let n_cycles = if host < 39 { BRACKETS - 1 } else { ENOUGH };
        for _ in 0..n_cycles {
            site.poll(&[7]);
            let mut other = site.other(&[8]);
            other.identity.client = address(host, 50_000);
            site.pipeline.on_report(&seen(&other));
        }
    }
    site.poll(&[7]);
    let events = site.findings();
    let masters: Vec<_> = events.iter().map(|event| field(event, "master").cloned()).collect();
    assert_eq!(masters, [Some(Scalar::from("192.0.2.39:50000"))]);
}

#[test]
fn the_connections_of_one_link_are_no_other_masters() {
    let mut pipeline = pipeline();
    for nth in 0..10 {
        let ms = u64::from(nth) * EVERY;
        let [one, two] = [1, 2].map(|unit| {
            let mut ours = read(nth, ms, &[7]);
            ours.identity.unit = unit;
            ours.identity.client.set_port(40_000 + u16::from(unit));
            ours
        });
        pipeline.on_reading(&Reading { device: "pump-1".into(), ..polled(&one) });
        pipeline.on_reading(&Reading { device: "pump-2".into(), ..polled(&two) });
        pipeline.on_report(&report("eth1", 0, &[&one, &two]));
        pipeline.on_window_end(at(ms + EVERY));
    }
    pipeline.close(at(20 * EVERY));
    let ledger = ledger(&pipeline);
    assert_eq!((ledger.left, ledger.noted.get("others_seen")), (20, None), "{ledger}");
}
