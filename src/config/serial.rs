//! Serial lines: the settings that all of them have, and `[[serial]]`, which is only listened to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeValue;

use crate::record::SourceId;

use super::complaint::Complaint;
use super::endpoint;
use super::field;
use super::field::Parsed;
use super::section::{Names, Section};
use super::{Parity, Serial, SerialTap, StopBits};

/// Every line of the file that is listened to, by name.
pub(super) fn read(
    root: &Section<'_>,
    sources: &mut Names,
    lines: &mut Names,
) -> BTreeMap<SourceId, Arc<SerialTap>> {
    let sections = root.sections("serial", "[[serial]]");
    let taps = sections.iter().filter_map(|section| tap(section, sources, lines));
    taps.map(|(name, tap)| (name, Arc::new(tap))).collect()
}

fn tap(
    section: &Section<'_>,
    sources: &mut Names,
    lines: &mut Names,
) -> Option<(SourceId, SerialTap)> {
    let name = section.required("name", "name = \"line-b\"", field::name("line-b"));
    if let Some(name) = &name {
        sources.take(section, "name", name);
    }
    let help = "poll it or listen to it: two readers of one line take each other's bytes";
    let line = line(section, lines, help);
    let mode = section.required("mode", "mode = \"listen\"", field::choice(MODE));
    section.finish();
    let (Serial { device, baud, parity, stop_bits, .. }, Mode::Listen) = (line?, mode?);
    name.map(|name| (SourceId::from(&*name), SerialTap { device, baud, parity, stop_bits }))
}

/// Required, so that nobody takes the section for one that polls.
#[derive(Clone, Copy)]
enum Mode {
    Listen,
}

const MODE: &[(&str, Mode)] = &[("listen", Mode::Listen)];

/// The line that a section names and sets up; `help` is for one that is named twice.
pub(super) fn line(section: &Section<'_>, lines: &mut Names, help: &str) -> Option<Serial> {
    let path = |value: &DeValue<'_>| {
        Serial::new(field::text(value, "/dev/ttyS0")?).map_err(|error| {
            Complaint::explained(&error, "`ls /dev/serial/by-id /dev/ttyS*` shows what there is")
        })
    };
    let line = section.required("device", "device = \"/dev/ttyS0\"", path);
    if let Some(line) = &line {
        // `/dev//ttyS0` and `/dev/./ttyS0` are the same line. Two links to it in the file system
        // are found out when it is locked.
        let device: PathBuf = line.device.components().collect();
        lines.take_or(section, "device", &device.to_string_lossy(), help);
    }
    let baud = section.optional("baud", baud);
    let parity = section.optional("parity", field::choice(PARITY));
    let stop_bits = section.optional("stop", |value| {
        field::integer(1..=2)(value)
            .map(|bits| if bits == 1 { StopBits::One } else { StopBits::Two })
    });
    let line = line?;
    Some(Serial {
        baud: baud.unwrap_or(line.baud),
        parity: parity.unwrap_or(line.parity),
        stop_bits: stop_bits.unwrap_or(line.stop_bits),
        ..line
    })
}

const PARITY: &[(&str, Parity)] =
    &[("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];

fn baud(value: &DeValue<'_>) -> Parsed<u32> {
    const USUAL: &str = "usual are 9600, 19200, 38400 and 115200";
    let rate =
        field::integer(1..=1_000_000_u32)(value).map_err(|complaint| complaint.help(USUAL))?;
    endpoint::baud(&rate.to_string()).map_err(|error| Complaint::explained(&error, USUAL))
}
