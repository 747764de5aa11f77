//! Shares of an interface: a filter for each ring, by which every frame is one ring's and no other's.
//!
//! The filter hashes the two IP addresses, symmetrically and without ports, so that both directions
//! of a conversation, all its connections and all fragments meet in one ring. What has no IP
//! addresses where it looks is the first ring's. What is in a tunnel goes with the tunnel.
//!
//! Not `PACKET_FANOUT`: a socket in a fanout group can be bound neither anew nor to nothing
//! (`packet_do_bind`: EINVAL), so it is lost with its interface until somebody with `CAP_NET_RAW`
//! opens another, and its count could never be made final.

use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{
    BPF_ABS, BPF_ALU, BPF_B, BPF_H, BPF_IMM, BPF_IND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K,
    BPF_LD, BPF_LDX, BPF_LEN, BPF_MEM, BPF_MUL, BPF_RET, BPF_RSH, BPF_ST, BPF_SUB, BPF_W, BPF_X,
    BPF_XOR, sock_filter, sock_fprog,
};
use nix::sys::socket::setsockopt;

use super::super::packet_socket::LockFilter;

/// What part of an interface's frames a ring is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Counted from 0; below `of`.
    pub ring: u8,
    /// Rings that share the interface.
    pub of: u8,
}

impl Share {
    /// Every frame.
    pub const ALL: Self = Self { ring: 0, of: 1 };

    /// Let nothing but this share into the socket, for as long as it lives. Needs no permission.
    pub(super) fn attach(self, socket: &OwnedFd) -> io::Result<()> {
        if self.of <= 1 {
            return Ok(());
        }
        let mut filter = self.filter();
        let program = sock_fprog {
            len: u16::try_from(filter.len()).map_err(io::Error::other)?,
            filter: filter.as_mut_ptr(),
        };
        let len = libc::socklen_t::try_from(size_of::<sock_fprog>()).map_err(io::Error::other)?;
        // SAFETY: SO_ATTACH_FILTER reads `len` bytes, the size of `program`, and through its pointer
        // `program.len` instructions, the length of `filter`; both live until it returns, and the
        // kernel keeps a copy (`__get_filter`).
        let attached = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                len,
            )
        };
        if attached != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(setsockopt(socket, LockFilter, &c_int::from(true))?)
    }

    /// The program, with jumps relative to the next instruction, as the kernel wants them.
    fn filter(self) -> Vec<sock_filter> {
        let instruction = |(line, row): (usize, &Row)| {
            let over = |target: u8| target.saturating_sub(u8::try_from(line + 1).unwrap_or(target));
            let k = match row.k {
                K::Is(k) => k,
                K::Ring => u32::from(self.ring),
                K::Rings => u32::from(self.of),
            };
            match row.next {
                Next::Line => sock_filter { code: row.code, jt: 0, jf: 0, k },
                Next::Go(line) => {
                    sock_filter { code: row.code, jt: 0, jf: 0, k: over(line).into() }
                }
                Next::If(yes, no) => sock_filter { code: row.code, jt: over(yes), jf: over(no), k },
            }
        };
        PROGRAM.iter().enumerate().map(instruction).collect()
    }
}

/// One instruction. See the kernel's `Documentation/networking/filter.rst` for the machine: an
/// accumulator A, an index X and a scratch memory M. A load from behind the end of a frame would end
/// the program and refuse the frame to every ring, so the length is asked before each.
struct Row {
    code: u16,
    k: K,
    next: Next,
}

/// The operand.
enum K {
    Is(u32),
    /// This ring.
    Ring,
    /// All of them.
    Rings,
}

/// Where it goes on, by lines of the program.
enum Next {
    Line,
    Go(u8),
    If(u8, u8),
}

const fn run(code: u32, k: u32) -> Row {
    Row { code: short(code), k: K::Is(k), next: Next::Line }
}

const fn with(code: u32, k: K) -> Row {
    Row { code: short(code), k, next: Next::Line }
}

const fn go(line: u8) -> Row {
    Row { code: short(BPF_JMP | BPF_JA), k: K::Is(0), next: Next::Go(line) }
}

