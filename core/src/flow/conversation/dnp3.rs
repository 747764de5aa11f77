//! A DNP3 conversation: each frame is judged by its own CRCs, and an intact one may begin a message.
//!
//! A response does not say what it answers. A refusal is told with the request before it, if that
//! has its sequence number.

use std::net::IpAddr;

use crate::record::{Checked, Corruption, Note, Protocol, WireReport};
use crate::wire::dnp3::link::Frame;
use crate::wire::message::{Message, Role};
use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::Vlan;
use crate::wire::{Checksum, Unverified, WireError, dnp3};

use super::super::datagram::Datagram;
use super::super::key::Key;
use super::super::usage::Usages;
use super::super::watch::time;
use super::{Page, direction_of, on_datagram};

/// What a connection of DNP3 remembers.
#[derive(Debug, Default)]
pub(in crate::flow) struct Dnp3 {
    asked: Option<Asked>,
}

/// The last request.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Which way it went: its answer comes from the other side.
    direction: Direction,
    sequence: u8,
    message: Message,
    is_verified: bool,
}

/// When a frame went from where to where.
#[derive(Clone, Copy, Debug)]
struct Way {
    at_ns: u64,
    vlan: Vlan,
    source: IpAddr,
    destination: IpAddr,
}

impl Dnp3 {
    /// Bytes were missed.
    pub(in crate::flow) fn lose(&mut self) {
        self.asked = None;
    }

    pub(in crate::flow) fn on_frame(
        &mut self,
        direction: Direction,
        at_ns: u64,
        bytes: &[u8],
        page: &mut Page<'_>,
    ) {
        let Ok((frame, _)) = Frame::parse(bytes) else { return };
        let (from, to) = match direction {
            Direction::Request => (page.key.client(), page.key.server()),
            Direction::Response => (page.key.server(), page.key.client()),
        };
        let (source, destination, vlan) = (from.ip(), to.ip(), page.key.vlan());
        let is_intact = judge(&frame, &Way { at_ns, vlan, source, destination }, page.report);
        let Some(message) = is_intact.then(|| dnp3::read(&frame)).flatten() else { return };
        let message = self.paired(direction, &frame, message, page);
        page.on_message((Protocol::Dnp3, direction), at_ns, message);
    }

    /// A refusal gets the function that it refuses.
    fn paired(
        &mut self,
        direction: Direction,
        frame: &Frame<'_>,
        message: Message,
        page: &mut Page<'_>,
    ) -> Message {
        let Some(sequence) = dnp3::sequence(frame) else { return message };
        match message.role {
            Role::Request => {
                self.asked =
                    Some(Asked { direction, sequence, message, is_verified: page.is_verified });
                message
            }
            Role::Response => match self.asked.take() {
                Some(Asked {
                    direction: way,
                    sequence: asked,
                    message: Message { code, operation, station, .. },
                    is_verified,
                }) if message.error.is_some()
                    && asked == sequence
                    && way == direction.opposite()
                    && station == message.station =>
                {
                    page.is_verified &= is_verified;
                    Message { operation, code, ..message }
                }
                Some(_) | None => message,
            },
            Role::Report => message,
        }
    }
}

/// Read the frames of a datagram. Nothing is remembered from one to the next, so an answer, which
/// does not say what it answers, is counted and shows no usage.
pub(in crate::flow) fn read_datagram(
    datagram: &Datagram<'_>,
    usages: &mut Usages,
    report: &mut WireReport,
) {
    let Datagram { at_ns, vlan, source, destination, .. } = *datagram;
    let way = Way { at_ns, vlan, source: *source, destination: *destination };
    let mut rest = datagram.payload;
    while !rest.is_empty() {
        match Frame::parse(rest) {
            Ok((frame, behind)) => {
                rest = behind;
                if let Some(message) =
                    judge(&frame, &way, report).then(|| dnp3::read(&frame)).flatten()
                {
                    let key = Key::of_datagram(datagram, direction_of(&message));
                    on_datagram(datagram, (Protocol::Dnp3, &key), message, (usages, report));
                }
            }
            Err(error) => {
                if matches!(error, WireError::Truncated { .. }) {
                    report.checksums.dnp3.count(Checksum::Unverified(Unverified::Truncated));
                }
                report.messages.of(Protocol::Dnp3).unread += 1;
                return;
            }
        }
    }
}

/// Count the verdict on a frame, and note a bad one. False if it must not be read.
fn judge(frame: &Frame<'_>, way: &Way, report: &mut WireReport) -> bool {
    let verdict = frame.checksum();
    report.checksums.dnp3.count(verdict);
    let Checksum::Invalid(mismatch) = verdict else { return true };
    let Way { at_ns, vlan, source, destination } = *way;
    let (at, checked) = (time(at_ns), Checked::Dnp3);
    report.note(Note::Corrupt(Corruption {
        at,
        checked,
        mismatch,
        vlan,
        source,
        destination,
        is_awaited: false,
        is_rewritten: false,
    }));
    false
}
