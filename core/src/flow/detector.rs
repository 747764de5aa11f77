//! Modbus on ports that nobody configured, found by its shape.
//!
//! One payload proves nothing. Evidence is a pair: a request of one end, and from the other end
//! what answers it, with its identifier, unit and function and as many bytes as were asked for.
//! [`PAIRS`] of them, of which two differ and one could not go the other way round, make a server;
//! what was seen until then is kept and read, so that detection costs no transaction. Who asks is
//! the client, whoever connected to whom. Tables are fixed; whom they forget is counted.

mod candidate;
mod candidates;
mod kept;
mod servers;

use crate::record::{Detected, DetectionTally, Protocol};
use crate::wire::modbus::likeness::{self, Framing};
use crate::wire::modbus::pdu::Direction;

use super::key::Key;
use super::sighting::Sighting;
use super::watch::time;

use candidates::Candidates;
pub(super) use kept::Kept;
use servers::Servers;

/// Pairs that make a server. By chance, bytes that pass the quick question make a pair less often
/// than once in 2^32: both directions hold a length or CRC that fits, and an identifier or CRC of
/// 16 bits besides. But bytes of another protocol are not random: it may have the same header, or
/// a frame that looks like a question and comes with one that looks like its answer. That it does
/// so three times and not always with the same bytes is hardly to be had without being Modbus.
pub(super) const PAIRS: u32 = 3;

/// What may be a server, and what is.
#[derive(Debug)]
pub(super) struct Detector {
    candidates: Candidates,
    servers: Servers,
}

/// A server that was just proven.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) detected: Detected,
    pub(super) framing: Framing,
    /// What was seen of it so far, to be read now and then given back.
    pub(super) kept: Kept,
    place: usize,
}

impl Detector {
    pub(super) fn new(seed: u64) -> Self {
        Self { candidates: Candidates::new(seed), servers: Servers::default() }
    }

    /// Who speaks, if one end is a detected server.
    #[inline]
    pub(super) fn direction(&mut self, sighting: &Sighting<'_>) -> Option<(Framing, Direction)> {
        let segment = sighting.segment;
        if !self.servers.may_have(segment.destination_port, segment.source_port) {
            return None;
        }
        self.servers.direction(sighting)
    }

    /// Look at a segment of which nothing is known. What was proven with it is told, and kept
    /// from now on.
    pub(super) fn observe(
        &mut self,
        sighting: &Sighting<'_>,
        tally: &mut DetectionTally,
    ) -> Option<Proven> {
        let likeness = likeness::likeness(sighting.segment.payload)?;
        let place = self.candidates.observe(sighting, likeness, tally)?;
        let candidate = self.candidates.at(place)?;
        let (framing, server) = (candidate.framing(), candidate.server());
        let kept = candidate.take_kept();
        let (client, n_pairs) = (kept.last_client()?, candidate.n_pairs());
        candidate.forget();
        self.servers.insert(server, framing, sighting.at_ns, tally);
        let detected = Detected {
            at: time(sighting.at_ns),
            vlan: server.vlan(),
            protocol: Protocol::from(framing),
            client,
            server: server.server(),
            n_pairs,
            trust: kept.trust(),
        };
        Some(Proven { detected, framing, kept, place })
    }

    /// What was kept of a connection because its client seemed to be the server, if it is alone.
    pub(super) fn take_contrary(&mut self, key: &Key) -> Option<Kept> {
        self.candidates.take(&key.reversed().of_server())
    }

    /// Memory of what was read, for whatever comes next.
    pub(super) fn give_back(&mut self, proven: Proven) {
        if let Some(candidate) = self.candidates.at(proven.place) {
            candidate.give_back(proven.kept);
        }
    }
}

/// True if a segment can go in the other direction only: what a server at this port sends, or what
/// is sent to it, does not look like that.
pub(super) fn is_contrary(payload: &[u8], framing: Framing, direction: Direction) -> bool {
    likeness::may_be_modbus(payload)
        && likeness::likeness(payload).is_some_and(|likeness| {
            likeness.framing == framing
                && likeness.direction.is_some_and(|spoken| spoken != direction)
        })
}
