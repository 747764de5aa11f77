//! Protected channels: both sides trust by hand, and say by which file.

use std::fs;
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

/// A protected server, and a client that was told to trust nobody yet.
struct Plant {
    running: Running,
    wanted: Server,
    trusted: PathBuf,
    rejected: PathBuf,
    folder: tempfile::TempDir,
}

impl Plant {
    fn start(peer: Peer) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let Some(theirs) = certificate(folder.path(), "plant", "urn:plant") else {
            eprintln!("skipped: no openssl");
            return None;
        };
        let (certificate, key) = certificate(folder.path(), "own", "urn:infra_monitor").unwrap();
        let own = match peer {
            Peer::Asyncua => theirs.0,
            Peer::NodeOpcua => theirs.0.with_extension("crt"),
        };
        let own = [own, theirs.1].map(|path| format!("own={}", path.display()));
        let running = Running::start_with(peer, own.into())?;
        let pki = folder.path().join("pki");
        let [trusted, rejected] = ["trusted", "rejected"].map(|name| pki.join(name));
        fs::create_dir_all(&trusted).unwrap();
        let application_uri = "urn:infra_monitor".into();
        let certificates = Certificates { certificate, key, pki, application_uri };
        let security = Security::Basic256Sha256(certificates);
        let wanted = Server { security, ..config(running.port) };
        Some(Self { running, wanted, trusted, rejected, folder })
    }

    async fn outage(&self, server: Server) -> String {
        let mut client = Client::start(server);
        let why = client.wait_for_outage().await;
        client.end().await;
        eprintln!("{why}");
        why
    }
}

async fn a_channel_is_opened_once_its_certificate_is_trusted(peer: Peer) {
    let Some(plant) = Plant::start(peer) else { return };
    fs::create_dir(&plant.rejected).unwrap();
    let why = plant.outage(config(plant.running.port)).await;
    assert!(why.contains("offers: Basic256Sha256 SignAndEncrypt"), "{why}");

    let why = plant.outage(plant.wanted.clone()).await;
    assert!(why.contains("is not trusted") && why.contains("/trusted/CN=plant ["), "{why}");
    let stored = fs::read_dir(&plant.rejected).unwrap().next().unwrap().unwrap();
    let trusted = plant.trusted.join(stored.file_name());
    fs::copy(stored.path(), &trusted).unwrap();
    let why = plant.outage(plant.wanted.clone()).await;
    assert!(why.contains("both trusted and rejected") && why.contains("remove /"), "{why}");

    fs::rename(stored.path(), &trusted).unwrap();
    let mut client = Client::start(plant.wanted.clone());
    client.wait_for_good("pressure").await;
    client.end().await;
}

#[tokio::test]
async fn a_channel_to_asyncua_is_opened_once_its_certificate_is_trusted() {
    a_channel_is_opened_once_its_certificate_is_trusted(Peer::Asyncua).await;
}

#[tokio::test]
async fn a_channel_to_node_opcua_is_opened_once_its_certificate_is_trusted() {
    a_channel_is_opened_once_its_certificate_is_trusted(Peer::NodeOpcua).await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_stored_is_named_with_its_thumbprint_and_place() {
    let Some(plant) = Plant::start(Peer::Asyncua) else { return };
    // Nobody can make a file there, not even root, whom no mode of a directory would stop.
    std::os::unix::fs::symlink("/proc/self", &plant.rejected).unwrap();
    let why = plant.outage(plant.wanted.clone()).await;
    let der = fs::read(plant.folder.path().join("plant.der")).unwrap();
    let thumbprint = thumbprint(&der);
    assert!(why.contains(&format!("compare its thumbprint {thumbprint} with")), "{why}");
    let place = plant.rejected.join(format!("CN=plant [{thumbprint}].der"));
    assert!(why.contains(&format!("could not be stored as {}: ", place.display())), "{why}");

    // It takes one file by hand, and nothing of ours, to be let on.
    fs::write(plant.trusted.join(place.file_name().unwrap()), der).unwrap();
    let mut client = Client::start(plant.wanted.clone());
    client.wait_for_good("pressure").await;
    client.end().await;
}

/// As `openssl` computes it.
fn thumbprint(der: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), der).unwrap();
    let digest = Command::new("openssl").args(["sha1", "-r"]).arg(file.path()).output().unwrap();
    let text = String::from_utf8(digest.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}
