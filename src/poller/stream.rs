//! What a link runs over, and a TCP connection to begin with.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpUserTimeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::record::Uart;

use super::trace::Route;

/// A TCP connection is given up after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// And so is one whose other end acknowledges nothing any more for so long (tcp(7)): a gateway
/// that lost its power says no goodbye.
const USER_TIMEOUT_MS: u32 = 10_000;

/// What a link runs over. The poller knows no more of it, so that it is in the program once.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// What the port behind it has counted so far.
    fn counted(&self) -> Uart {
        Uart::Remote
    }

    /// Both its ends as a capture sees them, if a capture can read what passes.
    fn route(&self) -> Option<Route> {
        None
    }
}

pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    setsockopt(&stream, TcpUserTimeout, &USER_TIMEOUT_MS)?;
    Ok(stream)
}

impl Stream for TcpStream {
    fn route(&self) -> Option<Route> {
        Route::of(self)
    }
}
