//! The watchdog: `WATCHDOG=1` for as long as every part of the daemon shows that it moves.
//!
//! It looks from a thread of its own, which needs neither the runtime nor the pipeline nor the
//! sink, for those may be what hangs. What has not moved for half the time-out is named in the log
//! and in `STATUS=`; then nothing more is said, and systemd starts the daemon anew. Who waits for a
//! reader of the log, be it a journald that is stopped, has not stalled: a restart would mend nothing.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use crate::config::Seccomp;
use crate::record::Activity;
use crate::record::Doing;
use crate::record::Event;
use crate::record::Kind;
use crate::record::Look;
use crate::sink::Beside;
use crate::sys;

use super::AppError;
use super::DAEMON;
use super::notify::Feeder;
use super::notify::ServiceManager;
use super::restrict;

/// What every part shows, in the order in which they are named.
#[derive(Default)]
pub(super) struct Gates(Vec<Gate>);

/// One part, as it was when last looked at.
struct Gate {
    name: String,
    activity: Activity,
    /// Whether there is anything that it should be doing.
    has_work: Box<dyn Fn() -> bool + Send>,
    last: Look,
    /// For how long it has not moved.
    still: Duration,
    has_passed: bool,
    is_stalled: bool,
}

/// What was found at one look.
#[derive(Debug, Default, PartialEq)]
struct Findings {
    is_fed: bool,
    stalled: Vec<Finding>,
    moving: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq)]
struct Finding {
    gate: String,
    doing: Doing,
    still: Duration,
}

impl Gates {
    /// Of a part that goes round by itself, whether or not there is work.
    pub(super) fn of_clockwork(&mut self, name: &str) -> Activity {
        self.of(name.to_owned(), || true)
    }

    /// Of a part that may rest as long as `queue` is empty.
    pub(super) fn of_queue<T: Send + 'static>(
        &mut self,
        name: String,
        queue: &Sender<T>,
    ) -> Activity {
        // Weak: a watchdog must not keep a queue open whose senders are gone.
        let queue = queue.downgrade();
        self.of(name, move || {
            queue
                .upgrade()
                .is_some_and(|queue| !queue.is_closed() && queue.capacity() < queue.max_capacity())
        })
    }

    fn of(&mut self, name: String, has_work: impl Fn() -> bool + Send + 'static) -> Activity {
        let activity = Activity::default();
        self.0.push(Gate {
            name,
            last: activity.look(),
            activity: activity.clone(),
            has_work: Box::new(has_work),
            still: Duration::ZERO,
            has_passed: false,
            is_stalled: false,
        });
        activity
    }
}

impl Gate {
    /// True if it has moved since the last look, or need not.
    fn passes(&mut self) -> bool {
        let look = self.activity.look();
        let has_moved = look != self.last;
        self.last = look;
        has_moved
            || match look.doing() {
                Doing::Waits => true,
                Doing::Rests => !(self.has_work)(),
                Doing::Works => false,
            }
    }

    fn finding(&self) -> Finding {
        Finding { gate: self.name.clone(), doing: self.last.doing(), still: self.still }
    }
}

/// Decides when the watchdog is fed: at half its time-out, if every part has moved by then.
struct Judge {
    gates: Vec<Gate>,
    patience: Duration,
    look_every: Duration,
    unfed: Duration,
}

impl Judge {
    fn new(gates: Gates, time_out: Duration) -> Self {
        const OFTEN: Duration = Duration::from_millis(5);
        const SELDOM: Duration = Duration::from_secs(1);
        let patience = time_out / 2; // as sd_watchdog_enabled(3) recommends
        let look_every = (time_out / 8).clamp(OFTEN, SELDOM);
        Self { gates: gates.0, patience, look_every, unfed: patience }
    }

    /// Look at every part, `step` after the last time.
    fn look(&mut self, step: Duration) -> Findings {
        let mut findings = Findings::default();
        // Whoever kept this thread from looking kept the others too: a machine that was stopped.
        let counted = step.min(2 * self.look_every);
        for gate in &mut self.gates {
            if gate.passes() {
                gate.has_passed = true;
                if std::mem::take(&mut gate.is_stalled) {
                    findings.moving.push(gate.finding());
                }
                gate.still = Duration::ZERO;
                continue;
            }
            gate.still += counted;
            if gate.still >= self.patience && !gate.is_stalled {
                gate.is_stalled = true;
                findings.stalled.push(gate.finding());
            }
        }
        self.unfed += step;
        findings.is_fed =
            self.unfed >= self.patience && self.gates.iter().all(|gate| gate.has_passed);
        if findings.is_fed {
            self.unfed = Duration::ZERO;
            self.gates.iter_mut().for_each(|gate| gate.has_passed = false);
        }
        findings
    }

