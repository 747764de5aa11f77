//! A configuration with anything in it: it is taken, or refused with problems that can be shown.

use infra_monitor::config;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(rejected) = config::parse("fuzz.toml", text) {
        assert!(!rejected.problems().is_empty());
        let shown = rejected.render(config::Color::Plain);
        assert!(shown.contains("fuzz.toml"), "{shown}");
    }
}
