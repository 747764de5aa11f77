//! Which servers are believed: those whose certificate an operator put into `trusted`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use opcua::crypto::{CertificateStore, X509};
use opcua::types::EndpointDescription;

use crate::config::{Certificates, Security, Server};

use super::explain;

/// Most certificates kept in `rejected`: whoever answers at an address could send a new one each
/// time.
const MAX_REJECTED: usize = 100;

/// Name the file that would make the server trusted, instead of only refusing it.
pub(super) fn check(server: &Server, endpoint: &EndpointDescription) -> Result<(), String> {
    let Security::Basic256Sha256(Certificates { pki, .. }) = &server.security else {
        return Ok(());
    };
    let theirs = X509::from_byte_string(&endpoint.server_certificate)
        .map_err(|error| explain::refused(server, "a certificate", &error))?;
    let name = CertificateStore::cert_file_name(&theirs);
    let (trusted, rejected) = (pki.join("trusted").join(&name), pki.join("rejected").join(&name));
    if trusted.is_file() && rejected.is_file() {
        return Err(format!(
            "the certificate of {} is both trusted and rejected: if it is to be trusted, remove {}",
            server.url,
            rejected.display()
        ));
    }
    if trusted.is_file() {
        return Ok(());
    }
    let der = theirs.to_der().map_err(io::Error::other);
    let stored = der.and_then(|der| store(&der, &rejected));
    Err(explain::untrusted(server, &theirs.thumbprint(), &trusted, &rejected, stored.err()))
}

/// Keep a certificate in `rejected`, from where it can be moved. Not being able to is no failure.
fn store(der: &[u8], rejected: &Path) -> io::Result<()> {
    if rejected.is_file() {
        return Ok(());
    }
    let folder = rejected.parent().unwrap_or(rejected);
    if fs::read_dir(folder)?.count() >= MAX_REJECTED {
        let text = format!("it holds {MAX_REJECTED} already");
        return Err(io::Error::new(ErrorKind::QuotaExceeded, text));
    }
    let written = fs::write(rejected, der);
    if written.is_err() {
        // Half a certificate would be moved and then not believed.
        let _ = fs::remove_file(rejected);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_certificates_are_kept_up_to_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = |n: usize| folder.path().join(format!("{n}.der"));
        for n in 0..MAX_REJECTED {
            store(b"certificate", &path(n)).unwrap();
        }
        let full = store(b"certificate", &path(MAX_REJECTED)).unwrap_err();
        assert!(full.to_string().contains("holds 100 already"), "{full}");
        assert!(!path(MAX_REJECTED).exists());
        store(b"certificate", &path(7)).unwrap();
    }
}
