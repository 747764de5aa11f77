//! A serial line at its true speed, some of whose units are dead.

#[path = "../../benches/poller/line.rs"]
mod line;

use infra_monitor::poller;
use infra_monitor::record::Reading;
use infra_monitor::tag::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use line::{DEAD, EVERY, HEALTHY, Line};

const N_CYCLES: u32 = 15;

#[tokio::test]
async fn three_dead_units_of_eight_cost_the_others_none_of_their_schedule() {
    let line = Line::begin();
    let (readings, mut received) = mpsc::channel(16);
    let mut log: Vec<Reading> = vec![];
    tokio::select! {
        () = poller::run("line".into(), line.link(), readings, CancellationToken::new()) => {
            panic!("the poller ended");
        }
        () = async {
            while let Some(reading) = received.recv().await {
                log.push(reading);
            }
        } => panic!("the poller is gone"),
        () = sleep(EVERY * N_CYCLES) => (),
    }
    for sample in log.iter().flat_map(|reading| &reading.samples) {
        let own = Value::Unsigned(sample.tag.registers().unwrap().address.index.into());
        assert!(sample.value.as_ref().is_none_or(|value| *value == own));
    }
    let n_good = |unit: u8| {
        log.iter().filter(|reading| reading.unit == Some(unit) && reading.quality.is_good()).count()
    };
    assert!(DEAD.iter().all(|unit| n_good(*unit) == 0));
    let n_good: usize = HEALTHY.iter().map(|unit| n_good(*unit)).sum();
    let due = HEALTHY.len() * N_CYCLES as usize;
    println!("{n_good} of {due} readings that were due; {:?} replies by unit", line.reads());
    assert!(n_good * 100 >= due * 95, "{n_good} of {due}");
}
