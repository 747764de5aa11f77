//! From a lent block to its report: no file, no socket, no clock, nothing unsafe.
//!
//! Whatever a stranger sends is read here. It is a crate of its own so that the compiler can refuse
//! it the rest, and build it for speed where the rest is built small.

#![forbid(unsafe_code)]

pub mod wire;

pub mod tag;

pub mod record;

pub mod block;

pub mod flow;

pub mod analysis;

#[cfg(feature = "yardstick")]
pub mod yardstick;
