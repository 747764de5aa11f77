//! A Modbus/TCP conversation: requests paired with responses.

use std::time::Duration;

use crate::record::{Note, Operation, Path, Protocol, Transaction, WireReport};
use crate::wire::modbus::mbap::Mbap;
use crate::wire::modbus::pdu::{Access, Direction, Pdu};

use super::super::effect::{self, Context};
use super::super::half::Seen;
use super::super::key::Key;
use super::super::outstanding::{Address, NoteAt, Outstanding, Request};
use super::super::sighting::Evidence;
use super::super::stream::{Stream, Taken};
use super::super::transcript::{Said, Transcript, Turn};
use super::super::usage::{Answer, Answered, Asked, Asking, Handle};
use super::super::watch::{Watch, time};
use super::Page;

/// What each side sends, and what is open between them.
#[derive(Debug, Default)]
pub(in crate::flow) struct Modbus {
    client: Stream,
    server: Stream,
    open: Open,
}

/// Requests that wait for a response, and what shows whose a response is.
#[derive(Debug, Default)]
pub(super) struct Open {
    outstanding: Outstanding,
    watch: Watch,
    /// All requests since the first of the connection may have been seen.
    is_whole: bool,
}

impl Modbus {
    /// Forget everything, but keep the memory that is the conversation's own.
    pub(in crate::flow) fn reset(&mut self, transcript: &mut Transcript) {
        self.client.lose();
        self.server.lose();
        self.end_turns(transcript);
        self.open.watch = Watch::new(self.open.watch.is_kept());
        self.open.is_whole = false;
    }

    /// What is open will not be answered any more.
    pub(in crate::flow) fn end_turns(&mut self, transcript: &mut Transcript) {
        self.open.end_turns(transcript);
    }

    /// Begin or stop to keep what is read.
    pub(in crate::flow) fn watch(&mut self, is_watched: bool) {
        self.open.outstanding.doubt();
        self.open.watch.keep(is_watched);
    }

    /// Bytes were missed: what comes next may answer something that was not seen.
    pub(in crate::flow) fn doubt(&mut self) {
        self.open.doubt();
    }

    /// Bytes of one direction may not be what was sent.
    pub(in crate::flow) fn contest(&mut self, direction: Direction) {
        self.open.doubt();
        self.open.watch.doubt(direction);
    }

    /// Before the bytes of a segment are read.
    #[inline]
    pub(in crate::flow) fn on_segment(&mut self, direction: Direction, evidence: Evidence) {
        self.open.watch.on_segment(direction, evidence);
    }

    /// What waits was overtaken, so it proves nothing when it is read.
    #[inline]
    pub(in crate::flow) fn settle(&mut self, direction: Direction, is_waiting: bool) {
        let watch = &mut self.open.watch;
        let stream = match direction {
            Direction::Request => &self.client,
            Direction::Response => &self.server,
        };
        if is_waiting {
            watch.doubt(direction);
            self.open.outstanding.doubt();
        } else if !stream.has_open_adu() {
            watch.on_adu_end(direction);
        }
    }

    pub(in crate::flow) fn lock(&mut self, direction: Direction) {
        self.stream(direction).lock();
        self.open.doubt();
        self.open.is_whole |= direction == Direction::Request;
    }

    pub(in crate::flow) fn lose(&mut self, direction: Direction) {
        self.stream(direction).lose();
        self.open.doubt();
    }

    #[inline]
    pub(in crate::flow) fn read(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        Seen { at_ns, is_verified }: Seen,
        page: &mut Page<'_>,
    ) {
        let Self { client, server, open } = self;
        let bytes = (bytes, is_verified);
        let taken = match direction {
            Direction::Request => client.accept(bytes, direction, |mbap, pdu, is_verified| {
                page.is_verified = is_verified;
                open.on_request(at_ns, address(mbap), pdu, page);
            }),
            Direction::Response => server.accept(bytes, direction, |mbap, pdu, is_verified| {
                page.is_verified = is_verified;
                open.on_response(at_ns, address(mbap), pdu, page);
            }),
        };
        if taken == Taken::Partly {
            page.report.modbus.unread += 1;
            page.effects.miss(page.key);
        }
    }

    fn stream(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::Request => &mut self.client,
            Direction::Response => &mut self.server,
        }
    }
}

impl Open {
    /// Bytes were missed: what comes next may answer something that was not seen.
    fn doubt(&mut self) {
        self.outstanding.doubt();
    }

