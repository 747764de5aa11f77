//! In the place of OPC UA where it was left out: says so, instead of leaving a source unexplained.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::Server;
use crate::record::{BlockChecksum, Fault, Quality, Reading, Sample, SourceId};

/// Report once that `server` cannot be read, then wait for `stop`.
pub async fn run(
    id: SourceId,
    server: Arc<Server>,
    readings: mpsc::Sender<Reading>,
    stop: CancellationToken,
) {
    let quality = Quality::Bad(Fault::LinkDown);
    let why = format!(
        "{} cannot be read: this program was built without OPC UA; install one that has it \
         (cargo feature `opcua`), or remove the [[opcua]]",
        server.url
    );
    let samples = server.tags.iter().cloned();
    let reading = Reading {
        device: id.as_str().into(),
        source: id,
        unit: None,
        at: SystemTime::now(),
        latency: Duration::ZERO,
        missed: 0,
        exchange: None,
        quality,
        detail: Some(why.into()),
        samples: samples.map(|tag| Sample { tag, value: None, quality }).collect(),
        checksum: BlockChecksum::Unverified,
    };
    if readings.send(reading).await.is_ok() {
        stop.cancelled().await;
    }
}
