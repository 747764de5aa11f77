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
use crate::sys::{CounterReader, InterfaceCounters, RxCounters, SoftnetCounters};

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
    known: Option<Known>,
}

/// What was counted when it was last told. What could not be read yet is counted from the first time
/// that it can be: what it was before is nobody's loss.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Of the interface.
    index: u32,
    rx: Option<RxCounters>,
    softnet: Option<SoftnetCounters>,
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
    /// Who has no room for that is told more the next time, as of what cannot be read now. Fails
    /// with the first of the interfaces that cannot be looked at, after the others.
    pub fn look(&mut self) -> io::Result<()> {
        let Self { reader, lanes } = self;
        let softnet = reader.softnet();
        let mut looked = Ok(());
        for ((name, _), lane) in lanes {
            match reader.interface(name) {
                Ok(Some(counters)) => lane.tell(&counters, softnet),
                Ok(None) => lane.known = None,
                Err(error) => looked = looked.and(Err(error)),
            }
        }
        looked
    }
}

impl Lane {
    fn tell(&mut self, counters: &InterfaceCounters, softnet: Option<SoftnetCounters>) {
        let (index, rx) = (counters.index, counters.rx);
        let known = self.known.filter(|known| known.index == index);
        let anew = Known { index, rx, softnet };
        let earlier = known.unwrap_or(anew);
        // What cannot be read now has not changed, and is told when it can be.
        let now = Known { index, rx: rx.or(earlier.rx), softnet: softnet.or(earlier.softnet) };
        let earlier = Known { index, rx: earlier.rx.or(rx), softnet: earlier.softnet.or(softnet) };
        let losses = now.total().since(&earlier.total());
        let count = InterfaceCount {
            losses: if self.is_first { losses } else { Losses::default() },
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
            Ok(()) => self.known = Some(now),
            // What is read for the first time is counted from now on, even if nobody is told yet.
            Err(TrySendError::Full(_)) => self.known = Some(earlier),
            // Nobody is told anything any more when the analyser is gone.
            Err(TrySendError::Closed(_)) => (),
        }
    }
}

impl Known {
    fn total(&self) -> Losses {
        let RxCounters { dropped, crc, frame, fifo, missed, nohandler } =
            self.rx.unwrap_or_default();
        let softnet = self.softnet.unwrap_or_default();
        Losses {
            rx_missed: missed,
            rx_fifo: fifo,
            rx_crc: crc,
            rx_frame: frame,
            rx_dropped: dropped,
            rx_nohandler: nohandler,
            softnet_dropped: softnet.dropped,
            softnet_squeezed: softnet.squeezed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(room: usize) -> (Lane, mpsc::Receiver<Delivery>) {
        let (deliveries, told) = mpsc::channel(room);
        (Lane { deliveries, is_first: true, known: None }, told)
    }

    fn counted(index: u32, crc: u64) -> InterfaceCounters {
        let rx = Some(RxCounters { crc, ..RxCounters::default() });
        InterfaceCounters { index, mtu: 1500, is_loopback: false, rx }
    }

    fn drops(dropped: u64) -> SoftnetCounters {
        SoftnetCounters { dropped, squeezed: 0 }
    }

    fn crc_of(delivery: &Delivery) -> u64 {
        delivery.interface.unwrap().losses.rx_crc
    }

    #[test]
    fn what_was_counted_before_the_start_or_by_another_interface_is_not_told() {
        let (mut lane, mut told) = lane(8);
        for counters in [counted(3, 70), counted(3, 75), counted(4, 99), counted(4, 100)] {
            lane.tell(&counters, Some(drops(0)));
        }
        let crc: Vec<_> = (0..4).map(|_| crc_of(&told.try_recv().unwrap())).collect();
        assert_eq!(crc, [0, 5, 0, 1]);
    }

    #[test]
    fn what_finds_no_room_is_told_with_what_comes_next() {
        let (mut lane, mut told) = lane(1);
        lane.tell(&counted(3, 0), Some(drops(5)));
        lane.tell(&counted(3, 2), Some(drops(6)));
        assert_eq!(crc_of(&told.try_recv().unwrap()), 0);
        lane.tell(&counted(3, 7), Some(drops(8)));
        let delivery = told.try_recv().unwrap();
        assert_eq!((crc_of(&delivery), delivery.interface.unwrap().losses.softnet_dropped), (7, 3));
    }

    #[test]
    fn what_could_not_be_read_at_first_is_counted_from_when_it_can_be() {
        let without = InterfaceCounters { rx: None, ..counted(3, 0) };
        let looks = [
            (without, None, (0, 0)),
            (counted(3, 70), None, (0, 0)),
            (counted(3, 71), Some(drops(900)), (1, 0)),
            (without, None, (0, 0)),
            (without, Some(drops(902)), (0, 2)),
            (counted(3, 75), None, (4, 0)),
            (counted(3, 75), Some(drops(905)), (0, 3)),
            (counted(4, 50), None, (0, 0)),
            (counted(4, 51), Some(drops(990)), (1, 0)),
            (counted(4, 51), Some(drops(991)), (0, 1)),
        ];
        let (mut lane, mut told) = lane(1);
        for (nth, (counters, softnet, losses)) in looks.into_iter().enumerate() {
            lane.tell(&counters, softnet);
            let found = told.try_recv().unwrap().interface.unwrap().losses;
            assert_eq!((found.rx_crc, found.softnet_dropped), losses, "{nth}");
        }
        // Nor is it lost on who had no room when it was first read.
        let (mut lane, mut told) = self::lane(1);
        lane.tell(&without, None);
        lane.tell(&counted(3, 70), Some(drops(900)));
        told.try_recv().unwrap();
        lane.tell(&counted(3, 75), Some(drops(901)));
        let found = told.try_recv().unwrap().interface.unwrap().losses;
        assert_eq!((found.rx_crc, found.softnet_dropped), (5, 1));
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
