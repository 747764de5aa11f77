//! One connection between a Modbus client and a server: requests paired with responses.

use std::time::Duration;

use crate::record::{Conflict, Contested, Note, Path, Transaction, WireReport};
use crate::wire::modbus::mbap::Mbap;
use crate::wire::modbus::pdu::{Access, Direction, Pdu};
use crate::wire::packet::{Flags, Segment};

use super::half::{Half, Piece, Pool};
use super::key::Key;
use super::outstanding::{NoteAt, Outstanding, Request};
use super::sighting::Sighting;
use super::stream::{Stream, Taken};
use super::transcript::{Said, Transcript, Turn};
use super::watch::{Watch, time};

/// Both directions, and what is open between them.
#[derive(Debug, Default)]
pub(super) struct Connection {
    phase: Phase,
    client: Side,
    server: Side,
    open: Open,
    /// Gaps of the capture that the connection knows of.
    n_gaps: u32,
}

/// Conflicts that are noted in one report: they must not take the room of writes.
const MAX_CONFLICTS: u64 = 16;

/// What one side sends.
#[derive(Debug, Default)]
struct Side {
    half: Half,
    stream: Stream,
}

/// Requests that wait for a response, and what shows whose a response is.
#[derive(Debug, Default)]
struct Open {
    outstanding: Outstanding,
    /// `None` if the server is not watched: then nothing is kept, and nothing looked at.
    watch: Option<Watch>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// One side said that it is done. What still comes is read.
    Closing,
}

/// The block being judged, for one connection.
pub(super) struct Page<'a> {
    pub(super) block: u64,
    /// Gaps of the capture so far.
    pub(super) n_gaps: u32,
    pub(super) key: &'a Key,
    pub(super) report: &'a mut WireReport,
    pub(super) transcript: &'a mut Transcript,
}

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// True if something waits for what is missing, or is known to be missing.
    pub(super) fn has_hole(&self) -> bool {
        self.client.half.has_hole() || self.server.half.has_hole()
    }

    /// Forget everything, but keep the memory that is the connection's own.
    pub(super) fn reset(&mut self, pool: &mut Pool, transcript: &mut Transcript) {
        self.phase = Phase::Open;
        for side in [&mut self.client, &mut self.server] {
            side.half.reset(pool);
            side.stream.lose();
        }
        self.end_turns(transcript);
        self.watch(self.open.watch.is_some());
    }

    /// What is open will not be answered any more.
    pub(super) fn end_turns(&mut self, transcript: &mut Transcript) {
        self.open.outstanding.clear(transcript);
    }

    /// Begin or stop to keep what is read.
    pub(super) fn watch(&mut self, is_watched: bool) {
        self.open.outstanding.doubt();
        self.open.watch = is_watched.then(Watch::default);
        self.client.settle(Direction::Request, &mut self.open);
        self.server.settle(Direction::Response, &mut self.open);
    }

    /// Follow the connection by one segment.
    pub(super) fn accept(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Direction,
        page: &mut Page<'_>,
        pool: &mut Pool,
    ) {
        let segment = sighting.segment;
        if segment.flags.any(Flags::SYN) && direction == Direction::Request {
            self.finish(page, pool);
            self.reset(pool, page.transcript); // a new connection between the same ports
        }
        if segment.flags.any(Flags::FIN | Flags::RST) {
            self.phase = Phase::Closing;
        }
        if self.n_gaps != page.n_gaps {
            self.on_gap(page.n_gaps);
        }
        let Self { client, server, open, .. } = self;
        let (sender, receiver, opposite) = match direction {
            Direction::Request => (client, server, Direction::Response),
            Direction::Response => (server, client, Direction::Request),
        };
        let at_ns = sighting.at_ns;
        if segment.flags.any(Flags::ACK)
            && receiver.half.on_acknowledgment(segment.acknowledgment, at_ns)
        {
            open.doubt();
        }
        if receiver.half.has_hole() {
            // Before the segment is read: it may answer what waited.
            receiver.give_up(at_ns, &mut Reader { direction: opposite, open, page }, pool);
        }
        if let Some(watch) = &mut open.watch {
            watch.on_segment(direction, sighting.evidence);
        }
        sender.accept(segment, at_ns, &mut Reader { direction, open, page }, pool);
    }

    /// Give up holes that have been open for too long.
    pub(super) fn give_up(&mut self, at_ns: u64, page: &mut Page<'_>, pool: &mut Pool) {
        let Self { client, server, open, .. } = self;
        client.give_up(at_ns, &mut Reader { direction: Direction::Request, open, page }, pool);
        server.give_up(at_ns, &mut Reader { direction: Direction::Response, open, page }, pool);
    }

    /// Read what waits, whatever is missing.
    pub(super) fn finish(&mut self, page: &mut Page<'_>, pool: &mut Pool) {
        let Self { client, server, open, .. } = self;
        client.finish(&mut Reader { direction: Direction::Request, open, page }, pool);
        server.finish(&mut Reader { direction: Direction::Response, open, page }, pool);
    }

    /// The capture lost frames, of which some may have been of this connection: a response may
    /// answer what was not seen, and another stream go on at the numbers of this one.
    #[cold]
    fn on_gap(&mut self, n_gaps: u32) {
        self.n_gaps = n_gaps;
        self.open.doubt();
        self.client.half.forget_recent();
        self.server.half.forget_recent();
    }
}

