//! In the place of TLS where it was left out. The configuration refuses links that need it, so that
//! no connection is ever asked for here.

use std::io;

use tokio::net::TcpStream;

use crate::config::Tls;

#[expect(clippy::unused_async, reason = "as the one in its place")]
pub(super) async fn connect(_tls: &Tls) -> io::Result<TcpStream> {
    let why = "this program was built without TLS; install one that has it (cargo feature `tls`)";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

/// No failure is of TLS.
pub(super) fn hint(_error: &io::Error) -> Option<&'static str> {
    None
}
