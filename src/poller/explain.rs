//! Failures in an operator's words: what, where, the likely cause, the next step.

mod checksum;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use crate::config::Endpoint;
use crate::config::Link;
use crate::tag::Tag;
use crate::wire::modbus::reply::NotTheAnswer;

use super::exchange::{Cause, Confidence, Foreign};
use super::tls;

/// Why a link cannot be opened or did not last.
pub(super) fn outage(endpoint: &Endpoint, error: &io::Error) -> String {
    let (what, hint) = match (endpoint, tls::hint(error)) {
        (_, Some(hint)) => ("TLS with", hint),
        (Endpoint::Tcp(_) | Endpoint::RtuOverTcp(_) | Endpoint::Tls(_), None) => {
            ("connection to", tcp_hint(error.kind()))
        }
        (Endpoint::Serial(_), None) => ("serial line", serial_hint(error)),
    };
    format!("{what} {endpoint} failed: {error}: {hint}")
}

pub(super) fn tcp_hint(kind: io::ErrorKind) -> &'static str {
    use io::ErrorKind as Kind;
    #[expect(clippy::wildcard_enum_match_arm, reason = "not our enum, and it is non-exhaustive")]
    match kind {
        Kind::ConnectionRefused => {
            "nothing listens there or a firewall rejects; check the port and that the device's \
             server is on"
        }
        Kind::TimedOut => {
            "the address does not answer; check that the device is powered and the address right, \
             and that no firewall drops"
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            "no way to that address; check the cable, the switch, the netmask and the gateway"
        }
        Kind::UnexpectedEof
        | Kind::ConnectionReset
        | Kind::BrokenPipe
        | Kind::ConnectionAborted => {
            "the device closed the connection; many serve few clients at once or close idle ones: \
             check what else is connected"
        }
        Kind::PermissionDenied => {
            "a local firewall forbids it, or the service's unit, which allows private addresses \
             only; add this one there as IPAddressAllow="
        }
        _ => "check the network between here and the device",
    }
}

/// What a terminal whose hardware was taken away fails with (`tty_ioctl(4)` and drivers).
pub(super) const UNPLUGGED: [Errno; 3] = [Errno::EIO, Errno::ENXIO, Errno::ENODEV];

fn serial_hint(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    const GONE: &str = "no hardware behind it: adapter unplugged? plug it in again, and it is \
                        opened by itself; dmesg says what the kernel saw";
    let errno = error.raw_os_error().map(Errno::from_raw);
    if errno.is_some_and(|errno| UNPLUGGED.contains(&errno)) {
        return GONE;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "not our enum, and it is non-exhaustive")]
    match error.kind() {
        Kind::NotFound => {
            "no such device: adapter unplugged or wrong path, see ls -l /dev/serial/by-id; the \
             service sees serial lines only with its drop-in 10-serial.conf"
        }
        Kind::PermissionDenied => {
            "no permission: the drop-in 10-serial.conf adds the service to the group dialout; \
             else add the user that runs this"
        }
        Kind::ResourceBusy | Kind::WouldBlock => {
            "another program uses it; find it with fuser -v and stop it"
        }
        Kind::Unsupported => {
            "its driver does not switch RS-485 direction; remove `rs485` if the adapter does so \
             itself"
        }
        Kind::UnexpectedEof | Kind::BrokenPipe => GONE,
        _ => "check that it is a serial device, plugged in, and that it knows these settings",
    }
}

/// One unit of one link, for texts about what it did.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) link: &'a Link,
    pub(super) unit: u8,
}