const fn when(test: u32, k: K, yes: u8, no: u8) -> Row {
    Row { code: short(BPF_JMP | BPF_K | test), k, next: Next::If(yes, no) }
}

/// Operation codes have eight bits.
const fn short(code: u32) -> u16 {
    (code & 0xff) as u16
}

const LOAD: u32 = BPF_LD | BPF_W;
const LOAD_HALF: u32 = BPF_LD | BPF_H | BPF_ABS;
const LOAD_BYTE: u32 = BPF_LD | BPF_B | BPF_ABS;
const LENGTH: u32 = LOAD | BPF_LEN;
const INDEX: u32 = BPF_LDX | BPF_W | BPF_IMM;
const LOAD_FROM_X: u32 = LOAD | BPF_IND;
const XOR: u32 = BPF_ALU | BPF_XOR | BPF_X;
const RECALL: u32 = BPF_LDX | BPF_W | BPF_MEM;

/// `SKF_AD_OFF + SKF_AD_HATYPE`: the kernel answers with the `ARPHRD_` type of the frame's device.
const HARDWARE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_HATYPE).cast_unsigned();
const ETHER: K = K::Is(1);
const LOOPBACK: K = K::Is(772);
const IPV4: K = K::Is(0x0800);
const IPV6: K = K::Is(0x86dd);
/// 2³² divided by the golden ratio: the upper bits of a product with it depend on all of a factor.
const GOLDEN: u32 = 0x9e37_79b1;

// Lines that are jumped to.
const ETHERNET: u8 = 9;
const TAGGED: u8 = 18;
const TWICE: u8 = 24;
const V6: u8 = 28;
const V4: u8 = 61;
const MIX: u8 = 69;
const REST: u8 = 74;
const PICK: u8 = 75;
const ACCEPT: u8 = 76;
const REFUSE: u8 = 77;

