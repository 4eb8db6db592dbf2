//! News: what has changed, told to whoever listens.
//!
//! One channel a kind of news. `list` tells of a customer after listing it, so that what a listener then reads is there;
//! `pipeline` tells of merges and unmerges when they are durable. Channels
//! are bounded: whoever falls behind by more than that misses news, and is told so.

use std::sync::Arc;

use profile360_core::{identifier::UnifiedId, plan::CellKey};
use tokio::sync::broadcast;

use crate::store::LineageRow;

/// A customer has changed.
#[derive(Debug, Clone)]
pub struct ProfileChanged {
    pub key: CellKey,
    /// Every unified ID that leads to it, in their order.
    names: Arc<[UnifiedId]>,
}

impl ProfileChanged {
    pub fn new(key: CellKey, names: impl IntoIterator<Item = UnifiedId>) -> Self {
        let mut names: Vec<UnifiedId> = names.into_iter().collect();
        names.sort_unstable();
        Self { key, names: names.into() }
    }

    /// Whether a unified ID leads to the customer, be it the one that it shows or an older one.
    pub fn is_of(&self, id: UnifiedId) -> bool {
        self.names.binary_search(&id).is_ok()
    }
}

/// Where news are told and heard. It outlives what they are about: whoever listens goes on listening after a change of the
/// policy.
#[derive(Debug)]
pub struct News {
    profiles: broadcast::Sender<ProfileChanged>,
    lineage: broadcast::Sender<LineageRow>,
}

impl News {
    /// News of which each channel keeps that many for whoever is slow.
    pub fn keeping(n_kept: usize) -> Self {
        let n_kept = n_kept.max(1);
        Self { profiles: broadcast::Sender::new(n_kept), lineage: broadcast::Sender::new(n_kept) }
    }

    pub fn tell_profile(&self, changed: ProfileChanged) {
        // Nobody may listen.
        self.profiles.send(changed).ok();
    }

    /// Changes of customers from now on.
    pub fn profiles(&self) -> broadcast::Receiver<ProfileChanged> {
        self.profiles.subscribe()
    }

    pub fn tell_lineage(&self, event: LineageRow) {
        self.lineage.send(event).ok();
    }

    /// Merges and unmerges from now on.
    pub fn lineage(&self) -> broadcast::Receiver<LineageRow> {
        self.lineage.subscribe()
    }
}
