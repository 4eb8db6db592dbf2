//! Events: what has changed, told to whoever listens.
//!
//! One channel a kind of news. `list` tells of a customer after listing it, so that what a listener then reads is there;
//! `pipeline` tells of merges and unmerges when they are durable. Channels
//! are bounded: whoever falls behind by more than that misses news, and is told so.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use profile360_core::{graph::rows::CellKey, identifier::UnifiedId};
use profile360_store::LineageRow;
use quick_cache::sync::Cache;
use tokio::sync::broadcast;

use crate::views::profile_view::Customer;

/// A customer has changed.
#[derive(Debug, Clone)]
pub struct ProfileChanged {
    pub key: CellKey,
    /// Every unified ID that leads to it, in their order.
    names: Arc<[UnifiedId]>,
    /// Counts the changes that were told; 0 before it is told.
    number: u64,
}

impl ProfileChanged {
    pub fn new(key: CellKey, names: impl IntoIterator<Item = UnifiedId>) -> Self {
        let mut names: Vec<UnifiedId> = names.into_iter().collect();
        names.sort_unstable();
        Self { key, names: names.into(), number: 0 }
    }

    /// Whether a unified ID leads to the customer, be it the one that it shows or an older one.
    pub fn is_of(&self, id: UnifiedId) -> bool {
        self.names.binary_search(&id).is_ok()
    }
}

/// Where news are told and heard. It outlives what they are about: whoever listens goes on listening after a change of the
/// policy.
#[derive(Debug)]
pub struct Events {
    profiles: broadcast::Sender<ProfileChanged>,
    lineage: broadcast::Sender<LineageRow>,
    n_told: AtomicU64,
    /// The customers of the newest changes, so that each is loaded once for all who listen; none where it is gone.
    loaded: Cache<u64, Option<Arc<Customer>>>,
}

/// Changes whose customers are kept: those that listeners work at about now.
const KEPT_LOADED: usize = 64;

impl Events {
    /// Events of which each channel keeps that many for whoever is slow.
    pub fn keeping(n_kept: usize) -> Self {
        let n_kept = n_kept.max(1);
        Self {
            profiles: broadcast::Sender::new(n_kept),
            lineage: broadcast::Sender::new(n_kept),
            n_told: AtomicU64::new(0),
            loaded: Cache::new(KEPT_LOADED),
        }
    }

    pub fn publish_profile(&self, mut changed: ProfileChanged) {
        changed.number = self.n_told.fetch_add(1, Ordering::Relaxed) + 1;
        // Nobody may listen.
        self.profiles.send(changed).ok();
    }

    /// Changes of customers from now on.
    pub fn profiles(&self) -> broadcast::Receiver<ProfileChanged> {
        self.profiles.subscribe()
    }

    /// The customer of a change: loaded by the first who asks, while the others wait for that.
    ///
    /// # Errors
    ///
    /// Those of the load; the next who asks loads it again.
    pub async fn customer_of<E>(
        &self,
        changed: &ProfileChanged,
        load: impl Future<Output = Result<Option<Arc<Customer>>, E>>,
    ) -> Result<Option<Arc<Customer>>, E> {
        self.loaded.get_or_insert_async(&changed.number, load).await
    }

    pub fn publish_lineage(&self, event: LineageRow) {
        self.lineage.send(event).ok();
    }

    /// Merges and unmerges from now on.
    pub fn lineage(&self) -> broadcast::Receiver<LineageRow> {
        self.lineage.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_change_is_loaded_once_for_all_who_listen() {
        let news = Events::keeping(8);
        let mut listeners = [news.profiles(), news.profiles(), news.profiles()];
        let nil = UnifiedId(uuid::Uuid::nil());
        for _ in 0..2 {
            news.publish_profile(ProfileChanged::new(CellKey(nil), [nil]));
        }
        let n_loads = Cell::new(0);
        for listener in &mut listeners {
            for _ in 0..2 {
                let changed = listener.recv().await.expect("it was told");
                let load = async {
                    n_loads.set(n_loads.get() + 1);
                    Ok::<_, ()>(None)
                };
                assert!(news.customer_of(&changed, load).await.is_ok_and(|found| found.is_none()));
            }
        }
        assert_eq!(n_loads.get(), 2, "each of two changes, once");
        news.publish_profile(ProfileChanged::new(CellKey(nil), [nil]));
        let changed = listeners[0].recv().await.expect("it was told");
        assert_eq!(news.customer_of(&changed, async { Err(()) }).await.err(), Some(()));
        assert!(
            news.customer_of(&changed, async { Ok::<_, ()>(None) }).await.is_ok(),
            "a load that failed is made again"
        );
    }
}