impl Scene<'_> {
    /// Why a request has no answer.
    pub(super) fn failure(&self, cause: &Cause) -> String {
        let Self { link: Link { endpoint, timeout, .. }, unit } = self;
        match cause {
            Cause::Timeout { late: Some(late), .. } => self.late(*late),
            Cause::Timeout { received: 0, .. } => {
                format!(
                    "no reply from unit {unit} on {endpoint} within {timeout:?}: {}",
                    self.silence_hint()
                )
            }
            Cause::Timeout { received, .. } => format!(
                "only {received} bytes from unit {unit} on {endpoint} within {timeout:?}: noise, \
                 or a reply cut short; check the wiring, termination and baud rate"
            ),
            Cause::Damaged(why) => format!(
                "damaged reply from unit {unit} on {endpoint}: {why}: noise on the line; if it \
                 repeats, check shield, termination, baud rate and parity"
            ),
            Cause::Foreign(why) => {
                format!(
                    "unit {unit} on {endpoint} did not get its own reply: {why}: {}",
                    foreign_hint(*why)
                )
            }
            Cause::Babble => format!(
                "{endpoint} is never silent: another master, noise or wrong polarity; disconnect \
                 devices one by one to find it"
            ),
            Cause::Quiet(rest) => format!(
                "unit {unit} on {endpoint} answers no probe, so it is left alone for {rest:?} \
                 until late replies have run out"
            ),
            Cause::Io(error) => outage(endpoint, error),
            Cause::CutShort(received) => format!(
                "reply from unit {unit} on {endpoint} stopped after {received} bytes: the device \
                 or the network stalled; the connection is opened again"
            ),
            Cause::NotModbus => format!(
                "{endpoint} sent bytes that are not Modbus/TCP: wrong port, or RTU over TCP; the \
                 connection is opened again"
            ),
            Cause::Unasked => format!(
                "{endpoint} sent a reply to no request, and numbers none: the connection is \
                 opened again"
            ),
        }
    }

    /// Why a reply is not believed; `None` if it is.
    pub(super) fn doubt(&self, confidence: Confidence) -> Option<String> {
        let Self { link: Link { endpoint, .. }, unit } = self;
        match confidence {
            Confidence::Proven => None,
            Confidence::LateReply(late) => Some(self.late(late)),
            Confidence::OwnRequest => Some(format!(
                "{endpoint} echoes our own requests: set `local_echo`, or switch it off in the adapter"
            )),
            Confidence::Unsettled => Some(format!(
                "an earlier reply of unit {unit} on {endpoint} may still be under way"
            )),
        }
    }

    /// What an exception code says of the request for `tags`, and what to do about it.
    pub(super) fn exception(&self, code: u8, tags: &[Arc<Tag>], prospect: Prospect) -> String {
        let Self { link: Link { endpoint, .. }, unit } = self;
        let (name, hint) = match code {
            1 => ("illegal function", "the device has no such table; correct `at`"),
            2 => ("illegal data address", "no such address; correct `at` by the device's manual"),
            3 => ("illegal data value", "it refuses this quantity; correct `type`"),
            4 => ("server device failure", "the device is in trouble; see its own diagnostics"),
            5 => ("acknowledge", "it needs more time than it was given; poll it less often"),
            6 => ("server device busy", "it was asked again in vain; poll it less often"),
            8 => ("memory parity error", "its memory is damaged; have it serviced"),
            10 => (
                "gateway path unavailable",
                "the gateway has no way to this unit; check its routes and serial port settings, \
                 or it has too much to do",
            ),
            11 => (
                "gateway target silent",
                "the gateway works, the line behind it does not answer: device off, another \
                 unit, baud rate or parity, wiring",
            ),
            _ => ("unknown exception", "see the device's manual"),
        };
        let (what, refused) = (listed(tags), "refused with exception");
        format!("unit {unit} on {endpoint}: {what} {refused} {code}, {name}: {hint}{prospect}")
    }

    /// Why tags cannot be read at all.
    pub(super) fn unreadable(&self, max_registers: u16) -> String {
        let Self { unit, .. } = self;
        format!(
            "tags of unit {unit} need more registers than the {max_registers} of one request; \
             shorten them, or raise `max_registers`"
        )
    }

    /// Why tags were not asked for.
    pub(super) fn not_asked(&self, retry: Option<Duration>) -> String {
        let Self { link: Link { endpoint, .. }, unit } = self;
        let when = retry.map_or_else(String::new, |rest| format!(" in {}", rounded(rest)));
        format!("unit {unit} on {endpoint} was not asked after it failed; next attempt{when}")
    }

    fn late(&self, late: Duration) -> String {
        let Self { link: Link { endpoint, timeout, .. }, unit } = self;
        format!(
            "a reply of unit {unit} on {endpoint} came {} after its request and was put aside; if \
             this repeats, raise `timeout` ({timeout:?}) above that",
            rounded(late)
        )
    }

    fn silence_hint(&self) -> &'static str {
        match self.link.endpoint {
            Endpoint::Tcp(_) | Endpoint::Tls(_) => {
                "busy, or no such unit behind this address; check the unit, or raise `timeout`"
            }
            Endpoint::RtuOverTcp(_) => {
                "off, another unit, or the converter's serial settings; check that it passes RTU \
                 frames on (`framing`), then the line behind it"
            }
            Endpoint::Serial(_) => {
                "off, another unit, baud rate or parity, or wires A and B swapped; check in this \
                 order"
            }
        }
    }
}

