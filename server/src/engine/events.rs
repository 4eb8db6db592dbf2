//! The change feed: events for subscribers.
//!
//! One channel per kind of event. `directory` publishes a changed customer after listing it, so that subscribers read the new
//! state; `pipeline` publishes merges and unmerges once they are durable. Channels are bounded: a subscriber that falls
//! behind misses events and gets an error that says so.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use profile360_core::{
    graph::{lineage::LineageKind, rows::ClusterKey},
    identifier::UnifiedId,
};
use profile360_store::LineageRow;
use quick_cache::sync::Cache;
use tokio::sync::broadcast;

use crate::views::profile_view::Customer;

#[derive(Debug, Clone)]
pub struct ProfileChanged {
    pub key: ClusterKey,
    /// Every unified ID that leads to it, ascending.
    names: Arc<[UnifiedId]>,
    /// The number of this event; 0 before it is published.
    number: u64,
}

impl ProfileChanged {
    pub fn new(key: ClusterKey, names: impl IntoIterator<Item = UnifiedId>) -> Self {
        let mut names: Vec<UnifiedId> = names.into_iter().collect();
        names.sort_unstable();
        Self { key, names: names.into(), number: 0 }
    }

    /// Whether a unified ID, current or superseded, leads to the customer.
    pub fn is_of(&self, id: UnifiedId) -> bool {
        self.names.binary_search(&id).is_ok()
    }
}

/// The channels. They outlive editions, so subscriptions survive a policy rollout.
#[derive(Debug)]
pub struct Events {
    profiles: broadcast::Sender<ProfileChanged>,
    lineage: broadcast::Sender<LineageRow>,
    n_published: AtomicU64,
    n_merged: AtomicU64,
    n_unmerged: AtomicU64,
    /// The customers of recent events, so that each is loaded once for all subscribers. `None` for one that is gone.
    loaded: Cache<u64, Option<Arc<Customer>>>,
}

/// Events whose customers are cached.
const KEPT_LOADED: usize = 64;

impl Events {
    /// Channels that buffer up to `n_kept` events for slow subscribers.
    pub fn keeping(n_kept: usize) -> Self {
        let n_kept = n_kept.max(1);
        Self {
            profiles: broadcast::Sender::new(n_kept),
            lineage: broadcast::Sender::new(n_kept),
            n_published: AtomicU64::new(0),
            n_merged: AtomicU64::new(0),
            n_unmerged: AtomicU64::new(0),
            loaded: Cache::new(KEPT_LOADED),
        }
    }

    pub fn publish_profile(&self, mut changed: ProfileChanged) {
        changed.number = self.n_published.fetch_add(1, Ordering::Relaxed) + 1;
        // Fails without subscribers, which is fine.
        self.profiles.send(changed).ok();
    }

    /// Subscribes to changes of customers.
    pub fn profiles(&self) -> broadcast::Receiver<ProfileChanged> {
        self.profiles.subscribe()
    }

    /// The customer of an event. The first caller loads it; concurrent callers wait for that load.
    ///
    /// # Errors
    ///
    /// Those of `load`. The next caller loads again.
    pub async fn customer_of<E>(
        &self,
        changed: &ProfileChanged,
        load: impl Future<Output = Result<Option<Arc<Customer>>, E>>,
    ) -> Result<Option<Arc<Customer>>, E> {
        self.loaded.get_or_insert_async(&changed.number, load).await
    }

    pub fn publish_lineage(&self, event: LineageRow) {
        let counter = match event.kind {
            LineageKind::Merged => &self.n_merged,
            LineageKind::Unmerged => &self.n_unmerged,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.lineage.send(event).ok();
    }

    /// How many merges and unmerges were published.
    pub fn lineage_counts(&self) -> (u64, u64) {
        (self.n_merged.load(Ordering::Relaxed), self.n_unmerged.load(Ordering::Relaxed))
    }

    /// Subscribes to merges and unmerges.
    pub fn lineage(&self) -> broadcast::Receiver<LineageRow> {
        self.lineage.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_change_is_loaded_once_for_all_subscribers() {
        let events = Events::keeping(8);
        let mut listeners = [events.profiles(), events.profiles(), events.profiles()];
        let nil = UnifiedId(uuid::Uuid::nil());
        for _ in 0..2 {
            events.publish_profile(ProfileChanged::new(ClusterKey(nil), [nil]));
        }
        let n_loads = Cell::new(0);
        for listener in &mut listeners {
            for _ in 0..2 {
                let changed = listener.recv().await.expect("it was published");
                let load = async {
                    n_loads.set(n_loads.get() + 1);
                    Ok::<_, ()>(None)
                };
                assert!(events.customer_of(&changed, load).await.is_ok_and(|found| found.is_none()));
            }
        }
        assert_eq!(n_loads.get(), 2, "each of two changes, once");
        events.publish_profile(ProfileChanged::new(ClusterKey(nil), [nil]));
        let changed = listeners[0].recv().await.expect("it was published");
        assert_eq!(events.customer_of(&changed, async { Err(()) }).await.err(), Some(()));
        assert!(events.customer_of(&changed, async { Ok::<_, ()>(None) }).await.is_ok(), "a failed load is retried");
    }
}
