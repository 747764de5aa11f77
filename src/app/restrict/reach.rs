//! What Landlock left the process when it started, held against what a reload asks for: a rule is
//! made once, and a file outside of all of them stays closed until a restart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::sys::landlock::Territory;

use super::territory::territory;

/// Directories within reach, as the kernel knows them: without links, and there at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Reach {
    read: Vec<PathBuf>,
    kept: Vec<PathBuf>,
}

impl Reach {
    /// To be asked before the restriction, from which on less is seen.
    pub(super) fn of(territory: &Territory) -> Self {
        let there = |directories: &[PathBuf]| {
            directories.iter().filter_map(|path| path.canonicalize().ok()).collect()
        };
        Self { read: there(&territory.read), kept: there(&territory.kept) }
    }

    /// Directories that `config` needs, that are there, and that only a restart brings within reach.
    pub(in super::super) fn lacks(&self, config: &Config) -> Vec<PathBuf> {
        let Territory { read, kept, .. } = territory(config, None);
        let read = read.into_iter().filter(|path| self.ends_before(path));
        let kept = kept.into_iter().filter(|path| is_outside(path, &self.kept));
        let lacking: BTreeSet<_> = read.chain(kept).collect();
        lacking.into_iter().collect()
    }

    /// True if nothing in this directory can be read.
    pub(in super::super) fn ends_before(&self, directory: &Path) -> bool {
        is_outside(directory, &self.read) && is_outside(directory, &self.kept)
    }
}

/// What is not there is not outside: whoever looks for it says so better.
fn is_outside(path: &Path, directories: &[PathBuf]) -> bool {
    let path = path.canonicalize();
    path.is_ok_and(|path| !directories.iter().any(|directory| path.starts_with(directory)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn with_baseline(folder: &Path) -> Config {
        let text = format!("[baseline]\nfile = \"{}/baseline.toml\"\n", folder.display());
        crate::config::parse("test.toml", text).unwrap()
    }

    #[test]
    fn what_a_reload_names_is_within_reach_where_the_start_named_something() {
        let place = tempfile::tempdir().unwrap();
        let [here, there, link] = ["here", "there", "link"].map(|name| place.path().join(name));
        fs::create_dir_all(here.join("below")).unwrap();
        fs::create_dir(&there).unwrap();
        symlink(&here, &link).unwrap();
        let reach = Reach::of(&territory(&with_baseline(&link), None));
        let etc = Path::new("/etc/infra_monitor");
        for within in [&here, &link, &here.join("below"), &here.join("missing"), etc] {
            assert_eq!(reach.lacks(&with_baseline(within)), <[PathBuf; 0]>::default());
        }
        assert_eq!(reach.lacks(&with_baseline(&there)), [there]);
    }

    #[test]
    fn what_was_not_there_at_the_start_is_out_of_reach() {
        let place = tempfile::tempdir().unwrap();
        let late = place.path().join("late");
        let reach = Reach::of(&territory(&with_baseline(&late), None));
        fs::create_dir(&late).unwrap();
        assert_eq!(reach.lacks(&with_baseline(&late)), [late]);
    }
}
