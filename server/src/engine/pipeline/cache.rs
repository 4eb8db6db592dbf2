//! A cache of rows that the pipeline has read or written recently.

use std::{collections::BTreeMap, sync::Arc};

use profile360_core::{
    evidence::link::Pair,
    graph::rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
    identifier::Identifier,
    plan::{
        changes::Changes,
        view::{Needs, View},
    },
};

/// Entries of one generation of one table. There are two, so entries that were used since the last turn stay.
const GENERATION: usize = 30_000;

/// Valid as long as no other server writes; the pipeline clears it on a conflict.
#[derive(Debug, Default)]
pub(in crate::engine) struct Cache {
    identifiers: Generations<Identifier, IdentifierState>,
    links: Generations<Pair, LinkState>,
    clusters: Generations<ClusterKey, ClusterState>,
}

impl Cache {
    /// Moves cached rows from the needs to the view.
    pub(in crate::engine) fn serve(&mut self, needs: &mut Needs, view: &mut View) {
        needs.identifiers.retain(|key| match self.identifiers.get(key) {
            Some(state) => {
                view.identifiers.insert(key.clone(), Some(state));
                false
            }
            None => true,
        });
        needs.links.retain(|key| match self.links.get(key) {
            Some(link) => {
                view.links.insert(key.clone(), Some(link));
                false
            }
            None => true,
        });
        needs.clusters.retain(|key| match self.clusters.get(key) {
            Some(cluster) => {
                view.clusters.insert(*key, Some(cluster));
                false
            }
            None => true,
        });
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
            self.identifiers.insert(key, Arc::new(state));
        }
        for (key, (link, _)) in changes.links {
            self.links.insert(key, Arc::new(link));
        }
        for (key, (cluster, _)) in changes.clusters {
            self.clusters.insert(key, Arc::new(cluster));
        }
        for key in changes.removed_clusters {
            self.clusters.remove(&key);
        }
    }
}

#[derive(Debug)]
struct Generations<K, V> {
    young: BTreeMap<K, Arc<V>>,
    old: BTreeMap<K, Arc<V>>,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V> Generations<K, V> {
    fn get(&mut self, key: &K) -> Option<Arc<V>> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    fn insert(&mut self, key: K, value: Arc<V>) {
        if GENERATION <= self.young.len() {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}
