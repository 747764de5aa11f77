//! Links and the devices behind them: up or down, what was lost, and their tags.
//!
//! A state is told when it changes; what happens within it is counted and told at its end. What is
//! expected of a device comes from the configuration, all else from its readings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Samples;
use crate::record::{Doubt, Event, Fault, Kind, Ledger, Quality, Reading, SourceId};
use crate::tag::Tag;

use super::Sources;
use super::age::{Moment, Pace};
use super::clock::Clock;
use super::missed;
use super::missed::{LineLoad, Missed, Misses, Surroundings};
use super::outbox::Outbox;
use super::reply::Repeats;
use super::tag::{Subject, TagState};
use super::words::{about_device, detail, device_of, elapsed, latency_ms};

/// All links that were ever read from.
#[derive(Debug)]
pub(super) struct Links {
    by_source: BTreeMap<SourceId, Link>,
    sources: Sources,
    /// True if `sources` came with a reload in this window.
    is_reloaded: bool,
    clock: Clock,
    window: Duration,
    window_end: Option<SystemTime>,
}

#[derive(Debug, Default)]
struct Link {
    devices: BTreeMap<Arc<str>, Device>,
    down_since: Option<SystemTime>,
    /// In: readings. Out: good ones.
    ledger: Ledger,
}

#[derive(Debug, Default)]
struct Device {
    outage: Option<Outage>,
    repeats: Repeats,
    misses: Misses,
    /// Modbus unit identifier, if it has one.
    unit: Option<u8>,
    pace: Pace,
    /// Since when it has that pace, as the pipeline counts time.
    paced_at: Duration,
    /// Of its last answer.
    latency: Duration,
    tags: BTreeMap<Arc<str>, TagState>,
}

/// Since when a device is down, and how many readings were lost to it.
#[derive(Debug)]
struct Outage {
    since: SystemTime,
    lost: u64,
}

/// What a reading proves about the way to its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contact {
    /// It was not asked.
    Unknown,
    /// The device answered this very request, if only to refuse it.
    Answered,
    /// Something came back that is not a proven answer.
    Doubtful,
    /// Nothing came back.
    Silent,
    /// There was no link to ask over.
    NoLink,
}

impl From<Quality> for Contact {
    fn from(quality: Quality) -> Self {
        match quality {
            // 0x0A and 0x0B come from a gateway whose target did not answer.
            Quality::Bad(Fault::Timeout | Fault::Exception(0x0a | 0x0b)) => Self::Silent,
            Quality::Good
            | Quality::Uncertain(Doubt::Status(_) | Doubt::Torn)
            | Quality::Bad(
                Fault::Exception(_) | Fault::Status(_) | Fault::NotAValue | Fault::ChecksumMismatch,
            ) => Self::Answered,
            Quality::Uncertain(Doubt::LateReply)
            | Quality::Bad(Fault::BadCrc | Fault::ForeignReply) => Self::Doubtful,
            Quality::Bad(Fault::LinkDown) => Self::NoLink,
            Quality::Uncertain(Doubt::Stale) | Quality::Bad(Fault::BackedOff) => Self::Unknown,
        }
    }
}

impl Links {
    pub(super) fn new(sources: Sources, window: Duration) -> Self {
        Self {
            by_source: BTreeMap::new(),
            sources,
            is_reloaded: false,
            clock: Clock::new(window),
            window,
            window_end: None,
        }
    }

    pub(super) fn on_reading(&mut self, reading: &Reading, samples: Samples, outbox: &mut Outbox) {
        let pace = || self.sources.pace_of(&reading.source, &reading.device);
        let link = self.by_source.entry(reading.source.clone()).or_default();
        link.ledger.entered += 1;
        match loss(reading.quality) {
            None => link.ledger.left += 1,
            Some(reason) => link.ledger.drop(reason, 1),
        }
        link.ledger.note("missed_turns", reading.missed.into());
        let device =
            link.devices.entry(reading.device.clone()).or_insert_with(|| Device::new(pace()));
        let was_down = device.outage.is_some();
        device.on_reading(reading, outbox);
        let (pace, paced_at) = (device.pace, device.paced_at);
        if let Some(missed) = device.on_turn(reading, was_down) {
            let surroundings = link.surroundings(self.sources.loads.get(&reading.source));
            outbox.raise(Kind::ScheduleMissed, || {
                missed::told(missed, reading, pace.every(), &surroundings)
            });
        }
        link.on_contact(reading, outbox);
        // A server's readings have its time, not ours.
        if !matches!(pace, Pace::Told { .. }) {
            self.clock.tell(reading.at);
        }
        let moment = self.moment(pace, paced_at);
        // Looked up again: what lies between asked about all of the link's devices.
        let Some(link) = self.by_source.get_mut(&reading.source) else { return };
        if let Some(device) = link.devices.get_mut(&reading.device) {
            let n_stale = device.on_samples(reading, samples, moment, outbox);
            link.ledger.note("stale_samples", n_stale);
        }
    }

