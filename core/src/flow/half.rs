//! One direction of a TCP connection: segments in any order become bytes in order.
//!
//! Sequence numbers say what is new (RFC 9293, section 3.4). What comes early waits, in memory that
//! all connections share, until the hole before it is filled or given up: when the other side has
//! acknowledged it, so that it was lost to us alone; when it stays open; or when there is no room.
//! Waiting bytes count as seen when the last before them was. The last bytes handed on are kept, so
//! that a repetition which says something else is noticed.

mod piece;
mod pool;
mod recent;

use crate::wire::packet::{Flags, Segment};

pub(super) use piece::{Piece, Seen};
pub(super) use pool::Pool;
use recent::Recent;

/// A segment that starts further ahead than this belongs to another stream.
const WINDOW: u32 = 1 << 20;
/// So does one that starts further back: no retransmission of Modbus does.
const REPEATED: u32 = 1 << 16;
/// Segments of one direction that wait at once.
const MAX_EARLY: usize = 32;
/// How long acknowledged bytes may be missing while nothing comes behind them. Captures put packets
/// of the two directions out of order by less; within a direction, what is behind comes behind.
const ACKED_PATIENCE_NS: u64 = 100_000_000;
/// How long a hole may stay open at all: a sender repeats what was lost sooner.
const PATIENCE_NS: u64 = 3_000_000_000;

/// One direction of one connection.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Sequence number after the last byte handed on; `None` before the first segment.
    next: Option<u32>,
    /// By sequence number. They start after `next`.
    early: Vec<Early>,
    /// What is missing before the first of `early`, or before what the other side has.
    hole: Option<Hole>,
    recent: Recent,
    /// Sequence number of a FIN, which the other side acknowledges like a byte.
    fin: Option<u32>,
}

#[derive(Debug)]
struct Early {
    seen: Seen,
    sequence: u32,
    bytes: Box<[u8]>,
}

/// Bytes that did not come yet.
#[derive(Clone, Copy, Debug)]
struct Hole {
    since_ns: u64,
    /// Since when the other side is seen to have received some of them while none of them comes,
    /// and up to which number.
    acked: Option<(u64, u32)>,
}

/// What it takes to take a segment, beside the segment.
struct Moment<'a> {
    seen: Seen,
    pool: &'a mut Pool,
}

impl Half {
    /// Forget everything, but keep the memory.
    pub(super) fn reset(&mut self, pool: &mut Pool) {
        self.early.drain(..).for_each(|early| pool.give_back(&early.bytes));
        self.next = None;
        self.hole = None;
        self.fin = None;
        self.forget_recent();
    }

    /// What comes is not compared with what came: it may be another stream's.
    pub(super) fn forget_recent(&mut self) {
        self.recent.forget();
    }

    /// Take one segment if it is no more than the bytes that are next, and nothing is missing: then
    /// its payload is what is handed on. False if it is anything else.
    #[inline]
    pub(super) fn accept_next(&mut self, segment: &Segment<'_>) -> bool {
        let is_next = self.next == Some(segment.sequence)
            && self.hole.is_none()
            && !segment.flags.any(Flags::SYN | Flags::FIN)
            && !segment.payload.is_empty();
        if is_next {
            self.advance(segment.sequence, segment.payload);
        }
        is_next
    }

