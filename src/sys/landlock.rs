//! Landlock (`landlock(7)`): the part of the file tree that a process goes on seeing.
//!
//! In: directories, and what is done below them. Out: how much of it this kernel enforces. What a
//! kernel does not know yet is left out, and the rest holds. It is a restriction of the calling
//! thread and of those it starts, for ever.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// The newest version (Linux 6.12) whose rights we know, and have tried the daemon with.
const KNOWN: ABI = ABI::V6;

/// What stays possible.
#[derive(Clone, Debug, Default)]
pub struct Territory {
    /// Directories in which files are read. One that does not exist stays out of reach.
    pub read: Vec<PathBuf>,
    /// Directories in which files are also made, written and removed.
    pub kept: Vec<PathBuf>,
    /// Directories of devices, which are read, written and set up.
    pub devices: Vec<PathBuf>,
    /// Sockets without a path, such as a service manager's, may be reached.
    pub abstract_sockets: bool,
}

/// How much of it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforced {
    /// Version of Landlock, which says what it can restrict: files since 1, TCP since 4, requests
    /// to devices since 5, signals and abstract sockets since 6.
    pub abi: i32,
}

/// Reach nothing but `territory` from now on. Sets `no_new_privs`. No TCP port can be bound; those
/// that are connected to are not restricted, because a reload may name others.
///
/// [`io::ErrorKind::Unsupported`] says why this kernel has none of it.
pub fn restrict(territory: &Territory) -> io::Result<Enforced> {
    let status = ruleset(territory)
        .and_then(RulesetCreated::restrict_self)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let unsupported = |text| Err(io::Error::new(io::ErrorKind::Unsupported, text));
    match status.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi }
            if status.ruleset != RulesetStatus::NotEnforced =>
        {
            Ok(Enforced { abi: kernel_abi.unwrap_or(effective_abi as i32) })
        }
        LandlockStatus::NotEnabled => unsupported("the kernel's parameter lsm= leaves it out"),
        LandlockStatus::NotImplemented | LandlockStatus::Available { .. } => {
            unsupported("the kernel is older than 5.13 or was built without it")
        }
    }
}

fn ruleset(territory: &Territory) -> Result<RulesetCreated, RulesetError> {
    let scope = if territory.abstract_sockets {
        BitFlags::from(Scope::Signal)
    } else {
        Scope::from_all(KNOWN)
    };
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::BindTcp)?
        .scope(scope)?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let kept =
        read | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate;
    let rules = allow(rules, &territory.read, read)?;
    let rules = allow(rules, &territory.kept, kept)?;
    allow(rules, &territory.devices, device)
}

fn allow(
    rules: RulesetCreated,
    directories: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let open = |path: &PathBuf| PathFd::new(Path::new(path)).ok();
    directories
        .iter()
        .filter_map(open)
        .try_fold(rules, |rules, directory| rules.add_rule(PathBeneath::new(directory, access)))
}
