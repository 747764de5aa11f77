//! Infrastructure monitor: watch the wire, poll the field devices, report what is wrong.
//!
//! ```text
//!  capture ──Delivery──▶ analysis ──WireReport──▶┐                      ┌─▶ journald
//!  (1 thread per ring)   (1 thread per ring)     ├─▶ pipeline ──Event──▶┼─▶ JSON lines
//!  poller ──────────────Reading, LineReport─────▶┤    (1 task)          └─▶ terminal
//!  (1 task per connection or line)               │
//!  listener ─────────────────────TapReport──────▶┘
//!  (1 task per line that others poll)
//! ```
//!
//! Data only moves left to right. Nothing downstream calls upstream; the only things that travel
//! right to left are the closing of a channel and the return of a block.
//!
//! Read `core/src/lib.rs` first, whose modules stand here under their own names, and then the
//! modules below in their order. Each may import only the ones above it; `tests/it/layering.rs`
//! enforces that.

pub use infra_monitor_core::{analysis, block, flow, record, tag, wire};

pub mod config;

pub mod sys;

pub mod capture;

pub mod listener;
pub mod pipeline;
pub mod poller;
pub mod sink;

pub mod app;

pub mod cli;