impl Side {
    #[inline]
    fn accept(
        &mut self,
        segment: &Segment<'_>,
        at_ns: u64,
        reader: &mut Reader<'_, '_>,
        pool: &mut Pool,
    ) {
        let Self { half, stream } = self;
        let repeated = half.accept(segment, at_ns, pool, |piece| reader.read(stream, piece));
        reader.page.report.streams.repeated_bytes += u64::from(repeated);
        if half.has_hole() {
            self.give_up(at_ns, reader, pool); // it may be known that nothing more will come
        } else {
            self.settle(reader.direction, reader.open);
        }
    }

    #[cold]
    fn give_up(&mut self, at_ns: u64, reader: &mut Reader<'_, '_>, pool: &mut Pool) {
        let Self { half, stream } = self;
        half.give_up(at_ns, pool, |piece| reader.read(stream, piece));
        self.settle(reader.direction, reader.open);
    }

    fn finish(&mut self, reader: &mut Reader<'_, '_>, pool: &mut Pool) {
        let Self { half, stream } = self;
        half.finish(pool, |piece| reader.read(stream, piece));
        self.settle(reader.direction, reader.open);
    }

    /// What waits was overtaken, so it proves nothing when it is read.
    fn settle(&self, direction: Direction, open: &mut Open) {
        let Some(watch) = &mut open.watch else { return };
        if self.half.is_waiting() {
            watch.doubt(direction);
            open.outstanding.doubt();
        } else if !self.stream.has_open_adu() {
            watch.on_adu_end(direction);
        }
    }
}

/// Reads what one side sent.
struct Reader<'a, 'b> {
    direction: Direction,
    open: &'a mut Open,
    page: &'a mut Page<'b>,
}

impl Reader<'_, '_> {
    #[inline]
    fn read(&mut self, stream: &mut Stream, piece: Piece<'_>) {
        match piece {
            Piece::Bytes { bytes, at_ns } => self.read_bytes(stream, bytes, at_ns),
            Piece::Start => {
                stream.lock();
                self.open.doubt();
            }
            Piece::Hole(missing) => {
                stream.lose();
                self.open.doubt();
                self.page.report.streams.holes += 1;
                self.page.report.streams.missing_bytes += u64::from(missing);
            }
            Piece::Conflict { at_ns } => self.on_conflict(at_ns),
        }
    }

    #[inline]
    fn read_bytes(&mut self, stream: &mut Stream, bytes: &[u8], at_ns: u64) {
        let (open, page) = (&mut *self.open, &mut *self.page);
        let taken = stream.accept(bytes, self.direction, |mbap, pdu| match self.direction {
            Direction::Request => open.on_request(at_ns, mbap, pdu, page),
            Direction::Response => open.on_response(at_ns, mbap, pdu, page),
        });
        page.report.modbus.unread += u64::from(taken == Taken::Partly);
    }

    /// Nobody knows which of two versions the receiver took.
    #[cold]
    fn on_conflict(&mut self, at_ns: u64) {
        self.open.doubt();
        if let Some(watch) = &mut self.open.watch {
            watch.doubt(self.direction);
        }
        let key = self.page.key;
        let (source, destination) = match self.direction {
            Direction::Request => (key.client(), key.server()),
            Direction::Response => (key.server(), key.client()),
        };
        let of = Contested::Stream { source, destination };
        let report = &mut *self.page.report;
        report.streams.conflicts += 1;
        if report.streams.conflicts > MAX_CONFLICTS {
            return;
        }
        report.note(Note::Conflict(Conflict { at: time(at_ns), vlan: key.vlan(), of }));
    }
}

