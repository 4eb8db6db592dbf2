//! Unified IDs: names for profiles that reveal nothing and can be computed again.

use uuid::{Builder, Uuid};

use super::{Identifier, UnifiedId};

/// The workspace's secret. Only with it can a program tell whether an identifier belongs to a unified ID.
#[derive(Clone)]
pub struct IdSecret([u8; 32]);

impl std::fmt::Debug for IdSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdSecret(…)")
    }
}

impl IdSecret {
    /// Makes a key of a secret text of any length; white space around it does not count.
    pub fn new(secret: &str) -> Self {
        Self(blake3::derive_key("User Profile 360 2026-11 unified ID", secret.trim().as_bytes()))
    }

    /// A key of its own for another purpose; `purpose` is a fixed text that nothing else uses. The key does not reveal the secret.
    pub fn key_for(&self, purpose: &'static str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.0)
    }

    /// The fixed public secret of `resolve` and `summarize`, for use without a secret.
    pub fn public() -> Self {
        Self::new("public")
    }
}

/// The derived ID of an identifier: keyed BLAKE3 of (kind, value, generation) as a UUID of version 8.
pub fn unified_id(identifier: &Identifier, secret: &IdSecret) -> UnifiedId {
    let mut hasher = blake3::Hasher::new_keyed(&secret.0);
    // Lengths in front keep ("a", "bc") and ("ab", "c") apart.
    for text in [identifier.kind.as_str(), &identifier.value] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(&identifier.generation.to_le_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    UnifiedId(Builder::from_custom_bytes(bytes).into_uuid())
}

impl UnifiedId {
    /// Reads a unified ID in any form that UUIDs are written in.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text.trim()).ok().map(Self)
    }
}
