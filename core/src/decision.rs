//! Decisions: an operator's word about two identifiers.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{identifier::Identifier, link::Pair, time::Timestamp};

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

impl Decision {
    /// Whether it counts.
    pub fn is_active(&self) -> bool {
        self.revoked.is_none()
    }
}

/// All decisions of a base, found by their IDs and, while they count, by their identifiers. Operators make them one by one,
/// so all of them fit in memory where links never would.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    by_id: BTreeMap<Arc<str>, Arc<Decision>>,
    active: BTreeMap<Identifier, Vec<Arc<Decision>>>,
}

impl Decisions {
    /// Takes a decision, or a later state of one.
    pub fn put(&mut self, decision: Decision) {
        let decision = Arc::new(decision);
        for end in [&decision.pair.a, &decision.pair.b] {
            let active = self.active.entry(end.clone()).or_default();
            active.retain(|it| it.id != decision.id);
            if decision.is_active() {
                active.push(decision.clone());
            }
            if active.is_empty() {
                self.active.remove(end);
            }
        }
        self.by_id.insert(decision.id.clone(), decision);
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Decision>> {
        self.by_id.get(id)
    }

    /// The decisions about an identifier that count.
    pub fn of(&self, identifier: &Identifier) -> &[Arc<Decision>] {
        self.active.get(identifier).map_or(&[], Vec::as_slice)
    }

    /// All of them, by ID.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Decision>> {
        self.by_id.values()
    }
}
