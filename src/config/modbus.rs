//! `[[modbus]]` and `[[modbus.device]]`: a link, and the devices behind it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use toml::de::DeValue;

use crate::record::SourceId;
use crate::tag::Addressing;

use super::build::Build;
use super::checksum;
use super::complaint::Complaint;
use super::endpoint::{self, Units};
use super::field;
use super::field::Parsed;
use super::section::{Names, Section};
use super::serial;
use super::tags::{self, Templates};
use super::{Device, Endpoint, Link, Serial, Tls, TransactionId};

/// Every link of the file, by name. Without TLS the first that asks for it is refused.
pub(super) fn read(
    root: &Section<'_>,
    sources: &mut Names,
    terminals: &mut Names,
    build: Build,
) -> BTreeMap<SourceId, Arc<Link>> {
    let templates = Templates::read(root);
    let mut names =
        LinkNames { sources, lines: terminals, devices: Names::of("another device is called") };
    let sections = root.sections("modbus", "[[modbus]]");
    let secured = sections.iter().find(|section| section.span("tls").is_some());
    if let (false, Some(secured)) = (build.tls, secured) {
        let help = "install the full package, rebuild with --features tls, or remove every `tls`";
        secured.report_key("tls", Complaint::new("this build has no TLS", help));
    }
    let links = sections.iter().filter_map(|section| link(section, &templates, &mut names));
    links.map(|(name, link)| (name, Arc::new(link))).collect()
}

/// What may be given once in a file.
struct LinkNames<'n> {
    sources: &'n mut Names,
    /// A line has one master: two links would hear each other's replies.
    lines: &'n mut Names,
    devices: Names,
}

fn link(
    section: &Section<'_>,
    templates: &Templates<'_>,
    names: &mut LinkNames<'_>,
) -> Option<(SourceId, Link)> {
    let name = section.required("name", "name = \"line-a\"", field::name("line-a"));
    if let Some(name) = &name {
        names.sources.take(section, "name", name);
    }
    let endpoint = endpoint_of(section, names.lines);
    let default = Link::new(Endpoint::Tcp(([127, 0, 0, 1], 502).into()));
    let timeout = section.or("timeout", default.timeout, field::duration(Link::TIMEOUT));
    let backoff_max = section.or("backoff_max", default.backoff_max, field::duration(BACKOFF));
    let transaction_id =
        section.or("transaction_id", default.transaction_id, field::choice(TRANSACTION_ID));
    let pause = section.or("pause", default.pause, field::duration(PAUSE));
    let max_registers = section.or("max_registers", MAX_REGISTERS, max_registers);
    let has_identifiers = matches!(endpoint, Some(Endpoint::Tcp(_) | Endpoint::Tls(_)) | None);
    if !has_identifiers && section.span("transaction_id").is_some() {
        let message = "RTU frames have no transaction identifiers";
        let complaint = Complaint::new(message, "remove it: it belongs to Modbus/TCP");
        section.report_key("transaction_id", complaint);
    }

    let max_in_flight = section.or("max_in_flight", 1, field::integer(1..=MAX_IN_FLIGHT));
    if max_in_flight > 1 && (!has_identifiers || transaction_id == TransactionId::Lenient) {
        let message = "only transaction identifiers tell replies apart that are due together";
        let help = "remove it: it needs Modbus/TCP and transaction_id = \"strict\"";
        section.report_key("max_in_flight", Complaint::new(message, help));
    }
    let max_connections = section.or("max_connections", 1, field::integer(1..=MAX_CONNECTIONS));
    if max_connections > 1 && !has_identifiers {
        let message = "a serial line has one master, and behind a converter too";
        let help = "remove it: it needs Modbus/TCP";
        section.report_key("max_connections", Complaint::new(message, help));
    }

    let sections = section.sections("device", "[[modbus.device]]");
    if section.span("device").is_none() {
        section.report_missing(&["device"], "[[modbus.device]] with a name, a unit and tags");
    }
    let units = endpoint.as_ref().map_or(Units::Tcp, Endpoint::units);
    let shared = Shared { units, max_registers, templates };
    let devices = sections
        .iter()
        .filter_map(|section| device(section, &shared, &mut names.devices))
        .map(Arc::new)
        .collect();
    section.finish();
    let link = Link {
        endpoint: endpoint?,
        timeout,
        backoff_max,
        transaction_id,
        pause,
        max_in_flight,
        max_connections,
        devices,
    };
    name.map(|name| (SourceId::from(&*name), link))
}

