//! An `AF_PACKET` socket with a `TPACKET_V3` receive ring.
//!
//! A block of the ring is handed out as a [`RingBlock`]: an owned lease that may travel to another
//! thread, lends the bytes without a copy, and returns the block to the kernel when dropped. The
//! kernel's own ring is therefore the only buffer, and the only place where a packet can be lost.

mod kept;
mod mapping;
mod private_area;
mod share;

pub use kept::{Backlog, KeptRing, Passed};
pub use mapping::RingBlock;
pub use share::Share;

use std::ffi::c_int;
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::SocketError;
use nix::sys::socket::{getsockopt, setsockopt};
use nix::sys::sysinfo::sysinfo;

use self::mapping::Mapping;
use self::private_area::{AREA_LEN, Description};
use super::interface::Interface;
use super::packet_socket::{
    self, AddMembership, DropMembership, IgnoreOutgoing, PacketSocket, Protocol, RxRing,
    Statistics, Version,
};

/// Only a formality in `TPACKET_V3`, where frames are packed; the kernel wants it to divide a block.
const FRAME_LEN: u32 = 1 << 11;
/// Below this a ring cannot be filled and read at once.
const MIN_BLOCKS: u32 = 2;
/// One part in this many of the memory that is free is the most a ring may take.
const MEMORY_SHARE: u64 = 4;
const TPACKET_V3: c_int = libc::tpacket_versions::TPACKET_V3 as c_int;
/// How often to ask for a count between two frames before giving up.
const MAX_LOOKS: u32 = 10_000;

/// What to ask the kernel for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSpec {
    /// Bytes; a multiple of the page size.
    pub block_size: u32,
    pub blocks: u32,
    /// After this a block is handed over however full it is.
    pub block_timeout: Duration,
    /// Receive frames for other stations too.
    pub promiscuous: bool,
    pub share: Share,
    /// What the ring is for, in words of its owner, who may meet it again as a [`KeptRing`].
    pub purpose: [u8; 16],
}

/// What the kernel counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingCount {
    /// Frames the socket was offered, dropped ones included.
    pub packets: u64,
    /// Frames lost because every block was in use.
    pub drops: u64,
}

/// Receive ring of one interface at a time.
#[derive(Debug)]
pub struct PacketRing {
    socket: OwnedFd,
    mapping: Arc<Mapping>,
    /// Asked for by the operator, and the interface it is in force on.
    promiscuous: bool,
    promiscuous_on: Option<u32>,
    /// Blocks handed out so far. Modulo the number of blocks, the place of the next.
    n_taken: u64,
    /// Counted by the kernel and not yet asked for by [`PacketRing::count`].
    uncounted: RingCount,
    /// Frames counted as kept that were in no block yet; negative while the count is behind.
    n_owed: i64,
    /// Blocks, by `n_taken`, before which a loss may lie that they are not flagged with.
    after_loss: Option<RangeInclusive<u64>>,
}

impl PacketRing {
    /// Open a ring that receives nothing yet. Needs `CAP_NET_RAW`.
    pub fn open(spec: &RingSpec) -> io::Result<Self> {
        Self::on(&PacketSocket::open()?, spec)
    }

    /// Make a ring on a socket that has none. It receives nothing yet. Needs no permission.
    ///
    /// Where the machine has no memory for that many blocks it gets half as many, and again:
    /// compare [`PacketRing::n_blocks`] with what was asked for.
    pub fn on(socket: &PacketSocket, spec: &RingSpec) -> io::Result<Self> {
        let socket = socket.reserve()?;
        setsockopt(&socket, Version, &TPACKET_V3)?;
        let n_blocks = allocate(&socket, spec)?;
        let mapping = Mapping::new(&socket, spec.block_size, n_blocks)?;
        spec.share.attach(&socket)?; // before it is bound, so that nothing foreign comes in
        mapping.describe(&Description::new(spec, n_blocks)); // last: now it is what it says
        Ok(Self::new(socket, mapping, spec.promiscuous))
    }

    /// Read on where a process stopped that had this ring before. Needs no permission.
    ///
    /// Its first count holds what waits, whoever counted it before, so that the frames in all blocks
    /// to come and the drops add up to it.
    pub fn resume(kept: KeptRing, spec: &RingSpec) -> io::Result<(Self, Backlog)> {
        let KeptRing { socket, mapping, .. } = kept;
        let mut ring = Self::new(socket.reserve()?, mapping, spec.promiscuous);
        ring.promiscuous_on = ring.bound()?.filter(|_| spec.promiscuous);
        ring.n_taken = ring.mapping.first_unread().into();
        let judged = ring.mapping.n_judged_before();
        ring.mapping.n_judged.store(judged, Ordering::Relaxed);
        let frames = ring.count_backlog()?;
        let drops = ring.uncounted.drops;
        ring.n_owed = i64::try_from(frames).unwrap_or(i64::MAX);
        ring.uncounted.packets = frames + drops;
        Ok((ring, Backlog { judged, frames, drops }))
    }

