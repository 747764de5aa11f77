mod masters;
mod pairs;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::{Log, Samples};
use crate::pipeline::{Pipeline, Settings, Sources};
use crate::record::BlockChecksum;
use crate::record::{
    Event, Exchange, Identity, Ledger, Overheard, Quality, ReadAnswer, Reading, Sample, Scalar,
    SourceId, Trust, WireReport,
};
use crate::tag::{Address, Table, Tag, Type, Value};
use crate::wire::modbus::request::{ReadRequest, Span};
use crate::wire::packet::Vlan;

const FIRST: u16 = 100;

fn pipeline() -> Pipeline {
    let log = Log { samples: Samples::None, rate: 100_000, burst: 100_000, ..Log::default() };
    Pipeline::new(Settings { log, window: Duration::from_secs(1), sources: Sources::default() })
}

/// So many milliseconds into the test.
fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + ms)
}

fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], port))
}

/// Our read of some registers from 100 on, of unit 1 behind 192.0.2.10; it takes 3 ms.
fn read(id: u16, ms: u64, words: &[u16]) -> Exchange {
    let span = Span { first: FIRST, count: u16::try_from(words.len()).unwrap() };
    let identity = Identity {
        client: address(5, 40_000),
        server: address(10, 502),
        transaction: id,
        unit: 1,
        request: ReadRequest::Holding(span),
    };
    let answer = ReadAnswer::of_registers(words.iter().copied());
    Exchange { identity, asked: at(ms), answered: at(ms + 3), answer }
}

/// As its reading: of `pump-1` with a tag of two registers, on `line-a`.
fn polled(exchange: &Exchange) -> Reading {
    let index = FIRST + 1;
    let place = Address { table: Table::Holding, index, bit: None };
    let tag = Arc::new(Tag::new("pressure", place, Type::Real));
    Reading {
        source: SourceId::from("line-a"),
        device: "pump-1".into(),
        unit: Some(1),
        at: exchange.answered,
        latency: Duration::from_millis(3),
        missed: 0,
        exchange: Some(Arc::new(exchange.clone())),
        quality: Quality::Good,
        detail: None,
        samples: vec![Sample { tag, value: Some(Value::Real(1.0)), quality: Quality::Good }],
        checksum: BlockChecksum::Unverified,
    }
}

fn report(capture: &str, outer: u16, exchanges: &[&Exchange]) -> WireReport {
    let mut report = WireReport::new(SourceId::from(capture), at(0));
    for exchange in exchanges {
        let vlan = Vlan { outer, inner: 0 };
        report.read(|| Overheard {
            vlan,
            exchange: Arc::new((*exchange).clone()),
            trust: Trust::FULL,
        });
    }
    report
}

fn seen(exchange: &Exchange) -> WireReport {
    report("eth1", 0, &[exchange])
}

fn ledger(pipeline: &Pipeline) -> Ledger {
    pipeline.ledgers()["crosscheck:line-a"].clone()
}

fn drain(pipeline: &mut Pipeline) -> Vec<Event> {
    let mut events = vec![];
    pipeline.hand_on(|event| {
        events.push(event);
        Ok(())
    });
    events
}

fn field<'a>(event: &'a Event, name: &str) -> Option<&'a Scalar> {
    event.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
}

fn show(event: &Event) -> String {
    let fields = event.fields.iter().map(|(name, value)| format!("\n  {name} = {value:?}"));
    format!("{}: {}{}", event.kind.name(), event.text, fields.collect::<String>())
}
