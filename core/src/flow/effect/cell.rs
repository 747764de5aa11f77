//! One coil or register that was written.

use std::net::SocketAddr;

use crate::record;

use super::EXPIRY_NS;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) expected: Expected,
    pub(super) writer: SocketAddr,
    trust: Trust,
    state: State,
    /// When it was last asked to change.
    asked_ns: u64,
    /// A read did not show what was written.
    pub(super) is_suspect: bool,
}

/// What a write leaves behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Number of the request.
    pub(super) order: u64,
    pub(super) value: u16,
    /// Bits that are known.
    pub(super) mask: u16,
    pub(super) function: u8,
    /// What the segments of the write and its answer say for it.
    pub(super) seen: record::Trust,
}

/// How often bytes were missed when it was written or read. Only what is equal is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    pub(super) missed: u32,
    pub(super) n_gaps: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The write waits for its answer.
    Open,
    /// So do several, or one whose value is not known. Nobody knows which will be the last.
    Contested { n_open: u32 },
    /// The write was confirmed: by which number, and when.
    Confirmed { order: u64, at_ns: u64 },
}

/// Whether a cell still says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Kept,
    Over,
}

impl Cell {
    pub(super) fn new(expected: Expected, writer: SocketAddr, trust: Trust, asked_ns: u64) -> Self {
        Self { expected, writer, trust, state: State::Open, asked_ns, is_suspect: false }
    }

    /// Somebody asks for a change here. Whether its value is known, [`Cell::replace`] says.
    pub(super) fn on_request(&mut self, at_ns: u64) {
        self.state = match self.state {
            State::Open | State::Contested { .. } if self.is_over(at_ns) => {
                State::Contested { n_open: 1 }
            }
            State::Confirmed { .. } => State::Contested { n_open: 1 },
            State::Open => State::Contested { n_open: 2 },
            State::Contested { n_open } => State::Contested { n_open: n_open.saturating_add(1) },
        };
        self.asked_ns = at_ns;
    }

    /// The change that was last asked for is known, and if it is the only one that is open, it will
    /// be the last.
    pub(super) fn replace(&mut self, new: Self) {
        if self.state == (State::Contested { n_open: 1 }) {
            *self = new;
        }
    }

    /// A change was answered: with number and time if it is the one that is expected, and confirmed.
    pub(super) fn on_response(&mut self, confirmed: Option<(u64, u64)>) -> Answered {
        match (self.state, confirmed) {
            (State::Open, Some((order, at_ns))) => {
                self.state = State::Confirmed { order, at_ns };
                Answered::Kept
            }
            (State::Contested { n_open }, _) if n_open > 1 => {
                self.state = State::Contested { n_open: n_open - 1 };
                Answered::Kept
            }
            // An answer that was not waited for is to a change that was not seen.
            (State::Open | State::Contested { .. } | State::Confirmed { .. }, _) => Answered::Over,
        }
    }

    /// True if it was written, and no read was held against it yet.
    pub(super) fn is_unjudged(&self) -> bool {
        matches!(self.state, State::Confirmed { .. }) && !self.is_suspect
    }

    pub(super) fn is_of(&self, order: u64) -> bool {
        self.expected.order == order
    }

    /// When the write was confirmed, if that was before the request with number `asked`, and if
    /// nothing was missed since it was asked for.
    pub(super) fn confirmed_before(&self, asked: u64, trust: Trust, now_ns: u64) -> Option<u64> {
        match self.state {
            State::Confirmed { order, at_ns } => {
                let is_before = order < asked && self.trust == trust && !self.is_over(now_ns);
                is_before.then_some(at_ns)
            }
            State::Open | State::Contested { .. } => None,
        }
    }

    pub(super) fn agrees(&self, read: u16) -> bool {
        (read ^ self.expected.value) & self.expected.mask == 0
    }

    /// True if it is too old to say anything.
    pub(super) fn is_over(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.asked_ns) >= EXPIRY_NS
    }

    /// True if another may take its place.
    pub(super) fn can_go(&self, now_ns: u64) -> bool {
        matches!(self.state, State::Confirmed { .. }) || self.is_over(now_ns)
    }
}
