//! A capture file with one TCP port changed into another, and its checksums as good as before.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Of a little-endian pcap file of Ethernet and IPv4 without options, fragments or tunnels.
pub(super) fn rewritten(path: &Path, from: u16, to: u16) -> NamedTempFile {
    let mut bytes = fs::read(path).unwrap();
    assert_eq!(bytes[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "a pcap file of this byte order");
    let mut at = 24;
    while at < bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap());
        let end = at + 16 + usize::try_from(len).unwrap();
        rewrite(&mut bytes[at + 16..end], from, to);
        at = end;
    }
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

fn rewrite(frame: &mut [u8], from: u16, to: u16) {
    if frame[12..15] != [0x08, 0x00, 0x45] || frame[23] != 6 {
        return;
    }
    for place in [34, 36] {
        if word(frame, place) == from {
            frame[place..place + 2].copy_from_slice(&to.to_be_bytes());
            if !is_partial(frame) {
                let checksum = updated(word(frame, 50), from, to);
                frame[50..52].copy_from_slice(&checksum.to_be_bytes());
            }
        }
    }
}

/// True if the stored checksum is that of the pseudo-header alone, which has no ports.
fn is_partial(frame: &[u8]) -> bool {
    let tcp_len = word(frame, 16) - 20;
    let addresses = (26..34).step_by(2).map(|place| u32::from(word(frame, place)));
    let sum = addresses.sum::<u32>() + 6;
    [0, u32::from(tcp_len)].iter().any(|len| fold(sum + len) == word(frame, 50))
}

/// RFC 1624, equation 3. A wrong checksum stays as wrong as it was.
fn updated(checksum: u16, from: u16, to: u16) -> u16 {
    !fold(u32::from(!checksum) + u32::from(!from) + u32::from(to))
}

fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
}

fn word(frame: &[u8], place: usize) -> u16 {
    u16::from_be_bytes([frame[place], frame[place + 1]])
}
