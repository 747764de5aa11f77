//! Where a baseline is written to: whole or not at all, and added to what is there.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config;
use crate::config::{Baseline, MergeError, Rejected, merged, parse_baseline};

use super::Learned;

/// A file that will be replaced.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
}

/// The file that will replace another, beside it. Removed unless it took its place.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    file: File,
}

/// What was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file was not there.
    New,
    /// To what it allowed.
    Added,
    /// It allowed everything, and is as it was.
    Nothing,
    /// Meanwhile nothing could be added to it, for this reason: what was learnt stands in another.
    Beside(PathBuf, String),
}

/// Why a baseline cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error(
        "cannot write {}: {error}; its directory has to be one that the user who runs this may \
         write to (that root may write anywhere is given up before learning), or redirect standard \
         output", path.display()
    )]
    Io { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error(transparent)]
    Merge(#[from] MergeError),
}

impl Output {
    /// Make sure that `path` can be written, and read what it allows already.
    pub fn prepare(path: &Path) -> Result<(Self, Arc<Baseline>), OutputError> {
        // A link stays one: what it leads to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let known = match read(&path)? {
            Some(text) => parse_baseline(&path.display().to_string(), &text)?,
            None => Baseline::default(),
        };
        // Tried now and made later: a run that is killed leaves nothing behind.
        Temporary::beside(&path)?;
        Ok((Self { path }, Arc::new(known)))
    }

    /// What will be replaced.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Add what was learnt to the file as it is now; `header` opens it if it is not there.
    pub fn write(self, learned: &Learned, header: &str) -> Result<Written, OutputError> {
        let additions = learned.additions();
        let name = self.path.display().to_string();
        let Some(before) = read(&self.path)? else {
            replace(&self.path, merged(&name, header, &additions)?.as_bytes())?;
            return Ok(Written::New);
        };
        if additions.is_empty() {
            return Ok(Written::Nothing);
        }
        let now = String::from_utf8_lossy(&before);
        match merged(&name, &now, &additions) {
            Ok(text) => {
                replace(&self.path, text.as_bytes())?;
                Ok(Written::Added)
            }
            // It was good at the start. A day of learning is not thrown away for that.
            Err(error) => {
                let mut beside = self.path.clone().into_os_string();
                beside.push(".learnt");
                let text = merged(&name, header, &additions)?;
                replace(Path::new(&beside), text.as_bytes())?;
                Ok(Written::Beside(beside.into(), error.to_string()))
            }
        }
    }
}

/// Whoever reads `path` sees what was there or all of `text`, even if the power fails.
fn replace(path: &Path, text: &[u8]) -> Result<(), OutputError> {
    let mode = fs::metadata(path).ok().map(|metadata| metadata.permissions());
    Temporary::beside(path)?.take_place_of(path, mode, text)
}

/// The bytes of a file, if there is one.
fn read(path: &Path) -> Result<Option<Vec<u8>>, OutputError> {
    match config::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OutputError::Io { path: path.to_owned(), error }),
    }
}

impl Temporary {
    fn beside(path: &Path) -> Result<Self, OutputError> {
        let failed = |error| OutputError::Io { path: path.to_owned(), error };
        let Some(name) = path.file_name() else {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        };
        if path.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let name = format!(".{}.{}", name.to_string_lossy(), std::process::id());
        let temporary = path.with_file_name(name);
        let file = File::create_new(&temporary).map_err(failed)?;
        Ok(Self { path: temporary, file })
    }

    fn take_place_of(
        mut self,
        path: &Path,
        mode: Option<fs::Permissions>,
        text: &[u8],
    ) -> Result<(), OutputError> {
        let opened = mode.map_or(Ok(()), |mode| self.file.set_permissions(mode));
        let written = opened.and_then(|()| self.file.write_all(text));
        let replaced =
            written.and_then(|()| self.file.sync_all()).and_then(|()| fs::rename(&self.path, path));
        if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
            // What it cannot promise after a power cut, it has done as far as it goes.
            let _ = folder.sync_all();
        }
        replaced.map_err(|error| OutputError::Io { path: path.to_owned(), error })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Not there any more once it took its place.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests;
