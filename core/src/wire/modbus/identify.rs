//! Requests that only identify or diagnose a device, and the proof of their replies.
//!
//! For commissioning: cyclic polling sends none of them. As in [`super::request`], there is no
//! variant for a write. 20 and 24 read files and queues; their writing counterpart 21 is not here.

use super::reply::NotTheAnswer;
use super::request::PDU_LEN;

/// A request that changes nothing in a device (Application Protocol V1.1b3, sections 6.7 to 6.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentifyRequest {
    /// 7: eight bits that the maker defined.
    ExceptionStatus,
    /// 11: a status word and how many requests were carried out.
    EventCounter,
    /// 12: the same, with the last events.
    EventLog,
    /// 17: identifier and run indicator, as the maker defined them.
    ServerId,
    /// 20, one sub-request: registers of a file.
    FileRecord { file: u16, record: u16, count: u8 },
    /// 24: up to 31 registers of a queue.
    FifoQueue { pointer: u16 },
    /// 43/14: identification objects from `object` on.
    DeviceId { level: DeviceIdLevel, object: u8 },
}

/// How much of its identification a device is asked for (section 6.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceIdLevel {
    /// Vendor, product code, revision.
    Basic = 1,
    /// Also vendor URL, product, model and application names.
    Regular = 2,
    /// What the maker added.
    Extended = 3,
    /// One object alone.
    Single = 4,
}

/// Registers of a file that one reply can carry.
pub const MAX_RECORD: u8 = 121;
/// Longest PDU of these requests: that for a file record.
pub const MAX_PDU_LEN: usize = 9;
/// Reference type of a file sub-request (section 6.14).
const FILE_REFERENCE: u8 = 6;
const MAX_QUEUE: usize = 31;
/// MODBUS Encapsulated Interface type of Read Device Identification.
const DEVICE_ID: u8 = 14;

/// The PDU of a request, of whatever length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPdu {
    bytes: [u8; MAX_PDU_LEN],
    len: usize,
}

impl RequestPdu {
    fn of(parts: &[u8]) -> Self {
        let mut bytes = [0; MAX_PDU_LEN];
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        Self { bytes, len: parts.len().min(MAX_PDU_LEN) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl From<[u8; PDU_LEN]> for RequestPdu {
    fn from(bytes: [u8; PDU_LEN]) -> Self {
        Self::of(&bytes)
    }
}

impl IdentifyRequest {
    /// Function code.
    pub fn function(self) -> u8 {
        match self {
            Self::ExceptionStatus => 7,
            Self::EventCounter => 11,
            Self::EventLog => 12,
            Self::ServerId => 17,
            Self::FileRecord { .. } => 20,
            Self::FifoQueue { .. } => 24,
            Self::DeviceId { .. } => 43,
        }
    }

    /// The PDU, ready for a frame.
    pub fn pdu(self) -> RequestPdu {
        let function = self.function();
        match self {
            Self::ExceptionStatus | Self::EventCounter | Self::EventLog | Self::ServerId => {
                RequestPdu::of(&[function])
            }
            Self::FileRecord { file, record, count } => {
                let ([f0, f1], [r0, r1]) = (file.to_be_bytes(), record.to_be_bytes());
                let count = count.clamp(1, MAX_RECORD);
                RequestPdu::of(&[function, 7, FILE_REFERENCE, f0, f1, r0, r1, 0, count])
            }
            Self::FifoQueue { pointer } => {
                let [p0, p1] = pointer.to_be_bytes();
                RequestPdu::of(&[function, p0, p1])
            }
            Self::DeviceId { level, object } => {
                RequestPdu::of(&[function, DEVICE_ID, level as u8, object])
            }
        }
    }
}

/// What a proven reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity<'a> {
    ExceptionStatus(u8),
    EventCounter {
        status: u16,
        n_events: u16,
    },
    EventLog {
        status: u16,
        n_events: u16,
        n_messages: u16,
        events: &'a [u8],
    },
    /// Identifier, run indicator and more, as the maker defined them.
    ServerId(&'a [u8]),
    /// Big-endian registers.
    FileRecord(&'a [u8]),
    FifoQueue(&'a [u8]),
    DeviceId(DeviceId<'a>),
    /// The device refused, with this code.
    Exception(u8),
}

/// Part of a device's identification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId<'a> {
    pub conformity: u8,
    /// The object to ask for next, if there are more.
    pub next: Option<u8>,
    n_objects: u8,
    objects: &'a [u8],
}

/// The number of an object and its text.
pub type Object<'a> = (u8, &'a [u8]);

impl<'a> DeviceId<'a> {
    pub fn objects(self) -> impl Iterator<Item = Object<'a>> {
        let mut rest = self.objects;
        (0..self.n_objects).map_while(move |_| {
            let (object, behind) = object(rest)?;
            rest = behind;
            Some(object)
        })
    }
}

/// The object at the front of `bytes`, and what follows it.
fn object(bytes: &[u8]) -> Option<(Object<'_>, &[u8])> {
    let ([number, len], rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(*len))?;
    Some(((*number, text), rest))
}

/// Prove that `pdu` has the shape of the answer to `request`.
pub fn prove(request: IdentifyRequest, pdu: &[u8]) -> Result<Identity<'_>, NotTheAnswer> {
    let (&found, body) = pdu.split_first().ok_or(NotTheAnswer::Empty)?;
    let asked = request.function();
    if found == asked | 0x80 {
        return match body {
            [code] => Ok(Identity::Exception(*code)),
            _ => Err(NotTheAnswer::Length { need: 2, found: pdu.len() }),
        };
    }
    if found != asked {
        return Err(NotTheAnswer::Function { asked, found });
    }
    if pdu == request.pdu().as_bytes() {
        return Err(NotTheAnswer::OwnRequest);
    }
    match request {
        IdentifyRequest::ExceptionStatus => match body {
            [status] => Ok(Identity::ExceptionStatus(*status)),
            _ => Err(NotTheAnswer::Length { need: 2, found: pdu.len() }),
        },
        IdentifyRequest::EventCounter => match body {
            [s0, s1, n0, n1] => Ok(Identity::EventCounter {
                status: u16::from_be_bytes([*s0, *s1]),
                n_events: u16::from_be_bytes([*n0, *n1]),
            }),
            _ => Err(NotTheAnswer::Length { need: 5, found: pdu.len() }),
        },
        IdentifyRequest::EventLog => event_log(counted(body)?),
        IdentifyRequest::ServerId => Ok(Identity::ServerId(counted(body)?)),
        IdentifyRequest::FileRecord { count, .. } => file_record(counted(body)?, count),
        IdentifyRequest::FifoQueue { .. } => fifo_queue(body),
        IdentifyRequest::DeviceId { level, object } => device_id(body, level, object),
    }
}

/// What follows a byte that counts it.
fn counted(body: &[u8]) -> Result<&[u8], NotTheAnswer> {
    let (count, rest) = body.split_first().ok_or(NotTheAnswer::Length { need: 2, found: 1 })?;
    if usize::from(*count) == rest.len() {
        Ok(rest)
    } else {
        Err(NotTheAnswer::ByteCount { need: rest.len(), found: usize::from(*count) })
    }
}

fn event_log(data: &[u8]) -> Result<Identity<'_>, NotTheAnswer> {
    let short = NotTheAnswer::Length { need: 8, found: data.len() + 2 };
    let ([s0, s1, n0, n1, m0, m1], events) = data.split_first_chunk().ok_or(short)?;
    Ok(Identity::EventLog {
        status: u16::from_be_bytes([*s0, *s1]),
        n_events: u16::from_be_bytes([*n0, *n1]),
        n_messages: u16::from_be_bytes([*m0, *m1]),
        events,
    })
}

/// One group: its length, the reference type, the registers.
fn file_record(data: &[u8], count: u8) -> Result<Identity<'_>, NotTheAnswer> {
    let need = usize::from(count.clamp(1, MAX_RECORD)) * 2;
    match data {
        [len, FILE_REFERENCE, registers @ ..]
            if usize::from(*len) == need + 1 && registers.len() == need =>
        {
            Ok(Identity::FileRecord(registers))
        }
        _ => Err(NotTheAnswer::Length { need: need + 4, found: data.len() + 2 }),
    }
}

