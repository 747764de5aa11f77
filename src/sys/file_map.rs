//! A file as a slice: its pages, mapped read-only.
//!
//! Capture files are read in place, so that replaying one copies nothing.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Advice, Mmap, MmapOptions};

/// The bytes of a file, as long as it was when it was mapped.
#[derive(Debug)]
pub struct FileMap(Mmap);

/// Map the whole of `file`, to be read from front to back.
pub fn map_file(file: &File) -> io::Result<FileMap> {
    // SAFETY: the mapping is private and read-only, and nothing in this process writes to a file
    // that it maps. Its length is fixed here and any byte is a valid `u8`, so another process that
    // changes the file can mislead a parser, but not lead it out of the slice; one that shortens
    // the file makes the kernel end us with SIGBUS.
    let map = unsafe { MmapOptions::new().map_copy_read_only(file) }?;
    // A hint: without it pages are read in later and smaller pieces.
    let _ = map.advise(Advice::Sequential);
    Ok(FileMap(map))
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_mapped_file_reads_as_its_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        assert!(map_file(&file).unwrap().is_empty());
        file.write_all(b"0123456789").unwrap();
        assert_eq!(&*map_file(&file).unwrap(), b"0123456789");
    }
}
