//! From a configured server to a session that only has to be driven: endpoint, protection, login.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use opcua::client::transport::TcpConnector;
use opcua::client::{Client, ClientBuilder, Session, SessionEventLoop};
use opcua::crypto::{CertificateStore, PrivateKey, SecurityPolicy};
use opcua::types::{EndpointDescription, MessageSecurityMode};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::{Certificates, Security, Server};

use super::{explain, login, trust};

/// What stands in for the directory of certificates where none is needed. Nothing can be in it.
const NO_PKI: &str = "/dev/null";
/// The server ends a session that it has not heard of for so long.
const SESSION_TIMEOUT_MS: u32 = 60_000;

/// A session that connects when its event loop is polled, and only once.
pub(super) async fn dial(
    server: &Server,
) -> Result<(Arc<Session>, SessionEventLoop<TcpConnector>), String> {
    knock(server).await?;
    let token = login::identity(server)?;
    let client = client(server)?;
    let discovery = client.get_server_endpoints_from_url(&*server.url);
    let offered = match timeout(server.timeout, discovery).await {
        Ok(Ok(offered)) => offered,
        Ok(Err(error)) => return Err(explain::refused(server, "its endpoints", &error)),
        Err(_) => return Err(explain::silent(server)),
    };
    let endpoint = choose(server, &offered)?;
    trust::check(server, &endpoint)?;
    login::check_offered(server, &endpoint)?;
    client
        .session_builder()
        .connect_to_endpoint_directly(endpoint)
        .map(|builder| builder.user_identity_token(token))
        .and_then(|builder| builder.build(Arc::clone(client.certificate_store())))
        .map_err(|error| explain::refused(server, "a session", &error))
}

/// Connect once for the reason if it fails, which the library turns into one code for all.
async fn knock(server: &Server) -> Result<(), String> {
    let connected = timeout(server.timeout, TcpStream::connect(server.address)).await;
    connected
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map(drop)
        .map_err(|error| explain::unreachable(server, &error))
}

fn client(server: &Server) -> Result<Client, String> {
    let certificates = match &server.security {
        Security::None => None,
        Security::Basic256Sha256(certificates) => Some(certificates),
    };
    if let Some(certificates) = certificates {
        check_own(certificates)?;
    }
    let pki = certificates.map_or(Path::new(NO_PKI), |certificates| &certificates.pki);
    let uri = certificates
        .map_or("urn:infra_monitor", |certificates| certificates.application_uri.as_ref());
    let builder = ClientBuilder::new()
        .application_name("infra_monitor")
        .application_uri(uri)
        .product_uri("urn:infra_monitor")
        .session_name("infra_monitor")
        .pki_dir(pki)
        // Trust is the exact certificate, placed by hand. Its host name and dates say no more:
        // plants address by IP, and their clocks are wrong.
        .trust_server_certs(false)
        .verify_server_certs(false)
        .ignore_clock_skew(true)
        // One attempt: who drives the session decides about the next.
        .session_retry_limit(0)
        .recreate_subscriptions(false)
        .session_timeout(SESSION_TIMEOUT_MS)
        .request_timeout(server.timeout)
        .min_publish_interval(server.every.min(Duration::from_millis(100)))
        .publish_timeout(server.every * 5 + server.timeout);
    let builder = match certificates {
        Some(own) => builder.certificate_path(&own.certificate).private_key_path(&own.key),
        None => builder,
    };
    builder.client().map_err(|problems| format!("{}: {}", server.url, problems.join(", ")))
}

/// Find out about unusable files by name, before the library says only that there is no key.
fn check_own(own: &Certificates) -> Result<(), String> {
    let Certificates { certificate, key, pki, application_uri } = own;
    let loaded = CertificateStore::read_cert(certificate).map_err(|error| {
        format!("certificate {}: {error}: check path, rights and format", certificate.display())
    })?;
    loaded.is_application_uri_valid(application_uri).map_err(|_| {
        format!(
            "certificate {} was not made for {application_uri}: set `application_uri` to the URI \
             in it, or make one with subjectAltName=URI:{application_uri}",
            certificate.display()
        )
    })?;
    PrivateKey::read_pem_file(key).map_err(|error| {
        format!("private key {}: {error}: check path, rights and format (PEM)", key.display())
    })?;
    for name in ["trusted", "rejected"] {
        let path: PathBuf = pki.join(name);
        if !path.is_dir() {
            return Err(format!("{} is not a directory that can be read: make it", path.display()));
        }
    }
    Ok(())
}

/// The endpoint that has the protection asked for, at the address we know: what servers write
/// there is often a name that only they can resolve.
fn choose(server: &Server, offered: &[EndpointDescription]) -> Result<EndpointDescription, String> {
    let (policy, mode) = match server.security {
        Security::None => (SecurityPolicy::None, MessageSecurityMode::None),
        Security::Basic256Sha256(_) => {
            (SecurityPolicy::Basic256Sha256, MessageSecurityMode::SignAndEncrypt)
        }
    };
    let is_wanted = |endpoint: &&EndpointDescription| {
        endpoint.security_policy_uri.as_ref() == policy.to_uri() && endpoint.security_mode == mode
    };
    match offered.iter().find(is_wanted) {
        Some(endpoint) => {
            Ok(EndpointDescription { endpoint_url: server.url.as_ref().into(), ..endpoint.clone() })
        }
        None => Err(explain::not_offered(server, offered)),
    }
}