    fn moment(&self, pace: Pace, paced_at: Duration) -> Moment {
        let (now, window_end, window) = (self.clock.elapsed(), self.window_end, self.window);
        Moment { pace, paced_at, now, window_end, window }
    }

    /// Forget what left the configuration. What stayed keeps its state, so that nothing is told
    /// twice.
    pub(super) fn on_reload(&mut self, sources: Sources) {
        self.sources = sources;
        self.keep_configured();
        self.is_reloaded = true;
    }

    /// Look at the age of what is known of each tag.
    pub(super) fn on_window_end(&mut self, now: SystemTime, outbox: &mut Outbox) {
        // Once more after a reload: readings that were under way may have brought something back.
        if std::mem::take(&mut self.is_reloaded) {
            self.keep_configured();
        }
        self.clock.tell(now);
        self.window_end = Some(now);
        let moment = self.moment(Pace::Unknown, Duration::ZERO);
        for (source, link) in &mut self.by_source {
            for (name, device) in &mut link.devices {
                let Device { pace, paced_at, .. } = *device;
                let moment = Moment { pace, paced_at, ..moment };
                device.on_window_end(source, name, moment, outbox);
            }
        }
    }

    fn keep_configured(&mut self) {
        let Self { by_source, sources, clock, .. } = self;
        for (id, link) in by_source {
            let polled = sources.polled.get(id);
            link.keep_only(|device| polled.and_then(|polled| polled.tags_of(id, device)));
            for (name, device) in &mut link.devices {
                device.on_pace(sources.pace_of(id, name), clock.elapsed());
            }
        }
    }

    pub(super) fn ledgers(&self) -> impl Iterator<Item = (String, Ledger)> {
        self.by_source.iter().map(|(id, link)| (format!("readings:{id}"), link.ledger.clone()))
    }

    pub(super) fn n_sources(&self) -> usize {
        self.by_source.len()
    }

    pub(super) fn status(&self) -> String {
        let devices = || self.by_source.values().flat_map(|link| link.devices.values());
        let down = devices().filter(|device| device.outage.is_some()).count();
        let alarms =
            devices().flat_map(|device| device.tags.values()).filter(|tag| tag.is_alarmed());
        format!("devices {}, down {down}, alarms {}", devices().count(), alarms.count())
    }
}

impl Link {
    /// Its ledger stays, whatever becomes of its devices.
    fn keep_only<'t>(&mut self, tags_of: impl Fn(&str) -> Option<&'t [Arc<Tag>]>) {
        self.devices
            .retain(|name, device| tags_of(name).inspect(|tags| device.keep_only(tags)).is_some());
        if self.devices.is_empty() {
            self.down_since = None;
        }
    }

    /// Down when no device can be reached over it, up with the first that can.
    fn on_contact(&mut self, reading: &Reading, outbox: &mut Outbox) {
        match (Contact::from(reading.quality), self.down_since) {
            (Contact::NoLink, None) if self.is_lost() => {
                self.down_since = Some(reading.at);
                outbox.raise(Kind::LinkDown, || link_down(reading, self.devices.len()));
            }
            (Contact::Answered | Contact::Doubtful | Contact::Silent, Some(since)) => {
                self.down_since = None;
                outbox.raise(Kind::LinkUp, || link_up(reading, since));
            }
            (Contact::NoLink | Contact::Unknown, _)
            | (Contact::Answered | Contact::Doubtful | Contact::Silent, None) => (),
        }
    }

    /// What may be the cause of a turn that was missed.
    fn surroundings<'a>(&'a self, load: Option<&'a LineLoad>) -> Surroundings<'a> {
        let down = self.devices.iter().filter(|(_, device)| device.outage.is_some());
        let slowest = self.devices.iter().max_by_key(|(_, device)| device.latency);
        Surroundings {
            load,
            down: down.map(|(name, _)| &**name).collect(),
            slowest: slowest.map(|(name, device)| (&**name, device.latency)),
        }
    }

    /// A device that was silent before cannot speak for the link, so it need not be asked first.
    fn is_lost(&self) -> bool {
        self.devices.values().all(|device| device.outage.is_some())
    }
}