const PAUSE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(10);

/// What the protocol allows in one request (Application Protocol V1.1b3, section 6.3).
const MAX_REGISTERS: u16 = 125;

/// Most that a server should be sent at once (TCP V1.0b, section 4.2.2).
const MAX_IN_FLIGHT: usize = 16;

/// Gateways serve few clients at once, and others want to be served too.
const MAX_CONNECTIONS: usize = 8;

fn max_registers(value: &DeValue<'_>) -> Parsed<u16> {
    field::integer(1..=MAX_REGISTERS)(value)
}

const BACKOFF: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

/// Nothing on a serial line answers faster; below it a typo would flood a controller.
const EVERY: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(86_400);

const TRANSACTION_ID: &[(&str, TransactionId)] =
    &[("strict", TransactionId::Strict), ("lenient", TransactionId::Lenient)];

const FRAMING: &[(&str, Framing)] = &[("tcp", Framing::Tcp), ("rtu", Framing::Rtu)];

const ADDRESSING: &[(&str, Addressing)] =
    &[("direct", Addressing::Direct), ("openplc", Addressing::OpenPlc)];

/// Exactly one of `tcp` and `serial`.
fn endpoint_of(section: &Section<'_>, lines: &mut Names) -> Option<Endpoint> {
    let framing = section.or("framing", Framing::Tcp, field::choice(FRAMING));
    let address = section.optional("tcp", |value| tcp(value, section.span("tls").is_some()));
    let security = section.section("tls", "tls = { … }").map(|tls| security(&tls, address));
    let tcp = match (framing, security) {
        (Framing::Tcp, None) => address.map(Endpoint::Tcp),
        (Framing::Rtu, None) => address.map(Endpoint::RtuOverTcp),
        (Framing::Tcp, Some(tls)) => tls.map(Endpoint::Tls),
        (Framing::Rtu, Some(_)) => {
            let message = "Modbus/TCP Security carries no RTU frames";
            section.report_key("framing", Complaint::new(message, "remove it, or `tls`"));
            None
        }
    };
    let line = section.section("serial", "serial = { device = \"…\" }");
    let serial = line.and_then(|line| serial_of(&line, lines)).map(Endpoint::Serial);
    match (section.span("tcp"), section.span("serial")) {
        (None, None) => section.report_missing(
            &["tcp", "serial"],
            "tcp = \"192.0.2.10:502\" or serial = { device = \"/dev/ttyS0\" }",
        ),
        (Some(first), Some(_)) => {
            let message = "a link is either a TCP connection or a serial line";
            let complaint = Complaint::new(message, "remove one, or make two [[modbus]] of it");
            section.report_key("serial", complaint.related(first, "the other is here"));
        }
        (None, Some(_)) if section.span("tls").is_some() => {
            let message = "a serial line has no TLS";
            section.report_key("tls", Complaint::new(message, "remove it: it belongs to `tcp`"));
        }
        (None, Some(_)) if section.span("framing").is_some() => {
            let message = "a serial line always carries RTU frames";
            section
                .report_key("framing", Complaint::new(message, "remove it: it belongs to `tcp`"));
        }
        (Some(_), None) | (None, Some(_)) => (),
    }
    tcp.or(serial)
}

/// What a TCP connection carries.
#[derive(Clone, Copy)]
enum Framing {
    Tcp,
    Rtu,
}

