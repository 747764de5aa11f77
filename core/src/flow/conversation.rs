//! What is said in a connection: bytes in order in, by direction; messages out.
//!
//! One variant for each way to frame and pair. A protocol that is framed by lengths brings
//! `extent` and `message` of its own in `wire`, and here what a connection of it remembers.

mod asked;
pub(super) mod dnp3;
mod enip;
mod framed;
mod iec104;
mod modbus;
mod modbus_rtu;
mod opcua;
mod s7comm;

use crate::record::{Conflict, Contested, Note, Protocol, Spoken, Trust, WireReport};
use crate::wire::message::{Message, Operation, Role};
use crate::wire::modbus::pdu::Direction;

use super::datagram::Datagram;
use super::effect::Effects;
use super::half::{Piece, Seen};
use super::key::Key;
use super::sighting::Evidence;
use super::transcript::Transcript;
use super::usage::{Asking, Recent, Usages};
use super::watch::time;

use framed::Framed;
use modbus::Modbus;
use modbus_rtu::ModbusRtu;

/// One conversation, and what it remembers.
#[derive(Debug)]
pub(super) enum Conversation {
    Modbus(Modbus),
    ModbusRtu(ModbusRtu),
    Framed(Framed),
}

/// The block being judged, for one connection.
pub(super) struct Page<'a> {
    pub(super) block: u64,
    /// Gaps of the capture so far.
    pub(super) n_gaps: u32,
    pub(super) key: &'a Key,
    /// As it is known again after the next connection.
    pub(super) parties: &'a Key,
    pub(super) report: &'a mut WireReport,
    pub(super) transcript: &'a mut Transcript,
    pub(super) effects: &'a mut Effects,
    pub(super) usages: &'a mut Usages,
    /// What the connection used of them last.
    pub(super) recent: &'a mut Recent,
    /// The connection's slot in the table.
    pub(super) slot: u32,
    /// Whether the checksum was right of every segment that brought something of the message at hand.
    pub(super) is_verified: bool,
}

/// Conflicts that are noted in one report: they must not take the room of writes.
const MAX_CONFLICTS: u64 = 16;

impl Conversation {
    pub(super) fn new(protocol: Protocol) -> Self {
        match Framed::new(protocol) {
            Some(framed) => Self::Framed(framed),
            None if protocol == Protocol::ModbusRtu => Self::ModbusRtu(ModbusRtu::default()),
            None => Self::Modbus(Modbus::default()),
        }
    }

    /// Begin one of this protocol. Memory is kept where it fits.
    pub(super) fn restart(&mut self, protocol: Protocol) {
        if self.protocol() != protocol {
            *self = Self::new(protocol);
        }
    }

    /// Forget everything, but keep the memory.
    pub(super) fn reset(&mut self, transcript: &mut Transcript) {
        match self {
            Self::Modbus(modbus) => modbus.reset(transcript),
            Self::ModbusRtu(modbus) => modbus.reset(transcript),
            Self::Framed(framed) => framed.reset(),
        }
    }

    /// What is open will not be answered any more.
    pub(super) fn end_turns(&mut self, transcript: &mut Transcript) {
        match self {
            Self::Modbus(modbus) => modbus.end_turns(transcript),
            Self::ModbusRtu(modbus) => modbus.end_turns(transcript),
            Self::Framed(_) => (),
        }
    }

    /// Begin or stop to keep what is read; only of Modbus is it kept.
    pub(super) fn watch(&mut self, is_watched: bool) {
        match self {
            Self::Modbus(modbus) => modbus.watch(is_watched),
            Self::ModbusRtu(_) | Self::Framed(_) => (),
        }
    }

    /// Bytes were missed, of either direction.
    pub(super) fn doubt(&mut self, page: &mut Page<'_>) {
        match self {
            Self::Modbus(modbus) => {
                modbus.doubt();
                page.effects.miss(page.key);
            }
            Self::ModbusRtu(_) => page.effects.miss(page.key),
            Self::Framed(_) => (),
        }
    }

    /// Before the bytes of a segment are read.
    #[inline]
    pub(super) fn on_segment(&mut self, direction: Direction, evidence: Evidence) {
        match self {
            Self::Modbus(modbus) => modbus.on_segment(direction, evidence),
            Self::ModbusRtu(_) | Self::Framed(_) => (),
        }
    }

    /// After them: whether some wait for what is missing.
    #[inline]
    pub(super) fn settle(&mut self, direction: Direction, is_waiting: bool, page: &mut Page<'_>) {
        match self {
            Self::Modbus(modbus) => {
                modbus.settle(direction, is_waiting);
                if is_waiting {
                    page.effects.miss(page.key);
                }
            }
            Self::ModbusRtu(_) if is_waiting => page.effects.miss(page.key),
            Self::ModbusRtu(_) | Self::Framed(_) => (),
        }
    }

    /// Bytes of a direction, in order.
    #[inline]
    pub(super) fn read_bytes(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        seen: Seen,
        page: &mut Page<'_>,
    ) {
        match self {
            Self::Modbus(modbus) => modbus.read(direction, bytes, seen, page),
            Self::ModbusRtu(modbus) => modbus.read(direction, bytes, seen, page),
            Self::Framed(framed) => framed.read(direction, bytes, seen, page),
        }
    }