    /// `STATUS=` while something hangs.
    fn complaint(&self) -> Option<String> {
        let stalled = self.gates.iter().filter(|gate| gate.is_stalled);
        let names: Vec<_> = stalled.map(|gate| gate.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("stalled: {}", names.join(", ")))
    }
}

/// Looks until it is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Never sent to: hung up, it ends the thread.
    _running: SyncSender<()>,
    _timer: JoinSet<()>,
}

impl Watchdog {
    /// Watch over `gates` and the runtime's timer, if the service manager asks for it.
    pub(super) fn over(
        gates: Gates,
        manager: &ServiceManager,
        beside: Beside,
        place: (&Handle, Seccomp),
    ) -> Result<Option<Self>, AppError> {
        let feeder = manager.feeder().map_err(AppError::Start)?;
        let started = feeder.map(|feeder| Self::start(gates, feeder, beside, place));
        started.transpose().map_err(AppError::Start)
    }

    fn start(
        mut gates: Gates,
        feeder: Feeder,
        mut beside: Beside,
        (runtime, seccomp): (&Handle, Seccomp),
    ) -> io::Result<Self> {
        let mut timer = JoinSet::new();
        let activity = gates.of_clockwork("timer");
        let mut judge = Judge::new(gates, feeder.time_out());
        timer.spawn_on(tick(activity, judge.look_every), runtime);
        let (running, stopped) = sync_channel::<()>(0);
        sys::spawn_pinned("watchdog".to_owned(), None, move || {
            restrict::confine_or_warn(&sys::seccomp::watchdog(), seccomp);
            let mut last = Instant::now();
            while stopped.recv_timeout(judge.look_every) == Err(RecvTimeoutError::Timeout) {
                let now = Instant::now();
                let findings = judge.look(now.duration_since(last));
                last = now;
                tell(&findings, &judge, &feeder, &mut beside);
            }
        })?;
        Ok(Self { _running: running, _timer: timer })
    }
}

/// Show that the runtime's timer and one worker at least are alive.
async fn tick(activity: Activity, every: Duration) {
    loop {
        activity.set(Doing::Works);
        tokio::time::sleep(every).await;
    }
}

/// The log first: `STATUS=` is overwritten, and a process that is killed tells nothing more.
/// Diagnostics are not for here, for they may wait for their reader.
fn tell(findings: &Findings, judge: &Judge, feeder: &Feeder, beside: &mut Beside) {
    for stalled in &findings.stalled {
        beside.tell(&on_stall(stalled, feeder.time_out().saturating_sub(judge.patience)));
    }
    for moving in &findings.moving {
        beside.tell(&on_move(moving));
    }
    match judge.complaint() {
        // At each look, for a pipeline that lives says otherwise.
        Some(complaint) => feeder.say(&complaint),
        None if !findings.moving.is_empty() => feeder.say("what had stalled moves again"),
        None => (),
    }
    if findings.is_fed {
        feeder.feed();
    }
}

fn on_stall(stalled: &Finding, left: Duration) -> Event {
    let Finding { gate, still, .. } = stalled;
    let text = format!(
        "{gate} has not moved for {still:.1?}; unless it does, systemd ends this process in about \
         {left:.1?} and starts it anew. If it is a capture or a serial line, look for its driver in \
         `dmesg`; else this is a bug, please report it"
    );
    finding_event(stalled, "stalled", text)
}

fn on_move(moving: &Finding) -> Event {
    let Finding { gate, still, .. } = moving;
    let text = format!(
        "{gate} moves again after {still:.1?}: the machine is overloaded or short of memory, or \
         something in its kernel hangs for a while; see `dmesg` and /proc/pressure"
    );
    finding_event(moving, "moving", text)
}

fn finding_event(finding: &Finding, state: &'static str, text: String) -> Event {
    let gate: Arc<str> = finding.gate.as_str().into();
    Event::new(Kind::DaemonStalled, SystemTime::now(), DAEMON.into(), text)
        .with("state", state)
        .with("gate", gate)
        .with("still_s", finding.still.as_secs_f64())
}

#[cfg(test)]
mod tests;
