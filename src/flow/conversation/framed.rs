//! Conversations whose frames say how long they are, and of which each is read by itself.

use crate::record::Protocol;
use crate::wire::message::Extent;
use crate::wire::modbus::pdu::Direction;
use crate::wire::opcua;

use super::super::frames::{Frame, Frames};
use super::super::stream::Taken;
use super::Page;
use super::opcua::OpcUa;

/// Both directions, and what the protocol remembers between frames.
#[derive(Debug)]
pub(in crate::flow) struct Framed {
    client: Frames,
    server: Frames,
    talk: Talk,
}

/// Whose frames they are.
#[derive(Debug)]
enum Talk {
    OpcUa(OpcUa),
}

impl Framed {
    /// `None` if the protocol is none of these.
    pub(in crate::flow) fn new(protocol: Protocol) -> Option<Self> {
        let talk = Talk::new(protocol)?;
        Some(Self { client: Frames::default(), server: Frames::default(), talk })
    }

    pub(in crate::flow) fn protocol(&self) -> Protocol {
        self.talk.protocol()
    }

    /// Forget everything, but keep the memory.
    pub(in crate::flow) fn reset(&mut self) {
        self.client.lose();
        self.server.lose();
        if let Some(talk) = Talk::new(self.protocol()) {
            self.talk = talk;
        }
    }

    /// The next byte of a direction is the first of all.
    pub(in crate::flow) fn lock(&mut self, direction: Direction) {
        self.frames(direction).lock();
    }

    /// Bytes of a direction were missed.
    pub(in crate::flow) fn lose(&mut self, direction: Direction) {
        self.frames(direction).lose();
        self.talk.lose(direction);
    }

    pub(in crate::flow) fn read(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        at_ns: u64,
        page: &mut Page<'_>,
    ) {
        let Self { client, server, talk } = self;
        let frames = match direction {
            Direction::Request => client,
            Direction::Response => server,
        };
        let extent = talk.extent();
        let taken =
            frames.accept(bytes, extent, |frame| talk.on_frame(direction, at_ns, frame, page));
        page.report.messages.of(self.protocol()).unread += u64::from(taken == Taken::Partly);
    }

    fn frames(&mut self, direction: Direction) -> &mut Frames {
        match direction {
            Direction::Request => &mut self.client,
            Direction::Response => &mut self.server,
        }
    }
}

impl Talk {
    fn new(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::OpcUa => Some(Self::OpcUa(OpcUa::default())),
            Protocol::Modbus
            | Protocol::ModbusRtu
            | Protocol::Dnp3
            | Protocol::Iec104
            | Protocol::S7comm
            | Protocol::EtherNetIp
            | Protocol::Bacnet => None,
        }
    }

    fn protocol(&self) -> Protocol {
        match self {
            Self::OpcUa(_) => Protocol::OpcUa,
        }
    }

    /// Bytes of a direction were missed.
    fn lose(&mut self, direction: Direction) {
        match self {
            Self::OpcUa(opcua) => opcua.lose(direction),
        }
    }

    /// What says where a frame ends.
    fn extent(&self) -> fn(&[u8]) -> Extent {
        match self {
            Self::OpcUa(_) => opcua::message::extent,
        }
    }

    fn on_frame(
        &mut self,
        direction: Direction,
        at_ns: u64,
        frame: Frame<'_>,
        page: &mut Page<'_>,
    ) {
        match self {
            Self::OpcUa(opcua) => opcua.on_chunk(direction, at_ns, frame, page),
        }
    }
}
