//! The state of the search for dirty clusters.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    evidence::{decision::Decision, link::Pair},
    graph::{input::Edge, resolve::Partition, rows::ClusterKey},
    identifier::Identifier,
};

/// How far the search is. It stops where rows are missing, and goes on once they are loaded.
#[derive(Debug, Default)]
pub(super) struct DirtySearch {
    pub(super) has_begun: bool,
    /// Along links that are not stored yet.
    pub(super) new_neighbors: BTreeMap<Identifier, Vec<Identifier>>,
    /// The dirty clusters.
    pub(super) inner: BTreeSet<ClusterKey>,
    /// Those and the boundary: clusters whose members are visited.
    pub(super) entered: BTreeSet<ClusterKey>,
    pub(super) clusters_to_enter: BTreeSet<ClusterKey>,
    pub(super) pending: Vec<Identifier>,
    /// Visited, and to be visited again once more of them is loaded.
    pub(super) waiting: BTreeSet<Identifier>,
    pub(super) found: BTreeSet<Identifier>,
    /// If they were ever seen, their clusters are dirty.
    pub(super) inner_if_seen: BTreeSet<Identifier>,
    /// If they were ever seen, their clusters are at the boundary.
    pub(super) boundary_if_seen: BTreeSet<Identifier>,
    /// Unless they are closed, their clusters are at the boundary.
    pub(super) boundary_if_open: BTreeSet<Identifier>,
    pub(super) n_steps: u32,
    /// How many boundaries to add before the clusters are resolved.
    pub(super) n_boundaries_to_add: u32,
    pub(super) settlement: Option<Settlement>,
}

/// The dirty clusters and their boundary, resolved.
#[derive(Debug)]
pub(super) struct Settlement {
    /// Ascending; positions in what follows are positions in it.
    pub(super) identifiers: Vec<Identifier>,
    pub(super) before: Vec<ClusterKey>,
    pub(super) links: Vec<(Pair, Edge)>,
    pub(super) partition: Partition,
    /// `SAME` decisions that others keep from being followed.
    pub(super) unmet: Vec<Decision>,
}

impl DirtySearch {
    pub(super) fn enter(&mut self, key: ClusterKey) {
        if !self.entered.contains(&key) {
            self.clusters_to_enter.insert(key);
        }
    }

    pub(super) fn boundary(&self) -> BTreeSet<ClusterKey> {
        self.entered.difference(&self.inner).copied().collect()
    }
}
