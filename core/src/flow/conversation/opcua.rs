//! An OPC UA conversation: what is said in it can be read if its channel was opened without a policy.

use crate::record::Protocol;
use crate::wire::modbus::pdu::Direction;
use crate::wire::opcua::chunk::Part;
use crate::wire::opcua::conversation::Policy;
use crate::wire::opcua::message::{self, Readable, Said};

use super::super::frames::Frame;
use super::super::sides::Sides;
use super::Page;

/// What a connection of OPC UA remembers.
#[derive(Debug, Default)]
pub(in crate::flow) struct OpcUa {
    readable: Readable,
    /// Whether the first part of a whole was seen, and not its last.
    is_open: Sides<bool>,
}

impl OpcUa {
    /// Bytes of a direction were missed.
    pub(in crate::flow) fn lose(&mut self, direction: Direction) {
        *self.is_open.of(direction) = false;
    }

    /// A whole is counted with its first part, which says what it is; one that its sender gives up
    /// later is counted all the same, and so is one that cannot be read.
    pub(in crate::flow) fn on_chunk(
        &mut self,
        direction: Direction,
        at_ns: u64,
        frame: Frame<'_>,
        page: &mut Page<'_>,
    ) {
        if let Some(policy) = message::policy(frame.head) {
            self.readable = match policy {
                Policy::None => Readable::Yes,
                Policy::Basic128Rsa15
                | Policy::Basic256
                | Policy::Basic256Sha256
                | Policy::Aes128Sha256RsaOaep
                | Policy::Aes256Sha256RsaPss
                | Policy::Other => Readable::No,
            };
        }
        let is_open = self.is_open.of(direction);
        let goes_on =
            std::mem::replace(is_open, message::part(frame.head) == Some(Part::Intermediate));
        if goes_on {
            return;
        }
        match message::message(frame.head, self.readable) {
            Said::Message(said) => page.on_message((Protocol::OpcUa, direction), at_ns, said),
            Said::Hidden => {
                let tally = page.report.messages.of(Protocol::OpcUa);
                match direction {
                    Direction::Request => tally.requests += 1,
                    Direction::Response => tally.responses += 1,
                }
            }
        }
    }
}
