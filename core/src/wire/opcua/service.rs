//! Services by the identifier that begins their encoding (OPC 10000-6, section 5.2.9 and annex A.3).

use std::fmt;

use super::super::{Layer, WireError};
use super::binary::Fields;

/// A service of OPC 10000-4, called as it is called there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    FindServers,
    FindServersOnNetwork,
    GetEndpoints,
    RegisterServer,
    RegisterServer2,
    OpenSecureChannel,
    CloseSecureChannel,
    CreateSession,
    ActivateSession,
    CloseSession,
    Cancel,
    AddNodes,
    AddReferences,
    DeleteNodes,
    DeleteReferences,
    Browse,
    BrowseNext,
    TranslateBrowsePathsToNodeIds,
    RegisterNodes,
    UnregisterNodes,
    QueryFirst,
    QueryNext,
    Read,
    HistoryRead,
    Write,
    HistoryUpdate,
    Call,
    CreateMonitoredItems,
    ModifyMonitoredItems,
    SetMonitoringMode,
    SetTriggering,
    DeleteMonitoredItems,
    CreateSubscription,
    ModifySubscription,
    SetPublishingMode,
    Publish,
    Republish,
    TransferSubscriptions,
    DeleteSubscriptions,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Service {
    /// The identifier of its request.
    pub fn code(self) -> u16 {
        let row = SERVICES.iter().find(|(service, ..)| *service == self);
        row.and_then(|(_, request, _)| u16::try_from(*request).ok()).unwrap_or_default()
    }

    /// The service of which the request has this identifier.
    pub fn of_request(code: u16) -> Option<Self> {
        let row = SERVICES.iter().find(|(_, request, _)| *request == u32::from(code));
        row.map(|(service, ..)| *service)
    }
}

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Request(Service),
    Response(Service),
    /// A response that refuses, without saying to what.
    Fault,
    /// A type that is no service of the standard.
    Unknown,
}

impl Content {
    /// Read the `ExpandedNodeId` at the front of `body` (OPC 10000-6, sections 5.2.2.9 and 5.2.2.10).
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::of(body);
        let encoding = fields.u8()?;
        let (namespace, identifier) = match encoding & !EXPANDED {
            0 => (0, u32::from(fields.u8()?)),
            1 => (u16::from(fields.u8()?), u32::from(fields.u16()?)),
            2 => (fields.u16()?, fields.u32()?),
            3..=5 => return Ok(Self::Unknown), // a string, a GUID, a byte string
            code => return Err(WireError::UnknownCode { layer: Layer::OpcUa, code }),
        };
        let is_standard = namespace == 0 && encoding & EXPANDED == 0;
        Ok(if is_standard { Self::of(identifier) } else { Self::Unknown })
    }

    fn of(identifier: u32) -> Self {
        if identifier == SERVICE_FAULT {
            return Self::Fault;
        }
        let content = |&(service, request, response): &(Service, u32, u32)| match identifier {
            found if found == request => Some(Self::Request(service)),
            found if found == response => Some(Self::Response(service)),
            _ => None,
        };
        SERVICES.iter().find_map(content).unwrap_or(Self::Unknown)
    }
}

/// Flags of an encoding: a namespace URI or the index of a server follows.
const EXPANDED: u8 = 0xc0;
const SERVICE_FAULT: u32 = 397;

/// Services with the identifiers of the binary encodings of request and response.
const SERVICES: [(Service, u32, u32); 39] = [
    (Service::Publish, 826, 829),
    (Service::Read, 631, 634),
    (Service::Write, 673, 676),
    (Service::Call, 712, 715),
    (Service::FindServers, 422, 425),
    (Service::GetEndpoints, 428, 431),
    (Service::RegisterServer, 437, 440),
    (Service::OpenSecureChannel, 446, 449),
    (Service::CloseSecureChannel, 452, 455),
    (Service::CreateSession, 461, 464),
    (Service::ActivateSession, 467, 470),
    (Service::CloseSession, 473, 476),
    (Service::Cancel, 479, 482),
    (Service::AddNodes, 488, 491),
    (Service::AddReferences, 494, 497),
    (Service::DeleteNodes, 500, 503),
    (Service::DeleteReferences, 506, 509),
    (Service::Browse, 527, 530),
    (Service::BrowseNext, 533, 536),
    (Service::TranslateBrowsePathsToNodeIds, 554, 557),
    (Service::RegisterNodes, 560, 563),
    (Service::UnregisterNodes, 566, 569),
    (Service::QueryFirst, 615, 618),
    (Service::QueryNext, 621, 624),
    (Service::HistoryRead, 664, 667),
    (Service::HistoryUpdate, 700, 703),
    (Service::CreateMonitoredItems, 751, 754),
    (Service::ModifyMonitoredItems, 763, 766),
    (Service::SetMonitoringMode, 769, 772),
    (Service::SetTriggering, 775, 778),
    (Service::DeleteMonitoredItems, 781, 784),
    (Service::CreateSubscription, 787, 790),
    (Service::ModifySubscription, 793, 796),
    (Service::SetPublishingMode, 799, 802),
    (Service::Republish, 832, 835),
    (Service::TransferSubscriptions, 841, 844),
    (Service::DeleteSubscriptions, 847, 850),
    (Service::FindServersOnNetwork, 12208, 12209),
    (Service::RegisterServer2, 12211, 12212),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_identifier_means_one_thing() {
        let identifiers = SERVICES.iter().flat_map(|(_, request, response)| [request, response]);
        assert_eq!(identifiers.collect::<BTreeSet<_>>().len(), 2 * SERVICES.len());
        let services: BTreeSet<_> = SERVICES.iter().map(|(service, ..)| service).collect();
        assert_eq!(services.len(), SERVICES.len());
    }

    #[test]
    fn an_identifier_is_read_in_each_of_its_encodings() {
        let read = Ok(Content::Request(Service::Read));
        for bytes in [&[1, 0, 0x77, 2][..], &[2, 0, 0, 0x77, 2, 0, 0], &[1, 0, 0x77, 2, 0xff]] {
            assert_eq!(Content::parse(bytes), read, "{bytes:02x?}");
        }
        assert_eq!(Content::parse(&[1, 0, 0x8d, 1]), Ok(Content::Fault));
        let found = Content::parse(&[1, 0, 0xb1, 0x2f]);
        assert_eq!(found, Ok(Content::Response(Service::FindServersOnNetwork)));
    }

    #[test]
    fn what_is_no_service_of_the_standard_is_unknown() {
        for bytes in [
            &[0, 0x77][..],                      // one byte cannot reach 631
            &[1, 1, 0x77, 2],                    // a namespace of somebody
            &[0x41, 0, 0x77, 2, 1, 0, 0, 0],     // another server's
            &[0x81, 0, 0x77, 2, 1, 0, 0, 0, 97], // a namespace by its URI
            &[3, 0, 0, 1, 0, 0, 0, 97],
            &[2, 0, 0, 0x77, 2, 1, 0],
        ] {
            assert_eq!(Content::parse(bytes), Ok(Content::Unknown), "{bytes:02x?}");
        }
        let unknown = WireError::UnknownCode { layer: Layer::OpcUa, code: 6 };
        assert_eq!(Content::parse(&[6, 0, 0]), Err(unknown));
    }
}
