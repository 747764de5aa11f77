//! Which links the wire may speak for: those whose Modbus/TCP a capture of this process follows.
//!
//! Pollers and analysers know nothing of each other; both are told from here, so that a link
//! whose exchanges are kept on one side is watched for on the other. TLS hides what it carries,
//! and RTU frames in TCP are not read off the wire: such links are not compared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Capture;
use crate::config::Endpoint;
use crate::config::Polled;
use crate::flow::WatchList;
use crate::record::Protocol;
use crate::record::SourceId;

/// Ports that captures follow. Captures are made once, so this outlives every reload.
#[derive(Clone, Debug)]
pub(super) struct Followed(Arc<BTreeSet<u16>>);

impl Followed {
    pub(super) fn by<'a>(captures: impl IntoIterator<Item = &'a Arc<Capture>>) -> Self {
        let ports = captures.into_iter().flat_map(|capture| capture.services.of(Protocol::Modbus));
        Self(Arc::new(ports.collect()))
    }

    /// The server behind a link, if a capture may see what it answers.
    pub(super) fn server(&self, link: &Polled) -> Option<SocketAddr> {
        let address = match link {
            Polled::Modbus(link) => match &link.endpoint {
                Endpoint::Tcp(address) => *address,
                Endpoint::RtuOverTcp(_) | Endpoint::Tls(_) | Endpoint::Serial(_) => return None,
            },
            Polled::OpcUa(_) | Polled::Tap(_) => return None,
        };
        self.0.contains(&address.port()).then_some(address)
    }

    /// What analysers are to look out for.
    pub(super) fn watch_list(&self, polled: &BTreeMap<SourceId, Polled>) -> WatchList {
        polled.values().filter_map(|link| self.server(link)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Link;
    use crate::config::Server;

    use super::*;

    fn link(endpoint: Endpoint) -> Polled {
        Polled::Modbus(Arc::new(Link::new(endpoint)))
    }

    #[test]
    fn only_modbus_tcp_on_a_port_that_a_capture_follows_is_watched() {
        let capture = |ports: &[u16]| {
            let capture = Capture::new("eth1");
            let services = capture.services.with(Protocol::Modbus, ports);
            Arc::new(Capture { services, ..capture })
        };
        let address = |port| SocketAddr::from(([192, 0, 2, 10], port));
        let followed = Followed::by(&[capture(&[502, 1502]), capture(&[5020])]);
        let server = |polled| followed.server(&polled);
        for port in [502, 1502, 5020] {
            assert_eq!(server(link(Endpoint::Tcp(address(port)))), Some(address(port)));
        }
        assert_eq!(server(link(Endpoint::Tcp(address(503)))), None);
        assert_eq!(server(link(Endpoint::RtuOverTcp(address(502)))), None);
        assert_eq!(server(Polled::OpcUa(Arc::new(Server::new(address(502))))), None);
        assert_eq!(Followed::by(&[]).server(&link(Endpoint::Tcp(address(502)))), None);
    }

    #[test]
    fn the_list_is_that_of_the_links() {
        let followed = Followed::by(&[Arc::new(Capture::new("eth1"))]);
        let address = |last| SocketAddr::from(([192, 0, 2, last], 502));
        let polled: BTreeMap<SourceId, _> = [("a", 1), ("b", 2), ("c", 1)]
            .map(|(id, last)| (id.into(), link(Endpoint::Tcp(address(last)))))
            .into();
        assert_eq!(followed.watch_list(&polled), [address(2), address(1)].into_iter().collect());
        assert_eq!(followed.watch_list(&BTreeMap::new()), WatchList::default());
    }
}
