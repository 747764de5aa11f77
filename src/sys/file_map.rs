//! A file as a slice: its pages, mapped read-only.
//!
//! Capture files are read in place, so that replaying one copies nothing. The price: where a file
//! is cut off while we read it, and `tcpdump -W` does that to the files of its ring, nothing is
//! mapped any more. The kernel then ends us with SIGBUS, and all we can do is to say why.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Advice, Mmap, MmapOptions};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::write;

/// The bytes of a file, as long as it was when it was mapped.
#[derive(Debug)]
pub struct FileMap(Mmap);

/// Map the whole of `file`, to be read from front to back.
///
/// From the first map on, a file that is shortened ends the process with a text and exit code 66.
pub fn map_file(file: &File) -> io::Result<FileMap> {
    explain_bus_errors()?;
    // SAFETY: the mapping is private and read-only, and nothing in this process writes to a file
    // that it maps. Its length is fixed here and any byte is a valid `u8`, so another process that
    // changes the file can mislead a parser, but not lead it out of the slice; if one shortens the
    // file, reading behind its new end is no undefined behaviour but SIGBUS.
    let map = unsafe { MmapOptions::new().map_copy_read_only(file) }?;
    // A hint: without it pages are read in later and smaller pieces.
    let _ = map.advise(Advice::Sequential);
    Ok(FileMap(map))
}

fn explain_bus_errors() -> io::Result<()> {
    let handler = SigHandler::Handler(on_bus_error);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler touches no memory of ours, takes no lock, and calls nothing but write(2)
    // and _exit(2), which are allowed in one (signal-safety(7)).
    unsafe { sigaction(Signal::SIGBUS, &action) }?;
    Ok(())
}

extern "C" fn on_bus_error(_: c_int) {
    const EX_NOINPUT: c_int = 66; // sysexits.h
    let text = b"error: a capture file was shortened while it was read, or its disk failed; \
                 replay a copy that nothing writes to\n";
    let _ = write(io::stderr(), text);
    // SAFETY: ends the process without running anything else of it.
    unsafe { libc::_exit(EX_NOINPUT) }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::io::Write as _;

    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    use super::*;

    #[test]
    fn a_mapped_file_reads_as_its_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        assert!(map_file(&file).unwrap().is_empty());
        file.write_all(b"0123456789").unwrap();
        assert_eq!(&*map_file(&file).unwrap(), b"0123456789");
    }

    #[test]
    fn a_file_that_is_shortened_while_it_is_read_ends_us_with_a_reason() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        let map = map_file(&file).unwrap();
        // SAFETY: the child makes system calls and reads memory, and never returns from here.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let _ = file.set_len(0);
                black_box(map.first().copied());
                // SAFETY: ends the child, which must not run the other tests.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 66));
            }
        }
    }
}
