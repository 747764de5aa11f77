//! Either kind of link behind one question: ask a unit, get a reply and how far it is proven.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::Endpoint;
use crate::config::Link;
use crate::wire::modbus::request::ReadRequest;
use crate::wire::modbus::rtu::Timing;

use super::exchange::{Cause, Confidence, Reply};
use super::guard;
use super::line::{Echo, Line};
use super::pace::Pace;
use super::question::Question;
use super::rtu::Rtu;
use super::station::Station;
use super::tally::Tally;
use super::tcp::Tcp;

pub(super) enum Bus<S> {
    Tcp(Tcp<S>),
    Rtu(Rtu<S>),
    /// RTU frames in a connection.
    RtuOverTcp(Rtu<S>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Bus<S> {
    /// Speak the protocol of `link` over a fresh `stream`.
    pub(super) fn new(stream: S, link: &Link) -> Self {
        match &link.endpoint {
            Endpoint::Tcp(_) | Endpoint::Tls(_) => Self::Tcp(Tcp::new(stream, link)),
            Endpoint::RtuOverTcp(_) => {
                Self::RtuOverTcp(rtu(stream, link, Timing::of_network(), Echo::Never))
            }
            Endpoint::Serial(serial) => {
                let echo = if serial.local_echo { Echo::Heard } else { Echo::Never };
                Self::Rtu(rtu(stream, link, Timing::at(serial.baud), echo))
            }
        }
    }

    /// The same for questions of any kind to any unit.
    pub(super) fn open_to_all(stream: S, link: &Link) -> Self {
        match Self::new(stream, link) {
            Self::Rtu(rtu) => Self::Rtu(rtu.open_to_all()),
            Self::RtuOverTcp(rtu) => Self::RtuOverTcp(rtu.open_to_all()),
            tcp @ Self::Tcp(_) => tcp,
        }
    }

    /// Whether the link survived what happened on it so far.
    pub(super) fn is_usable(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.is_usable(),
            Self::Rtu(rtu) => rtu.is_usable(),
            Self::RtuOverTcp(rtu) => rtu.is_usable() && !rtu.is_silent(),
        }
    }

    /// Notice what happened while nothing was asked: a connection closed meanwhile is not usable.
    pub(super) async fn settle(&mut self) -> Result<(), Cause> {
        match self {
            Self::Tcp(tcp) => tcp.settle().await,
            Self::Rtu(rtu) | Self::RtuOverTcp(rtu) => rtu.catch_up().await,
        }
    }

    /// What was counted on the line, and its port; `None` where there is no line.
    pub(super) fn tally(&mut self) -> Option<(&mut Tally, &S)> {
        match self {
            Self::Tcp(_) => None,
            Self::Rtu(rtu) | Self::RtuOverTcp(rtu) => Some(rtu.tally()),
        }
    }

    /// Requests that may be asked together.
    pub(super) fn max_in_flight(&self) -> usize {
        match self {
            Self::Tcp(tcp) => tcp.max_in_flight(),
            Self::Rtu(_) | Self::RtuOverTcp(_) => 1,
        }
    }

    /// Ask one question of any kind, as a turn of its own.
    pub(super) async fn ask_one(&mut self, unit: u8, question: Question) -> Result<Reply, Cause> {
        match self {
            Self::Tcp(tcp) => {
                let lost = || Err(Cause::Io(io::ErrorKind::BrokenPipe.into()));
                tcp.ask_all(unit, [question].into_iter()).await.pop().unwrap_or_else(lost)
            }
            Self::Rtu(rtu) | Self::RtuOverTcp(rtu) => {
                let outcome = rtu.ask(unit, question).await;
                let confidence = rtu.close(unit).await?;
                outcome.map(|reply| reply.in_turn(confidence))
            }
        }
    }

    /// Ask without proving beforehand that no earlier reply is under way, where that costs time.
    pub(super) async fn call(&mut self, unit: u8, question: Question) -> Result<Reply, Cause> {
        match self {
            Self::Tcp(_) => self.ask_one(unit, question).await,
            Self::Rtu(rtu) | Self::RtuOverTcp(rtu) => rtu.call(unit, question).await,
        }
    }

    /// Ask all of `requests`, and say of each in their order what became of it.
    pub(super) async fn ask(
        &mut self,
        unit: u8,
        requests: &[ReadRequest],
    ) -> Vec<Result<Reply, Cause>> {
        match self {
            Self::Tcp(tcp) => tcp.ask(unit, requests).await,
            Self::Rtu(rtu) | Self::RtuOverTcp(rtu) => {
                let mut outcomes = Vec::with_capacity(requests.len());
                for request in requests {
                    outcomes.push(rtu.ask(unit, (*request).into()).await);
                }
                outcomes
            }
        }
    }

    /// How far the replies that `unit` gave in the turn that ends can be believed.
    pub(super) async fn close_turn(&mut self, unit: u8) -> io::Result<Confidence> {
        match self {
            Self::Tcp(_) => Ok(Confidence::Proven), // by its identifier, each on its own
            Self::Rtu(rtu) | Self::RtuOverTcp(rtu) => rtu.close(unit).await,
        }
    }
}

fn rtu<S>(stream: S, link: &Link, timing: Timing, echo: Echo) -> Rtu<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let bursts = Line::new(stream, timing, Pace::new(link.pause), echo);
    Rtu::new(bursts, stations(link), link.timeout)
}

/// One station for each unit: two devices of the configuration may be the same unit.
fn stations(link: &Link) -> BTreeMap<u8, Station> {
    let mut units: BTreeMap<u8, (Vec<ReadRequest>, Duration)> = BTreeMap::new();
    for device in &link.devices {
        let (requests, every) = units.entry(device.unit).or_default();
        requests.extend(guard::possible_requests(device));
        *every = device.every.max(*every);
    }
    let station =
        |(unit, (requests, every)): (u8, (Vec<_>, _))| (unit, Station::new(&requests, every));
    units.into_iter().map(station).collect()
}