/// One line each, with its number. `NAME:` begins what is jumped to.
const PROGRAM: &[Row] = &[
    run(LOAD | BPF_ABS, HARDWARE), // 0. What does a frame of this device begin with?
    when(BPF_JEQ, ETHER, ETHERNET, 2), // 1. With an Ethernet header.
    when(BPF_JEQ, LOOPBACK, ETHERNET, 3), // 2. With one of zeroes.
    run(LENGTH, 0),                // 3. With none, or with one that nobody here knows.
    when(BPF_JGE, K::Is(20), 5, REST), // 4. Less than an IPv4 header: no addresses.
    run(LOAD_BYTE, 0),             // 5. The version, if it is IP,
    run(BPF_ALU | BPF_RSH | BPF_K, 4), // 6. stands in the upper four bits.
    when(BPF_JEQ, K::Is(4), V4, 8), // 7. X is 0: the packet begins at once.
    when(BPF_JEQ, K::Is(6), V6, REST), // 8. Likewise.
    run(LENGTH, 0),                // 9. ETHERNET: is there room behind it?
    when(BPF_JGE, K::Is(34), 11, REST), // 10. Less than an IPv4 header behind it: no addresses.
    run(INDEX, 14),                // 11. X: where the packet begins.
    run(LOAD_HALF, 12), // 12. The EtherType. The kernel has taken one tag out of what it received.
    when(BPF_JEQ, IPV4, V4, 14), // 13. IPv4 without a tag.
    when(BPF_JEQ, IPV6, V6, 15), // 14. IPv6 without a tag.
    when(BPF_JEQ, K::Is(0x8100), TAGGED, 16), // 15. A tag (IEEE 802.1Q).
    when(BPF_JEQ, K::Is(0x88a8), TAGGED, 17), // 16. A service tag (IEEE 802.1ad).
    when(BPF_JEQ, K::Is(0x9100), TAGGED, REST), // 17. A service tag from before there was a number for it.
    run(INDEX, 18),                             // 18. TAGGED: the packet begins four bytes later.
    run(LOAD_HALF, 16),                         // 19. The EtherType behind the tag.
    when(BPF_JEQ, IPV4, V4, 21),                // 20. IPv4 behind one tag.
    when(BPF_JEQ, IPV6, V6, 22),                // 21. IPv6 behind one tag.
    when(BPF_JEQ, K::Is(0x8100), TWICE, 23),    // 22. A second tag.
    when(BPF_JEQ, K::Is(0x88a8), TWICE, REST),  // 23. Or this.
    run(INDEX, 22),                             // 24. TWICE: four more bytes later.
    run(LOAD_HALF, 20), // 25. The EtherType behind both; a fourth tag is not looked behind.
    when(BPF_JEQ, IPV4, V4, 27), // 26. IPv4 behind two tags.
    when(BPF_JEQ, IPV6, V6, REST), // 27. IPv6 behind two tags.
    run(LENGTH, 0),     // 28. V6: how much is left?
    run(BPF_ALU | BPF_SUB | BPF_X, 0), // 29. What is left from X on; X is never behind the end.
    when(BPF_JGE, K::Is(40), 31, REST), // 30. Less than an IPv6 header.
    run(LOAD_FROM_X, 8), // 31. Addresses (RFC 8200, section 3): source, first word.
    run(BPF_ST, 0),     // 32. Kept, because X is needed to find the next.
    run(LOAD_FROM_X, 12), // 33. source, second.
    run(BPF_ST, 1),     // 34. Kept.
    run(LOAD_FROM_X, 16), // 35. source, third.
    run(BPF_ST, 2),     // 36. Kept.
    run(LOAD_FROM_X, 20), // 37. source, fourth.
    run(BPF_ST, 3),     // 38. Kept.
    run(LOAD_FROM_X, 24), // 39. destination, first.
    run(BPF_ST, 4),     // 40. Kept.
    run(LOAD_FROM_X, 28), // 41. destination, second.
    run(BPF_ST, 5),     // 42. Kept.
    run(LOAD_FROM_X, 32), // 43. destination, third.
    run(BPF_ST, 6),     // 44. Kept.
    run(LOAD_FROM_X, 36), // 45. The last of the destination.
    run(RECALL, 0),     // 46. X is free now: the first word,
    run(XOR, 0),        // 47. combined so that who sends does not matter.
    run(RECALL, 1),     // 48. source, second,
    run(XOR, 0),        // 49. combined.
    run(RECALL, 2),     // 50. source, third,
    run(XOR, 0),        // 51. combined.
    run(RECALL, 3),     // 52. source, fourth,
    run(XOR, 0),        // 53. combined.
    run(RECALL, 4),     // 54. destination, first,
    run(XOR, 0),        // 55. combined.
    run(RECALL, 5),     // 56. destination, second,
    run(XOR, 0),        // 57. combined.
    run(RECALL, 6),     // 58. destination, third,
    run(XOR, 0),        // 59. combined.
    go(MIX),            // 60. On to the common part.
    run(LENGTH, 0),     // 61. V4: how much is left?
    run(BPF_ALU | BPF_SUB | BPF_X, 0), // 62. As above.
    when(BPF_JGE, K::Is(20), 64, REST), // 63. Less than an IPv4 header.
    run(LOAD_FROM_X, 12), // 64. Source (RFC 791, section 3.1).
    run(BPF_ST, 0),     // 65. Kept, because X is in use.
    run(LOAD_FROM_X, 16), // 66. Destination.
    run(RECALL, 0),     // 67. Fetched: X is free now.
    run(XOR, 0),        // 68. Who sends does not matter.
    run(BPF_ALU | BPF_MUL | BPF_K, GOLDEN), // 69. MIX: the upper half depends on all bits below.
    run(BPF_ALU | BPF_RSH | BPF_K, 16), // 70. A fraction of 65,536
    with(BPF_ALU | BPF_MUL | BPF_K, K::Rings), // 71. of the number of rings,
    run(BPF_ALU | BPF_RSH | BPF_K, 16), // 72. rounded down: a ring.
    go(PICK),           // 73. On to the verdict.
    run(BPF_LD | BPF_W | BPF_IMM, 0), // 74. REST: what has no addresses is for the first ring.
    when(BPF_JEQ, K::Ring, ACCEPT, REFUSE), // 75. PICK: is it ours?
    run(BPF_RET | BPF_K, u32::MAX), // 76. ACCEPT: the whole frame.
    run(BPF_RET | BPF_K, 0), // 77. REFUSE: it. Another ring accepts it.
];

#[cfg(test)]
mod tests;
