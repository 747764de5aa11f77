//! The baseline: who may ask what of whom on the wire, as a file of its own.
//!
//! `learn` writes it, people review it, [`Baseline::covers`] holds what is seen against it. Pure.
//! A capture tells the least and the greatest of what it saw, so that only a first request is
//! judged whole; of a range that has grown, its ends are.

mod file;
mod merge;
mod nearest;
mod prefix;
mod ranges;

pub use file::{BaselineError, parse_baseline, read_baseline};
pub use merge::{Addition, MergeError, merged};
pub use prefix::{Prefix, Service};
pub use ranges::Ranges;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use crate::record::{News, Protocol, Usage};

/// Everything that is allowed. What several entries say adds up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    talks: Vec<Talk>,
    /// Places of those between two hosts, which are most of a large file.
    between_hosts: BTreeMap<(IpAddr, SocketAddr), Vec<usize>>,
    /// Places of the others.
    wide: Vec<usize>,
}

/// What clients may ask of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    pub parties: Parties,
    pub allow: Vec<Grant>,
}

/// Who talks to whom, and in what language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    pub client: Prefix,
    pub server: Service,
    pub protocol: Protocol,
    /// Outer and inner identifier; 0 where there is no tag.
    pub vlan: [u16; 2],
}

/// One thing that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// `None`: any, and none.
    pub station: Option<Ranges>,
    pub function: Ranges,
    /// `None`: any.
    pub addresses: Option<Ranges>,
    /// Of writes. `None`: any.
    pub values: Option<Ranges>,
}

/// How a usage leaves the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    pub aspect: Aspect,
    /// What would have to be allowed beside what is.
    pub missing: Grant,
}

/// The first thing about a usage that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Nothing is allowed between the two.
    Talk,
    /// Nothing is allowed to this station.
    Station,
    Function,
    /// The first address outside.
    Address(u32),
    /// A value outside, or one that is allowed elsewhere only.
    Value(u32),
}

impl Aspect {
    /// As it stands in a field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Talk => "talk",
            Self::Station => "station",
            Self::Function => "function",
            Self::Address(_) => "address",
            Self::Value(_) => "value",
        }
    }
}

impl From<Vec<Talk>> for Baseline {
    fn from(talks: Vec<Talk>) -> Self {
        let mut baseline = Self { talks, ..Self::default() };
        for (place, talk) in baseline.talks.iter().enumerate() {
            match (talk.parties.client.host(), talk.parties.server.host()) {
                (Some(client), Some(server)) => {
                    baseline.between_hosts.entry((client, server)).or_default().push(place);
                }
                (None, _) | (_, None) => baseline.wide.push(place),
            }
        }
        baseline
    }
}

impl Baseline {
    /// In the order of the file.
    pub fn talks(&self) -> &[Talk] {
        &self.talks
    }

    /// Things allowed, of all talks together.
    pub fn n_grants(&self) -> usize {
        self.talks.iter().map(|talk| talk.allow.len()).sum()
    }

    /// Whether everything that is told of `usage` is allowed.
    pub fn covers(&self, usage: &Usage) -> Result<(), Deviation> {
        let station = |grant: &&Grant| grant.is_for_station(usage.station);
        let function = |grant: &&Grant| grant.function.contains(usage.function.into());
        let mut talks = self.talks_of(usage).peekable();
        if talks.peek().is_none() {
            return Err(Deviation::whole(Aspect::Talk, usage));
        }
        let grants: Vec<_> = talks.flat_map(|talk| &talk.allow).filter(station).collect();
        if grants.is_empty() {
            return Err(Deviation::whole(Aspect::Station, usage));
        }
        let grants: Vec<_> = grants.into_iter().filter(function).collect();
        if grants.is_empty() {
            return Err(Deviation::whole(Aspect::Function, usage));
        }
        match deviation(&grants, usage) {
            Some(deviation) => Err(deviation),
            None => Ok(()),
        }
    }

    /// Those that say something about its two parties.
    fn talks_of<'a>(&'a self, usage: &'a Usage) -> impl Iterator<Item = &'a Talk> {
        let between = self.between_hosts.get(&(usage.client, usage.server));
        let places = between.into_iter().flatten().chain(&self.wide);
        let talks = places.filter_map(|place| self.talks.get(*place));
        talks.filter(|talk| talk.parties.are_of(usage))
    }
}

