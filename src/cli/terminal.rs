//! What is known of the place where output goes.

use std::io::IsTerminal;

use crate::config::Color;

/// Colour on a terminal, unless the user does not want it (<https://no-color.org>).
pub(super) fn color_of(stream: &impl IsTerminal) -> Color {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stream.is_terminal() && !unwanted { Color::Ansi } else { Color::Plain }
}
