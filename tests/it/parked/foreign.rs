//! A store in which somebody else keeps things under our names.

use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};

use infra_monitor::sys::interface::Interface;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::manager::Life;
use super::{INTERFACE, config, ledger, number, plant, send_all};

fn packet_socket() -> OwnedFd {
    socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None).unwrap()
}

/// A packet socket with a ring of this version, as somebody else makes one.
fn ring(version: i32) -> OwnedFd {
    let raw = packet_socket();
    let request = libc::tpacket_req3 {
        tp_block_size: 1 << 17,
        tp_block_nr: 2,
        tp_frame_size: 1 << 11,
        tp_frame_nr: 1 << 7,
        tp_retire_blk_tov: 10,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    set(&raw, libc::PACKET_VERSION, &version);
    set(&raw, libc::PACKET_RX_RING, &request);
    raw
}

#[expect(unsafe_code, reason = "nothing safe makes the rings that others may make")]
fn set<T>(socket: &OwnedFd, option: i32, value: &T) {
    let len = size_of::<T>().try_into().unwrap();
    let value = std::ptr::from_ref(value).cast();
    // SAFETY: the kernel reads `len` bytes, the size of `value`, which lives until it returns.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, value, len) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

#[expect(unsafe_code, reason = "the address of an interface has no safe type")]
fn bound(socket: OwnedFd) -> OwnedFd {
    let index = Interface::find(INTERFACE).unwrap().unwrap().index();
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET.try_into().unwrap(),
        sll_protocol: u16::try_from(libc::ETH_P_ALL).unwrap().to_be(),
        sll_ifindex: index.try_into().unwrap(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let len = size_of::<libc::sockaddr_ll>().try_into().unwrap();
    // SAFETY: the kernel reads `len` bytes, the size of `address`, which lives until it returns.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
    socket
}

fn strange_things() -> Vec<OwnedFd> {
    let (pipe, _) = nix::unistd::pipe().unwrap();
    let cooked = socket(AddressFamily::Packet, SockType::Datagram, SockFlag::empty(), None);
    let old = libc::tpacket_versions::TPACKET_V2 as i32;
    let new = libc::tpacket_versions::TPACKET_V3 as i32;
    vec![
        pipe,
        tempfile::tempfile().unwrap().into(),
        UdpSocket::bind("127.0.0.1:0").unwrap().into(),
        cooked.unwrap(),
        ring(old),
        bound(ring(old)),
        ring(new),
        bound(ring(new)),
    ]
}

#[test]
fn what_others_keep_under_our_names_is_neither_read_nor_in_the_way() {
    let Some((left, right, manager)) = plant() else { return };
    let config = config("");
    let keep = |when: &str| {
        let things = left.spawn(strange_things).join().unwrap();
        for (number, fd) in things.into_iter().enumerate() {
            manager.keep(&format!("packet-{when}-{number}"), fd);
        }
    };
    keep("before");
    manager.open_sockets(&left, &config);
    keep("after");
    manager.keep("theirs", tempfile::tempfile().unwrap().into());
    let mut daemon = Life::start(&manager, &left, &config);
    for _ in 0..2 {
        let discarded = daemon.wait_for("capture.discarded");
        assert!(discarded["frames"].is_null(), "{discarded}");
    }
    send_all(&right, 50);
    daemon.wait_until_judged();
    while manager.names().len() > 2 {} // it reads as fast as it can, and asks for patience
    assert!(manager.names().contains(&"theirs".to_owned()), "{:?}", manager.names());
    let events = daemon.stop();
    assert_eq!(ledger(&events), [50, 50, 0]);
    let n_discarded = events.iter().filter(|event| event["event"] == "capture.discarded").count();
    assert_eq!(n_discarded, 2, "nothing came in to the others: {events:#?}");
}

#[test]
fn of_two_sockets_with_one_name_the_one_in_use_is_not_forgotten_with_the_other() {
    let Some((left, right, manager)) = plant() else { return };
    let config = config("");
    for _ in 0..2 {
        manager.keep("packet-twin", left.spawn(packet_socket).join().unwrap());
    }
    let mut first = Life::start(&manager, &left, &config);
    send_all(&right, 10);
    first.wait_until_judged();
    first.kill();
    send_all(&right, 20);
    let mut second = Life::start(&manager, &left, &config);
    let resumed = second.wait_for("capture.resumed");
    assert_eq!((number(&resumed, "judged"), number(&resumed, "frames")), (10, 20), "{resumed}");
    assert_eq!(ledger(&second.stop()), [20, 20, 0]);
}
