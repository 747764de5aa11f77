//! `open-sockets`: packet sockets for a daemon that may not open any.
//!
//! The only part that runs with every permission. It reads the configuration, and nothing else.

use std::io;
use std::io::Write;

use crate::app;
use crate::app::ParkError;

use super::args;
use super::configuration::load;
use super::failure::Failure;

pub(super) fn open_sockets(args: &args::OpenSockets) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let n_rings = app::park(&config)?;
    writeln!(io::stdout(), "parked packet sockets: {n_rings}")?;
    Ok(())
}

impl From<ParkError> for Failure {
    fn from(error: ParkError) -> Self {
        Self::new(error.exit_code(), format!("error: {error}"))
    }
}
