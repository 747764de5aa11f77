//! A stranger's text, kept without the heap: cut to what one wants to read.

use std::fmt;

const MAX_LEN: usize = 130;

/// Longer texts that begin alike and are equally long are taken for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label {
    bytes: [u8; MAX_LEN],
    /// Of the whole text, kept or not.
    len: u32,
}

impl Label {
    pub(super) const EMPTY: Self = Self { bytes: [0; MAX_LEN], len: 0 };

    pub(super) fn new(text: &[u8]) -> Self {
        let mut label = Self::EMPTY;
        label.push(text);
        label
    }

    /// As something displays itself.
    pub(super) fn of(shown: impl fmt::Display) -> Self {
        let mut label = Self::EMPTY;
        let _ = fmt::write(&mut label, format_args!("{shown}")); // it takes everything
        label
    }

    /// What is no text shows as such.
    pub(super) fn text(&self) -> Box<str> {
        String::from_utf8_lossy(self.kept()).into()
    }

    fn kept(&self) -> &[u8] {
        self.bytes.get(..self.len as usize).unwrap_or(&self.bytes)
    }

    fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(self.len as usize..).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(text) {
            *place = *byte;
        }
        let more = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.len = self.len.saturating_add(more);
    }
}

impl fmt::Write for Label {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_it_is_up_to_a_bound() {
        assert_eq!(&*Label::of(format_args!("{}-{}", 1, "b")).text(), "1-b");
        assert_eq!(Label::EMPTY.text().len(), 0);
        let long = [b'x'; 300];
        assert_eq!(Label::new(&long).text().len(), MAX_LEN);
        assert_ne!(Label::new(&long), Label::new(&long[..299]));
    }

    #[test]
    fn what_is_no_text_is_marked() {
        assert_eq!(&*Label::new(&[b'a', 0xff]).text(), "a\u{fffd}");
    }
}
