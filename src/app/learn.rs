//! `learn`: what is asked of whom, on the wire or in capture files, as a baseline to review.
//!
//! A live run acquires and gives up its permissions as the daemon does, polls nobody, and judges
//! nothing. Only then is the output prepared: what cannot be written to is told before a day of
//! learning, not after it.

mod learned;
mod live;
mod output;

pub use learned::Learned;
pub use live::{Live, Observed, Session};
pub use output::{Output, OutputError, Written};

use std::path::PathBuf;

use crate::capture::file::FileError;

use super::replay;
use super::replay::Replayed;

/// Learn from capture files, one after the other. `progress` is told bytes read, of how many.
pub fn from_files(
    paths: &[PathBuf],
    learned: &mut Learned,
    mut progress: impl FnMut(u64, u64),
) -> Result<Replayed, FileError> {
    replay::replay(paths, |observed| match observed {
        replay::Observed::Usage(usage) => learned.on_usage(usage),
        replay::Observed::Deferred(n) => learned.on_deferred(n),
        replay::Observed::Progress { read, total } => progress(read, total),
        replay::Observed::Event(_) | replay::Observed::Transaction { .. } => (),
    })
}
