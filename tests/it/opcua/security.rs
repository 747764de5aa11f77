//! Protected channels: both sides trust by hand, and say by which file.

use std::path::{Path, PathBuf};
use std::process::Command;

use infra_monitor::config::{Certificates, Security, Server};

use super::server::{Peer, Running};
use super::{Client, config};

/// A self-signed certificate and its key, as the reference configuration says how to make one.
fn certificate(dir: &Path, name: &str, uri: &str) -> Option<(PathBuf, PathBuf)> {
    let [der, pem, key] = ["der", "crt", "pem"].map(|kind| dir.join(format!("{name}.{kind}")));
    let request = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"])
        .args([format!("/CN={name}"), "-addext".into(), format!("subjectAltName=URI:{uri}")])
        .args([
            "-addext",
            "keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment",
        ])
        .args(["-addext", "extendedKeyUsage=clientAuth,serverAuth"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&pem)
        .output()
        .ok()?;
    let convert = Command::new("openssl")
        .args(["x509", "-outform", "der"])
        .arg("-in")
        .arg(&pem)
        .arg("-out")
        .arg(&der)
        .output()
        .ok()?;
    assert!(request.status.success() && convert.status.success(), "{request:?} {convert:?}");
    Some((der, key))
}

#[tokio::test]
async fn a_signed_and_encrypted_channel_is_opened_once_its_certificate_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let Some(theirs) = certificate(dir.path(), "plant", "urn:plant") else {
        eprintln!("skipped: no openssl");
        return;
    };
    let (certificate, key) = certificate(dir.path(), "own", "urn:infra_monitor").unwrap();
    let Some(server) = Running::start_with(Peer::Asyncua, vec![theirs.0, theirs.1]) else { return };
    let pki = dir.path().join("pki");
    let [trusted, rejected] = ["trusted", "rejected"].map(|name| pki.join(name));
    for path in [&trusted, &rejected] {
        std::fs::create_dir_all(path).unwrap();
    }
    let application_uri = "urn:infra_monitor".into();
    let certificates = Certificates { certificate, key, pki, application_uri };
    let wanted = Server { security: Security::Basic256Sha256(certificates), ..config(server.port) };

    let mut client = Client::start(config(server.port));
    let why = client.wait_for_outage().await;
    assert!(why.contains("offers: Basic256Sha256 SignAndEncrypt"), "{why}");
    client.end().await;

    let mut client = Client::start(wanted);
    let why = client.wait_for_outage().await;
    assert!(why.contains("is not trusted") && why.contains("/trusted/CN=plant ["), "{why}");
    let stored = std::fs::read_dir(&rejected).unwrap().next().unwrap().unwrap();
    std::fs::rename(stored.path(), trusted.join(stored.file_name())).unwrap();
    client.wait_for_good("pressure").await;
    client.end().await;
}
