//! The inbox: the links that resolution does not follow, strongest evidence first. In memory, loaded from the store; the
//! pipeline updates it with each commit.

use std::collections::BTreeMap;

use profile360_core::{
    evidence::link::Pair,
    graph::{rows::LinkState, withheld::Withheld},
    identifier::Identifier,
    plan::changes::Changes,
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};
use profile360_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// The sort key of a withheld link: the order in which resolution considers links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The weaker end's priority.
    pub priority: u32,
    pub first_seen: Timestamp,
    pub pair: Pair,
}

#[derive(Debug, Default)]
pub struct Inbox {
    links: BTreeMap<Place, LinkState>,
    places: BTreeMap<Pair, Place>,
    /// The number of an identifier's links that are withheld because an end is shared.
    shared: BTreeMap<Identifier, u64>,
}

impl Inbox {
    pub async fn load(store: &Store, policy: &CompiledPolicy) -> Result<Self, StoreError> {
        let mut inbox = Self::default();
        for first_byte in 0..=u8::MAX {
            for (pair, link) in store.withheld_of(first_byte).await? {
                inbox.put(&pair, &link, policy);
            }
        }
        Ok(inbox)
    }

    /// Applies the changes of a commit.
    pub(crate) fn apply(&mut self, changes: &Changes, policy: &CompiledPolicy) {
        for (pair, (link, _)) in &changes.links {
            self.put(pair, link, policy);
        }
        for pair in &changes.removed_links {
            self.remove(pair);
        }
    }

    fn remove(&mut self, pair: &Pair) {
        let Some(place) = self.places.remove(pair) else { return };
        let Some(link) = self.links.remove(&place) else { return };
        if link.withheld != Some(Withheld::Shared) {
            return;
        }
        for end in [&pair.a, &pair.b] {
            if let Some(count) = self.shared.get_mut(end) {
                *count -= 1;
                if *count == 0 {
                    self.shared.remove(end);
                }
            }
        }
    }

    fn put(&mut self, pair: &Pair, link: &LinkState, policy: &CompiledPolicy) {
        self.remove(pair);
        if link.withheld.is_none() {
            return;
        }
        let priority = policy.priority(&pair.a.kind).max(policy.priority(&pair.b.kind));
        let place = Place { priority, first_seen: link.seen.first_seen, pair: pair.clone() };
        if link.withheld == Some(Withheld::Shared) {
            for end in [&pair.a, &pair.b] {
                *self.shared.entry(end.clone()).or_default() += 1;
            }
        }
        self.places.insert(pair.clone(), place.clone());
        self.links.insert(place, link.clone());
    }

    /// The identifiers with the most links that are withheld because an end is shared, with their number, descending.
    pub fn most_shared(&self, n_first: usize) -> Vec<(Identifier, u64)> {
        let mut all: Vec<(u64, &Identifier)> = self.shared.iter().map(|(it, count)| (*count, it)).collect();
        let most_first = |one: &(u64, &Identifier), other: &(u64, &Identifier)| (other.0, one.1).cmp(&(one.0, other.1));
        if n_first < all.len() {
            all.select_nth_unstable_by(n_first, most_first);
            all.truncate(n_first);
        }
        all.sort_unstable_by(most_first);
        all.into_iter().map(|(count, it)| (it.clone(), count)).collect()
    }

    /// The withheld links in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Place, &LinkState)> {
        self.links.iter()
    }
}
