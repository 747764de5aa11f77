//! What a request and its response say, as the fields of one line.
//!
//! Both speak of the same thing, so it is told once: a response that only repeats its request adds
//! nothing, and one that should and does not is shown as the bytes it is.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::flow::Turn;
use crate::wire::modbus::content::Content;
use crate::wire::modbus::content::FileRecord;
use crate::wire::modbus::content::Object;
use crate::wire::modbus::name;
use crate::wire::modbus::pdu::Direction;
use crate::wire::modbus::pdu::Pdu;
use crate::wire::modbus::reply::Bits;

/// Of one transaction.
#[derive(Default, Serialize)]
pub(super) struct Fields {
    pub(super) function: String,
    pub(super) function_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quantity: Option<u16>,
    /// Written or read: a PDU holds 125 registers at most, or 2008 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) values: Option<Vec<u16>>,
    /// What only some functions have.
    #[serde(flatten)]
    pub(super) rest: BTreeMap<&'static str, Value>,
}

impl Fields {
    pub(super) fn of(turn: &Turn) -> Self {
        let request = turn.request.as_ref().map(|said| &*said.pdu);
        let response = turn.response.as_ref().map(|said| &*said.pdu);
        let function_code = request.or(response).and_then(<[u8]>::first).map_or(0, |code| {
            // The exception bit of a response; nobody asks with it.
            if request.is_none() { code & 0x7f } else { *code }
        });
        let function = name::function_name(function_code);
        let function = function.map_or_else(|| format!("function {function_code}"), str::to_owned);
        let mut fields = Self { function, function_code, ..Self::default() };
        if let Some(pdu) = request {
            fields.add(Direction::Request, pdu);
        }
        match response {
            None => (),
            Some(pdu) if request.is_some_and(|asked| is_echo(asked, pdu)) => (),
            Some(pdu) if request.is_some() && is_to_echo(pdu) => {
                fields.put("response_pdu", hexadecimal(pdu));
            }
            Some(pdu) => fields.add(Direction::Response, pdu),
        }
        fields
    }

    fn add(&mut self, direction: Direction, pdu: &[u8]) {
        let Some(content) = Content::read(direction, pdu) else { return };
        match content {
            Content::Bare => (),
            Content::Range { address, quantity } => self.add_range(address, quantity),
            Content::Bits(bits) => self.values = Some(self.asked_for(bits)),
            Content::Registers(registers) if self.function_code == 23 => {
                self.put("read_values", registers.iter().collect::<Vec<_>>());
            }
            Content::Registers(registers) | Content::Queue(registers) => {
                self.values = Some(registers.iter().collect());
            }
            Content::Coil { address, is_on } => self.add_written(address, [u16::from(is_on)]),
            Content::Register { address, value } => self.add_written(address, [value]),
            Content::WriteBits { address, bits } => {
                self.add_written(address, bits.iter().map(u16::from));
                self.quantity = self.n_values();
            }
            Content::WriteRegisters { address, registers } => {
                self.add_written(address, registers.iter());
                self.quantity = self.n_values();
            }
            Content::ReadWrite { read: (first, quantity), address, registers } => {
                self.add_written(address, registers.iter());
                self.quantity = self.n_values();
                self.put("read_address", first);
                self.put("read_quantity", quantity);
            }
            Content::QueueAddress(address) => self.address = Some(address),
            Content::Mask { address, and, or } => {
                self.address = Some(address);
                self.put("and_mask", and);
                self.put("or_mask", or);
            }
            Content::FileRecords(records) => {
                let records: Vec<_> = records.iter().map(file_record).collect();
                self.put(by(direction, "request_records", "response_records"), records);
            }
            Content::Exception(code) => self.add_exception(code),
            Content::Raw(_) => self.add_raw(direction, pdu),
            Content::ExceptionStatus(status) => self.put("status", status),
            Content::EventCounter { status, events } => self.add_events(status, events),
            Content::EventLog { status, events, messages, log } => {
                self.add_events(status, events);
                self.put("messages", messages);
                self.put("log", hexadecimal(log));
            }
            Content::ServerId(bytes) => self.add_server_id(bytes),
            Content::Diagnostics { sub_function, bytes } => {
                self.add_sub_function(sub_function);
                self.put(by(direction, "request_bytes", "response_bytes"), hexadecimal(bytes));
            }
            Content::Identify { code, object } => {
                self.add_identification(code);
                self.put("object_id", object);
            }
            Content::Identification { code, conformity, next, objects } => {
                self.add_identification(code);
                self.put("conformity", conformity);
                if let Some(id) = next {
                    self.put("next_object_id", id);
                }
                self.put("objects", objects.iter().map(object).collect::<Vec<_>>());
            }
            Content::Encapsulated { mei_type, bytes } => {
                self.add_mei(mei_type);
                self.put(by(direction, "request_bytes", "response_bytes"), hexadecimal(bytes));
            }
        }
    }

