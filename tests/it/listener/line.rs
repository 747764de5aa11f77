//! A line between two ends, and a copy of what passes for a third.

use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_serial::SerialStream;

/// In which pieces the copy is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hearing {
    EachByte,
    AsItComes,
    /// All of it at the end, in pieces of this size.
    Clumps(usize),
}

/// What the listener is given. One reply in it is damaged.
pub(super) struct Copy {
    end: SerialStream,
    hearing: Hearing,
    held: Vec<u8>,
    n_replies: usize,
    pub(super) n_bytes: u64,
}

/// The reply that is damaged: one to a read.
const DAMAGED: usize = 20;

impl Copy {
    pub(super) fn new(end: SerialStream, hearing: Hearing) -> Self {
        Self { end, hearing, held: vec![], n_replies: 0, n_bytes: 0 }
    }

    /// Carry bytes between the ends until `done`.
    pub(super) async fn carry(
        mut self,
        mut master: SerialStream,
        mut slave: SerialStream,
        done: impl Future<Output = ()>,
    ) -> Self {
        tokio::pin!(done);
        let (mut request, mut reply) = ([0; 512], [0; 512]);
        loop {
            // Cancel safe: `read` is, and what was read is carried before anything is waited for.
            tokio::select! {
                biased;
                n = master.read(&mut request) => {
                    let bytes = &request[..n.unwrap()];
                    self.hear(bytes).await;
                    slave.write_all(bytes).await.unwrap();
                }
                n = slave.read(&mut reply) => {
                    let bytes = &reply[..n.unwrap()];
                    let mut copy = bytes.to_vec();
                    // The server writes each reply at once, so that each is read at once.
                    self.n_replies += 1;
                    if self.n_replies == DAMAGED {
                        copy[3] ^= 0x10;
                    }
                    self.hear(&copy).await;
                    master.write_all(bytes).await.unwrap();
                }
                () = &mut done => return self,
            }
        }
    }

    async fn hear(&mut self, bytes: &[u8]) {
        self.n_bytes += bytes.len() as u64;
        match self.hearing {
            Hearing::EachByte => {
                for byte in bytes.chunks(1) {
                    self.end.write_all(byte).await.unwrap();
                    tokio::task::yield_now().await; // the listener reads it
                }
            }
            Hearing::AsItComes => self.end.write_all(bytes).await.unwrap(),
            Hearing::Clumps(_) => self.held.extend_from_slice(bytes),
        }
    }

    /// Write what was held back.
    pub(super) async fn flush(&mut self) {
        let size = match self.hearing {
            Hearing::EachByte | Hearing::AsItComes => return,
            Hearing::Clumps(size) => size,
        };
        for clump in std::mem::take(&mut self.held).chunks(size) {
            self.end.write_all(clump).await.unwrap();
        }
    }
}
