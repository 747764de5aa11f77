//! `[[capture]]`: the rings on one interface.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::record::SourceId;

use super::Capture;
use super::complaint::Complaint;
use super::field;
use super::section::{Names, Section};
use super::services;

/// Where the threads of a capture run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processors {
    /// Wherever the kernel puts them.
    Any,
    /// Anywhere but on the first, which most interrupts go to, if there is another.
    Auto,
    /// Each ring's on one of these, in turn.
    Listed(Vec<usize>),
}

impl Processors {
    /// That of the threads of one ring, counted from 0, if it is one.
    pub fn of_ring(&self, ring: u8) -> Option<usize> {
        match self {
            Self::Any | Self::Auto => None,
            Self::Listed(cpus) => cpus.iter().cycle().nth(usize::from(ring)).copied(),
        }
    }
}

/// Every capture of the file, by interface.
pub(super) fn read(root: &Section<'_>, sources: &mut Names) -> BTreeMap<SourceId, Arc<Capture>> {
    let sections = root.sections("capture", "[[capture]]");
    let mut n_rings = 0;
    let captures = sections.iter().filter_map(|section| {
        let capture = one(section, sources)?;
        n_rings += u32::from(capture.rings);
        if n_rings > MAX_RINGS_IN_ALL {
            section.report_key("rings", too_many(n_rings));
        }
        Some(capture)
    });
    captures.map(|capture| (SourceId::from(&*capture.interface), Arc::new(capture))).collect()
}

fn one(section: &Section<'_>, sources: &mut Names) -> Option<Capture> {
    let default = Capture::new("");
    let interface = section.required("interface", "interface = \"eth1\"", field::interface);
    if let Some(interface) = &interface {
        sources.take(section, "interface", interface);
    }
    let rings = section.or("rings", default.rings, field::integer(1..=MAX_RINGS));
    let capture = Capture {
        interface: interface.clone().unwrap_or_default(),
        rings,
        cpus: processors(section, rings),
        block_size: section.or("block_size", default.block_size, field::power_of_two(BLOCK_SIZES)),
        blocks: section.or("blocks", default.blocks, field::integer(BLOCKS)),
        block_timeout: section.or("block_timeout", default.block_timeout, field::duration(TIMEOUT)),
        promiscuous: section.or("promiscuous", default.promiscuous, field::flag),
        services: services::read(section),
    };
    section.finish();
    interface.map(|_| capture)
}

/// Bytes: more than a GSO frame of 64 KiB; a power of two, because the kernel rounds up to one.
pub const BLOCK_SIZES: RangeInclusive<u32> = 128 << 10..=8 << 20;

/// One is being filled while another is read. With the largest block this is 2 GiB, which is less
/// than the kernel's limit of 4.
pub const BLOCKS: RangeInclusive<u32> = 2..=256;

/// Each ring costs the kernel another look at every frame.
const MAX_RINGS: u8 = 16;

/// Of all captures: as many descriptors are kept for capture sockets.
pub const MAX_RINGS_IN_ALL: u32 = 64;

fn too_many(n_rings: u32) -> Complaint {
    let message =
        format!("with these there are {n_rings} rings, and {MAX_RINGS_IN_ALL} can be had");
    Complaint::new(message, "take fewer `rings`, or capture the rest on another machine")
}

/// One processor for all rings, a list with one for each, or `"auto"`.
fn processors(section: &Section<'_>, rings: u8) -> Processors {
    let processor = field::integer(0..=1023);
    let read = section.optional("cpu", |value| match (value.as_array(), value.as_str()) {
        (Some(_), _) => field::list(usize::from(MAX_RINGS), &processor)(value).map(Cpu::List),
        (None, Some("auto")) => Ok(Cpu::Auto),
        (None, Some(text)) => {
            let help = "expected a number from 0 to 1023, without quotes, or \"auto\"";
            Err(Complaint::new(format!("\"{text}\" will not do"), help))
        }
        (None, None) => processor(value).map(Cpu::One),
    });
    let listed = match read {
        Some(Cpu::List(listed)) => listed,
        Some(Cpu::One(cpu)) => return Processors::Listed(vec![cpu]),
        Some(Cpu::Auto) => return Processors::Auto,
        None => return Processors::Any,
    };
    if listed.len() != usize::from(rings) {
        let message = format!("{} processors for {rings} rings", listed.len());
        let help = "list one for each ring, or write one number for all of them";
        section.report_key("cpu", Complaint::new(message, help));
    }
    let good = |cpu: Result<usize, Complaint>| {
        cpu.map_err(|complaint| section.report_key("cpu", complaint)).ok()
    };
    Processors::Listed(listed.into_iter().filter_map(good).collect())
}

/// The ways to write `cpu`.
enum Cpu {
    Auto,
    One(usize),
    List(Vec<Result<usize, Complaint>>),
}

/// The kernel counts in milliseconds; above a second nobody would call it monitoring.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(1);
