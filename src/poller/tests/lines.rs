//! What a poller reports of a line: everything that it did there, and nothing of a connection.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::record::{LineCount, LineReport, Uart};
use crate::wire::checksum::crc16_modbus;

use super::super::*;
use super::fake::{EVERY, Echo, Wire, link};

/// Far ends not yet dialled, the last first.
struct Exchange(Mutex<Vec<DuplexStream>>);

impl Dial for Exchange {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let line = self.0.lock().unwrap().pop().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(line))
    }
}

/// Answer so many requests at most and say how many; each third reply has a wrong CRC.
async fn serve(mut line: DuplexStream, n_requests: u32) -> u32 {
    for nth in 1..=n_requests {
        let mut request = [0; 8];
        if line.read_exact(&mut request).await.is_err() {
            return nth - 1;
        }
        let mut reply = vec![request[0], request[1]];
        match request[1] {
            3 => {
                reply.push(request[5] * 2);
                reply.extend(vec![0; usize::from(request[5]) * 2]);
            }
            8 => reply.extend(&request[2..6]),
            _ => reply = vec![request[0], request[1] | 0x80, 1],
        }
        let crc = crc16_modbus(&reply) ^ u16::from(nth.is_multiple_of(3));
        reply.extend(crc.to_le_bytes());
        line.write_all(&reply).await.unwrap();
    }
    sleep(Duration::from_millis(10)).await; // until the last reply was taken
    n_requests
}

/// The reports, and how many requests were answered on the lines, of which the first is lost.
async fn reports(wire: Wire, lasting: Duration) -> (Vec<LineReport>, [u32; 2]) {
    let (first, first_far) = tokio::io::duplex(4096);
    let (second, second_far) = tokio::io::duplex(4096);
    let exchange = Exchange(Mutex::new(vec![second, first]));
    let poller = Poller::new(&"line".into(), link(wire), exchange);
    let (readings, mut readings_out) = mpsc::channel(4);
    let (lines, mut lines_out) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let (mut reports, mut answered) = (vec![], [0; 2]);
    tokio::join!(
        poll(poller, Phase::OF_START, Lanes { readings, lines }, stop.clone()),
        async {
            if wire != Wire::Tcp {
                answered = [serve(first_far, 17).await, serve(second_far, 1000).await];
            }
        },
        async { while readings_out.recv().await.is_some() {} },
        async {
            while let Some(report) = lines_out.recv().await {
                reports.push(report);
            }
        },
        async {
            sleep(lasting).await;
            stop.cancel();
        },
    );
    (reports, answered)
}

#[tokio::test(start_paused = true)]
async fn every_request_is_in_one_report_whether_the_line_is_lost_or_left() {
    let (reports, [lost, left]) = reports(Wire::Rtu(Echo::Served), EVERY * 27 / 4).await;
    let n_requests = lost + left;
    let mut sum = LineCount::default();
    for report in &reports {
        sum.merge(&report.count);
    }
    let total = sum.total();
    assert_eq!(
        (total.requests(), total.damaged),
        (n_requests.into(), (lost / 3 + left / 3).into()),
        "{sum:?}"
    );
    assert!(lost == 17 && left > 10, "{left}");
    assert_eq!(total.timeouts, 0, "nothing was under way");
    assert!(total.probes > 0 && total.ignored_probes == 0);
    assert_eq!(sum.units.keys().collect::<Vec<_>>(), [&1, &2]);
    assert!(sum.discarded_bytes >= 9 * 7 && sum.uart == Uart::Remote, "{sum:?}");
    for report in &reports[..reports.len() - 1] {
        assert!(report.lasted <= 3 * EVERY, "{report:?}");
        let own = |time: &Duration| *time < Duration::from_millis(10);
        assert!(report.reply_times.values().all(own), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_no_line() {
    assert_eq!(reports(Wire::Tcp, 5 * EVERY).await.0, []);
}
