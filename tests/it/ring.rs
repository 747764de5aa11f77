//! The real ring, block by block, on a loopback of its own.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use infra_monitor::block::Block;
use infra_monitor::sys::interface::Interface;
use infra_monitor::sys::{PacketRing, RingSpec, Share};

use crate::netns::Namespace;

const N_BLOCKS: u32 = 16;
const WAIT: Duration = Duration::from_millis(100);

/// Run `body` in a namespace of its own, with a ring on its loopback.
fn with_ring(body: impl FnOnce(PacketRing, Echo) + Send + 'static) {
    let Some(namespace) = Namespace::new("o") else { return };
    let thread = namespace.spawn(|| {
        let spec = RingSpec {
            block_size: 1 << 18,
            blocks: N_BLOCKS,
            block_timeout: Duration::from_millis(10),
            promiscuous: false,
            share: Share::ALL,
            purpose: [0; 16],
        };
        let mut ring = PacketRing::open(&spec).unwrap();
        ring.rebind(Interface::find("lo").unwrap().unwrap()).unwrap();
        body(ring, Echo(UdpSocket::bind("127.0.0.1:0").unwrap()));
    });
    thread.join().unwrap();
}

/// A socket that speaks to itself.
struct Echo(UdpSocket);

impl Echo {
    fn say(&self, text: &str) {
        self.0.send_to(text.as_bytes(), self.0.local_addr().unwrap()).unwrap();
    }
}

#[test]
fn a_datagram_on_loopback_is_seen_once_and_its_checksum_is_pending() {
    with_ring(|mut ring, echo| {
        (0..3).for_each(|_| echo.say("marked"));
        let (mut seen, mut pending) = (0, 0);
        while let Some(block) = ring.next_block(WAIT).unwrap() {
            Block::Ring(Box::new(block)).for_each(|frame| {
                seen += u32::from(frame.bytes.ends_with(b"marked"));
                pending += u32::from(frame.checksum_pending);
            });
        }
        assert_eq!((seen, pending), (3, 3));
        let count = ring.count().unwrap();
        assert_eq!((count.packets, count.drops, ring.n_owed()), (3, 0, 0));
        assert_eq!(ring.count().unwrap().packets, 0, "reading clears");
    });
}

#[test]
fn a_block_on_loan_is_never_handed_out_twice() {
    with_ring(|mut ring, echo| {
        let mut held = vec![];
        for _ in 0..N_BLOCKS + 8 {
            echo.say("fill");
            held.extend(ring.next_block(WAIT).unwrap()); // one block each, by its time-out
        }
        let mut starts: Vec<_> = held.iter().map(|block| block.bytes().as_ptr()).collect();
        starts.sort_unstable();
        starts.dedup();
        assert_eq!(starts.len(), held.len());
        assert_eq!(held.len(), N_BLOCKS as usize, "all blocks are out, so no further lease");
        held.swap_remove(3); // returned out of order: must not free block 0
        assert!(ring.next_block(WAIT).unwrap().is_none());
        assert!(ring.count().unwrap().drops >= 8);
    });
}

#[test]
fn a_block_on_loan_outlives_its_ring() {
    with_ring(|mut ring, echo| {
        echo.say("marked");
        let block = ring.next_block(WAIT).unwrap().unwrap();
        drop(ring);
        let mut seen = 0;
        Block::Ring(Box::new(block))
            .for_each(|frame| seen += u32::from(frame.bytes.ends_with(b"marked")));
        assert_eq!(seen, 1);
    });
}

#[test]
fn while_a_block_is_on_loan_the_ring_waits_and_does_not_spin() {
    with_ring(|mut ring, echo| {
        echo.say("marked");
        let block = ring.next_block(WAIT).unwrap().unwrap();
        let started = Instant::now();
        assert!(ring.next_block(WAIT).unwrap().is_none());
        assert!(started.elapsed() >= WAIT * 9 / 10, "{:?}", started.elapsed());
        drop(block);
    });
}

#[test]
fn a_detached_ring_receives_nothing_until_it_is_bound_again() {
    with_ring(|mut ring, echo| {
        let lo = Interface::find("lo").unwrap().unwrap();
        for _ in 0..3 {
            echo.say("captured");
            ring.detach().unwrap();
            echo.say("missed");
            assert_eq!(ring.n_owed(), 1, "the kernel still holds the open block");
            assert_eq!(ring.next_block(WAIT).unwrap().unwrap().n_frames(), 1);
            assert_eq!(ring.n_owed(), 0);
            assert!(ring.next_block(WAIT).unwrap().is_none());
            ring.rebind(lo).unwrap();
        }
        assert_eq!(ring.count().unwrap().packets, 3);
    });
}