    fn new(socket: OwnedFd, mapping: Mapping, promiscuous: bool) -> Self {
        Self {
            socket,
            mapping: Arc::new(mapping),
            promiscuous,
            promiscuous_on: None,
            n_taken: 0,
            uncounted: RingCount::default(),
            n_owed: 0,
            after_loss: None,
        }
    }

    /// Clear the kernel's counters, and say how many frames were in the ring when that was done. The
    /// kernel counts a frame under the lock under which it finds it a place (`tpacket_rcv`), and no
    /// block goes back meanwhile: as many before and after means as many then.
    fn count_backlog(&mut self) -> io::Result<u64> {
        let mut frames = self.mapping.n_frames();
        for _ in 0..MAX_LOOKS {
            self.read_statistics()?;
            let before = std::mem::replace(&mut frames, self.mapping.n_frames());
            if before == frames {
                return Ok(frames);
            }
        }
        Err(io::Error::other("the ring fills too fast to count what waits in it"))
    }

    /// The interface it receives from; `Some(0)`, which is no interface's index, if that is gone.
    pub fn bound(&self) -> io::Result<Option<u32>> {
        Ok(match packet_socket::bound_index(&self.socket)? {
            0 => None,
            index => Some(u32::try_from(index).unwrap_or(0)),
        })
    }

    /// Blocks the kernel granted.
    pub fn n_blocks(&self) -> u32 {
        self.mapping.n_blocks()
    }

    /// Receive from `interface` from now on, whatever came before. Needs no permission.
    ///
    /// Loopback shows each frame twice, leaving and arriving; the leaving one is ignored.
    pub fn rebind(&mut self, interface: Interface) -> io::Result<()> {
        self.take_error()?;
        setsockopt(&self.socket, IgnoreOutgoing, &c_int::from(interface.is_loopback()))?;
        // Before it is bound: a ring that is bound when its process dies needs no second membership.
        if self.promiscuous && self.promiscuous_on != Some(interface.index()) {
            self.leave_promiscuous();
            setsockopt(&self.socket, AddMembership, &promiscuous_mode(interface.index())?)?;
            self.promiscuous_on = Some(interface.index());
        }
        packet_socket::bind(&self.socket, interface.index(), Protocol::All)?;
        self.take_error()?; // one that is down already did not go down
        Ok(())
    }

    /// Receive nothing more. When this returns no frame is on its way into the ring, so the count
    /// is final; the blocks still to be had hold [`PacketRing::n_owed`] frames.
    pub fn detach(&mut self) -> io::Result<()> {
        // The change of protocol makes the kernel wait for frames in flight (`synchronize_net`).
        packet_socket::bind(&self.socket, 0, Protocol::Nothing)?;
        self.leave_promiscuous();
        self.read_statistics()
    }

    /// Wait for the next block and take a lease on it; `None` when there is none in time.
    /// [`io::ErrorKind::NetworkDown`] says once that the interface went down or away.
    ///
    /// `poll` reports a V3 ring readable as long as the block before the next one is not back with
    /// the kernel, so polling while that one is on loan would spin. We wait for its lease instead.
    pub fn next_block(&mut self, wait: Duration) -> io::Result<Option<RingBlock>> {
        let index = self.index_of(self.n_taken);
        let previous = self.index_of(self.n_taken + u64::from(self.n_blocks()) - 1);
        if !self.mapping.is_ready(index) {
            if self.mapping.is_leased(previous) {
                thread::park_timeout(wait);
            } else {
                self.wait_readable(wait)?;
            }
        }
        if !self.mapping.is_ready(index) {
            return Ok(None);
        }
        let after_loss = self.after_loss.as_ref().is_some_and(|n| n.contains(&self.n_taken));
        let block = RingBlock::lease(&self.mapping, index, after_loss);
        self.n_taken += 1;
        self.n_owed -= i64::from(block.n_frames());
        Ok(Some(block))
    }

    /// What the kernel counted since this was last asked.
    pub fn count(&mut self) -> io::Result<RingCount> {
        self.read_statistics()?;
        Ok(std::mem::take(&mut self.uncounted))
    }

    /// Frames the kernel kept, as of the last count, that no block handed out so far held.
    pub fn n_owed(&self) -> u64 {
        u64::try_from(self.n_owed).unwrap_or(0)
    }

    /// Reading clears the kernel's counters, and with them the mark that the next block to be closed
    /// would carry for a loss (`TP_STATUS_LOSING`). So we remember which block that is: the first
    /// that was not yet filled, and it may have been filled while we asked.
    fn read_statistics(&mut self) -> io::Result<()> {
        let first = self.n_taken + self.n_ready();
        let read = getsockopt(&self.socket, Statistics)?;
        self.uncounted.packets += u64::from(read.tp_packets);
        self.uncounted.drops += u64::from(read.tp_drops);
        self.n_owed += i64::from(read.tp_packets) - i64::from(read.tp_drops);
        if read.tp_drops > 0 {
            let pending = self.after_loss.take().filter(|blocks| *blocks.end() >= self.n_taken);
            let start = pending.map_or(first, |blocks| first.min(*blocks.start()));
            self.after_loss = Some(start..=self.n_taken + self.n_ready());
        }
        Ok(())
    }

