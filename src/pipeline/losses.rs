//! Losses: frames that a capture was to see and did not, and where they were lost.
//!
//! The ring's are told in each window that has some. What the card and the kernel lost before it
//! is told when it begins, and while it goes on at most every five minutes with the sum. Frames
//! that arrived damaged are a state of their own, which ends when there were none for a minute.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use crate::record::{Event, Kind, Losses, RingCount, SourceId};

use super::outbox::Outbox;
use super::repeats::is_recent;
use super::words::{elapsed, latency_ms};

/// Without a damaged frame for so long, an interface counts as sound.
const SOUND: Duration = Duration::from_secs(60);

/// Of one source.
#[derive(Debug, Default)]
pub(super) struct LossWatch {
    total: Losses,
    window: Losses,
    /// Lost before the ring and not told yet, and when that was last told.
    untold: Losses,
    told_at: Option<SystemTime>,
    damage: Option<Damage>,
}

/// Frames arrive damaged.
#[derive(Debug)]
struct Damage {
    since: SystemTime,
    last_at: SystemTime,
    losses: Losses,
}

/// What a ring did in a window, and since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RingWindow {
    pub(super) ring: RingCount,
    pub(super) frames: u64,
    pub(super) gaps: u64,
    pub(super) total_ring: RingCount,
    pub(super) total_frames: u64,
}

impl LossWatch {
    pub(super) fn add(&mut self, losses: &Losses) {
        self.window.merge(losses);
    }

    pub(super) fn total(&self) -> &Losses {
        &self.total
    }

    /// Of the window that has not ended.
    pub(super) fn window(&self) -> &Losses {
        &self.window
    }

    /// Tell what is to be told of the window, which it returns.
    pub(super) fn on_window_end(
        &mut self,
        (source, now): (&SourceId, SystemTime),
        ring: RingWindow,
        outbox: &mut Outbox,
    ) -> Losses {
        let window = std::mem::take(&mut self.window);
        self.total.merge(&window);
        self.untold.merge(&window);
        self.follow_damage((source, now), &window, outbox);
        let is_before_ring = self.untold.is_card_full() || self.untold.softnet_dropped > 0;
        let is_due = self.told_at.is_none_or(|told_at| !is_recent(told_at, now));
        if ring.ring.drops > 0 || (is_before_ring && is_due) {
            let untold = std::mem::take(&mut self.untold);
            if is_before_ring {
                self.told_at = Some(now);
            }
            outbox.raise(Kind::CaptureLoss, || lost((source, now), &ring, &untold));
        }
        window
    }

    fn follow_damage(
        &mut self,
        (source, now): (&SourceId, SystemTime),
        window: &Losses,
        outbox: &mut Outbox,
    ) {
        if window.is_damage() {
            if let Some(damage) = &mut self.damage {
                damage.last_at = now;
                damage.losses.merge(window);
            } else {
                outbox.raise(Kind::InterfaceErrors, || damaged((source, now), window));
                self.damage = Some(Damage { since: now, last_at: now, losses: *window });
            }
        } else if let Some(damage) =
            self.damage.take_if(|damage| elapsed(damage.last_at, now) >= SOUND)
        {
            outbox.raise(Kind::InterfaceErrors, || sound((source, now), &damage));
        }
    }
}

fn lost((source, now): (&SourceId, SystemTime), window: &RingWindow, losses: &Losses) -> Event {
    let RingCount { packets, drops } = window.ring;
    let mut text = format!("{source}:");
    let mut places = vec![];
    let mut say = |place: &'static str, words: String| {
        let joint = if places.is_empty() { "" } else { ";" };
        let _ = write!(text, "{joint} {words}"); // cannot fail
        places.push(place);
    };
    if drops > 0 {
        say(
            "ring",
            format!(
                "{drops} of {packets} frames were lost because the ring was full; give it more \
                 `blocks`, or its threads a processor of their own (`cpu`)"
            ),
        );
    }
    if losses.is_card_full() {
        let Losses { rx_missed, rx_fifo, .. } = losses;
        say(
            "nic",
            format!(
                "the network card had no room for frames (rx_missed_errors {rx_missed}, \
                 rx_fifo_errors {rx_fifo}); give it more with `ethtool -G {source} rx`, and its \
                 interrupts a processor that is not busy"
            ),
        );
    }
    if losses.softnet_dropped > 0 {
        say(
            "softnet",
            format!(
                "the kernel dropped {} frames before any capture, on all interfaces together \
                 (/proc/net/softnet_stat); raise `net.core.netdev_max_backlog`",
                losses.softnet_dropped
            ),
        );
    }
    let event = Event::new(Kind::CaptureLoss, now, source.clone(), text)
        .with("place", places.join(","))
        .with("drops", drops)
        .with("packets", packets)
        .with("frames", window.frames)
        .with("gaps", window.gaps)
        .with("total_drops", window.total_ring.drops)
        .with("total_packets", window.total_ring.packets)
        .with("total_frames", window.total_frames);
    with_losses(event, losses)
}

fn damaged((source, now): (&SourceId, SystemTime), losses: &Losses) -> Event {
    let Losses { rx_crc, rx_frame, .. } = losses;
    let text = format!(
        "{source}: frames arrive damaged and are dropped by the network card (rx_crc_errors \
         {rx_crc}, rx_frame_errors {rx_frame}): its cable, a connector, the port at either end, or \
         two ends that disagree on duplex; see `ethtool -S {source}`, and try another cable"
    );
    let event = Event::new(Kind::InterfaceErrors, now, source.clone(), text);
    with_losses(event.with("state", "damaged"), losses)
}

fn sound((source, now): (&SourceId, SystemTime), damage: &Damage) -> Event {
    let Damage { since, last_at, losses } = damage;
    let lasted = elapsed(*since, *last_at);
    let text = format!(
        "{source}: no frame arrived damaged for {}; rx_crc_errors {}, rx_frame_errors {} in the \
         {} before",
        humantime::format_duration(SOUND),
        losses.rx_crc,
        losses.rx_frame,
        humantime::format_duration(lasted)
    );
    let event = Event::new(Kind::InterfaceErrors, now, source.clone(), text)
        .as_good_news()
        .with("state", "sound")
        .with("lasted_ms", latency_ms(lasted));
    with_losses(event, losses)
}

fn with_losses(event: Event, losses: &Losses) -> Event {
    let counted = losses.by_name().into_iter().filter(|(_, n)| *n > 0);
    counted.fold(event, |event, (name, n)| event.with(name, n))
}
