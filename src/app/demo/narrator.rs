//! Says what is about to happen at the simulated site, between the lines of the monitor.

use std::io::Write;

/// Whether, where and how it speaks.
pub struct Narrator {
    out: Option<Box<dyn Write + Send>>,
    color: bool,
}

impl Narrator {
    pub fn new(out: Box<dyn Write + Send>, color: bool) -> Self {
        Self { out: Some(out), color }
    }

    /// Says nothing: for output that a program reads.
    pub fn silent() -> Self {
        Self { out: None, color: false }
    }

    /// One line. A reader who went away does not stop the show.
    pub(super) fn say(&mut self, text: &str) {
        let (on, off) = if self.color { ("\x1b[36m", "\x1b[0m") } else { ("", "") };
        if let Some(out) = &mut self.out {
            let spoken = writeln!(out, "{on}  ▸ {text}{off}").and_then(|()| out.flush());
            if spoken.is_err() {
                self.out = None;
            }
        }
    }
}
