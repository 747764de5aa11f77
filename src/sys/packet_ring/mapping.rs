//! The memory a ring shares with the kernel, and the leases on its blocks.

use std::ffi::c_void;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, Thread};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::private_area::AREA_LEN;

// Offsets in `struct tpacket_block_desc` (linux/if_packet.h), and the least a block may be.
pub(super) const BLOCK_STATUS: usize = 8;
pub(super) const BLOCK_NUM_PKTS: usize = 12;
pub(super) const BLOCK_SEQ_NUM: usize = 24;
pub(super) const BLOCK_HEADER: usize = 48;
/// With the private area behind it.
const BLOCK_START: usize = BLOCK_HEADER + AREA_LEN as usize;

/// One block, on loan from the kernel until dropped.
#[derive(Debug)]
pub struct RingBlock {
    mapping: Arc<Mapping>,
    // Invariant: below `mapping.n_blocks()`, and `mapping.leased[index]` is true because of us.
    index: u32,
    follows_loss: bool,
    /// The thread that took the lease, to be woken when it ends.
    owner: Thread,
}

/// The mapped ring. Shared by the ring and the leases on it, and unmapped after the last of them.
#[derive(Debug)]
pub(super) struct Mapping {
    // Invariant: `n_blocks() * block_size` readable and writable bytes, page aligned, mapped until
    // drop. `block_size` is at least BLOCK_START, and a multiple of four.
    start: NonNull<u8>,
    block_size: usize,
    /// One for each block, true while there is a lease on it. The status word alone cannot tell,
    /// since it says "user" from the moment the kernel fills a block until the lease returns it.
    leased: Box<[AtomicBool]>,
    /// Frames in all blocks that went back to the kernel, in the ring's whole life.
    pub(super) n_judged: AtomicU64,
}

// SAFETY: no field depends on the thread that made it; `start` is plain memory, and any thread may
// unmap it. Who may touch a block when is decided by `leased` and the status word, both atomic.
unsafe impl Send for Mapping {}
// SAFETY: through a shared reference only atomics are written; a block's other bytes are read
// only by `RingBlock::bytes`, while a lease keeps the kernel from writing them.
unsafe impl Sync for Mapping {}

impl RingBlock {
    /// Take the lease on a block that is ready.
    pub(super) fn lease(mapping: &Arc<Mapping>, index: u32, after_loss: bool) -> Self {
        mapping.leased(index).store(true, Ordering::Release);
        let status = mapping.status(index).load(Ordering::Acquire);
        let follows_loss = after_loss || status & libc::TP_STATUS_LOSING != 0;
        Self { mapping: Arc::clone(mapping), index, follows_loss, owner: thread::current() }
    }

    /// The block as the kernel laid it out, header first.
    pub fn bytes(&self) -> &[u8] {
        let start = self.mapping.block(self.index);
        // SAFETY: the block lies inside the mapping, which this lease keeps alive. It was ready when
        // it was leased, so the kernel does not write to it before `drop` stores TP_STATUS_KERNEL;
        // `leased` admits one lease at a time, so nobody else can have stored that.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), self.mapping.block_size) }
    }

    /// Frames in the block, as the kernel says.
    pub fn n_frames(&self) -> u32 {
        let n_frames = self.bytes().get(BLOCK_NUM_PKTS..).and_then(|rest| rest.first_chunk());
        n_frames.copied().map_or(0, u32::from_ne_bytes)
    }

    /// True if the kernel may have lost frames just before this block.
    pub fn follows_loss(&self) -> bool {
        self.follows_loss
    }
}

impl Drop for RingBlock {
    fn drop(&mut self) {
        self.mapping.give_back(self.index);
        self.mapping.leased(self.index).store(false, Ordering::Release);
        self.owner.unpark();
    }
}

impl Mapping {
    /// Map the ring that was allocated on `socket` with just these numbers.
    pub(super) fn new(socket: &impl AsFd, block_size: u32, n_blocks: u32) -> io::Result<Self> {
        let block_size = usize::try_from(block_size).map_err(io::Error::other)?;
        let n_blocks = usize::try_from(n_blocks).map_err(io::Error::other)?;
        let len = block_size.checked_mul(n_blocks).and_then(NonZeroUsize::new);
        let len = len.filter(|_| block_size >= BLOCK_START && block_size.is_multiple_of(4));
        let len = len.ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: without an address the kernel places the mapping where nothing else is mapped. It
        // refuses any length but that of the ring (`packet_mmap`), so all `len` bytes are backed.
        let start = unsafe { mmap(None, len, access, MapFlags::MAP_SHARED, socket, 0) }?;
        let leased = (0..n_blocks).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { start: start.cast(), block_size, leased, n_judged: AtomicU64::new(0) })
    }

    /// Bytes in the ring.
    pub(super) fn len(&self) -> usize {
        self.block_size * self.leased.len()
    }

    pub(super) fn n_blocks(&self) -> u32 {
        u32::try_from(self.leased.len()).unwrap_or(u32::MAX)
    }

    /// Filled by the kernel, and not on loan.
    pub(super) fn is_ready(&self, index: u32) -> bool {
        !self.is_leased(index)
            && self.status(index).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    pub(super) fn is_leased(&self, index: u32) -> bool {
        self.leased(index).load(Ordering::Acquire)
    }

    #[expect(clippy::indexing_slicing, reason = "must stop an index that is out of range")]
    fn leased(&self, index: u32) -> &AtomicBool {
        &self.leased[index as usize]
    }

    fn block(&self, index: u32) -> NonNull<u8> {
        assert!(index < self.n_blocks(), "block {index} of {}", self.n_blocks());
        // SAFETY: index < n_blocks, just asserted, so the offset stays inside the mapping, whose
        // length `new` computed without overflow.
        unsafe { self.start.add(index as usize * self.block_size) }
    }

    pub(super) fn status(&self, index: u32) -> &AtomicU32 {
        self.word(index, BLOCK_STATUS)
    }

    /// A word of the header, or of the private area behind it, by its offset in bytes.
    pub(super) fn word(&self, index: u32, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset < BLOCK_START, "word at {offset}");
        // SAFETY: a block is at least BLOCK_START bytes, and inside; `offset` is below that, and so
        // is the end of the word, because both are multiples of four.
        let word = unsafe { self.block(index).add(offset) };
        // SAFETY: mapped for as long as `self` lives, and aligned: the mapping begins with a page,
        // and blocks and offsets are multiples of four. The kernel too reads and writes it whole.
        unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` mapped just this range, and nothing points into it any more: the ring and
        // every lease own an `Arc` of the mapping, and lend bytes only for as long as they live.
        let unmapped = unsafe { munmap(self.start.cast::<c_void>(), self.len()) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}
