//! Integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

mod journald;
mod layering;
mod netns;
mod ring;
mod sandbox;
mod tap;
mod veth;
