//! What was heard on a serial line in a while, reduced to what the pipeline asks about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use crate::wire::Mismatch;

use super::{ModbusTally, SourceId, Tally, Transaction, WireReport};

/// Counts are of the time since the report before.
#[derive(Clone, Debug, PartialEq)]
pub struct TapReport {
    /// The configured line.
    pub source: SourceId,
    pub at: SystemTime,
    /// Told when it changes.
    pub state: Option<TapState>,
    pub bytes: HeardBytes,
    /// Frames, by their CRC; those that are not defined by Modbus among them.
    pub frames: Tally,
    /// The first frame with a wrong CRC.
    pub damage: Option<Mismatch>,
    pub modbus: ModbusTally,
    /// Responses to no request that was heard.
    pub strays: u64,
    /// Requests to all units at once: nobody answers them.
    pub broadcasts: u64,
    /// Requests that another followed before any answer.
    pub unanswered: u64,
    /// The same, but the answer may have been among damaged bytes or in a time of not listening.
    pub unclear: u64,
    pub units: BTreeMap<u8, UnitTally>,
    /// Writes and exceptions, at most [`WireReport::MAX_NOTES`], in order.
    pub notes: Vec<Transaction>,
    /// Notes beyond that, counted only.
    pub notes_dropped: u64,
}

/// Whether a line can be listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapState {
    Open,
    /// What failed, the likely cause and the next step.
    Lost(Arc<str>),
}

/// `heard` is the sum of all others, whenever nothing is held back to wait for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeardBytes {
    pub heard: u64,
    pub in_frames: u64,
    /// The end of a frame that had begun before anybody listened.
    pub joined: u64,
    /// As long as a frame, with a wrong CRC.
    pub damaged: u64,
    /// With a right CRC, but no frame that Modbus defines.
    pub foreign: u64,
    pub noise: u64,
    /// The beginning of a frame when listening ended.
    pub cut_off: u64,
}

/// How one unit was asked and answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitTally {
    pub requests: u64,
    pub answered: u64,
    pub unanswered: u64,
    /// Unanswered since its last answer, over all reports.
    pub in_a_row: u64,
}

impl TapReport {
    /// An empty report.
    pub fn new(source: SourceId, at: SystemTime) -> Self {
        Self {
            source,
            at,
            state: None,
            bytes: HeardBytes::default(),
            frames: Tally::default(),
            damage: None,
            modbus: ModbusTally::default(),
            strays: 0,
            broadcasts: 0,
            unanswered: 0,
            unclear: 0,
            units: BTreeMap::new(),
            notes: Vec::new(),
            notes_dropped: 0,
        }
    }

    /// True if there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.state.is_none() && self.bytes == HeardBytes::default() && self.unclear == 0
    }

    /// Keep `note` if there is room, count it if not; where it lies.
    pub fn note(&mut self, note: Transaction) -> Option<usize> {
        if self.notes.len() == WireReport::MAX_NOTES {
            self.notes_dropped += 1;
            return None;
        }
        self.notes.push(note);
        Some(self.notes.len() - 1)
    }
}
