//! A serial line as bursts of bytes between silences. It knows nothing of requests.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::wire::modbus::rtu;
use crate::wire::modbus::rtu::{RequestFrame, Timing};

use super::pace::Pace;

/// A burst longer than this is noise, however long it goes on.
const MAX_BURST: usize = 2 * rtu::MAX_LEN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Lost,
}

pub(super) struct Line<S> {
    stream: S,
    timing: Timing,
    state: State,
    pace: Pace,
    echo: Echo,
    /// Function of the request sent last.
    asked: u8,
    burst: Vec<u8>,
    first_byte: Instant,
    last_byte: Instant,
}

/// Whether the line gives back what is sent on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Never,
    /// Nothing is due: what was sent has come back, or nothing was sent.
    Heard,
    /// This was sent and has not come back.
    Due(RequestFrame),
}

impl Echo {
    fn of(self, frame: RequestFrame) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::Heard | Self::Due(_) => Self::Due(frame),
        }
    }

    /// True if `burst` may become the request that is due.
    fn begins(self, burst: &[u8]) -> bool {
        match self {
            Self::Never | Self::Heard => false,
            Self::Due(request) => {
                let request = request.as_bytes();
                burst.len() < request.len() && request.starts_with(burst)
            }
        }
    }
}

/// Silence between frames. Timers have a resolution of a millisecond, and the runtime may not have
/// looked at the port since; so never less than two.
pub(super) fn frame_gap(timing: Timing) -> Duration {
    timing.t3_5.max(Duration::from_millis(2))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(super) fn new(stream: S, timing: Timing, pace: Pace, echo: Echo) -> Self {
        let now = Instant::now();
        let burst = Vec::with_capacity(MAX_BURST);
        Self {
            stream,
            timing,
            state: State::Open,
            pace,
            echo,
            asked: 0,
            burst,
            first_byte: now,
            last_byte: now,
        }
    }

    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    /// False once the serial device failed: it has to be opened again.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Send, and say when the last byte will have left: the kernel buffers, and `tcdrain(3)`
    /// would block the runtime's worker for as long as it takes.
    pub(super) async fn send(&mut self, frame: RequestFrame) -> io::Result<Instant> {
        self.pace.mark();
        self.echo = self.echo.of(frame);
        let frame = frame.as_bytes();
        self.asked = frame.get(1).copied().unwrap_or_default();
        self.stream.write_all(frame).await.inspect_err(|_| self.state = State::Lost)?;
        Ok(Instant::now() + self.timing.transmission(frame.len()))
    }

    /// Receive one burst. A complete frame ends with a silence of 3.5 characters; an incomplete
    /// one may go on until `deadline`, since adapters deliver in pieces. Empty: nothing came.
    pub(super) async fn receive(&mut self, deadline: Instant) -> io::Result<&[u8]> {
        self.burst.clear();
        self.receive_rest(deadline).await
    }

    /// The burst that arrived meanwhile, without waiting for one: even a deadline of now would
    /// wait for the next tick of the timer, a millisecond.
    pub(super) async fn arrived(&mut self) -> io::Result<&[u8]> {
        self.burst.clear();
        let outcome = tokio::select! { // `read_buf` is cancel safe
            biased;
            outcome = self.stream.read_buf(&mut self.burst) => outcome,
            () = std::future::ready(()) => return Ok(&self.burst),
        };
        self.note_read(outcome)?;
        self.drop_echo();
        self.receive_rest(Instant::now()).await
    }

    async fn receive_rest(&mut self, deadline: Instant) -> io::Result<&[u8]> {
        loop {
            let until =
                if self.is_complete() { self.last_byte + self.frame_gap() } else { deadline };
            let is_more = self.read(until).await?;
            self.drop_echo();
            if !is_more || self.burst.len() >= MAX_BURST {
                return Ok(&self.burst);
            }
        }
    }

    /// The burst received last.
    pub(super) fn burst(&self) -> &[u8] {
        &self.burst
    }

    /// When the first and the last byte of the burst arrived.
    pub(super) fn arrival(&self) -> (Instant, Instant) {
        (self.first_byte, self.last_byte)
    }

    /// True if the burst is a whole frame or more, or cannot become one.
    pub(super) fn is_complete(&self) -> bool {
        if self.echo.begins(&self.burst) {
            return false;
        }
        match rtu::reply_len(&self.burst) {
            Ok(Some(len)) => self.burst.len() >= len,
            Ok(None) => false,
            // Only if such a reply is due: another master's request has the same function.
            Err(_) if self.burst.get(1) == Some(&self.asked) => {
                rtu::identity_len(&self.burst).is_some_and(|len| self.burst.len() >= len)
            }
            Err(_) => true,
        }
    }

    /// Silence between frames.
    pub(super) fn frame_gap(&self) -> Duration {
        frame_gap(self.timing)
    }

    /// Remove our own request from the front of the burst, once and only as a whole.
    fn drop_echo(&mut self) {
        let Echo::Due(request) = self.echo else { return };
        let request = request.as_bytes();
        if self.burst.starts_with(request) {
            self.burst.drain(..request.len());
            self.first_byte = self.last_byte;
            self.echo = Echo::Heard;
        }
    }

    /// True if the silence between frames has passed since the last byte.
    pub(super) fn is_silent(&self) -> bool {
        self.last_byte + self.frame_gap() <= Instant::now()
    }

    /// Silence that is yet to be kept before the next request.
    pub(super) fn rest(&self) -> Duration {
        self.pace.remaining()
    }

    /// Append what arrives before `until`; false if nothing does.
    async fn read(&mut self, until: Instant) -> io::Result<bool> {
        match timeout_at(until, self.stream.read_buf(&mut self.burst)).await {
            Err(_elapsed) => Ok(false),
            Ok(outcome) => self.note_read(outcome).map(|()| true),
        }
    }

    fn note_read(&mut self, outcome: io::Result<usize>) -> io::Result<()> {
        let n_bytes = match outcome {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            outcome => outcome,
        };
        let n_bytes = n_bytes.inspect_err(|_| self.state = State::Lost)?;
        self.last_byte = Instant::now();
        self.pace.mark();
        if n_bytes == self.burst.len() {
            self.first_byte = self.last_byte;
        }
        Ok(())
    }
}
