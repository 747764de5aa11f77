//! Two scripted units behind one duplex pipe, with paused time. Each even register holds its own
//! address and unit, each odd one the time it was read: a value under a wrong name and one from
//! an earlier cycle both show.

use std::io;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::config::Device;
use crate::config::TransactionId;
use crate::record::Sample;
use crate::tag::{Address, Table, Tag, Type, Value};
use crate::wire::checksum::crc16_modbus;

use super::super::*;

/// Period of each device; the time-out is a fifth of it.
pub(super) const EVERY: Duration = Duration::from_secs(1);
pub(super) const TIMEOUT: Duration = Duration::from_millis(200);
/// From a request to the first byte of its reply.
const LATENCY: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Tcp,
    /// Every reply has identifier 0.
    TcpZero,
    /// Two requests at once.
    TcpTwo,
    Rtu(Echo),
    /// RTU frames in a connection, to units that serve function 8.
    RtuOverTcp,
    /// A line that gives back what is sent, as it is told in the configuration.
    RtuEchoing,
}

impl Wire {
    fn is_rtu(self) -> bool {
        match self {
            Self::Tcp | Self::TcpZero | Self::TcpTwo => false,
            Self::Rtu(_) | Self::RtuOverTcp | Self::RtuEchoing => true,
        }
    }
}

/// How a unit takes function 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Served,
    Refused,
    Ignored,
    /// Nothing but the planned requests is answered at all.
    Mute,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    /// The unit is busy for so long, then answers what was asked meanwhile in order.
    Late(Duration),
    /// The reply is held back elsewhere for so long; others overtake it.
    Overtaken(Duration),
    /// The reply is sent twice, this far apart.
    Twice(Duration),
    /// The reply before this one is sent again first, this long before it.
    Again(Duration),
    Silent,
    WrongId,
    WrongUnit,
    WrongFunction,
    /// So many registers more or fewer than asked, in an otherwise consistent reply.
    WrongCount(i8),
    Exception(u8),
    Flip(usize),
    /// A pause in front of byte `at`.
    Split(usize, Duration),
    Before(Vec<u8>),
    After(Vec<u8>),
    /// The request comes back, and the reply after this long.
    OwnRequest(Duration),
    OnlyOwnRequest,
    Close,
}

pub(super) struct Script {
    pub(super) wire: Wire,
    pub(super) fault: Fault,
    pub(super) hits: Hits,
}

/// Which requests the fault befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hits {
    /// One, counted from 0.
    Nth(u32),
    /// Every so many for four seconds.
    EveryNth(u32),
    /// All of one unit, from the third cycle on for four seconds.
    Unit(u8),
    /// All that read from this register on.
    From(u16),
}

impl Hits {
    fn includes(self, nth: u32, age: Duration, request: &Request) -> bool {
        let unit = request.unit;
        match self {
            Self::From(first) => request.pdu[0] == 3 && request.word(1) == first,
            Self::Nth(n) => nth == n,
            Self::EveryNth(n) => nth.is_multiple_of(n) && age < 4 * EVERY,
            Self::Unit(hit) => unit == hit && (2 * EVERY..6 * EVERY).contains(&age),
        }
    }
}

/// What a device under test saw of its own faults.
#[derive(Default)]
pub(super) struct Record {
    n_requests: u32,
    pub(super) requested: Vec<Instant>,
    pub(super) last_fault: Option<Instant>,
    previous: Vec<u8>,
}

/// Run a poller against the script for `lasting` and return its readings with their times.
pub(super) async fn poll_for(
    script: &Script,
    lasting: Duration,
) -> (Vec<(Instant, Reading)>, Record) {
    poll_link_for(link(script.wire), script, lasting).await
}

pub(super) async fn poll_link_for(
    link: Arc<Link>,
    script: &Script,
    lasting: Duration,
) -> (Vec<(Instant, Reading)>, Record) {
    let start = Instant::now();
    let (dialled, mut streams) = mpsc::channel(1);
    let (readings, mut received) = mpsc::channel(64);
    let poller = Poller::new(&"line".into(), link, Fake(dialled));
    let record = Mutex::new(Record::default());
    let mut log = vec![];
    let stop = CancellationToken::new();
    tokio::select! {
        () = poll(poller, Phase::OF_START, readings.into(), stop) => panic!("nobody stopped it"),
        () = async {
            while let Some(stream) = streams.recv().await {
                serve(stream, script, start, &record).await;
            }
        } => panic!("the poller is gone"),
        () = async {
            while let Some(reading) = received.recv().await {
                log.push((Instant::now(), reading));
            }
        } => panic!("the poller is gone"),
        () = sleep(lasting) => (),
    }
    (log, record.into_inner().unwrap())
}

