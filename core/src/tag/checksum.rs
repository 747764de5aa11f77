//! Checksums that controllers keep of their own registers: registers in, a number out.
//!
//! CRCs are named and parametrised as in the catalogue of Greg Cook. The sums are
//! those of controllers' manuals: over whole registers, or Fletcher's over bytes.

use crc::{CRC_16_IBM_3740, CRC_16_KERMIT, CRC_16_MODBUS, CRC_16_XMODEM, CRC_32_ISO_HDLC, Crc};

/// How registers become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-16/MODBUS, as in RTU frames.
    Crc16Modbus,
    /// CRC-16/IBM-3740, also called CCITT-FALSE: polynomial 0x1021, begun with 0xFFFF.
    Crc16Ccitt,
    /// CRC-16/XMODEM: the same polynomial, begun with 0.
    Crc16Xmodem,
    /// CRC-16/KERMIT: the same polynomial, reflected; ITU-T V.41's, and the "true CCITT" of some.
    Crc16Kermit,
    /// CRC-32/ISO-HDLC, the one of Ethernet and zip.
    Crc32,
    /// Sum of the registers, modulo 65536.
    Sum16,
    /// Exclusive or of the registers.
    Xor16,
    /// Fletcher-16 of the bytes, modulo 255; the second sum is the high
    /// byte.
    Fletcher16,
}

/// Which byte of a register enters first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByteOrder {
    /// The high one, as on the wire.
    #[default]
    Big,
    /// The low one, as in the memory of most controllers. A sum of registers takes each with its
    /// bytes exchanged.
    Little,
}

impl Algorithm {
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("crc16-modbus", Self::Crc16Modbus),
        ("crc16-ccitt", Self::Crc16Ccitt),
        ("crc16-xmodem", Self::Crc16Xmodem),
        ("crc16-kermit", Self::Crc16Kermit),
        ("crc32", Self::Crc32),
        ("sum16", Self::Sum16),
        ("xor16", Self::Xor16),
        ("fletcher16", Self::Fletcher16),
    ];

    /// As the configuration calls it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find_map(|(name, known)| (*known == self).then_some(*name)).unwrap_or("")
    }

    /// Registers that the result takes.
    pub fn n_registers(self) -> u16 {
        match self {
            Self::Crc16Modbus
            | Self::Crc16Ccitt
            | Self::Crc16Xmodem
            | Self::Crc16Kermit
            | Self::Sum16
            | Self::Xor16
            | Self::Fletcher16 => 1,
            Self::Crc32 => 2,
        }
    }

    /// Largest result.
    pub fn max(self) -> u32 {
        if self.n_registers() == 1 { u16::MAX.into() } else { u32::MAX }
    }

    /// The checksum of `bytes`, two for each register. A sum of registers takes them in pairs and
    /// leaves an odd one at the end out.
    pub fn of(self, bytes: &[u8]) -> u32 {
        static MODBUS: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);
        static CCITT: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);
        static XMODEM: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);
        static KERMIT: Crc<u16> = Crc::<u16>::new(&CRC_16_KERMIT);
        static ISO_HDLC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
        let (pairs, _) = bytes.as_chunks();
        let registers = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
        match self {
            Self::Crc16Modbus => MODBUS.checksum(bytes).into(),
            Self::Crc16Ccitt => CCITT.checksum(bytes).into(),
            Self::Crc16Xmodem => XMODEM.checksum(bytes).into(),
            Self::Crc16Kermit => KERMIT.checksum(bytes).into(),
            Self::Crc32 => ISO_HDLC.checksum(bytes),
            Self::Sum16 => registers.fold(0, u16::wrapping_add).into(),
            Self::Xor16 => registers.fold(0, |sum, register| sum ^ register).into(),
            Self::Fletcher16 => fletcher16(bytes).into(),
        }
    }
}

