//! Findings as a `[[modbus]]` section of the configuration, for an engineer to go on from.
//!
//! Whatever a device said of itself stands in comments, escaped to one line each.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use crate::app::probe::Answering;
use crate::app::probe::Findings;
use crate::app::probe::Plan;
use crate::app::probe::search::Fate;
use crate::app::probe::search::Largest;
use crate::config::Endpoint;
use crate::config::Parity;
use crate::config::Serial;
use crate::config::StopBits;
use crate::config::TransactionId;
use crate::config::Units;

use super::answers;

/// Time-outs that people write.
const TIMEOUTS_MS: [u64; 10] = [200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000];
/// How much slower than the slowest reply seen one may be on a bad day.
const MARGIN: u32 = 3;
/// Characters of an endpoint that its link is called after.
const NAME_LEN: usize = 40;

pub(super) fn section(plan: &Plan, findings: &Findings) -> String {
    let mut text =
        format!("# Found by `infra_monitor probe {}`.\n", one_line(&plan.endpoint.to_string()));
    if let Some(times) = findings.latencies() {
        let [min, median, max] = times.map(answers::milliseconds);
        let n = findings.times.len();
        let _ = writeln!(text, "# {n} replies took {min} to {max} ms, {median} in the middle.");
    }
    text.push_str("[[modbus]]\n");
    let _ = writeln!(text, "name = {}", quoted(&name(&plan.endpoint)));
    endpoint(&mut text, &plan.endpoint);
    let _ = writeln!(text, "timeout = \"{}\"", humantime::format_duration(timeout(findings)));
    if findings.transaction_id == TransactionId::Lenient {
        text.push_str("transaction_id = \"lenient\"\n");
    }
    // Over TCP several units are mostly one device that ignores the unit.
    let n_devices = match plan.endpoint.units() {
        Units::Tcp => 1,
        Units::Serial => findings.units.len(),
    };
    for (nth, found) in findings.units.iter().enumerate().take(n_devices) {
        device(&mut text, found, (nth == 0).then_some(findings));
    }
    let others: Vec<_> =
        findings.units.iter().skip(n_devices).map(|found| found.unit.to_string()).collect();
    if !others.is_empty() {
        let _ = writeln!(
            text,
            "# These units answer too, perhaps as the same device: {}.",
            others.join(", ")
        );
    }
    text
}

// Writing to a String cannot fail, here and below.
fn endpoint(text: &mut String, endpoint: &Endpoint) {
    let tcp = |address: &SocketAddr| quoted(&address.to_string());
    let _ = match endpoint {
        Endpoint::Tcp(address) => writeln!(text, "tcp = {}", tcp(address)),
        Endpoint::RtuOverTcp(address) => {
            writeln!(text, "tcp = {}\nframing = \"rtu\"", tcp(address))
        }
        // Not to be had on the command line: its files are not known here.
        Endpoint::Tls(tls) => writeln!(text, "tcp = {}", tcp(&tls.address)),
        Endpoint::Serial(serial) => writeln!(text, "serial = {}", line(serial)),
    };
}

fn line(serial: &Serial) -> String {
    let parity = match serial.parity {
        Parity::None => "none",
        Parity::Even => "even",
        Parity::Odd => "odd",
    };
    let stop = match serial.stop_bits {
        StopBits::One => 1,
        StopBits::Two => 2,
    };
    let device = quoted(&serial.device.to_string_lossy());
    let mut text = format!(
        "{{ device = {device}, baud = {}, parity = \"{parity}\", stop = {stop}",
        serial.baud
    );
    for (is_on, key) in [(serial.local_echo, "local_echo"), (serial.rs485, "rs485")] {
        if is_on {
            let _ = write!(text, ", {key} = true");
        }
    }
    text + " }"
}

/// Of the first unit more is known.
fn device(text: &mut String, found: &Answering, findings: Option<&Findings>) {
    let unit = found.unit;
    let _ = writeln!(text, "\n[[modbus.device]]\nname = \"unit-{unit}\"");
    for (name, value) in answers::identification(&found.identification) {
        let _ = writeln!(text, "# {name}: {}", one_line(&value));
    }
    let _ = writeln!(text, "unit = {unit}\nevery = \"1s\"");
    let tables = findings.map_or(&[][..], |findings| &findings.tables);
    let limits = tables.iter().filter(|search| !search.table().is_bit()).filter_map(|search| {
        match search.largest() {
            Largest::Limit(count, _) => Some(count),
            Largest::Unknown | Largest::AtLeast(_) | Largest::Protocol(_) => None,
        }
    });
    if let Some(limit) = limits.min() {
        let _ = writeln!(text, "max_registers = {limit}");
    }
    text.push_str("tags = [\n");
    for search in tables {
        let table = search.table();
        let kind = if table.is_bit() { "BOOL" } else { "UINT" };
        for stretch in search.stretches().iter().filter(|stretch| stretch.fate == Fate::Read) {
            let (first, last) = (stretch.first, stretch.last);
            let _ = writeln!(text, "  # {table} {first}..={last}: {}", answers::fate(stretch));
            let _ = writeln!(
                text,
                "  # {{ name = \"{table}-{first}\", at = \"{table}:{first}\", type = \"{kind}\" }},"
            );
        }
        if let Some(remark) = answers::remark(search) {
            let _ = writeln!(text, "  # {table}: {remark}");
        }
    }
    if tables.is_empty() {
        text.push_str("  # { name = \"holding-0\", at = \"holding:0\", type = \"UINT\" },\n");
    }
    text.push_str("]\n");
}

/// Thrice the slowest reply, rounded up to what people write.
fn timeout(findings: &Findings) -> Duration {
    let slowest = findings.latencies().map_or(Duration::ZERO, |[.., max]| max);
    let needed = slowest * MARGIN;
    let mut usual = TIMEOUTS_MS.into_iter().map(Duration::from_millis);
    usual.find(|time| *time >= needed).unwrap_or(Duration::from_secs(60))
}

/// A name for the link, of letters that need no care.
fn name(endpoint: &Endpoint) -> String {
    let name = match endpoint {
        Endpoint::Tcp(address) | Endpoint::RtuOverTcp(address) => address.to_string(),
        Endpoint::Tls(tls) => tls.address.to_string(),
        Endpoint::Serial(serial) => {
            serial.device.file_name().unwrap_or_default().to_string_lossy().into_owned()
        }
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:[]_-".contains(c);
    let plain: String =
        name.chars().map(|c| if is_plain(c) { c } else { '-' }).take(NAME_LEN).collect();
    if plain.is_empty() { "line-a".to_owned() } else { plain }
}

/// A TOML string (TOML 1.0, Basic strings).
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// For a comment, which ends with its line and holds no control characters.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
