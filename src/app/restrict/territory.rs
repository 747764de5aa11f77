//! Which files the daemon needs to go on seeing, found in its configuration.
//!
//! Directories, not files: an editor and a certificate's renewal put a new file in the place of
//! the old one, and a rule on a serial line's node would end with the adapter that was pulled out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::config::Endpoint;
use crate::config::Security;
use crate::sys::landlock::Territory;

/// Time zones, and what the C library and the kernel say of processors and processes.
const SYSTEM: [&str; 4] = ["/etc", "/usr/share/zoneinfo", "/proc", "/sys/devices/system/cpu"];
/// Serial lines, those of pseudo-terminals too.
const DEVICES: &str = "/dev";

/// A reload can name other files only where these are, or in `/etc`.
pub(super) fn territory(config: &Config, config_path: Option<&Path>) -> Territory {
    let files = config_path.into_iter().chain(config.baseline.as_deref());
    let mut read: Vec<PathBuf> = SYSTEM.map(PathBuf::from).into();
    read.extend(files.map(directory));
    let mut kept = Vec::new();
    for link in config.links.values() {
        if let Endpoint::Tls(tls) = &link.endpoint {
            read.extend(tls.files().map(|(_, file)| directory(file)));
        }
    }
    for server in config.servers.values() {
        read.extend(server.user.iter().map(|user| directory(&user.password_file)));
        if let Security::Basic256Sha256(files) = &server.security {
            read.extend([directory(&files.certificate), directory(&files.key)]);
            read.push(files.pki.clone());
            kept.push(files.pki.join("rejected"));
        }
    }
    let notify = std::env::var_os("NOTIFY_SOCKET");
    Territory {
        read,
        kept,
        devices: vec![DEVICES.into()],
        abstract_sockets: notify.as_deref().is_some_and(is_abstract),
    }
}

fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// As `sd_notify(3)` writes a name without a path.
fn is_abstract(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tls")]
    #[test]
    fn files_are_read_where_the_configuration_says() {
        let text = "[baseline]\nfile = \"/srv/site/baseline.toml\"\n\
            [[modbus]]\nname = \"a\"\ntcp = \"192.0.2.10\"\n\
            tls = { ca = \"/pki/ca.pem\", certificate = \"/own/c.pem\", key = \"/keys/k.pem\" }\n\
            [[modbus.device]]\nname = \"d\"\nunit = 1\ntags = []\n";
        let config = crate::config::parse("test.toml", text).unwrap();
        let found = territory(&config, Some(Path::new("/home/op/my.toml"))).read;
        assert_eq!(directory(Path::new("my.toml")), Path::new("."));
        let own = found.get(SYSTEM.len()..).unwrap();
        assert_eq!(own, ["/home/op", "/srv/site", "/pki", "/own", "/keys"].map(PathBuf::from));
    }

    #[test]
    fn nothing_is_written_where_no_certificate_is_rejected() {
        assert!(territory(&Config::default(), None).kept.is_empty());
    }
}
