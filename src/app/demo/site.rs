//! The simulated site on a thread of its own: controllers, plant, and everything that goes wrong.
//!
//! It knows nothing of the monitor that watches it. They meet on a TCP port and a terminal.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_modbus::Slave;
use tokio_modbus::client::Writer;
use tokio_modbus::client::tcp;
use tokio_modbus::server;
use tokio_util::sync::CancellationToken;

use crate::sys::inject::Injector;

use super::frame;
use super::line::Fault;
use super::line::Line;
use super::modbus::Controller;
use super::modbus::Relay;
use super::modbus::START_LEVEL;
use super::modbus::SharedPlant;
use super::narrator::Narrator;
use super::plant::Plant;
use super::script::Act;
use super::script::Cue;
use super::script::cues;

/// Unit of the controller.
pub(super) const CONTROLLER_UNIT: u8 = 1;
/// Tried first, so that `infra_monitor read tcp://127.0.0.1:1502 …` works beside the demo.
const FAVOURITE_PORT: u16 = 1502;
/// How often the plant moves.
const STEP: Duration = Duration::from_millis(50);

/// What the site did to itself, to compare with what the monitor saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    pub writes: u64,
    pub flipped_bits: u64,
    pub delayed_replies: u64,
    pub corrupt_frames: u64,
}

/// A running site.
pub(super) struct Site {
    pub(super) controller: SocketAddr,
    /// Terminal of the serial line.
    pub(super) line: PathBuf,
    stop: CancellationToken,
    thread: std::thread::JoinHandle<io::Result<Staged>>,
}

impl Site {
    /// Open everything here, where errors can be told, then run on a thread of its own.
    /// Without an `injector` no frame is corrupted.
    pub(super) fn start(injector: Option<Injector>, narrator: Narrator) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (listener, line) = {
            let _inside = runtime.enter();
            (TcpListener::from_std(listen()?)?, Line::open()?)
        };
        let (controller, device) = (listener.local_addr()?, line.device.clone());
        let stop = CancellationToken::new();
        let body = Body { listener, line, injector, narrator, stop: stop.clone() };
        let thread =
            crate::sys::spawn_pinned("site".into(), None, move || runtime.block_on(body.serve()))?;
        Ok(Self { controller, line: device, stop, thread })
    }

    /// Stop, and say what was staged.
    pub(super) fn stop(self) -> io::Result<Staged> {
        self.stop.cancel();
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the site panicked")))
    }
}

fn listen() -> io::Result<std::net::TcpListener> {
    let bind = |port| std::net::TcpListener::bind(("127.0.0.1", port));
    let listener = bind(FAVOURITE_PORT).or_else(|_| bind(0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Everything the thread owns.
struct Body {
    listener: TcpListener,
    line: Line,
    injector: Option<Injector>,
    narrator: Narrator,
    stop: CancellationToken,
}

impl Body {
    /// Until stopped, or until a part of the site fails.
    async fn serve(self) -> io::Result<Staged> {
        let plant = SharedPlant::new(Plant::new());
        let controller = self.listener.local_addr()?;
        // One fault waits for the next reply; more at once would be no demonstration.
        let (arm, faults) = mpsc::channel(1);
        let mut stage = Stage {
            controller,
            arm,
            injector: self.injector,
            narrator: self.narrator,
            staged: Staged::default(),
        };
        let relay = server::rtu::Server::new(self.line.slave).serve_forever(Relay(plant.clone()));
        // Each branch is polled until the first ends, and that ends the site: none is resumed.
        tokio::select! {
            () = self.stop.cancelled() => (),
            () = stage.play() => (),
            () = live(&plant) => (),
            ended = serve_tcp(self.listener, plant.clone()) => ended?,
            ended = relay => ended?,
            ended = self.line.shuttle.run(faults) => ended?,
        }
        Ok(stage.staged)
    }
}

/// Let the plant move for ever.
async fn live(plant: &SharedPlant) {
    let mut tick = tokio::time::interval(STEP);
    loop {
        tick.tick().await;
        plant.with(|plant| plant.advance(STEP));
    }
}

async fn serve_tcp(listener: TcpListener, plant: SharedPlant) -> io::Result<()> {
    let controller = Controller(plant);
    let connected = |stream, peer| {
        let controller = controller.clone();
        async move { server::tcp::accept_tcp_connection(stream, peer, |_| Ok(Some(controller.clone()))) }
    };
    server::tcp::Server::new(listener).serve(&connected, |_| ()).await
}

/// Plays the script.
struct Stage {
    controller: SocketAddr,
    arm: mpsc::Sender<Fault>,
    injector: Option<Injector>,
    narrator: Narrator,
    staged: Staged,
}

impl Stage {
    async fn play(&mut self) {
        let start = Instant::now();
        for cue in cues() {
            tokio::time::sleep_until(start + cue.due).await;
            self.perform(cue).await;
        }
    }

    /// Do it and count it. What cannot be done is not counted, and the show goes on.
    async fn perform(&mut self, cue: Cue) {
        let is_captured = self.injector.is_some();
        if matches!(cue.act, Act::CorruptFrame { .. }) && !is_captured {
            return;
        }
        self.narrator.say(&cue.narration(is_captured));
        match cue.act {
            Act::Write { start_level_cm } => {
                let written = write_start_level(self.controller, start_level_cm).await;
                self.staged.writes += u64::from(written.is_ok());
            }
            Act::FlipBit { bit } => {
                let armed = self.arm.try_send(Fault::FlipBit(bit));
                self.staged.flipped_bits += u64::from(armed.is_ok());
            }
            Act::DelayReply(delay) => {
                let armed = self.arm.try_send(Fault::Delay(delay));
                self.staged.delayed_replies += u64::from(armed.is_ok());
            }
            Act::CorruptFrame { bit } => {
                let sent = self.injector.as_ref().map(|wire| wire.send(&frame::damaged(bit)));
                self.staged.corrupt_frames += u64::from(matches!(sent, Some(Ok(()))));
            }
        }
    }
}

/// What an engineering station would do. The monitor itself cannot write: this is the site, and
/// the bytes are made by `tokio-modbus`.
async fn write_start_level(controller: SocketAddr, level_cm: u16) -> io::Result<()> {
    let mut station = tcp::connect_slave(controller, Slave(CONTROLLER_UNIT)).await?;
    station
        .write_single_register(START_LEVEL, level_cm)
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)
}
