//! The lineage of a change.

use std::collections::{BTreeMap, BTreeSet};

use super::{draft::Draft, view::View};
use crate::{
    graph::{
        lineage::{Lineage, between},
        rows::ClusterKey,
    },
    identifier::Identifier,
};

impl Draft {
    pub(super) fn lineage(&self, view: &View) -> Vec<Lineage> {
        let is_settled = self.removed_clusters.is_empty() && self.to_resolve.is_empty();
        if is_settled {
            return Vec::new();
        }
        let mut parts_of = BTreeMap::new();
        let mut now = BTreeMap::new();
        for key in self.clusters.keys().chain(&self.removed_clusters) {
            let Some(old) = view.cluster(*key) else { continue };
            // Identifiers that were not loaded did not move.
            let place = |member: &Identifier| match self.state(member, view) {
                Some(_) => Some(self.cluster_of(member, view)),
                None if self.removed_identifiers.contains(member) => None,
                None => Some(*key),
            };
            let parts: BTreeSet<ClusterKey> = old.members.iter().filter_map(place).collect();
            for part in &parts {
                if let Some(cluster) = self.cluster(*part, view) {
                    now.insert(*part, cluster.unified_id);
                }
            }
            parts_of.insert(*key, (old.unified_id, parts));
        }
        let before = |identifier: &Identifier| view.identifier(identifier).map(|state| state.cluster);
        let named: Vec<BTreeSet<ClusterKey>> =
            self.messages.iter().map(|it| it.identifiers.iter().filter_map(before).collect()).collect();
        between(&parts_of, &now)
            .into_iter()
            .map(|(lineage, clusters)| {
                let first_naming = |n: usize| {
                    let is_cause = |it: &BTreeSet<ClusterKey>| n <= it.intersection(&clusters).count();
                    (0..named.len()).find(|it| !self.is_duplicate[*it] && is_cause(&named[*it]))
                };
                Lineage { message: first_naming(2).or_else(|| first_naming(1)), ..lineage }
            })
            .collect()
    }
}
