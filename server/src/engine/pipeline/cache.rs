//! Rows that plans need not read: those that were read or written recently, and those that a plan leaves which is being written.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use profile360_core::{
    evidence::link::Pair,
    graph::rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
    identifier::Identifier,
    plan::{
        changes::Changes,
        view::{Needs, View},
    },
};
use serde::Serialize;

use super::work::Batch;
use crate::{engine::planning::Plan, memory::estimate};

/// A plan that is being written. Plans start from what it leaves, whether the store has it yet or not.
pub(in crate::engine) trait Ahead: std::fmt::Debug + Send + Sync {
    fn view(&self) -> &View;
    fn changes(&self) -> &Changes;
}

impl Ahead for Batch {
    fn view(&self) -> &View {
        &self.view
    }
    fn changes(&self) -> &Changes {
        &self.changes
    }
}

impl Ahead for Plan {
    fn view(&self) -> &View {
        &self.view
    }
    fn changes(&self) -> &Changes {
        &self.changes
    }
}

/// Valid as long as no other server writes; the executor clears it on a conflict.
#[derive(Debug)]
pub(in crate::engine) struct Cache {
    identifiers: Generations<Identifier, IdentifierState>,
    links: Generations<Pair, LinkState>,
    clusters: Generations<ClusterKey, ClusterState>,
    ahead: Option<Arc<dyn Ahead>>,
}

impl Cache {
    /// An empty cache of about so many bytes.
    pub(in crate::engine) fn new(n_bytes: usize) -> Self {
        Self {
            identifiers: Generations::new(n_bytes / 2),
            links: Generations::new(n_bytes / 4),
            clusters: Generations::new(n_bytes / 4),
            ahead: None,
        }
    }

    pub(in crate::engine) fn clear(&mut self) {
        self.identifiers.clear();
        self.links.clear();
        self.clusters.clear();
        self.ahead = None;
    }

    /// Lays the rows of a plan that is being written over all others, until [`Self::forget_ahead`].
    pub(in crate::engine) fn lay_over(&mut self, ahead: Arc<dyn Ahead>) {
        self.ahead = Some(ahead);
    }

    pub(in crate::engine) fn forget_ahead(&mut self) {
        self.ahead = None;
    }

    /// Moves known rows from the needs to the view.
    pub(in crate::engine) fn serve(&mut self, needs: &mut Needs, view: &mut View) {
        if let Some(ahead) = &self.ahead {
            serve_ahead(&**ahead, needs, view);
        }
        take_known(&mut needs.identifiers, &mut view.identifiers, |key| self.identifiers.get(key).map(Some));
        take_known(&mut needs.links, &mut view.links, |key| self.links.get(key).map(Some));
        take_known(&mut needs.clusters, &mut view.clusters, |key| self.clusters.get(key).map(Some));
    }

    /// Brings links that were read by their ends up to the plan that is being written.
    pub(in crate::engine) fn amend(&self, loaded: &Needs, view: &mut View) {
        let Some(ahead) = self.ahead.as_ref().filter(|_| !loaded.links_of.is_empty()) else { return };
        let Changes { links, removed_links, .. } = ahead.changes();
        let mut linked: BTreeMap<&Identifier, Vec<&Pair>> = BTreeMap::new();
        for (pair, (link, _)) in links {
            let ends = [&pair.a, &pair.b].into_iter().filter(|end| loaded.links_of.contains(*end));
            ends.for_each(|end| linked.entry(end).or_default().push(pair));
            if let Some(stored) = view.links.get_mut(pair) {
                *stored = Some(link.clone());
            }
        }
        for (end, changed) in linked {
            let Some(listed) = view.links_of.get_mut(end) else { continue };
            let mut pairs: Vec<Pair> = listed.iter().chain(changed.iter().copied()).cloned().collect();
            pairs.sort_unstable();
            pairs.dedup();
            *listed = pairs.into();
            for pair in changed {
                view.links.insert(pair.clone(), links.get(pair).map(|(link, _)| link.clone()));
            }
        }
        for end in &loaded.links_of {
            if let Some(listed) = view.links_of.get_mut(end)
                && listed.iter().any(|pair| removed_links.contains(pair))
            {
                *listed = listed.iter().filter(|pair| !removed_links.contains(*pair)).cloned().collect();
            }
        }
    }

    /// Caches what a commit has read and written.
    pub(in crate::engine) fn remember(&mut self, view: View, changes: Changes) {
        for (key, state) in view.identifiers {
            if let Some(state) = state.filter(|_| !changes.identifiers.contains_key(&key)) {
                self.identifiers.insert(key, state);
            }
        }
        for (key, link) in view.links {
            if let Some(link) = link.filter(|_| !changes.links.contains_key(&key)) {
                self.links.insert(key, link);
            }
        }
        for (key, cluster) in view.clusters {
            if let Some(cluster) = cluster.filter(|_| !changes.clusters.contains_key(&key)) {
                self.clusters.insert(key, cluster);
            }
        }
        for (key, (state, _)) in changes.identifiers {
            self.identifiers.insert(key, state);
        }
        for (key, (link, _)) in changes.links {
            self.links.insert(key, link);
        }
        for (key, (cluster, _)) in changes.clusters {
            self.clusters.insert(key, cluster);
        }
        for key in changes.removed_clusters {
            self.clusters.remove(&key);
        }
    }

