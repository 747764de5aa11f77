//! `[[opcua]]`: a server, and the nodes of it that are tags.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeValue;

use crate::record::SourceId;
use crate::tag::Tag;

use super::build::Build;
use super::complaint::Complaint;
use super::field::{self, Parsed};

use super::section::{Names, Section};
use super::tags::{self, Meaning};
use super::{Certificates, Security, Server, User};

/// Every server of the file, by name. Without a client none of them could ever be read, which is
/// said here rather than by a daemon that starts and stays silent.
pub(super) fn read(
    root: &Section<'_>,
    sources: &mut Names,
    build: Build,
) -> BTreeMap<SourceId, Arc<Server>> {
    let sections = root.sections("opcua", "[[opcua]]");
    if let (false, Some(first)) = (build.opcua, sections.first()) {
        first.report(Complaint::new(
            "this build has no OPC UA",
            "install the full package, rebuild with --features opcua, or remove every [[opcua]]",
        ));
    }
    let servers = sections.iter().filter_map(|section| server(section, sources));
    servers.map(|(name, server)| (name, Arc::new(server))).collect()
}

fn server(section: &Section<'_>, sources: &mut Names) -> Option<(SourceId, Server)> {
    let name = section.required("name", "name = \"scada-1\"", field::name("scada-1"));
    if let Some(name) = &name {
        sources.take(section, "name", name);
    }
    let endpoint =
        section.required("endpoint", "endpoint = \"opc.tcp://192.0.2.10:4840\"", endpoint);
    let default = Server::new(SocketAddr::from(([127, 0, 0, 1], PORT)));
    let security = security(section);
    let user = user(section);
    let every = section.or("every", default.every, field::duration(EVERY));
    let timeout = section.or("timeout", default.timeout, field::duration(TIMEOUT));
    let backoff_max = section.or("backoff_max", default.backoff_max, field::duration(BACKOFF));
    let tags = nodes(section);
    tags::report_expectations(section, &tags, every);
    section.finish();
    let (address, url) = endpoint?;
    let server =
        Server { url, address, security: security?, user, every, timeout, backoff_max, tags };
    Some((SourceId::from(&*name?), server))
}

/// The port assigned to `opc.tcp`.
const PORT: u16 = 4840;

/// Below it few servers follow; above it nobody would call it monitoring.
const EVERY: RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(3600);

/// From the round trip of a local network to a radio link that is half asleep.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

const BACKOFF: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(3600);

/// An IP address: names are not resolved, for the reasons that links have.
fn endpoint(value: &DeValue<'_>) -> Parsed<(SocketAddr, Arc<str>)> {
    const HELP: &str = "write an IP address, as in \"opc.tcp://192.0.2.10:4840\"; host names are \
                        not looked up, because a resolver that does not answer would stall reading";
    let text = field::text(value, "opc.tcp://192.0.2.10:4840")?;
    let refused = |what: &str| Complaint::new(format!("`{text}` {what}"), HELP);
    let rest =
        text.strip_prefix("opc.tcp://").ok_or_else(|| refused("does not begin with opc.tcp://"))?;
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(refused("has a blank in its path"));
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let address = host
        .parse()
        .or_else(|_| bare.parse().map(|ip: IpAddr| SocketAddr::new(ip, PORT)))
        .map_err(|_| refused("is not an IP address with or without a port"))?;
    if address.port() == 0 {
        return Err(refused("has port 0, which cannot be connected to"));
    }
    let slash = if path.is_empty() { "" } else { "/" };
    Ok((address, format!("opc.tcp://{address}{slash}{path}").into()))
}

/// Which protection was asked for, before it is known what it has.
#[derive(Clone, Copy)]
enum Policy {
    None,
    Basic256Sha256,
}

const POLICIES: &[(&str, Policy)] =
    &[("none", Policy::None), ("basic256sha256", Policy::Basic256Sha256)];

/// Certificates are needed with a protected channel and are a misunderstanding without one.
fn security(section: &Section<'_>) -> Option<Security> {
    const FILES: [&str; 4] = ["certificate", "key", "pki", "application_uri"];
    let policy = section.or("security", Policy::None, field::choice(POLICIES));
    let certificate = section.optional("certificate", field::path("/etc/infra_monitor/own.der"));
    let key = section.optional("key", field::path("/etc/infra_monitor/own.pem"));
    let pki = section.optional("pki", field::path("/var/lib/infra_monitor/pki"));
    let uri =
        section.or("application_uri", "urn:infra_monitor".into(), field::name("urn:infra_monitor"));
    match policy {
        Policy::None => {
            for key in FILES.into_iter().filter(|key| section.span(key).is_some()) {
                let message = "the channel is not protected, so that nothing uses it";
                let help = "remove it, or set security = \"basic256sha256\"";
                section.report_key(key, Complaint::new(message, help));
            }
            Some(Security::None)
        }
        Policy::Basic256Sha256 => {
            let examples = [
                "certificate = \"/etc/infra_monitor/own.der\"",
                "key = \"/etc/infra_monitor/own.pem\"",
                "pki = \"/var/lib/infra_monitor/pki\"",
            ];
            for (key, example) in FILES.into_iter().zip(examples) {
                if section.span(key).is_none() {
                    section.report_missing(&[key], example);
                }
            }
            Some(Security::Basic256Sha256(Certificates {
                certificate: certificate?,
                key: key?,
                pki: pki?,
                application_uri: uri,
            }))
        }
    }
}

fn user(section: &Section<'_>) -> Option<User> {
    let name = section.optional("user", field::name("monitor"));
    let password_file =
        section.optional("password_file", field::path("/etc/infra_monitor/scada-1.password"));
    match (section.span("user"), section.span("password_file")) {
        (Some(_), None) => section.report_missing(
            &["password_file"],
            "password_file = \"/etc/infra_monitor/scada-1.password\", which holds it and nothing else",
        ),
        (None, Some(_)) => section.report_missing(&["user"], "user = \"monitor\""),
        (None, None) | (Some(_), Some(_)) => (),
    }
    Some(User { name: name?, password_file: password_file? })
}

fn nodes(section: &Section<'_>) -> Vec<Arc<Tag>> {
    const EXAMPLE: &str = "tags = [{ name = \"pressure\", node = \"ns=2;s=Pump.Pressure\" }]";
    let mut names = Names::of("another tag here is called");
    let sections = section.sections("tags", "tags = [{ node = … }]");
    if section.span("tags").is_none() {
        section.report_missing(&["tags"], EXAMPLE);
    } else if sections.is_empty() {
        let complaint = Complaint::new("there is nothing to read", format!("write {EXAMPLE}"));
        section.report_key("tags", complaint);
    }
    sections.iter().filter_map(|section| node(section, &mut names)).map(Arc::new).collect()
}

fn node(section: &Section<'_>, names: &mut Names) -> Option<Tag> {
    let name = tags::name(section, names);
    let node = section.required(
        "node",
        "node = \"ns=2;s=Pump.Pressure\"",
        field::parsed::<crate::tag::NodeId>("ns=2;s=Pump.Pressure"),
    );
    let meaning = Meaning::read(section);
    section.finish();
    Some(meaning.of(&name?, node?.into()))
}
