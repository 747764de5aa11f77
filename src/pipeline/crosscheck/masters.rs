//! Other masters: what they read of a server that we poll, against what we read before and after.
//!
//! A read of theirs is compared with two successive reads of ours that were both seen on the same
//! wire, if it lies between them in time and they say the same; a value that changed in between is
//! no finding. Noise returns to where it was by chance, so that a register counts only when all of
//! [`BRACKETS`] such brackets in a row differ while it never moves for us. Registers only.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::record::{Doubts, Exchange, ReadAnswer, SourceId, Trust};
use crate::wire::modbus::request::{ReadRequest, Span};

use super::matching::{Asked, Place, Seen};

/// Brackets in a row in which a register has to differ. A value that is one of two by chance does
/// that once in 2^33 attempts.
pub(super) const BRACKETS: u8 = 16;
/// Longest bracket: what is polled more seldom is not compared with other masters.
pub(super) const FRESH: Duration = Duration::from_secs(10 * 60);
/// Reads of others kept for one unit and table. The oldest goes, and its bracket with it.
pub(super) const MAX_READS: usize = 256;
/// Other masters told apart for one block of registers.
const MAX_MASTERS: usize = 4;

/// One entry for each unit and table that we poll: the configuration bounds them.
#[derive(Debug, Default)]
pub(super) struct Masters(BTreeMap<(SocketAddr, u8, u8), Target>);

#[derive(Debug, Default)]
struct Target {
    /// By others, as they came.
    reads: VecDeque<Seen>,
    /// When the latest of those was answered that found no room.
    lost: Option<SystemTime>,
    /// How many those were since that was last told.
    n_lost: u64,
    blocks: BTreeMap<(SourceId, u16, u16), Block>,
}

/// Registers that one of our requests reads.
#[derive(Debug, Default)]
struct Block {
    /// The last read of ours, wherever it was seen; empty only until the first.
    before: Vec<Seen>,
    /// Brackets in a row in which each register differed, by master.
    runs: BTreeMap<IpAddr, Vec<u8>>,
}

/// What came of comparing one bracket.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    /// Reads of these registers by others that ended in the bracket, and how many of them could
    /// be compared.
    pub(super) n_seen: u64,
    pub(super) n_compared: u64,
    /// Reads by others that found no room; which registers they were of does not matter.
    pub(super) n_lost: u64,
}

/// Another master is told something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) master: SocketAddr,
    pub(super) capture: SourceId,
    /// The first register that differs, and how many do.
    pub(super) register: u16,
    pub(super) n_registers: usize,
    pub(super) ours: u16,
    pub(super) theirs: u16,
    /// Of their last read and of the two of ours around it.
    pub(super) trust: Trust,
    pub(super) doubts: Doubts,
}

impl Masters {
    /// Take a read by another master, if it may concern us.
    pub(super) fn on_read(&mut self, seen: &Seen) {
        let Some(target) = self.0.get_mut(&key(&seen.exchange)) else { return };
        if target.reads.len() == MAX_READS
            && let Some(lost) = target.reads.pop_front()
        {
            target.n_lost += 1;
            target.lost = target.lost.max(Some(lost.exchange.answered));
        }
        target.reads.push_back(seen.clone());
    }

    /// Take one of our reads that the wire showed as we received it.
    pub(super) fn on_equal(
        &mut self,
        asked: &Asked,
        after: &[Seen],
        ours: &BTreeSet<SocketAddr>,
    ) -> Judged {
        let (Some(span), ReadAnswer::Values(_)) =
            (registers(&asked.exchange), &asked.exchange.answer)
        else {
            self.on_unequal(asked);
            return Judged::default();
        };
        let target = self.0.entry(key(&asked.exchange)).or_default();
        let block = target.blocks.entry((asked.source.clone(), span.first, span.count));
        let block = block.or_default();
        let before = std::mem::replace(&mut block.before, after.to_vec());
        let bracket = Bracket { before: &before, after, span };
        let reads = target.reads.iter();
        let reads: Vec<_> = reads.filter(|read| bracket.concerns(read, ours)).collect();
        let is_whole = bracket.start().is_some_and(|start| target.lost < Some(start));
        let judged = block.judge(&bracket, &reads, is_whole);
        let n_lost = std::mem::take(&mut target.n_lost);
        target.forget(asked.exchange.answered);
        Judged { n_lost, ..judged }
    }

    /// One of our reads differs from the wire or was not seen: whatever comes next is no bracket.
    pub(super) fn on_unequal(&mut self, asked: &Asked) {
        if let Some(span) = registers(&asked.exchange)
            && let Some(target) = self.0.get_mut(&key(&asked.exchange))
        {
            target.blocks.remove(&(asked.source.clone(), span.first, span.count));
        }
    }
}

fn key(exchange: &Exchange) -> (SocketAddr, u8, u8) {
    let identity = exchange.identity;
    (identity.server, identity.unit, identity.request.function())
}

/// What an exchange is about, if that is registers.
fn registers(exchange: &Exchange) -> Option<Span> {
    match exchange.identity.request {
        ReadRequest::Holding(span) | ReadRequest::Input(span) => Some(span),
        ReadRequest::Coils(_) | ReadRequest::Discretes(_) | ReadRequest::Echo { .. } => None,
    }
}

/// The value of a register, if it was read.
fn word(exchange: &Exchange, register: u16) -> Option<u16> {
    let ReadAnswer::Values(bytes) = &exchange.answer else { return None };
    let nth = register.checked_sub(registers(exchange)?.first)?;
    bytes.as_chunks().0.get(usize::from(nth)).map(|pair| u16::from_be_bytes(*pair))
}

