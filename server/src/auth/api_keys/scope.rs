//! What a key may send, and what it is told.

use std::{collections::BTreeSet, sync::Arc};

use profile360_core::message::{
    MessageType,
    parse::accepted::Accepted,
    refusal::{Refusal, RefusalCode},
};
use serde::{Deserialize, Serialize};

/// Bounds on what the holder of a key sends. The key may lie in an app or a page, where others find it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The sources that its messages may name; any where there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sources: BTreeSet<Arc<str>>,
    /// What its messages may be; anything where there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub types: BTreeSet<MessageType>,
    /// Whether its holder, who reads nothing else, is told which customer a message was of.
    #[serde(default, skip_serializing_if = "is_false")]
    pub results: bool,
}

fn is_false(it: &bool) -> bool {
    !*it
}

impl Scope {
    /// Whether it bounds nothing and adds nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses a message that the key may not send.
    ///
    /// # Errors
    ///
    /// Where the message is of another source or another type than the key's.
    pub fn check(&self, accepted: &Accepted) -> Result<(), Refusal> {
        let refuse =
            |code, path: &str, detail: &str| Err(Refusal { code, path: path.to_owned(), detail: detail.to_owned() });
        if !self.sources.is_empty() && !self.sources.contains(&accepted.message.source) {
            let detail = "this key sends for other sources only; name one of those that it was made for, or ask the operator for another key";
            return refuse(RefusalCode::SourceNotAllowed, "source", detail);
        }
        if !self.types.is_empty() && !self.types.contains(&accepted.message_type) {
            let detail = "this key sends messages of other types only; ask the operator for another key";
            return refuse(RefusalCode::TypeNotAllowed, "type", detail);
        }
        Ok(())
    }
}
