//! Pollers against servers that others wrote, over sockets and lines, through their restarts.
//!
//! Each server is filled so that a value shows where it was read: see [`peers::polled`].

mod polled;
mod server;

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tokio_serial::{SerialPort, SerialStream};

use polled::Polled;
use server::{Program, Simulated};

/// Cycles in a row in which every value must be good.
const N_CYCLES: usize = 20;

#[tokio::test]
async fn values_of_a_pymodbus_server_are_right_and_survive_its_restart() {
    let Some(program) = Program::pymodbus() else { return };
    over_tcp(|port| program.start("tcp", port)).await;
}

#[tokio::test]
async fn values_of_a_pymodbus_slave_on_a_line_are_right_and_survive_its_restart() {
    let Some(program) = Program::pymodbus() else { return };
    over_a_line(|path| program.start("rtu", path)).await;
}

#[tokio::test]
async fn values_of_a_libmodbus_server_are_right_and_survive_its_restart() {
    let Some(program) = Program::libmodbus() else { return };
    over_tcp(|port| program.start("tcp", port)).await;
}

#[tokio::test]
async fn values_of_a_libmodbus_slave_on_a_line_are_right_and_survive_its_restart() {
    let Some(program) = Program::libmodbus() else { return };
    over_a_line(|path| program.start("rtu", path)).await;
}

#[tokio::test]
async fn values_of_a_modbus_serial_server_are_right_and_survive_its_restart() {
    let Some(program) = Program::modbus_serial() else { return };
    over_tcp(|port| program.start("tcp", port)).await;
}

#[tokio::test]
async fn values_of_a_tokio_modbus_server_are_right_and_survive_its_restart() {
    over_tcp(|port| Simulated::start(port.parse().unwrap())).await;
}

#[tokio::test]
async fn requests_that_are_due_follow_one_another_without_a_wait() {
    // A wait for one tick of the runtime's timer before each would allow 1000 a second at most.
    const N_REQUESTS: usize = 100;
    let port = unused_port();
    let _server = Simulated::start(port.parse().unwrap());
    let mut polled = Polled::begin_overdue(&format!("tcp = \"127.0.0.1:{port}\""));
    let mut best = Duration::MAX;
    for _ in 0..50 {
        let started = Instant::now();
        polled.skip(N_REQUESTS).await;
        best = best.min(started.elapsed());
    }
    assert!(best < Duration::from_millis(90), "{N_REQUESTS} requests take {best:?} at best");
}

/// Poll the server that `start` starts on a port, which dropping it kills.
async fn over_tcp<S>(start: impl Fn(&str) -> S) {
    let port = unused_port();
    through_a_restart(&format!("tcp = \"127.0.0.1:{port}\""), || start(&port)).await;
}

fn unused_port() -> String {
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    reserved.local_addr().unwrap().port().to_string()
}

/// Poll the server that `start` starts on a terminal, which dropping it kills. Two terminals back
/// to back are the line.
async fn over_a_line<S>(start: impl Fn(&str) -> S) {
    let (mut masters_end, _near, masters_path) = terminal();
    let (mut slaves_end, _far, slaves_path) = terminal();
    let endpoint = format!("serial = {{ device = \"{masters_path}\", baud = 115200 }}");
    beside(
        async { tokio::io::copy_bidirectional(&mut masters_end, &mut slaves_end).await },
        through_a_restart(&endpoint, || start(&slaves_path)),
    )
    .await;
}

async fn through_a_restart<S>(endpoint: &str, start: impl Fn() -> S) {
    let mut polled = Polled::begin(endpoint);
    let server = start();
    polled.expect_good_cycles(N_CYCLES).await;
    drop(server);
    polled.expect_an_outage().await;
    let _server = start();
    polled.expect_good_cycles(N_CYCLES).await;
}

/// A pseudo-terminal: its master's end, the terminal itself (to be held open), and its path.
fn terminal() -> (SerialStream, SerialStream, String) {
    let (master, terminal) = SerialStream::pair().unwrap();
    let path = terminal.name().unwrap();
    (master, terminal, path)
}

async fn beside<T: std::fmt::Debug>(line: impl Future<Output = T>, test: impl Future<Output = ()>) {
    tokio::select! {
        ended = line => panic!("the line ended: {ended:?}"),
        () = test => (),
    }
}
