//! One connection between a Modbus client and a server: requests paired with responses.

use std::time::{Duration, SystemTime};

use crate::record::{Note, Path, Transaction, WireReport};
use crate::wire::modbus::mbap::Mbap;
use crate::wire::modbus::pdu::{Access, Direction, Pdu};
use crate::wire::packet::Flags;

use super::outstanding::{NoteAt, Outstanding, Request};
use super::sighting::Sighting;
use super::stream::{Stream, Taken};
use super::watch::Watch;

/// Both directions, and what is open between them.
#[derive(Debug, Default)]
pub(super) struct Connection {
    phase: Phase,
    client: Stream,
    server: Stream,
    open: Open,
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

/// The block being judged.
pub(super) struct Page<'a> {
    pub(super) block: u64,
    pub(super) report: &'a mut WireReport,
}

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Forget everything, but keep the memory.
    pub(super) fn reset(&mut self) {
        self.phase = Phase::Open;
        self.client.reset();
        self.server.reset();
        self.open.outstanding.clear();
        self.watch(self.open.watch.is_some());
    }

    /// Begin or stop to keep what is read.
    pub(super) fn watch(&mut self, is_watched: bool) {
        self.open.outstanding.doubt();
        self.open.watch = is_watched.then(Watch::default);
    }

    /// Follow the connection by one segment.
    pub(super) fn accept(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Direction,
        page: &mut Page<'_>,
    ) {
        let segment = sighting.segment;
        if segment.flags.any(Flags::SYN) && direction == Direction::Request {
            self.reset(); // a new connection between the same ports
        }
        if segment.flags.any(Flags::FIN | Flags::RST) {
            self.phase = Phase::Closing;
        }
        let Self { client, server, open, .. } = self;
        let (sender, receiver) = match direction {
            Direction::Request => (client, server),
            Direction::Response => (server, client),
        };
        open.on_segment(sighting, direction, sender, receiver);
        let taken = sender.accept(segment, direction, |mbap, pdu| match direction {
            Direction::Request => open.on_request(sighting, mbap, pdu, page),
            Direction::Response => open.on_response(sighting, mbap, pdu, page),
        });
        if let Some(watch) = &mut open.watch
            && !sender.has_open_adu()
        {
            watch.on_adu_end(direction);
        }
        page.report.modbus.unread += u64::from(taken == Taken::Partly);
    }
}

impl Open {
    /// See whether bytes were missed, as far as that matters.
    fn on_segment(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Direction,
        sender: &Stream,
        receiver: &Stream,
    ) {
        let Some(watch) = &mut self.watch else { return };
        let segment = sighting.segment;
        if sender.misses_before(segment) || receiver.misses_acknowledged(segment) {
            self.outstanding.doubt();
        }
        watch.on_segment(direction, sighting.evidence);
    }

    fn on_request(&mut self, sighting: &Sighting<'_>, mbap: Mbap, pdu: &[u8], page: &mut Page<'_>) {
        let Ok(pdu) = Pdu::parse(Direction::Request, pdu) else {
            return; // an ADU holds at least a function code
        };
        page.report.modbus.requests += 1;
        count_function(page.report, pdu.function);
        let mut request = Request {
            at_ns: sighting.at_ns,
            transaction: mbap.transaction,
            unit: mbap.unit,
            pdu,
            note: None,
            is_proven: self.watch.as_mut().is_some_and(|watch| watch.is_provable(mbap)),
        };
        if pdu.access == Access::Write {
            page.report.modbus.writes += 1;
            // Noted now, not when it is answered: a write that nobody answers may have worked.
            request.note = page.note(transaction(sighting, Direction::Request, &request));
        }
        self.outstanding.push(request);
    }

    fn on_response(
        &mut self,
        sighting: &Sighting<'_>,
        mbap: Mbap,
        bytes: &[u8],
        page: &mut Page<'_>,
    ) {
        let Ok(pdu) = Pdu::parse(Direction::Response, bytes) else {
            return; // an ADU holds at least a function code
        };
        page.report.modbus.responses += 1;
        page.report.modbus.exceptions += u64::from(pdu.exception.is_some());
        count_function(page.report, pdu.function);
        let request = self.outstanding.take(mbap, pdu.function);
        if let (Some(watch), Some(request)) = (&self.watch, &request) {
            watch.on_transaction(request, bytes, sighting, page.report);
        }
        let latency = request
            .map(|request| Duration::from_nanos(sighting.at_ns.saturating_sub(request.at_ns)));
        if let Some(latency) = latency {
            page.report.modbus.transactions += 1;
            page.report.modbus.latency += latency;
        }
        let note = request.and_then(|request| request.note);
        if let Some(noted) = note.and_then(|at| page.noted(at)) {
            noted.latency = latency;
            noted.exception = pdu.exception;
        } else if pdu.exception.is_some() {
            // A refusal of something we did not see is told with what it says itself.
            let request = request.unwrap_or(Request {
                at_ns: sighting.at_ns,
                transaction: mbap.transaction,
                unit: mbap.unit,
                pdu,
                note: None,
                is_proven: false,
            });
            let asked = transaction(sighting, Direction::Response, &request);
            page.note(Transaction { exception: pdu.exception, latency, ..asked });
        }
    }
}

fn count_function(report: &mut WireReport, function: u8) {
    if let Some(count) = report.modbus.functions.get_mut(usize::from(function)) {
        *count += 1;
    }
}

/// A request without its answer. `direction` is that of the segment at hand.
fn transaction(sighting: &Sighting<'_>, direction: Direction, request: &Request) -> Transaction {
    let (client, server) = match direction {
        Direction::Request => (sighting.source(), sighting.destination()),
        Direction::Response => (sighting.destination(), sighting.source()),
    };
    Transaction {
        at: SystemTime::UNIX_EPOCH + Duration::from_nanos(request.at_ns),
        path: Path::Network { vlan: sighting.vlan, client, server },
        unit: request.unit,
        function: request.pdu.function,
        address: request.pdu.address,
        quantity: request.pdu.quantity,
        value: request.pdu.value,
        exception: None,
        latency: None,
    }
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
            Note::Corrupt(_) => None,
        }
    }
}
