//! Events: what an operator should be able to find later.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Kind, Severity, SourceId};

/// One entry of the log: a kind, a sentence, and fields a machine can search.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: Kind,
    /// That of the kind, unless this is the good news of a kind that tells bad news too.
    pub severity: Severity,
    pub at: SystemTime,
    pub source: SourceId,
    /// What, where, the likely cause and the next step.
    pub text: String,
    /// Lower-case names; a journal shows them as `IM_` and upper case.
    pub fields: Vec<(&'static str, Scalar)>,
}

impl Event {
    pub fn new(kind: Kind, at: SystemTime, source: SourceId, text: impl Into<String>) -> Self {
        let severity = kind.severity();
        Self { kind, severity, at, source, text: text.into(), fields: Vec::new() }
    }

    /// What was told with this kind is over.
    #[must_use]
    pub fn as_good_news(self) -> Self {
        Self { severity: Severity::Notice, ..self }
    }

    /// Add a field. Names are lower-case words joined by `_`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Scalar>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Real(f64),
    Text(Arc<str>),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

macro_rules! scalar_from {
    ($($from:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$from> for Scalar {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

scalar_from! {
    bool => Bool,
    i64 => Signed,
    u8 => Unsigned,
    u16 => Unsigned,
    u32 => Unsigned,
    u64 => Unsigned,
    f64 => Real,
    &str => Text,
    String => Text,
    Arc<str> => Text,
}
