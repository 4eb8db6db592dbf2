//! Identifiers: what they are and the normal form of each kind.

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

/// A normalised value of one kind; a node of the identity graph.
///
/// `generation` counts the owners of a value that was retired: 0 for the first. The order (kind, value, generation) is
/// the order of storage, not of strength: strength is the policy's priority.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    pub kind: Kind,
    pub value: Arc<str>,
    #[serde(default, skip_serializing_if = "is_first_generation")]
    pub generation: u32,
}

fn is_first_generation(generation: &u32) -> bool {
    *generation == 0
}

impl Identifier {
    pub fn new(kind: Kind, value: &str) -> Self {
        Self { kind, value: Arc::from(value), generation: 0 }
    }
}

/// A unified ID: the public name of a profile, and the latent ID of every identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnifiedId(pub Uuid);

impl fmt::Display for UnifiedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
