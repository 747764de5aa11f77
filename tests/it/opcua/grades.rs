//! Grades and times of a server, as far from the usual as they come.

use std::time::{Duration, SystemTime};

use infra_monitor::config::Server;
use infra_monitor::record::{Fault, Quality};
use infra_monitor::tag::Value;

use super::server::{Peer, Running};
use super::{Client, config, tag};

/// Midnight of 3 February 1971 and 2199.
const PAST: u64 = 34_387_200;
const FUTURE: u64 = 7_229_433_600;

#[tokio::test]
async fn grades_are_mapped_and_times_of_other_centuries_kept() {
    let Some(server) = Running::start(Peer::Asyncua) else { return };
    let names = ["Past", "Future", "BadSensorFailure", "GoodLocalOverride"];
    let tags = names.iter().map(|name| tag(name, &format!("ns=2;s={name}"))).collect();
    let mut client = Client::start(Server { tags, ..config(server.port) });
    let first = client.first_of_each(names.len()).await;

    for (name, seconds) in [("Past", PAST), ("Future", FUTURE)] {
        let (reading, sample) = &first[name];
        assert_eq!((&sample.value, sample.quality), (&Some(Value::Real(7.5)), Quality::Good));
        assert_eq!(reading.at, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), "{name}");
    }
    let (reading, bad) = &first["BadSensorFailure"];
    let Quality::Bad(Fault::Status(status)) = bad.quality else { panic!("{bad:?}") };
    assert_eq!((status.name, &bad.value), ("BadSensorFailure", &None), "it had a value of 2.5");
    assert!(reading.detail.as_ref().unwrap().contains("check what is behind it"));
    let (reading, good) = &first["GoodLocalOverride"];
    assert_eq!((&good.value, good.quality), (&Some(Value::Real(2.5)), Quality::Good));
    assert_eq!(reading.detail, None);
    client.end().await;
}
