//! Threads of this process that take frames off a ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use infra_monitor::analysis::Analyser;
use infra_monitor::block::{Block, Delivery};
use infra_monitor::capture;
use infra_monitor::config::Capture;
use infra_monitor::record::Services;
use infra_monitor::sys::interface::Interface;
use infra_monitor::sys::{PacketRing, RingSpec, Share};
use infra_monitor_core::yardstick;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{INTERFACE, Site, Taken, schedstat};

const WAIT: Duration = Duration::from_millis(100);

/// Take blocks, read one byte of each packet, give the blocks back.
pub(super) fn bare(site: &Site) -> Option<Taken> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let (opened, is_open) = std::sync::mpsc::channel();
    let thread = site.at_tap(move || {
        let mut ring = ring();
        opened.send(()).unwrap();
        let before = own_cpu_ns();
        let (mut frames, mut sum) = (0, 0);
        while !stopped.load(Ordering::Relaxed) {
            if let Some(block) = ring.next_block(WAIT).unwrap() {
                let (n, touched) = yardstick::touch(&Block::Ring(Box::new(block)));
                frames += n;
                sum += touched;
            }
        }
        std::hint::black_box(sum);
        let cpu_ns = own_cpu_ns() - before;
        Taken { frames, drops: ring.count().unwrap().drops, cpu_ns }
    });
    is_open.recv().unwrap();
    site.flood();
    stop.store(true, Ordering::Relaxed);
    thread.join().ok()
}

/// The ring that a capture opens by default.
fn ring() -> PacketRing {
    let Capture { block_size, blocks, block_timeout, promiscuous, .. } = Capture::new(INTERFACE);
    let (share, purpose) = (Share::ALL, [0; 16]);
    let spec = RingSpec { block_size, blocks, block_timeout, promiscuous, share, purpose };
    let mut ring = PacketRing::open(&spec).unwrap();
    ring.rebind(Interface::find(INTERFACE).unwrap().unwrap()).unwrap();
    ring
}

/// The capture thread and the analysis thread, as the daemon runs them.
pub(super) fn ours(site: &Site) -> Option<Taken> {
    let config = Capture::new(INTERFACE);
    let (sender, deliveries) = mpsc::channel(config.blocks as usize);
    let stop = CancellationToken::new();
    let until = stop.clone();
    let capture = site.at_tap(move || {
        let mut tap = capture::open(&config, 0).unwrap();
        let before = own_cpu_ns();
        capture::run(&mut tap, &sender, &until).unwrap();
        own_cpu_ns() - before
    });
    let (ready, is_ready) = std::sync::mpsc::channel();
    let analysis = site.at_tap(move || analyse(deliveries, &ready));
    is_ready.recv().unwrap();
    site.flood();
    stop.cancel();
    let capture_ns = capture.join().ok()?;
    let taken = analysis.join().ok()?;
    Some(Taken { cpu_ns: taken.cpu_ns + capture_ns, ..taken })
}

/// Says once that the interface is captured from.
fn analyse(mut deliveries: mpsc::Receiver<Delivery>, ready: &std::sync::mpsc::Sender<()>) -> Taken {
    let mut analyser = Analyser::new("bench".into(), &Services::default());
    let mut taken = Taken::default();
    let before = own_cpu_ns();
    while let Some(delivery) = deliveries.blocking_recv() {
        let report = analyser.judge(delivery);
        if report.interface.is_some() {
            ready.send(()).unwrap();
        }
        taken.frames += report.frames;
        taken.drops += report.ring.drops;
    }
    Taken { cpu_ns: own_cpu_ns() - before, ..taken }
}

/// Of the calling thread.
fn own_cpu_ns() -> u64 {
    schedstat("/proc/thread-self/schedstat").unwrap()
}