fn foreign_hint(why: Foreign) -> &'static str {
    match why {
        Foreign::Unit(_) => "two devices, or two masters, share the line or address; check both",
        Foreign::Shape(NotTheAnswer::OwnRequest) => {
            "set `local_echo`, or switch it off in the adapter"
        }
        Foreign::Shape(
            NotTheAnswer::Function { .. }
            | NotTheAnswer::Length { .. }
            | NotTheAnswer::ByteCount { .. }
            | NotTheAnswer::Nonce
            | NotTheAnswer::Empty,
        ) => "a late or repeated reply, or a device that breaks the protocol",
    }
}

/// What becomes of a request that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prospect {
    NextTurn,
    /// It is asked for less at a time.
    InParts,
    /// It is not asked before so long.
    Again(Duration),
}

impl fmt::Display for Prospect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NextTurn => Ok(()),
            Self::InParts => f.write_str("; from now on its tags are asked for in smaller parts"),
            Self::Again(rest) => {
                write!(f, "; not asked again for {}, or until a reload", rounded(*rest))
            }
        }
    }
}

/// Tags with their addresses, of many the first ones.
fn listed(tags: &[Arc<Tag>]) -> String {
    const SHOWN: usize = 3;
    let shown = tags.iter().take(SHOWN).map(|tag| format!("{} ({})", tag.name, tag.place));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match tags.len().saturating_sub(SHOWN) {
        0 => shown,
        n_more => format!("{shown} and {n_more} more"),
    }
}

/// Milliseconds are enough for people.
pub(super) fn rounded(duration: Duration) -> String {
    format!("{:?}", Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::modbus::rtu::Frame;

    fn link(endpoint: &str) -> Link {
        Link { timeout: Duration::from_millis(500), ..Link::new(endpoint.parse().unwrap()) }
    }

    #[test]
    fn every_failure_names_the_link_and_what_to_do() {
        let damaged = Frame::parse(&[1, 3, 2, 0, 7, 0, 0]).unwrap_err();
        let causes = [
            Cause::timeout(0),
            Cause::timeout(3),
            Cause::Timeout { received: 0, late: Some(Duration::from_micros(812_345)) },
            damaged.into(),
            Cause::Foreign(Foreign::Unit(9)),
            Cause::Foreign(NotTheAnswer::OwnRequest.into()),
            Cause::Babble,
            Cause::Quiet(Duration::from_millis(900)),
            io::Error::from(io::ErrorKind::UnexpectedEof).into(),
            Cause::CutShort(5),
            Cause::NotModbus,
            Cause::Unasked,
        ];
        for endpoint in
            ["tcp://192.0.2.10:502", "rtu+tcp://192.0.2.10:4001", "rtu:///dev/ttyS0?baud=19200"]
        {
            let link = link(endpoint);
            let scene = Scene { link: &link, unit: 3 };
            for cause in &causes {
                let text = scene.failure(cause);
                assert!(text.contains(&link.endpoint.to_string()), "{text}");
                assert!(text.len() > 60 && text.len() < 300, "{text}");
            }
        }
    }

    #[test]
    fn a_late_reply_is_told_with_its_lateness() {
        let link = link("rtu:///dev/ttyS0");
        let scene = Scene { link: &link, unit: 3 };
        let late = Confidence::LateReply(Duration::from_micros(812_345));
        let text = scene.doubt(late).unwrap();
        assert!(text.contains("unit 3") && text.contains("812ms") && text.contains("500ms"));
        assert_eq!(scene.doubt(Confidence::Proven), None);
    }

    #[test]
    fn each_way_in_which_a_link_fails_to_open_has_its_own_hint() {
        use io::ErrorKind as Kind;
        let tcp: Endpoint = "tcp://192.0.2.10:502".parse().unwrap();
        let serial: Endpoint = "rtu:///dev/ttyUSB0".parse().unwrap();
        let hints = [
            (&tcp, Kind::ConnectionRefused, "nothing listens there"),
            (&tcp, Kind::TimedOut, "does not answer"),
            (&tcp, Kind::HostUnreachable, "no way to that address"),
            (&tcp, Kind::ConnectionReset, "serve few clients"),
            (&serial, Kind::NotFound, "adapter unplugged"),
            (&serial, Kind::UnexpectedEof, "adapter unplugged?"),
            (&serial, Kind::PermissionDenied, "dialout"),
            (&serial, Kind::ResourceBusy, "fuser"),
            (&serial, Kind::Unsupported, "remove `rs485`"),
        ];
        for (endpoint, kind, hint) in hints {
            let text = outage(endpoint, &kind.into());
            assert!(text.contains(hint) && text.contains(&endpoint.to_string()), "{text}");
        }
        for errno in UNPLUGGED {
            let text = outage(&serial, &errno.into());
            assert!(text.contains("adapter unplugged?"), "{text}");
        }
    }
}
