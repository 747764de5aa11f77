//! The file as a whole.

use super::{Config, Rejected};

/// Parse a configuration. `file` is only its name, for messages.
pub fn parse(file: &str, text: &str) -> Result<Config, Rejected> {
    let _ = (file, text);
    Ok(Config::default())
}
