//! An S7 conversation: with which module it is, and which job a bare refusal answers.

use crate::record::Protocol;
use crate::wire::message::{Message, Role};
use crate::wire::modbus::pdu::Direction;
use crate::wire::s7comm::{self, function};

use super::super::frames::Frame;
use super::super::sides::Sides;
use super::Page;
use super::asked::Asked;

/// What a connection of S7 remembers.
#[derive(Debug, Default)]
pub(in crate::flow) struct S7comm {
    /// Slot and rack that the connection was opened to.
    station: Option<u32>,
    asked: Asked,
    /// Whether the first part of a whole was seen, and not its last.
    is_open: Sides<bool>,
}

impl S7comm {
    /// Bytes of a direction were missed.
    pub(in crate::flow) fn lose(&mut self, direction: Direction) {
        *self.is_open.of(direction) = false;
        self.asked.clear();
    }

    pub(in crate::flow) fn on_frame(
        &mut self,
        direction: Direction,
        at_ns: u64,
        frame: Frame<'_>,
        page: &mut Page<'_>,
    ) {
        let is_open = self.is_open.of(direction);
        let goes_on = std::mem::replace(is_open, s7comm::is_continued(frame.head));
        if goes_on {
            return;
        }
        match s7comm::message(frame.head) {
            Ok(Some(said)) => {
                let said = self.completed(direction, frame.head, said, page);
                page.on_message((Protocol::S7comm, direction), at_ns, said);
            }
            Ok(None) => (),
            Err(_) => page.report.messages.of(Protocol::S7comm).unread += 1,
        }
    }

    /// With what the connection knows.
    fn completed(
        &mut self,
        direction: Direction,
        head: &[u8],
        said: Message,
        page: &mut Page<'_>,
    ) -> Message {
        if said.code == u16::from(function::CONNECT) {
            self.station = said.station;
        }
        if said.code == u16::from(function::DISCONNECT) && direction == Direction::Request {
            // A client refuses nothing: it takes leave.
            return Message { role: Role::Request, error: None, ..said };
        }
        let said = Message { station: said.station.or(self.station), ..said };
        let Some(reference) = s7comm::reference(head) else { return said };
        match said.role {
            Role::Request => {
                self.asked.push(exchange(direction, reference), said, page.is_verified);
            }
            Role::Response => {
                let asked = self.asked.take(exchange(direction.opposite(), reference));
                if let Some((Message { operation, code, .. }, is_verified)) = asked
                    && said.code == u16::from(function::UNNAMED)
                {
                    page.is_verified &= is_verified;
                    return Message { operation, code, ..said };
                }
            }
            Role::Report => (),
        }
        said
    }
}

/// A controller that is loaded asks too, by references of its own.
fn exchange(asker: Direction, reference: u16) -> u64 {
    let by_server = match asker {
        Direction::Request => 0,
        Direction::Response => 1 << 16,
    };
    by_server | u64::from(reference)
}
