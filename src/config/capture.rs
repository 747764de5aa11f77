//! `[[capture]]`: one ring on one interface.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::record::SourceId;

use super::Capture;
use super::field;
use super::section::{Names, Section};
use super::services;

/// Every capture of the file, by interface.
pub(super) fn read(root: &Section<'_>, sources: &mut Names) -> BTreeMap<SourceId, Arc<Capture>> {
    let sections = root.sections("capture", "[[capture]]");
    let captures = sections.iter().filter_map(|section| one(section, sources));
    captures.map(|capture| (SourceId::from(&*capture.interface), Arc::new(capture))).collect()
}

fn one(section: &Section<'_>, sources: &mut Names) -> Option<Capture> {
    let default = Capture::new("");
    let interface = section.required("interface", "interface = \"eth1\"", field::interface);
    if let Some(interface) = &interface {
        sources.take(section, "interface", interface);
    }
    let capture = Capture {
        interface: interface.clone().unwrap_or_default(),
        cpu: section.optional("cpu", field::integer(0..=1023)),
        // More than a GSO frame of 64 KiB; a power of two, because the kernel rounds up to one.
        block_size: section.or(
            "block_size",
            default.block_size,
            field::power_of_two(128 << 10..=8 << 20),
        ),
        // One is being filled while another is read. With the largest block this is 2 GiB, which
        // is less than the kernel's limit of 4.
        blocks: section.or("blocks", default.blocks, field::integer(2..=256)),
        block_timeout: section.or("block_timeout", default.block_timeout, field::duration(TIMEOUT)),
        promiscuous: section.or("promiscuous", default.promiscuous, field::flag),
        services: services::read(section),
    };
    section.finish();
    interface.map(|_| capture)
}

/// The kernel counts in milliseconds; above a second nobody would call it monitoring.
const TIMEOUT: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(1);
