//! What there is one of for each side of a connection.

use crate::wire::modbus::pdu::Direction;

/// Of the client and of the server.
#[derive(Debug, Default)]
pub(super) struct Sides<T> {
    client: T,
    server: T,
}

impl<T> Sides<T> {
    /// That of the side that sends in this direction.
    #[inline]
    pub(super) fn of(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Request => &mut self.client,
            Direction::Response => &mut self.server,
        }
    }
}
