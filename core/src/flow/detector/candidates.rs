//! Candidates: a fixed table, found by a seeded hash.
//!
//! A candidate lies in one of eight places from where its hash points. When all are taken, one
//! without evidence makes room, or else the one silent for longest.

use crate::record::DetectionTally;
use crate::wire::modbus::likeness::{Framing, Likeness};
use crate::wire::modbus::pdu::Direction;

use super::super::key::Key;
use super::super::sighting::Sighting;
use super::candidate::Candidate;
use super::kept::Kept;

#[derive(Debug)]
pub(super) struct Candidates {
    seed: u64,
    /// Made when the first is met: most captures hold nothing that is alike.
    places: Vec<Candidate>,
}

/// With what each keeps, 1.3 MB if strangers fill all of them.
const MAX_CANDIDATES: usize = 256;
const WINDOW: usize = 8;

impl Candidates {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, places: Vec::new() }
    }

    pub(super) fn at(&mut self, place: usize) -> Option<&mut Candidate> {
        self.places.get_mut(place)
    }

    /// Add a segment to the evidence. Returns the place of a candidate that is proven by it.
    pub(super) fn observe(
        &mut self,
        sighting: &Sighting<'_>,
        likeness: Likeness,
        tally: &mut DetectionTally,
    ) -> Option<usize> {
        let ends = [Direction::Response, Direction::Request]
            .map(|direction| (Key::of(sighting, direction).of_server(), direction));
        let [(source, _), (destination, _)] = ends;
        let framing = likeness.framing;
        let answering = self.find(&source, framing);
        let direction = match (likeness.direction, answering.and_then(|at| self.places.get(at))) {
            (Some(direction), _) => direction,
            (None, Some(server)) if server.is_answered_by(sighting) || server.is_directed() => {
                Direction::Response
            }
            (None, _) => Direction::Request,
        };
        let (server, known) = match direction {
            Direction::Response => (source, answering),
            Direction::Request => (destination, self.find(&destination, framing)),
        };
        let place = match known {
            Some(place) => place,
            None => self.claim(server, framing, tally)?,
        };
        let candidate = self.places.get_mut(place)?;
        candidate.accept(sighting, direction, likeness);
        candidate.is_proven().then_some(place)
    }

    /// Give a candidate up, whatever it was to be, and hand over what was kept of it.
    pub(super) fn take(&mut self, server: &Key) -> Option<Kept> {
        let find = |framing| self.find(server, framing);
        let place = find(Framing::Mbap).or_else(|| find(Framing::Rtu))?;
        let candidate = self.places.get_mut(place)?;
        let kept = candidate.take_kept();
        candidate.forget();
        Some(kept)
    }

    fn find(&self, server: &Key, framing: Framing) -> Option<usize> {
        let mut window = self.window(server);
        window.find(|at| self.places.get(*at).is_some_and(|place| place.is(server, framing)))
    }

    fn claim(
        &mut self,
        server: Key,
        framing: Framing,
        tally: &mut DetectionTally,
    ) -> Option<usize> {
        if self.places.is_empty() {
            self.places.resize_with(MAX_CANDIDATES, || Candidate::new(server, framing));
        }
        let worth = |at: &usize| self.places.get(*at).map(Candidate::worth);
        let at = self.window(&server).min_by_key(worth)?;
        let candidate = self.places.get_mut(at)?;
        tally.candidates_evicted += u64::from(candidate.is_used());
        candidate.restart(server, framing);
        Some(at)
    }

    /// Places a candidate may lie in, the first one first.
    fn window(&self, server: &Key) -> impl Iterator<Item = usize> + use<> {
        let home = server.hash(self.seed);
        (0..WINDOW as u64).map(move |offset| place(home.wrapping_add(offset)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the mask keeps the low bits anyway")]
fn place(number: u64) -> usize {
    number as usize & (MAX_CANDIDATES - 1)
}