impl ByteOrder {
    pub const ALL: &'static [(&'static str, Self)] =
        &[("big", Self::Big), ("little", Self::Little)];

    /// Registers as the bytes that enter the algorithm.
    pub fn bytes(self, registers: &[u16]) -> Vec<u8> {
        let bytes = |register: &u16| match self {
            Self::Big => register.to_be_bytes(),
            Self::Little => register.to_le_bytes(),
        };
        registers.iter().flat_map(bytes).collect()
    }
}

/// J. Fletcher, An Arithmetic Checksum for Serial Transmissions, 1982; with ones' complement sums.
fn fletcher16(bytes: &[u8]) -> u16 {
    let (first, second) = bytes.iter().fold((0, 0), |(first, second), byte| {
        let first = (first + u16::from(*byte)) % 255;
        (first, (second + first) % 255)
    });
    second << 8 | first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::checksum::crc16_modbus;

    #[test]
    fn each_crc_gives_the_check_value_of_the_catalogue() {
        for (algorithm, check) in [
            (Algorithm::Crc16Modbus, 0x4b37),
            (Algorithm::Crc16Ccitt, 0x29b1),
            (Algorithm::Crc16Xmodem, 0x31c3),
            (Algorithm::Crc16Kermit, 0x2189),
            (Algorithm::Crc32, 0xcbf4_3926),
        ] {
            assert_eq!(algorithm.of(b"123456789"), check, "{}", algorithm.name());
        }
    }

    #[test]
    fn fletchers_sums_are_those_published() {
        for (text, sum) in [("abcde", 0xc8f0), ("abcdef", 0x2057), ("abcdefgh", 0x0627)] {
            assert_eq!(Algorithm::Fletcher16.of(text.as_bytes()), sum, "{text}");
        }
        assert_eq!(Algorithm::Fletcher16.of(b"123456789"), 0x1ede);
    }

    #[test]
    fn sums_are_over_registers_and_wrap() {
        let registers = [0xffff, 0x0003, 0x1200];
        let big = ByteOrder::Big.bytes(&registers);
        assert_eq!(Algorithm::Sum16.of(&big), 0x1202);
        assert_eq!(Algorithm::Xor16.of(&big), 0xedfc);
        let little = ByteOrder::Little.bytes(&registers);
        assert_eq!(Algorithm::Sum16.of(&little), 0x0311);
        assert_eq!(Algorithm::Xor16.of(&little), 0xfced);
    }

    #[test]
    fn bytes_enter_in_the_order_asked_for() {
        assert_eq!(ByteOrder::Big.bytes(&[0x1234, 0x5678]), [0x12, 0x34, 0x56, 0x78]);
        assert_eq!(ByteOrder::Little.bytes(&[0x1234, 0x5678]), [0x34, 0x12, 0x78, 0x56]);
    }

    #[test]
    fn every_algorithm_has_a_name_of_its_own_and_a_width() {
        for (name, algorithm) in Algorithm::ALL {
            assert_eq!(algorithm.name(), *name);
            assert_eq!(algorithm.max() == u32::MAX, algorithm.n_registers() == 2, "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_result_fits_its_registers_and_a_flipped_bit_changes_it(
            registers in proptest::collection::vec(any::<u16>(), 1..130),
            bit in any::<proptest::sample::Index>(),
        ) {
            let bytes = ByteOrder::Big.bytes(&registers);
            let mut flipped = bytes.clone();
            let bit = bit.index(bytes.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
            for (name, algorithm) in Algorithm::ALL {
                let sum = algorithm.of(&bytes);
                prop_assert!(sum <= algorithm.max(), "{name}");
                // Fletcher's modulus takes 0x00 for 0xff, which no single bit turns one into.
                prop_assert!(sum != algorithm.of(&flipped), "{name}");
            }
            prop_assert_eq!(Algorithm::Crc16Modbus.of(&bytes), u32::from(crc16_modbus(&bytes)));
        }
    }
}
