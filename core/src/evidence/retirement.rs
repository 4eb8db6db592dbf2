//! Retirements: an operator's word that a value was given to someone else from a date on.
//!
//! A value that was retired n times has had n + 1 owners. Each is an identifier of its own: (kind, value, generation). A
//! message speaks of the owner of its own time, whenever it arrives.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::decision::Revocation;
use crate::{identifier::Identifier, message::Message, time::Timestamp};

/// One retirement. It is kept for good; a revoked one is kept and does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    pub id: Arc<str>,
    /// Kind and value, in generation 0 whichever owner it ends.
    pub value: Identifier,
    /// The first instant of the next owner.
    pub from: Timestamp,
    pub at: Timestamp,
    pub reason: Arc<str>,
    pub actor: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

impl Retirement {
    /// Whether it counts.
    pub fn is_active(&self) -> bool {
        self.revoked.is_none()
    }
}

/// All retirements of a base, found by their IDs and, while they count, by their values. Operators make them one by one, so
/// all of them fit in memory.
#[derive(Debug, Clone, Default)]
pub struct Retirements {
    by_id: BTreeMap<Arc<str>, Arc<Retirement>>,
    /// By value in generation 0: the ends of its owners' times, ascending and distinct.
    ends: BTreeMap<Identifier, Vec<Timestamp>>,
}

impl Retirements {
    /// Adds a retirement, or a later state of one.
    pub fn put(&mut self, retirement: Retirement) {
        let value = retirement.value.clone();
        self.by_id.insert(retirement.id.clone(), Arc::new(retirement));
        let of_value = self.by_id.values().filter(|it| it.is_active() && it.value == value);
        let mut ends: Vec<Timestamp> = of_value.map(|it| it.from).collect();
        ends.sort_unstable();
        ends.dedup();
        if ends.is_empty() {
            self.ends.remove(&value);
        } else {
            self.ends.insert(value, ends);
        }
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Retirement>> {
        self.by_id.get(id)
    }

    /// All of them, by ID.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Retirement>> {
        self.by_id.values()
    }

    /// Who owned a value at an instant. The generation that comes in does not matter.
    pub fn owner_at(&self, value: &Identifier, at: Timestamp) -> Identifier {
        let ends = self.ends_of(value);
        let n_before = ends.partition_point(|end| *end <= at);
        value.of_generation(u32::try_from(n_before).unwrap_or(u32::MAX))
    }

    /// All owners of a value so far, the first one first.
    pub fn owners(&self, value: &Identifier) -> Vec<Identifier> {
        let last = u32::try_from(self.ends_of(value).len()).unwrap_or(u32::MAX);
        (0..=last).map(|generation| value.of_generation(generation)).collect()
    }

    /// All owners of a value that there ever were, under retirements that do not count any more too.
    pub fn owners_ever(&self, value: &Identifier) -> Vec<Identifier> {
        let n_ever = self.by_id.values().filter(|it| it.value.is_same_value(value)).count();
        (0..=u32::try_from(n_ever).unwrap_or(u32::MAX)).map(|generation| value.of_generation(generation)).collect()
    }

    /// From when on the value belongs to the next owner; `None` while it is this one's.
    pub fn retired_at(&self, identifier: &Identifier) -> Option<Timestamp> {
        self.ends_of(identifier).get(usize::try_from(identifier.generation).ok()?).copied()
    }

    /// Makes a message speak of the owners of its time.
    pub fn assign(&self, message: &mut Message) {
        for identifier in &mut message.identifiers {
            if self.ends.is_empty() && identifier.generation == 0 {
                continue;
            }
            let owner = self.owner_at(identifier, message.at);
            if owner.generation != identifier.generation {
                *identifier = owner;
            }
        }
    }

    fn ends_of(&self, value: &Identifier) -> &[Timestamp] {
        self.ends.get(&value.of_generation(0)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
