//! Any usage, written and read again: it is covered, and nothing a step beside it.

use proptest::prelude::*;

use super::*;

prop_compose! {
    fn ranges(most: u32)(a in 0..=most, b in 0..=most, one in any::<bool>()) -> RangeInclusive<u32> {
        if one { a..=a } else { a.min(b)..=a.max(b) }
    }
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from),]
}

prop_compose! {
    fn usages()(
        (client, server, port) in (address(), address(), any::<u16>()),
        protocol in proptest::sample::select(&Protocol::ALL[..]),
        (outer, inner) in (0..=4095_u16, 0..=4095_u16),
        station in proptest::option::of(any::<u32>()),
        function in any::<u16>(),
        addresses in proptest::option::of(ranges(u32::MAX)),
        values in proptest::option::of(ranges(u16::MAX.into())),
        news in proptest::sample::select(&[News::First, News::Address, News::Value][..]),
    ) -> Usage {
        let value = |value: u32| u16::try_from(value).unwrap();
        Usage {
            vlan: Vlan { outer, inner },
            client,
            server: SocketAddr::new(server, port),
            protocol,
            station,
            function,
            addresses,
            values: values.map(|range| value(*range.start())..=value(*range.end())),
            news,
            ..usage(0, 0..=0)
        }
    }
}

fn written(usages: &[Usage]) -> String {
    let addition = |usage: &Usage| Addition {
        parties: Parties::of(usage),
        grants: vec![(Grant::of(usage), "# a [comment] { \"".to_owned())],
    };
    let additions: Vec<_> = usages.iter().map(addition).collect();
    merged("test.toml", "# kept\n", &additions).unwrap()
}

/// The usages that differ from this one in a single step.
fn steps(usage: &Usage) -> Vec<Usage> {
    let step = |change: &dyn Fn(&mut Usage)| {
        let mut usage = usage.clone();
        change(&mut usage);
        usage
    };
    let mut steps = vec![
        step(&|it| it.function = it.function.wrapping_add(1)),
        step(&|it| it.server.set_port(it.server.port().wrapping_add(1))),
        step(&|it| it.vlan.outer ^= 1),
        step(&|it| it.vlan.inner ^= 1),
        step(&|it| it.client = next(it.client)),
        step(&|it| it.server.set_ip(next(it.server.ip()))),
    ];
    if usage.station.is_some() {
        steps.push(step(&|it| it.station = it.station.map(|station| station.wrapping_add(1))));
    }
    if let Some(range) = usage.addresses.clone() {
        let less = range.start().checked_sub(1).map(|less| less..=*range.end());
        let more = range.end().checked_add(1).map(|more| *range.start()..=more);
        steps.extend(
            [less, more]
                .into_iter()
                .flatten()
                .map(|range| step(&|it| it.addresses = Some(range.clone()))),
        );
    }
    if let Some(range) = usage.values.clone() {
        let less = range.start().checked_sub(1).map(|less| less..=*range.end());
        let more = range.end().checked_add(1).map(|more| *range.start()..=more);
        steps.extend(
            [less, more]
                .into_iter()
                .flatten()
                .map(|range| step(&|it| it.values = Some(range.clone()))),
        );
    }
    steps
}

fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => std::net::Ipv4Addr::from_bits(v4.to_bits() ^ 1).into(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() ^ 1).into(),
    }
}

proptest! {
    #[test]
    fn what_was_learnt_is_covered_and_nothing_a_step_beside_it(usage in usages()) {
        let baseline = baseline(&written(std::slice::from_ref(&usage)));
        prop_assert_eq!(baseline.covers(&usage), Ok(()));
        for beside in steps(&usage) {
            prop_assert!(baseline.covers(&beside).is_err(), "{:?}", beside);
        }
    }

    #[test]
    fn the_line_that_an_event_gives_makes_the_deviation_allowed(
        known in proptest::collection::vec(usages(), 0..4),
        mut seen in usages(),
        copied in 0..8_usize,
    ) {
        // Near what is known, as far as it goes, so that every aspect comes up.
        if let Some(near) = known.first() {
            if copied > 0 { (seen.vlan, seen.client, seen.server, seen.protocol) = (near.vlan, near.client, near.server, near.protocol); }
            if copied > 1 { seen.station = near.station; }
            if copied > 2 { seen.function = near.function; }
            if copied > 4 { seen.addresses = near.addresses.clone(); }
        }
        let mut text = written(&known);
        if let Err(Deviation { missing, .. }) = baseline(&text).covers(&seen) {
            let addition = Addition { parties: Parties::of(&seen), grants: vec![(missing, String::new())] };
            text = merged("test.toml", &text, &[addition]).unwrap();
        }
        prop_assert_eq!(baseline(&text).covers(&seen), Ok(()));
        for usage in &known {
            prop_assert_eq!(baseline(&text).covers(usage), Ok(()));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(\\PC|\n|\\[\\[talk\\]\\]|allow = |[\\[\\]={}\",#.]){0,200}") {
        let _ = parse_baseline("test.toml", &text);
        let _ = merged("test.toml", &text, &[]);
    }

    #[test]
    fn no_mutilation_of_a_good_file_makes_it_panic(
        from in 0..PUMPS.len(),
        n_bytes in 0..40_usize,
        insert in "(\\PC|\n|[\\[\\]={}\",#.]){0,8}",
    ) {
        let to = (from + n_bytes).min(PUMPS.len());
        let text = [&PUMPS[..from], insert.as_str(), &PUMPS[to..]].concat();
        let added = Addition {
            parties: Parties::of(&usage(3, 0..=0)),
            grants: vec![(Grant::of(&usage(99, 0..=0)), "added".to_owned())],
        };
        if let Ok(text) = merged("test.toml", &text, &[added]) {
            prop_assert_eq!(baseline(&text).covers(&usage(99, 0..=0)), Ok(()));
        }
    }
}
