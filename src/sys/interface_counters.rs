//! What an interface counted, from `rtnetlink(7)`, and what processors dropped, from `/proc`.
//!
//! Everything is opened once and read again and again: the socket answers for an interface that
//! was deleted and made anew under its name, which a file of sysfs does not, and needs no file to
//! be opened. The kernel takes a lock to answer that others may hold for seconds, so whoever asks
//! must be able to wait: not the thread that empties a ring.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};

/// An interface, and what it counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// Changes when an interface is deleted and made again under the same name.
    pub index: u32,
    pub mtu: u32,
    pub is_loopback: bool,
    /// `None` if the answer held none.
    pub rx: Option<RxCounters>,
}

/// Frames that an interface did not hand on, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxCounters {
    pub dropped: u64,
    pub crc: u64,
    pub frame: u64,
    pub fifo: u64,
    pub missed: u64,
    pub nohandler: u64,
}

/// What all processors counted since the machine was started (`/proc/net/softnet_stat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoftnetCounters {
    pub dropped: u64,
    pub squeezed: u64,
}

/// Asks for counters. One for the whole process is enough.
#[derive(Debug)]
pub struct CounterReader {
    socket: OwnedFd,
    sequence: u32,
    answer: Box<[u8]>,
    /// `None` where `/proc` is hidden.
    softnet: Option<File>,
}

// linux/netlink.h, linux/rtnetlink.h, linux/if_link.h.
const HEADER_LEN: usize = 16;
const INTERFACE_LEN: usize = 16;
const REQUEST: u16 = 1;
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const ERROR: u16 = 2;
const NAME: u16 = 3;
const MTU: u16 = 4;
const STATS64: u16 = 23;
/// Bits of an attribute's type that are flags.
const TYPE_MASK: u16 = 0x3fff;
/// An answer has two to four kilobytes; one that is longer is cut off.
const ANSWER_LEN: usize = 32 << 10;
/// Read at once of the table for all processors, which the kernel hands out by the page.
const PART_LEN: usize = 4096;
/// Fifteen columns of eight digits for each processor: room for more than a kernel can have, which
/// is 8192.
const SOFTNET_LEN: usize = 2 << 20;

impl CounterReader {
    /// Needs no permission.
    pub fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let route = SockProtocol::NetlinkRoute;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, route)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        // Not /proc/net, which a service with ProcSubset=pid does not see.
        let softnet = File::open("/proc/self/net/softnet_stat").ok();
        Ok(Self { socket, sequence: 0, answer: vec![0; ANSWER_LEN].into(), softnet })
    }

    /// The interface of this name; `None` if there is none.
    pub fn interface(&mut self, name: &str) -> io::Result<Option<InterfaceCounters>> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = request(self.sequence, name);
        send(self.socket.as_raw_fd(), &request, MsgFlags::empty())?;
        loop {
            // The answer is there when the request was taken (netlink(7)).
            let len = match recv(self.socket.as_raw_fd(), &mut self.answer, MsgFlags::empty()) {
                Ok(len) => len,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let message = self.answer.get(..len).unwrap_or_default();
            if u32_at(message, 8) == Some(self.sequence) {
                return interface(message);
            }
        }
    }

    /// `None` where they cannot be read, or not to their end.
    pub fn softnet(&self) -> Option<SoftnetCounters> {
        let file = self.softnet.as_ref()?;
        let table = whole(|part, offset| file.read_at(part, offset)).ok()?;
        Some(softnet(std::str::from_utf8(&table).ok()?))
    }
}

/// `RTM_GETLINK` for one name.
fn request(sequence: u32, name: &str) -> Vec<u8> {
    let name_len = 4 + name.len() + 1;
    let len = HEADER_LEN + INTERFACE_LEN + name_len.next_multiple_of(4);
    let number = |len: usize| u16::try_from(len).unwrap_or(u16::MAX);
    let mut request = u32::from(number(len)).to_ne_bytes().to_vec();
    request.extend([GET_LINK, REQUEST].map(u16::to_ne_bytes).concat());
    request.extend([sequence, 0].map(u32::to_ne_bytes).concat());
    request.extend([0; INTERFACE_LEN]);
    request.extend([number(name_len), NAME].map(u16::to_ne_bytes).concat());
    request.extend(name.as_bytes());
    request.resize(len, 0);
    request
}

fn interface(message: &[u8]) -> io::Result<Option<InterfaceCounters>> {
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "rtnetlink answered otherwise");
    match u16_at(message, 4).ok_or_else(unreadable)? {
        NEW_LINK => link(message).map(Some).ok_or_else(unreadable),
        ERROR => {
            let error = u32_at(message, HEADER_LEN).ok_or_else(unreadable)?;
            let error = Errno::from_raw(error.cast_signed().wrapping_neg());
            // A name that no interface can have is out of range.
            if [Errno::ENODEV, Errno::ENXIO, Errno::ERANGE].contains(&error) {
                return Ok(None);
            }
            Err(error.into())
        }
        _ => Err(unreadable()),
    }
}

