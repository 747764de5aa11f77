//! A capture file with anything in it: it is read to its end or to an error that says where.

use std::io::Write;

use infra_monitor::capture::file::CaptureFile;

pub(crate) fn run(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(bytes).expect("a temporary file can be written");
    let Ok(mut capture) = CaptureFile::open(file.path()) else { return };
    let mut n_frame_bytes = 0;
    loop {
        let before = capture.position();
        match capture.next_block() {
            Ok(Some(block)) => {
                assert!(capture.position() > before, "a block takes some of the file");
                block.for_each(|frame| n_frame_bytes += frame.bytes.len());
            }
            Ok(None) => {
                assert_eq!(capture.position(), capture.len());
                break;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                break;
            }
        }
    }
    assert!(n_frame_bytes <= bytes.len(), "no byte belongs to two frames");
}
