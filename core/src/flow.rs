//! Conversations on the wire: TCP segments or the bytes of a line in, Modbus transactions out.
//!
//! Everything here is bounded by what it is given at the start, whatever a stranger sends: a fixed
//! table of connections, in each a fixed number of open requests and two ADUs' worth of bytes per
//! direction, and one pool for what comes out of order. Once a connection is known, nothing
//! allocates but that and what a report keeps (a line, which is slow, may, and so may a table that
//! transcribes a file). Pure: time comes with what is seen.

mod connection;
mod conversation;
mod datagram;
mod detector;
mod effect;
mod frames;
mod greetings;
mod half;
mod key;
mod line;
mod outstanding;
mod ports;
mod rtu_frames;
mod sides;
mod sighting;
mod stream;
mod table;
mod tail;
mod transcript;
mod usage;
mod watch;

pub use datagram::{Datagram, Datagrams};
pub use line::{Line, Moment};
pub use sighting::{Evidence, Sighting};
pub use table::Table;
pub use transcript::{Said, Turn};
pub use usage::Usages;
pub use watch::WatchList;

#[cfg(test)]
mod tests;
