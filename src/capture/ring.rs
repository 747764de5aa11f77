//! One ring on one interface, through its ups and downs.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Opened;
use crate::block::{Block, Content, Delivery, Lease};
use crate::record::{Doing, InterfaceState, RingCount};
use crate::sys::RingBlock;
use crate::sys::interface::Interface;

/// How long to wait before looking at the stop token again.
const WAIT: Duration = Duration::from_millis(100);
/// How long the kernel may take to hand over its last block; many block time-outs.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Session<'a> {
    opened: &'a mut Opened,
    deliveries: &'a mpsc::Sender<Delivery>,
    /// As last reported.
    state: Option<InterfaceState>,
    /// Index of the interface the ring is bound to.
    bound: Option<u32>,
}

impl Lease for RingBlock {
    fn bytes(&self) -> &[u8] {
        Self::bytes(self)
    }

    fn follows_loss(&self) -> bool {
        Self::follows_loss(self)
    }
}

/// Whether anybody still wants deliveries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Analyser {
    Listens,
    /// Shutting down.
    Gone,
}

impl<'a> Session<'a> {
    pub(super) fn new(opened: &'a mut Opened, deliveries: &'a mpsc::Sender<Delivery>) -> Self {
        // If not to what there is now, there is a hole.
        let bound = opened.bound.take();
        Self { opened, deliveries, state: None, bound }
    }

    pub(super) fn run(mut self, stop: &CancellationToken) -> io::Result<()> {
        self.follow_interface()?;
        while !stop.is_cancelled() {
            self.opened.activity.set(Doing::Works);
            if self.step()? == Analyser::Gone {
                return Ok(());
            }
        }
        self.drain()
    }

    /// Hand over one block, or wait for one, or for the interface to come back.
    fn step(&mut self) -> io::Result<Analyser> {
        let up = self.state == Some(InterfaceState::Up);
        let mut look = !up;
        let mut analyser = Analyser::Listens;
        match self.opened.ring.next_block(if up { WAIT } else { Duration::ZERO }) {
            Ok(Some(block)) => {
                analyser = self.deliver(Content::Block(Block::Ring(Box::new(block))))?;
            }
            Ok(None) if up => (),
            Ok(None) => self.opened.links.wait(WAIT)?,
            // Said once, even if the interface is up again by now: there is a hole.
            Err(error) if error.kind() == io::ErrorKind::NetworkDown => {
                look = true;
                if up {
                    analyser = self.report(InterfaceState::Down)?;
                }
            }
            Err(error) => return Err(error),
        }
        if self.opened.links.has_changed()? || look {
            analyser = self.follow_interface()?;
        }
        Ok(analyser)
    }

    /// Find out what has become of the interface, and bind to it if it is new.
    ///
    /// One that only went down and came up needs no binding: the kernel resumes by itself.
    fn follow_interface(&mut self) -> io::Result<Analyser> {
        let Some(found) = Interface::find(&self.opened.interface)? else {
            return self.lose();
        };
        if self.bound != Some(found.index()) {
            if self.bound.is_some() {
                self.lose()?; // deleted and made again since we last looked
            }
            match self.opened.ring.rebind(found) {
                Ok(()) => self.bound = Some(found.index()),
                Err(error) if is_no_device(&error) => return Ok(Analyser::Listens), // gone again
                Err(error) => return Err(error),
            }
        }
        let running = found.is_running();
        self.report(if running { InterfaceState::Up } else { InterfaceState::Down })
    }

    /// There is no interface of that name (any more).
    fn lose(&mut self) -> io::Result<Analyser> {
        if self.bound.take().is_some() {
            self.opened.ring.detach()?; // it may only have been renamed
        }
        self.report(InterfaceState::Absent)
    }

    /// Deliver the state if it is news.
    fn report(&mut self, state: InterfaceState) -> io::Result<Analyser> {
        if self.state.replace(state) == Some(state) {
            return Ok(Analyser::Listens);
        }
        self.deliver(Content::Interface(state))
    }

    fn deliver(&mut self, content: Content) -> io::Result<Analyser> {
        let count = self.opened.ring.count()?;
        let ring = RingCount { packets: count.packets, drops: count.drops };
        let delivery = Delivery { at: SystemTime::now(), ring, interface: None, content };
        // Bounded by the number of blocks; waits only while as many deliveries are unread.
        let is_taken =
            self.opened.activity.waiting(|| self.deliveries.blocking_send(delivery).is_ok());
        Ok(if is_taken { Analyser::Listens } else { Analyser::Gone })
    }

    /// Let nothing more in, and hand over all that is there.
    fn drain(mut self) -> io::Result<()> {
        self.opened.ring.detach()?;
        let deadline = Instant::now() + DRAIN_LIMIT;
        while self.opened.ring.n_owed() > 0 && Instant::now() < deadline {
            self.opened.activity.set(Doing::Works);
            match self.opened.ring.next_block(WAIT) {
                Ok(Some(block)) => {
                    if self.deliver(Content::Block(Block::Ring(Box::new(block))))? == Analyser::Gone
                    {
                        return Ok(());
                    }
                }
                Ok(None) => (),
                Err(error) if error.kind() == io::ErrorKind::NetworkDown => (),
                Err(error) => return Err(error),
            }
        }
        self.deliver(Content::Empty)?;
        Ok(())
    }
}

pub(super) fn is_no_device(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(nix::errno::Errno::from_raw);
    matches!(number, Some(nix::errno::Errno::ENODEV | nix::errno::Errno::ENXIO))
}
