//! New links: plain joins of clusters, and which clusters must be resolved again.

use std::collections::{BTreeMap, BTreeSet};

use super::{draft::Draft, view::View};
use crate::{
    evidence::link::Pair,
    graph::{
        anchor::AnchorRank,
        rows::{ClusterKey, ClusterState},
        withheld::Withheld,
    },
    identifier::Kind,
};

impl Draft {
    /// Finds identifiers that become shared or stop being so: an earlier observation can show that two were not met at once.
    pub(super) fn find_newly_shared(&mut self, earlier_links: &BTreeSet<Pair>, view: &View) {
        for end in self.new_links.iter().chain(earlier_links).flat_map(|pair| [&pair.a, &pair.b]) {
            let was_shared = view.identifier(end).is_some_and(|it| self.is_shared_by(&end.kind, &it.facts));
            let is_shared = self.is_shared(end, view);
            if was_shared == is_shared {
                continue;
            }
            self.to_resolve.insert(self.cluster_of(end, view));
            if is_shared {
                self.newly_shared.insert(end.clone());
            }
        }
    }

    /// Renames profiles where a member turns out to be seen earlier than the anchor.
    pub(super) fn rename_by_earlier_members(&mut self, view: &View) {
        let seen: Vec<(ClusterKey, AnchorRank)> = self
            .identifiers
            .iter()
            .map(|(it, state)| (state.cluster, AnchorRank::of(it, state, &self.policy)))
            .collect();
        for (key, rank) in seen {
            let Some(cluster) = self.cluster(key, view) else { continue };
            if AnchorRank::of_cluster(cluster, &self.policy) <= rank {
                continue;
            }
            if let Some(cluster) = self.cluster_mut(key, view) {
                cluster.anchor_first_seen = rank.first_seen;
                cluster.unified_id = rank.unified_id;
                cluster.anchor = rank.identifier;
            }
        }
    }

    /// Follows a new link: a plain join where that depends on nothing else, else the clusters are resolved again.
    pub(super) fn follow(&mut self, pair: &Pair, view: &View) {
        let reason = if self.policy.blocks(&pair.a.value) || self.policy.blocks(&pair.b.value) {
            Some(Withheld::Blocked)
        } else if self.is_shared(&pair.a, view) || self.is_shared(&pair.b, view) {
            Some(Withheld::Shared)
        } else {
            None
        };
        if reason.is_some() {
            if let Some(link) = self.links.get_mut(pair) {
                link.withheld = reason;
            }
            return;
        }
        let (a, b) = (self.cluster_of(&pair.a, view), self.cluster_of(&pair.b, view));
        let is_plain = !self.is_contested(a, view) && !self.is_contested(b, view);
        if is_plain && (a == b || self.fits(a, b, view)) {
            self.join(a, b, view);
        } else {
            self.to_resolve.extend([a, b]);
        }
    }

    /// Whether two clusters together keep every limit.
    pub(super) fn fits(&mut self, a: ClusterKey, b: ClusterKey, view: &View) -> bool {
        for key in [a, b] {
            self.count_kinds(key, view);
        }
        let (Some(a), Some(b)) = (self.n_of_kinds.get(&a), self.n_of_kinds.get(&b)) else { return false };
        let together = |kind: &Kind| {
            let n = |it: &BTreeMap<Kind, u32>| it.get(kind).copied().unwrap_or(0);
            n(a).saturating_add(n(b))
        };
        a.keys().chain(b.keys()).all(|kind| together(kind) <= self.policy.limit(kind))
    }

    /// Counts once a batch: a cluster can be large, and a batch can join many to it.
    pub(super) fn count_kinds(&mut self, key: ClusterKey, view: &View) {
        if self.n_of_kinds.contains_key(&key) {
            return;
        }
        let Some(cluster) = self.cluster(key, view) else { return };
        let mut counts: BTreeMap<Kind, u32> = BTreeMap::new();
        for member in &cluster.members {
            match counts.get_mut(&member.kind) {
                Some(n) => *n += 1,
                None => drop(counts.insert(member.kind.clone(), 1)),
            }
        }
        self.n_of_kinds.insert(key, counts);
    }

    /// Joins two clusters, the smaller into the larger.
    pub(super) fn join(&mut self, a: ClusterKey, b: ClusterKey, view: &View) {
        if a == b {
            return;
        }
        let n_members = |key: ClusterKey| self.cluster(key, view).map_or(0, |it| it.members.len());
        // By size, then by key, so that it does not matter which end comes first.
        let (into, from) = if (n_members(a), b) < (n_members(b), a) { (b, a) } else { (a, b) };
        let Some(leaving) =
            self.clusters.remove(&from).or_else(|| view.cluster(from).map(|it| ClusterState::clone(it)))
        else {
            return;
        };
        let policy = self.policy.clone();
        let Some(cluster) = self.cluster_mut(into, view) else { return };
        if AnchorRank::of_cluster(&leaving, &policy) < AnchorRank::of_cluster(cluster, &policy) {
            cluster.anchor = leaving.anchor;
            cluster.anchor_first_seen = leaving.anchor_first_seen;
            cluster.unified_id = leaving.unified_id;
        }
        cluster.members.extend(leaving.members);
        if let (Some(moved), Some(counts)) = (self.n_of_kinds.remove(&from), self.n_of_kinds.get_mut(&into)) {
            for (kind, n) in moved {
                *counts.entry(kind).or_default() += n;
            }
        } else {
            self.n_of_kinds.remove(&into);
        }
        self.removed_clusters.insert(from);
        self.moved.insert(from, into);
    }
}
