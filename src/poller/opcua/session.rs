//! One session: subscribe, listen, read what is not told, and notice silence.
//!
//! Part of every subscription is the server's own clock. If it is not heard of for three
//! publishing intervals while a read of it shows that it runs, the subscription is dead, whatever
//! the server says.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use opcua::client::{MonitoredItemMap, OnSubscriptionNotificationCore, Session, Subscription};
use opcua::types::{
    DataChangeNotification, DataValue, Error, MonitoredItemCreateRequest, MonitoringMode,
    MonitoringParameters, NodeId, NotificationMessage, ReadValueId, StatusChangeNotification,
    StatusCode, TimestampsToReturn, Variant,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Server;
use crate::poller::schedule::Backoff;
use crate::record::Reading;
use crate::tag::{Identifier, Place, Tag};

use super::dial::dial;
use super::reading::Source;
use super::{Ended, explain};

/// `Server_ServerStatus_CurrentTime`.
const CLOCK: u32 = 2258;
/// Its handle; tags have their index and 1, because the library takes 0 for none.
const CLOCK_HANDLE: u32 = u32::MAX;
/// Servers set their clocks forward at least this often.
const CLOCK_TICK: Duration = Duration::from_secs(1);
/// Publishing intervals without the clock that are one too many.
const PATIENCE: u32 = 3;
/// Nodes in one request: all known servers take as many.
const NODES: usize = 100;
/// Values kept by the server for each node between two notifications.
const QUEUE_SIZE: u32 = 10;
/// Notifications that wait to become readings. Full, the session ends and the next one begins with
/// the present values: nothing is lost silently.
const TOLD: usize = 64;
/// How long a server may take to close a session: some have few, and keep them for minutes.
const GOODBYE: Duration = Duration::from_secs(1);

/// Connect, and stay as long as it lasts.
pub(super) async fn keep(
    source: &Source,
    readings: &mpsc::Sender<Reading>,
    backoff: &mut Backoff,
    stop: &CancellationToken,
) -> Ended {
    let server = &*source.server;
    let (session, event_loop) = match stop.run_until_cancelled(dial(server)).await {
        Some(Ok(dialed)) => dialed,
        Some(Err(why)) => return Ended::Lost(why),
        None => return Ended::Stopped,
    };
    let mut driven = pin!(event_loop.run());
    let mut visit = Visit { source, session: &session, readings, backoff };
    // What is dropped here is not taken up again: either way the session is over.
    let ended = tokio::select! {
        status = &mut driven => return Ended::Lost(explain::lost(server, status)),
        ended = stop.run_until_cancelled(visit.run()) => ended.unwrap_or(Ended::Stopped),
    };
    session.disable_reconnects();
    tokio::select! {
        _ = driven => (),
        _ = timeout(GOODBYE, session.disconnect()) => (),
    }
    ended
}

/// What is done over a session.
struct Visit<'a> {
    source: &'a Source,
    session: &'a Session,
    readings: &'a mpsc::Sender<Reading>,
    backoff: &'a mut Backoff,
}

/// What comes of a subscription.
struct Feed {
    told: mpsc::Receiver<Told>,
    /// Held where there is no subscription, so that nothing comes, rather than the end.
    _none: Option<mpsc::Sender<Told>>,
    /// Tags that are not told of and therefore read.
    untold: Vec<Arc<Tag>>,
    /// Longest silence of the clock.
    patience: Option<Duration>,
}

/// Values by handle.
type Told = Vec<(u32, DataValue)>;

