//! Configuration files: read, parsed, and explained where they are no good.

use std::io;
use std::io::ErrorKind::{NotFound, PermissionDenied};
use std::path::Path;

use crate::config::BaselineError;
use crate::config::Config;
use crate::config::parse;
use crate::config::read;

use super::failure::Exit;
use super::failure::Failure;
use super::terminal::color_of;

/// The configuration in `path`.
pub(super) fn load(path: &Path) -> Result<Config, Failure> {
    let bytes = read(path).map_err(|error| unreadable(path, &error))?;
    parse(&path.display().to_string(), bytes)
        .map_err(|rejected| Failure::new(Exit::Config, rejected.render(color_of(&io::stderr()))))
}

impl From<BaselineError> for Failure {
    fn from(error: BaselineError) -> Self {
        match error {
            BaselineError::Unreadable { .. } => Self::new(Exit::Config, format!("error: {error}")),
            BaselineError::Rejected(rejected) => {
                Self::new(Exit::Config, rejected.render(color_of(&io::stderr())))
            }
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "std's list of kinds is open")]
fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let (exit, next) = match error.kind() {
        NotFound => (
            Exit::Config,
            "Write one: config/infra_monitor.toml of the source tree is a commented example.\n\
             To see the monitor work without one: infra_monitor demo",
        ),
        PermissionDenied => (
            Exit::NoPermission,
            "Run as the user the file belongs to, or let others read it: chmod a+r.",
        ),
        _ => (Exit::Config, "Is this the right path, and a file?"),
    };
    Failure::new(exit, format!("error: cannot read {}: {error}\n{next}", path.display()))
}
