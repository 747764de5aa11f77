//! Messages of protocols whose requests and responses are not paired.
//!
//! A response is taken for that of the last request with its code, or else of the last request of
//! its connection, if their stations agree. Its latency counts only if no other request was open.
//! What opens, keeps and closes a session may come from either side, and is left out.

use super::entry::{Entry, UsageKey};
use super::{
    Answer, Answered, Asked, Asking, Handle, Message, Operation, Protocol, Recent, Role, Trust,
    Usages, WireReport,
};

impl Usages {
    /// A message of a connection, or one by itself: then `recent` is empty.
    pub(in crate::flow) fn on_message(
        &mut self,
        asking: &Asking<'_>,
        recent: &mut Recent,
        (protocol, message): (Protocol, Message),
        report: &mut WireReport,
    ) {
        if message.operation == Operation::Session {
            return;
        }
        let asked = Asked {
            protocol,
            station: message.station,
            function: message.code,
            operation: message.operation,
            addresses: None,
            value: None,
        };
        match message.role {
            Role::Request => {
                let handle = self.on_request(asking, recent, &asked, report);
                if let Some((_, entry)) = self.entries.get_mut(handle) {
                    entry.n_open = entry.n_open.saturating_add(1);
                }
            }
            Role::Response => {
                let handle = self.answered(asking, recent, &asked);
                let Some((_, entry)) = self.entries.get_mut(handle) else { return };
                let answer = match message.error {
                    None if is_timed(entry) => Answer::Served,
                    None | Some(_) => Answer::Refused, // it shows the station, not its pace
                };
                entry.n_open = 0;
                let latency_ns = asking.at_ns.saturating_sub(entry.last_ns);
                let trust =
                    Trust { verified: asking.is_verified, from_start: recent.is_from_start };
                let answered = Answered { at_ns: asking.at_ns, latency_ns, answer, trust };
                self.on_response(handle, &answered, report);
            }
            Role::Report => (),
        }
    }

    /// The usage that a response is of.
    fn answered(&self, asking: &Asking<'_>, recent: &Recent, asked: &Asked) -> Handle {
        let is_of = |handle: &Handle| {
            self.entries.get(*handle).is_some_and(|(key, _)| key.what == asked.what())
        };
        if let Some(handle) = Some(recent.get(asked.what())).filter(is_of) {
            return handle;
        }
        match self.entries.get(recent.last) {
            Some((key, _)) if key.station() == asked.station => recent.last,
            Some(_) => Handle::default(),
            None => {
                let key = UsageKey::of(asking.key, asked);
                self.entries.find(&key, key.hash(self.seed)).unwrap_or_default()
            }
        }
    }
}

/// Whether a response that comes now says how long the station takes.
fn is_timed(entry: &Entry) -> bool {
    entry.is_of_own_accord() && entry.n_open == 1
}
