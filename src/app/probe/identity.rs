//! What a device says of itself, and which of the functions that only do so it has. Pure.

use std::collections::BTreeMap;

use crate::poller::Values;
use crate::poller::Why;
use crate::wire::modbus::identify;
use crate::wire::modbus::identify::DeviceIdLevel;
use crate::wire::modbus::identify::IdentifyRequest;
use crate::wire::modbus::identify::Identity;

/// Objects kept of one device. There are seven with a meaning, and those of the maker.
const MAX_OBJECTS: usize = 32;
/// Parts that the identification may come in.
pub const MAX_PARTS: u32 = 16;
/// The first object that is not basic (Application Protocol V1.1b3, section 6.21).
const FIRST_REGULAR: u8 = 3;
/// Conformity levels are told in these bits; the eighth says that objects can be asked for alone.
const CONFORMITY: u8 = 0x7f;

/// A function that identifies or diagnoses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    pub code: u8,
    pub name: &'static str,
}

impl Function {
    pub const ECHO: Self = Self { code: 8, name: "return query data (8/0)" };
    pub const SERVER_ID: Self = Self { code: 17, name: "report server id (17)" };
    pub const DEVICE_ID: Self = Self { code: 43, name: "read device identification (43/14)" };
    pub const PLAIN: [(Self, IdentifyRequest); 3] = [
        (Self { code: 7, name: "read exception status (7)" }, IdentifyRequest::ExceptionStatus),
        (Self { code: 11, name: "comm event counter (11)" }, IdentifyRequest::EventCounter),
        (Self { code: 12, name: "comm event log (12)" }, IdentifyRequest::EventLog),
    ];
}

/// Whether a device has a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Answers,
    Refuses(u8),
    /// Something came that is not provably the answer.
    Unproven,
    Silent,
}

impl Support {
    pub fn of(reply: Result<&Values, Why>) -> Self {
        match reply {
            Ok(Values::Exception(code)) => Self::Refuses(*code),
            Ok(Values::Registers(_) | Values::Bits(_) | Values::Echo | Values::Identity(_)) => {
                Self::Answers
            }
            Err(Why::Unproven | Why::OtherUnit(_)) => Self::Unproven,
            Err(Why::Silent | Why::Late(_) | Why::Lost | Why::NoLink) => Self::Silent,
        }
    }
}

/// What one unit says of itself. Its texts are whatever the device sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identification {
    /// Of function 43/14, by number: 0 vendor, 1 product code, 2 revision, 3 vendor URL, 4 product,
    /// 5 model, 6 application.
    pub objects: BTreeMap<u8, Vec<u8>>,
    /// Of function 17, as the maker defined it.
    pub server_id: Option<Vec<u8>>,
}

impl Identification {
    /// What an object of the standard is.
    pub fn object_name(number: u8) -> Option<&'static str> {
        const NAMES: [&str; 7] =
            ["vendor", "product code", "revision", "vendor URL", "product", "model", "application"];
        NAMES.get(usize::from(number)).copied()
    }

    /// Take in the proven reply `pdu` to `asked`, and say what to ask for next.
    pub fn on_reply(&mut self, asked: IdentifyRequest, pdu: &[u8]) -> Option<IdentifyRequest> {
        match (asked, identify::prove(asked, pdu).ok()?) {
            (_, Identity::ServerId(id)) => {
                self.server_id = Some(id.to_vec());
                None
            }
            (IdentifyRequest::DeviceId { level, object }, Identity::DeviceId(id)) => {
                for (number, text) in id.objects() {
                    if self.objects.len() < MAX_OBJECTS {
                        self.objects.insert(number, text.to_vec());
                    }
                }
                // One that does not move on would be asked for ever.
                let rest = id.next.filter(|next| *next > object);
                match (rest, level) {
                    (Some(object), level) => Some(IdentifyRequest::DeviceId { level, object }),
                    (None, DeviceIdLevel::Basic)
                        if id.conformity & CONFORMITY >= DeviceIdLevel::Regular as u8 =>
                    {
                        let level = DeviceIdLevel::Regular;
                        Some(IdentifyRequest::DeviceId { level, object: FIRST_REGULAR })
                    }
                    (None, _) => None,
                }
            }
            _ => None,
        }
    }
}

