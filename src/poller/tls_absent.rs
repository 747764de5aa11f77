//! In the place of TLS where it was left out. The configuration refuses links that need it, so that
//! no connection is ever asked for here.

use std::io;

use tokio::net::TcpStream;

use crate::config::Tls;

use super::dial::Dial;

impl Dial for Tls {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        let why =
            "this program was built without TLS; install one that has it (cargo feature `tls`)";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}

/// No failure is of TLS.
pub(super) fn hint(_error: &io::Error) -> Option<&'static str> {
    None
}
