//! The packages, as `Cargo.toml` describes them; `.ci/systemd` installs them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// Of the source tree, what is packaged if it is there.
const FOLDERS: [&str; 7] = [
    "systemd",
    "packaging/apparmor",
    "packaging/completions",
    "packaging/firewalld",
    "packaging/man",
    "packaging/nftables",
    "packaging/udev",
];
/// Only Debian has it: for its own checks.
const OVERRIDES: &str = "packaging/lintian-overrides";

/// Where a file goes, and with what permissions.
type Assets = BTreeMap<String, (String, String)>;

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(source(path)).unwrap()
}

/// What each asset of a package is: source, destination, permissions, and how it treats a change of
/// the operator.
fn assets(tool: &str) -> Vec<[String; 4]> {
    let manifest = read("Cargo.toml");
    let manifest = DeTable::parse(&manifest).unwrap();
    let path = ["metadata", tool, "assets"];
    let package = manifest.get_ref().get("package").unwrap().get_ref();
    let list = path.iter().fold(package, |table, key| table.get(key).unwrap().get_ref());
    let text = |value: Option<&DeValue<'_>>| value.and_then(DeValue::as_str).unwrap_or("").into();
    let of = |asset: &DeValue<'_>| {
        if let DeValue::Array(fields) = asset {
            let field = |at: usize| text(fields.get(at).map(toml::Spanned::get_ref));
            [field(0), field(1), field(2), field(3)]
        } else {
            let field = |name: &str| text(asset.get(name).map(toml::Spanned::get_ref));
            [field("source"), field("dest"), field("mode"), field("config")]
        }
    };
    list.as_array().unwrap().iter().map(|asset| of(asset.get_ref())).collect()
}

/// A folder that something goes to is completed by the name of what does.
fn destination(from: &str, to: &str) -> String {
    let name = if to.ends_with('/') { from.rsplit('/').next().unwrap() } else { "" };
    format!("/{}{name}", to.trim_start_matches('/'))
}

fn places(tool: &str) -> Assets {
    let place = |[from, to, mode, _]: [String; 4]| (from.clone(), (destination(&from, &to), mode));
    assets(tool).into_iter().map(place).collect()
}

fn files_below(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(source(folder)) else { return Vec::new() };
    let paths = entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().display()));
    let below = |path: String| {
        if source(&path).is_dir() { files_below(&path) } else { vec![path] }
    };
    paths.flat_map(below).collect()
}

#[test]
fn both_packages_put_the_same_files_in_the_same_places() {
    let mut deb = places("deb");
    deb.remove(OVERRIDES).unwrap();
    assert_eq!(deb, places("generate-rpm"));
}

#[test]
fn what_belongs_to_an_installation_is_packaged() {
    let packaged = places("deb");
    for file in FOLDERS.into_iter().flat_map(files_below) {
        assert!(packaged.contains_key(&file), "{file} is in neither package");
    }
    for file in packaged.keys().filter(|file| !file.starts_with("target/")) {
        assert!(source(file).is_file(), "{file} is packaged, but there is none");
    }
}

#[test]
fn the_configuration_is_kept_by_an_upgrade() {
    // A .deb keeps everything below /etc by itself.
    for [from, to, _, treatment] in assets("generate-rpm") {
        assert_eq!(treatment == "noreplace", to.starts_with("/etc/"), "{from}");
    }
}

#[test]
fn the_changelog_of_the_package_begins_with_this_version() {
    let expected = format!("infra-monitor ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(read("packaging/deb/changelog").starts_with(&expected), "not {expected}");
}

#[test]
fn a_check_is_overridden_only_while_it_has_a_reason() {
    let lines = read(OVERRIDES);
    let reasons = lines.lines().filter(|line| line.starts_with("# ")).count();
    assert_eq!(reasons * 2, lines.lines().count(), "each override has one line that says why");
    let has_page = places("deb").values().any(|(to, _)| to.ends_with("/infra_monitor.8"));
    assert_ne!(has_page, lines.contains("no-manual-page"), "the manual page is packaged");
}
