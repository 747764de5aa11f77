//! Requests of one connection that wait for their response.
//!
//! At most sixteen, the most that a client is meant to have open (Messaging Guide V1.0b,
//! section 4.4.1.2). A seventeenth pushes out the oldest, which will not be answered any more.

use crate::wire::modbus::pdu::Pdu;

use super::transcript::{Transcript, Turn};
use super::usage::Handle;

/// Requests in the order they were seen. Mostly there is one: nothing is moved when it goes.
#[derive(Debug, Default)]
pub(super) struct Outstanding(Vec<Request>);

const MAX_REQUESTS: usize = 16;

/// A request, and where its note lies if it has one.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) at_ns: u64,
    pub(super) address: Address,
    pub(super) pdu: Pdu,
    pub(super) note: Option<NoteAt>,
    /// Among all requests and answers of the capture; 0 if it may be answered by what was asked before
    /// the capture.
    pub(super) order: u64,
    /// Of function 23: first register that it reads, and how many.
    pub(super) also_reads: Option<(u16, u16)>,
    pub(super) usage: Handle,
    /// True if its response, seen next, can be no other's.
    pub(super) is_proven: bool,
    /// The checksum was right of every segment that it came in.
    pub(super) is_verified: bool,
    /// Where somebody reads along.
    pub(super) turn: Option<Box<Turn>>,
}

/// What a request is known by, and its response. Frames of a serial line have no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) transaction: Option<u16>,
    pub(super) unit: u8,
}

/// A place among the notes of one block's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoteAt {
    pub(super) block: u64,
    pub(super) index: usize,
}

impl Outstanding {
    /// Give up on all of them.
    pub(super) fn clear(&mut self, transcript: &mut Transcript) {
        self.0.drain(..).for_each(|request| transcript.end(request.turn));
    }

    #[inline]
    pub(super) fn push(&mut self, request: Request, transcript: &mut Transcript) {
        if self.0.len() == MAX_REQUESTS {
            transcript.end(self.0.remove(0).turn);
        }
        self.0.push(request);
    }

    /// Bytes were missed: what comes next may answer something that was not seen.
    pub(super) fn doubt(&mut self) {
        self.0.iter_mut().for_each(|request| request.is_proven = false);
    }

    /// Where the oldest request lies that a response with this header and function answers. So a
    /// client that never changes its transaction id is answered in order.
    #[inline]
    pub(super) fn answered(&mut self, address: Address, function: u8) -> Option<usize> {
        let is_answered =
            |request: &Request| request.address == address && request.pdu.function == function;
        let index = self.0.iter().position(is_answered)?;
        if let Some([request, others @ ..]) = self.0.get_mut(index..) {
            request.is_proven &= !others.iter().any(is_answered);
        }
        Some(index)
    }

    /// It is read where it lies: one that is moved is copied twice.
    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Request> {
        self.0.get_mut(index)
    }

    /// A request was answered.
    #[inline]
    pub(super) fn remove(&mut self, index: usize) {
        if index + 1 == self.0.len() {
            self.0.truncate(index);
        } else if index < self.0.len() {
            self.0.remove(index);
        }
    }
}
