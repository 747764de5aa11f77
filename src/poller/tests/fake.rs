//! Two scripted units behind one duplex pipe, with paused time. Each even register holds its own
//! address and unit, each odd one the time it was read: a value under a wrong name and one from
//! an earlier cycle both show.

use std::io;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::config::Device;
use crate::config::TransactionId;
use crate::record::Sample;
use crate::tag::{Address, Table, Tag, Type, Value};

use super::super::*;
use super::unit::{Fault, Request, Sent};

/// Period of each device; the time-out is a fifth of it.
pub(super) const EVERY: Duration = Duration::from_secs(1);
pub(super) const TIMEOUT: Duration = Duration::from_millis(200);

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
    pub(super) fn is_rtu(self) -> bool {
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

#[derive(Debug)]
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
    /// All of one unit, for ever.
    Always(u8),
    /// All that read from this register on.
    From(u16),
}

impl Hits {
    fn includes(self, nth: u32, age: Duration, request: &Request) -> bool {
        let unit = request.unit;
        match self {
            Self::From(first) => request.pdu[0] == 3 && request.word(1) == first,
            Self::Nth(n) => nth == n,
            Self::Always(hit) => unit == hit,
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
    /// All replies, as if none had been late or damaged.
    replies: Vec<Sent>,
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
    let (clock, since) = (clock(since), since.as_millis());
    let is_true = if index.is_multiple_of(2) {
        value == u64::from(index) + 1000 * u64::from(unit)
    } else {
        let age = clock.wrapping_sub(u16::try_from(value).unwrap());
        age == 0 || u128::from(age) > since.min(1 << 15) // older would be newer by the clock
    };
    (sample.quality.is_good() && !is_true)
        .then(|| format!("unit {unit} register {index} is {value} after {since} ms"))
}

/// What the units' clock shows so long after the start, in milliseconds. It starts again after a
/// minute: a machine that is busy may need longer for a test in real time.
fn clock(age: Duration) -> u16 {
    u16::try_from(age.as_millis() & 0xffff).unwrap()
}

struct Fake(mpsc::Sender<DuplexStream>);

impl Stream for DuplexStream {}

impl Dial for Fake {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let (ours, theirs) = tokio::io::duplex(4096);
        self.0.send(theirs).await.unwrap();
        Ok(Box::new(ours))
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

pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    start: Instant,
    record: &Mutex<Record>,
) {
    let mut received = vec![];
    let mut pending: Vec<(Instant, Vec<u8>)> = vec![];
    let mut busy_until = start;
    let mut is_half_open = false;
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
            if let (Fault::Late(by), true) = (fault, busy_until <= now) {
                busy_until = now + *by;
                record.last_fault = record.last_fault.max(Some(busy_until));
            }
            let from = busy_until.max(now);
            let answer = request.answer(script.wire, clock(now - start)).filter(|_| !is_half_open);
            is_half_open |= *fault == Fault::HalfOpen;
            let outputs: Vec<_> = { &answer }
                .iter()
                .flat_map(|pdu| request.outputs(script.wire, fault, pdu, &record.replies))
                .collect();
            if let (Fault::Split(..) | Fault::Trickle(_), Some((last, _))) = (fault, outputs.last())
            {
                busy_until = from + *last; // one reply is written after another
            }
            for (after, bytes) in outputs {
                if is_hit {
                    record.last_fault = record.last_fault.max(Some(from + after));
                }
                pending.push((from + after, bytes));
            }
            if is_hit {
                record.last_fault = record.last_fault.max(Some(now));
            }
            record.replies.extend(answer.map(|pdu| request.reply(script.wire, &pdu)));
        }
    }
}
