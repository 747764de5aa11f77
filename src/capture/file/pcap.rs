//! Records of a pcap file: micro- or nanoseconds, either byte order, and the "modified" format.

use pcap_parser::{
    PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use crate::block::FileFrame;
use crate::wire::packet::Link;

use super::{MAX_FRAME, Record, Stop, link};

/// What the file header says about every record.
#[derive(Debug)]
pub(super) struct Records {
    layout: Layout,
    link: Option<Link>,
    /// Length of one unit of a record's fraction of a second.
    fraction_ns: u64,
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    LittleEndian,
    BigEndian,
    /// With eight bytes more in each record header (Alexey Kuznetsov's patch to libpcap).
    Modified,
}

impl Records {
    /// The layout of `file`, if it is pcap, and where its first record starts.
    pub(super) fn of(file: &[u8]) -> Option<(Self, usize)> {
        let (_, header) = parse_pcap_header(file).ok()?;
        let records = Self {
            layout: Layout::of(&header),
            link: link(header.network.0),
            fraction_ns: if header.is_nanosecond_precision() { 1 } else { 1_000 },
        };
        Some((records, header.size()))
    }

    pub(super) fn at(&self, file: &[u8], position: usize) -> Result<(Record, usize), Stop> {
        let bytes = file.get(position..).unwrap_or_default();
        let (parsed, header_len) = match self.layout {
            Layout::LittleEndian => (parse_pcap_frame(bytes), 16),
            Layout::BigEndian => (parse_pcap_frame_be(bytes), 16),
            Layout::Modified => (parse_pcap_frame_modified(bytes), 24),
        };
        // The parser asks for more bytes or succeeds; whether a length can be one, it leaves to us.
        let Ok((rest, record)) = parsed else {
            return Err(self.shortfall(bytes));
        };
        if record.caplen > MAX_FRAME {
            return Err(Stop::Corrupt(TOO_LONG));
        }
        let frame = FileFrame {
            offset: position + header_len,
            len: record.caplen,
            wire_len: record.origlen,
            at_ns: u64::from(record.ts_sec) * 1_000_000_000
                + u64::from(record.ts_usec) * self.fraction_ns,
            link: self.link,
        };
        Ok((Record::Frame(frame), file.len() - rest.len()))
    }

    /// Why a record is not complete: the file ends, or its length is nonsense.
    fn shortfall(&self, bytes: &[u8]) -> Stop {
        let Some(len) = bytes.get(8..).and_then(<[u8]>::first_chunk) else {
            return Stop::Truncated;
        };
        let len = match self.layout {
            Layout::LittleEndian | Layout::Modified => u32::from_le_bytes(*len),
            Layout::BigEndian => u32::from_be_bytes(*len),
        };
        if len > MAX_FRAME { Stop::Corrupt(TOO_LONG) } else { Stop::Truncated }
    }
}

const TOO_LONG: &str = "it states a frame of more than 256 KiB";

impl Layout {
    fn of(header: &PcapHeader) -> Self {
        if header.is_modified_format() {
            Self::Modified
        } else if header.is_bigendian() {
            Self::BigEndian
        } else {
            Self::LittleEndian
        }
    }
}
