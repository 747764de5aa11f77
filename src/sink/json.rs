//! JSON lines: one object for each event, its fields beside the common ones, numbers as numbers.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::record::Scalar;

use super::entry::{Entry, clip, is_reserved, severity_name};

impl Entry<'_> {
    /// Append one line.
    pub(super) fn encode_json(&self, line: &mut Vec<u8>) {
        // Neither a `Vec` nor these types can fail; if they did, half a line would still be one.
        let _ = serde_json::to_writer(&mut *line, self);
        line.push(b'\n');
    }
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { event, identity, seq } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", event.kind.name())?;
        map.serialize_entry("severity", severity_name(event.severity))?;
        map.serialize_entry("at", &humantime::format_rfc3339_micros(event.at).to_string())?;
        map.serialize_entry("source", event.source.as_str())?;
        if let Some(site) = &identity.site {
            map.serialize_entry("site", site)?;
        }
        map.serialize_entry("text", &clipped(&event.text))?;
        map.serialize_entry("run_id", &identity.run_id)?;
        map.serialize_entry("seq", seq)?;
        for (name, value) in &event.fields {
            debug_assert!(!is_reserved(name), "{name} would be there twice");
            match value {
                Scalar::Text(text) => map.serialize_entry(name, &clipped(text))?,
                Scalar::Bool(_) | Scalar::Signed(_) | Scalar::Unsigned(_) | Scalar::Real(_) => {
                    map.serialize_entry(name, value)?;
                }
            }
        }
        map.end()
    }
}

fn clipped(text: &str) -> String {
    let (head, tail) = clip(text);
    format!("{head}{tail}")
}
