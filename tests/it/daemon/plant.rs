//! A Modbus/TCP controller that counts: connections and requests. Every register holds 7.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

pub(super) struct Controller {
    address: SocketAddr,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    connections: AtomicU64,
    requests: AtomicU64,
}

impl Controller {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(Count::default());
        let counted = Arc::clone(&count);
        spawn(move || {
            for stream in listener.incoming() {
                counted.connections.fetch_add(1, Ordering::Relaxed);
                let counted = Arc::clone(&counted);
                spawn(move || serve(&stream.unwrap(), &counted));
            }
        });
        Self { address, count }
    }

    /// A port on which nothing listens: it was free a moment ago.
    pub(super) fn absent() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { address, count: Arc::default() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn n_connections(&self) -> u64 {
        self.count.connections.load(Ordering::Relaxed)
    }

    pub(super) fn wait_for_connections(&self, n: u64) {
        wait_until(&format!("{n} connections"), || self.n_connections() >= n);
    }

    pub(super) fn n_requests(&self) -> u64 {
        self.count.requests.load(Ordering::Relaxed)
    }

    pub(super) fn wait_for_requests(&self, n: u64) {
        wait_until(&format!("{n} requests"), || self.n_requests() >= n);
    }
}

/// Answer reads of registers until the client hangs up.
fn serve(mut stream: &TcpStream, count: &Count) {
    let mut request = [0; 12];
    while stream.read_exact(&mut request).is_ok() {
        count.requests.fetch_add(1, Ordering::Relaxed);
        let [id_hi, id_lo, .., unit, function, _, _, _, quantity] = request;
        let len = 2 * quantity;
        let mut reply = vec![id_hi, id_lo, 0, 0, 0, 3 + len, unit, function, len];
        reply.extend([0, 7].repeat(quantity.into()));
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}

fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn spawn(body: impl FnOnce() + Send + 'static) {
    thread::Builder::new().spawn(body).unwrap();
}
