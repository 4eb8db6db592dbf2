//! Revisions: a short text that changes whenever anything changes that a profile is made of.

use crate::{facts::IdentifierFacts, identifier::Identifier};

/// The revision of a profile, from the policy's version and its members in ascending order. It depends on nothing else, so
/// that the browser computes the same from the same facts.
pub fn revision<'a>(
    policy_version: i64,
    members: impl Iterator<Item = (&'a Identifier, &'a IdentifierFacts)>,
) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&policy_version.to_le_bytes());
    for member in members {
        // Maps keep their keys in order, so equal facts make equal text; facts of this program always make text.
        if let Ok(text) = serde_json::to_vec(&member) {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(&text);
        }
    }
    hasher.finalize().to_hex().as_str().get(..24).unwrap_or_default().to_owned()
}
