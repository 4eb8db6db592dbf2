//! Lineage: which profiles a change merged and which it split.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::identifier::UnifiedId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LineageKind {
    /// Profiles became one.
    Merged,
    /// One profile was split.
    Unmerged,
}

/// One merge or unmerge. Profiles that came and went within one change were never shown and have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    pub kind: LineageKind,
    /// The unified ID of the profile that is left by a merge; by an unmerge, of the part that keeps the old one's ID, or the
    /// smallest of all parts where none does.
    pub kept: UnifiedId,
    /// The unified IDs of those that were merged into it, or of the other parts; ascending.
    pub others: Vec<UnifiedId>,
    /// The first message of the batch that names two of the profiles, or else any of them.
    pub message: Option<usize>,
}

/// Merges and unmerges between two partitions: for each cluster that was there, its unified ID and how many of its members are
/// in each cluster now; and the unified IDs of the clusters that are there now.
pub(crate) fn between<K: Ord + Copy>(
    parts_of: &BTreeMap<K, (UnifiedId, BTreeSet<K>)>,
    now: &BTreeMap<K, UnifiedId>,
) -> Vec<(Lineage, BTreeSet<K>)> {
    let mut events = Vec::new();
    let mut sources_of: BTreeMap<K, BTreeSet<K>> = BTreeMap::new();
    for (old, (old_id, parts)) in parts_of {
        for part in parts {
            sources_of.entry(*part).or_default().insert(*old);
        }
        let mut ids: BTreeSet<UnifiedId> = parts.iter().filter_map(|it| now.get(it).copied()).collect();
        if ids.len() < 2 {
            continue;
        }
        let Some(kept) = ids.get(old_id).or(ids.first()).copied() else { continue };
        ids.remove(&kept);
        let lineage = Lineage { kind: LineageKind::Unmerged, kept, others: ids.into_iter().collect(), message: None };
        events.push((lineage, BTreeSet::from([*old])));
    }
    for (new, sources) in sources_of {
        let Some(kept) = now.get(&new).copied().filter(|_| 1 < sources.len()) else { continue };
        let ids = sources.iter().filter_map(|it| parts_of.get(it)).map(|(id, _)| *id);
        let others: BTreeSet<UnifiedId> = ids.filter(|it| *it != kept).collect();
        let lineage = Lineage { kind: LineageKind::Merged, kept, others: others.into_iter().collect(), message: None };
        events.push((lineage, sources));
    }
    events
}
