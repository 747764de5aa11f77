//! Verdicts on checksums: counted with coverage, and those that found corruption.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::wire::packet::{L4, Vlan};
use crate::wire::{Checksum, Mismatch, Unverified};

/// Verdicts by protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ChecksumTally {
    pub ipv4: Tally,
    pub tcp: Tally,
    pub udp: Tally,
    pub icmp: Tally,
    pub icmpv6: Tally,
    /// Frames of DNP3, each with all its CRCs.
    pub dnp3: Tally,
    /// CRC of frames of a Modbus serial line, in TCP.
    pub modbus_rtu: Tally,
}

impl ChecksumTally {
    /// The tally of one protocol.
    pub fn of(&mut self, checked: Checked) -> &mut Tally {
        match checked {
            Checked::Ipv4 => &mut self.ipv4,
            Checked::L4(L4::Tcp) => &mut self.tcp,
            Checked::L4(L4::Udp) => &mut self.udp,
            Checked::L4(L4::Icmp) => &mut self.icmp,
            Checked::L4(L4::Icmpv6) => &mut self.icmpv6,
            Checked::Dnp3 => &mut self.dnp3,
            Checked::ModbusRtu => &mut self.modbus_rtu,
        }
    }

    /// Each protocol's name and tally.
    pub fn by_protocol(&self) -> [(&'static str, &Tally); 7] {
        [
            ("ipv4", &self.ipv4),
            ("tcp", &self.tcp),
            ("udp", &self.udp),
            ("icmp", &self.icmp),
            ("icmpv6", &self.icmpv6),
            ("dnp3", &self.dnp3),
            ("modbus_rtu", &self.modbus_rtu),
        ]
    }

    pub fn merge(&mut self, other: &Self) {
        self.ipv4.merge(&other.ipv4);
        self.tcp.merge(&other.tcp);
        self.udp.merge(&other.udp);
        self.icmp.merge(&other.icmp);
        self.icmpv6.merge(&other.icmpv6);
        self.dnp3.merge(&other.dnp3);
        self.modbus_rtu.merge(&other.modbus_rtu);
    }
}

/// How many checksums of one protocol got which verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    pub valid: u64,
    pub invalid: u64,
    pub offloaded: u64,
    pub absent: u64,
    pub truncated: u64,
    pub fragment: u64,
}

impl Tally {
    pub fn count(&mut self, verdict: Checksum) {
        let counter = match verdict {
            Checksum::Valid => &mut self.valid,
            Checksum::Invalid(_) => &mut self.invalid,
            Checksum::Unverified(Unverified::Offloaded) => &mut self.offloaded,
            Checksum::Unverified(Unverified::Absent) => &mut self.absent,
            Checksum::Unverified(Unverified::Truncated) => &mut self.truncated,
            Checksum::Unverified(Unverified::Fragment) => &mut self.fragment,
        };
        *counter += 1;
    }

    /// Checksums that could be compared. Coverage is `verified / seen`.
    pub fn verified(&self) -> u64 {
        self.valid + self.invalid
    }

    pub fn seen(&self) -> u64 {
        self.verified() + self.offloaded + self.absent + self.truncated + self.fragment
    }

    pub fn merge(&mut self, other: &Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        self.offloaded += other.offloaded;
        self.absent += other.absent;
        self.truncated += other.truncated;
        self.fragment += other.fragment;
    }
}

/// Which checksum was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checked {
    Ipv4,
    L4(L4),
    /// A frame of DNP3.
    Dnp3,
    /// CRC of a frame of a Modbus serial line, in TCP.
    ModbusRtu,
}

/// A packet that is not what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    pub at: SystemTime,
    pub checked: Checked,
    pub mismatch: Mismatch,
    pub vlan: Vlan,
    /// As the packet states them; a corrupt packet may lie.
    pub source: IpAddr,
    pub destination: IpAddr,
    /// True if it is a TCP segment that its sender will repeat unless it came intact elsewhere.
    pub is_awaited: bool,
    /// True if every packet between the two is wrong by the same amount: addresses were rewritten.
    pub is_rewritten: bool,
}
