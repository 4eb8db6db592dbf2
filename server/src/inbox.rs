//! The inbox: the links that resolution does not follow, strongest evidence first. In memory beside rows in the store; the
//! pipeline keeps both in step, in one transaction with the links themselves.

use std::collections::BTreeMap;

use profile360_core::{
    link::Pair,
    plan::{Changes, LinkState},
    policy::CompiledPolicy,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::store::{Store, StoreError};

/// A place in the inbox: resolution's own sequence of links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The weaker end's priority.
    pub priority: u32,
    pub first_seen: Timestamp,
    pub pair: Pair,
}

/// All withheld links.
#[derive(Debug, Default)]
pub struct Inbox {
    links: BTreeMap<Place, LinkState>,
    places: BTreeMap<Pair, Place>,
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

    /// Takes what a commit changed.
    pub(crate) fn take(&mut self, changes: &Changes, policy: &CompiledPolicy) {
        for (pair, (link, _)) in &changes.links {
            self.put(pair, link, policy);
        }
        for pair in &changes.removed_links {
            self.remove(pair);
        }
    }

    fn remove(&mut self, pair: &Pair) {
        if let Some(place) = self.places.remove(pair) {
            self.links.remove(&place);
        }
    }

    fn put(&mut self, pair: &Pair, link: &LinkState, policy: &CompiledPolicy) {
        self.remove(pair);
        if link.withheld.is_none() {
            return;
        }
        let priority = policy.priority(&pair.a.kind).max(policy.priority(&pair.b.kind));
        let place = Place { priority, first_seen: link.seen.first_seen, pair: pair.clone() };
        self.places.insert(pair.clone(), place.clone());
        self.links.insert(place, link.clone());
    }

    /// Links in their sequence, from behind a place or up to one.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Place, &LinkState)> {
        self.links.iter()
    }
}
