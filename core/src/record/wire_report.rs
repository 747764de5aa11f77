//! The frames of one block, reduced to what the pipeline asks about.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use crate::wire::packet::Vlan;

use super::{
    ChecksumTally, Corruption, Detected, DetectionTally, Ineffective, Intact, Jump, Layer2Finding,
    Layer2Tally, Losses, MessageTallies, ModbusTally, Overheard, Repaired, SourceId, Spoken,
    Transaction, Trust, Unverifiable, Usage, UsageChange,
};

/// Sent once per block. Counts are of this block alone.
#[derive(Clone, Debug)]
pub struct WireReport {
    /// Interface or file they came from.
    pub source: SourceId,
    /// Time of the last frame, or of the change of state.
    pub at: SystemTime,
    pub frames: u64,
    /// Length on the wire, summed.
    pub bytes: u64,
    /// Frames with a structural error in some layer. They are judged as far as they go.
    pub malformed: u64,
    /// Frames whose link type is not known, so that nothing in them could be judged.
    pub unknown_link: u64,
    /// Frames inside others, by tunnel; judged like those outside.
    pub tunnelled: u64,
    pub fragments: FragmentTally,
    pub checksums: ChecksumTally,
    pub streams: StreamTally,
    pub modbus: ModbusTally,
    /// Of the other protocols.
    pub messages: MessageTallies,
    /// Of servers on ports that are no service's.
    pub detection: DetectionTally,
    /// Of frames that are not IP.
    pub layer2: Layer2Tally,
    /// Conversations forgotten because the flow table had no room left.
    pub flows_evicted: u64,
    /// Conversations forgotten because nothing was said for long.
    pub flows_expired: u64,
    /// What the kernel counted since the last report.
    pub ring: RingCount,
    /// What was lost before the ring, since the last report.
    pub losses: Losses,
    /// True if the kernel lost frames just before this block (`TP_STATUS_LOSING`).
    pub gap: Gap,
    pub interface: Option<InterfaceState>,
    /// By host that sent damaged packets lately; the table of them bounds it.
    pub intact: Vec<Intact>,
    /// Hosts and segments no longer looked at, because there was no room, while it was not known
    /// why their checksums are wrong or not finished.
    pub suspects_evicted: u64,
    /// In order; of each sort as many as it has room for.
    pub notes: Vec<Note>,
    /// How many of them are of which sort.
    pub noted: Noted,
    /// Notes beyond that, counted only.
    pub notes_dropped: u64,
    /// Reads of watched servers, at most [`WireReport::MAX_READS`], in order.
    pub reads: Vec<Overheard>,
    /// Reads beyond that.
    pub reads_dropped: u64,
    /// Reads of watched servers of which it is not proven what was answered to what: bytes were
    /// missed, checksums not verified, or identifiers not changed.
    pub reads_unproven: u64,
    /// Written values that were not held against what is read afterwards, for want of room.
    pub writes_untracked: u64,
    /// Written values that were confirmed, and of which it will never be known whether they took
    /// effect: nobody read them within a minute or before they were written again, or bytes were
    /// missed.
    pub writes_unjudged: u64,
    /// News of who asks what of whom, at most [`WireReport::MAX_USAGES`], in order.
    pub usages: Vec<Usage>,
    /// Changes in how stations are asked and answer, as many.
    pub usage_changes: Vec<UsageChange>,
    /// News and changes for which there was no room. They are told when they are met again.
    pub usages_deferred: u64,
    /// Usages and stations forgotten because their tables had no room left.
    pub usages_evicted: u64,
}

impl WireReport {
    /// A stranger decides how many findings a block holds; this bounds what they cost. It is the room
    /// of what was said. Damage has half of it besides, and so has what is told once: whoever sends
    /// much of the one cannot hide the other.
    pub const MAX_NOTES: usize = 64;
    /// Likewise; with the longest answers 100 KB. Twelve thousand a second, at 20 ms a block.
    pub const MAX_READS: usize = 256;

    /// Likewise: a stranger decides what is asked.
    pub const MAX_USAGES: usize = 64;

    /// An empty report.
    pub fn new(source: SourceId, at: SystemTime) -> Self {
        Self {
            source,
            at,
            frames: 0,
            bytes: 0,
            malformed: 0,
            unknown_link: 0,
            tunnelled: 0,
            fragments: FragmentTally::default(),
            checksums: ChecksumTally::default(),
            streams: StreamTally::default(),
            modbus: ModbusTally::default(),
            messages: MessageTallies::default(),
            detection: DetectionTally::default(),
            layer2: Layer2Tally::default(),
            flows_evicted: 0,
            flows_expired: 0,
            ring: RingCount::default(),
            losses: Losses::default(),
            gap: Gap::None,
            interface: None,
            intact: Vec::new(),
            suspects_evicted: 0,
            notes: Vec::new(),
            noted: Noted::default(),
            notes_dropped: 0,
            reads: Vec::new(),
            reads_dropped: 0,
            reads_unproven: 0,
            writes_untracked: 0,
            writes_unjudged: 0,
            usages: Vec::new(),
            usage_changes: Vec::new(),
            usages_deferred: 0,
            usages_evicted: 0,
        }
    }