/// Text of a device for a terminal, a comment or a log: nothing in it can steer any of them.
/// Letters of any language stay; what is no UTF-8, no letter and not printable ASCII is escaped.
pub fn shown(bytes: &[u8]) -> String {
    let Ok(text) = str::from_utf8(bytes) else { return bytes.escape_ascii().to_string() };
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
    let escaped = text
        .trim_matches(['\0', ' '])
        .chars()
        .map(|c| if is_plain(c) { c.to_string() } else { c.escape_default().to_string() });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASIC: IdentifyRequest =
        IdentifyRequest::DeviceId { level: DeviceIdLevel::Basic, object: 0 };

    fn part(level: u8, conformity: u8, next: Option<u8>, number: u8, text: &[u8]) -> Vec<u8> {
        let more = if next.is_some() { 0xff } else { 0 };
        let len = u8::try_from(text.len()).unwrap();
        let head = [43, 14, level, conformity, more, next.unwrap_or(0), 1, number, len];
        [&head[..], text].concat()
    }

    #[test]
    fn parts_follow_one_another_and_then_come_the_regular_objects() {
        let mut identification = Identification::default();
        let next = identification.on_reply(BASIC, &part(1, 0x82, Some(1), 0, b"Acme")).unwrap();
        assert_eq!(next, IdentifyRequest::DeviceId { level: DeviceIdLevel::Basic, object: 1 });
        let next = identification.on_reply(next, &part(1, 0x82, None, 1, b"P-7")).unwrap();
        assert_eq!(next, IdentifyRequest::DeviceId { level: DeviceIdLevel::Regular, object: 3 });
        assert_eq!(identification.on_reply(next, &part(2, 0x82, None, 3, b"acme.test")), None);
        let objects: Vec<_> = identification.objects.keys().copied().collect();
        assert_eq!(objects, [0, 1, 3]);
    }

    #[test]
    fn a_device_that_has_no_regular_objects_is_not_asked_for_them() {
        let mut identification = Identification::default();
        assert_eq!(identification.on_reply(BASIC, &part(1, 0x01, None, 0, b"Acme")), None);
    }

    #[test]
    fn a_device_that_never_moves_on_is_left_alone() {
        let mut identification = Identification::default();
        let part = part(1, 1, Some(0), 0, b"Acme");
        assert_eq!(identification.on_reply(BASIC, &part), None);
    }

    #[test]
    fn a_reply_that_proves_nothing_is_not_taken_for_silence() {
        for (reply, support) in [
            (Ok(&Values::Identity(vec![17, 0])), Support::Answers),
            (Ok(&Values::Exception(1)), Support::Refuses(1)),
            (Err(Why::Unproven), Support::Unproven),
            (Err(Why::Silent), Support::Silent),
        ] {
            assert_eq!(Support::of(reply), support);
        }
    }

    #[test]
    fn a_hostile_text_steers_nothing() {
        for (bytes, text) in [
            (&b"Pump 7 \"B\" #1"[..], "Pump 7 \"B\" #1"),
            (b"a\r\n[[modbus]]\x1b[2J\x07", "a\\r\\n[[modbus]]\\u{1b}[2J\\u{7}"),
            (
                "M\u{fc}ller \u{202e}x\u{2028}\u{feff}".as_bytes(),
                "Müller \\u{202e}x\\u{2028}\\u{feff}",
            ),
            (b"\xff\xfe\n\x7f", "\\xff\\xfe\\n\\x7f"),
            (b"padded\0\0  ", "padded"),
        ] {
            assert_eq!(shown(bytes), text);
        }
    }
}
