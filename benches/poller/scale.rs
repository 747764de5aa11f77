//! A big plant: 100,000 tags each second over 1,000 links, of which every tenth is a black hole.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use infra_monitor::config::{Endpoint, Link};
use infra_monitor::poller;
use infra_monitor::record::{Reading, SourceId};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use super::request::{N_REGISTERS, device};
use super::site::Site;

const N_LINKS: u32 = 1_000;
const BLACK_HOLE_EVERY: u32 = 10;
const EVERY: Duration = Duration::from_secs(1);
/// Connections are made, and black holes backed off from.
const SETTLING: Duration = Duration::from_secs(4);
const MEASURED: Duration = Duration::from_secs(12);
/// As the program has.
const N_WORKERS: usize = 2;
const N_QUEUED: usize = 1024;

pub(super) fn run(site: &Site) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(N_WORKERS).enable_all().build().unwrap();
    let rss_before = rss_kib();
    let links: Vec<_> = (0..N_LINKS).map(|nth| link(nth, site)).collect();
    let rss_of_tags = rss_kib() - rss_before;
    let polled = runtime.block_on(poll(links));
    let rss = rss_kib() - rss_before;
    let Polled { n_samples, cpu_share, lateness } = polled;
    let n_tags = N_LINKS * u32::from(N_REGISTERS);
    println!("\n{n_tags} tags a second, {N_LINKS} links, one in {BLACK_HOLE_EVERY} a black hole");
    println!("good samples a second  {:>9.0}", f64::from(n_samples) / MEASURED.as_secs_f64());
    println!("CPU, of one core       {cpu_share:>8.1}%");
    println!(
        "memory                 {:>8.1} MiB, {:.1} KiB a link, of which tags {:.1} KiB",
        rss / 1024.0,
        rss / f64::from(N_LINKS),
        rss_of_tags / f64::from(N_LINKS)
    );
    let ms = |thousandths: usize| {
        let nth = (lateness.len() * thousandths / 1000).min(lateness.len() - 1);
        lateness[nth].as_secs_f64() * 1e3
    };
    println!(
        "lateness of replies    {:>8.1} ms median, {:.1} ms p99, {:.1} ms p99.9, {:.1} ms worst",
        ms(500),
        ms(990),
        ms(999),
        ms(1000)
    );
}

fn link(nth: u32, site: &Site) -> (SourceId, Arc<Link>) {
    let port = if nth.is_multiple_of(BLACK_HOLE_EVERY) { site.silent } else { site.answering };
    let name = format!("link-{nth}");
    let devices = vec![device(&name, 1, EVERY)];
    let timeout = Duration::from_millis(500);
    let endpoint = Endpoint::Tcp(([127, 0, 0, 1], port).into());
    (SourceId::from(&*name), Arc::new(Link { timeout, devices, ..Link::new(endpoint) }))
}

struct Polled {
    n_samples: u32,
    cpu_share: f64,
    /// Of good readings, sorted: arrival after the time that the reading was due.
    lateness: Vec<Duration>,
}

async fn poll(links: Vec<(SourceId, Arc<Link>)>) -> Polled {
    let (readings, mut received) = mpsc::channel(N_QUEUED);
    let stop = CancellationToken::new();
    let mut polling = JoinSet::new();
    let begins = Arc::new(Mutex::new(BTreeMap::new()));
    for (id, link) in links {
        let (readings, stop, begins) = (readings.clone(), stop.clone(), Arc::clone(&begins));
        polling.spawn(async move {
            let first = SystemTime::now() + poller::phase(&id, EVERY);
            begins.lock().unwrap().insert(id.clone(), first);
            poller::run(id, link, readings, stop).await;
        });
    }
    let settled = Instant::now() + SETTLING;
    while timeout_at(settled.into(), received.recv()).await.is_ok() {}
    let begins = begins.lock().unwrap().clone();
    let (cpu_before, wall) = (cpu(), Instant::now());
    let mut polled = Polled { n_samples: 0, cpu_share: 0.0, lateness: vec![] };
    let end = wall + MEASURED;
    while let Ok(Some(reading)) = timeout_at(end.into(), received.recv()).await {
        polled.note(&reading, begins[&reading.source]);
    }
    let spent = cpu().saturating_sub(cpu_before);
    polled.cpu_share = spent.as_secs_f64() / wall.elapsed().as_secs_f64() * 100.0;
    polled.lateness.sort();
    polled
}

impl Polled {
    /// The reading of a link that has been due every second since `began`.
    fn note(&mut self, reading: &Reading, began: SystemTime) {
        if reading.quality.is_good() {
            self.n_samples += u32::try_from(reading.samples.len()).unwrap();
            let since = reading.at.duration_since(began).unwrap_or_default();
            self.lateness.push(Duration::from_nanos(u64::from(since.subsec_nanos())));
        }
    }
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap())
}

fn rss_kib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}