    /// Keep `note` if there is room, count it if not.
    pub fn note(&mut self, note: Note) {
        let (n, room) = match note {
            Note::Corrupt(_) | Note::Repaired(_) => (&mut self.noted.damage, Self::MAX_NOTES / 2),
            Note::Conflict(_)
            | Note::Jump(_)
            | Note::Layer2(_)
            | Note::Unverifiable(_)
            | Note::Ineffective(_)
            | Note::Detected(_) => (&mut self.noted.once, Self::MAX_NOTES / 2),
            Note::Modbus(_) | Note::Message(_) => (&mut self.noted.said, Self::MAX_NOTES),
        };
        if *n < room {
            *n += 1;
            self.notes.push(note);
        } else {
            self.notes_dropped += 1;
        }
    }

    /// Keep a read if there is room, count it if not.
    pub fn read(&mut self, read: impl FnOnce() -> Overheard) {
        if self.reads.len() < Self::MAX_READS {
            self.reads.push(read());
        } else {
            self.reads_dropped += 1;
        }
    }
}

/// Notes of a block by sort. Each has room of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Writes and refusals.
    pub said: usize,
    /// Damaged packets and their repetitions, which are counted apart as well.
    pub damage: usize,
    /// What is told when it is found and then not for long, so that it must not get lost.
    pub once: usize,
}

/// A hole in the stream of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gap {
    #[default]
    None,
    /// The ring was full: frames were lost just before this block.
    Before,
}

/// Parts of IP packets, and what became of the wholes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FragmentTally {
    /// Parts.
    pub seen: u64,
    /// Wholes that were put together and judged.
    pub reassembled: u64,
    /// Wholes whose parts contradict each other.
    pub contradicted: u64,
    /// Wholes of which parts never came, or for which there was no room.
    pub given_up: u64,
}

impl FragmentTally {
    pub fn merge(&mut self, other: &Self) {
        self.seen += other.seen;
        self.reassembled += other.reassembled;
        self.contradicted += other.contradicted;
        self.given_up += other.given_up;
    }
}

/// Bytes of followed TCP connections that did not come once and in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StreamTally {
    /// Seen again: retransmitted, kept alive, or mirrored twice.
    pub repeated_bytes: u64,
    /// Never seen, though the receiver acknowledged them or later ones came: lost by the mirror,
    /// the ring or the capture file.
    pub missing_bytes: u64,
    /// Places where bytes are missing, or where one stream ends in another.
    pub holes: u64,
    /// Seen again and not what they had been.
    pub conflicts: u64,
}

impl StreamTally {
    pub fn merge(&mut self, other: &Self) {
        self.repeated_bytes += other.repeated_bytes;
        self.missing_bytes += other.missing_bytes;
        self.holes += other.holes;
        self.conflicts += other.conflicts;
    }
}

/// `tpacket_stats_v3` since it was last read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingCount {
    /// Frames the socket was offered, dropped ones included.
    pub packets: u64,
    /// Frames lost because every block was in use.
    pub drops: u64,
}

/// Whether an interface can be captured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceState {
    Up,
    /// Present, administratively or physically down.
    Down,
    /// No interface of that name.
    Absent,
}

/// Something in a block that an operator may want to know of.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    Corrupt(Corruption),
    /// A write or an exception; transactions that only read are counted.
    Modbus(Transaction),
    /// Likewise of another protocol.
    Message(Spoken),
    Conflict(Conflict),
    /// A write that a later read does not show.
    Ineffective(Ineffective),
    Jump(Jump),
    Detected(Detected),
    /// On the heap, because it is rare.
    Layer2(Box<Layer2Finding>),
    /// A damaged segment was repeated intact.
    Repaired(Repaired),
    Unverifiable(Unverifiable),
}

/// The same bytes were sent twice and say different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub at: SystemTime,
    pub vlan: Vlan,
    pub of: Contested,
    /// Of the version that came later.
    pub trust: Trust,
}

/// What there are two versions of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contested {
    /// Bytes of a TCP connection in one direction.
    Stream { source: SocketAddr, destination: SocketAddr },
    /// Bytes of an IP datagram that came in fragments.
    Datagram { source: IpAddr, destination: IpAddr },
}
