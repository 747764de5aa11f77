//! Replies that are wrong, late, foreign or a refusal: told once, then counted.
//!
//! A bad CRC now and then is normal on a serial line, and a wrong address is refused for ever.
//! Each kind is told when a device first shows it, and after that at most once in [`QUIET`].

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::record::{Doubt, Event, Fault, Kind, Quality, Reading};

use super::outbox::Outbox;
use super::words::{about_device, detail, device_of, exception_name};

/// How long repetitions are only counted.
const QUIET: Duration = Duration::from_secs(5 * 60);

/// Of one device, by kind of event: at most five.
#[derive(Debug, Default)]
pub(super) struct Repeats(BTreeMap<Kind, Repeat>);

#[derive(Debug)]
struct Repeat {
    told_at: SystemTime,
    /// Since it was told.
    untold: u64,
}

impl Repeats {
    pub(super) fn on_reading(&mut self, reading: &Reading, outbox: &mut Outbox) {
        let Some(kind) = kind_of(reading.quality) else { return };
        let untold = match self.0.get_mut(&kind) {
            Some(repeat) if repeat.is_recent(reading.at) => {
                repeat.untold += 1;
                return;
            }
            Some(repeat) => repeat.untold,
            None => 0,
        };
        self.0.insert(kind, Repeat { told_at: reading.at, untold: 0 });
        outbox.raise(kind, || told(kind, untold, reading));
    }
}

impl Repeat {
    /// False after the clock was set back, or it might be quiet for years.
    fn is_recent(&self, now: SystemTime) -> bool {
        now.duration_since(self.told_at).is_ok_and(|ago| ago < QUIET)
    }
}

fn kind_of(quality: Quality) -> Option<Kind> {
    match quality {
        Quality::Uncertain(Doubt::LateReply) => Some(Kind::ReplyLate),
        Quality::Bad(Fault::BadCrc) => Some(Kind::ReplyCorrupt),
        Quality::Bad(Fault::ForeignReply) => Some(Kind::ReplyForeign),
        Quality::Bad(Fault::Exception(_) | Fault::Status(_)) => Some(Kind::PollException),
        Quality::Bad(Fault::ChecksumMismatch) => Some(Kind::ChecksumMismatch),
        Quality::Good
        | Quality::Uncertain(Doubt::Status(_) | Doubt::Stale | Doubt::Torn)
        | Quality::Bad(Fault::Timeout | Fault::LinkDown | Fault::NotAValue | Fault::BackedOff) => {
            None
        }
    }
}

fn told(kind: Kind, untold: u64, reading: &Reading) -> Event {
    let more = match untold {
        0 => String::new(),
        n => format!(" ({n} more since this was last told)"),
    };
    let text = format!("{}: {}{more}", device_of(reading), detail(reading));
    let event = about_device(kind, reading, text).with("count", untold + 1);
    match reading.quality {
        Quality::Bad(Fault::Exception(code)) => {
            event.with("exception", exception_name(code).into_owned()).with("exception_code", code)
        }
        Quality::Bad(Fault::Status(status)) => event.with("status", status.name),
        Quality::Good | Quality::Uncertain(_) | Quality::Bad(_) => event,
    }
}
