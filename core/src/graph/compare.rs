//! What differs between two partitions.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    lineage::{Lineage, between},
    union_find::DisjointSets,
};
use crate::identifier::UnifiedId;

/// One of two partitions of the same things: the part of each, and the name of each part. What is not in it is in no part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub part_of: Vec<Option<usize>>,
    pub names: Vec<UnifiedId>,
}

/// What differs between two partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    pub before: usize,
    pub after: usize,
    /// Profiles that are put together from two or more.
    pub merging: usize,
    /// Profiles whose identifiers come to lie in two or more.
    pub splitting: usize,
    /// Profiles that have to do with one another and are others then, by the smallest unified ID before.
    pub changes: Vec<Change>,
    /// The same as merges and unmerges.
    pub lineage: Vec<Lineage>,
}

/// Profiles whose identifiers are in other profiles afterwards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Ascending.
    pub before: Vec<UnifiedId>,
    /// Ascending.
    pub after: Vec<UnifiedId>,
}

/// Compares two partitions.
pub fn compare(before: &Parts, after: &Parts) -> Comparison {
    let both = before.part_of.iter().zip(&after.part_of);
    let mut flows: Vec<(usize, usize)> = both.filter_map(|(b, a)| Some(((*b)?, (*a)?))).collect();
    flows.sort_unstable();
    flows.dedup();
    let (n_before, n_after) = (before.names.len(), after.names.len());
    let mut n_parts = vec![0_u32; n_before];
    let mut n_sources = vec![0_u32; n_after];
    let mut groups = DisjointSets::new(n_before + n_after);
    for (b, a) in &flows {
        n_parts[*b] += 1;
        n_sources[*a] += 1;
        groups.join(*b, n_before + *a);
    }
    let mut parts_of: BTreeMap<usize, (UnifiedId, BTreeSet<usize>)> = BTreeMap::new();
    let mut now: BTreeMap<usize, UnifiedId> = BTreeMap::new();
    let mut changes: BTreeMap<usize, (BTreeSet<UnifiedId>, BTreeSet<UnifiedId>)> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    for (b, a) in &flows {
        if 1 < n_parts[*b] || 1 < n_sources[*a] {
            changed.insert(groups.find(*b));
        }
    }
    for (b, a) in &flows {
        let group = groups.find(*b);
        if changed.contains(&group) {
            let change = changes.entry(group).or_default();
            change.0.insert(before.names[*b]);
            change.1.insert(after.names[*a]);
            parts_of.entry(*b).or_insert_with(|| (before.names[*b], BTreeSet::new())).1.insert(*a);
            now.insert(*a, after.names[*a]);
        }
    }
    let mut changes: Vec<Change> = changes
        .into_values()
        .map(|(before, after)| Change { before: before.into_iter().collect(), after: after.into_iter().collect() })
        .collect();
    changes.sort_unstable();
    Comparison {
        before: n_before,
        after: n_after,
        merging: n_sources.iter().filter(|it| 1 < **it).count(),
        splitting: n_parts.iter().filter(|it| 1 < **it).count(),
        changes,
        lineage: between(&parts_of, &now).into_iter().map(|(it, _)| it).collect(),
    }
}
