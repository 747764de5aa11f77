//! What a test of frames cannot show: identifiers, and a machine that stands still.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{DuplexStream, ReadBuf};
use tokio::time::{Sleep, advance, sleep};

use crate::config::Endpoint;
use crate::wire::modbus::request::Span;

use super::*;

#[test]
fn identifiers_differ_in_two_bits_and_repeat_only_after_all() {
    let ids: Vec<_> =
        std::iter::successors(Some(following(0)), |id| Some(following(*id))).take(0x7fff).collect();
    assert!(ids.iter().all(|id| *id != 0 && id.count_ones() % 2 == 0));
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 0x7fff);
}

const MS: Duration = Duration::from_millis(1);

/// A socket of which the runtime takes no notice from one time to another.
struct Unnoticed {
    stream: DuplexStream,
    from: Instant,
    until: Pin<Box<Sleep>>,
}

impl AsyncRead for Unnoticed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.from <= Instant::now() {
            ready!(self.until.as_mut().poll(context));
        }
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Unnoticed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What is said of the first of two replies without identifiers, if the machine stands still so
/// often from before the second one on, each time for longer than that is listened for.
async fn confidence_after_standstills(n_standstills: u32) -> Confidence {
    const REPLY: [u8; 11] = [0, 0, 0, 0, 0, 5, 1, 3, 2, 0, 7];
    const STANDSTILL: Duration = Duration::from_millis(370);
    let (stream, mut unit) = tokio::io::duplex(256);
    let start = Instant::now();
    let until = Box::pin(sleep(30 * MS + STANDSTILL * n_standstills + MS));
    let link = Link {
        transaction_id: TransactionId::Lenient,
        ..Link::new(Endpoint::Tcp(([192, 0, 2, 1], 502).into()))
    };
    let mut tcp = Tcp::new(Unnoticed { stream, from: start + 20 * MS, until }, &link);
    let request = [ReadRequest::Holding(Span { first: 0, count: 1 })];
    let answering = async {
        sleep(5 * MS).await;
        unit.write_all(&REPLY).await.unwrap();
        sleep(25 * MS).await;
        unit.write_all(&REPLY).await.unwrap();
        for _ in 0..n_standstills {
            advance(STANDSTILL).await;
        }
    };
    let (outcomes, ()) = tokio::join!(tcp.ask(1, &request), answering);
    assert!(!tcp.is_usable(), "no late reply crosses into the next connection");
    outcomes[0].as_ref().unwrap().confidence
}

#[tokio::test(start_paused = true)]
async fn a_silence_that_the_poller_slept_through_proves_nothing() {
    for n_standstills in 1..LOOKS {
        let told = confidence_after_standstills(n_standstills).await;
        assert!(matches!(told, Confidence::LateReply(_)), "{n_standstills}: {told:?}");
    }
    let told = confidence_after_standstills(LOOKS + 1).await;
    assert_eq!(told, Confidence::Unsettled);
}