    /// Blocks that could be taken without waiting. They are filled in order.
    fn n_ready(&self) -> u64 {
        let ready = |n: &u64| self.mapping.is_ready(self.index_of(self.n_taken + n));
        (0..u64::from(self.n_blocks())).take_while(ready).count() as u64
    }

    fn index_of(&self, n: u64) -> u32 {
        u32::try_from(n % u64::from(self.n_blocks())).unwrap_or(0)
    }

    fn wait_readable(&self, wait: Duration) -> io::Result<()> {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(Errno::EINTR) => (),
            Err(error) => return Err(error.into()),
        }
        let [fd] = fds;
        if fd.revents().is_some_and(|events| events.contains(PollFlags::POLLERR)) {
            let error = self.take_error()?;
            if error != 0 {
                return Err(io::Error::from_raw_os_error(error));
            }
        }
        Ok(())
    }

    /// Take the pending error off the socket; 0 if there is none.
    fn take_error(&self) -> io::Result<c_int> {
        Ok(getsockopt(&self.socket, SocketError)?)
    }

    /// The kernel has done so already where the interface is gone; then this fails, rightly.
    fn leave_promiscuous(&mut self) {
        if let Some(Ok(mode)) = self.promiscuous_on.take().map(promiscuous_mode) {
            setsockopt(&self.socket, DropMembership, &mode).ok();
        }
    }
}

/// Allocate the ring and say how many blocks it has.
fn allocate(socket: &OwnedFd, spec: &RingSpec) -> io::Result<u32> {
    let mut n_blocks = affordable(spec, available_memory()?).ok_or(Errno::ENOMEM)?;
    loop {
        let request = libc::tpacket_req3 {
            tp_block_size: spec.block_size,
            tp_block_nr: n_blocks,
            tp_frame_size: FRAME_LEN,
            tp_frame_nr: n_blocks.saturating_mul(spec.block_size / FRAME_LEN),
            tp_retire_blk_tov: u32::try_from(spec.block_timeout.as_millis()).unwrap_or(u32::MAX),
            tp_sizeof_priv: AREA_LEN,
            tp_feature_req_word: 0,
        };
        match setsockopt(socket, RxRing, &request) {
            Ok(()) => return Ok(n_blocks),
            Err(Errno::ENOMEM) if n_blocks / 2 >= MIN_BLOCKS => n_blocks /= 2,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Blocks to ask for, halved until they fit our share of `memory`, in bytes.
///
/// The kernel may not say no to a ring that is too large. It takes memory page by page and lets the
/// out-of-memory killer end other processes, because the ring's pages belong to none.
fn affordable(spec: &RingSpec, memory: u64) -> Option<u32> {
    let fits = |n: &u32| u64::from(*n) * u64::from(spec.block_size) <= memory / MEMORY_SHARE;
    let halves = std::iter::successors(Some(spec.blocks.max(MIN_BLOCKS)), |n| Some(n / 2));
    halves.take_while(|n| *n >= MIN_BLOCKS).find(fits)
}

/// Bytes that can be had without swapping; what is not used at all where `/proc` is hidden.
fn available_memory() -> io::Result<u64> {
    let table = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let row = table.lines().find_map(|row| row.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    match row.and_then(|kib| kib.trim().parse::<u64>().ok()) {
        Some(kib) => Ok(kib * 1024),
        None => Ok(sysinfo()?.ram_unused()),
    }
}

fn promiscuous_mode(index: u32) -> io::Result<libc::packet_mreq> {
    Ok(libc::packet_mreq {
        mr_ifindex: c_int::try_from(index).map_err(io::Error::other)?,
        mr_type: u16::try_from(libc::PACKET_MR_PROMISC).map_err(io::Error::other)?,
        mr_alen: 0,
        mr_address: [0; 8],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_memory_is_available_but_not_more_than_there_is() {
        let memory = available_memory().unwrap();
        assert!(memory > 1 << 20 && memory < sysinfo().unwrap().ram_total(), "{memory}");
    }

    #[test]
    fn a_ring_never_asks_for_more_than_its_share_of_the_memory() {
        let spec = |blocks, block_size| RingSpec {
            block_size,
            blocks,
            block_timeout: Duration::from_millis(20),
            promiscuous: false,
            share: Share::ALL,
            purpose: [0; 16],
        };
        assert_eq!(affordable(&spec(32, 1 << 20), 1 << 30), Some(32));
        assert_eq!(affordable(&spec(32, 1 << 20), 64 << 20), Some(16));
        assert_eq!(affordable(&spec(u32::MAX, 1 << 22), 16 << 30), Some(1023));
        assert_eq!(affordable(&spec(0, 1 << 20), 1 << 30), Some(2));
        assert_eq!(affordable(&spec(32, 1 << 30), 4 << 30), None);
    }
}
