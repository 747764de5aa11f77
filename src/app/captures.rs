//! Captures: the sockets, opened while we still may, and later two threads for each.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::analysis;
use crate::analysis::Analyser;
use crate::block::Delivery;
use crate::capture;
use crate::capture::CaptureError;
use crate::capture::Leavings;
use crate::capture::Opened;
use crate::capture::Parked;
use crate::capture::counters;
use crate::capture::counters::Counters;
use crate::config::Capture;
use crate::config::Config;
use crate::config::MAX_RINGS_IN_ALL;
use crate::config::Processors;
use crate::config::Seccomp;
use crate::flow::WatchList;
use crate::record::Activity;
use crate::record::Event;
use crate::record::Kind;
use crate::record::SourceId;
use crate::record::WireReport;
use crate::sys;
use crate::sys::Place;

use super::drain::Thread;
use super::notices::Notices;
use super::restrict;
use super::store;
use super::supervisor::Supervisor;
use super::watchdog::Gates;

/// A packet ring, not yet looked at.
#[derive(Debug)]
pub(super) struct Acquired {
    id: SourceId,
    spec: Arc<Capture>,
    /// Which of those that share the interface.
    ring: u8,
    opened: Opened,
}

/// All that captures need.
#[derive(Debug)]
pub(super) struct Acquisition {
    captures: Vec<Acquired>,
    /// `None` where the kernel does not tell; captures do without.
    counters: Option<Counters>,
    leavings: Leavings,
}

impl Acquisition {
    /// Names under which the service manager keeps sockets: of those in use, and of the others.
    pub(super) fn parked(&self) -> (&[String], &[String]) {
        (&self.leavings.in_use, &self.leavings.surplus)
    }
}

// Each ring that a configuration may ask for has a descriptor of its own.
const _: () = assert!(
    *sys::CAPTURE_FDS.end() - *sys::CAPTURE_FDS.start() + 1 == MAX_RINGS_IN_ALL.cast_signed()
);

/// How often interfaces are asked what they lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Open every configured ring, on what is parked for it if anything is. Where there is nothing, it
/// is the only thing the daemon needs a permission for.
pub(super) fn acquire(config: &Config, mut parked: Parked) -> Result<Acquisition, CaptureError> {
    let mut captures = Vec::new();
    for (id, spec) in &config.captures {
        for ring in 0..spec.rings {
            let opened = capture::open_from(&mut parked, spec, ring)?;
            captures.push(Acquired { id: id.clone(), spec: Arc::clone(spec), ring, opened });
        }
    }
    let opened = (!captures.is_empty()).then(counters::open).transpose();
    let counters = opened.unwrap_or_else(|error| {
        tracing::warn!(%error, "what interfaces lose before the ring cannot be counted");
        None
    });
    Ok(Acquisition { captures, counters, leavings: parked.close() })
}

/// What every capture's threads are given.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub(super) reports: mpsc::Sender<WireReport>,
    /// Servers whose reads are kept.
    pub(super) watched: watch::Receiver<WatchList>,
    pub(super) notices: Notices,
    pub(super) stop: CancellationToken,
    pub(super) runtime: Handle,
    pub(super) seccomp: Seccomp,
    /// Whether capture threads are served before others.
    pub(super) realtime: bool,
}

/// Start the threads of every ring, and the one that counts what never reached them.
pub(super) fn start(
    acquired: Acquisition,
    lanes: &Lanes,
    gates: &mut Gates,
) -> io::Result<Vec<Thread<()>>> {
    let Acquisition { captures, mut counters, leavings } = acquired;
    for ring in &leavings.discarded {
        lanes.notices.raise(store::discarded(ring));
    }
    let mut threads = Vec::with_capacity(2 * captures.len() + 1);
    for capture in captures {
        if let Some(backlog) = capture.opened.backlog() {
            lanes.notices.raise(store::resumed((&capture.id, capture.ring), &backlog));
        }
        threads.extend(capture.start(lanes, counters.as_mut(), gates)?);
    }
    if let Some(counters) = counters {
        threads.push(start_counters(counters, lanes.clone())?);
    }
    Ok(threads)
}

