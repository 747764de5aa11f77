//! The links and servers under way: one supervised task each. A reload starts, restarts and stops them.
//!
//! A link that restarts waits for its old task to end: two owners of one serial line, or of the
//! only connection a controller allows, would disturb each other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::convert::Infallible;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Change;
use crate::config::Polled;
use crate::listener;
use crate::poller;
use crate::record::LineReport;
use crate::record::Reading;
use crate::record::SourceId;
use crate::record::TapReport;

use super::crosscheck::Followed;
use super::notices::Notices;
use super::supervisor::Supervisor;

/// What every link's task is given.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub(super) readings: mpsc::Sender<Reading>,
    pub(super) lines: mpsc::Sender<LineReport>,
    pub(super) heard: mpsc::Sender<TapReport>,
    pub(super) followed: Followed,
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
    Ending(Option<Polled>),
}

impl Links {
    pub(super) fn start(lanes: Lanes, links: &BTreeMap<SourceId, Polled>) -> Self {
        let mut started = Self { lanes, tasks: JoinSet::new(), states: BTreeMap::new() };
        for (id, link) in links {
            started.open(id, link);
        }
        started
    }

    /// Carry out what a reload asks for. What it does not name is not touched.
    pub(super) fn apply(&mut self, changes: &[Change<'_, SourceId, Polled>]) {
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
        tracing::debug!(link = %id, "ended");
        match self.states.remove(&id) {
            Some(State::Ending(Some(link))) => self.spawn(&id, &link),
            Some(State::Running(_) | State::Ending(None)) | None => (),
        }
    }

    fn open(&mut self, id: &SourceId, link: &Polled) {
        if self.states.contains_key(id) {
            self.close(id, Some(link.clone()));
        } else {
            self.spawn(id, link);
        }
    }

    fn close(&mut self, id: &SourceId, then: Option<Polled>) {
        if let Some(state) = self.states.get_mut(id) {
            if let State::Running(stop) = state {
                stop.cancel();
            }
            *state = State::Ending(then);
        }
    }

    fn spawn(&mut self, id: &SourceId, link: &Polled) {
        tracing::debug!(link = %id, endpoint = link.endpoint(), "starts");
        let stop = self.lanes.stop.child_token();
        self.states.insert(id.clone(), State::Running(stop.clone()));
        let Lanes { readings, lines, heard, followed, notices, runtime, .. } = self.lanes.clone();
        let lanes = (poller::Lanes { readings, lines }, heard);
        let is_watched = followed.server(link).is_some();
        let task = {
            let (id, link, stop) = (id.clone(), link.clone(), stop.clone());
            move || tend(id.clone(), link.clone(), is_watched, lanes.clone(), stop.clone())
        };
        let supervisor = Supervisor::new("link", id.clone(), notices, stop);
        let id = id.clone();
        let task = async move {
            supervisor.keep(task).await;
            id
        };
        self.tasks.spawn_on(task, &runtime);
    }
}

/// A poller or listener has no reason to end before it is told to.
#[derive(Debug, thiserror::Error)]
#[error("the task ended by itself")]
struct EndedEarly;

async fn tend(
    id: SourceId,
    link: Polled,
    is_watched: bool,
    (lanes, heard): (poller::Lanes, mpsc::Sender<TapReport>),
    stop: CancellationToken,
) -> Result<(), EndedEarly> {
    let readings = lanes.readings.clone();
    match link {
        Polled::Modbus(link) if is_watched => {
            poller::run_watched(id, link, lanes, stop.clone()).await;
        }
        Polled::Modbus(link) => poller::run(id, link, lanes, stop.clone()).await,
        Polled::OpcUa(server) => {
            poller::opcua::run(id, server, readings.clone(), stop.clone()).await;
        }
        Polled::Tap(tap) => listener::run(id, tap, heard, stop.clone()).await,
    }
    if stop.is_cancelled() || readings.is_closed() { Ok(()) } else { Err(EndedEarly) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::config::Device;
    use crate::config::Endpoint;
    use crate::config::Link;
    use crate::config::Server;

    use super::*;

    /// A link to a port where nothing listens, which its poller tries for ever.
    fn link(unit: u8) -> Polled {
        let every = Duration::from_millis(10);
        let device = Arc::new(Device { every, ..Device::new("pump-1", unit) });
        Polled::Modbus(Arc::new(Link {
            timeout: Duration::from_millis(100),
            backoff_max: Duration::from_millis(10),
            devices: vec![device],
            ..Link::new(Endpoint::Tcp(([127, 0, 0, 1], 1).into()))
        }))
    }

    fn links(readings: mpsc::Sender<Reading>, ids: &[&str]) -> Links {
        let lanes = Lanes {
            readings,
            lines: mpsc::channel(1).0,
            heard: mpsc::channel(1).0,
            followed: Followed::by(&[]),
            notices: Notices::lane().0,
            stop: CancellationToken::new(),
            runtime: Handle::current(),
        };
        Links::start(lanes, &ids.iter().map(|id| ((*id).into(), link(1))).collect())
    }

    /// Tend until as many tasks run as there should.
    async fn settle(links: &mut Links, n_running: usize) {
        let is_running = |state: &State| matches!(state, State::Running(_));
        while links.tasks.len() != n_running || !links.states.values().all(is_running) {
            let ended = links.tasks.join_next().await.unwrap();
            links.on_end(ended);
        }
    }

    #[tokio::test]
    async fn a_link_that_restarts_waits_for_its_old_task() {
        let (readings, _readings_out) = mpsc::channel(1024);
        let mut links = links(readings, &["a", "b"]);
        let (id, wanted) = ("a".into(), link(2));
        links.apply(&[Change::Restart(&id, &wanted)]);
        assert_eq!(links.tasks.len(), 2, "the old task of a, and b");
        assert!(matches!(links.states[&id], State::Ending(Some(_))));
        settle(&mut links, 2).await;
        assert_eq!(links.states.len(), 2);
    }

    #[tokio::test]
    async fn a_link_gives_its_name_to_a_server_when_it_has_ended() {
        let (readings, mut readings_out) = mpsc::channel(1024);
        let mut links = links(readings, &["a"]);
        let server = Polled::OpcUa(Arc::new(Server::new(([127, 0, 0, 1], 1).into())));
        links.apply(&[Change::Restart(&"a".into(), &server)]);
        settle(&mut links, 1).await;
        while readings_out.recv().await.unwrap().unit.is_some() {}
    }

    #[tokio::test]
    async fn of_reloads_that_follow_fast_the_last_one_counts() {
        let (readings, _readings_out) = mpsc::channel(1024);
        let mut links = links(readings, &["a", "b"]);
        let (a, b, wanted) = ("a".into(), "b".into(), link(2));
        links.apply(&[Change::Stop(&a), Change::Restart(&b, &wanted)]);
        links.apply(&[Change::Start(&a, &wanted), Change::Stop(&b)]);
        settle(&mut links, 1).await;
        assert_eq!(links.states.keys().collect::<Vec<_>>(), [&a]);
    }
}
