//! What a key may send, and whether it sees results.

use std::{collections::BTreeSet, sync::Arc};

use profile360_core::message::{
    MessageType,
    parse::accepted::Accepted,
    refusal::{Refusal, RefusalCode},
};
use serde::{Deserialize, Serialize};

/// Restrictions on what the holder of a key sends. The key may be in an app or a page, where others can read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The sources that its messages may name; any if empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sources: BTreeSet<Arc<str>>,
    /// The types that its messages may have; any if empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub types: BTreeSet<MessageType>,
    /// Whether responses say which customer a message belongs to, although the key reads nothing else.
    #[serde(default, skip_serializing_if = "is_false")]
    pub results: bool,
}

fn is_false(it: &bool) -> bool {
    !*it
}

impl Scope {
    /// Whether it neither restricts nor adds anything.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that the key may send a message.
    ///
    /// # Errors
    ///
    /// If the scope does not include the message's source or type.
    pub fn check(&self, accepted: &Accepted) -> Result<(), Refusal> {
        let refuse =
            |code, path: &str, detail: &str| Err(Refusal { code, path: path.to_owned(), detail: detail.to_owned() });
        if !self.sources.is_empty() && !self.sources.contains(&accepted.message.source) {
            let detail = "this key may not send for this source; name one of its own sources, or ask the operator for another key";
            return refuse(RefusalCode::SourceNotAllowed, "source", detail);
        }
        if !self.types.is_empty() && !self.types.contains(&accepted.message_type) {
            let detail = "this key may not send messages of this type; ask the operator for another key";
            return refuse(RefusalCode::TypeNotAllowed, "type", detail);
        }
        Ok(())
    }
}
