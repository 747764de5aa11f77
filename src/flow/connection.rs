//! One connection between a Modbus client and a server: requests paired with responses.

use std::time::{Duration, SystemTime};

use crate::record::{Note, Transaction, WireReport};
use crate::wire::modbus::mbap::Mbap;
use crate::wire::modbus::pdu::{Access, Direction, Pdu};
use crate::wire::packet::Flags;

use super::outstanding::{NoteAt, Outstanding, Request};
use super::sighting::Sighting;
use super::stream::{Stream, Taken};

/// Both directions, and what is open between them.
#[derive(Debug, Default)]
pub(super) struct Connection {
    phase: Phase,
    client: Stream,
    server: Stream,
    outstanding: Outstanding,
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
        self.outstanding.clear();
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
        let Self { client, server, outstanding, .. } = self;
        let taken = match direction {
            Direction::Request => client.accept(segment, direction, |mbap, pdu| {
                on_request(outstanding, sighting, mbap, pdu, page);
            }),
            Direction::Response => server.accept(segment, direction, |mbap, pdu| {
                on_response(outstanding, sighting, mbap, pdu, page);
            }),
        };
        page.report.modbus.unread += u64::from(taken == Taken::Partly);
    }
}

fn on_request(
    outstanding: &mut Outstanding,
    sighting: &Sighting<'_>,
    mbap: Mbap,
    pdu: &[u8],
    page: &mut Page<'_>,
) {
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
    };
    if pdu.access == Access::Write {
        page.report.modbus.writes += 1;
        // Noted now, not when it is answered: a write that nobody answers may have worked.
        request.note = page.note(transaction(sighting, Direction::Request, &request));
    }
    outstanding.push(request);
}

fn on_response(
    outstanding: &mut Outstanding,
    sighting: &Sighting<'_>,
    mbap: Mbap,
    pdu: &[u8],
    page: &mut Page<'_>,
) {
    let Ok(pdu) = Pdu::parse(Direction::Response, pdu) else {
        return; // an ADU holds at least a function code
    };
    page.report.modbus.responses += 1;
    page.report.modbus.exceptions += u64::from(pdu.exception.is_some());
    count_function(page.report, pdu.function);
    let request = outstanding.take(mbap, pdu.function);
    let latency =
        request.map(|request| Duration::from_nanos(sighting.at_ns.saturating_sub(request.at_ns)));
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
        });
        let asked = transaction(sighting, Direction::Response, &request);
        page.note(Transaction { exception: pdu.exception, latency, ..asked });
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
        vlan: sighting.vlan,
        client,
        server,
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