fn start_counters(mut counters: Counters, lanes: Lanes) -> io::Result<Thread<()>> {
    let name = "counters of interfaces".to_owned();
    let id = SourceId::from("interfaces");
    let supervisor = Supervisor::new("counters", id, lanes.notices, lanes.stop.clone());
    let handle = sys::spawn_pinned(name.clone(), None, move || {
        restrict::confine_or_warn(&sys::seccomp::counters(), lanes.seccomp);
        supervisor.keep_thread(&lanes.runtime, || {
            loop {
                counters.look()?;
                let stopped = async { timeout(LOOK_EVERY, lanes.stop.cancelled()).await };
                if lanes.runtime.block_on(stopped).is_ok() {
                    counters.look()?; // what was lost last
                    return Ok::<(), io::Error>(());
                }
            }
        });
    })?;
    Ok(Thread { name, handle })
}

impl Acquired {
    /// Start the thread that takes blocks from the ring and the one that judges them.
    fn start(
        self,
        lanes: &Lanes,
        counters: Option<&mut Counters>,
        gates: &mut Gates,
    ) -> io::Result<[Thread<()>; 2]> {
        // As deep as the ring: waiting here and waiting in the kernel are the same, and the
        // kernel's drop counter stays the only place of loss.
        let (deliveries, received) = mpsc::channel(self.opened.n_blocks());
        if let Some(counters) = counters {
            counters.follow(&self.spec.interface, self.ring, deliveries.clone());
        }
        let captured = gates.of_clockwork(&self.thread_name("capture"));
        let judged = gates.of_queue(self.thread_name("analysis"), &deliveries);
        let analysis = self.start_analysis(received, judged, lanes.clone())?;
        let capture = self.start_capture(deliveries, captured, lanes.clone())?;
        Ok([capture, analysis])
    }

    fn start_analysis(
        &self,
        deliveries: mpsc::Receiver<Delivery>,
        activity: Activity,
        lanes: Lanes,
    ) -> io::Result<Thread<()>> {
        let analyser = Analyser::new(self.id.clone(), &self.spec.services)
            .of_ring(self.ring, self.spec.rings)
            .watching(lanes.watched.clone())
            .showing(activity);
        let id = self.id.clone();
        let name = self.thread_name("analysis");
        let handle = sys::spawn_pinned(name.clone(), self.place(), move || {
            // What strangers send is not parsed by a thread that could do more than parse.
            if let Err(error) = restrict::confine(&sys::seccomp::analysis(), lanes.seccomp) {
                let text = format!("analysis {id} cannot be confined and does not run: {error}");
                lanes.notices.raise(Event::new(Kind::TaskFailed, SystemTime::now(), id, text));
                return;
            }
            analysis::run(analyser, deliveries, &lanes.reports);
        })?;
        Ok(Thread { name, handle })
    }

    fn start_capture(
        self,
        deliveries: mpsc::Sender<Delivery>,
        activity: Activity,
        lanes: Lanes,
    ) -> io::Result<Thread<()>> {
        let (name, place) = (self.thread_name("capture"), self.place());
        let Self { id, opened, .. } = self;
        let mut opened = opened.showing(activity);
        let supervisor = Supervisor::new("capture", id, lanes.notices, lanes.stop.clone());
        let handle = sys::spawn_pinned(name.clone(), place, move || {
            if lanes.realtime
                && let Err(error) = sys::serve_first()
            {
                tracing::warn!(%error, "a capture thread is served as others are; see [runtime] realtime");
            }
            restrict::confine_or_warn(&sys::seccomp::capture(), lanes.seccomp);
            supervisor.keep_thread(&lanes.runtime, || {
                capture::run(&mut opened, &deliveries, &lanes.stop)
            });
        })?;
        Ok(Thread { name, handle })
    }

    fn place(&self) -> Place {
        match self.spec.cpus {
            Processors::Auto => Place::ButFirst,
            Processors::Any | Processors::Listed(_) => self.spec.cpu_of(self.ring).into(),
        }
    }

    /// `capture eth1`, and of several rings `capture eth1/0`.
    fn thread_name(&self, role: &str) -> String {
        match self.spec.rings {
            1 => format!("{role} {}", self.id),
            _ => format!("{role} {}/{}", self.id, self.ring),
        }
    }
}