impl Open {
    /// Bytes were missed: what comes next may answer something that was not seen.
    fn doubt(&mut self) {
        if self.watch.is_some() {
            self.outstanding.doubt();
        }
    }

    fn on_request(&mut self, at_ns: u64, mbap: Mbap, bytes: &[u8], page: &mut Page<'_>) {
        let Ok(pdu) = Pdu::parse(Direction::Request, bytes) else {
            return; // an ADU holds at least a function code
        };
        page.report.modbus.requests += 1;
        count_function(page.report, pdu.function);
        let mut request = Request {
            at_ns,
            transaction: mbap.transaction,
            unit: mbap.unit,
            pdu,
            note: None,
            is_proven: self.watch.as_mut().is_some_and(|watch| watch.is_provable(mbap)),
            turn: page.transcript.begin(|| turn(page.key, Direction::Request, at_ns, mbap, bytes)),
        };
        if pdu.access == Access::Write {
            page.report.modbus.writes += 1;
            // Noted now, not when it is answered: a write that nobody answers may have worked.
            request.note = page.note(transaction(page.key, &request));
        }
        self.outstanding.push(request, page.transcript);
    }

    fn on_response(&mut self, at_ns: u64, mbap: Mbap, bytes: &[u8], page: &mut Page<'_>) {
        let Ok(pdu) = Pdu::parse(Direction::Response, bytes) else {
            return; // an ADU holds at least a function code
        };
        page.report.modbus.responses += 1;
        page.report.modbus.exceptions += u64::from(pdu.exception.is_some());
        count_function(page.report, pdu.function);
        let mut request = self.outstanding.take(mbap, pdu.function);
        if let (Some(watch), Some(request)) = (&self.watch, &request) {
            watch.on_transaction(request, bytes, at_ns, page);
        }
        let asked = request.as_mut().and_then(|request| request.turn.take());
        let key = page.key;
        page.transcript.answer(asked, || turn(key, Direction::Response, at_ns, mbap, bytes));
        let latency = request
            .as_ref()
            .map(|request| Duration::from_nanos(at_ns.saturating_sub(request.at_ns)));
        if let Some(latency) = latency {
            page.report.modbus.transactions += 1;
            page.report.modbus.latency += latency;
        }
        let note = request.as_ref().and_then(|request| request.note);
        if let Some(noted) = note.and_then(|at| page.noted(at)) {
            noted.latency = latency;
            noted.exception = pdu.exception;
        } else if pdu.exception.is_some() {
            // A refusal of something we did not see is told with what it says itself.
            let request = request.unwrap_or(Request {
                at_ns,
                transaction: mbap.transaction,
                unit: mbap.unit,
                pdu,
                note: None,
                is_proven: false,
                turn: None,
            });
            let asked = transaction(page.key, &request);
            page.note(Transaction { exception: pdu.exception, latency, ..asked });
        }
    }
}

fn count_function(report: &mut WireReport, function: u8) {
    if let Some(count) = report.modbus.functions.get_mut(usize::from(function)) {
        *count += 1;
    }
}

/// A request without its answer.
fn transaction(key: &Key, request: &Request) -> Transaction {
    Transaction {
        at: time(request.at_ns),
        path: Path::Network { vlan: key.vlan(), client: key.client(), server: key.server() },
        unit: request.unit,
        function: request.pdu.function,
        address: request.pdu.address,
        quantity: request.pdu.quantity,
        value: request.pdu.value,
        exception: None,
        latency: None,
    }
}

/// One side of a turn.
fn turn(key: &Key, direction: Direction, at_ns: u64, mbap: Mbap, pdu: &[u8]) -> Turn {
    let said = Some(Said { at_ns, pdu: pdu.into() });
    let (request, response) = match direction {
        Direction::Request => (said, None),
        Direction::Response => (None, said),
    };
    let (vlan, client, server) = (key.vlan(), key.client(), key.server());
    let Mbap { transaction, unit, .. } = mbap;
    Turn { vlan, client, server, transaction, unit, request, response }
}

impl Page<'_> {
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
            Note::Corrupt(_) | Note::Conflict(_) => None,
        }
    }
}
