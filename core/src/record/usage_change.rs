//! What changed in how stations are asked and how they answer.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::wire::message::Protocol;
use crate::wire::packet::Vlan;

use super::Trust;

/// A change of state at one station, told once when it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageChange {
    /// When it was found.
    pub at: SystemTime,
    pub vlan: Vlan,
    /// Who asks; without its port.
    pub client: IpAddr,
    pub server: SocketAddr,
    pub protocol: Protocol,
    /// As in [`super::Usage`].
    pub station: Option<u32>,
    pub what: Change,
    /// Of the message that showed it, if one did.
    pub trust: Trust,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The station answered; before, it was never seen to.
    Answers,
    /// Another client polled or wrote it for long, and still does.
    SecondMaster { master: IpAddr, since: SystemTime },
    /// A periodic request of this function has not come any more.
    Stopped { poll: Poll, ending: Ending },
    /// It comes again.
    Resumed { poll: Poll },
    /// The median of the last responses is far above the usual one.
    Slower(Pace),
    /// It no longer is.
    AsUsual(Pace),
}

/// A periodic request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    pub function: u16,
    /// From one to the next, as it was learned.
    pub interval: Duration,
    /// When the last one was seen before it stopped.
    pub last: SystemTime,
}

/// What became of the connection in which a poll was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nobody closed it, as far as was seen.
    Open,
    /// The client said that it was done (FIN).
    ByClient,
    /// The server said so.
    ByServer,
    /// One of the two broke it off (RST).
    Reset,
    /// It was forgotten, or there was none.
    Unknown,
}

/// How long responses take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Median over a long time.
    pub usual: Duration,
    /// Median of the last ones.
    pub recent: Duration,
}
