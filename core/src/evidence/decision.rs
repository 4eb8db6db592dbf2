//! Decisions: an operator's word about two identifiers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::link::Pair;
use crate::{
    identifier::{Identifier, Kind},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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

/// Who revoked a decision, and when.
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

    /// The ID of the first of the decisions that were made together with this one; see [`id_among`].
    pub fn group(&self) -> &str {
        self.id.split_once(TOGETHER).map_or(&*self.id, |(first, _)| first)
    }
}

/// Separates the ID of the first of several decisions from the number of a further one.
const TOGETHER: char = '.';

/// The ID of one of several decisions that are made together, and are revoked together: the first one's own, and that with
/// a number for each further one.
pub fn id_among(first: &Arc<str>, number: usize) -> Arc<str> {
    if number == 0 { first.clone() } else { format!("{first}{TOGETHER}{number}").into() }
}

/// The `SAME` decisions that make one profile of several, each given by its anchor and its members; the first profile's anchor
/// is in each decision.
///
/// One about each other profile's anchor is not enough where all together hold more of a kind than one profile may: the links
/// that follow would leave some out. So each identifier of such a kind is decided about.
pub fn pairs_that_merge(profiles: &[(&Identifier, Vec<&Identifier>)], policy: &CompiledPolicy) -> Vec<Pair> {
    let Some((first, _)) = profiles.first() else { return Vec::new() };
    let members = || profiles.iter().flat_map(|(_, members)| members.iter().copied());
    let mut n_of_kinds: BTreeMap<&Kind, u32> = BTreeMap::new();
    for member in members() {
        *n_of_kinds.entry(&member.kind).or_default() += 1;
    }
    let is_above = |kind: &Kind| n_of_kinds.get(kind).is_some_and(|n| policy.limit(kind) < *n);
    let mut named: BTreeSet<&Identifier> = profiles.iter().map(|(anchor, _)| *anchor).collect();
    named.extend(members().filter(|it| is_above(&it.kind)));
    named.into_iter().filter_map(|it| Pair::new(first, it)).collect()
}

/// All decisions of a base, found by their IDs and, while they count, by their identifiers. Operators make them one by one,
/// so all of them fit in memory where links never would.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    by_id: BTreeMap<Arc<str>, Arc<Decision>>,
    active: BTreeMap<Identifier, Vec<Arc<Decision>>>,
}

impl Decisions {
    /// Adds a decision, or a later state of one.
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

    /// These decisions, and further ones or later states.
    #[must_use]
    pub fn with(&self, changed: &[Decision]) -> Self {
        let mut decisions = self.clone();
        changed.iter().for_each(|decision| decisions.put(decision.clone()));
        decisions
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