/// `struct ifinfomsg` and its attributes.
fn link(message: &[u8]) -> Option<InterfaceCounters> {
    let flags = u32_at(message, HEADER_LEN + 8)?;
    let mut found = InterfaceCounters {
        index: u32_at(message, HEADER_LEN + 4)?,
        is_loopback: flags & libc::IFF_LOOPBACK.unsigned_abs() != 0,
        ..InterfaceCounters::default()
    };
    let mut rest = message.get(HEADER_LEN + INTERFACE_LEN..)?;
    while let Some(len) = u16_at(rest, 0).map(usize::from).filter(|len| *len >= 4) {
        let value = rest.get(4..len)?;
        match u16_at(rest, 2)? & TYPE_MASK {
            MTU => found.mtu = u32_at(value, 0)?,
            STATS64 => found.rx = Some(RxCounters::of(value)),
            _ => (),
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(found)
}

impl RxCounters {
    /// Those of a `struct rtnl_link_stats64`, which grows at its end: an older kernel has fewer.
    fn of(stats: &[u8]) -> Self {
        let nth = |nth: usize| {
            let bytes = stats.get(8 * nth..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
        };
        Self {
            dropped: nth(6),
            crc: nth(12),
            frame: nth(13),
            fifo: nth(14),
            missed: nth(15),
            nohandler: nth(23),
        }
    }
}

/// A file that gives part of itself at a time, to its end.
fn whole(read_at: impl Fn(&mut [u8], u64) -> io::Result<usize>) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    while whole.len() < SOFTNET_LEN {
        let had = whole.len();
        whole.resize(had + PART_LEN, 0);
        let part = whole.get_mut(had..).unwrap_or_default();
        let len = match read_at(part, u64::try_from(had).unwrap_or(u64::MAX)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                whole.truncate(had);
                continue;
            }
            len => len?,
        };
        whole.truncate(had + len.min(PART_LEN));
        if len == 0 {
            return Ok(whole);
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

/// A line for each processor: hexadecimal columns, of which the second and third are ours
/// (`softnet_seq_show` in `net/core/net-procfs.c`).
fn softnet(table: &str) -> SoftnetCounters {
    let mut sum = SoftnetCounters::default();
    for row in table.lines() {
        let mut columns = row.split_ascii_whitespace().skip(1);
        let mut next = || columns.next().and_then(|n| u64::from_str_radix(n, 16).ok()).unwrap_or(0);
        sum.dropped += next();
        sum.squeezed += next();
    }
    sum
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::super::interface::Interface;
    use super::*;

    #[test]
    fn loopback_tells_what_it_is_and_a_made_up_name_nothing() {
        let mut reader = CounterReader::open().unwrap();
        for _ in 0..3 {
            let lo = reader.interface("lo").unwrap().unwrap();
            assert_eq!(lo.index, Interface::find("lo").unwrap().unwrap().index());
            assert!(lo.is_loopback && lo.mtu >= 1280 && lo.rx.is_some(), "{lo:?}");
            assert_eq!(reader.interface("no-such-if").unwrap(), None);
            assert_eq!(
                reader.interface("a name longer than any interface may have").unwrap(),
                None
            );
        }
    }

    #[test]
    fn softnet_is_summed_over_processors_and_read_again_from_its_start() {
        let table = "0000000a 00000002 0000001f 00000000\n00000001 00000001 00000001\n";
        assert_eq!(softnet(table), SoftnetCounters { dropped: 3, squeezed: 32 });
        assert_eq!(softnet("nonsense\n\nx y z"), SoftnetCounters::default());
        let reader = CounterReader::open().unwrap();
        let (first, second) = (reader.softnet().unwrap(), reader.softnet().unwrap());
        assert!(second.squeezed >= first.squeezed && second.dropped >= first.dropped);
    }

    #[test]
    fn softnet_of_many_processors_is_read_to_its_end_though_it_comes_by_the_page() {
        let row = "0000000a 00000002 00000003 00000000 00000000 00000000 00000000 00000000 \
                   00000000 00000000 00000000 00000000 00000000 00000000 00000000\n";
        for n_processors in [1, 30, 31, 32, 500, 4096] {
            let table = row.repeat(n_processors);
            // Rows that fit into a page are handed out; sometimes a signal comes in between.
            let n_reads = std::cell::Cell::new(0);
            let read_at = |part: &mut [u8], offset: u64| {
                n_reads.set(n_reads.get() + 1);
                if n_reads.get() % 3 == 2 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let rest = &table.as_bytes()[usize::try_from(offset).unwrap()..];
                let len = rest.len().min(part.len() / row.len() * row.len());
                part[..len].copy_from_slice(&rest[..len]);
                Ok(len)
            };
            let read = whole(read_at).unwrap();
            let n = u64::try_from(n_processors).unwrap();
            let counted = SoftnetCounters { dropped: 2 * n, squeezed: 3 * n };
            assert_eq!(softnet(std::str::from_utf8(&read).unwrap()), counted);
        }
        whole(|_, _| Err(io::ErrorKind::PermissionDenied.into())).unwrap_err();
        whole(|part, _| Ok(part.len())).unwrap_err(); // it has no end
    }

    #[test]
    fn an_answer_that_is_cut_or_spoiled_never_panics() {
        let mut reader = CounterReader::open().unwrap();
        reader.interface("lo").unwrap();
        let len = u32_at(&reader.answer, 0).unwrap() as usize;
        let answer = reader.answer[..len].to_vec();
        for end in 0..len {
            let _ = interface(&answer[..end]);
        }
        for at in 0..len {
            for flip in [1, 0x80, 0xff] {
                let mut spoiled = answer.clone();
                spoiled[at] ^= flip;
                let _ = interface(&spoiled);
            }
        }
    }
}
