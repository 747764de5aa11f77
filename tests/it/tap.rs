//! A capture thread in a namespace, and a tally of what it delivers.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use infra_monitor::block::{Content, Delivery, Frame};
use infra_monitor::capture::{self, CaptureError};
use infra_monitor::config;
use infra_monitor::record::{Gap, InterfaceState};
use infra_monitor::sys::inject::Injector;
use infra_monitor::wire::checksum::{finish, sum};
use infra_monitor::wire::packet::{Captured, L4, dissect};
use infra_monitor::wire::{Checksum, Unverified};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio_util::sync::CancellationToken;

use crate::netns::Namespace;

const LIMIT: Duration = Duration::from_secs(20);
/// Of our own frames: TEST-NET-2 to TEST-NET-3 (RFC 5737).
const SOURCE: [u8; 4] = [198, 51, 100, 1];
const DESTINATION: [u8; 4] = [203, 0, 113, 1];
const HEADERS: usize = 14 + 20 + 8;

/// What was delivered so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) packets: u64,
    pub(crate) drops: u64,
    pub(crate) frames: u64,
    /// Of the frames, those that we sent.
    pub(crate) ours: u64,
    /// Of these, those with a wrong UDP checksum, and those whose checksum was not judged.
    pub(crate) corrupt: u64,
    pub(crate) unverified: u64,
    /// Blocks said to follow a loss.
    pub(crate) gaps: u64,
    pub(crate) states: Vec<InterfaceState>,
}

pub(crate) struct Tap {
    pub(crate) seen: Seen,
    deliveries: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
    thread: JoinHandle<Result<(), CaptureError>>,
}

impl Tap {
    pub(crate) fn open(namespace: &Namespace, spec: config::Capture) -> Self {
        let (sender, deliveries) = mpsc::channel(spec.blocks as usize);
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = namespace.spawn(move || {
            let mut opened = capture::open(&spec)?;
            capture::run(&mut opened, &sender, &token)
        });
        Self { seen: Seen::default(), deliveries, stop, thread }
    }

    /// Take deliveries until `enough`.
    pub(crate) fn take_until(&mut self, enough: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !enough(&self.seen) {
            match self.deliveries.try_recv() {
                Ok(delivery) => self.seen.take(delivery),
                Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(1)),
                Err(TryRecvError::Disconnected) => panic!("the capture ended: {:?}", self.seen),
            }
            assert!(Instant::now() < deadline, "not enough after {LIMIT:?}: {:?}", self.seen);
        }
    }

    /// Take deliveries until the interface is in this state, and forget the states before.
    pub(crate) fn take_until_state(&mut self, state: InterfaceState) -> Vec<InterfaceState> {
        self.take_until(|seen| seen.states.last() == Some(&state));
        std::mem::take(&mut self.seen.states)
    }

    /// Stop the capture and take what is left.
    pub(crate) fn close(mut self) -> Seen {
        self.stop.cancel();
        while let Some(delivery) = self.deliveries.blocking_recv() {
            self.seen.take(delivery);
        }
        self.thread.join().unwrap().unwrap();
        self.seen
    }
}

impl Seen {
    /// Nothing vanished uncounted.
    pub(crate) fn assert_balanced(&self) {
        assert_eq!(self.packets, self.frames + self.drops, "{self:?}");
    }

    fn take(&mut self, delivery: Delivery) {
        self.packets += delivery.ring.packets;
        self.drops += delivery.ring.drops;
        match delivery.content {
            Content::Block(block) => {
                self.gaps += u64::from(block.gap() == Gap::Before);
                block.for_each(|frame| self.inspect(frame));
            }
            Content::Interface(state) => self.states.push(state),
            Content::Empty => (),
        }
    }

    fn inspect(&mut self, frame: Frame<'_>) {
        self.frames += 1;
        let packet = dissect(&Captured {
            link: frame.link.unwrap(),
            bytes: frame.bytes,
            wire_len: frame.wire_len,
            stripped_vlan: frame.stripped_vlan,
            checksum_pending: frame.checksum_pending,
        });
        if frame.bytes.get(26..30) != Some(&SOURCE) {
            return;
        }
        self.ours += 1;
        match packet.l4 {
            Some((L4::Udp, Checksum::Valid)) => (),
            Some((L4::Udp, Checksum::Invalid(_))) => self.corrupt += 1,
            Some((L4::Udp, Checksum::Unverified(Unverified::Offloaded))) => self.unverified += 1,
            other => panic!("{other:?}"),
        }
    }
}

/// Send `n` UDP datagrams, every `corrupt_each`-th with a bit flipped in its payload.
pub(crate) fn inject(namespace: &Namespace, interface: &'static str, n: u32, corrupt_each: u32) {
    let send = move || {
        let injector = Injector::open(interface).unwrap();
        for i in 0..n {
            let mut frame = datagram(i);
            if i % corrupt_each == corrupt_each - 1 {
                frame[HEADERS + 10] ^= 0x04;
            }
            injector.send(&frame).unwrap();
        }
    };
    namespace.spawn(send).join().unwrap();
}

/// An Ethernet frame with both checksums right.
fn datagram(number: u32) -> Vec<u8> {
    const PAYLOAD: usize = 64;
    let udp_len = u16::try_from(8 + PAYLOAD).unwrap();
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    let mut ipv4 = vec![0x45, 0];
    ipv4.extend((20 + udp_len).to_be_bytes());
    ipv4.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    ipv4.extend([SOURCE, DESTINATION].concat());
    let header_sum = finish(sum(0, &ipv4));
    ipv4[10..12].copy_from_slice(&header_sum.to_be_bytes());

    let mut udp = [0xc000u16, 9, udp_len, 0].map(u16::to_be_bytes).concat();
    udp.extend(number.to_be_bytes());
    udp.resize(usize::from(udp_len), 0xa5);
    let pseudo = sum(17 + u32::from(udp_len), &ipv4[12..20]);
    let checksum = match finish(sum(pseudo, &udp)) {
        0 => 0xffff, // RFC 768: a computed zero is sent as all ones
        checksum => checksum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(ipv4);
    frame.extend(udp);
    frame
}