    /// Take one segment, and hand on what is next because of it. Returns how many of its bytes
    /// had been seen before.
    pub(super) fn accept(
        &mut self,
        segment: &Segment<'_>,
        seen: Seen,
        pool: &mut Pool,
        mut visit: impl FnMut(Piece<'_>),
    ) -> u32 {
        let mut moment = Moment { seen, pool };
        let mut start = segment.sequence;
        if segment.flags.any(Flags::SYN | Flags::FIN) {
            start = self.accept_end(segment, &mut moment, &mut visit);
        }
        let bytes = segment.payload;
        if bytes.is_empty() {
            return 0;
        }
        let next = *self.next.get_or_insert(start);
        if start == next && self.hole.is_none() {
            self.hand_on(bytes, seen, &mut visit);
            return 0;
        }
        self.accept_out_of_order(start, bytes, &mut moment, &mut visit)
    }

    /// The other side says that it has everything before `acknowledgment`. True if that is more
    /// than was seen.
    #[inline]
    pub(super) fn on_acknowledgment(&mut self, acknowledgment: u32, at_ns: u64) -> bool {
        let unseen = self.next.map(|next| acknowledgment.wrapping_sub(next));
        unseen.is_some_and(|unseen| (1..WINDOW).contains(&unseen))
            && self.on_acknowledgment_ahead(acknowledgment, at_ns)
    }

    #[cold]
    fn on_acknowledgment_ahead(&mut self, acknowledgment: u32, at_ns: u64) -> bool {
        let upto = self.without_fin(acknowledgment);
        if Some(upto) == self.next {
            return false;
        }
        let hole = self.hole.get_or_insert(Hole { since_ns: at_ns, acked: None });
        let (_, known) = hole.acked.get_or_insert((at_ns, upto));
        if upto.wrapping_sub(*known) < WINDOW {
            *known = upto;
        }
        true
    }

    /// Give up holes that have been open for too long, and hand on what waited for them.
    pub(super) fn give_up(
        &mut self,
        at_ns: u64,
        pool: &mut Pool,
        mut visit: impl FnMut(Piece<'_>),
    ) {
        while let Some(hole) = self.hole.filter(|hole| self.is_hopeless(*hole, at_ns)) {
            self.skip(hole, &mut Moment { seen: unverified(at_ns), pool }, &mut visit);
        }
    }

    /// Hand on what waits, whatever is missing: nothing more will come.
    pub(super) fn finish(&mut self, pool: &mut Pool, mut visit: impl FnMut(Piece<'_>)) {
        while let Some(hole) = self.hole {
            let seen = unverified(hole.since_ns);
            self.skip(hole, &mut Moment { seen, pool }, &mut visit);
        }
    }

    /// True if a segment that starts there leaves something out.
    pub(super) fn is_ahead(&self, sequence: u32) -> bool {
        self.next.is_some_and(|next| (1..1 << 31).contains(&sequence.wrapping_sub(next)))
    }

    /// True if something is missing that may yet come.
    #[inline]
    pub(super) fn has_hole(&self) -> bool {
        self.hole.is_some()
    }

    /// True if something came that was not handed on yet.
    pub(super) fn is_waiting(&self) -> bool {
        !self.early.is_empty()
    }

    /// A SYN takes one number before the payload, a FIN one after it (RFC 9293, section 3.4).
    /// Returns that of the first byte.
    #[cold]
    fn accept_end(
        &mut self,
        segment: &Segment<'_>,
        moment: &mut Moment<'_>,
        visit: &mut impl FnMut(Piece<'_>),
    ) -> u32 {
        let mut start = segment.sequence;
        if segment.flags.any(Flags::SYN) {
            start = start.wrapping_add(1);
            if self.next != Some(start) {
                self.finish(moment.pool, &mut *visit);
                self.reset(moment.pool);
                self.next = Some(start);
                visit(Piece::Start);
            }
        }
        if segment.flags.any(Flags::FIN) {
            self.fin = Some(start.wrapping_add(number(segment.payload.len())));
            let acked = self.hole.and_then(|hole| hole.acked);
            if let Some((since, upto)) = acked {
                self.settle(Some((since, self.without_fin(upto))), moment.seen.at_ns);
            }
        }
        start
    }

    /// Each turn of the loop but the last gives up one hole.
    fn accept_out_of_order(
        &mut self,
        start: u32,
        bytes: &[u8],
        moment: &mut Moment<'_>,
        visit: &mut impl FnMut(Piece<'_>),
    ) -> u32 {
        loop {
            let next = self.next.unwrap_or(start);
            let (ahead, behind) = (start.wrapping_sub(next), next.wrapping_sub(start));
            if ahead > WINDOW && behind > REPEATED {
                self.finish(moment.pool, &mut *visit);
                self.reset(moment.pool);
                self.next = Some(start);
                visit(Piece::Hole(0));
            } else if behind <= REPEATED {
                return self.accept_repeated(start, bytes, moment, visit);
            } else if let Some(repeated) = self.hold(start, bytes, moment, visit) {
                return repeated;
            } else if let Some(hole) = self.hole {
                self.skip(hole, moment, visit);
            } else {
                self.skip_by(ahead, visit);
            }
        }
    }

    /// A segment that starts where the next byte is expected, or repeats bytes before it.
    fn accept_repeated(
        &mut self,
        start: u32,
        bytes: &[u8],
        moment: &mut Moment<'_>,
        visit: &mut impl FnMut(Piece<'_>),
    ) -> u32 {
        let behind = len(self.next.unwrap_or(start).wrapping_sub(start));
        let (old, new) = bytes.split_at_checked(behind).unwrap_or((bytes, &[]));
        // A keep-alive repeats one byte, and any will do (RFC 9293, section 3.8.4).
        let is_keep_alive = behind == 1 && bytes.len() == 1;
        if !is_keep_alive && self.differs(start, old) {
            visit(Piece::Conflict(moment.seen));
        }
        if !new.is_empty() {
            self.hand_on(new, moment.seen, visit);
            self.hand_on_early(moment.seen.at_ns, moment, visit);
        }
        number(old.len())
    }

    /// Keep a segment that has a hole before it. Returns how much of it was kept already; `None`
    /// if there is no room.
    fn hold(
        &mut self,
        start: u32,
        bytes: &[u8],
        moment: &mut Moment<'_>,
        visit: &mut impl FnMut(Piece<'_>),
    ) -> Option<u32> {
        let next = self.next.unwrap_or(start);
        let ahead = start.wrapping_sub(next);
        let at = self.early.partition_point(|early| early.sequence.wrapping_sub(next) < ahead);
        let known = self.early.get(at).filter(|known| known.sequence == start);
        if let Some(known) = known.filter(|known| known.bytes.len() >= bytes.len()) {
            if !known.bytes.starts_with(bytes) {
                visit(Piece::Conflict(moment.seen));
            }
            return Some(number(bytes.len()));
        }
        if self.early.len() == MAX_EARLY {
            return None;
        }
        let bytes = moment.pool.take(bytes)?;
        self.early.insert(at, Early { seen: moment.seen, sequence: start, bytes });
        self.hole.get_or_insert(Hole { since_ns: moment.seen.at_ns, acked: None });
        Some(0)
    }

    /// Hand on bytes that are next.
    fn hand_on(&mut self, bytes: &[u8], seen: Seen, visit: &mut impl FnMut(Piece<'_>)) {
        self.advance(self.next.unwrap_or_default(), bytes);
        visit(Piece::Bytes { bytes, seen });
    }

    #[inline]
    fn advance(&mut self, next: u32, bytes: &[u8]) {
        self.recent.remember(next, bytes);
        self.next = Some(next.wrapping_add(number(bytes.len())));
    }

    /// Hand on what waited for what came or was given up, and see what is missing now. What is
    /// before it was there since `since_ns`.
    fn hand_on_early(
        &mut self,
        since_ns: u64,
        moment: &mut Moment<'_>,
        visit: &mut impl FnMut(Piece<'_>),
    ) {
        let mut at_ns = since_ns;
        while let Some(first) = self.early.first() {
            let behind = self.next.unwrap_or_default().wrapping_sub(first.sequence);
            if behind > WINDOW {
                break;
            }
            let early = self.early.remove(0);
            moment.pool.give_back(&early.bytes);
            at_ns = at_ns.max(early.seen.at_ns);
            let seen = Seen { at_ns, ..early.seen };
            let (old, new) =
                early.bytes.split_at_checked(len(behind)).unwrap_or((&early.bytes, &[]));
            if self.differs(early.sequence, old) {
                visit(Piece::Conflict(seen));
            }
            if !new.is_empty() {
                self.hand_on(new, seen, visit);
            }
        }
        self.settle(self.hole.and_then(|hole| hole.acked), moment.seen.at_ns);
    }

    /// See what is missing now. Whatever came last, what is missing still may come, too.
    fn settle(&mut self, acked: Option<(u64, u32)>, at_ns: u64) {
        let next = self.next.unwrap_or_default();
        let acked = acked.filter(|(_, upto)| (1..WINDOW).contains(&upto.wrapping_sub(next)));
        let acked = acked.map(|(_, upto)| (at_ns, upto));
        let is_open = acked.is_some() || !self.early.is_empty();
        self.hole = is_open.then_some(Hole { since_ns: at_ns, acked });
    }

    /// Go on behind a hole: where the first that waits begins, or before it what the other side
    /// does not have yet.
    fn skip(&mut self, hole: Hole, moment: &mut Moment<'_>, visit: &mut impl FnMut(Piece<'_>)) {
        let next = self.next.unwrap_or_default();
        let waiting = self.early.first().map(|early| early.sequence);
        let acked = hole.acked.map(|(_, upto)| upto);
        let lens = [waiting, acked].map(|end| end.map(|end| end.wrapping_sub(next)));
        self.skip_by(lens.into_iter().flatten().min().unwrap_or(0), visit);
        self.hand_on_early(0, moment, visit);
    }

    fn skip_by(&mut self, missing: u32, visit: &mut impl FnMut(Piece<'_>)) {
        visit(Piece::Hole(missing));
        self.next = self.next.map(|next| next.wrapping_add(missing));
        self.forget_recent(); // what is kept must be without holes
    }

    /// Nobody will send again what the other side has.
    fn is_hopeless(&self, hole: Hole, at_ns: u64) -> bool {
        let is_behind = |upto: u32| {
            let next = self.next.unwrap_or_default();
            let waiting = self.early.first().map(|early| early.sequence.wrapping_sub(next));
            waiting.is_some_and(|waiting| waiting <= upto.wrapping_sub(next))
        };
        at_ns.saturating_sub(hole.since_ns) >= PATIENCE_NS
            || hole.acked.is_some_and(|(since_ns, upto)| {
                at_ns.saturating_sub(since_ns) >= ACKED_PATIENCE_NS || is_behind(upto)
            })
    }

    /// An acknowledgment, as far as it is one of bytes.
    fn without_fin(&self, acknowledgment: u32) -> u32 {
        let fin = self.fin.filter(|fin| fin.wrapping_add(1) == acknowledgment);
        fin.unwrap_or(acknowledgment)
    }

    /// True if `bytes`, which end at or before what is next, are not what was handed on.
    fn differs(&self, start: u32, bytes: &[u8]) -> bool {
        self.next.is_some_and(|next| self.recent.differs(next, start, bytes))
    }
}

/// Of a moment in which no segment came.
fn unverified(at_ns: u64) -> Seen {
    Seen { at_ns, is_verified: false }
}

fn len(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A payload is shorter than 2^32: `unwrap_or` is never taken.
fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
