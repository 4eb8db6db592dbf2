//! Decisions: an operator's word about two identifiers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{link::Pair, time::Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Relation {
    /// The two are one customer; overrides limits.
    Same,
    /// The two are not one customer; overrides everything.
    Different,
}

/// One decision. It is kept for good; a revoked one is kept and does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub id: Arc<str>,
    pub relation: Relation,
    pub pair: Pair,
    pub at: Timestamp,
    pub reason: Arc<str>,
    pub actor: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

/// Who took a decision back, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    pub at: Timestamp,
    pub reason: Arc<str>,
    pub actor: Arc<str>,
}
