//! Why a line cannot be heard, in an operator's words.

use std::io;
use std::path::Path;

use nix::errno::Errno;

pub(super) fn outage(device: &Path, error: &io::Error) -> String {
    format!("{}: {error}: {}", device.display(), hint(error))
}

fn hint(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    let number = error.raw_os_error().map(Errno::from_raw);
    if matches!(number, Some(Errno::EIO | Errno::ENODEV | Errno::ENXIO)) {
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
        Kind::ResourceBusy => {
            "another program uses it; find it with fuser -v and stop it: two readers of one line \
             take each other's bytes"
        }
        Kind::UnexpectedEof => GONE,
        _ => "check that it is a serial device, plugged in, and that it knows these settings",
    }
}

const GONE: &str = "the device is gone: adapter unplugged; plug it in again";
