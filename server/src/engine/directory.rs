//! Keeps the customer list up to date: an index in memory, and the stored rows that it is loaded from at start.
//!
//! A commit names the clusters that it touched. A background task reloads those customers, writes their rows and updates the
//! index. After a crash the next start continues from the last commit that is listed. Values that depend on the calendar
//! (windows, age groups) are recomputed for the rows that are due; that publishes no event, while a commit does. This module
//! never changes facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::NaiveDate;
use futures::stream::{self, StreamExt, TryStreamExt};
use profile360_core::graph::rows::ClusterKey;
use profile360_directory::{Index, ListRow, Loading};
use profile360_store::{ProfileWrite, Store, StoreError};
use tokio::sync::{Notify, watch};

use crate::{
    clock::{self, Clock},
    engine::{
        active_policy::ActivePolicy,
        events::{Events, ProfileChanged},
    },
    views::profile_view::{self, Customer, Loaded},
};

/// Customers per batch.
const CHUNK: usize = 200;
/// Customers whose purchases are read concurrently.
const READ_AT_ONCE: usize = 8;
/// Customers per write lock of the index. Bounds how long readers wait.
const MOVED_AT_ONCE: usize = 20;
/// How many commit rows are kept after they are listed.
const COMMITS_KEPT: i64 = 1_000;

/// The index, and the customers that are not up to date in it.
#[derive(Debug)]
pub struct Directory {
    index: RwLock<Index>,
    pending: Mutex<Pending>,
    pub(super) wake: Notify,
    /// The last commit that is listed completely.
    listed: watch::Sender<i64>,
    /// Whether it publishes events.
    publishes_events: AtomicBool,
    events: Arc<Events>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Pending {
    clusters: BTreeMap<ClusterKey, Reason>,
    /// How many were removed from `clusters` and are not in the index yet.
    n_in_progress: usize,
    up_to: i64,
}

/// Why a customer is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// A commit touched it.
    Changed,
    /// Another day began, or another version of the program wrote its row.
    Due,
}

impl Pending {
    fn changed(&mut self, clusters: impl IntoIterator<Item = ClusterKey>) {
        self.clusters.extend(clusters.into_iter().map(|it| (it, Reason::Changed)));
    }

    fn due(&mut self, cluster: ClusterKey) {
        self.clusters.entry(cluster).or_insert(Reason::Due);
    }
}

impl Directory {
    /// Loads the rows, and what the last process left pending.
    pub async fn load(store: &Store, policy: &ActivePolicy, events: Arc<Events>) -> Result<Self, StoreError> {
        Self::load_by(clock::now, store, policy, events).await
    }

    /// As [`Directory::load`], with another clock.
    pub async fn load_by(
        clock: Clock,
        store: &Store,
        policy: &ActivePolicy,
        events: Arc<Events>,
    ) -> Result<Self, StoreError> {
        let mut loading = Loading::default();
        let today = clock::date_at(clock(), policy);
        let mut pending = Pending::default();
        for first_byte in 0..=u8::MAX {
            for (key, payload) in store.profiles_of(first_byte).await? {
                match serde_json::from_str::<ListRow>(&payload) {
                    Ok(row) => {
                        if row.is_due(today) {
                            pending.due(key);
                        }
                        loading.add(key, &row);
                    }
                    // Written by another version of the program. The row is derived, so recompute it.
                    Err(_) => pending.due(key),
                }
            }
        }
        let (listed, last, clusters) = unlisted(store).await?;
        pending.changed(clusters);
        pending.up_to = last;
        Ok(Self {
            index: RwLock::new(loading.finish()),
            pending: Mutex::new(pending),
            wake: Notify::new(),
            listed: watch::Sender::new(listed),
            publishes_events: AtomicBool::new(true),
            events,
            clock,
        })
    }

    /// Marks what a commit touched as pending.
    pub fn touch(&self, commit: i64, touched: Vec<ClusterKey>, removed: Vec<ClusterKey>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.changed(touched.into_iter().chain(removed));
        pending.up_to = pending.up_to.max(commit);
        drop(pending);
        self.wake.notify_one();
    }

    /// Today, by the clock of this directory.
    pub fn today(&self, policy: &ActivePolicy) -> NaiveDate {
        clock::date_at((self.clock)(), policy)
    }

    /// Marks the rows that depend on the calendar and are due as pending.
    pub fn touch_due(&self, today: NaiveDate) {
        let due = self.read(|index| index.due(today));
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        due.into_iter().for_each(|it| pending.due(it));
        drop(pending);
        self.wake.notify_one();
    }

    /// Whether to publish events. A projection that is still being filled publishes none.
    pub fn set_notify(&self, publishes_events: bool) {
        self.publishes_events.store(publishes_events, Ordering::Relaxed);
    }

    /// Reads from the index under its read lock.
    pub fn read<T>(&self, question: impl FnOnce(&Index) -> T) -> T {
        question(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many customers are not up to date in the index, including those in progress. Read it before the index: then 0
    /// means that the index was complete.
    pub fn n_pending(&self) -> usize {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.clusters.len() + pending.n_in_progress
    }

    fn set_in_progress(&self, n: usize) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).n_in_progress = n;
    }

    /// Waits until everything that a commit touched is listed. `false` after the timeout.
    pub async fn wait_until_listed(&self, commit: i64, at_most: Duration) -> bool {
        let mut listed = self.listed.subscribe();
        tokio::time::timeout(at_most, listed.wait_for(|it| commit <= *it)).await.is_ok_and(|it| it.is_ok())
    }