/// A count of bytes, a count of registers, the registers.
fn fifo_queue(body: &[u8]) -> Result<Identity<'_>, NotTheAnswer> {
    let short = NotTheAnswer::Length { need: 5, found: body.len() + 1 };
    let ([b0, b1, n0, n1], registers) = body.split_first_chunk().ok_or(short)?;
    let n_bytes = usize::from(u16::from_be_bytes([*b0, *b1]));
    let n_registers = usize::from(u16::from_be_bytes([*n0, *n1]));
    let need = n_registers * 2;
    if n_registers > MAX_QUEUE || n_bytes != need + 2 {
        return Err(NotTheAnswer::ByteCount { need: need + 2, found: n_bytes });
    }
    if registers.len() != need {
        return Err(NotTheAnswer::Length { need: need + 5, found: body.len() + 1 });
    }
    Ok(Identity::FifoQueue(registers))
}

fn device_id(body: &[u8], level: DeviceIdLevel, first: u8) -> Result<Identity<'_>, NotTheAnswer> {
    let malformed = NotTheAnswer::Length { need: 7, found: body.len() + 1 };
    let ([interface, code, conformity, more, next, n_objects], objects) =
        body.split_first_chunk().ok_or(malformed)?;
    if [*interface, *code] != [DEVICE_ID, level as u8] || *n_objects == 0 {
        return Err(malformed);
    }
    let next = match more {
        0 => None,
        0xff => Some(*next),
        _ => return Err(malformed),
    };
    let mut rest = objects;
    for nth in 0..*n_objects {
        let ((number, _), behind) = object(rest).ok_or(malformed)?;
        // A device that does not know the object of a stream begins again at 0.
        if nth == 0 && number != first && (number != 0 || level == DeviceIdLevel::Single) {
            return Err(malformed);
        }
        rest = behind;
    }
    if !rest.is_empty() {
        return Err(malformed);
    }
    let id = DeviceId { conformity: *conformity, next, n_objects: *n_objects, objects };
    Ok(Identity::DeviceId(id))
}

#[cfg(test)]
mod tests;
