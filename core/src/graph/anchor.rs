//! Which identifier names a profile.

use super::rows::{CellState, IdentifierState};
use crate::{
    identifier::{Identifier, Kind, UnifiedId},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// The order in which members may name a profile: earliest, then strongest kind, then value.
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

    pub(crate) fn of_cell(cell: &CellState, policy: &CompiledPolicy) -> Self {
        Self {
            first_seen: cell.anchor_first_seen,
            priority: policy.priority(&cell.anchor.kind),
            identifier: cell.anchor.clone(),
            unified_id: cell.unified_id,
        }
    }

    pub(crate) fn key(&self) -> (Timestamp, u32, &str, &Kind, u32) {
        let Identifier { kind, value, generation } = &self.identifier;
        (self.first_seen, self.priority, value, kind, *generation)
    }
}

impl PartialOrd for AnchorRank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AnchorRank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
