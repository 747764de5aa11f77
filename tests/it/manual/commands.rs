//! `infra_monitor(8)`, from the definitions of the command line.

use clap::Arg;
use clap::Command;

use super::roff::Page;

pub(super) fn page(mut command: Command) -> String {
    command.build();
    let about = command.get_about().unwrap().to_string();
    let summary = about.trim_end_matches('.');
    let mut page = Page::new("infra_monitor", 8, &uncapitalised(summary));
    page.section("SYNOPSIS");
    let usages: Vec<_> = commands(&command).map(usage).collect();
    page.verbatim(&usages.iter().map(String::as_str).collect::<Vec<_>>());
    page.section("DESCRIPTION");
    let long = command.get_long_about().unwrap().to_string();
    for paragraph in long.split("\n\n") {
        page.paragraph(&paragraph.replace('\n', " "));
    }
    page.section("COMMANDS");
    for command in commands(&command) {
        page.subsection(command.get_name());
        page.paragraph(&format!("{}.", command.get_about().unwrap()));
        command.get_arguments().filter(|arg| !is_everywhere(arg)).for_each(|arg| {
            argument(&mut page, arg);
        });
        remarks(&mut page, &command.get_after_help().unwrap().to_string());
    }
    for paragraph in command.get_after_help().unwrap().to_string().split("\n\n") {
        let (title, lines) = paragraph.split_once(":\n").unwrap();
        page.section(title);
        page.verbatim(&lines.lines().collect::<Vec<_>>());
    }
    files(&mut page);
    page.section("SEE ALSO");
    page.paragraph("infra_monitor.toml(5), journalctl(1), systemctl(1)");
    page.finish()
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|command| command.get_name() != "help" && !command.is_hide_set())
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_everywhere(arg: &Arg) -> bool {
    arg.get_id() == "help" || arg.is_hide_set()
}

fn argument(page: &mut Page, arg: &Arg) {
    // As clap itself names it: `--unit <N>`, `<ADDRESS>...`.
    page.term(&arg.to_string());
    let help = arg.get_help().unwrap().to_string().replace('\n', " ");
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let takes_value = arg.get_action().takes_values();
    let default = match &defaults[..] {
        [] => String::new(),
        defaults if takes_value => format!(" [default: {}]", defaults.join(" ")),
        _ => String::new(),
    };
    page.text(&format!("{help}{default}"));
    let values = arg.get_possible_values();
    if takes_value && values.iter().any(|value| value.get_help().is_some()) {
        for value in values {
            let meaning = value.get_help().unwrap();
            page.further(&format!("{}: {meaning}", value.get_name()));
        }
    }
}

/// Paragraphs; those that a heading and indented lines make up keep their lines.
fn remarks(page: &mut Page, text: &str) {
    for paragraph in text.split("\n\n") {
        match paragraph.split_once(":\n") {
            Some((heading, lines)) if lines.lines().all(|line| line.starts_with("  ")) => {
                page.paragraph(&format!("{}:", heading.replace('\n', " ")));
                page.verbatim(&lines.lines().collect::<Vec<_>>());
            }
            _ => page.paragraph(&paragraph.replace('\n', " ")),
        }
    }
}

fn files(page: &mut Page) {
    page.section("FILES");
    for (file, meaning) in [
        ("/etc/infra_monitor.toml", "The configuration, see infra_monitor.toml(5)."),
        ("/etc/infra_monitor", "What it names: the baseline, certificates, keys, passwords."),
        ("/var/lib/infra_monitor", "What the service keeps: certificates of OPC UA servers."),
        (
            "/usr/share/infra_monitor/infra_monitor.service.d",
            "Drop-ins of the unit to copy into /etc/systemd/system/infra_monitor.service.d: \
             10-serial.conf for serial lines, 20-passive.conf for no network, 30-pinning.conf for \
             threads pinned to processors, 40-priority.conf for threads served before others. \
             Installed by hand, below /usr/local/share.",
        ),
    ] {
        page.term(file);
        page.text(meaning);
    }
}

fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
