//! Probe.
pub mod search;
