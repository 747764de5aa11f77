use std::sync::Barrier;

use super::*;

const TIME_OUT: Duration = Duration::from_secs(8);
const STEP: Duration = Duration::from_secs(1);

/// What is found at each of `n` looks, a step apart; `F` where the watchdog was fed.
fn looks(judge: &mut Judge, n: usize, mut meanwhile: impl FnMut(usize)) -> Vec<String> {
    let mut look = |n| {
        meanwhile(n);
        let Findings { is_fed, stalled, moving } = judge.look(STEP);
        let fed = is_fed.then(|| "F".to_owned());
        let stalled = stalled.into_iter().map(|stalled| format!("{} stalled", stalled.gate));
        let moving = moving.into_iter().map(|moving| format!("{} moves", moving.gate));
        fed.into_iter().chain(stalled).chain(moving).collect::<Vec<_>>().join(" ")
    };
    (0..n).map(&mut look).collect()
}

#[test]
fn the_watchdog_is_fed_at_half_its_time_out_while_all_move() {
    let mut gates = Gates::default();
    let activity = gates.of_clockwork("pipeline");
    let mut judge = Judge::new(gates, TIME_OUT);
    let found = looks(&mut judge, 9, |_| activity.set(Doing::Works));
    assert_eq!(found, ["F", "", "", "", "F", "", "", "", "F"]);
}

#[test]
fn what_stalls_is_named_once_before_the_time_is_out_and_nothing_is_fed_until_it_moves() {
    let mut gates = Gates::default();
    let (pipeline, capture) = (gates.of_clockwork("pipeline"), gates.of_clockwork("capture eth1"));
    let mut judge = Judge::new(gates, TIME_OUT);
    let found = looks(&mut judge, 12, |n| {
        pipeline.set(Doing::Works);
        if n == 0 || n > 9 {
            capture.set(Doing::Works);
        }
    });
    let named = "capture eth1 stalled";
    let expected = ["F", "", "", "", named, "", "", "", "", "", "F capture eth1 moves", ""];
    assert_eq!(found, expected);
    let n_named = found.iter().position(|found| found == named).unwrap();
    assert!(STEP * n_named.try_into().unwrap() < TIME_OUT, "named too late");
}

#[test]
fn while_something_hangs_the_status_names_all_that_does() {
    let mut gates = Gates::default();
    let _activities = ["sink", "pipeline"].map(|name| gates.of_clockwork(name));
    let mut judge = Judge::new(gates, TIME_OUT);
    assert_eq!(judge.complaint(), None);
    looks(&mut judge, 5, |_| ());
    assert_eq!(judge.complaint().unwrap(), "stalled: sink, pipeline");
}

#[test]
fn who_rests_without_work_or_waits_for_somebody_else_has_not_stalled() {
    let (queue, mut work) = tokio::sync::mpsc::channel(4);
    let mut gates = Gates::default();
    let sink = gates.of_queue("sink".to_owned(), &queue);
    let mut judge = Judge::new(gates, TIME_OUT);
    let quiet = ["F", "", "", "", "F", "", "", ""];
    assert_eq!(looks(&mut judge, 8, |_| ()), quiet, "nothing to do");
    queue.try_send(1).unwrap();
    sink.set(Doing::Waits);
    assert_eq!(looks(&mut judge, 8, |_| ()), quiet, "its reader does not read");
    sink.set(Doing::Rests);
    let stalled = ["F", "", "", "", "sink stalled", "", "", ""];
    assert_eq!(looks(&mut judge, 8, |_| ()), stalled, "it does not see what is to be done");
    work.try_recv().unwrap();
    assert_eq!(looks(&mut judge, 1, |_| ()), ["F sink moves"]);
    sink.set(Doing::Works);
    assert_eq!(looks(&mut judge, 8, |_| ())[4], "sink stalled", "a piece of work has no end");
}

#[test]
fn a_queue_is_not_kept_open_and_an_abandoned_one_is_no_work() {
    let (queue, mut work) = tokio::sync::mpsc::channel::<u8>(4);
    let mut gates = Gates::default();
    gates.of_queue("analysis eth1".to_owned(), &queue);
    let mut judge = Judge::new(gates, TIME_OUT);
    queue.try_send(1).unwrap();
    work.close();
    assert_eq!(looks(&mut judge, 9, |_| ())[8], "F");
    drop(queue);
    assert_eq!((work.try_recv().ok(), work.blocking_recv()), (Some(1), None));
}

#[test]
fn a_machine_that_was_stopped_finds_nothing_stalled_when_it_goes_on() {
    let mut gates = Gates::default();
    let activity = gates.of_clockwork("pipeline");
    let mut judge = Judge::new(gates, TIME_OUT);
    activity.set(Doing::Works);
    assert!(judge.look(STEP).is_fed);
    assert_eq!(judge.look(Duration::from_secs(3600)), Findings::default());
    activity.set(Doing::Works);
    assert!(judge.look(STEP).is_fed);
}

#[test]
fn workers_that_hang_are_noticed_though_they_hold_the_timer() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let mut gates = Gates::default();
    let activity = gates.of_clockwork("timer");
    let mut judge = Judge::new(gates, TIME_OUT);
    let hung = Arc::new(Barrier::new(3));
    let mut tasks = JoinSet::new();
    tasks.spawn_on(tick(activity.clone(), Duration::from_millis(1)), runtime.handle());
    let ticks = |before| {
        (0..5000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            activity.look() != before
        })
    };
    assert!(ticks(activity.look()));
    let (at_work, both) = std::sync::mpsc::channel();
    for _ in 0..2 {
        let (at_work, hung) = (at_work.clone(), Arc::clone(&hung));
        tasks.spawn_on(
            async move {
                at_work.send(()).unwrap();
                hung.wait();
            },
            runtime.handle(),
        );
    }
    both.recv().unwrap();
    both.recv().unwrap();
    let found = looks(&mut judge, 8, |_| ());
    assert_eq!(found.iter().filter(|found| *found == "timer stalled").count(), 1, "{found:?}");
    hung.wait();
}
