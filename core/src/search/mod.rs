//! What a search finds: one definition for the list, the suggestions and the pickers.
//!
//! A text is read twice. As a whole it can be an identifier ([`recognize`]); by its terms it can be parts of what a customer has
//! ([`terms::SearchText`]). A customer who matches either is found.

pub mod names;
pub mod terms;

use crate::{
    identifier::{
        Identifier, UnifiedId,
        normalize::{Normalized, normalize},
    },
    policy::compiled::CompiledPolicy,
};

/// What a search text can be as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognized {
    Empty,
    UnifiedId(UnifiedId),
    /// Its normal form in every kind that accepts it; none where it is blocked.
    Identifiers(Vec<Identifier>),
}

/// Says what a text is, by the policy's kinds.
pub fn recognize(text: &str, policy: &CompiledPolicy) -> Recognized {
    let text = text.trim();
    if text.is_empty() {
        return Recognized::Empty;
    }
    if let Some(value) = UnifiedId::parse(text).filter(|_| text.len() == 36) {
        return Recognized::UnifiedId(value);
    }
    let identifiers = policy.kinds.iter().filter_map(|kind| match normalize(text, kind, policy) {
        Normalized::Usable { identifier, .. } => Some(identifier),
        Normalized::Blocked(_) | Normalized::Refused(_) => None,
    });
    Recognized::Identifiers(identifiers.collect())
}

#[cfg(test)]
mod tests;
