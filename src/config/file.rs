//! The file's bytes. Whole, but not without a bound: a path may lead to a device or to a capture.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

/// A plant of a hundred thousand tags takes less.
const MAX_SIZE: u64 = 16 << 20;

/// Read a configuration file, for [`parse`](super::parse).
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    File::open(path)?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
    }
    Ok(bytes)
}