    pub(super) fn read(&mut self, direction: Direction, piece: Piece<'_>, page: &mut Page<'_>) {
        match piece {
            Piece::Bytes { bytes, seen } => self.read_bytes(direction, bytes, seen, page),
            Piece::Start => match self {
                Self::Modbus(modbus) => modbus.lock(direction),
                Self::ModbusRtu(modbus) => modbus.lock(direction),
                Self::Framed(framed) => framed.lock(direction),
            },
            Piece::Hole(missing) => {
                self.lose(direction, page.transcript);
                if let Self::Modbus(_) | Self::ModbusRtu(_) = self {
                    page.effects.miss(page.key);
                }
                page.recent.is_from_start = false;
                page.report.streams.holes += 1;
                page.report.streams.missing_bytes += u64::from(missing);
            }
            Piece::Conflict(seen) => {
                // Nobody knows which of two versions the receiver took.
                match self {
                    Self::Modbus(modbus) => {
                        modbus.contest(direction);
                        page.effects.miss(page.key);
                    }
                    Self::ModbusRtu(_) => page.effects.miss(page.key),
                    Self::Framed(_) => (),
                }
                page.recent.is_from_start = false;
                page.is_verified = seen.is_verified;
                page.note_conflict(direction, seen.at_ns);
            }
        }
    }

    /// Bytes of a direction were not seen: what comes next starts anywhere.
    pub(super) fn lose(&mut self, direction: Direction, transcript: &mut Transcript) {
        match self {
            Self::Modbus(modbus) => modbus.lose(direction),
            Self::ModbusRtu(modbus) => modbus.lose(direction, transcript),
            Self::Framed(framed) => framed.lose(direction),
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Modbus(_) => Protocol::Modbus,
            Self::ModbusRtu(_) => Protocol::ModbusRtu,
            Self::Framed(framed) => framed.protocol(),
        }
    }
}

impl Page<'_> {
    /// Of the message at hand.
    pub(super) fn trust(&self) -> Trust {
        Trust { verified: self.is_verified, from_start: self.recent.is_from_start }
    }

    #[cold]
    fn note_conflict(&mut self, direction: Direction, at_ns: u64) {
        let (source, destination) = match direction {
            Direction::Request => (self.key.client(), self.key.server()),
            Direction::Response => (self.key.server(), self.key.client()),
        };
        let of = Contested::Stream { source, destination };
        self.report.streams.conflicts += 1;
        if self.report.streams.conflicts <= MAX_CONFLICTS {
            let vlan = self.key.vlan();
            self.report.note(Note::Conflict(Conflict {
                at: time(at_ns),
                vlan,
                of,
                trust: self.trust(),
            }));
        }
    }

    /// Count a message of a protocol other than Modbus, and note it if somebody must know of it.
    /// Whoever opened the connection, and whosever port is known: who sends a request is its client.
    pub(super) fn on_message(
        &mut self,
        (protocol, direction): (Protocol, Direction),
        at_ns: u64,
        message: Message,
    ) {
        let is_turned = direction_of(&message) != direction;
        let key = if is_turned { self.key.reversed() } else { *self.key };
        let parties = if is_turned { key.at_port_of_client() } else { *self.parties };
        let (connection, is_verified) = (self.slot, self.is_verified);
        let asking = Asking { at_ns, key: &parties, connection, is_verified };
        self.recent.turn(is_turned, message.role, |recent| {
            self.usages.on_message(&asking, recent, (protocol, message), self.report);
        });
        let trust = self.trust();
        count(self.report, (protocol, at_ns, &key, trust), message);
    }
}

/// Which way a message goes between a client and its server.
pub(super) fn direction_of(message: &Message) -> Direction {
    match message.role {
        Role::Request => Direction::Request,
        Role::Response | Role::Report => Direction::Response,
    }
}

/// As [`Page::on_message`], for what is not said in a connection, and so misses no part of one.
pub(super) fn on_datagram(
    datagram: &Datagram<'_>,
    (protocol, key): (Protocol, &Key),
    message: Message,
    (usages, report): (&mut Usages, &mut WireReport),
) {
    let (at_ns, is_verified) = (datagram.at_ns, datagram.evidence == Evidence::Verified);
    let asking = Asking { at_ns, key, connection: u32::MAX, is_verified };
    usages.on_message(&asking, &mut Recent::new(true), (protocol, message), report);
    let trust = Trust { verified: is_verified, from_start: true };
    count(report, (protocol, at_ns, key, trust), message);
}

fn count(
    report: &mut WireReport,
    (protocol, at_ns, key, trust): (Protocol, u64, &Key, Trust),
    message: Message,
) {
    report.messages.of(protocol).count(&message);
    if message.error.is_some() || is_change(&message) {
        let (vlan, client, server) = (key.vlan(), key.client(), key.server());
        let at = time(at_ns);
        report.note(Note::Message(Spoken { at, vlan, protocol, client, server, message, trust }));
    }
}

/// A request that changes something.
fn is_change(message: &Message) -> bool {
    message.role == Role::Request
        && match message.operation {
            Operation::Write | Operation::Command => true,
            Operation::Read | Operation::Session | Operation::Other => false,
        }
}