impl Visit<'_> {
    async fn run(&mut self) -> Ended {
        let server = &*self.source.server;
        if timeout(server.timeout, self.session.wait_for_connection()).await.is_err() {
            return Ended::Lost(explain::silent(server));
        }
        self.session.disable_reconnects();
        let mut feed = self.subscribe().await;
        let mut ticks = interval(server.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut heard, mut clock) = (Instant::now(), None);
        loop {
            // Cancel safe: `recv` and `tick` both are.
            let lasting = tokio::select! {
                told = feed.told.recv() => match told {
                    Some(told) => {
                        if let Some((_, value)) = told.iter().find(|(to, _)| *to == CLOCK_HANDLE) {
                            (heard, clock) = (Instant::now(), value.value.clone());
                        }
                        self.tell(&told).await
                    }
                    None => return Ended::Lost(explain::overrun(server)),
                },
                _ = ticks.tick() => {
                    if feed.patience.is_some_and(|patience| heard.elapsed() > patience) {
                        if let Err(why) = self.examine(clock.as_ref(), heard).await {
                            return Ended::Lost(why);
                        }
                        heard = Instant::now();
                    }
                    self.ask(&feed.untold).await
                }
            };
            if let Err(ended) = lasting {
                return ended;
            }
        }
    }

    /// Subscribe to the clock and every tag. What the server refuses is read instead; without the
    /// clock there is no telling whether a subscription lives, so then everything is.
    async fn subscribe(&self) -> Feed {
        let Server { every, tags, url, .. } = &*self.source.server;
        let (sender, told) = mpsc::channel(TOLD);
        let listener = Listener(Some(sender.clone()));
        match self.create_subscription(*every, listener).await {
            Ok((untold, published)) => {
                let patience = Some(PATIENCE * published.max(CLOCK_TICK));
                Feed { told, _none: None, untold, patience }
            }
            Err(error) => {
                tracing::warn!(%url, %error, "no subscription; values are read instead");
                Feed { told, _none: Some(sender), untold: tags.clone(), patience: None }
            }
        }
    }

    /// The tags that the server does not monitor, and the interval that it publishes in.
    async fn create_subscription(
        &self,
        every: Duration,
        listener: Listener,
    ) -> Result<(Vec<Arc<Tag>>, Duration), Error> {
        // A keep-alive for each interval without news, and half a minute of silence on our side
        // before the server gives the subscription up.
        let lifetime = u32::try_from(30_000 / every.as_millis().max(1)).unwrap_or(0).max(30);
        let id = self.session.create_subscription(every, lifetime, 1, 0, 0, true, listener).await?;
        let clock = self.monitor(id, vec![item(clock(), CLOCK_HANDLE, every)]).await?;
        if let Some(status) = clock.into_iter().find(StatusCode::is_bad) {
            let _ = self.session.delete_subscription(id).await;
            return Err(Error::new(status, "the clock of the server cannot be monitored"));
        }
        let mut untold = vec![];
        let mut handles = 1..;
        for tags in self.source.server.tags.chunks(NODES) {
            let items = tags.iter().zip(&mut handles);
            let items = items.map(|(tag, handle)| item(node(tag), handle, every)).collect();
            let refused = self.monitor(id, items).await?;
            let tags = tags.iter().zip(refused).filter(|(_, status)| status.is_bad());
            untold.extend(tags.map(|(tag, _)| Arc::clone(tag)));
        }
        let state = self.session.subscription_state().lock();
        let published = state.get(id).map_or(every, Subscription::publishing_interval);
        Ok((untold, published))
    }

    async fn monitor(
        &self,
        subscription: u32,
        items: Vec<MonitoredItemCreateRequest>,
    ) -> Result<Vec<StatusCode>, Error> {
        let created = self
            .session
            .create_monitored_items(subscription, TimestampsToReturn::Both, items)
            .await?;
        Ok(created.into_iter().map(|created| created.result.status_code).collect())
    }

    /// Hand on what the server told.
    async fn tell(&mut self, told: &Told) -> Result<(), Ended> {
        self.backoff.on_success();
        let tags = &self.source.server.tags;
        let tag =
            |handle: u32| usize::try_from(handle).ok()?.checked_sub(1).and_then(|n| tags.get(n));
        let values = told.iter().filter_map(|(handle, value)| Some((tag(*handle)?, value)));
        self.hand_on(self.source.readings(values, Duration::ZERO)).await
    }

    /// Read `tags`.
    async fn ask(&mut self, tags: &[Arc<Tag>]) -> Result<(), Ended> {
        for tags in tags.chunks(NODES) {
            let started = Instant::now();
            let nodes: Vec<_> = tags.iter().map(|tag| ReadValueId::from(node(tag))).collect();
            let values = self.read(&nodes).await.map_err(Ended::Lost)?;
            self.backoff.on_success();
            let values = tags.iter().zip(&values);
            self.hand_on(self.source.readings(values, started.elapsed())).await?;
        }
        Ok(())
    }

    async fn read(&self, nodes: &[ReadValueId]) -> Result<Vec<DataValue>, String> {
        let server = &*self.source.server;
        let values = self.session.read(nodes, TimestampsToReturn::Both, 0.0).await;
        values.map_err(|error| explain::refused(server, "answer to a read", &error))
    }

    /// The clock was not heard of since `heard`. Fine if it stands still.
    async fn examine(&self, last: Option<&Variant>, heard: Instant) -> Result<(), String> {
        let values = self.read(&[clock().into()]).await?;
        let runs = values.first().is_some_and(|value| value.value.as_ref() != last);
        if runs { Err(explain::unheard(&self.source.server, heard.elapsed())) } else { Ok(()) }
    }

    async fn hand_on(&self, readings: Vec<Reading>) -> Result<(), Ended> {
        for reading in readings {
            self.readings.send(reading).await.map_err(|_| Ended::Stopped)?;
        }
        Ok(())
    }
}

/// Called by the library for each notification; hangs up when it cannot be heard in full.
struct Listener(Option<mpsc::Sender<Told>>);

impl OnSubscriptionNotificationCore for Listener {
    fn on_subscription_notification(
        &mut self,
        notification: NotificationMessage,
        _items: MonitoredItemMap<'_>,
    ) {
        let mut told: Told = vec![];
        for part in notification.notification_data.into_iter().flatten() {
            if part.inner_as::<StatusChangeNotification>().is_some() {
                self.0 = None; // the server gave the subscription up
            } else if let Some(changes) = part.into_inner_as::<DataChangeNotification>() {
                let changes = changes.monitored_items.into_iter().flatten();
                told.extend(changes.map(|change| (change.client_handle, change.value)));
            }
        }
        if self.0.as_ref().is_some_and(|sender| sender.try_send(told).is_err()) {
            self.0 = None;
        }
    }
}

fn item(node: NodeId, handle: u32, every: Duration) -> MonitoredItemCreateRequest {
    let parameters = MonitoringParameters {
        client_handle: handle,
        sampling_interval: every.as_secs_f64() * 1e3,
        queue_size: QUEUE_SIZE,
        discard_oldest: true,
        ..MonitoringParameters::default()
    };
    MonitoredItemCreateRequest::new(node.into(), MonitoringMode::Reporting, parameters)
}

fn clock() -> NodeId {
    NodeId::from((0, CLOCK))
}

fn node(tag: &Tag) -> NodeId {
    match &tag.place {
        Place::Node(id) => match &id.identifier {
            Identifier::Number(number) => NodeId::from((id.namespace, *number)),
            Identifier::Text(text) => NodeId::new(id.namespace, &**text),
        },
        // The configuration has no such tag; the server would refuse the null node.
        Place::Registers(_) => NodeId::null(),
    }
}
