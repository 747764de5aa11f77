//! Capture files of generated traffic, each made once and kept with what else cargo builds.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::generator::{Plan, for_each_frame};

/// The capture that a plan describes.
pub(super) fn capture(plan: Plan) -> PathBuf {
    let Plan { n_connections, n_rounds, .. } = plan;
    let name = format!("modbus-{n_connections}x{n_rounds}.pcap");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        write(plan, &mut BufWriter::new(File::create(&unfinished).unwrap())).unwrap();
        fs::rename(unfinished, &path).unwrap();
    }
    path
}

/// Write a pcap file.
fn write(plan: Plan, file: &mut impl Write) -> io::Result<()> {
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1] {
        file.write_all(&u32::to_le_bytes(word))?;
    }
    let mut clock_us = 1_700_000_000_000_000;
    for_each_frame(plan, |frame| {
        clock_us += 20;
        let len = frame.len() as u64;
        for word in [clock_us / 1_000_000, clock_us % 1_000_000, len, len] {
            file.write_all(&u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes())?;
        }
        file.write_all(frame)
    })?;
    file.flush()
}
