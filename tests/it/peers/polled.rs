//! A poller at work, and what its values must be: holding registers hold their own address, input
//! registers count down from 65535, every third coil is set and every fifth discrete input.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use infra_monitor::config::{self, Link};
use infra_monitor::poller;
use infra_monitor::record::{Reading, Sample, SourceId};
use infra_monitor::tag::{Address, Table, Type, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Until a server has started, on a machine busy with other tests.
const PATIENCE: Duration = Duration::from_secs(40);

pub(super) struct Polled {
    readings: mpsc::Receiver<Reading>,
    n_tags: usize,
    _poller: JoinSet<()>,
}

impl Polled {
    /// Poll unit 1 behind `endpoint`, a line of the configuration file.
    pub(super) fn begin(endpoint: &str) -> Self {
        let (id, link) = parsed(endpoint);
        Self::of(id, link)
    }

    /// As `begin`, but more often than anything can be read.
    pub(super) fn begin_overdue(endpoint: &str) -> Self {
        let (id, mut link) = parsed(endpoint);
        let own = Arc::make_mut(&mut link);
        for device in &mut own.devices {
            Arc::make_mut(device).every = Duration::from_millis(1);
        }
        Self::of(id, link)
    }

    fn of(id: SourceId, link: Arc<Link>) -> Self {
        let n_tags = link.devices.iter().map(|device| device.tags.len()).sum();
        let (sender, readings) = mpsc::channel(16);
        let mut poller = JoinSet::new();
        poller.spawn(poller::run(id, link, sender, CancellationToken::new()));
        Self { readings, n_tags, _poller: poller }
    }

    /// Until every tag was good in so many cycles in a row.
    #[expect(clippy::print_stdout, reason = "how long recovery takes is worth reading")]
    pub(super) async fn expect_good_cycles(&mut self, n_cycles: usize) {
        let started = Instant::now();
        let mut n_good: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut last_failure = String::from("nothing was read");
        let mut n_failures = 0;
        while n_good.len() < self.n_tags || n_good.values().any(|n| *n < n_cycles) {
            let Ok(reading) = timeout_at(started + PATIENCE, self.next()).await else {
                panic!("{n_failures} failures, the last: {last_failure}");
            };
            for sample in &reading.samples {
                if sample.quality.is_good() {
                    *n_good.entry(Arc::clone(&sample.tag.name)).or_default() += 1;
                }
            }
            if !reading.quality.is_good() {
                last_failure = format!("{}: {:?}", reading.quality, reading.detail);
                n_failures += 1;
                n_good.clear();
            }
        }
        let took = started.elapsed();
        println!("{n_cycles} good cycles after {n_failures} failures, {took:.1?} in all");
    }

    pub(super) async fn expect_an_outage(&mut self) {
        let outage = async { while self.next().await.quality.is_good() {} };
        timeout(PATIENCE, outage).await.expect("polling a dead server fails");
    }

    /// Let so many good readings pass.
    pub(super) async fn skip(&mut self, n_readings: usize) {
        let mut n_good = 0;
        while n_good < n_readings {
            n_good += usize::from(self.next().await.quality.is_good());
        }
    }

    /// The next reading. Panics if a value in it is good and wrong.
    async fn next(&mut self) -> Reading {
        let reading = self.readings.recv().await.unwrap();
        reading.samples.iter().for_each(assert_right);
        reading
    }
}

fn assert_right(sample: &Sample) {
    let tag = &sample.tag;
    let registers = tag.registers().unwrap();
    let Address { table, index, bit } = registers.address;
    let register = if table == Table::Input { !index } else { index };
    let expected = match (table, bit, registers.kind) {
        (Table::Coil, ..) => Value::Bool(index.is_multiple_of(3)),
        (Table::Discrete, ..) => Value::Bool(index.is_multiple_of(5)),
        (_, Some(bit), _) => Value::Bool(register >> bit & 1 == 1),
        (_, None, Type::Udint) => Value::Unsigned((u64::from(index) << 16) + u64::from(index) + 1),
        (_, None, _) => Value::Unsigned(register.into()),
    };
    if sample.quality.is_good() {
        assert_eq!(sample.value, Some(expected), "{}", tag.name);
    }
}

fn parsed(endpoint: &str) -> (SourceId, Arc<Link>) {
    match config::parse("peers.toml", configuration(endpoint)) {
        Ok(config) => config.links.into_iter().next().unwrap(),
        Err(rejected) => panic!("{}", rejected.render(config::Color::Plain)),
    }
}

/// Tags in every table, alone and in the longest requests there are: 125 registers, 2000 bits.
fn configuration(endpoint: &str) -> String {
    let mut text = format!(
        "[[modbus]]\nname = \"peer\"\n{endpoint}\ntimeout = \"500ms\"\nbackoff_max = \"500ms\"\n\
         [[modbus.device]]\nname = \"peer\"\nunit = 1\nevery = \"50ms\"\ntags = [\n"
    );
    let mut tag = |at: &str, kind: &str| {
        writeln!(text, "  {{ name = \"{at}\", at = \"{at}\", type = \"{kind}\" }},").unwrap();
    };
    for index in [0, 1, 7, 4242] {
        tag(&format!("holding:{index}"), "UINT");
        tag(&format!("input:{index}"), "UINT");
        tag(&format!("coil:{index}"), "BOOL");
        tag(&format!("discrete:{index}"), "BOOL");
    }
    tag("holding:4243.3", "BOOL");
    tag("holding:500", "UDINT");
    for index in (2000..2125).step_by(4) {
        tag(&format!("holding:{index}"), "UINT");
    }
    for index in (5000..7000).step_by(53).chain([6999]) {
        tag(&format!("coil:{index}"), "BOOL");
    }
    text + "]\n"
}
