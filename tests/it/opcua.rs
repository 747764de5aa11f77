//! The OPC UA client against servers that are not ours: asyncua and node-opcua.
//!
//! They are found in `target/venv` and `target/node`, where `.ci/run` puts them, or where
//! `INFRA_MONITOR_VENV` and `INFRA_MONITOR_NODE` say.

mod grades;
mod login;
mod security;
pub(crate) mod server;
mod services;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use infra_monitor::config::Server;
use infra_monitor::poller;
use infra_monitor::record::{Doubt, Fault, Quality, Reading, Sample};
use infra_monitor::tag::{NodeId, Tag, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use server::{Peer, Running};

const PATIENCE: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_millis(200);

fn tag(name: &str, node: &str) -> Arc<Tag> {
    Arc::new(Tag::at(name, node.parse::<NodeId>().unwrap().into()))
}

fn config(port: u16) -> Server {
    let level = tag("level", "ns=2;i=1001");
    let scaled = Tag { scale: 0.01, ..Tag::clone(&level) };
    let tags = vec![
        tag("pressure", "ns=2;s=Pump.Pressure"),
        Arc::new(scaled),
        tag("estimate", "ns=2;s=Estimate"),
        tag("absent", "ns=2;s=Nowhere"),
    ];
    let server = Server::new(([127, 0, 0, 1], port).into());
    Server { every: EVERY, url: format!("{}/plant", server.url).into(), tags, ..server }
}

/// A client at work.
struct Client {
    readings: mpsc::Receiver<Reading>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Client {
    fn start(server: Server) -> Self {
        let (sender, readings) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(poller::opcua::run("plant".into(), Arc::new(server), sender, stop.clone()));
        Self { readings, stop, tasks }
    }

    /// The next sample that is wanted, and its reading.
    async fn wait_for(&mut self, wanted: impl Fn(&Sample) -> bool) -> (Reading, Sample) {
        let mut seen = vec![];
        let found = timeout(PATIENCE, async {
            while let Some(reading) = self.readings.recv().await {
                if let Some(sample) = reading.samples.iter().find(|sample| wanted(sample)) {
                    return Some((reading.clone(), sample.clone()));
                }
                seen.push(reading);
            }
            None
        });
        found.await.ok().flatten().unwrap_or_else(|| panic!("waited in vain: {seen:?}"))
    }

    /// The first sample of each of so many tags, and its reading.
    async fn first_of_each(&mut self, n_tags: usize) -> BTreeMap<String, (Reading, Sample)> {
        let mut first = BTreeMap::new();
        while first.len() < n_tags {
            let reading = timeout(PATIENCE, self.readings.recv()).await.unwrap().unwrap();
            for sample in &reading.samples {
                let named = first.entry(sample.tag.name.to_string());
                named.or_insert_with(|| (reading.clone(), sample.clone()));
            }
        }
        first
    }

    async fn wait_for_good(&mut self, name: &str) -> (Reading, Sample) {
        self.wait_for(|sample| &*sample.tag.name == name && sample.quality.is_good()).await
    }

    async fn wait_for_outage(&mut self) -> String {
        let (reading, _) =
            self.wait_for(|sample| sample.quality == Quality::Bad(Fault::LinkDown)).await;
        reading.detail.unwrap().to_string()
    }

    /// It ends by itself when it is told to.
    async fn end(mut self) {
        self.stop.cancel();
        timeout(PATIENCE, self.tasks.join_next()).await.unwrap();
    }
}

async fn values_arrive_with_grade_and_time(peer: Peer) {
    let Some(server) = Running::start(peer) else { return };
    let mut client = Client::start(config(server.port));
    let first = client.first_of_each(4).await;
    let (reading, level) = &first["level"];
    assert_eq!((&level.value, reading.unit), (&Some(Value::Real(421.0 * 0.01)), None));
    let (reading, estimate) = &first["estimate"];
    let Quality::Uncertain(Doubt::Status(status)) = estimate.quality else {
        panic!("{estimate:?}")
    };
    assert_eq!((status.name, &estimate.value), ("UncertainSubNormal", &Some(Value::Real(1.5))));
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_714_979_289);
    assert_eq!(reading.at, written, "the source's time");
    let (reading, absent) = &first["absent"];
    let Quality::Bad(Fault::Status(status)) = absent.quality else { panic!("{absent:?}") };
    assert_eq!((status.name, &absent.value), ("BadNodeIdUnknown", &None));
    assert!(reading.detail.as_ref().unwrap().contains("look it up with a browser"));
    let mut last = -1.0;
    for _ in 0..5 {
        let (_, pressure) = client.wait_for_good("pressure").await;
        let value = pressure.value.and_then(|value| value.as_f64()).unwrap();
        assert!(value > last, "{value} after {last}");
        last = value;
    }
    client.end().await;
}

#[tokio::test]
async fn values_of_asyncua_arrive_with_grade_and_time() {
    values_arrive_with_grade_and_time(Peer::Asyncua).await;
}

#[tokio::test]
async fn values_of_node_opcua_arrive_with_grade_and_time() {
    values_arrive_with_grade_and_time(Peer::NodeOpcua).await;
}

async fn a_restarted_server_is_heard_again_within_ten_seconds(peer: Peer) {
    let Some(mut server) = Running::start(peer) else { return };
    let mut client = Client::start(config(server.port));
    client.wait_for_good("pressure").await;
    server.kill();
    let why = client.wait_for_outage().await;
    assert!(why.contains("127.0.0.1"), "{why}");
    // The client tries all the while, at ever longer intervals.
    server.restart();
    let restarted = Instant::now();
    // The first values might be read once; later ones were told.
    for _ in 0..10 {
        client.wait_for_good("pressure").await;
    }
    let took = restarted.elapsed();
    eprintln!("{peer:?}: ten changes within {took:?} of the restart");
    assert!(took < Duration::from_secs(10), "{took:?}");
    client.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_asyncua_is_heard_again_within_ten_seconds() {
    a_restarted_server_is_heard_again_within_ten_seconds(Peer::Asyncua).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_node_opcua_is_heard_again_within_ten_seconds() {
    a_restarted_server_is_heard_again_within_ten_seconds(Peer::NodeOpcua).await;
}

#[tokio::test]
async fn a_server_that_forgets_its_subscriptions_is_subscribed_to_again() {
    let Some(mut server) = Running::start(Peer::Asyncua) else { return };
    let mut client = Client::start(config(server.port));
    client.wait_for_good("pressure").await;
    server.command("forget");
    let why = client.wait_for_outage().await;
    assert!(why.contains("answers reads and has not notified"), "{why}");
    client.wait_for_good("pressure").await;
    client.end().await;
}

#[tokio::test]
async fn a_server_that_refuses_subscriptions_is_read() {
    let Some(mut server) = Running::start(Peer::Asyncua) else { return };
    server.command("refuse");
    let mut client = Client::start(config(server.port));
    for _ in 0..5 {
        let (reading, _) = client.wait_for_good("pressure").await;
        assert!(reading.latency > Duration::ZERO, "it was asked for");
    }
    client.end().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_says_why_and_what_to_do() {
    let mut client = Client::start(config(1));
    let why = client.wait_for_outage().await;
    assert!(why.contains("opc.tcp://127.0.0.1:1/plant"), "{why}");
    assert!(why.contains("nothing listens there or a firewall rejects"), "{why}");
    client.end().await;

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let impatient = Server { timeout: Duration::from_millis(200), ..config(port) };
    let mut client = Client::start(impatient);
    let why = client.wait_for_outage().await;
    assert!(why.contains("does not answer within 200ms"), "{why}");
    client.end().await;
}

#[test]
fn nothing_can_write_to_a_server() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/poller/opcua");
    let files = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|it| it == "rs")).collect();
    assert!(files.len() >= 5);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        // The services of Part 4 that change a server's data, programs or address space.
        for service in [
            "session.write",
            "Write::",
            "WriteValue",
            ".call(",
            "Call::",
            "call_one",
            "history_update",
            "HistoryUpdate",
            "add_nodes",
            "AddNodes",
            "delete_nodes",
            "DeleteNodes",
            "add_references",
            "delete_references",
            "set_triggering",
            "register_nodes",
        ] {
            assert!(!text.contains(service), "{} has {service}", path.display());
        }
    }
}
