//! Modbus/TCP Security against a TLS server, with certificates made for each test.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use infra_monitor::config::{Device, Endpoint, Link, Tls};
use infra_monitor::poller;
use infra_monitor::tag::{Address, Table, Tag, Type, Value};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Certificates of a device and a monitor by one authority, and a stranger's by another.
struct Plant {
    dir: TempDir,
}

impl Plant {
    fn new() -> Self {
        let ((ca, pem), (other, other_pem)) = (authority("plant"), authority("other"));
        let plant = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(plant.path("ca.pem"), pem).unwrap();
        fs::write(plant.path("other-ca.pem"), other_pem).unwrap();
        plant.issue(&ca, "device", "plc7.example", 2090);
        plant.issue(&ca, "old-device", "plc7.example", 2020);
        plant.issue(&ca, "monitor", "monitor.example", 2090);
        plant.issue(&other, "stranger", "monitor.example", 2090);
        plant
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn issue(&self, ca: &Issuer<'_, KeyPair>, file: &str, name: &str, until: i32) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2010, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, ca).unwrap();
        fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    fn certificates(&self, file: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(self.path(file)).unwrap().map(Result::unwrap).collect()
    }

    /// What a device with the certificate `file` accepts.
    fn acceptor(&self, file: &str) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificates("ca.pem").remove(0)).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{file}.key"))).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(self.certificates(&format!("{file}.pem")), key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    fn tls(&self, address: SocketAddr) -> Tls {
        Tls {
            address,
            ca: self.path("ca.pem"),
            certificate: self.path("monitor.pem"),
            key: self.path("monitor.key"),
            server_name: ServerName::try_from("plc7.example").unwrap(),
        }
    }
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// Serve registers that hold their own addresses to whoever shows a good certificate.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let mut request = [0; 12];
        while stream.read_exact(&mut request).await.is_ok() {
            let [t0, t1, _, _, _, _, unit, function, first_hi, first_lo, _, count] = request;
            let first = u16::from_be_bytes([first_hi, first_lo]);
            let mut reply = vec![t0, t1, 0, 0, 0, count * 2 + 3, unit, function, count * 2];
            reply.extend((first..first + u16::from(count)).flat_map(u16::to_be_bytes));
            stream.write_all(&reply).await.unwrap();
            stream.flush().await.unwrap();
        }
    }
}

/// One reading of a device with the certificate `device`: its value, or why there is none.
async fn read(plant: &Plant, device: &str, change: impl Fn(&mut Tls)) -> Result<Value, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut tls = plant.tls(listener.local_addr().unwrap());
    change(&mut tls);
    let at = Address { table: Table::Holding, index: 107, bit: None };
    let tags = vec![Arc::new(Tag::new("level", at, Type::Uint))];
    let link = Link {
        timeout: Duration::from_secs(5),
        devices: vec![Arc::new(Device { tags, ..Device::new("plc-7", 1) })],
        ..Link::new(Endpoint::Tls(tls))
    };
    tokio::select! {
        () = serve(listener, plant.acceptor(device)) => panic!("the server ended"),
        readings = poller::read_once(&link) => {
            let reading = readings.map_err(|error| error.to_string())?.remove(0);
            let value = reading.samples[0].value.clone();
            value.ok_or_else(|| reading.detail.unwrap().to_string())
        }
    }
}

async fn assert_fails(device: &str, why: &str, change: impl Fn(&Plant, &mut Tls)) {
    let plant = Plant::new();
    let text = read(&plant, device, |tls| change(&plant, tls)).await.unwrap_err();
    assert!(text.contains(why) && text.contains("TLS with tls://127.0.0.1:"), "{text}");
}

#[tokio::test]
async fn a_device_is_read_over_tls_when_both_ends_are_known() {
    let plant = Plant::new();
    assert_eq!(read(&plant, "device", |_| ()).await, Ok(Value::Unsigned(107)));
}

#[tokio::test]
async fn a_device_that_nobody_we_trust_vouches_for_is_not_read() {
    let why = "nobody in `ca` vouches for the device's certificate";
    assert_fails("device", why, |plant, tls| tls.ca = plant.path("other-ca.pem")).await;
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_told_as_such() {
    assert_fails("old-device", "the device's certificate has expired", |_, _| ()).await;
}

#[tokio::test]
async fn a_certificate_of_another_device_is_not_enough() {
    let other = ServerName::try_from("plc8.example").unwrap();
    let why = "the device's certificate has another name";
    assert_fails("device", why, |_, tls| tls.server_name = other.clone()).await;
}

#[tokio::test]
async fn a_device_that_does_not_know_us_is_told_as_such() {
    assert_fails("device", "the device does not accept our `certificate`", |plant, tls| {
        tls.certificate = plant.path("stranger.pem");
        tls.key = plant.path("stranger.key");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_missing_is_named_with_its_key() {
    assert_fails("device", "no-such.pem: No such file", |plant, tls| {
        tls.certificate = plant.path("no-such.pem");
    })
    .await;
}
