//! Paths to an object (CIP networks library, volume 1, appendix C): segments, padded to words.

/// What a path says, as far as it is made of logical segments and names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    pub class: Option<u32>,
    pub instance: Option<u32>,
    pub attribute: Option<u32>,
    /// A tag is named.
    pub is_symbolic: bool,
}

const CONNECTION_MANAGER: u32 = 6;
/// The name of a tag: a length and so many letters.
const SYMBOL: u8 = 0x91;

impl Path {
    /// Read segments up to the first that is of another sort, or cut short.
    pub fn of(mut bytes: &[u8]) -> Self {
        let mut path = Self::default();
        while let [sort, rest @ ..] = bytes {
            let behind = match sort >> 5 {
                1 => path.take_logical(*sort, rest),
                _ if *sort == SYMBOL => {
                    path.is_symbolic = true;
                    rest.split_first()
                        .and_then(|(len, rest)| rest.get(usize::from(*len).next_multiple_of(2)..))
                }
                _ => None,
            };
            let Some(behind) = behind else { break };
            bytes = behind;
        }
        path
    }

    pub fn is_connection_manager(&self) -> bool {
        self.class == Some(CONNECTION_MANAGER)
    }

    /// A number of one, two or four bytes, the longer ones behind a pad. The first of a sort is the
    /// object itself, later ones lie inside it.
    fn take_logical<'a>(&mut self, sort: u8, rest: &'a [u8]) -> Option<&'a [u8]> {
        let (number, rest) = match (sort & 3, rest) {
            (0, [number, rest @ ..]) => (u32::from(*number), rest),
            (1, [_, a, b, rest @ ..]) => (u32::from(u16::from_le_bytes([*a, *b])), rest),
            (2, [_, a, b, c, d, rest @ ..]) => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
            _ => return None,
        };
        match sort >> 2 & 7 {
            0 => self.class = self.class.or(Some(number)),
            1 => self.instance = self.instance.or(Some(number)),
            4 => self.attribute = self.attribute.or(Some(number)),
            _ => (), // a member, a connection point
        }
        Some(rest)
    }
}

/// The link address of the last port segment of a route, where it is a number: on a backplane, the
/// slot. A segment with an address of text before it (a network address) is passed over.
pub(super) fn last_link(mut route: &[u8]) -> Option<u32> {
    let mut last = None;
    while let [sort, rest @ ..] = route {
        let (port, is_text) = (sort & 0xf, sort & 0x10 != 0);
        if sort >> 5 != 0 || port == 0xf {
            break; // no port, or one numbered beyond 14
        }
        route = match (is_text, rest) {
            (false, [link, rest @ ..]) => {
                last = Some(u32::from(*link));
                rest
            }
            (true, [len, rest @ ..]) => {
                last = None;
                rest.get(usize::from(*len).next_multiple_of(2)..)?
            }
            (_, []) => break,
        };
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;

    #[test]
    fn numbers_of_every_width_are_read() {
        let path = Path { class: Some(0x6b), instance: Some(0x1234), ..Path::default() };
        assert_eq!(Path::of(&[0x20, 0x6b, 0x25, 0, 0x34, 0x12]), path);
        let wide = [0x21, 0, 0x2c, 1, 0x26, 0, 1, 0, 1, 0, 0x30, 7];
        let path = Path { class: Some(300), instance: Some(0x1_0001), ..Path::default() };
        assert_eq!(Path::of(&wide), Path { attribute: Some(7), ..path });
    }

    #[test]
    fn a_tag_is_a_name_and_what_lies_inside_it() {
        let named = Path { is_symbolic: true, ..Path::default() };
        assert_eq!(Path::of(&[0x91, 4, b'p', b'u', b'm', b'p']), named);
        let nested = [0x91, 3, b'p', b'u', b'm', 0, 0x28, 2, 0x91, 1, b'x', 0];
        assert_eq!(Path::of(&nested), named);
    }

    #[test]
    fn a_route_ends_in_its_last_link() {
        assert_eq!(last_link(&[1, 3]), Some(3));
        assert_eq!(last_link(&[1, 2, 0x12, 3, b'1', b'.', b'2', 0, 1, 5]), Some(5));
        assert_eq!(last_link(&[1, 2, 0x12, 3, b'1', b'.', b'2', 0]), None);
        assert_eq!(last_link(&[]), None);
    }

    #[test]
    fn spoiled_bytes_never_panic() {
        fixture::spoil(&[0x20, 6, 0x25, 0, 1, 0, 0x91, 2, b'a', b'b', 0x30, 1], |bytes| {
            let _ = (Path::of(bytes), last_link(bytes));
        });
    }
}
