//! Conversations whose frames say how long they are, and of which each is read by itself.

use crate::record::Protocol;
use crate::wire::message::Extent;
use crate::wire::modbus::pdu::Direction;
use crate::wire::{
    dnp3, iec104, s7comm, {enip, opcua},
};

use super::super::frames::{Frame, Frames};
use super::super::half::Seen;
use super::super::sides::Sides;
use super::super::stream::Taken;
use super::Page;
use super::dnp3::Dnp3;
use super::enip::Enip;
use super::iec104::Iec104;
use super::opcua::OpcUa;
use super::s7comm::S7comm;

/// Both directions, and what the protocol remembers between frames.
#[derive(Debug)]
pub(in crate::flow) struct Framed {
    frames: Sides<Frames>,
    talk: Talk,
}

/// Whose frames they are.
#[derive(Debug)]
enum Talk {
    OpcUa(OpcUa),
    Dnp3(Dnp3),
    Iec104(Iec104),
    S7comm(S7comm),
    EtherNetIp(Enip),
}

impl Framed {
    /// `None` if the protocol is none of these.
    pub(in crate::flow) fn new(protocol: Protocol) -> Option<Self> {
        let talk = Talk::new(protocol)?;
        Some(Self { frames: Sides::default(), talk })
    }

    pub(in crate::flow) fn protocol(&self) -> Protocol {
        self.talk.protocol()
    }

    /// Forget everything, but keep the memory.
    pub(in crate::flow) fn reset(&mut self) {
        self.frames.of(Direction::Request).lose();
        self.frames.of(Direction::Response).lose();
        if let Some(talk) = Talk::new(self.protocol()) {
            self.talk = talk;
        }
    }

    /// The next byte of a direction is the first of all.
    pub(in crate::flow) fn lock(&mut self, direction: Direction) {
        self.frames.of(direction).lock();
        self.talk.lose(direction);
    }

    /// Bytes of a direction were missed.
    pub(in crate::flow) fn lose(&mut self, direction: Direction) {
        self.frames.of(direction).lose();
        self.talk.lose(direction);
    }

    pub(in crate::flow) fn read(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        Seen { at_ns, is_verified }: Seen,
        page: &mut Page<'_>,
    ) {
        let Self { frames, talk } = self;
        let extent = talk.extent();
        let taken = frames.of(direction).accept((bytes, is_verified), extent, |frame| {
            page.is_verified = frame.is_verified;
            talk.on_frame(direction, at_ns, frame, page);
        });
        if taken == Taken::Partly {
            talk.lose(direction);
            page.report.messages.of(talk.protocol()).unread += 1;
        }
    }
}

impl Talk {
    fn new(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::OpcUa => Some(Self::OpcUa(OpcUa::default())),
            Protocol::Dnp3 => Some(Self::Dnp3(Dnp3::default())),
            Protocol::Iec104 => Some(Self::Iec104(Iec104::default())),
            Protocol::S7comm => Some(Self::S7comm(S7comm::default())),
            Protocol::EtherNetIp => Some(Self::EtherNetIp(Enip::default())),
            Protocol::Modbus | Protocol::ModbusRtu | Protocol::Bacnet => None,
        }
    }

    fn protocol(&self) -> Protocol {
        match self {
            Self::OpcUa(_) => Protocol::OpcUa,
            Self::Dnp3(_) => Protocol::Dnp3,
            Self::Iec104(_) => Protocol::Iec104,
            Self::S7comm(_) => Protocol::S7comm,
            Self::EtherNetIp(_) => Protocol::EtherNetIp,
        }
    }

    /// Bytes of a direction were missed.
    fn lose(&mut self, direction: Direction) {
        match self {
            Self::OpcUa(opcua) => opcua.lose(direction),
            Self::Dnp3(dnp3) => dnp3.lose(),
            Self::Iec104(iec104) => iec104.lose(direction),
            Self::S7comm(s7comm) => s7comm.lose(direction),
            Self::EtherNetIp(enip) => enip.lose(),
        }
    }

    /// What says where a frame ends.
    fn extent(&self) -> fn(&[u8]) -> Extent {
        match self {
            Self::OpcUa(_) => opcua::message::extent,
            Self::Dnp3(_) => dnp3::extent,
            Self::Iec104(_) => iec104::extent,
            Self::S7comm(_) => s7comm::extent,
            Self::EtherNetIp(_) => enip::extent,
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
            Self::Dnp3(dnp3) => dnp3.on_frame(direction, at_ns, frame.head, page),
            Self::Iec104(iec104) => iec104.on_apdu(direction, at_ns, frame.head, page),
            Self::S7comm(s7comm) => s7comm.on_frame(direction, at_ns, frame, page),
            Self::EtherNetIp(enip) => enip.on_frame(direction, at_ns, frame, page),
        }
    }
}
