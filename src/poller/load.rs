//! How much of its time a serial line needs for what it is scheduled, before a byte is sent. Pure.
//!
//! Counted for each request of the plan, and for the probes that a turn has while all is well
//! (`rtu`): the bytes of request and reply at the line's speed, the silence between, and the time
//! that a device takes to answer, which is assumed. Lost replies and the probes after them come on
//! top, and so does a poller that wakes late: hence the reserve.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Device, Endpoint, Link, Parity, Serial, StopBits};
use crate::record::SourceId;
use crate::wire::modbus::request::ReadRequest;
use crate::wire::modbus::rtu;
use crate::wire::modbus::rtu::Timing;

use super::guard::planned_requests;
use super::line::frame_gap;

/// Assumed, from the last byte of a request to the first of its reply.
const REPLY_TIME: Duration = Duration::from_millis(10);
/// A line that needs more than this part of its time has little left for what goes wrong.
const TIGHT: u64 = 80;
const PARTS_PER_PERCENT: u128 = 10_000;

/// What a serial line is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Of the line's time, rounded up.
    pub percent: u64,
    /// As people write it: "9600 8E1".
    format: String,
    relief: Option<Relief>,
}

/// How far a line's time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strain {
    Fits,
    /// It goes round, with little left for lost replies.
    Tight,
    /// Turns will be missed.
    Overloaded,
}

/// What would make room: these devices, read no more often than this.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relief {
    every: Duration,
    devices: Vec<Arc<str>>,
}

/// The load of each serial line among `links`.
pub fn loads(links: &BTreeMap<SourceId, Arc<Link>>) -> BTreeMap<SourceId, Load> {
    let load = |(id, link): (&SourceId, &Arc<Link>)| Some((id.clone(), Load::of(link)?));
    links.iter().filter_map(load).collect()
}

impl Load {
    /// `None` if `link` is no serial line: how fast the line behind a converter is, is not known.
    fn of(link: &Link) -> Option<Self> {
        let Endpoint::Serial(serial) = &link.endpoint else { return None };
        let turns: Vec<_> = link
            .devices
            .iter()
            .map(|device| (turn_time(serial, link.pause, device), device))
            .collect();
        let percent = percent(&turns, Duration::ZERO);
        let relief = if percent > TIGHT { Relief::of(&turns) } else { None };
        Some(Self { percent, format: format_of(serial), relief })
    }

    pub fn strain(&self) -> Strain {
        if self.percent > 100 {
            Strain::Overloaded
        } else if self.percent > TIGHT {
            Strain::Tight
        } else {
            Strain::Fits
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { percent, format, relief } = self;
        write!(f, "needs {percent} % of {format}")?;
        match self.strain() {
            Strain::Fits => return Ok(()),
            Strain::Tight => f.write_str(", which leaves little for lost replies")?,
            Strain::Overloaded => f.write_str(", so turns will be missed")?,
        }
        match relief {
            Some(relief) => write!(f, ": {relief}")?,
            None => f.write_str(": remove devices")?,
        }
        write!(f, ", or raise the baud rate (devices are taken to answer within {REPLY_TIME:?})")
    }
}

impl Relief {
    /// The least period that makes room if nothing on the line is read more often.
    fn of(turns: &[(Duration, &Arc<Device>)]) -> Option<Self> {
        let every = periods().find(|every| percent(turns, *every) <= TIGHT)?;
        let is_faster = |(_, device): &&(Duration, &Arc<Device>)| device.every < every;
        let devices = turns.iter().filter(is_faster).map(|(_, device)| Arc::clone(&device.name));
        Some(Self { every, devices: devices.collect() })
    }
}

impl fmt::Display for Relief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let shown: Vec<_> = self.devices.iter().take(SHOWN).map(|name| &**name).collect();
        let every = humantime::format_duration(self.every);
        write!(f, "set every = \"{every}\" for {}", shown.join(", "))?;
        match self.devices.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            n_more => write!(f, " and {n_more} more"),
        }
    }
}

/// Periods that people choose, up to the longest there can be.
fn periods() -> impl Iterator<Item = Duration> {
    let ms = [10, 20, 50, 100, 200, 500].map(Duration::from_millis);
    let s = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800].map(Duration::from_secs);
    let h = [1, 2, 6, 12, 24].map(|hours| Duration::from_secs(hours * 3600));
    ms.into_iter().chain(s).chain(h)
}

/// What the turns need if none comes more often than `least`, rounded up.
fn percent(turns: &[(Duration, &Arc<Device>)], least: Duration) -> u64 {
    let parts = |(time, device): &(Duration, &Arc<Device>)| {
        let every = device.every.max(least).as_nanos().max(1);
        time.as_nanos() * 100 * PARTS_PER_PERCENT / every
    };
    let parts: u128 = turns.iter().map(parts).sum();
    u64::try_from(parts.div_ceil(PARTS_PER_PERCENT)).unwrap_or(u64::MAX)
}

/// Line time of one turn of `device`.
fn turn_time(line: &Serial, pause: Duration, device: &Device) -> Duration {
    let requests = planned_requests(device);
    let confused = requests.windows(2).filter(|pair| match pair {
        [last, next] => !next.is_distinguishable_from(*last),
        _ => false,
    });
    // One after the turn, and one between two requests whose replies could pass for each other's.
    let n_probes = if requests.is_empty() { 0 } else { 1 + confused.count() };
    let probes = std::iter::repeat_n(ReadRequest::Echo { nonce: 0 }, n_probes);
    let all = requests.iter().copied().chain(probes);
    all.map(|request| request_time(line, pause, request, REPLY_TIME)).sum()
}

/// From the begin of a request to the begin of the next one, if the reply comes after `reply_time`.
pub(super) fn request_time(
    line: &Serial,
    pause: Duration,
    request: ReadRequest,
    reply_time: Duration,
) -> Duration {
    let asked = transmission(line, rtu::REQUEST_LEN);
    let reply_len = request.byte_count().map_or(rtu::REQUEST_LEN, |n_bytes| n_bytes + 5);
    let answered = reply_time + transmission(line, reply_len);
    let gap = frame_gap(Timing::at(line.baud));
    asked + answered + gap.max(pause)
}

fn transmission(line: &Serial, n_bytes: usize) -> Duration {
    let n_bits = u64::try_from(n_bytes).unwrap_or(u64::MAX).saturating_mul(character_bits(line));
    Duration::from_nanos(n_bits.saturating_mul(1_000_000_000) / u64::from(line.baud.max(1)))
}

/// A start bit, eight of data, parity if there is one, and stop bits.
fn character_bits(line: &Serial) -> u64 {
    let parity = match line.parity {
        Parity::None => 0,
        Parity::Even | Parity::Odd => 1,
    };
    let stop = match line.stop_bits {
        StopBits::One => 1,
        StopBits::Two => 2,
    };
    1 + 8 + parity + stop
}

fn format_of(line: &Serial) -> String {
    let parity = match line.parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    };
    let stop = match line.stop_bits {
        StopBits::One => 1,
        StopBits::Two => 2,
    };
    format!("{} 8{parity}{stop}", line.baud)
}

#[cfg(test)]
mod tests;