impl Device {
    fn new(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    /// A new pace is judged from `now` on.
    fn on_pace(&mut self, pace: Pace, now: Duration) {
        if pace != self.pace {
            (self.pace, self.paced_at, self.misses) = (pace, now, Misses::default());
        }
    }

    fn keep_only(&mut self, configured: &[Arc<Tag>]) {
        self.tags.retain(|name, _| configured.iter().any(|tag| tag.name == *name));
    }

    fn on_reading(&mut self, reading: &Reading, outbox: &mut Outbox) {
        let contact = Contact::from(reading.quality);
        self.repeats.on_reading(reading, outbox);
        self.unit = reading.unit;
        if !reading.latency.is_zero() {
            self.latency = reading.latency;
        }
        match (contact, &mut self.outage) {
            (Contact::Answered, Some(outage)) => {
                outbox.raise(Kind::DeviceUp, || device_up(reading, outage));
                self.outage = None;
            }
            (Contact::Silent | Contact::NoLink, None) => {
                self.outage = Some(Outage { since: reading.at, lost: 1 });
                outbox.raise(Kind::DeviceDown, || device_down(reading));
            }
            (
                Contact::Silent | Contact::NoLink | Contact::Doubtful | Contact::Unknown,
                Some(outage),
            ) => outage.lost += 1,
            (Contact::Answered | Contact::Doubtful | Contact::Unknown, None) => (),
        }
    }

    /// What there is to tell of turns that it was due for and did not get.
    fn on_turn(&mut self, reading: &Reading, was_down: bool) -> Option<Missed> {
        let is_down = was_down || self.outage.is_some();
        self.misses.on_reading(reading, self.pace.every(), is_down)
    }

    /// How many of the samples are good readings of something stale.
    fn on_samples(
        &mut self,
        reading: &Reading,
        samples: Samples,
        moment: Moment,
        outbox: &mut Outbox,
    ) -> u64 {
        let mut n_stale = 0;
        for sample in &reading.samples {
            let tag = self.tags.entry(sample.tag.name.clone()).or_default();
            let aged = tag.aged(reading, sample, moment, outbox);
            tag.on_sample(reading, &aged, samples, outbox);
            n_stale += u64::from(aged.quality != sample.quality);
        }
        n_stale
    }

    /// Of a device that is down everything is old, and that has been told.
    fn on_window_end(
        &mut self,
        source: &SourceId,
        name: &Arc<str>,
        moment: Moment,
        outbox: &mut Outbox,
    ) {
        let Some(at) = moment.window_end.filter(|_| self.outage.is_none()) else { return };
        for (tag_name, tag) in &mut self.tags {
            let subject = Subject { at, source, device: name, unit: self.unit, tag: tag_name };
            tag.on_window_end(&subject, moment, outbox);
        }
    }
}

/// Under which name a reading that is not good is counted.
fn loss(quality: Quality) -> Option<&'static str> {
    match quality {
        Quality::Good => None,
        Quality::Uncertain(Doubt::LateReply) => Some("late_reply"),
        Quality::Uncertain(Doubt::Stale) => Some("stale"),
        Quality::Uncertain(Doubt::Torn) => Some("torn"),
        Quality::Uncertain(Doubt::Status(_)) => Some("uncertain_status"),
        Quality::Bad(Fault::Status(_)) => Some("bad_status"),
        Quality::Bad(Fault::Timeout) => Some("timeout"),
        Quality::Bad(Fault::LinkDown) => Some("link_down"),
        Quality::Bad(Fault::BadCrc) => Some("bad_crc"),
        Quality::Bad(Fault::ForeignReply) => Some("foreign_reply"),
        Quality::Bad(Fault::Exception(_)) => Some("exception"),
        Quality::Bad(Fault::ChecksumMismatch) => Some("checksum_mismatch"),
        Quality::Bad(Fault::NotAValue) => Some("not_a_value"),
        Quality::Bad(Fault::BackedOff) => Some("backed_off"),
    }
}

fn device_down(reading: &Reading) -> Event {
    let text = format!("{} is down: {}", device_of(reading), detail(reading));
    about_device(Kind::DeviceDown, reading, text)
}

fn device_up(reading: &Reading, outage: &Outage) -> Event {
    let down = elapsed(outage.since, reading.at);
    let text = format!(
        "{} answers again after {}; readings lost: {}",
        device_of(reading),
        humantime::format_duration(down),
        outage.lost
    );
    about_device(Kind::DeviceUp, reading, text)
        .with("down_ms", latency_ms(down))
        .with("lost", outage.lost)
}

fn link_down(reading: &Reading, n_devices: usize) -> Event {
    let text = format!("no device on {} can be reached: {}", reading.source, detail(reading));
    Event::new(Kind::LinkDown, reading.at, reading.source.clone(), text)
        .with("devices", n_devices as u64)
}

fn link_up(reading: &Reading, since: SystemTime) -> Event {
    let down = elapsed(since, reading.at);
    let text = format!("{} is up again after {}", reading.source, humantime::format_duration(down));
    Event::new(Kind::LinkUp, reading.at, reading.source.clone(), text)
        .with("down_ms", latency_ms(down))
}
