//! Blocks of a pcapng file (draft-ietf-opsawg-pcapng): sections, interfaces, packets.
//!
//! Only the blocks that packets depend on are parsed; the others are stepped over by length.

use pcap_parser::{
    Block, EnhancedPacketBlock, InterfaceDescriptionBlock, PcapError, SectionHeaderBlock,
    SimplePacketBlock, nom, parse_block_be, parse_block_le,
};

use crate::block::FileFrame;
use crate::wire::packet::Link;

use super::{MAX_FRAME, Record, Stop, link};

/// The section being read.
#[derive(Debug)]
pub(super) struct Records {
    order: Order,
    /// By interface number. Numbers start again with each section.
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Option<Link>,
    /// 0: unlimited.
    snaplen: u32,
    clock: Clock,
}

/// How an interface counts time (`if_tsresol`, `if_tsoffset`).
#[derive(Clone, Copy, Debug)]
struct Clock {
    ticks_per_second: u64,
    offset_seconds: i64,
}

/// Block types that are parsed; a section header reads the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// Obsolete, but found in old files.
const PACKET: u32 = 2;
/// In a section header, after type and length.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

impl Records {
    /// A file of no section yet, if `file` is pcapng.
    pub(super) fn of(file: &[u8]) -> Option<Self> {
        let is_section = file.first_chunk() == Some(&SECTION.to_le_bytes());
        let order = is_section.then(|| section_order(file)).flatten()?;
        Some(Self { order, interfaces: Vec::new() })
    }

    pub(super) fn at(&mut self, file: &[u8], position: usize) -> Result<(Record, usize), Stop> {
        let bytes = file.get(position..).unwrap_or_default();
        let kind = word(bytes, 0, self.order).ok_or(Stop::Truncated)?;
        if kind == SECTION {
            self.order = section_order(bytes).ok_or(match bytes.len() {
                0..12 => Stop::Truncated,
                _ => Stop::Corrupt("a section of no known byte order"),
            })?;
        }
        let block = whole_block(bytes, self.order)?;
        let record = match kind {
            SECTION | INTERFACE | SIMPLE_PACKET | ENHANCED_PACKET => {
                let parsed = match self.order {
                    Order::Little => parse_block_le(block),
                    Order::Big => parse_block_be(block),
                };
                self.record(&parsed, position)?
            }
            PACKET => self.packet(block, position)?,
            _ => Record::Other,
        };
        Ok((record, position + block.len()))
    }

    fn record(&mut self, parsed: &Parsed<'_>, position: usize) -> Result<Record, Stop> {
        match parsed {
            Ok((_, Block::EnhancedPacket(packet))) => self.enhanced(packet, position),
            Ok((_, Block::SimplePacket(packet))) => self.simple(packet, position),
            Ok((_, Block::InterfaceDescription(interface))) => {
                if self.interfaces.len() == MAX_INTERFACES {
                    return Err(Stop::Corrupt("its section describes more than 65536 interfaces"));
                }
                self.interfaces.push(Interface::new(interface, self.order)?);
                Ok(Record::Other)
            }
            Ok((_, Block::SectionHeader(section))) => self.start_section(section),
            _ => Err(Stop::Corrupt(CONTRADICTION)),
        }
    }

    fn start_section(&mut self, section: &SectionHeaderBlock<'_>) -> Result<Record, Stop> {
        if section.major_version != 1 {
            return Err(Stop::Corrupt("a section of an unknown version"));
        }
        self.interfaces.clear();
        Ok(Record::Other)
    }

    fn enhanced(&self, packet: &EnhancedPacketBlock<'_>, position: usize) -> Result<Record, Stop> {
        let interface = self.interface(packet.if_id)?;
        frame(FileFrame {
            offset: position + PACKET_HEADER,
            len: packet.caplen,
            wire_len: packet.origlen,
            at_ns: interface.clock.ns(ticks(packet.ts_high, packet.ts_low)),
            link: interface.link,
        })
    }

    /// The enhanced packet block's predecessor: 16 bits of interface number, and no options.
    fn packet(&self, block: &[u8], position: usize) -> Result<Record, Stop> {
        let fields = [8, 12, 16, 20, 24].map(|at| word(block, at, self.order).unwrap_or_default());
        let [numbers, ts_high, ts_low, len, wire_len] = fields;
        let interface = self.interface(match self.order {
            Order::Little => numbers & 0xffff,
            Order::Big => numbers >> 16,
        })?;
        if usize::try_from(len).is_ok_and(|len| PACKET_HEADER + len + 4 > block.len()) {
            return Err(Stop::Corrupt(CONTRADICTION));
        }
        frame(FileFrame {
            offset: position + PACKET_HEADER,
            len,
            wire_len,
            at_ns: interface.clock.ns(ticks(ts_high, ts_low)),
            link: interface.link,
        })
    }

