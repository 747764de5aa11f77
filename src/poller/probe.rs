//! Probes: requests whose answers cannot be taken for those of any other request to the unit.

use crate::wire::modbus::request::{ReadRequest, Span};

use super::exchange::Values;

/// A way to show that no earlier reply of a unit is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Return Query Data with a nonce: any reply with function 8, refusals included.
    Echo,
    /// A read with a function not used on this unit: any reply, refusals included.
    OtherFunction(ReadRequest),
    /// A read of a quantity not used on this unit: values only, since a refusal looks the same
    /// whatever was asked.
    OtherQuantity(ReadRequest),
}

impl Probe {
    /// True if a proven reply to the probe shows something.
    pub(super) fn is_met_by(self, values: &Values) -> bool {
        match self {
            Self::Echo | Self::OtherFunction(_) => true,
            Self::OtherQuantity(_) => !matches!(values, Values::Exception(_)),
        }
    }
}

/// Probes for a unit of which only `requests` are ever asked, the surest first.
pub(super) fn ladder(requests: &[ReadRequest]) -> Vec<Probe> {
    let quantity = requests.iter().find_map(|request| other_quantity(*request, requests));
    [Probe::Echo].into_iter().chain(quantity).chain(other_functions(requests)).collect()
}

/// A smaller part of `request`, known to exist, whose answer has another length than that of any
/// of `requests`.
fn other_quantity(request: ReadRequest, requests: &[ReadRequest]) -> Option<Probe> {
    let (Span { first, count }, with): (Span, fn(Span) -> ReadRequest) = match request {
        ReadRequest::Coils(span) => (span, ReadRequest::Coils),
        ReadRequest::Discretes(span) => (span, ReadRequest::Discretes),
        ReadRequest::Holding(span) => (span, ReadRequest::Holding),
        ReadRequest::Input(span) => (span, ReadRequest::Input),
        ReadRequest::Echo { .. } => return None,
    };
    (1..count)
        .map(|count| with(Span { first, count }))
        .find(|probe| requests.iter().all(|request| probe.is_distinguishable_from(*request)))
        .map(Probe::OtherQuantity)
}

fn other_functions(requests: &[ReadRequest]) -> impl Iterator<Item = Probe> {
    const SPAN: Span = Span { first: 0, count: 1 };
    let reads: [fn(Span) -> ReadRequest; 4] =
        [ReadRequest::Holding, ReadRequest::Input, ReadRequest::Coils, ReadRequest::Discretes];
    let is_unused =
        |probe: &ReadRequest| requests.iter().all(|request| request.function() != probe.function());
    reads.into_iter().map(|read| read(SPAN)).filter(is_unused).map(Probe::OtherFunction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(first: u16, count: u16) -> ReadRequest {
        ReadRequest::Holding(Span { first, count })
    }

    #[test]
    fn no_probe_can_be_answered_by_a_reply_to_a_planned_request() {
        let coils = |count| ReadRequest::Coils(Span { first: 0, count });
        let plans = [
            vec![holding(0, 1)],
            vec![holding(0, 10), holding(100, 1), holding(200, 2)],
            vec![coils(5), coils(9), coils(20)],
            vec![holding(0, 2), coils(8), ReadRequest::Input(Span { first: 7, count: 4 })],
        ];
        for plan in plans {
            let probes = ladder(&plan);
            assert!(probes.len() > 1, "{plan:?}");
            for probe in probes {
                let (Probe::OtherQuantity(request) | Probe::OtherFunction(request)) = probe else {
                    continue;
                };
                assert!(plan.iter().all(|other| request.is_distinguishable_from(*other)));
            }
        }
    }

    #[test]
    fn a_narrower_read_lies_inside_a_planned_one() {
        let quantity = ladder(&[holding(7, 2), holding(100, 4)]).into_iter().nth(1);
        assert_eq!(quantity, Some(Probe::OtherQuantity(holding(7, 1))));
    }

    #[test]
    fn a_refusal_shows_nothing_where_a_planned_request_could_be_refused_alike() {
        assert!(!Probe::OtherQuantity(holding(0, 1)).is_met_by(&Values::Exception(2)));
        assert!(Probe::Echo.is_met_by(&Values::Exception(1)));
    }
}
