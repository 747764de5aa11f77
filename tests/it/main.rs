//! Integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

mod config;
mod layering;
mod poller;
