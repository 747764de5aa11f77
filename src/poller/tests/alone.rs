//! Questions one at a time to whatever unit, as they are asked to probe a device: each is a turn
//! of its own.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::modbus::request::{ReadRequest, Span};

use super::super::bus::Bus;
use super::super::exchange::{Cause, Confidence};
use super::super::*;
use super::fake::{Echo, Hits, Record, Script, Wire, link, serve};
use super::unit::Fault;

const MS: Duration = Duration::from_millis(1);
const N_QUESTIONS: usize = 40;
/// Units of which every one answers a probe.
const WIRES: [Wire; 5] = [
    Wire::RtuOverTcp,
    Wire::RtuEchoing,
    Wire::Rtu(Echo::Served),
    Wire::Rtu(Echo::Refused),
    Wire::Tcp,
];

/// Ask for two places in turn, by requests of one shape. How often the answer was proven, and
/// what is wrong with it where it was.
async fn ask_all(script: &Script, record: &Mutex<Record>) -> (usize, Vec<String>) {
    let start = Instant::now();
    let (near, far) = tokio::io::duplex(4096);
    let mut bus = Bus::open_to_all(near, &link(script.wire));
    let (mut n_proven, mut wrong) = (0, vec![]);
    let asking = async {
        for nth in 0..N_QUESTIONS {
            let first = if nth % 2 == 0 { 100 } else { 300 };
            let question = ReadRequest::Holding(Span { first, count: 2 }).into();
            let since = u16::try_from((Instant::now() - start).as_millis()).unwrap();
            let reply = match bus.ask_one(1, question).await {
                Ok(reply) if reply.confidence == Confidence::Proven => reply,
                Err(Cause::Quiet(rest)) => {
                    sleep(rest).await;
                    continue;
                }
                Ok(_) | Err(_) => {
                    sleep(1000 * MS).await;
                    continue;
                }
            };
            let Values::Registers(registers) = reply.values else { panic!("{reply:?}") };
            n_proven += 1;
            if registers[0] != first + 1000 || registers[1] < since {
                wrong.push(format!("{script:?} {first} is {registers:?} after {since} ms"));
            }
        }
    };
    tokio::select! {
        () = asking => (),
        () = serve(far, script, start, record) => (),
    }
    (n_proven, wrong)
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_one_question_is_proven_only_if_no_other_can_have_been_meant() {
    // Past a probe, a reply that comes again can be in the place and time of the next.
    let twice = (5..20).map(|gap| Fault::Twice(gap * MS));
    let faults = [
        Fault::Late(300 * MS),
        Fault::Overtaken(300 * MS),
        Fault::Again(5 * MS),
        Fault::Behind(1),
        Fault::Silent,
    ];
    let faults: Vec<_> = faults.into_iter().chain(twice).collect();
    let mut wrong = vec![];
    for wire in WIRES {
        for fault in &faults {
            for hits in [1, 2, 5, 6].map(Hits::Nth).into_iter().chain([3, 5].map(Hits::EveryNth)) {
                let script = Script { wire, fault: fault.clone(), hits };
                let (n_proven, lies) = ask_all(&script, &Mutex::default()).await;
                wrong.extend(lies);
                if n_proven < N_QUESTIONS / 2 {
                    wrong.push(format!("{script:?}: {n_proven} proven"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_question_to_a_settled_unit_costs_one_probe() {
    for (wire, n_requests) in
        WIRES.into_iter().zip([1 + 2 * N_QUESTIONS; 4].into_iter().chain([N_QUESTIONS]))
    {
        let script = Script { wire, fault: Fault::None, hits: Hits::Nth(0) };
        let record = Mutex::default();
        assert_eq!(ask_all(&script, &record).await, (N_QUESTIONS, vec![]), "{wire:?}");
        assert_eq!(record.into_inner().unwrap().requested.len(), n_requests, "{wire:?}");
    }
}

/// A call proves nothing, so what was proven before it does not hold for the next question.
#[tokio::test(start_paused = true)]
async fn a_question_after_a_call_is_asked_after_a_probe() {
    let script = Script { wire: Wire::Rtu(Echo::Served), fault: Fault::None, hits: Hits::Nth(0) };
    let (near, far) = tokio::io::duplex(4096);
    let mut bus = Bus::open_to_all(near, &link(script.wire));
    let question = ReadRequest::Holding(Span { first: 100, count: 2 }).into();
    let record = Mutex::default();
    tokio::select! {
        () = serve(far, &script, Instant::now(), &record) => panic!("the line is gone"),
        () = async {
            bus.ask_one(1, question).await.unwrap();
            bus.call(1, question).await.unwrap();
            bus.ask_one(1, question).await.unwrap();
        } => (),
    }
    // Probe, question, probe; call; probe, question, probe.
    assert_eq!(record.into_inner().unwrap().requested.len(), 7);
}
