//! What benches measure the rest by. Here, so that it is built for speed as well.

use crate::block::Block;
use crate::wire::checksum;

/// One pass over `bytes`, and nothing more.
#[inline(never)]
pub fn sum(bytes: &[u8]) -> u32 {
    checksum::sum(0, bytes)
}

/// Number of frames in `block`, and the sum of the first byte of each.
#[inline(never)]
pub fn touch(block: &Block) -> (u64, u64) {
    let (mut frames, mut sum) = (0, 0);
    block.for_each(|frame| {
        frames += 1;
        sum += u64::from(frame.bytes.first().copied().unwrap_or_default());
    });
    (frames, sum)
}