/// What is wrong with a sample that is published as `Good`. What a turn reads is no older than
/// the last reading of the turn before it, `since`.
pub(super) fn lie(since: Duration, reading: &Reading, sample: &Sample) -> Option<String> {
    let Some(Value::Unsigned(value)) = sample.value else { return None };
    let (unit, index) = (reading.unit.unwrap(), sample.tag.registers().unwrap().address.index);
    let since = u64::try_from(since.as_millis()).unwrap();
    let is_true = if index.is_multiple_of(2) {
        value == u64::from(index) + 1000 * u64::from(unit)
    } else {
        value >= since
    };
    (sample.quality.is_good() && !is_true)
        .then(|| format!("unit {unit} register {index} is {value} after {since} ms"))
}

struct Fake(mpsc::Sender<DuplexStream>);

impl Dial for Fake {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(4096);
        self.0.send(theirs).await.unwrap();
        Ok(ours)
    }
}

pub(super) fn link(wire: Wire) -> Arc<Link> {
    let endpoint = match wire {
        Wire::Tcp | Wire::TcpZero | Wire::TcpTwo => "tcp://192.0.2.1:502",
        Wire::Rtu(_) => "rtu:///dev/ttyS9?baud=115200",
        Wire::RtuEchoing => "rtu:///dev/ttyS9?baud=115200&local_echo=true",
        Wire::RtuOverTcp => "rtu+tcp://192.0.2.1:4001",
    };
    let transaction_id =
        if wire == Wire::TcpZero { TransactionId::Lenient } else { TransactionId::Strict };
    let word = |index| {
        let address = Address { table: Table::Holding, index, bit: None };
        Arc::new(Tag::new(&format!("w{index}"), address, Type::Word))
    };
    let device = |unit: u8| {
        // Two requests of the same shape, and a third where probing needs something to narrow.
        let tags = [100, 101, 300, 301].map(word).to_vec();
        Arc::new(Device { every: EVERY, tags, ..Device::new(&format!("unit-{unit}"), unit) })
    };
    Arc::new(Link {
        timeout: TIMEOUT,
        backoff_max: EVERY,
        transaction_id,
        devices: vec![device(1), device(2)],
        max_in_flight: if wire == Wire::TcpTwo { 2 } else { 1 },
        ..Link::new(Endpoint::from_str(endpoint).unwrap())
    })
}

async fn serve(mut stream: DuplexStream, script: &Script, start: Instant, record: &Mutex<Record>) {
    let mut received = vec![];
    let mut pending: Vec<(Instant, Vec<u8>)> = vec![];
    let mut busy_until = start;
    loop {
        let next = pending.iter().map(|(at, _)| *at).min();
        tokio::select! {
            read = stream.read_buf(&mut received) => match read {
                Ok(1..) => (),
                Ok(0) | Err(_) => return,
            },
            () = sleep_until(next.unwrap_or(start)), if next.is_some() => {
                let nth = pending.iter().position(|(at, _)| Some(*at) == next).unwrap();
                let (_, bytes) = pending.remove(nth);
                if bytes.is_empty() || stream.write_all(&bytes).await.is_err() {
                    return; // an empty write stands for a close
                }
            }
        }
        while let Some(request) = Request::take(script.wire, &mut received) {
            let now = Instant::now();
            if script.wire == Wire::RtuEchoing {
                pending.push((now, request.bytes.clone()));
            }
            let mut record = record.lock().unwrap();
            let is_hit = script.hits.includes(record.n_requests, now - start, &request);
            let fault = if is_hit { &script.fault } else { &Fault::None };
            record.n_requests += 1;
            record.requested.push(now);
            let clock = u16::try_from((now - start).as_millis()).unwrap();
            if let (Fault::Late(by), true) = (fault, busy_until <= now) {
                busy_until = now + *by;
                record.last_fault = record.last_fault.max(Some(busy_until));
            }
            let from = busy_until.max(now);
            if let Fault::Split(_, pause) = fault {
                busy_until = from + *pause; // one reply is written after another
            }
            let previous = std::mem::take(&mut record.previous);
            let answer = request.answer(script.wire, clock);
            for (after, bytes) in
                answer.iter().flat_map(|pdu| request.outputs(script.wire, fault, pdu, &previous))
            {
                if is_hit {
                    record.last_fault = record.last_fault.max(Some(from + after));
                }
                pending.push((from + after, bytes));
            }
            if is_hit {
                record.last_fault = record.last_fault.max(Some(now));
            }
            record.previous = answer.map_or(previous, |pdu| request.frame(script.wire, &pdu));
        }
    }
}

struct Request {
    bytes: Vec<u8>,
    id: u16,
    unit: u8,
    pdu: Vec<u8>,
}

impl Request {
    fn take(wire: Wire, received: &mut Vec<u8>) -> Option<Self> {
        let (len, header) = if wire.is_rtu() { (8, 1) } else { (12, 7) };
        if received.len() < len {
            return None;
        }
        let bytes: Vec<u8> = received.drain(..len).collect();
        if wire.is_rtu() {
            assert_eq!(crc16_modbus(&bytes[..6]).to_le_bytes(), bytes[6..]);
        }
        let pdu = bytes[header..header + 5].to_vec();
        let is_numbered = matches!(wire, Wire::Tcp | Wire::TcpTwo);
        let id = if is_numbered { u16::from_be_bytes([bytes[0], bytes[1]]) } else { 0 };
        Some(Self { id, unit: bytes[header - 1], pdu, bytes })
    }