    /// Lists all pending customers. Calls `progress` with the number that is done.
    ///
    /// # Errors
    ///
    /// What was not listed stays pending, and the commits that touched it do not count as listed. [`StoreError::Torn`] if
    /// only customers are left that could not be read consistently; they keep their old row.
    pub async fn catch_up(
        &self,
        store: &Store,
        policy: &ActivePolicy,
        mut progress: impl FnMut(usize),
    ) -> Result<(), StoreError> {
        let mut n_done = 0;
        loop {
            let (clusters, up_to) = {
                let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                pending.n_in_progress = pending.clusters.len();
                (std::mem::take(&mut pending.clusters), pending.up_to)
            };
            if clusters.is_empty() && up_to <= *self.listed.borrow() {
                return Ok(());
            }
            let clusters: Vec<(ClusterKey, Reason)> = clusters.into_iter().collect();
            let mut torn = Vec::new();
            for (position, chunk) in clusters.chunks(CHUNK).enumerate() {
                match self.list(store, policy, chunk).await {
                    Ok(unread) => torn.extend(unread),
                    Err(error) => {
                        self.add_pending(torn.iter().chain(&clusters[position * CHUNK..]));
                        return Err(error);
                    }
                }
                n_done += chunk.len();
                self.set_in_progress(clusters.len().saturating_sub((position + 1) * CHUNK));
                progress(n_done);
            }
            if !torn.is_empty() {
                self.add_pending(&torn);
                return Err(StoreError::Torn);
            }
            store.write_profiles(Vec::new(), Some(up_to)).await?;
            let listed_before = self.listed.send_replace(up_to);
            // Prune old commit rows whenever a multiple of `COMMITS_KEPT` is passed.
            let round = up_to / COMMITS_KEPT;
            if listed_before / COMMITS_KEPT < round && 1 < round {
                store.forget_commits((round - 2) * COMMITS_KEPT, (round - 1) * COMMITS_KEPT).await?;
            }
        }
    }

    fn add_pending<'c>(&self, clusters: impl IntoIterator<Item = &'c (ClusterKey, Reason)>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.n_in_progress = 0;
        for (key, reason) in clusters {
            match reason {
                Reason::Changed => pending.changed([*key]),
                Reason::Due => pending.due(*key),
            }
        }
    }

    /// Lists some customers. Returns those that could not be read consistently.
    async fn list(
        &self,
        store: &Store,
        policy: &ActivePolicy,
        clusters: &[(ClusterKey, Reason)],
    ) -> Result<Vec<(ClusterKey, Reason)>, StoreError> {
        let today = self.today(policy);
        let keys: Vec<ClusterKey> = clusters.iter().map(|(key, _)| *key).collect();
        let Loaded { customers, torn } = profile_view::load_some(store, policy, &keys).await?;
        let is_torn = |key: &ClusterKey| torn.contains(key);
        let keys: Vec<ClusterKey> = keys.into_iter().filter(|key| !is_torn(key)).collect();
        let reading = keys.iter().map(|key| row_of(store, policy, customers.get(key).cloned(), today));
        let rows: Vec<Option<ListRow>> =
            stream::iter(reading.collect::<Vec<_>>()).buffered(READ_AT_ONCE).try_collect().await?;
        let rows: Vec<(ClusterKey, Option<ListRow>)> = keys.into_iter().zip(rows).collect();
        let payload = |row: &Option<ListRow>| row.as_ref().and_then(|it| serde_json::to_string(it).ok());
        let writes = rows.iter().map(|(key, row)| ProfileWrite { key: *key, payload: payload(row) }).collect();
        store.write_profiles(writes, None).await?;
        for rows in rows.chunks(MOVED_AT_ONCE) {
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            for (key, row) in rows {
                match row {
                    Some(row) => index.put(*key, row),
                    None => index.remove(*key),
                }
            }
        }
        let unread = clusters.iter().filter(|(key, _)| is_torn(key)).copied().collect();
        if !self.publishes_events.load(Ordering::Relaxed) {
            return Ok(unread);
        }
        for (key, _) in clusters.iter().filter(|(_, reason)| *reason == Reason::Changed) {
            if let Some(customer) = customers.get(key) {
                let names = customer.members.iter().map(|(_, state)| state.unified_id);
                self.events.publish_profile(ProfileChanged::new(*key, names));
            }
        }
        Ok(unread)
    }
}

/// The row of a customer. `None` for one that is gone.
async fn row_of(
    store: &Store,
    policy: &ActivePolicy,
    customer: Option<Arc<Customer>>,
    today: NaiveDate,
) -> Result<Option<ListRow>, StoreError> {
    let Some(customer) = customer else { return Ok(None) };
    let purchased = profile_view::purchases(store, &customer).await?;
    Ok(Some(ListRow::new(&customer.profile, &purchased.orders, &purchased.refunds, policy, today)))
}

/// The last listed commit, the last commit, and the clusters that the commits between them touched.
pub async fn unlisted(store: &Store) -> Result<(i64, i64, BTreeSet<ClusterKey>), StoreError> {
    let listed = store.listed().await?;
    let last = store.last_commit().await?;
    let commits = store.commits(listed, last).await?;
    let clusters = commits.into_iter().flat_map(|(_, it)| it.touched.into_iter().chain(it.removed)).collect();
    Ok((listed, last, clusters))
}
