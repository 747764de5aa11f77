//! The simulated serial line: two pseudo-terminals, and between them a shuttle that does to the
//! bytes what cables, noise and slow slaves do.
//!
//! ```text
//!  poller ── terminal │ master ── shuttle ── master │ terminal ── RTU slave
//! ```

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_serial::{SerialPort, SerialStream};

/// Longest RTU frame (Modbus over Serial Line V1.02, section 2.5.1.1).
const MAX_ADU: usize = 256;
/// Diagnostics, sub-function 0: the slave returns the request (Application Protocol, 6.8).
const DIAGNOSTICS: u8 = 8;

/// What a slave takes to answer. It also keeps two frames from running into one: a receiver knows
/// the end of a frame by the silence after it (Serial Line V1.02, section 2.5.1.1).
const TURNAROUND: Duration = Duration::from_millis(25);

/// What happens to one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    FlipBit(usize),
    Delay(Duration),
}

/// A line with nobody on it yet.
pub(super) struct Line {
    /// The terminal a poller opens.
    pub(super) device: PathBuf,
    /// The slave's end.
    pub(super) slave: SerialStream,
    pub(super) shuttle: Shuttle,
}

/// Carries bytes between the two ends.
pub(super) struct Shuttle {
    outer: SerialStream,
    /// Held open: without any holder of the terminal, its master reads an error.
    _terminal: SerialStream,
    inner: SerialStream,
}

impl Line {
    /// Two pseudo-terminals. To be called inside a runtime.
    pub(super) fn open() -> io::Result<Self> {
        let (outer, terminal) = SerialStream::pair()?;
        let (inner, slave) = SerialStream::pair()?;
        let device = terminal.name().ok_or_else(|| io::Error::other("the terminal has no name"))?;
        let shuttle = Shuttle { outer, _terminal: terminal, inner };
        Ok(Self { device: device.into(), slave, shuttle })
    }
}

impl Shuttle {
    /// Carry bytes for ever. Each fault received falls on the next reply.
    pub(super) async fn run(mut self, mut faults: mpsc::Receiver<Fault>) -> io::Result<()> {
        let (mut request, mut reply) = ([0; MAX_ADU], [0; MAX_ADU]);
        loop {
            // Cancel safe: a read that loses the race has taken no byte.
            tokio::select! {
                n = self.outer.read(&mut request) => {
                    let request = request.get(..n?).unwrap_or_default();
                    self.carry_request(request).await?;
                }
                n = self.inner.read(&mut reply) => {
                    let reply = reply.get_mut(..n?).unwrap_or_default();
                    if let Ok(fault) = faults.try_recv() {
                        suffer(fault, reply).await;
                    }
                    self.outer.write_all(reply).await?;
                }
            }
        }
    }

    /// `tokio-modbus` does not serve diagnostics, with which a line is proven again after a late
    /// reply, so the line returns such a request itself.
    async fn carry_request(&mut self, request: &[u8]) -> io::Result<()> {
        match request {
            [_, DIAGNOSTICS, ..] => {
                tokio::time::sleep(TURNAROUND).await;
                self.outer.write_all(request).await
            }
            _ => self.inner.write_all(request).await,
        }
    }
}

async fn suffer(fault: Fault, reply: &mut [u8]) {
    match fault {
        Fault::FlipBit(bit) => flip_bit(reply, bit),
        Fault::Delay(delay) => tokio::time::sleep(delay).await,
    }
}

/// Flip one bit, counted from the first byte's least significant one; nothing beyond the end.
pub(super) fn flip_bit(bytes: &mut [u8], bit: usize) {
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ask through a line whose slave answers every request with `reply`.
    async fn answers(fault: Option<Fault>, n_questions: usize) -> Vec<(Vec<u8>, Duration)> {
        let Line { device, mut slave, shuttle } = Line::open().unwrap();
        let (arm, faults) = mpsc::channel(1);
        if let Some(fault) = fault {
            arm.try_send(fault).unwrap();
        }
        let ask = async {
            let path = device.to_string_lossy().into_owned();
            let mut port = SerialStream::open(&tokio_serial::new(path, 19_200)).unwrap();
            let mut answers = vec![];
            for _ in 0..n_questions {
                let asked = tokio::time::Instant::now();
                port.write_all(&[17, 4, 0, 0]).await.unwrap();
                let mut answer = [0; 4];
                port.read_exact(&mut answer).await.unwrap();
                answers.push((answer.to_vec(), asked.elapsed()));
            }
            answers
        };
        let serve = async {
            let mut request = [0; 4];
            loop {
                slave.read_exact(&mut request).await.unwrap();
                slave.write_all(&[17, 4, 2, 0]).await.unwrap();
            }
        };
        tokio::select! {
            answers = ask => answers,
            () = serve => unreachable!("the slave serves for ever"),
            ended = shuttle.run(faults) => panic!("the shuttle ended: {ended:?}"),
        }
    }

    #[tokio::test]
    async fn a_flipped_bit_reaches_one_reply_only() {
        let answers = answers(Some(Fault::FlipBit(17)), 2).await;
        assert_eq!(answers[0].0, [17, 4, 0, 0]);
        assert_eq!(answers[1].0, [17, 4, 2, 0]);
    }

    #[tokio::test]
    async fn a_delayed_reply_arrives_whole_and_late() {
        let delay = Duration::from_millis(80);
        let answers = answers(Some(Fault::Delay(delay)), 2).await;
        assert_eq!(answers[0].0, [17, 4, 2, 0]);
        assert!(answers[0].1 >= delay && answers[1].1 < delay, "{answers:?}");
    }

    #[tokio::test]
    async fn a_diagnostic_request_is_returned_by_the_line() {
        let Line { device, slave: _slave, shuttle } = Line::open().unwrap();
        let (_arm, faults) = mpsc::channel(1);
        let ask = async {
            let path = device.to_string_lossy().into_owned();
            let mut port = SerialStream::open(&tokio_serial::new(path, 19_200)).unwrap();
            let request = [17, 8, 0, 0, 0xa5, 0x37, 0, 0];
            port.write_all(&request).await.unwrap();
            let mut answer = [0; 8];
            port.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, request);
        };
        tokio::select! {
            () = ask => (),
            ended = shuttle.run(faults) => panic!("the shuttle ended: {ended:?}"),
        }
    }
}