/// Who is believed at either end of a connection to `address`, its name unless another is given.
fn security(section: &Section<'_>, address: Option<SocketAddr>) -> Option<Tls> {
    let [ca, certificate, key] = [
        ("ca", "ca = \"/etc/infra_monitor/ca.pem\""),
        ("certificate", "certificate = \"/etc/infra_monitor/monitor.pem\""),
        ("key", "key = \"/etc/infra_monitor/monitor.key\""),
    ]
    .map(|(key, example)| section.required(key, example, pem));
    let given = section.optional("server_name", server_name);
    section.finish();
    let address = address?;
    let server_name = given.unwrap_or(ServerName::from(address.ip()));
    Some(Tls { address, ca: ca?, certificate: certificate?, key: key?, server_name })
}

fn pem(value: &DeValue<'_>) -> Parsed<PathBuf> {
    let path = field::text(value, "/etc/infra_monitor/ca.pem")?;
    if Path::new(path).is_absolute() && !path.contains('\0') {
        return Ok(path.into());
    }
    let message = format!("\"{path}\" is not an absolute path");
    Err(Complaint::new(message, "write one such as \"/etc/infra_monitor/ca.pem\""))
}

fn server_name(value: &DeValue<'_>) -> Parsed<ServerName<'static>> {
    let name = field::text(value, "plc7.example")?;
    ServerName::try_from(name.to_owned()).map_err(|_| {
        let message = format!("\"{name}\" is neither a host name nor an IP address");
        Complaint::new(message, "write the name that the device's certificate has")
    })
}

fn tcp(value: &DeValue<'_>, is_secure: bool) -> Parsed<SocketAddr> {
    let text = field::text(value, "192.0.2.10:502")?;
    let port = if is_secure { endpoint::TLS_PORT } else { endpoint::MODBUS_PORT };
    Endpoint::address(text, port).map_err(|error| {
        let help = "write an IP address such as \"192.0.2.10:502\"; host names are not looked up, \
                    because a resolver that does not answer would stall polling";
        Complaint::new(error.to_string(), help)
    })
}

fn serial_of(section: &Section<'_>, lines: &mut Names) -> Option<Serial> {
    let line = serial::line(section, lines, "give each one of its own, or merge the two");
    let local_echo = section.or("local_echo", false, field::flag);
    let rs485 = section.or("rs485", false, field::flag);
    section.finish();
    Some(Serial { local_echo, rs485, ..line? })
}

fn unit(value: &DeValue<'_>, units: Units) -> Parsed<u8> {
    let expected = units.expected();
    let unit = field::integer(0..=255_u8)(value).map_err(|complaint| complaint.help(expected))?;
    units.check(unit).map_err(|error| Complaint::explained(&error, expected))
}

/// What a device gets from its link and its file.
struct Shared<'s, 't> {
    units: Units,
    max_registers: u16,
    templates: &'s Templates<'t>,
}

fn device(section: &Section<'_>, link: &Shared<'_, '_>, names: &mut Names) -> Option<Device> {
    let name = section.required("name", "name = \"pump-1\"", field::name("pump-1"));
    if let Some(name) = &name {
        names.take(section, "name", name);
    }
    let unit = section.required("unit", "unit = 1", |value| unit(value, link.units));
    let every = section.or("every", Duration::from_secs(1), field::duration(EVERY));
    let max_registers = section.or("max_registers", link.max_registers, max_registers);
    let addressing = section.or("addressing", Addressing::default(), field::choice(ADDRESSING));
    let n_complaints = section.n_complaints();
    let template = section.optional("template", |value| link.templates.named(value));
    let shared = template.map(|template| template.tags(addressing)).unwrap_or_default();
    let own = tags::read(section, addressing);
    if section.span("template").or(section.span("tags")).is_none() {
        section
            .report_missing(&["template", "tags"], "a template or tags: there is nothing to poll");
    }
    let tags = tags::overridden(shared, own);
    let is_sound = section.n_complaints() == n_complaints && template.is_none_or(|t| t.is_sound);
    let guarded_by = match section.span("checksum") {
        Some(_) => Some(section),
        None => template.map(|template| &template.section),
    };
    let checksum = guarded_by
        .and_then(|section| checksum::read(section, addressing, is_sound.then_some(&tags)))
        .map(Arc::new);
    tags::report_expectations(section, &tags, every);
    section.finish();
    Some(Device { name: name?, unit: unit?, every, max_registers, tags, checksum })
}