impl Target {
    /// Forget blocks that are no longer polled, and reads that no bracket can hold any more.
    fn forget(&mut self, now: SystemTime) {
        let answered = |block: &Block| block.before.iter().map(|seen| seen.exchange.answered).min();
        self.blocks.retain(|_, block| answered(block).is_some_and(|at| is_fresh(at, now)));
        let oldest = self.blocks.values().filter_map(answered).min();
        self.reads.retain(|read| oldest.is_some_and(|oldest| read.exchange.answered > oldest));
    }
}

fn is_fresh(at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(at).is_ok_and(|age| age <= FRESH)
}

/// Two successive reads of ours.
struct Bracket<'a> {
    /// Wherever each was seen.
    before: &'a [Seen],
    after: &'a [Seen],
    span: Span,
}

impl Bracket<'_> {
    /// The earliest end of the first read; `None` if there is none, or it is too long ago.
    fn start(&self) -> Option<SystemTime> {
        let end = self.after.iter().map(|seen| seen.exchange.answered).max()?;
        let start = self.before.iter().map(|seen| seen.exchange.answered).min()?;
        is_fresh(start, end).then_some(start)
    }

    /// The two as they were seen there. Times of two places are not compared, nor their servers.
    fn at(&self, place: &Place) -> Option<(&Exchange, &Exchange)> {
        let seen_at = |sights: &'_ [Seen]| sights.iter().position(|seen| seen.place == *place);
        let before = self.before.get(seen_at(self.before)?)?;
        let after = self.after.get(seen_at(self.after)?)?;
        Some((&before.exchange, &after.exchange))
    }

    /// True if `read` is by somebody else, of these registers, and ended since the last one of ours.
    fn concerns(&self, read: &Seen, ours: &BTreeSet<SocketAddr>) -> bool {
        let Seen { place, exchange, .. } = read;
        let overlaps = registers(exchange).is_some_and(|theirs| {
            let end = |span: Span| u32::from(span.first) + u32::from(span.count);
            u32::from(theirs.first) < end(self.span) && u32::from(self.span.first) < end(theirs)
        });
        let is_in_time = self.at(place).is_some_and(|(before, after)| {
            before.answered < exchange.answered && exchange.answered <= after.answered
        });
        overlaps && is_in_time && !ours.contains(&exchange.identity.client)
    }

    /// True if `read` lies between the two, and says something of registers.
    fn holds(&self, read: &Seen) -> bool {
        let Exchange { asked, answered, answer, .. } = &*read.exchange;
        matches!(answer, ReadAnswer::Values(_))
            && self.at(&read.place).is_some_and(|(before, after)| {
                before.answered <= *asked && *answered <= after.asked
            })
    }

    /// Of both, as they were first seen.
    fn trust(&self) -> Trust {
        let ours = self.before.first().into_iter().chain(self.after.first());
        ours.fold(Trust::FULL, |trust, seen| trust.and(seen.trust))
    }

    /// The value that both of ours have.
    fn steady(&self, register: u16) -> Option<u16> {
        let ours = word(&self.after.first()?.exchange, register);
        ours.filter(|_| {
            self.before.first().is_some_and(|before| word(&before.exchange, register) == ours)
        })
    }
}

impl Block {
    /// Compare what others read in a bracket, unless some of that was lost.
    fn judge(&mut self, bracket: &Bracket<'_>, reads: &[&Seen], is_whole: bool) -> Judged {
        let mut judged = Judged { n_seen: reads.len() as u64, ..Judged::default() };
        if !is_whole {
            self.runs.clear();
            return judged;
        }
        let mut by_master: BTreeMap<IpAddr, Vec<&Seen>> = BTreeMap::new();
        for read in reads.iter().filter(|read| bracket.holds(read)) {
            by_master.entry(read.exchange.identity.client.ip()).or_default().push(read);
        }
        self.make_room(&by_master);
        for (master, runs) in &mut self.runs {
            let reads = by_master.get(master).map(Vec::as_slice).unwrap_or_default();
            judged.n_compared += reads.len() as u64;
            judged.findings.extend(compare(bracket, reads, runs));
        }
        judged
    }

    /// A master that reads now takes the place of one that does not.
    fn make_room(&mut self, reading: &BTreeMap<IpAddr, Vec<&Seen>>) {
        for master in reading.keys() {
            if self.runs.len() >= MAX_MASTERS {
                let silent = self.runs.keys().find(|known| !reading.contains_key(known)).copied();
                let Some(silent) = silent.filter(|_| !self.runs.contains_key(master)) else {
                    continue;
                };
                self.runs.remove(&silent);
            }
            self.runs.entry(*master).or_default();
        }
    }
}

/// Carry each register's run on by one bracket of one master's reads.
fn compare(bracket: &Bracket<'_>, reads: &[&Seen], runs: &mut Vec<u8>) -> Option<Finding> {
    let Span { first, count } = bracket.span;
    runs.resize(usize::from(count), 0);
    let mut finding: Option<Finding> = None;
    for (run, register) in runs.iter_mut().zip(first..=u16::MAX) {
        let Some(ours) = bracket.steady(register) else {
            *run = 0;
            continue;
        };
        let mut told =
            reads.iter().filter_map(|read| Some((read, word(&read.exchange, register)?)));
        let Some((read, theirs)) = told.next() else { continue }; // they did not ask for it
        if theirs == ours || told.any(|(_, theirs)| theirs == ours) {
            *run = 0;
            continue;
        }
        *run += 1;
        if *run < BRACKETS {
            continue;
        }
        *run = 0;
        let found = finding.get_or_insert_with(|| Finding {
            master: read.exchange.identity.client,
            capture: read.place.capture.clone(),
            register,
            n_registers: 0,
            ours,
            theirs,
            trust: bracket.trust().and(read.trust),
            doubts: read.doubts,
        });
        found.n_registers += 1;
    }
    finding
}
