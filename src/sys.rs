//! The kernel, behind safe functions. The only module that may contain `unsafe`.
//!
//! Nothing here knows what a packet or a configuration is; it takes numbers, names and
//! descriptors, and promises that no caller can break memory safety through it.
#![allow(unsafe_code, reason = "raw system calls live here and nowhere else")]

pub mod inject;
pub mod interface;
pub mod landlock;
pub mod namespace;
pub mod privilege;
pub mod rs485;
pub mod seccomp;
pub mod serial_counters;

mod interface_counters;
mod packet_ring;
mod packet_socket;
mod passed_fds;
mod serial_line;
mod thread;

pub use interface_counters::{CounterReader, InterfaceCounters, RxCounters, SoftnetCounters};
pub use packet_ring::{
    Backlog, KeptRing, PacketRing, Passed, RingBlock, RingCount, RingSpec, Share,
};
pub use packet_socket::{CAPTURE_FDS, PacketSocket};
pub use passed_fds::passed_fds;
pub use serial_line::{LineFormat, ParityBit, SerialInput};
pub use thread::{Place, pin_current, serve_first, set_nice, spawn_pinned};
