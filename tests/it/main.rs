//! Integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that skips or measures says so"
)]

mod alone;
mod baseline;
mod blame;
mod catalog;
mod chunks;
mod cli;
mod codecs;
mod config;
mod corpora;
mod daemon;
mod demo;
mod flood;
mod floor;
mod hostile;
mod install;
mod journald;
mod layer2;
mod layering;
mod lines;
mod listener;
mod manual;
mod netns;
#[cfg(feature = "opcua")]
mod opcua;
mod paced;
mod packages;
mod parked;
mod peers;
mod poller;
mod program;
mod protocols;
mod replay;
mod ring;
mod rings;
mod sandbox;
mod shape;
mod tap;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
mod transactions;
mod unit;
mod usages;
mod veth;
