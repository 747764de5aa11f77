//! Manual pages and completions: written from what `--help` and the commented configuration are
//! written from, kept in the tree, and compared here. `INSTA_UPDATE=always` writes them anew.

mod commands;
mod reference;
mod roff;

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use clap_complete::Shell;
use infra_monitor::cli::command;

use crate::netns::skip;

const PAGES: [&str; 2] = ["packaging/man/infra_monitor.8", "packaging/man/infra_monitor.toml.5"];
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "packaging/completions/infra_monitor.bash"),
    (Shell::Fish, "packaging/completions/infra_monitor.fish"),
    (Shell::Zsh, "packaging/completions/_infra_monitor"),
];

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `path` of the tree holds `wanted`, or is made to.
fn compare(path: &str, wanted: &str) {
    let file = in_tree(path);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&file, wanted).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let differs = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    assert!(
        found == wanted,
        "{path} is stale from line {} on; `INSTA_UPDATE=always cargo nextest run manual` writes \
         it anew",
        differs.map_or(found.lines().count().min(wanted.lines().count()), |line| line) + 1
    );
}

/// The output of a tool; `None`, said aloud, where it is not installed.
fn tool(name: &str, args: &[&str], file: &Path) -> Option<Output> {
    let output = Command::new(name).args(args).arg(file).output();
    if output.is_err() {
        skip(&format!("no {name} to read {} with", file.display()));
    }
    output.ok()
}

fn reference_text() -> String {
    fs::read_to_string(in_tree("config/infra_monitor.toml")).unwrap()
}

#[test]
fn the_manual_of_the_program_says_what_its_help_says() {
    compare(PAGES[0], &commands::page(command()));
}

#[test]
fn the_manual_of_the_configuration_says_what_the_reference_says() {
    compare(PAGES[1], &reference::page(&reference_text()));
}

#[test]
fn no_word_of_the_reference_is_missing_from_its_manual() {
    let words = |text: &str| -> Vec<String> {
        let mut words: Vec<_> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.sort();
        words
    };
    let mut page = words(&roff::plain(&reference::page(&reference_text())));
    for word in words(&reference_text()) {
        let Ok(at) = page.binary_search(&word) else { panic!("`{word}` is not in the manual") };
        page.remove(at);
    }
}

#[test]
fn the_manuals_render_without_a_warning() {
    for page in PAGES.map(in_tree) {
        for (name, args) in [
            ("groff", &["-man", "-ww", "-z", "-Tutf8", "-rLL=100n"][..]),
            ("man", &["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]),
        ] {
            let Some(output) = tool(name, args, &page) else { continue };
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && complaints.is_empty(), "{name}: {complaints}");
        }
        let Some(output) = tool("mandoc", &["-T", "lint", "-W", "warning"], &page) else {
            continue;
        };
        let complaints = String::from_utf8(output.stdout).unwrap();
        // A page is as old as the version that it names.
        let complaints: Vec<_> =
            complaints.lines().filter(|line| !line.contains("missing date")).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

#[test]
fn the_completions_of_the_manual_commands_are_those_of_the_program() {
    for (shell, path) in COMPLETIONS {
        let mut script = vec![];
        clap_complete::generate(shell, &mut command(), "infra_monitor", &mut script);
        compare(path, &String::from_utf8(script).unwrap());
    }
}

#[test]
fn the_completions_beside_the_manual_are_read_by_their_shells() {
    for (shell, path) in COMPLETIONS {
        let Some(output) = tool(&shell.to_string(), &["-n"], &in_tree(path)) else { continue };
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{shell}: {complaints}");
    }
}

#[test]
fn bash_completes_a_command_of_the_manual() {
    let typed = "COMP_WORDS=(infra_monitor re); COMP_CWORD=1; \
                 _infra_monitor infra_monitor re infra_monitor; echo \"${COMPREPLY[@]}\"";
    let script = format!(". {}; {typed}", in_tree(COMPLETIONS[0].1).display());
    let Ok(output) = Command::new("bash").args(["-c", &script]).output() else {
        skip("no bash to complete with");
        return;
    };
    let offered = String::from_utf8(output.stdout).unwrap();
    assert_eq!(offered.trim(), "replay read", "{}", String::from_utf8_lossy(&output.stderr));
}
