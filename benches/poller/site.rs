//! The other side, in a process of its own so that neither its time nor its memory is measured:
//! a port where every holding register holds its own address, and one where nobody ever answers.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Argument that makes this program the site.
const ROLE: &str = "--site";

pub(super) struct Site {
    process: Child,
    pub(super) answering: u16,
    pub(super) silent: u16,
}

impl Site {
    pub(super) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = command.arg(ROLE).stdout(Stdio::piped()).spawn().unwrap();
        let mut ports = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut port = || ports.next().unwrap().unwrap().parse().unwrap();
        let (answering, silent) = (port(), port());
        Self { process, answering, silent }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Be the site until killed, if that is what this process was started for.
pub(super) fn serve_if_asked() {
    if !std::env::args().any(|argument| argument == ROLE) {
        return;
    }
    // A bench that is killed drops nothing.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answering = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stdout = std::io::stdout().lock();
        for listener in [&answering, &silent] {
            writeln!(stdout, "{}", listener.local_addr().unwrap().port()).unwrap();
        }
        let mut connections = JoinSet::new();
        loop {
            tokio::select! { // both `accept`s are cancel safe
                Ok((stream, _)) = answering.accept() => connections.spawn(answer(stream)),
                Ok((stream, _)) = silent.accept() => connections.spawn(ignore(stream)),
            };
            while connections.try_join_next().is_some() {}
        }
    });
}

async fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut request = [0; 12];
    let mut reply = vec![];
    while stream.read_exact(&mut request).await.is_ok() {
        let [t0, t1, _, _, _, _, unit, function, first_hi, first_lo, _, count] = request;
        let first = u16::from_be_bytes([first_hi, first_lo]);
        reply.clear();
        reply.extend([t0, t1, 0, 0, 0, 3 + 2 * count, unit, function, 2 * count]);
        reply.extend((0..u16::from(count)).flat_map(|nth| (first + nth).to_be_bytes()));
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// Take requests and do nothing.
async fn ignore(mut stream: TcpStream) {
    let mut requests = [0; 64];
    while stream.read(&mut requests).await.is_ok_and(|n_bytes| n_bytes > 0) {}
}
