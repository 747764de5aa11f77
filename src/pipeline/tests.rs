mod age;
mod baseline;
mod blame;
mod checksums;
mod conflicts;
mod detections;
mod effects;
mod ledgers;
mod lines;
mod missed;
mod neighbourhood;
mod readings;
mod refusals;
mod shell;
mod taps;
mod telecontrol;
mod trust;
mod usages;
mod wire;
mod written;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::{Log, Samples};
use crate::record::{
    Bank, BlockChecksum, Checked, Corruption, Event, Ineffective, Kind, Path, Quality, Reading,
    Sample, Scalar, SourceId, Status, Transaction, Trust, Written,
};
use crate::tag::{Address, Limits, Table, Tag, Type, Value};
use crate::wire::Mismatch;
use crate::wire::packet::{L4, Vlan};

use super::{Pipeline, Settings, Sources};

fn pipeline(log: Log) -> Pipeline {
    Pipeline::new(Settings { log, window: Duration::from_secs(1), sources: Sources::default() })
}

/// A pipeline that logs no samples, so that the rest is seen alone.
fn quiet() -> Pipeline {
    pipeline(Log { samples: Samples::None, ..Log::default() })
}

const STATUS: Status = Status { code: 0x8034_0000, name: "BadNodeIdUnknown" };

/// So many seconds into the test.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn pressure() -> Tag {
    let address = Address { table: Table::Holding, index: 100, bit: None };
    Tag {
        unit: Some("bar".into()),
        limits: Limits { high: Some(9.0), high_high: Some(10.0), ..Limits::default() },
        deadband: 0.5,
        ..Tag::new("pressure", address, Type::Real)
    }
}

/// `pump-1` on `line-a`, without tags.
fn reading(seconds: u64, quality: Quality) -> Reading {
    Reading {
        source: SourceId::from("line-a"),
        device: "pump-1".into(),
        unit: Some(1),
        at: at(seconds),
        latency: Duration::from_micros(4_200),
        missed: 0,
        exchange: None,
        quality,
        detail: (!quality.is_good()).then(|| "no reply; check wiring".into()),
        samples: vec![],
        checksum: BlockChecksum::Unverified,
    }
}

fn from_device(name: &str, reading: Reading) -> Reading {
    Reading { device: name.into(), ..reading }
}

fn with_sample(tag: &Tag, value: Option<Value>, reading: Reading) -> Reading {
    let tag = Arc::new(tag.clone());
    let sample = Sample { tag, value, quality: reading.quality };
    Reading { samples: vec![sample], ..reading }
}

/// A good reading of the pressure.
fn bar(seconds: u64, value: f64) -> Reading {
    with_sample(&pressure(), Some(Value::Real(value)), reading(seconds, Quality::Good))
}

fn host(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

fn corruption(from: u8, to: u8) -> Corruption {
    Corruption {
        at: at(0),
        checked: Checked::L4(L4::Tcp),
        mismatch: Mismatch { stored: 0x0bad, computed: 0x600d },
        vlan: Vlan::default(),
        source: host(from),
        destination: host(to),
        is_awaited: false,
        is_rewritten: false,
    }
}

fn between_hosts(vlan: u16) -> Path {
    Path::Network {
        vlan: Vlan { outer: vlan, inner: 0 },
        client: SocketAddr::new(host(5), 40112),
        server: SocketAddr::new(host(10), 502),
    }
}

/// Somebody writes 17 to register 100.
fn write() -> Transaction {
    Transaction {
        at: at(0),
        path: between_hosts(0),
        unit: 1,
        function: 6,
        address: Some(100),
        quantity: None,
        value: Some(17),
        written: Some(Written::of(&[6, 0, 100, 0, 17])),
        exception: None,
        latency: Some(Duration::from_micros(3_150)),
        trust: Trust::FULL,
    }
}

/// A register of which 500 was written and 450 read.
fn ineffective(seconds: u64, address: u16) -> Ineffective {
    let Path::Network { client, server, .. } = between_hosts(0) else { panic!() };
    Ineffective {
        at: at(seconds),
        vlan: Vlan::default(),
        server,
        unit: 1,
        bank: Bank::HoldingRegisters,
        address,
        function: 6,
        written: 500,
        mask: u16::MAX,
        read: 450,
        writer: client,
        reader: client,
        after: Duration::from_micros(1_234_567),
        trust: Trust::FULL,
    }
}

/// What became ready, in order.
fn drain(pipeline: &mut Pipeline) -> Vec<Event> {
    let mut events = vec![];
    pipeline.hand_on(|event| {
        events.push(event);
        Ok(())
    });
    events
}

fn kinds(pipeline: &mut Pipeline) -> Vec<Kind> {
    drain(pipeline).iter().map(|event| event.kind).collect()
}

fn field<'a>(event: &'a Event, name: &str) -> Option<&'a Scalar> {
    event.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
}

/// One event, as a snapshot shows it.
fn show(event: &Event) -> String {
    let fields = event.fields.iter().map(|(name, value)| format!("\n  {name} = {value:?}"));
    format!("{}: {}{}", event.kind.name(), event.text, fields.collect::<String>())
}
