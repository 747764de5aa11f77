//! How the devices of a link are shared among its connections. Pure.
//!
//! A gateway may serve several clients at once. Then each of its connections polls some of the
//! devices and knows nothing of the others: identifiers, suspicion and back-off are its own.

use std::sync::Arc;

use crate::config::Link;

/// The link once for each connection, with the devices that are polled over that one: in turn, so
/// that neighbours in the file do not wait for each other.
pub(super) fn shares(link: Arc<Link>) -> Vec<Arc<Link>> {
    let n_shares = link.max_connections.min(link.devices.len());
    if n_shares <= 1 {
        return vec![link];
    }
    let share = |nth| {
        let devices = link.devices.iter().skip(nth).step_by(n_shares).map(Arc::clone).collect();
        Arc::new(Link { devices, ..Link::clone(&link) })
    };
    (0..n_shares).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Device, Endpoint};

    fn units(max_connections: usize, n_devices: u8) -> Vec<Vec<u8>> {
        let device = |unit| Arc::new(Device::new(&format!("d{unit}"), unit));
        let endpoint = Endpoint::Tcp(([192, 0, 2, 10], 502).into());
        let devices = (1..=n_devices).map(device).collect();
        let link = Arc::new(Link { max_connections, devices, ..Link::new(endpoint) });
        let units = |share: Arc<Link>| share.devices.iter().map(|device| device.unit).collect();
        shares(link).into_iter().map(units).collect()
    }

    #[test]
    fn devices_are_dealt_out_in_their_order() {
        assert_eq!(units(3, 7), [vec![1, 4, 7], vec![2, 5], vec![3, 6]]);
        assert_eq!(units(1, 3), [[1, 2, 3]]);
    }

    #[test]
    fn no_connection_is_made_for_nobody() {
        assert_eq!(units(8, 2), [[1], [2]]);
        assert_eq!(units(8, 0), [[0; 0]]);
    }
}