    /// Drops the rows that a commit has changed.
    pub(super) fn forget(&mut self, changes: &Changes) {
        let Changes { identifiers, links, clusters, removed_clusters, removed_identifiers, removed_links, .. } =
            changes;
        identifiers.keys().chain(removed_identifiers).for_each(|key| self.identifiers.remove(key));
        links.keys().chain(removed_links).for_each(|key| self.links.remove(key));
        clusters.keys().chain(removed_clusters).for_each(|key| self.clusters.remove(key));
    }
}

/// Moves the rows that a plan leaves from the needs to the view.
fn serve_ahead(ahead: &dyn Ahead, needs: &mut Needs, view: &mut View) {
    let Changes {
        identifiers,
        links,
        clusters,
        removed_identifiers,
        removed_links,
        removed_clusters,
        order_states,
        sessions,
        ..
    } = ahead.changes();
    // After its commit each message that it has looked for is stored.
    let is_stored = |id: &Arc<str>| ahead.view().messages.contains_key(id).then_some(true);
    take_known(&mut needs.messages, &mut view.messages, is_stored);
    take_known(&mut needs.identifiers, &mut view.identifiers, |key| left_of(identifiers, removed_identifiers, key));
    take_known(&mut needs.links, &mut view.links, |key| left_of(links, removed_links, key));
    take_known(&mut needs.clusters, &mut view.clusters, |key| left_of(clusters, removed_clusters, key));
    take_known(&mut needs.orders, &mut view.orders, |key| order_states.get(key).map(|(state, _)| Some(state.clone())));
    take_known(&mut needs.sessions, &mut view.sessions, |key| sessions.get(key).map(|(claim, _)| Some(claim.clone())));
}

/// The row that a plan leaves: `None` if it does not touch it, `Some(None)` if it removes it.
#[expect(clippy::option_option, reason = "the inner one is the content of a view")]
fn left_of<K: Ord, V>(changed: &BTreeMap<K, (Arc<V>, bool)>, removed: &BTreeSet<K>, key: &K) -> Option<Option<Arc<V>>> {
    match changed.get(key) {
        Some((row, _)) => Some(Some(row.clone())),
        None => removed.contains(key).then_some(None),
    }
}

fn take_known<K: Ord + Clone, V>(
    needs: &mut BTreeSet<K>,
    view: &mut BTreeMap<K, V>,
    mut known: impl FnMut(&K) -> Option<V>,
) {
    needs.retain(|key| match known(key) {
        Some(row) => {
            view.insert(key.clone(), row);
            false
        }
        None => true,
    });
}

/// Entries in two generations, so that those that were used since the last turn stay.
#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, Weighed<V>>,
    old: HashMap<K, Weighed<V>>,
    /// Of the young entries.
    n_bytes: usize,
    /// Of one generation.
    max_bytes: usize,
}

#[derive(Debug)]
struct Weighed<V> {
    value: Arc<V>,
    n_bytes: usize,
}

impl<K: Hash + Eq, V: Serialize> Generations<K, V> {
    fn new(max_bytes: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), n_bytes: 0, max_bytes: max_bytes / 2 }
    }

    fn clear(&mut self) {
        *self = Self::new(2 * self.max_bytes);
    }

    fn get(&mut self, key: &K) -> Option<Arc<V>> {
        if let Some(Weighed { value, .. }) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, entry) = self.old.remove_entry(key)?;
        let value = entry.value.clone();
        self.put(key, entry);
        Some(value)
    }

    fn insert(&mut self, key: K, value: Arc<V>) {
        let n_bytes = size_of::<(K, Weighed<V>)>() + size_of::<V>() + estimate(&*value);
        self.old.remove(&key);
        self.put(key, Weighed { value, n_bytes });
    }

    fn put(&mut self, key: K, entry: Weighed<V>) {
        self.n_bytes += entry.n_bytes;
        if let Some(replaced) = self.young.insert(key, entry) {
            self.n_bytes -= replaced.n_bytes;
        }
        if self.max_bytes < self.n_bytes {
            self.old = std::mem::take(&mut self.young);
            self.n_bytes = 0;
        }
    }

    fn remove(&mut self, key: &K) {
        if let Some(removed) = self.young.remove(key) {
            self.n_bytes -= removed.n_bytes;
        }
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_while_they_are_used_and_never_exceed_their_memory() {
        let text = |number: usize| Arc::new(number.to_string().repeat(100));
        let mut kept = Generations::new(100_000);
        for number in 0..10_000 {
            kept.insert(number, text(number));
            assert_eq!(kept.get(&0), Some(text(0)), "it is used, so it stays");
            let n_bytes: usize = kept.young.values().chain(kept.old.values()).map(|entry| entry.n_bytes).sum();
            assert!(n_bytes <= 100_000 + 2 * 2_000, "{n_bytes}");
        }
        assert_eq!(kept.get(&1), None, "it was not used for long");
        assert_eq!(kept.get(&9_999), Some(text(9_999)));
        kept.remove(&9_999);
        assert_eq!(kept.get(&9_999), None);
        kept.insert(1, text(50_000));
        assert_eq!(kept.get(&1), Some(text(50_000)));
        kept.clear();
        assert_eq!(kept.get(&1), None);
    }
}