    /// Nothing that was asked will be answered any more.
    pub(super) fn end_turns(&mut self, transcript: &mut Transcript) {
        self.outstanding.clear(transcript);
    }

    pub(super) fn on_request(
        &mut self,
        at_ns: u64,
        address: Address,
        bytes: &[u8],
        page: &mut Page<'_>,
    ) {
        let Ok(pdu) = Pdu::parse(Direction::Request, bytes) else {
            return; // an ADU holds at least a function code
        };
        page.report.modbus.requests += 1;
        count_function(page.report, pdu.function);
        let context = context(page, address.unit, at_ns);
        let order = page.effects.on_request(&context, &pdu, bytes, page.report);
        let is_known = self.is_whole || self.watch.knows_client();
        let usage = page.on_asked(at_ns, &asked(address, &pdu));
        let turn =
            page.transcript.begin(|| turn(page.key, Direction::Request, (at_ns, address), bytes));
        let mut note = None;
        if pdu.access == Access::Write {
            page.report.modbus.writes += 1;
            // Noted now, not when it is answered: a write that nobody answers may have worked.
            let written = effect::written(&pdu, bytes);
            note = page.note(Transaction { written, ..transaction(page, (at_ns, address), &pdu) });
        }
        let request = Request {
            at_ns,
            address,
            pdu,
            note,
            order: if is_known { order } else { 0 },
            also_reads: effect::also_reads(&pdu, bytes),
            usage,
            is_proven: self.watch.is_provable(address.transaction),
            is_verified: page.is_verified,
            turn,
        };
        self.outstanding.push(request, page.transcript);
    }

    /// Pair a response with the oldest request that has its address and function.
    pub(super) fn on_response(
        &mut self,
        at_ns: u64,
        address: Address,
        bytes: &[u8],
        page: &mut Page<'_>,
    ) {
        let Ok(pdu) = Pdu::parse(Direction::Response, bytes) else {
            return; // an ADU holds at least a function code
        };
        let Self { outstanding, watch, .. } = self;
        let place = outstanding.answered(address, pdu.function);
        let request = place.and_then(|place| outstanding.get_mut(place));
        if let Some(request) = &request {
            page.is_verified &= request.is_verified; // what is found in a pair rests on both
            watch.on_transaction(request, bytes, at_ns, page);
            if !page.effects.is_idle() {
                let is_proven = request.is_proven && watch.hears_server();
                let (context, seen) = (context(page, address.unit, at_ns), (&pdu, bytes));
                page.effects.on_response(&context, (request, is_proven), seen, page.report);
            }
        } else {
            page.effects.miss(page.key); // what it answers, a write perhaps, was not seen
        }
        count_response(request, (at_ns, address, bytes), &pdu, page);
        if let Some(place) = place {
            outstanding.remove(place);
        }
    }
}

/// A response that answers nothing that was seen.
pub(super) fn on_stray(at_ns: u64, address: Address, bytes: &[u8], page: &mut Page<'_>) {
    if let Ok(pdu) = Pdu::parse(Direction::Response, bytes) {
        count_response(None, (at_ns, address, bytes), &pdu, page);
    }
}

/// Count and tell a response, and the request that it answers.
fn count_response(
    mut request: Option<&mut Request>,
    (at_ns, address, bytes): (u64, Address, &[u8]),
    pdu: &Pdu,
    page: &mut Page<'_>,
) {
    page.report.modbus.responses += 1;
    page.report.modbus.exceptions += u64::from(pdu.exception.is_some());
    count_function(page.report, pdu.function);
    let asked = request.as_mut().and_then(|request| request.turn.take());
    let key = page.key;
    let said = || turn(key, Direction::Response, (at_ns, address), bytes);
    page.transcript.answer(asked, said);
    let latency =
        request.as_ref().map(|request| Duration::from_nanos(at_ns.saturating_sub(request.at_ns)));
    if let (Some(latency), Some(request)) = (latency, &request) {
        page.report.modbus.transactions += 1;
        page.report.modbus.latency += latency;
        page.on_answered(request, at_ns, pdu.exception);
    }
    let note = request.as_ref().and_then(|request| request.note);
    let trust = page.trust();
    if let Some(noted) = note.and_then(|at| page.noted(at)) {
        noted.latency = latency;
        noted.exception = pdu.exception;
        noted.trust = noted.trust.and(trust);
    } else if pdu.exception.is_some() {
        // A refusal of something we did not see is told with what it says itself.
        let asked = match request {
            Some(request) => transaction(page, (request.at_ns, request.address), &request.pdu),
            None => transaction(page, (at_ns, address), pdu),
        };
        page.note(Transaction { exception: pdu.exception, latency, ..asked });
    }
}

