//! An IEC 60870-5-104 conversation: messages, and whether each side's numbers go on.
//!
//! I frames are numbered (section 5.1). A number that is left out or comes again, with no byte of
//! the stream missing, was forged or lost by the sender. After a hole, numbers begin anew.

use crate::record::{Jump, Note, Protocol};
use crate::wire::iec104::{self, Apdu};
use crate::wire::modbus::pdu::Direction;

use super::super::sides::Sides;
use super::super::watch::time;
use super::Page;

/// What a connection of IEC 60870-5-104 remembers.
#[derive(Debug, Default)]
pub(in crate::flow) struct Iec104 {
    /// What each side will number its next I frame; `None` before the first.
    next: Sides<Option<u16>>,
}

impl Iec104 {
    /// Bytes of a direction were missed.
    pub(in crate::flow) fn lose(&mut self, direction: Direction) {
        *self.next.of(direction) = None;
    }

    pub(in crate::flow) fn on_apdu(
        &mut self,
        direction: Direction,
        at_ns: u64,
        bytes: &[u8],
        page: &mut Page<'_>,
    ) {
        let Ok(apdu) = Apdu::parse(bytes) else { return };
        if let Apdu::Information { send, .. } = apdu
            && let Some(due) = self.next.of(direction).replace(iec104::next(send))
            && due != send
        {
            on_jump(direction, at_ns, (due, send), page);
        }
        if let Some(message) = apdu.message() {
            page.on_message((Protocol::Iec104, direction), at_ns, message);
        }
    }
}

#[cold]
fn on_jump(direction: Direction, at_ns: u64, (due, found): (u16, u16), page: &mut Page<'_>) {
    let (source, destination) = match direction {
        Direction::Request => (page.key.client(), page.key.server()),
        Direction::Response => (page.key.server(), page.key.client()),
    };
    page.report.messages.of(Protocol::Iec104).jumps += 1;
    page.report.note(Note::Jump(Jump {
        at: time(at_ns),
        vlan: page.key.vlan(),
        protocol: Protocol::Iec104,
        source,
        destination,
        due: due.into(),
        found: found.into(),
        trust: page.trust(),
    }));
}
