//! Which identifier names a profile.

use super::rows::{ClusterState, IdentifierState};
use crate::{
    identifier::{Identifier, UnifiedId},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// The order in which members may name a profile: earliest, then strongest kind, then value.
pub(crate) fn anchor_rank(identifier: &Identifier, first_seen: Timestamp, priority: u32) -> impl Ord {
    let Identifier { kind, value, generation } = identifier;
    (first_seen, priority, value, kind, *generation)
}

/// An identifier that may name its profile, ordered by [`anchor_rank`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AnchorRank {
    pub(crate) first_seen: Timestamp,
    pub(crate) priority: u32,
    pub(crate) identifier: Identifier,
    pub(crate) unified_id: UnifiedId,
}

impl AnchorRank {
    pub(crate) fn of(identifier: &Identifier, state: &IdentifierState, policy: &CompiledPolicy) -> Self {
        Self {
            first_seen: state.facts.seen.first_seen,
            priority: policy.priority(&identifier.kind),
            identifier: identifier.clone(),
            unified_id: state.unified_id,
        }
    }

    pub(crate) fn of_cluster(cluster: &ClusterState, policy: &CompiledPolicy) -> Self {
        Self {
            first_seen: cluster.anchor_first_seen,
            priority: policy.priority(&cluster.anchor.kind),
            identifier: cluster.anchor.clone(),
            unified_id: cluster.unified_id,
        }
    }

    fn rank(&self) -> impl Ord {
        anchor_rank(&self.identifier, self.first_seen, self.priority)
    }
}

impl PartialOrd for AnchorRank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AnchorRank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}
