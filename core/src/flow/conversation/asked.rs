//! What was asked last in a connection, for answers that do not repeat all of it.
//!
//! At most eight requests, as many as a client negotiates at the most where it negotiates that at
//! all. A ninth pushes out the oldest, whose answer is then told with what it says itself.

use std::collections::VecDeque;

use crate::wire::message::Message;

/// Requests in the order they were seen, each with what its answer repeats, and whether it is
/// verified.
#[derive(Debug, Default)]
pub(super) struct Asked(VecDeque<(u64, Message, bool)>);

const MAX_REQUESTS: usize = 8;

impl Asked {
    /// Bytes were missed: what comes next may answer something that was not seen.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn push(&mut self, exchange: u64, request: Message, is_verified: bool) {
        if self.0.len() == MAX_REQUESTS {
            self.0.pop_front();
        }
        self.0.push_back((exchange, request, is_verified));
    }

    /// Take the oldest request of an exchange. So a client that never changes what it is known by is
    /// answered in order.
    pub(super) fn take(&mut self, exchange: u64) -> Option<(Message, bool)> {
        let index = self.0.iter().position(|(known, ..)| *known == exchange)?;
        self.0.remove(index).map(|(_, request, is_verified)| (request, is_verified))
    }
}
