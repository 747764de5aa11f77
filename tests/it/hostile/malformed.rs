//! Packets that are wrong in every way: seeds of the fuzzer and public captures, each changed.

use std::fs;
use std::path::{Path, PathBuf};

use infra_monitor::block::Block;
use infra_monitor::capture::file::CaptureFile;
use infra_monitor::wire::packet::Link;

use crate::replay::captures;

use super::watched::Packet;

/// Of each capture.
const MAX_PACKETS: usize = 200;

/// The seeds, and the first packets of each public capture, where those are.
pub(super) fn corpus() -> Vec<Packet> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/dissect");
    let seeds = files(&seeds).into_iter().map(|path| seed(&fs::read(path).unwrap()));
    let captures = captures().map(|folder| files(&folder)).unwrap_or_default();
    seeds.chain(captures.iter().flat_map(|path| packets(path))).collect()
}

/// In order, so that each run is the same.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// As the fuzzer reads it: what the kernel would say stands in the first byte.
fn seed(seed: &[u8]) -> Packet {
    let (flags, bytes) = seed.split_first().unwrap();
    let link = [Link::Ethernet, Link::Raw, Link::Sll, Link::Sll2][usize::from(flags & 3)];
    Packet { link, bytes: bytes.to_vec(), n_cut: u32::from(flags >> 4) }
}

fn packets(path: &Path) -> Vec<Packet> {
    let Ok(mut file) = CaptureFile::open(path) else { return vec![] }; // a table or a text
    let mut packets = vec![];
    while let Some(block) = file.next_block().ok().flatten().filter(|_| packets.len() < MAX_PACKETS)
    {
        keep(&block, &mut packets);
    }
    packets
}

fn keep(block: &Block, packets: &mut Vec<Packet>) {
    block.for_each(|frame| {
        let n_cut = frame.wire_len.saturating_sub(u32::try_from(frame.bytes.len()).unwrap());
        let bytes = frame.bytes[..frame.bytes.len().min(1514)].to_vec();
        packets.extend(frame.link.map(|link| Packet { link, bytes, n_cut }));
    });
}

/// The `n`th change: some bytes replaced, now and then the end cut off.
pub(super) fn mutated(corpus: &[Packet], n: u64) -> Packet {
    let mut random = Random(n);
    let mut packet = corpus[random.below(corpus.len())].clone();
    for _ in 0..random.below(6) {
        if packet.bytes.is_empty() {
            break;
        }
        // Headers are where the meaning is.
        let at = random.below(packet.bytes.len().min(80));
        packet.bytes[at] = random.next().to_le_bytes()[0];
    }
    if random.below(4) == 0 {
        packet.bytes.truncate(random.below(packet.bytes.len() + 1));
    }
    packet
}

/// splitmix64: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}
