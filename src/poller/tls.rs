//! TLS of Modbus/TCP Security: who is believed at either end, and in words why not.
//!
//! Certificates are read for each connection, so that renewed ones are taken up without a reload.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, RootCertStore,
};

use crate::config::Tls;

use super::stream::{self, Stream};

/// A connection is given up whose other end takes longer than this to show who it is; controllers
/// compute slowly.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A file of certificates or a key that is no use.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` {path}: {why}")]
struct UnusableFile {
    key: &'static str,
    path: String,
    why: String,
}

impl Stream for TlsStream<TcpStream> {}

pub(super) async fn connect(tls: &Tls) -> io::Result<TlsStream<TcpStream>> {
    let connector = connector(tls)?;
    let stream = stream::connect(tls.address).await?;
    let secured = connector.connect(tls.server_name.clone(), stream);
    tokio::time::timeout(HANDSHAKE_TIMEOUT, secured).await?
}

/// What to speak TLS with.
fn connector(tls: &Tls) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for root in certificates("ca", &tls.ca)? {
        roots.add(root).map_err(|error| unusable("ca", &tls.ca, &error))?;
    }
    let certificate = certificates("certificate", &tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|e| unread("key", &tls.key, &e))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificate, key)
        .map_err(|error| unusable("key", &tls.key, &error))?;
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificates(key: &'static str, path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates: Vec<_> = certificates.map_err(|error| unread(key, path, &error))?;
    if certificates.is_empty() {
        return Err(unusable(key, path, &"no certificate in it"));
    }
    Ok(certificates)
}

fn unread(key: &'static str, path: &Path, error: &pem::Error) -> io::Error {
    if let pem::Error::Io(error) = error {
        return unusable(key, path, error);
    }
    unusable(key, path, error)
}

fn unusable(key: &'static str, path: &Path, why: &dyn ToString) -> io::Error {
    let path = path.display().to_string();
    io::Error::new(io::ErrorKind::InvalidInput, UnusableFile { key, path, why: why.to_string() })
}

/// The cause and the next step of a failure of TLS; `None` if it is the network's.
pub(super) fn hint(error: &io::Error) -> Option<&'static str> {
    let inner = error.get_ref()?;
    if inner.is::<UnusableFile>() {
        return Some("write a PEM file there that this service may read");
    }
    let error = inner.downcast_ref::<Error>()?;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "not our enums, and they are non-exhaustive"
    )]
    Some(match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the device's certificate has expired: renew it, or set this machine's clock"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the device's certificate is not valid yet: set this machine's clock"
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "nobody in `ca` vouches for the device's certificate: wrong file, or not the device"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the device's certificate has another name: set `server_name`, if it is the device"
            }
            _ => "the device's certificate is no good: make it a new one",
        },
        Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "the device says that our `certificate` has expired: renew it, or set its clock"
        }
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError,
        ) => "the device does not accept our `certificate`: have it trust the issuer",
        Error::InvalidMessage(_) => "no TLS is spoken there; is it the port of plain Modbus/TCP?",
        _ => "the two ends do not agree on TLS; the device must offer TLS 1.2 or 1.3",
    })
}
