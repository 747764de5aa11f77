//! The import rule from the top of `lib.rs`, checked.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of `core/src` in reading order, each with the modules it may import.
const CORE: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("tag", &["wire"]),
    ("record", &["wire", "tag"]),
    ("block", &["wire", "record"]),
    ("flow", &["wire", "tag", "record"]),
    ("analysis", &["wire", "record", "block", "flow"]),
];

/// The same of `src`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("config", &["record", "tag"]),
    ("sys", &[]),
    ("capture", &["wire", "record", "config", "sys", "block"]),
    ("listener", &["wire", "record", "config", "sys", "flow"]),
    ("pipeline", &["wire", "tag", "record", "config"]),
    ("poller", &["wire", "tag", "record", "config", "sys"]),
    ("sink", &["record", "config", "sys"]),
    (
        "app",
        &[
            "wire", "tag", "record", "config", "sys", "block", "capture", "flow", "analysis",
            "pipeline", "poller", "sink", "listener",
        ],
    ),
    ("cli", &["wire", "tag", "record", "config", "flow", "app"]),
];

/// Each with the folder that it is in.
fn modules() -> impl Iterator<Item = (PathBuf, &'static str, &'static [&'static str])> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of = |tree: &str, modules: &'static [(&'static str, &'static [&'static str])]| {
        let src = root.join(tree);
        modules.iter().map(move |(module, allowed)| (src.clone(), *module, *allowed))
    };
    of("core/src", CORE).chain(of("src", MAY_IMPORT))
}

#[test]
fn modules_import_only_what_is_above_them() {
    let mut bad = vec![];
    for (src, module, allowed) in modules() {
        for (path, text) in files_of(&src, module) {
            if text.contains("crate::{") {
                bad.push(format!("{path}: one `use crate::module` per line, so that edges show"));
            }
            if text.contains("infra_monitor_core") {
                bad.push(format!("{path}: say `crate::`, so that edges show"));
            }
            for import in text.split("crate::").skip(1) {
                let name: String =
                    import.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_module = modules().any(|(_, other, _)| other == name);
                if is_module && name != module && !allowed.contains(&name.as_str()) {
                    bad.push(format!("{path}: {module} may not import {name}"));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    for (src, module, _) in modules() {
        for (path, text) in files_of(&src, module) {
            assert!(
                text.starts_with("//!") || path.ends_with("tests.rs"),
                "{path} has no header comment"
            );
        }
    }
}

#[test]
fn unsafe_stays_in_sys() {
    for (src, module, _) in modules().filter(|(_, module, _)| *module != "sys") {
        for (path, text) in files_of(&src, module) {
            assert!(!text.contains("allow(unsafe_code"), "{path} lifts the unsafe ban");
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for top in ["core", "src", "tests", "benches"] {
        for (path, text) in files_of(root, top) {
            let n_lines = text.lines().count();
            assert!(n_lines <= 400, "{path} has {n_lines} lines");
        }
    }
}

fn files_of(src: &Path, module: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let mut pending = vec![src.join(format!("{module}.rs")), src.join(module)];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("source tree is readable");
            pending.extend(entries.map(|entry| entry.expect("source tree is readable").path()));
        } else if path.extension().is_none_or(|extension| extension != "rs") {
            // A snapshot or a configuration beside the code.
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.display().to_string(), text));
        }
    }
    found
}
