//! The links under way: one supervised task each. A reload starts, restarts and stops them.
//!
//! A link that restarts waits for its old task to end: two owners of one serial line, or of the
//! only connection a controller allows, would disturb each other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Change;
use crate::config::Link;
use crate::poller;
use crate::record::Reading;
use crate::record::SourceId;

use super::notices::Notices;
use super::supervisor::Supervisor;

/// What every link's task is given.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub(super) readings: mpsc::Sender<Reading>,
    pub(super) notices: Notices,
    pub(super) stop: CancellationToken,
    pub(super) runtime: Handle,
}

#[derive(Debug)]
pub(super) struct Links {
    lanes: Lanes,
    tasks: JoinSet<SourceId>,
    states: BTreeMap<SourceId, State>,
}

/// Of a link that has a task.
#[derive(Debug)]
enum State {
    Running(CancellationToken),
    /// Told to end, to start again with these settings or for good.
    Ending(Option<Arc<Link>>),
}

impl Links {
    pub(super) fn start(lanes: Lanes, links: &BTreeMap<SourceId, Arc<Link>>) -> Self {
        let mut started = Self { lanes, tasks: JoinSet::new(), states: BTreeMap::new() };
        for (id, link) in links {
            started.open(id, link);
        }
        started
    }

    /// Carry out what a reload asks for. What it does not name is not touched.
    pub(super) fn apply(&mut self, changes: &[Change<'_, SourceId, Arc<Link>>]) {
        for change in changes {
            match change {
                Change::Start(id, link) | Change::Restart(id, link) => self.open(id, link),
                Change::Stop(id) => self.close(id, None),
            }
        }
    }

    /// Wait for a task to end, and start what waited for that. Never returns; cancel safe,
    /// because `join_next` is and nothing else waits.
    pub(super) async fn tend(&mut self) -> Infallible {
        while let Some(ended) = self.tasks.join_next().await {
            self.on_end(ended);
        }
        std::future::pending().await
    }

    /// Hand over the tasks; with this, no link holds up the end of the readings but its own task.
    pub(super) fn into_tasks(self) -> (JoinSet<SourceId>, BTreeSet<SourceId>) {
        (self.tasks, self.states.into_keys().collect())
    }

    fn on_end(&mut self, ended: Result<SourceId, JoinError>) {
        // No task is aborted, and a panic has ended the process already.
        let Ok(id) = ended else { return };
        match self.states.remove(&id) {
            Some(State::Ending(Some(link))) => self.spawn(&id, &link),
            Some(State::Running(_) | State::Ending(None)) | None => (),
        }
    }

    fn open(&mut self, id: &SourceId, link: &Arc<Link>) {
        if self.states.contains_key(id) {
            self.close(id, Some(Arc::clone(link)));
        } else {
            self.spawn(id, link);
        }
    }

    fn close(&mut self, id: &SourceId, then: Option<Arc<Link>>) {
        if let Some(state) = self.states.get_mut(id) {
            if let State::Running(stop) = state {
                stop.cancel();
            }
            *state = State::Ending(then);
        }
    }

    fn spawn(&mut self, id: &SourceId, link: &Arc<Link>) {
        let stop = self.lanes.stop.child_token();
        self.states.insert(id.clone(), State::Running(stop.clone()));
        let Lanes { readings, notices, runtime, .. } = self.lanes.clone();
        let poll = {
            let (id, link, stop) = (id.clone(), Arc::clone(link), stop.clone());
            move || poll(id.clone(), Arc::clone(&link), readings.clone(), stop.clone())
        };
        let supervisor = Supervisor::new("link", id.clone(), notices, stop);
        let id = id.clone();
        let task = async move {
            supervisor.keep(poll).await;
            id
        };
        self.tasks.spawn_on(task, &runtime);
    }
}

/// A poller has no reason to end before it is told to.
#[derive(Debug, thiserror::Error)]
#[error("the poller ended by itself")]
struct EndedEarly;

async fn poll(
    id: SourceId,
    link: Arc<Link>,
    readings: mpsc::Sender<Reading>,
    stop: CancellationToken,
) -> Result<(), EndedEarly> {
    poller::run(id, link, readings.clone(), stop.clone()).await;
    if stop.is_cancelled() || readings.is_closed() { Ok(()) } else { Err(EndedEarly) }
}
