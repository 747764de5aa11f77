//! A `TPACKET_V3` block with any offsets in it: the walk ends, and stays inside the block.

use infra_monitor::block::ring_frames;

pub(crate) fn run(bytes: &[u8]) {
    let mut n_bytes = 0;
    for frame in ring_frames(bytes) {
        n_bytes += 68; // no frame shares its header with another
        assert!(n_bytes <= bytes.len(), "the walk shows the same bytes again");
        let lies_inside = bytes.as_ptr_range().start <= frame.bytes.as_ptr_range().start
            && frame.bytes.as_ptr_range().end <= bytes.as_ptr_range().end;
        assert!(lies_inside);
    }
}
