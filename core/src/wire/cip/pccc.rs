//! Commands of PLC-5, SLC 500 and their like that CIP carries (Rockwell 1770-RM516, chapter 7).

use super::super::message::Operation::{self, Command, Other, Read, Write};

/// What a command is for. It stands behind the sender's identification, whose first byte is its
/// length: command, status, two bytes of transaction, function.
pub(super) fn operation(body: &[u8]) -> Operation {
    let own_len = body.first().filter(|len| **len > 0);
    let command = own_len.and_then(|len| body.get(usize::from(*len)..));
    match command {
        Some([0x00 | 0x02 | 0x05 | 0x08, ..]) => Write,
        Some([0x01, ..]) => Read,
        Some([0x06, _, _, _, function, ..]) => of_diagnostics(*function),
        Some([0x07, _, _, _, 0..=6, ..]) => Command,
        Some([0x0f, _, _, _, function, ..]) => of_extended(*function),
        Some(_) | None => Other,
    }
}

fn of_diagnostics(function: u8) -> Operation {
    match function {
        0 | 1 | 3 | 9 => Read,
        2 | 4..=8 | 10 => Write,
        _ => Other,
    }
}

fn of_extended(function: u8) -> Operation {
    match function {
        0x01 | 0x04 | 0x06 | 0x09 | 0x17 | 0x29 | 0x53 | 0x55 | 0x68 | 0xa1 | 0xa2 | 0xa7 => Read,
        0x00
        | 0x02
        | 0x03
        | 0x05
        | 0x08
        | 0x18
        | 0x26
        | 0x50
        | 0x52
        | 0x57
        | 0x5e
        | 0x67
        | 0x79
        | 0x8f
        | 0xa9..=0xab
        | 0xaf => Write,
        // Shutdown, restart, mode, forces.
        0x07 | 0x0a | 0x3a | 0x41 | 0x80 => Command,
        _ => Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stands_behind_whose_it_is() {
        let pccc = |command: &[u8]| operation(&[&[7, 0x4d, 0, 1, 2, 3, 4], command].concat());
        for (command, expected) in [
            (&[0x0f, 0, 1, 0, 0xa2][..], Read),
            (&[0x0f, 0, 1, 0, 0xaa], Write),
            (&[0x0f, 0, 1, 0, 0x80], Command),
            (&[0x06, 0, 1, 0, 0x03], Read),
            (&[0x08, 0, 1, 0], Write),
            (&[0x0f, 0, 1], Other),
            (&[0x4f, 0, 1, 0, 0xa2], Other),
            (&[], Other),
        ] {
            assert_eq!(pccc(command), expected, "{command:02x?}");
        }
        assert_eq!((operation(&[]), operation(&[200, 0x08])), (Other, Other));
        assert_eq!(operation(&[0, 0x08]), Other, "the length counts itself");
    }
}
