//! Diagnostics: what developers want to know, on standard error, chosen by `RUST_LOG`.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Color;
use crate::config::Level;

use super::terminal::color_of;

/// Start diagnostics at `level`, unless `RUST_LOG` says otherwise.
#[expect(clippy::print_stderr, reason = "the log is what could not be set up")]
pub(super) fn start(level: Level) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let targets = targets(&wanted, level).unwrap_or_else(|error| {
        eprintln!(
            "warning: RUST_LOG={wanted:?} is ignored: {error}\n\
             Write a level (error, warn, info, debug) or module=level, joined by commas."
        );
        default_targets(level)
    });
    let stderr = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(color_of(&io::stderr()) == Color::Ansi)
        .with_filter(targets);
    // Fails only if something else is installed, which then gets the diagnostics.
    let _ = tracing_subscriber::registry().with(stderr).try_init();
}

/// Under this name the OPC UA client prints all that it encrypts, before it does: passwords too.
const PLAINTEXT: &str = "hex";

/// What `RUST_LOG` asks for; `level` if it asks for nothing.
fn targets(wanted: &str, level: Level) -> Result<Targets, String> {
    if wanted.trim().is_empty() {
        return Ok(default_targets(level));
    }
    let targets: Targets = wanted.parse().map_err(|error| format!("{error}"))?;
    Ok(targets.with_target(PLAINTEXT, LevelFilter::OFF))
}

/// Only our own: what a library says at `info` is not for operators.
fn default_targets(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    Targets::new()
        .with_default(LevelFilter::WARN)
        // Each failed attempt of the OPC UA client is three errors to it, and one event to us.
        .with_target("opcua_", LevelFilter::OFF)
        .with_target("infra_monitor", level)
}

#[cfg(test)]
mod tests {
    use tracing::Level as At;

    use super::*;

    #[test]
    fn rust_log_takes_levels_and_modules() {
        let targets = targets("warn,infra_monitor::poller=trace", Level::Info).unwrap();
        assert!(targets.would_enable("infra_monitor::poller", &At::TRACE));
        assert!(!targets.would_enable("infra_monitor::sink", &At::INFO));
    }

    #[test]
    fn without_rust_log_the_configured_level_is_for_our_own_modules() {
        let targets = targets("", Level::Debug).unwrap();
        assert!(targets.would_enable("infra_monitor::app", &At::DEBUG));
        assert!(!targets.would_enable("mio::poll", &At::INFO));
        assert!(!targets.would_enable("opcua_client::session", &At::ERROR));
    }

    #[test]
    fn passwords_are_not_printed_whatever_rust_log_asks_for() {
        for wanted in ["trace", "hex=trace", "trace,hex=trace"] {
            let targets = targets(wanted, Level::Info).unwrap();
            assert!(!targets.would_enable("hex", &At::TRACE), "{wanted}");
        }
    }

    #[test]
    fn a_bad_rust_log_is_told_apart() {
        assert!(targets("infra_monitor=loud", Level::Info).is_err());
    }
}
