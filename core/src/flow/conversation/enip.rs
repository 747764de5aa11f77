//! An EtherNet/IP conversation: an answer is told with the class and the slot that were asked.

use crate::record::Protocol;
use crate::wire::enip;
use crate::wire::message::{Message, Role};
use crate::wire::modbus::pdu::Direction;

use super::super::frames::Frame;
use super::Page;
use super::asked::Asked;

/// What a connection of EtherNet/IP remembers.
#[derive(Debug, Default)]
pub(in crate::flow) struct Enip {
    asked: Asked,
}

impl Enip {
    /// Bytes were missed.
    pub(in crate::flow) fn lose(&mut self) {
        self.asked.clear();
    }

    pub(in crate::flow) fn on_frame(
        &mut self,
        direction: Direction,
        at_ns: u64,
        frame: Frame<'_>,
        page: &mut Page<'_>,
    ) {
        match enip::message(frame.head) {
            Ok(said) => {
                let said = Message { role: role(direction, &said), ..said };
                let said = self.completed(frame.head, said, page);
                page.on_message((Protocol::EtherNetIp, direction), at_ns, said);
            }
            Err(_) => page.report.messages.of(Protocol::EtherNetIp).unread += 1,
        }
    }

    fn completed(&mut self, head: &[u8], said: Message, page: &mut Page<'_>) -> Message {
        let Some(exchange) = enip::exchange(head) else { return said };
        match said.role {
            Role::Request => self.asked.push(exchange, said, page.is_verified),
            Role::Response => {
                if let Some((asked, is_verified)) = self.asked.take(exchange) {
                    page.is_verified &= is_verified;
                    return answered(asked, said);
                }
            }
            Role::Report => (),
        }
        said
    }
}

/// A command without CIP in it does not say whether it is the answer to one.
fn role(direction: Direction, said: &Message) -> Role {
    match direction {
        Direction::Response if said.code >= enip::ENCAPSULATION => Role::Response,
        Direction::Request | Direction::Response => said.role,
    }
}

/// The answer to a request. It is for the same service unless a router refused it, or one of several
/// is told; where the encapsulation was refused it names none.
fn answered(asked: Message, said: Message) -> Message {
    let said = Message { station: asked.station, ..said };
    let is_same = said.code.to_be_bytes()[1] == asked.code.to_be_bytes()[1];
    if is_same || said.code >= enip::ENCAPSULATION {
        Message { operation: asked.operation, code: asked.code, ..said }
    } else {
        said
    }
}