/// What pairs ADUs.
fn address(mbap: Mbap) -> Address {
    Address { transaction: Some(mbap.transaction), unit: mbap.unit }
}

/// What a message comes with.
fn context<'a>(page: &Page<'a>, unit: u8, at_ns: u64) -> Context<'a> {
    Context { key: page.key, unit, at_ns, n_gaps: page.n_gaps, seen: page.trust() }
}

fn count_function(report: &mut WireReport, function: u8) {
    if let Some(count) = report.modbus.functions.get_mut(usize::from(function)) {
        *count += 1;
    }
}

/// A request, as it is known again.
fn asked(address: Address, pdu: &Pdu) -> Asked {
    let operation = match pdu.access {
        Access::Read => Operation::Read,
        Access::Write => Operation::Write,
        Access::Other => Operation::Other,
    };
    let addresses = pdu.address.map(|first| {
        let n_more = pdu.quantity.unwrap_or(1).saturating_sub(1);
        (u32::from(first), u32::from(first) + u32::from(n_more))
    });
    Asked {
        protocol: match address.transaction {
            Some(_) => Protocol::Modbus,
            None => Protocol::ModbusRtu,
        },
        station: Some(address.unit.into()),
        function: pdu.function.into(),
        operation,
        addresses,
        value: pdu.value,
    }
}

/// A request without its answer.
#[cold]
fn transaction(page: &Page<'_>, (at_ns, address): (u64, Address), pdu: &Pdu) -> Transaction {
    let key = page.key;
    Transaction {
        at: time(at_ns),
        path: Path::Network { vlan: key.vlan(), client: key.client(), server: key.server() },
        unit: address.unit,
        function: pdu.function,
        address: pdu.address,
        quantity: pdu.quantity,
        value: pdu.value,
        written: None,
        exception: None,
        latency: None,
        trust: page.trust(),
    }
}

/// One side of a turn.
fn turn(key: &Key, direction: Direction, (at_ns, address): (u64, Address), pdu: &[u8]) -> Turn {
    let said = Some(Said { at_ns, pdu: pdu.into() });
    let (request, response) = match direction {
        Direction::Request => (said, None),
        Direction::Response => (None, said),
    };
    let (vlan, client, server) = (key.vlan(), key.client(), key.server());
    let Address { transaction, unit } = address;
    Turn { vlan, client, server, transaction, unit, request, response }
}

impl Page<'_> {
    #[inline]
    fn on_asked(&mut self, at_ns: u64, asked: &Asked) -> Handle {
        let (connection, is_verified) = (self.slot, self.is_verified);
        let asking = Asking { at_ns, key: self.parties, connection, is_verified };
        self.usages.on_request(&asking, self.recent, asked, self.report)
    }

    #[inline]
    fn on_answered(&mut self, request: &Request, at_ns: u64, exception: Option<u8>) {
        let answer = match exception {
            None => Answer::Served,
            Some(0x0a | 0x0b) => Answer::Unreachable, // a gateway's (section 7)
            Some(_) => Answer::Refused,
        };
        let latency_ns = at_ns.saturating_sub(request.at_ns);
        let answered = Answered { at_ns, latency_ns, answer, trust: self.trust() };
        self.usages.on_response(request.usage, &answered, self.report);
    }

    /// Add a note, and say where it lies; `None` if there was no room.
    fn note(&mut self, transaction: Transaction) -> Option<NoteAt> {
        let index = self.report.notes.len();
        self.report.note(Note::Modbus(transaction));
        (self.report.notes.len() > index).then_some(NoteAt { block: self.block, index })
    }

    /// The note at `at`, if it is of this block and has not left yet.
    fn noted(&mut self, at: NoteAt) -> Option<&mut Transaction> {
        if at.block != self.block {
            return None;
        }
        match self.report.notes.get_mut(at.index)? {
            Note::Modbus(transaction) => Some(transaction),
            Note::Corrupt(_)
            | Note::Message(_)
            | Note::Conflict(_)
            | Note::Ineffective(_)
            | Note::Jump(_)
            | Note::Detected(_)
            | Note::Layer2(_)
            | Note::Repaired(_)
            | Note::Unverifiable(_) => None,
        }
    }
}
