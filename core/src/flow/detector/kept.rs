//! Segments that are kept until it is known what they are.

use std::net::SocketAddr;

use crate::record::Trust;
use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::{Flags, Segment};

use super::super::key::Key;
use super::super::sighting::{Evidence, Sighting};

/// Segments in order, with all their bytes.
#[derive(Debug, Default)]
pub(in crate::flow) struct Kept {
    segments: Vec<Part>,
    bytes: Vec<u8>,
}

/// Requests and responses of three pairs with the longest answers, and as many others between.
const MAX_BYTES: usize = 3 << 10;
const MAX_SEGMENTS: usize = 32;

/// One segment.
#[derive(Clone, Copy, Debug)]
struct Part {
    key: Key,
    direction: Direction,
    at_ns: u64,
    evidence: Evidence,
    sequence: u32,
    start: usize,
    len: usize,
}

impl Kept {
    /// Keep a segment; returns its number and where its payload lies. `None` if there is no room.
    pub(super) fn push(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Direction,
    ) -> Option<(usize, usize)> {
        let Sighting { at_ns, evidence, segment, .. } = *sighting;
        let (start, len) = (self.bytes.len(), segment.payload.len());
        if self.segments.len() == MAX_SEGMENTS || start + len > MAX_BYTES {
            return None;
        }
        // All that it may ever need, once: growing by doubling takes twice as much.
        self.segments.reserve_exact(MAX_SEGMENTS - self.segments.len());
        self.bytes.reserve_exact(MAX_BYTES - start);
        self.bytes.extend_from_slice(segment.payload);
        let (key, sequence) = (Key::of(sighting, direction), segment.sequence);
        self.segments.push(Part { key, direction, at_ns, evidence, sequence, start, len });
        Some((self.segments.len() - 1, start))
    }

    /// Bytes at a place that [`Kept::push`] told of.
    pub(super) fn bytes(&self, start: usize, len: usize) -> &[u8] {
        self.bytes.get(start..).and_then(|bytes| bytes.get(..len)).unwrap_or_default()
    }

    /// Whose connection a segment is of.
    pub(super) fn key(&self, number: usize) -> Option<Key> {
        self.segments.get(number).map(|part| part.key)
    }

    /// Client of the last segment.
    pub(super) fn last_client(&self) -> Option<SocketAddr> {
        self.segments.last().map(|part| part.key.client())
    }

    /// Of all of them. What was said before nobody kept.
    pub(super) fn trust(&self) -> Trust {
        let verified = self.segments.iter().all(|part| part.evidence == Evidence::Verified);
        Trust { verified, from_start: false }
    }

    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.bytes.clear();
    }

    /// Show each segment, and its direction. Of its header there are only ports and sequence
    /// number: between two of them others may have passed that did not look alike.
    pub(in crate::flow) fn for_each(&self, mut visit: impl FnMut(&Sighting<'_>, Direction)) {
        for part in &self.segments {
            let Part { key, direction, at_ns, evidence, sequence, start, len } = *part;
            let (from, to) = match direction {
                Direction::Request => (key.client(), key.server()),
                Direction::Response => (key.server(), key.client()),
            };
            let segment = Segment {
                source_port: from.port(),
                destination_port: to.port(),
                sequence,
                acknowledgment: 0,
                flags: Flags(0),
                len,
                payload: self.bytes(start, len),
            };
            let (source, destination, vlan) = (&from.ip(), &to.ip(), key.vlan());
            let segment = &segment;
            let sighting = Sighting { at_ns, vlan, evidence, source, destination, segment };
            visit(&sighting, direction);
        }
    }
}
