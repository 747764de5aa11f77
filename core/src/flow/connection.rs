//! One TCP connection: segments of both sides become bytes in order, which a conversation reads.

use crate::record::{Ending, Protocol};
use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::Flags;

use super::conversation::{Conversation, Page};
use super::half::{Half, Pool, Seen};
use super::sighting::{Evidence, Sighting};
use super::transcript::Transcript;
use super::usage::Recent;

/// Both directions, and what is said in them.
#[derive(Debug)]
pub(super) struct Connection {
    phase: Phase,
    client: Half,
    server: Half,
    conversation: Conversation,
    /// Gaps of the capture that the connection knows of.
    n_gaps: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// One side said that it is done. What still comes is read.
    Closing(Ending),
}

impl Connection {
    /// `n_gaps`: those of the capture so far, which are none of the connection's.
    pub(super) fn new(protocol: Protocol, n_gaps: u32) -> Self {
        Self {
            phase: Phase::Open,
            client: Half::default(),
            server: Half::default(),
            conversation: Conversation::new(protocol),
            n_gaps,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// How it ended, as far as was seen.
    pub(super) fn ending(&self) -> Ending {
        match self.phase {
            Phase::Open => Ending::Open,
            Phase::Closing(ending) => ending,
        }
    }

    /// True if something waits for what is missing, or is known to be missing.
    pub(super) fn has_hole(&self) -> bool {
        self.client.has_hole() || self.server.has_hole()
    }

    /// Forget everything, but keep the memory that fits: what comes is of this protocol, and of
    /// another connection.
    pub(super) fn restart(
        &mut self,
        protocol: Protocol,
        n_gaps: u32,
        (pool, transcript): (&mut Pool, &mut Transcript),
    ) {
        self.reset(pool, transcript);
        self.conversation.restart(protocol);
        self.n_gaps = n_gaps;
    }

    /// Forget everything, and give the memory back.
    pub(super) fn release(&mut self, pool: &mut Pool, transcript: &mut Transcript) {
        self.reset(pool, transcript);
        *self = Self {
            phase: Phase::Closing(Ending::Unknown),
            ..Self::new(self.conversation.protocol(), self.n_gaps)
        };
    }

    fn reset(&mut self, pool: &mut Pool, transcript: &mut Transcript) {
        self.phase = Phase::Open;
        self.client.reset(pool);
        self.server.reset(pool);
        self.conversation.reset(transcript);
    }

    /// What is open will not be answered any more.
    pub(super) fn end_turns(&mut self, transcript: &mut Transcript) {
        self.conversation.end_turns(transcript);
    }

    /// Go on at a segment that was kept until it was known what it is. What lies between it and the
    /// one before was not kept, and is not missing.
    pub(super) fn resume(
        &mut self,
        (protocol, is_watched): (Protocol, bool),
        direction: Direction,
        sequence: u32,
        (page, pool): (&mut Page<'_>, &mut Pool),
    ) {
        if self.conversation.protocol() != protocol {
            self.finish(page, pool);
            self.restart(protocol, page.n_gaps, (&mut *pool, &mut *page.transcript));
            self.watch(is_watched);
        }
        let (sender, _) = self.halves(direction);
        if sender.is_ahead(sequence) {
            sender.reset(pool);
            self.conversation.lose(direction, page.transcript);
        }
    }

    /// Begin or stop to keep what is read.
    pub(super) fn watch(&mut self, is_watched: bool) {
        self.conversation.watch(is_watched);
    }

    /// Follow the connection by one segment.
    pub(super) fn accept(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Direction,
        page: &mut Page<'_>,
        pool: &mut Pool,
    ) {
        let (segment, at_ns) = (sighting.segment, sighting.at_ns);
        if segment.flags.any(Flags::SYN | Flags::FIN | Flags::RST) {
            self.on_control(segment.flags, direction, page, pool);
        }
        if self.n_gaps != page.n_gaps {
            self.on_gap(page);
        }
        let (_, receiver) = self.halves(direction);
        if segment.flags.any(Flags::ACK)
            && receiver.on_acknowledgment(segment.acknowledgment, at_ns)
        {
            self.conversation.doubt(page);
            page.recent.is_from_start = false;
        }
        let (_, receiver) = self.halves(direction);
        if receiver.has_hole() {
            // Before the segment is read: it may answer what waited.
            self.give_up_half(direction.opposite(), at_ns, page, pool);
        }
        self.conversation.on_segment(direction, sighting.evidence);
        let seen = Seen { at_ns, is_verified: sighting.evidence == Evidence::Verified };
        let Self { client, server, conversation, .. } = self;
        let sender = match direction {
            Direction::Request => client,
            Direction::Response => server,
        };
        if sender.accept_next(segment) {
            conversation.read_bytes(direction, segment.payload, seen, page);
        } else if !segment.is_acknowledgment() {
            let repeated = sender.accept(segment, seen, pool, |piece| {
                conversation.read(direction, piece, page);
            });
            page.report.streams.repeated_bytes += u64::from(repeated);
        }
        if sender.has_hole() {
            // It may be known that nothing more will come.
            self.give_up_half(direction, at_ns, page, pool);
        } else {
            conversation.settle(direction, sender.is_waiting(), page);
        }
    }

    /// A side begins or ends what it has to say.
    #[cold]
    fn on_control(
        &mut self,
        flags: Flags,
        direction: Direction,
        page: &mut Page<'_>,
        pool: &mut Pool,
    ) {
        if flags.any(Flags::SYN) && !flags.any(Flags::ACK) {
            self.finish(page, pool);
            self.reset(pool, page.transcript); // a new connection between the same ports
            *page.recent = Recent::new(true);
            self.n_gaps = page.n_gaps;
        }
        if flags.any(Flags::FIN | Flags::RST) && self.is_open() {
            self.phase = Phase::Closing(ending(direction, flags));
        }
    }

    /// Give up holes that have been open for too long.
    pub(super) fn give_up(&mut self, at_ns: u64, page: &mut Page<'_>, pool: &mut Pool) {
        self.give_up_half(Direction::Request, at_ns, page, pool);
        self.give_up_half(Direction::Response, at_ns, page, pool);
    }

    #[cold]
    fn give_up_half(
        &mut self,
        direction: Direction,
        at_ns: u64,
        page: &mut Page<'_>,
        pool: &mut Pool,
    ) {
        let Self { client, server, conversation, .. } = self;
        let half = match direction {
            Direction::Request => client,
            Direction::Response => server,
        };
        half.give_up(at_ns, pool, |piece| conversation.read(direction, piece, page));
        conversation.settle(direction, half.is_waiting(), page);
    }

    /// Read what waits, whatever is missing.
    pub(super) fn finish(&mut self, page: &mut Page<'_>, pool: &mut Pool) {
        let Self { client, server, conversation, .. } = self;
        for (half, direction) in [(client, Direction::Request), (server, Direction::Response)] {
            half.finish(pool, |piece| conversation.read(direction, piece, page));
            conversation.settle(direction, half.is_waiting(), page);
        }
    }

    /// The capture lost frames, of which some may have been of this connection: a response may
    /// answer what was not seen, and another stream go on at the numbers of this one.
    #[cold]
    fn on_gap(&mut self, page: &mut Page<'_>) {
        self.n_gaps = page.n_gaps;
        page.recent.is_from_start = false;
        self.conversation.doubt(page);
        self.client.forget_recent();
        self.server.forget_recent();
    }

    /// What sends in `direction`, and what receives.
    #[inline]
    fn halves(&mut self, direction: Direction) -> (&mut Half, &mut Half) {
        match direction {
            Direction::Request => (&mut self.client, &mut self.server),
            Direction::Response => (&mut self.server, &mut self.client),
        }
    }
}

fn ending(direction: Direction, flags: Flags) -> Ending {
    match direction {
        _ if flags.any(Flags::RST) => Ending::Reset,
        Direction::Request => Ending::ByClient,
        Direction::Response => Ending::ByServer,
    }
}
