//! Identifiers: what they are and the normal form of each kind.

pub mod blocked_value;
mod email;
pub mod normalize;
mod phone;
pub mod text;
pub mod unified_id;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name of an identifier's kind, as policies define it: `phone`, `email`, …
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(Arc<str>);

impl Kind {
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A normalized value of one kind; a node of the identity graph.
///
/// `generation` counts the owners of a value that was retired: 0 for the first. The order (kind, value, generation) is
/// the order of storage, not of strength: strength is the policy's priority.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Identifier {
    pub kind: Kind,
    pub value: Arc<str>,
    #[serde(default, skip_serializing_if = "is_first_generation")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub generation: u32,
}

fn is_first_generation(generation: &u32) -> bool {
    *generation == 0
}

impl Identifier {
    pub fn new(kind: Kind, value: &str) -> Self {
        Self { kind, value: Arc::from(value), generation: 0 }
    }

    /// Another owner of the same value.
    pub fn of_generation(&self, generation: u32) -> Self {
        Self { kind: self.kind.clone(), value: self.value.clone(), generation }
    }

    /// Whether both are owners of one value.
    pub fn is_same_value(&self, other: &Self) -> bool {
        self.value == other.value && self.kind == other.kind
    }
}

/// A unified ID: the public name of a profile, and the derived ID of every identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnifiedId(pub Uuid);

impl fmt::Display for UnifiedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a value is not of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is longer than {MAX_VALUE_BYTES} bytes")]
    TooLong,
    #[error("it holds a control character")]
    ControlCharacter,
    #[error("it is a foreign number; only numbers of +82 are taken")]
    ForeignPhone,
    #[error("it is not a phone number; write it as 010-1234-5678 or +821012345678")]
    NotAPhone,
    #[error("it is not a valid email address")]
    NotAnEmail,
    #[error("it does not match the pattern that the policy demands of this kind")]
    PatternMismatch,
}

impl Malformed {
    /// The code that answers carry.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "IDENTIFIER_TOO_LONG",
            Self::ControlCharacter => "IDENTIFIER_CONTROL_CHARACTER",
            Self::ForeignPhone => "PHONE_FOREIGN",
            Self::NotAPhone => "PHONE_MALFORMED",
            Self::NotAnEmail => "EMAIL_MALFORMED",
            Self::PatternMismatch => "IDENTIFIER_PATTERN_MISMATCH",
        }
    }
}

/// The longest normal form, in bytes.
pub const MAX_VALUE_BYTES: usize = 255;

#[cfg(test)]
mod tests;
