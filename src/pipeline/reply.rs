//! Replies that are wrong, late, foreign or a refusal: told once, then counted.
//!
//! A bad CRC now and then is normal on a serial line, and a wrong address is refused for ever.
//! Each kind is told when a device first shows it, and after that at most every five minutes.

use std::time::SystemTime;

use crate::record::{BlockChecksum, BlockMismatch, Doubt, Event, Fault, Kind, Quality, Reading};

use super::outbox::Outbox;
use super::repeats;
use super::words::{about_device, detail, device_of, elapsed, exception_name, latency_ms};

/// Bytes of a block that stand in an event: those of a full request and a few.
const MAX_SHOWN: usize = 256;

/// Of one device.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// By kind of event.
    told: repeats::Repeats<Kind, 5>,
    /// Since its checksum does not match.
    mismatch: Option<Mismatches>,
}

/// A run of readings that a controller's checksum speaks against.
#[derive(Debug)]
struct Mismatches {
    since: SystemTime,
    count: u64,
    /// One of them was told; then the end of the run is told too.
    is_told: bool,
}

impl Repeats {
    pub(super) fn on_reading(&mut self, reading: &Reading, outbox: &mut Outbox) {
        let is_told = self.tell(reading, outbox);
        match &reading.checksum {
            BlockChecksum::Unverified => (),
            BlockChecksum::Invalid(_) => {
                let new = Mismatches { since: reading.at, count: 0, is_told: false };
                let run = self.mismatch.get_or_insert(new);
                run.count += 1;
                run.is_told |= is_told;
            }
            BlockChecksum::Valid => {
                if let Some(run) = self.mismatch.take().filter(|run| run.is_told) {
                    outbox.raise(Kind::ChecksumRestored, || restored(&run, reading));
                }
            }
        }
    }

    /// Tell of what is wrong with the reading, or count it. True if it was told.
    fn tell(&mut self, reading: &Reading, outbox: &mut Outbox) -> bool {
        let Some(kind) = kind_of(reading.quality) else { return false };
        let Some(untold) = self.told.untold(kind, reading.at) else { return false };
        outbox.raise(kind, || told(kind, untold, reading));
        true
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
    if let BlockChecksum::Invalid(mismatch) = &reading.checksum {
        return with_mismatch(event, mismatch);
    }
    match reading.quality {
        Quality::Bad(Fault::Exception(code)) => {
            event.with("exception", exception_name(code).into_owned()).with("exception_code", code)
        }
        Quality::Bad(Fault::Status(status)) => event.with("status", status.name),
        Quality::Good | Quality::Uncertain(_) | Quality::Bad(_) => event,
    }
}

fn with_mismatch(event: Event, mismatch: &BlockMismatch) -> Event {
    let BlockMismatch { algorithm, stored, computed, block } = mismatch;
    event
        .with("algorithm", *algorithm)
        .with("stored", format!("{stored:#06x}"))
        .with("computed", format!("{computed:#06x}"))
        .with("block", hexadecimal(block))
        .with("block_len", block.len() as u64)
}

/// Two digits a byte, of a long block only the beginning.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len().min(MAX_SHOWN));
    for nibble in bytes.iter().take(MAX_SHOWN).flat_map(|byte| [byte >> 4, byte & 0xf]) {
        digits.extend(char::from_digit(nibble.into(), 16));
    }
    digits
}

fn restored(run: &Mismatches, reading: &Reading) -> Event {
    let after = elapsed(run.since, reading.at);
    let text = format!(
        "{}: the controller's checksum matches again after {}; readings it spoke against: {}",
        device_of(reading),
        humantime::format_duration(after),
        run.count
    );
    about_device(Kind::ChecksumRestored, reading, text)
        .with("after_ms", latency_ms(after))
        .with("count", run.count)
}