/// How `usage` leaves what is allowed for its station and function.
fn deviation(grants: &[&Grant], usage: &Usage) -> Option<Deviation> {
    let extent = match usage.news {
        News::First => Extent::Whole,
        News::Address | News::Value => Extent::Ends,
    };
    let (addresses, values) = (usage.addresses.as_ref(), values(usage));
    let whole = Grant::of(usage);
    let allowed = union(grants, |grant| grant.addresses.as_ref());
    if let Some((at, outside)) = addresses.and_then(|asked| extent.outside(&allowed, asked)) {
        let missing = Grant { addresses: Some(outside.into()), ..whole };
        return Some(Deviation { aspect: Aspect::Address(at), missing });
    }
    let values = values?;
    let allowed = union(grants, |grant| grant.values.as_ref());
    if let Some((at, outside)) = extent.outside(&allowed, &values) {
        let missing = Grant { values: Some(outside.into()), ..whole };
        return Some(Deviation { aspect: Aspect::Value(at), missing });
    }
    let asked = addresses.filter(|_| extent == Extent::Whole)?;
    let elsewhere = [*values.start(), *values.end()].into_iter().find(|value| {
        let may = |ranges: &Option<Ranges>| ranges.as_ref().is_none_or(|may| may.contains(*value));
        let there: Vec<_> = grants.iter().copied().filter(|grant| may(&grant.values)).collect();
        union(&there, |grant| grant.addresses.as_ref()).gap(asked).is_some()
    })?;
    Some(Deviation { aspect: Aspect::Value(elsewhere), missing: whole })
}

/// How much of a range is known to have been asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All: it is that of one request.
    Whole,
    /// Its ends, in two requests perhaps.
    Ends,
}

impl Extent {
    /// The first number of `asked` that is not allowed, and what would have to be.
    fn outside(
        self,
        allowed: &Ranges,
        asked: &RangeInclusive<u32>,
    ) -> Option<(u32, RangeInclusive<u32>)> {
        let (least, most) = (*asked.start(), *asked.end());
        match self {
            Self::Whole => allowed.gap(asked).map(|first| (first, asked.clone())),
            Self::Ends => match (allowed.contains(least), allowed.contains(most)) {
                (true, true) => None,
                (true, false) => Some((most, most..=most)),
                (false, true) => Some((least, least..=least)),
                (false, false) => Some((least, asked.clone())),
            },
        }
    }
}

/// What several grants allow together in one respect.
fn union<'g>(grants: &[&'g Grant], of: impl Fn(&'g Grant) -> Option<&'g Ranges>) -> Ranges {
    grants.iter().flat_map(|grant| of(grant).unwrap_or(&Ranges::ALL).iter().cloned()).collect()
}

fn values(usage: &Usage) -> Option<RangeInclusive<u32>> {
    usage.values.as_ref().map(|values| u32::from(*values.start())..=u32::from(*values.end()))
}

impl Parties {
    /// Those of `usage`, to the host.
    pub fn of(usage: &Usage) -> Self {
        Self {
            client: usage.client.into(),
            server: usage.server.into(),
            protocol: usage.protocol,
            vlan: [usage.vlan.outer, usage.vlan.inner],
        }
    }

    fn are_of(&self, usage: &Usage) -> bool {
        self.client.contains(usage.client)
            && self.server.contains(usage.server)
            && self.protocol == usage.protocol
            && self.vlan == [usage.vlan.outer, usage.vlan.inner]
    }
}

impl Grant {
    /// All that is told of `usage`, and no more.
    pub fn of(usage: &Usage) -> Self {
        Self {
            station: usage.station.map(Ranges::from),
            function: u32::from(usage.function).into(),
            addresses: usage.addresses.clone().map(Ranges::from),
            values: values(usage).map(Ranges::from),
        }
    }

    fn is_for_station(&self, station: Option<u32>) -> bool {
        match (&self.station, station) {
            (None, _) => true,
            (Some(stations), Some(station)) => stations.contains(station),
            (Some(_), None) => false,
        }
    }
}

impl Deviation {
    fn whole(aspect: Aspect, usage: &Usage) -> Self {
        Self { aspect, missing: Grant::of(usage) }
    }
}

/// As it stands in the file, within `allow`.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { station, function, addresses, values } = self;
        let keys = [
            ("station", station.as_ref()),
            ("function", Some(function)),
            ("addresses", addresses.as_ref()),
            ("values", values.as_ref()),
        ];
        let keys = keys.into_iter().filter_map(|(key, ranges)| Some((key, ranges?.as_toml())));
        let keys: Vec<_> = keys.map(|(key, ranges)| format!("{key} = {ranges}")).collect();
        write!(f, "{{ {} }}", keys.join(", "))
    }
}

/// As they stand in the file, at the head of a `[[talk]]`.
impl fmt::Display for Parties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, server, protocol, vlan } = self;
        write!(f, "[[talk]]\nclient = \"{client}\"\nserver = \"{server}\"\n")?;
        writeln!(f, "protocol = \"{}\"", protocol.name())?;
        let tags = ["vlan", "vlan_inner"].into_iter().zip(vlan).filter(|(_, id)| **id != 0);
        tags.into_iter().try_for_each(|(key, id)| writeln!(f, "{key} = {id}"))
    }
}

#[cfg(test)]
mod tests;