    /// It has no time stamp, belongs to the first interface, and its length is up to us.
    fn simple(&self, packet: &SimplePacketBlock<'_>, position: usize) -> Result<Record, Stop> {
        let interface = self.interface(0)?;
        let limit = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
        let stored = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
        frame(FileFrame {
            offset: position + 12,
            len: packet.origlen.min(limit).min(stored),
            wire_len: packet.origlen,
            at_ns: 0,
            link: interface.link,
        })
    }

    fn interface(&self, number: u32) -> Result<&Interface, Stop> {
        usize::try_from(number)
            .ok()
            .and_then(|number| self.interfaces.get(number))
            .ok_or(Stop::Corrupt("it names an interface that was not described"))
    }
}

/// Bytes of a packet block before the frame.
const PACKET_HEADER: usize = 28;
/// Larger blocks are not written by any tool (`MAX_BLOCKSIZE` of libpcap).
const MAX_BLOCK: u32 = 16 << 20;
/// Of one section: a file may be as long as a disk, and each of them is remembered.
const MAX_INTERFACES: usize = 1 << 16;
const CONTRADICTION: &str = "its lengths contradict each other";

type Parsed<'a> = nom::IResult<&'a [u8], Block<'a>, PcapError<&'a [u8]>>;

fn ticks(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn frame(frame: FileFrame) -> Result<Record, Stop> {
    if frame.len > MAX_FRAME {
        return Err(Stop::Corrupt("it states a frame of more than 256 KiB"));
    }
    Ok(Record::Frame(frame))
}

impl Interface {
    fn new(block: &InterfaceDescriptionBlock<'_>, order: Order) -> Result<Self, Stop> {
        let ticks_per_second = ticks_per_second(block.if_tsresol)
            .ok_or(Stop::Corrupt("its interface counts time too finely"))?;
        // The parser reads this option as little-endian in either section.
        let offset_seconds = match order {
            Order::Little => block.if_tsoffset,
            Order::Big => block.if_tsoffset.swap_bytes(),
        };
        Ok(Self {
            link: link(block.linktype.0),
            snaplen: block.snaplen,
            clock: Clock { ticks_per_second, offset_seconds },
        })
    }
}

impl Clock {
    /// Nanoseconds since the Unix epoch, held inside what 64 bits can say.
    fn ns(self, ticks: u64) -> u64 {
        let ns = match self.ticks_per_second {
            1_000_000 => ticks.saturating_mul(1_000),
            1_000_000_000 => ticks,
            rate => u64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(rate))
                .unwrap_or(u64::MAX),
        };
        let offset_ns = self.offset_seconds.unsigned_abs().saturating_mul(1_000_000_000);
        if self.offset_seconds < 0 {
            ns.saturating_sub(offset_ns)
        } else {
            ns.saturating_add(offset_ns)
        }
    }
}

/// `if_tsresol`: a power of ten, or of two if the highest bit is set.
fn ticks_per_second(resolution: u8) -> Option<u64> {
    let exponent = u32::from(resolution & 0x7f);
    match resolution & 0x80 {
        0 => 10_u64.checked_pow(exponent),
        _ => 2_u64.checked_pow(exponent),
    }
}

/// The block that `bytes` start with: type, length, body, length again.
fn whole_block(bytes: &[u8], order: Order) -> Result<&[u8], Stop> {
    let len = word(bytes, 4, order).ok_or(Stop::Truncated)?;
    if !(12..=MAX_BLOCK).contains(&len) || !len.is_multiple_of(4) {
        return Err(Stop::Corrupt("its block length is not that of a block"));
    }
    let block = usize::try_from(len).ok().and_then(|len| bytes.get(..len));
    let block = block.ok_or(Stop::Truncated)?;
    if word(block, block.len() - 4, order) == Some(len) {
        Ok(block)
    } else {
        Err(Stop::Corrupt("its two block lengths differ"))
    }
}

/// Byte order of the section that `bytes` start with.
fn section_order(bytes: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| word(bytes, 8, *order) == Some(BYTE_ORDER_MAGIC))
}

fn word(bytes: &[u8], at: usize, order: Order) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(match order {
        Order::Little => u32::from_le_bytes(*word),
        Order::Big => u32::from_be_bytes(*word),
    })
}
