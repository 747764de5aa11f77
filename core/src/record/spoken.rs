//! Messages of protocols other than Modbus, counted and, where somebody must know, told.

use std::net::SocketAddr;
use std::time::SystemTime;

use crate::wire::message::{Message, Operation, Protocol, Role};
use crate::wire::packet::Vlan;

use super::Trust;

/// A write, a command or a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    pub at: SystemTime,
    pub vlan: Vlan,
    pub protocol: Protocol,
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub message: Message,
    /// Of the message and, if it is a refusal, of what it refuses.
    pub trust: Trust,
}

/// A sender's numbers do not go on where they were, though no byte between was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    pub at: SystemTime,
    pub vlan: Vlan,
    pub protocol: Protocol,
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub due: u32,
    pub found: u32,
    pub trust: Trust,
}

/// Messages of each protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageTallies([MessageTally; Protocol::ALL.len()]);

/// Messages of one protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MessageTally {
    pub requests: u64,
    pub responses: u64,
    /// Told without being asked.
    pub reports: u64,
    /// Of the requests: those that read, that change something, that make the device act.
    pub reads: u64,
    pub writes: u64,
    pub commands: u64,
    /// Refusals.
    pub errors: u64,
    /// Segments or datagrams with payload that could not be read as this protocol to their end.
    pub unread: u64,
    /// Messages whose number does not go on from the one before, though no byte between was missed.
    pub jumps: u64,
}

impl MessageTallies {
    #[expect(clippy::indexing_slicing, reason = "there is one for each protocol")]
    pub fn of(&mut self, protocol: Protocol) -> &mut MessageTally {
        &mut self.0[protocol as usize]
    }

    /// Each protocol's name and tally.
    pub fn by_protocol(&self) -> impl Iterator<Item = (Protocol, &MessageTally)> {
        Protocol::ALL.into_iter().zip(&self.0)
    }

    pub fn merge(&mut self, other: &Self) {
        for (tally, more) in self.0.iter_mut().zip(&other.0) {
            tally.merge(more);
        }
    }
}

impl MessageTally {
    pub fn count(&mut self, message: &Message) {
        let by_role = match message.role {
            Role::Request => &mut self.requests,
            Role::Response => &mut self.responses,
            Role::Report => &mut self.reports,
        };
        *by_role += 1;
        self.errors += u64::from(message.error.is_some());
        if message.role == Role::Request {
            match message.operation {
                Operation::Read => self.reads += 1,
                Operation::Write => self.writes += 1,
                Operation::Command => self.commands += 1,
                Operation::Session | Operation::Other => (),
            }
        }
    }

    /// Messages of all roles.
    pub fn n_messages(&self) -> u64 {
        self.requests + self.responses + self.reports
    }

    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.responses += other.responses;
        self.reports += other.reports;
        self.reads += other.reads;
        self.writes += other.writes;
        self.commands += other.commands;
        self.errors += other.errors;
        self.unread += other.unread;
        self.jumps += other.jumps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_a_tally_of_its_own() {
        let mut tallies = MessageTallies::default();
        for (n, protocol) in (1..).zip(Protocol::ALL) {
            tallies.of(protocol).requests += n;
        }
        let twice = tallies.clone();
        tallies.merge(&twice);
        let counted: Vec<_> = tallies.by_protocol().map(|(_, tally)| tally.requests).collect();
        assert_eq!(counted, [2, 4, 6, 8, 10, 12, 14, 16]);
    }
}
