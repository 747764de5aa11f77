//! What would have been allowed instead, for whoever reads of a deviation.

use crate::record::Usage;

use super::{Aspect, Baseline, Grant, Parties, Ranges, union};

impl Baseline {
    /// The nearest that is allowed, as it stands in a sentence; `None` if nothing is. It looks at
    /// every talk.
    pub fn nearest(&self, usage: &Usage, aspect: Aspect) -> Option<String> {
        let of_function = |grant: &&Grant| {
            grant.is_for_station(usage.station) && grant.function.contains(usage.function.into())
        };
        let grants: Vec<_> = self.talks_of(usage).flat_map(|talk| &talk.allow).collect();
        let of_station = || grants.iter().copied().filter(|it| it.is_for_station(usage.station));
        let of_function = || of_station().filter(of_function).collect::<Vec<_>>();
        let allowed = match aspect {
            Aspect::Talk => return self.nearest_parties(usage),
            Aspect::Station => union(&grants, |grant| grant.station.as_ref()),
            Aspect::Function => {
                of_station().flat_map(|grant| grant.function.iter()).cloned().collect()
            }
            Aspect::Address(_) => union(&of_function(), |grant| grant.addresses.as_ref()),
            Aspect::Value(_) => values(&of_function(), usage),
        };
        allowed.iter().next().is_some().then(|| allowed.to_string())
    }

    /// Of those that have anything in common with it, the ones that have most.
    fn nearest_parties(&self, usage: &Usage) -> Option<String> {
        let nearness = |parties: &Parties| {
            let Parties { client, server, protocol, vlan } = parties;
            // Who is asked says more than who asks: most often it is the client that is new.
            let server = if server.contains(usage.server) {
                4
            } else {
                u32::from(server.hosts.contains(usage.server.ip())) * 3
            };
            let client = u32::from(client.contains(usage.client)) * 3;
            let alike = u32::from(*protocol == usage.protocol)
                + u32::from(*vlan == [usage.vlan.outer, usage.vlan.inner]);
            if server + client > 0 { server + client + alike } else { 0 }
        };
        let ranked = self.talks().iter().map(|talk| (nearness(&talk.parties), &talk.parties));
        // The first of several that are equally near.
        let nearest = ranked.filter(|(nearness, _)| *nearness > 0).rev().max_by_key(|it| it.0)?;
        Some(nearest.1.in_words())
    }
}

/// Those that are allowed where it writes, if any are: a value may be good at another address.
fn values(grants: &[&Grant], usage: &Usage) -> Ranges {
    let is_there = |grant: &&Grant| {
        let ends = usage.addresses.as_ref().map(|asked| [*asked.start(), *asked.end()]);
        let mut ends = ends.into_iter().flatten();
        grant.addresses.as_ref().is_none_or(|may| ends.all(|end| may.contains(end)))
    };
    let there: Vec<_> = grants.iter().copied().filter(is_there).collect();
    union(if there.is_empty() { grants } else { &there }, |grant| grant.values.as_ref())
}

impl Parties {
    fn in_words(&self) -> String {
        let Self { client, server, protocol, vlan } = self;
        let tags = match vlan {
            [0, 0] => String::new(),
            [outer, 0] => format!(", VLAN {outer}"),
            [outer, inner] => format!(", VLAN {inner} within {outer}"),
        };
        format!("{client} to {server} in {}{tags}", protocol.name())
    }
}