    fn answer(&self, wire: Wire, clock: u16) -> Option<Vec<u8>> {
        let echo = if let Wire::Rtu(echo) = wire { echo } else { Echo::Served };
        let (first, count) = (self.word(1), self.word(3));
        match (self.pdu[0], echo) {
            (3, Echo::Mute) if count != 2 => None,
            (3, _) => Some(registers(3, first, count, self.unit, clock)),
            (8, Echo::Served) => Some(self.pdu.clone()),
            (_, Echo::Mute) | (8, Echo::Ignored) => None,
            (function, _) => Some(vec![function | 0x80, 1]),
        }
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.pdu[at], self.pdu[at + 1]])
    }

    fn frame(&self, wire: Wire, pdu: &[u8]) -> Vec<u8> {
        frame(wire, self.id, self.unit, pdu)
    }

    /// What goes out, each so long after the request is taken up.
    fn outputs(
        &self,
        wire: Wire,
        fault: &Fault,
        pdu: &[u8],
        previous: &[u8],
    ) -> Vec<(Duration, Vec<u8>)> {
        let reply = self.frame(wire, pdu);
        let now = LATENCY;
        match fault.clone() {
            Fault::None | Fault::Late(_) => vec![(now, reply)],
            Fault::Overtaken(by) => vec![(now + by, reply)],
            Fault::Twice(gap) if gap.is_zero() => vec![(now, [reply.clone(), reply].concat())],
            Fault::Twice(gap) => vec![(now, reply.clone()), (now + gap, reply)],
            Fault::Again(_) if previous.is_empty() => vec![(now, reply)],
            Fault::Again(gap) if gap.is_zero() => vec![(now, [previous, &reply].concat())],
            Fault::Again(gap) => vec![(now, previous.to_vec()), (now + gap, reply)],
            Fault::Silent => vec![],
            Fault::WrongId => vec![(now, frame(wire, self.id ^ 0x0100, self.unit, pdu))],
            Fault::WrongUnit => vec![(now, frame(wire, self.id, 3 - self.unit, pdu))],
            Fault::WrongFunction => {
                vec![(now, self.frame(wire, &[&[pdu[0] ^ 1], &pdu[1..]].concat()))]
            }
            Fault::WrongCount(more) => {
                let count = self.word(3).min(100).checked_add_signed(more.into()).unwrap();
                vec![(now, self.frame(wire, &registers(3, self.word(1), count, self.unit, 0)))]
            }
            Fault::Exception(code) => vec![(now, self.frame(wire, &[pdu[0] | 0x80, code]))],
            Fault::Flip(bit) => {
                let mut flipped = reply;
                if let Some(byte) = flipped.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                vec![(now, flipped)]
            }
            Fault::Split(at, pause) => {
                let (head, tail) = reply.split_at(at.min(reply.len() - 1));
                let head = (!head.is_empty()).then(|| (now, head.to_vec()));
                head.into_iter().chain([(now + pause, tail.to_vec())]).collect()
            }
            Fault::Before(noise) => vec![(now, [noise, reply].concat())],
            Fault::After(noise) => vec![(now, [reply, noise].concat())],
            Fault::OwnRequest(gap) if gap.is_zero() => {
                vec![(now, [self.bytes.clone(), reply].concat())]
            }
            Fault::OwnRequest(gap) => vec![(Duration::ZERO, self.bytes.clone()), (gap, reply)],
            Fault::OnlyOwnRequest => vec![(Duration::ZERO, self.bytes.clone())],
            Fault::Close => vec![(now, vec![])],
        }
    }
}

fn registers(function: u8, first: u16, count: u16, unit: u8, clock: u16) -> Vec<u8> {
    let value = |index: u16| {
        if index.is_multiple_of(2) { index + 1000 * u16::from(unit) } else { clock }
    };
    let words = (first..first + count).flat_map(|index| value(index).to_be_bytes());
    [function, u8::try_from(count * 2).unwrap()].into_iter().chain(words).collect()
}

fn frame(wire: Wire, id: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    match wire {
        Wire::Tcp | Wire::TcpZero | Wire::TcpTwo => {
            let [high, low] = id.to_be_bytes();
            let len = u8::try_from(pdu.len() + 1).unwrap();
            [&[high, low, 0, 0, 0, len, unit], pdu].concat()
        }
        Wire::Rtu(_) | Wire::RtuOverTcp | Wire::RtuEchoing => {
            let body = [&[unit], pdu].concat();
            let crc = crc16_modbus(&body).to_le_bytes();
            [&body[..], &crc].concat()
        }
    }
}
