//! What every captured interface lost before its ring: read about once a second, by name.
//!
//! The kernel may take its time to answer, and a ring does not wait; so this has a thread of its
//! own, and hands what it counted to the analysers beside the blocks. An interface that is deleted
//! and made again, or that took the name of another, is counted anew.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::block::{Content, Delivery};
use crate::record::{InterfaceCount, Losses, RingCount};
use crate::sys::{CounterReader, InterfaceCounters, SoftnetCounters};

/// Counters of interfaces, and who wants to know of them.
#[derive(Debug)]
pub struct Counters {
    reader: CounterReader,
    /// By interface and ring.
    lanes: BTreeMap<(Arc<str>, u8), Lane>,
}

#[derive(Debug)]
struct Lane {
    deliveries: mpsc::Sender<Delivery>,
    is_first: bool,
    /// Which interface was last counted, and what it and the machine had counted by then.
    known: Option<(u32, Losses)>,
}

/// What stands at the start, when everything may still be opened.
pub fn open() -> io::Result<Counters> {
    Ok(Counters { reader: CounterReader::open()?, lanes: BTreeMap::new() })
}

impl Counters {
    /// Tell one of the rings of an interface from the next look on. What was lost is told to its
    /// first ring alone, number 0, so that it is counted once.
    pub fn follow(&mut self, interface: &Arc<str>, ring: u8, deliveries: mpsc::Sender<Delivery>) {
        let lane = Lane { deliveries, is_first: ring == 0, known: None };
        self.lanes.insert((Arc::clone(interface), ring), lane);
    }

    /// Look at every interface, and tell what it counted since the last look that was told of.
    /// Who has no room for that is told more the next time.
    pub fn look(&mut self) -> io::Result<()> {
        let Self { reader, lanes } = self;
        let softnet = reader.softnet().unwrap_or_default();
        for ((name, _), lane) in lanes {
            match reader.interface(name)? {
                Some(counters) => lane.tell(&counters, softnet),
                None => lane.known = None,
            }
        }
        Ok(())
    }
}

impl Lane {
    fn tell(&mut self, counters: &InterfaceCounters, softnet: SoftnetCounters) {
        let total = total(counters, softnet);
        let known = self.known.filter(|(index, _)| *index == counters.index);
        let told = known.filter(|_| self.is_first);
        let count = InterfaceCount {
            losses: told.map_or_else(Losses::default, |(_, earlier)| total.since(&earlier)),
            mtu: counters.mtu,
            is_loopback: counters.is_loopback,
        };
        let delivery = Delivery {
            at: SystemTime::now(),
            ring: RingCount::default(),
            interface: Some(count),
            content: Content::Empty,
        };
        match self.deliveries.try_send(delivery) {
            Ok(()) => self.known = Some((counters.index, total)),
            // Another interface is counted from now on, even if nobody is told yet.
            Err(TrySendError::Full(_)) if known.is_none() => {
                self.known = Some((counters.index, total));
            }
            // Nobody is told anything any more when the analyser is gone.
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => (),
        }
    }
}

fn total(counters: &InterfaceCounters, softnet: SoftnetCounters) -> Losses {
    Losses {
        rx_missed: counters.rx_missed,
        rx_fifo: counters.rx_fifo,
        rx_crc: counters.rx_crc,
        rx_frame: counters.rx_frame,
        rx_dropped: counters.rx_dropped,
        rx_nohandler: counters.rx_nohandler,
        softnet_dropped: softnet.dropped,
        softnet_squeezed: softnet.squeezed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(room: usize) -> (Lane, mpsc::Receiver<Delivery>) {
        let (deliveries, told) = mpsc::channel(room);
        (Lane { deliveries, is_first: true, known: None }, told)
    }

    fn counted(index: u32, rx_crc: u64) -> InterfaceCounters {
        InterfaceCounters { index, mtu: 1500, rx_crc, ..InterfaceCounters::default() }
    }

    fn crc_of(delivery: &Delivery) -> u64 {
        delivery.interface.unwrap().losses.rx_crc
    }

    #[test]
    fn what_was_counted_before_the_start_or_by_another_interface_is_not_told() {
        let (mut lane, mut told) = lane(8);
        for counters in [counted(3, 70), counted(3, 75), counted(4, 99), counted(4, 100)] {
            lane.tell(&counters, SoftnetCounters::default());
        }
        let crc: Vec<_> = (0..4).map(|_| crc_of(&told.try_recv().unwrap())).collect();
        assert_eq!(crc, [0, 5, 0, 1]);
    }

    #[test]
    fn what_finds_no_room_is_told_with_what_comes_next() {
        let (mut lane, mut told) = lane(1);
        lane.tell(&counted(3, 0), SoftnetCounters { dropped: 5, squeezed: 0 });
        lane.tell(&counted(3, 2), SoftnetCounters { dropped: 6, squeezed: 0 });
        assert_eq!(crc_of(&told.try_recv().unwrap()), 0);
        lane.tell(&counted(3, 7), SoftnetCounters { dropped: 8, squeezed: 0 });
        let delivery = told.try_recv().unwrap();
        assert_eq!((crc_of(&delivery), delivery.interface.unwrap().losses.softnet_dropped), (7, 3));
    }

    #[test]
    fn an_interface_that_is_gone_is_counted_anew_when_it_is_back() {
        let (deliveries, mut told) = mpsc::channel(8);
        let mut counters = open().unwrap();
        counters.follow(&"lo".into(), 0, deliveries.clone());
        counters.follow(&"no-such-if".into(), 0, deliveries);
        counters.look().unwrap();
        counters.look().unwrap();
        for _ in 0..2 {
            assert!(told.try_recv().unwrap().interface.unwrap().is_loopback);
        }
        told.try_recv().unwrap_err();
        assert!(
            counters.lanes[&("lo".into(), 0)].known.is_some()
                && counters.lanes[&("no-such-if".into(), 0)].known.is_none()
        );
    }
}
