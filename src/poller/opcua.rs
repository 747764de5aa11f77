//! OPC UA servers: one task for each. What a server tells by itself and what it is asked for become
//! readings.
//!
//! A session is never mended: whatever ends it (the connection, the server, silence) ends all of
//! it, and session and subscription are built anew. Libraries that mend them reconnect after a
//! restart of the server, read again, and never hear of a change again. Nothing here can write to
//! a server: no service that does is called.

mod dial;
mod explain;
mod login;
mod reading;
mod session;
mod trust;
mod value;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::Server;
use crate::record::{Reading, SourceId};

use super::schedule::Backoff;
use reading::Source;

/// Wait after a first failure; later ones grow.
const FLOOR: Duration = Duration::from_millis(500);

/// How a session ended.
#[derive(Debug)]
enum Ended {
    /// Told to, or nobody takes readings any more.
    Stopped,
    /// What, where, the likely cause and the next step.
    Lost(String),
}

/// Keep a session with `server` until `stop` is cancelled or nobody takes readings any more.
pub async fn run(
    id: SourceId,
    server: Arc<Server>,
    readings: mpsc::Sender<Reading>,
    stop: CancellationToken,
) {
    let source = Source::new(id, server);
    let mut backoff = Backoff::new(FLOOR, source.server.backoff_max);
    loop {
        // On the heap: this state is 18 KB, and only servers have it.
        let session = Box::pin(session::keep(&source, &readings, &mut backoff, &stop));
        let why = match session.await {
            Ended::Stopped => return,
            Ended::Lost(why) => why,
        };
        if readings.send(source.outage(why)).await.is_err() {
            return;
        }
        let now = Instant::now();
        backoff.on_failure(now);
        let wait = backoff.remaining(now).unwrap_or(FLOOR);
        if stop.run_until_cancelled(sleep(wait)).await.is_none() {
            return;
        }
    }
}