    fn add_events(&mut self, status: u16, events: u16) {
        self.put("status", status);
        self.put("events", events);
    }

    /// The device's own bytes; most hold a text.
    fn add_server_id(&mut self, bytes: &[u8]) {
        self.put("server_id", hexadecimal(bytes));
        self.put("server_id_text", printable(bytes));
    }

    fn add_sub_function(&mut self, code: u16) {
        if let Some(name) = name::diagnostic_name(code) {
            self.put("sub_function", name);
        }
        self.put("sub_function_code", code);
    }

    fn add_identification(&mut self, read_code: u8) {
        self.add_mei(14);
        self.put("read_code", read_code);
    }

    fn add_range(&mut self, address: u16, quantity: u16) {
        (self.address, self.quantity) = (Some(address), Some(quantity));
    }

    fn add_written(&mut self, address: u16, values: impl IntoIterator<Item = u16>) {
        self.address = Some(address);
        self.values = Some(values.into_iter().collect());
    }

    fn add_mei(&mut self, mei_type: u8) {
        if let Some(name) = name::mei_name(mei_type) {
            self.put("mei_type", name);
        }
        self.put("mei_type_code", mei_type);
    }

    fn add_exception(&mut self, code: u8) {
        let name = name::exception_name(code);
        let name = name.map_or_else(|| format!("exception {code}"), str::to_owned);
        self.put("exception", name);
        self.put("exception_code", code);
    }

    /// As far as it can be told, and the bytes.
    fn add_raw(&mut self, direction: Direction, pdu: &[u8]) {
        if let Ok(outline) = Pdu::parse(direction, pdu) {
            self.address = self.address.or(outline.address);
            self.quantity = self.quantity.or(outline.quantity);
            if let Some(code) = outline.exception {
                self.add_exception(code);
            }
        }
        self.put(by(direction, "request_pdu", "response_pdu"), hexadecimal(pdu));
    }

    /// Without the bits that fill the last byte up, where it is known which they are.
    fn asked_for(&self, bits: Bits<'_>) -> Vec<u16> {
        let mut values: Vec<_> = bits.iter().map(u16::from).collect();
        let n_asked = self.quantity.map_or(values.len(), usize::from);
        if n_asked.div_ceil(8) == values.len() / 8 {
            values.truncate(n_asked);
        }
        values
    }

    fn n_values(&self) -> Option<u16> {
        self.values.as_ref().and_then(|values| values.len().try_into().ok())
    }

    fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.rest.insert(name, value.into());
    }
}

fn by(direction: Direction, request: &'static str, response: &'static str) -> &'static str {
    match direction {
        Direction::Request => request,
        Direction::Response => response,
    }
}

/// True if a response says nothing but that what was asked is done.
fn is_echo(request: &[u8], response: &[u8]) -> bool {
    match response.first() {
        Some(5 | 6 | 21 | 22) => response == request,
        // Function, address and quantity.
        Some(15 | 16) => response.len() == 5 && request.starts_with(response),
        _ => false,
    }
}

/// True if it should be one.
fn is_to_echo(response: &[u8]) -> bool {
    matches!(response.first(), Some(5 | 6 | 15 | 16 | 21 | 22))
}

fn file_record(record: FileRecord<'_>) -> Value {
    let FileRecord { reference_type, place, length, registers } = record;
    let mut fields = vec![("reference_type", json!(reference_type)), ("length", json!(length))];
    if let Some((file, record)) = place {
        fields.extend([("file", json!(file)), ("record", json!(record))]);
    }
    let values: Vec<_> = registers.iter().collect();
    if !values.is_empty() {
        fields.push(("values", json!(values)));
    }
    fields.into_iter().collect()
}

/// Text where it is some.
fn object(object: Object<'_>) -> Value {
    let Object { id, value } = object;
    let text = str::from_utf8(value).ok().filter(|text| !text.contains(char::is_control));
    match text {
        Some(text) => json!({ "id": id, "value": text }),
        None => json!({ "id": id, "bytes": hexadecimal(value) }),
    }
}

/// Two digits a byte.
fn hexadecimal(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

/// As a hex dump shows it.
fn printable(bytes: &[u8]) -> String {
    let char_of = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    bytes.iter().map(char_of).collect()
}

#[cfg(test)]
mod tests;
