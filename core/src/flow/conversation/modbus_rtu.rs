//! Frames of a Modbus serial line in a TCP connection, as converters pass them on.
//!
//! One request is open at a time, and a frame has no identifier: a response belongs to the request
//! before it if it has its unit and function and as much in it as was asked for. So what was asked
//! before bytes were missed is not paired with what comes after them.

use crate::record::{Checked, Corruption, Note};
use crate::wire::modbus::pdu::Direction;
use crate::wire::modbus::rtu::{Frame, MAX_LEN};
use crate::wire::modbus::shape;
use crate::wire::{Checksum, Mismatch};

use super::super::half::Seen;
use super::super::outstanding::Address;
use super::super::rtu_frames::{Found, RtuFrames};
use super::super::sides::Sides;
use super::super::transcript::Transcript;
use super::super::watch::time;
use super::Page;
use super::modbus::{self, Open};

/// What each side sends, and what is open between them.
#[derive(Debug, Default)]
pub(in crate::flow) struct ModbusRtu {
    frames: Sides<RtuFrames>,
    line: Line,
}

/// The line behind the converter.
#[derive(Debug, Default)]
struct Line {
    open: Open,
    /// Unit and PDU of the request that is open; nothing if none is.
    asked: Vec<u8>,
}

impl ModbusRtu {
    /// Forget everything, but keep the memory that is the conversation's own.
    pub(in crate::flow) fn reset(&mut self, transcript: &mut Transcript) {
        self.frames.of(Direction::Request).lose();
        self.frames.of(Direction::Response).lose();
        self.end_turns(transcript);
    }

    /// What is open will not be answered any more.
    pub(in crate::flow) fn end_turns(&mut self, transcript: &mut Transcript) {
        self.line.end_turn(transcript);
    }

    /// The next byte of a direction is the first of all.
    pub(in crate::flow) fn lock(&mut self, direction: Direction) {
        self.frames.of(direction).lock();
    }

    /// Bytes of a direction were missed, perhaps a request or the answer to one.
    pub(in crate::flow) fn lose(&mut self, direction: Direction, transcript: &mut Transcript) {
        self.frames.of(direction).lose();
        self.line.end_turn(transcript);
    }

    pub(in crate::flow) fn read(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        Seen { at_ns, is_verified }: Seen,
        page: &mut Page<'_>,
    ) {
        let Self { frames, line } = self;
        frames.of(direction).accept((bytes, is_verified), direction, |found, is_verified| {
            match found {
                Found::Frame(frame) => {
                    page.is_verified = is_verified;
                    page.report.checksums.modbus_rtu.count(Checksum::Valid);
                    line.on_frame(direction, at_ns, frame, page);
                }
                Found::Damaged(mismatch) => {
                    page.effects.miss(page.key);
                    note_damage(direction, at_ns, mismatch, page);
                }
                Found::Foreign => {
                    page.effects.miss(page.key);
                    page.report.modbus.unread += 1;
                }
            }
        });
    }
}

impl Line {
    fn on_frame(
        &mut self,
        direction: Direction,
        at_ns: u64,
        frame: Frame<'_>,
        page: &mut Page<'_>,
    ) {
        let Frame { unit, pdu } = frame;
        let address = Address { transaction: None, unit };
        match direction {
            Direction::Request => {
                self.end_turn(page.transcript);
                self.asked.reserve_exact(MAX_LEN);
                self.asked.push(unit);
                self.asked.extend_from_slice(pdu);
                self.open.on_request(at_ns, address, pdu, page);
            }
            Direction::Response if self.is_answered_by(frame) => {
                self.asked.clear();
                self.open.on_response(at_ns, address, pdu, page);
            }
            Direction::Response => modbus::on_stray(at_ns, address, pdu, page),
        }
    }

    fn is_answered_by(&self, frame: Frame<'_>) -> bool {
        self.asked
            .split_first()
            .is_some_and(|(unit, asked)| *unit == frame.unit && shape::answers(asked, frame.pdu))
    }

    fn end_turn(&mut self, transcript: &mut Transcript) {
        self.asked.clear();
        self.open.end_turns(transcript);
    }
}

/// The damage is older than the TCP checksum, or that would not have held: it came from the line.
#[cold]
fn note_damage(direction: Direction, at_ns: u64, mismatch: Mismatch, page: &mut Page<'_>) {
    page.report.checksums.modbus_rtu.count(Checksum::Invalid(mismatch));
    let (client, server) = (page.key.client().ip(), page.key.server().ip());
    let (source, destination) = match direction {
        Direction::Request => (client, server),
        Direction::Response => (server, client),
    };
    let (at, vlan) = (time(at_ns), page.key.vlan());
    let checked = Checked::ModbusRtu;
    page.report.note(Note::Corrupt(Corruption {
        at,
        checked,
        mismatch,
        vlan,
        source,
        destination,
        is_awaited: false,
        is_rewritten: false,
    }));
}
