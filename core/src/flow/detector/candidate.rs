//! One end of connections that may be a Modbus server, and the evidence so far.

use crate::wire::checksum::crc16_modbus;
use crate::wire::modbus::likeness::{self, Adu, Framing, Likeness};
use crate::wire::modbus::pdu::Direction;
use crate::wire::modbus::shape;

use super::super::key::Key;
use super::super::sighting::Sighting;
use super::PAIRS;
use super::kept::Kept;

/// Requests of all its clients that wait at once; one more pushes out the oldest.
const MAX_ASKED: usize = 16;

/// An end, by address, port and VLAN; its key has no client.
#[derive(Debug)]
pub(super) struct Candidate {
    server: Key,
    framing: Framing,
    last_ns: u64,
    asked: Vec<Asked>,
    evidence: Pairs,
    kept: Kept,
}

/// A request that is not answered yet.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Number of its segment, and where its PDU lies.
    segment: usize,
    start: usize,
    len: usize,
    transaction: u16,
    unit: u8,
    /// False if it looks like a response as well.
    is_directed: bool,
}

/// Pairs of request and response.
#[derive(Clone, Copy, Debug, Default)]
struct Pairs {
    n: u32,
    /// One cannot go the other way round: something that merely repeats what it is sent does not
    /// pass for a server.
    is_directed: bool,
    first: u32,
    /// Another was not like the first: what is always the same proves nothing new.
    is_varied: bool,
}

impl Candidate {
    pub(super) fn new(server: Key, framing: Framing) -> Self {
        let (asked, kept) = (Vec::new(), Kept::default());
        Self { server, framing, last_ns: 0, asked, evidence: Pairs::default(), kept }
    }

    pub(super) fn is(&self, server: &Key, framing: Framing) -> bool {
        self.framing == framing && self.server == *server && self.is_used()
    }

    pub(super) fn is_used(&self) -> bool {
        self.last_ns != 0
    }

    /// What is given up first when there is no room: without evidence, then silent for longest.
    pub(super) fn worth(&self) -> (bool, u64) {
        (self.evidence.n > 0, self.last_ns)
    }

    pub(super) fn server(&self) -> Key {
        self.server
    }

    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    pub(super) fn n_pairs(&self) -> u32 {
        self.evidence.n
    }

    pub(super) fn is_proven(&self) -> bool {
        let Pairs { n, is_directed, is_varied, .. } = self.evidence;
        n >= PAIRS && is_directed && is_varied
    }

    /// True if a pair shows which way it goes.
    pub(super) fn is_directed(&self) -> bool {
        self.evidence.is_directed
    }

    /// Forget everything, but keep the memory.
    pub(super) fn forget(&mut self) {
        self.last_ns = 0;
        self.asked.clear();
        self.kept.clear();
        self.evidence = Pairs::default();
    }

    /// Begin anew with another end.
    pub(super) fn restart(&mut self, server: Key, framing: Framing) {
        self.forget();
        self.server = server;
        self.framing = framing;
    }

    pub(super) fn take_kept(&mut self) -> Kept {
        std::mem::take(&mut self.kept)
    }

    pub(super) fn give_back(&mut self, mut kept: Kept) {
        kept.clear();
        if !self.is_used() {
            self.kept = kept;
        }
    }

    /// True if something in the segment answers what was asked.
    pub(super) fn is_answered_by(&self, sighting: &Sighting<'_>) -> bool {
        let connection = Key::of(sighting, Direction::Response);
        let payload = sighting.segment.payload;
        likeness::adus(self.framing, payload).any(|adu| self.find(&connection, adu).is_some())
    }

    /// Take a segment of this end, or to it.
    pub(super) fn accept(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Direction,
        likeness: Likeness,
    ) {
        self.last_ns = sighting.at_ns.max(1);
        let Some((segment, start)) = self.keep(sighting, direction) else { return };
        let connection = Key::of(sighting, direction);
        let is_directed = likeness.direction.is_some();
        let payload = sighting.segment.payload;
        let mut end = 0;
        for adu in likeness::adus(self.framing, payload) {
            // A PDU lies at the end of its ADU, before the CRC of a frame.
            let pdu = end + self.before_pdu();
            end = pdu + adu.pdu.len();
            match direction {
                Direction::Request => {
                    let (start, len) = (start + pdu, adu.pdu.len());
                    let Adu { transaction, unit, .. } = adu;
                    let asked = Asked { segment, start, len, transaction, unit, is_directed };
                    self.ask(&connection, asked);
                }
                Direction::Response => self.answer(&connection, adu, is_directed),
            }
        }
    }

    /// Keep a segment. When there is no room, what was kept is given up, and not the evidence.
    fn keep(&mut self, sighting: &Sighting<'_>, direction: Direction) -> Option<(usize, usize)> {
        let place = self.kept.push(sighting, direction);
        place.or_else(|| {
            self.asked.clear();
            self.kept.clear();
            self.kept.push(sighting, direction)
        })
    }

    fn ask(&mut self, connection: &Key, asked: Asked) {
        match self.framing {
            Framing::Mbap if self.asked.len() == MAX_ASKED => drop(self.asked.remove(0)),
            Framing::Mbap => (),
            // A serial line has one request open at a time.
            Framing::Rtu => {
                let kept = &self.kept;
                self.asked.retain(|other| kept.key(other.segment) != Some(*connection));
            }
        }
        self.asked.push(asked);
    }

    fn answer(&mut self, connection: &Key, adu: Adu<'_>, is_directed: bool) {
        let Some(index) = self.find(connection, adu) else { return };
        let asked = self.asked.remove(index);
        let fingerprint = match self.framing {
            Framing::Mbap => u32::from(adu.transaction),
            Framing::Rtu => {
                let request = crc16_modbus(self.kept.bytes(asked.start, asked.len));
                u32::from(request) << 16 | u32::from(crc16_modbus(adu.pdu))
            }
        };
        self.evidence.add(fingerprint, is_directed || asked.is_directed);
    }

    /// The request of this connection that `adu` answers.
    fn find(&self, connection: &Key, adu: Adu<'_>) -> Option<usize> {
        self.asked.iter().position(|asked| {
            asked.transaction == adu.transaction
                && asked.unit == adu.unit
                && self.kept.key(asked.segment) == Some(*connection)
                && shape::answers(self.kept.bytes(asked.start, asked.len), adu.pdu)
        })
    }

    fn before_pdu(&self) -> usize {
        match self.framing {
            Framing::Mbap => crate::wire::modbus::mbap::LEN,
            Framing::Rtu => 1,
        }
    }
}

impl Pairs {
    fn add(&mut self, fingerprint: u32, is_directed: bool) {
        if self.n == 0 {
            self.first = fingerprint;
        }
        self.n = self.n.saturating_add(1);
        self.is_varied |= fingerprint != self.first;
        self.is_directed |= is_directed;
    }
}
