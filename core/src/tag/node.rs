//! Node ids of OPC UA as they are written in text (Part 6, section 5.3.1.10).
//!
//! `ns=2;s=Pump.Pressure`, `ns=3;i=1001`, `i=2258`. Numbers and texts, which is what controllers
//! name their variables with; GUIDs and opaque ids are refused by name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A node in the address space of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeId {
    /// Index into the server's table of namespaces; 0 is the standard's own.
    pub namespace: u16,
    pub identifier: Identifier,
}

/// What a node is called within its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    Number(u32),
    Text(Arc<str>),
}

/// Why a text is not a node id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeIdError {
    #[error("`{0}` is not a node id; write ns=2;s=Pump.Pressure or ns=3;i=1001")]
    Form(String),
    #[error("`{0}`: a namespace is a number from 0 to 65535")]
    Namespace(String),
    #[error("`{0}`: the number behind `i=` is 0 to 4294967295")]
    Number(String),
    #[error("`{0}`: the text behind `s=` is 1 to {MAX_TEXT} bytes without control characters")]
    Text(String),
    #[error("`{0}` is a GUID or opaque id; only `i=` and `s=` are supported")]
    Unsupported(String),
}

/// Longest text of an identifier (Part 3, table 22 speaks of characters; bytes are fewer).
const MAX_TEXT: usize = 4096;

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        let owned = || text.to_owned();
        let (namespace, rest) = match text.strip_prefix("ns=") {
            Some(rest) => {
                let (digits, rest) =
                    rest.split_once(';').ok_or_else(|| NodeIdError::Form(owned()))?;
                (digits.parse().map_err(|_| NodeIdError::Namespace(owned()))?, rest)
            }
            None => (0, text),
        };
        let identifier = match rest.split_once('=') {
            Some(("i", digits)) => {
                Identifier::Number(digits.parse().map_err(|_| NodeIdError::Number(owned()))?)
            }
            Some(("s", name)) => {
                if name.is_empty() || name.len() > MAX_TEXT || name.contains(char::is_control) {
                    return Err(NodeIdError::Text(owned()));
                }
                Identifier::Text(name.into())
            }
            Some(("g" | "b", _)) => return Err(NodeIdError::Unsupported(owned())),
            Some(_) | None => return Err(NodeIdError::Form(owned())),
        };
        Ok(Self { namespace, identifier })
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace != 0 {
            write!(f, "ns={};", self.namespace)?;
        }
        match &self.identifier {
            Identifier::Number(number) => write!(f, "i={number}"),
            Identifier::Text(text) => write!(f, "s={text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_is_read_back_as_written() {
        for text in ["i=2258", "ns=3;i=1001", "ns=2;s=Pump.Pressure", "s=a=b;c", "ns=65535;s= "] {
            assert_eq!(text.parse::<NodeId>().unwrap().to_string(), text);
        }
        assert_eq!("ns=0;i=1".parse(), "i=1".parse::<NodeId>());
    }

    #[test]
    fn what_is_no_node_id_is_refused_with_the_reason() {
        type Refusal = fn(String) -> NodeIdError;
        for (text, refusal) in [
            ("", NodeIdError::Form as Refusal),
            ("Pump.Pressure", NodeIdError::Form),
            ("ns=2", NodeIdError::Form),
            ("ns=2;Pump", NodeIdError::Form),
            ("ns=2;x=Pump", NodeIdError::Form),
            ("ns=65536;i=1", NodeIdError::Namespace),
            ("ns=;i=1", NodeIdError::Namespace),
            ("i=4294967296", NodeIdError::Number),
            ("i=-1", NodeIdError::Number),
            ("ns=2;s=", NodeIdError::Text),
            ("ns=2;s=a\u{7}", NodeIdError::Text),
            ("ns=2;g=09087e75-8e5e-499b-954f-f2a9603db28a", NodeIdError::Unsupported),
            ("b=M/RbKBsRVkePCePcx24oRA==", NodeIdError::Unsupported),
        ] {
            assert_eq!(text.parse::<NodeId>(), Err(refusal(text.to_owned())));
        }
    }
}
