//! Keeps the customer list up to date: an index in memory, and the stored rows that it is loaded from at start.
//!
//! A commit names the clusters that it touched. A background task reloads those customers, writes their rows and updates the
//! index. It follows in small steps, each of which shows the list exactly as of one commit, together with the snapshot of the
//! database that it was read from: a page is of one commit. After an import, whose customers are listed in many steps, the list
//! is exact again at the end. After a crash the next start continues from the last commit that is listed. Values that depend on the calendar
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
use profile360_core::{graph::rows::ClusterKey, plan::changes::Changes};
use profile360_directory::{Index, ListRow, Loading};
use profile360_store::{ProfileWrite, Store, StoreError};
use tokio::sync::{Notify, watch};

use crate::{
    clock::{self, Clock},
    engine::{
        active_policy::{ActivePolicy, PolicyVersion},
        events::{Events, ProfileChanged},
        state::{Reading, State, States},
    },
    memory::CacheSizes,
    views::{
        customer_cache::{Changed, CustomerCache},
        profile_view::{self, Customer, Loaded},
    },
};

/// Customers per batch, and per exact step.
const CHUNK: usize = 200;
/// Commits per exact step.
const COMMITS_AT_ONCE: i64 = 200;
/// Customers whose purchases are read concurrently.
const READ_AT_ONCE: usize = 8;
/// Customers per write lock of the index where many are listed. Bounds how long readers wait.
const MOVED_AT_ONCE: usize = 20;
/// How many commit rows are kept after they are listed.
const COMMITS_KEPT: i64 = 1_000;

/// The index, and the customers that are not up to date in it.
#[derive(Debug)]
pub struct Directory {
    shown: RwLock<Shown>,
    /// The customers that answers read, which follow the same commits.
    pub customers: CustomerCache,
    pending: Mutex<Pending>,
    pub(super) wake: Notify,
    /// The last commit that is listed completely.
    listed: watch::Sender<i64>,
    /// Whether it publishes events.
    publishes_events: AtomicBool,
    events: Arc<Events>,
    clock: Clock,
}

#[derive(Debug)]
struct Shown {
    index: Index,
    /// What the whole index is as of, if it is exactly as of one commit.
    as_of: Option<Arc<Reading>>,
}

/// The customers of one step, and what it is read from.
struct Step {
    reading: Arc<Reading>,
    /// Contains each customer that the commits since the last step touched, if `is_exact`.
    clusters: Vec<(ClusterKey, Reason)>,
    /// The last commit that the list includes afterwards.
    up_to: i64,
    is_exact: bool,
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
    pub async fn load(
        store: &Store,
        policy: &PolicyVersion,
        events: Arc<Events>,
        caches: CacheSizes,
    ) -> Result<Self, StoreError> {
        Self::load_by(clock::now, store, policy, events, caches).await
    }

    /// As [`Directory::load`], with another clock.
    pub async fn load_by(
        clock: Clock,
        store: &Store,
        policy: &PolicyVersion,
        events: Arc<Events>,
        caches: CacheSizes,
    ) -> Result<Self, StoreError> {
        let mut loading = Loading::default();
        let today = clock::date_at(clock(), policy);
        let mut pending = Pending::default();
        for ids in store.shares().await? {
            for (key, payload) in store.list_rows_in(&ids).await? {
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
            shown: RwLock::new(Shown { index: loading.finish(), as_of: None }),
            customers: CustomerCache::new(caches.customers),
            pending: Mutex::new(pending),
            wake: Notify::new(),
            listed: watch::Sender::new(listed),
            publishes_events: AtomicBool::new(true),
            events,
            clock,
        })
    }

    /// Follows a commit: marks the customers that it changed as pending.
    pub fn follow(&self, commit: i64, changes: &Changes) {
        let touched: Vec<ClusterKey> = changes.touched.iter().copied().collect();
        let removed: Vec<ClusterKey> = changes.removed_clusters.iter().copied().collect();
        let of_orders = changes.orders.iter().flat_map(|order| [Some(order.home), order.leaves]);
        let of_refunds = changes.refunds.iter().flat_map(|refund| [Some(refund.home), refund.leaves]);
        let purchases_of = of_orders.chain(of_refunds).flatten().collect();
        let regrouped = changes.clusters.keys().chain(&removed).copied().collect();
        self.customers.touch(commit, [touched.as_slice(), &removed].concat(), &Changed { regrouped, purchases_of });
        self.touch(commit, touched, removed);
    }

    /// Marks what a commit touched as pending.
    pub fn touch(&self, commit: i64, touched: Vec<ClusterKey>, removed: Vec<ClusterKey>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.changed(touched.into_iter().chain(removed));
        pending.up_to = pending.up_to.max(commit);
        drop(pending);
        self.wake.notify_one();
    }

    /// Marks what the rows that are stored do not include as pending, so that this server, which leads from now on, stores it.
    pub(super) async fn touch_unlisted(&self, store: &Store) -> Result<(), StoreError> {
        let (_, last, clusters) = unlisted(store).await?;
        self.touch(last, clusters.into_iter().collect(), Vec::new());
        Ok(())
    }

    /// Today, by the clock of this directory.
    pub fn today(&self, policy: &PolicyVersion) -> NaiveDate {
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
        question(&self.shown.read().unwrap_or_else(PoisonError::into_inner).index)
    }

    /// As [`Directory::read`], with what the answer is as of. `None` while the list lags, and for databases whose snapshots must not
    /// be held.
    pub fn read_as_of<T>(&self, question: impl FnOnce(&Index) -> T) -> (T, Option<Arc<Reading>>) {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        (question(&shown.index), shown.as_of.clone())
    }

    /// Releases the snapshot that the list is as of.
    pub(super) fn release_snapshot(&self) {
        self.shown.write().unwrap_or_else(PoisonError::into_inner).as_of = None;
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
    /// What was not listed stays pending, and the commits that touched it do not count as listed.
    /// [`StoreError::Contradictory`] if only customers are left whose rows contradict each other; they keep their old row.
    pub async fn catch_up(
        &self,
        store: &Store,
        states: &Arc<States>,
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
            let Step { reading, clusters, up_to, is_exact } = match self.step(store, states, &clusters, up_to).await {
                Ok(step) => step,
                Err(error) => {
                    self.add_pending(&clusters.into_iter().collect::<Vec<_>>());
                    self.release_snapshot();
                    return Err(error);
                }
            };
            let mut damaged = Vec::new();
            if is_exact {
                match self.list(store, &reading, &clusters, Some(up_to)).await {
                    Ok(unread) => damaged.extend(unread),
                    Err(error) => {
                        self.add_pending(&clusters);
                        self.release_snapshot();
                        return Err(error);
                    }
                }
                n_done += clusters.len();
                self.set_in_progress(0);
                progress(n_done);
            } else {
                self.release_snapshot();
                drop(reading);
                for (position, chunk) in clusters.chunks(CHUNK).enumerate() {
                    let reading = Arc::new(Reading::begin(store, states));
                    match self.list(store, &reading, chunk, None).await {
                        Ok(unread) => damaged.extend(unread),
                        Err(error) => {
                            self.add_pending(damaged.iter().chain(&clusters[position * CHUNK..]));
                            return Err(error);
                        }
                    }
                    n_done += chunk.len();
                    self.set_in_progress(clusters.len().saturating_sub((position + 1) * CHUNK));
                    progress(n_done);
                }
            }
            if !damaged.is_empty() {
                self.add_pending(&damaged);
                return Err(StoreError::Contradictory);
            }
            if !is_exact {
                write_rows(store, Vec::new(), Some(up_to)).await?;
            }
            let listed_before = self.listed.send_replace(up_to);
            // Prune old commit rows whenever a multiple of `COMMITS_KEPT` is passed.
            let round = up_to / COMMITS_KEPT;
            if listed_before / COMMITS_KEPT < round && 1 < round && store.leads() {
                store.forget_commits((round - 2) * COMMITS_KEPT, (round - 1) * COMMITS_KEPT).await?;
            }
        }
    }

    /// The next step. It is exact if a snapshot can be held and little has changed since the last step.
    async fn step(
        &self,
        store: &Store,
        states: &Arc<States>,
        pending: &BTreeMap<ClusterKey, Reason>,
        up_to: i64,
    ) -> Result<Step, StoreError> {
        let reading = Arc::new(Reading::begin(store, states));
        let snapshot = &reading.store;
        let all = |clusters: &BTreeMap<ClusterKey, Reason>| clusters.iter().map(|(key, it)| (*key, *it)).collect();
        let lags = Step { reading: reading.clone(), clusters: all(pending), up_to, is_exact: false };
        if CHUNK < pending.len() || !store.may_hold_snapshots() {
            return Ok(lags);
        }
        let listed = *self.listed.borrow();
        let last = match snapshot.last_commit().await {
            Err(StoreError::Superseded) => return Ok(lags),
            last => last?,
        };
        if COMMITS_AT_ONCE < last - listed {
            return Ok(lags);
        }
        let commits = snapshot.commits(listed, last).await?;
        // Commits that are not reported yet are in the snapshot, so their customers belong to this step.
        let mut pending = pending.clone();
        let n_known = commits.len();
        let touched = commits.into_iter().flat_map(|(_, it)| it.touched.into_iter().chain(it.removed));
        pending.extend(touched.map(|key| (key, Reason::Changed)));
        let is_complete = i64::try_from(n_known).is_ok_and(|n_known| listed + n_known == last);
        if !is_complete || CHUNK < pending.len() {
            return Ok(lags);
        }
        let clusters = all(&pending);
        Ok(Step { reading, clusters, up_to: last, is_exact: true })
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

    /// Lists some customers as of one commit; up to `exact`, if that makes the list exact. Returns those whose rows contradict each
    /// other.
    async fn list(
        &self,
        store: &Store,
        reading: &Arc<Reading>,
        clusters: &[(ClusterKey, Reason)],
        exact: Option<i64>,
    ) -> Result<Vec<(ClusterKey, Reason)>, StoreError> {
        let State { policy, .. } = &*reading.state().await?;
        let snapshot = &reading.store;
        let today = self.today(policy);
        let keys: Vec<ClusterKey> = clusters.iter().map(|(key, _)| *key).collect();
        let Loaded { customers, contradictory } = profile_view::load_some(snapshot, policy, &keys).await?;
        let is_damaged = |key: &ClusterKey| contradictory.contains(key);
        let keys: Vec<ClusterKey> = keys.into_iter().filter(|key| !is_damaged(key)).collect();
        // Customers that change one by one are asked for again soon; those of an import are not.
        let cache = if exact.is_some() { Some(&self.customers) } else { None };
        if let Some(cache) = cache {
            let commit = cache.follow(snapshot).await?;
            customers.values().for_each(|customer| cache.put(commit, customer, policy.retirements()));
        }
        let computing = keys.iter().map(|key| row_of(snapshot, cache, policy, customers.get(key).cloned(), today));
        let rows: Vec<Option<ListRow>> =
            stream::iter(computing.collect::<Vec<_>>()).buffered(READ_AT_ONCE).try_collect().await?;
        let exact = exact.filter(|_| contradictory.is_empty());
        let rows: Vec<(ClusterKey, Option<ListRow>)> = keys.into_iter().zip(rows).collect();
        let payload = |row: &Option<ListRow>| row.as_ref().and_then(|it| serde_json::to_string(it).ok());
        let writes = rows.iter().map(|(key, row)| ProfileWrite { key: *key, payload: payload(row) }).collect();
        write_rows(store, writes, exact).await?;
        let at_once = if exact.is_some() { CHUNK } else { MOVED_AT_ONCE };
        if exact.is_some() && rows.is_empty() {
            self.shown.write().unwrap_or_else(PoisonError::into_inner).as_of = Some(reading.clone());
        }
        for rows in rows.chunks(at_once) {
            let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
            shown.as_of = exact.map(|_| reading.clone());
            for (key, row) in rows {
                match row {
                    Some(row) => shown.index.put(*key, row),
                    None => shown.index.remove(*key),
                }
            }
        }
        let unread = clusters.iter().filter(|(key, _)| is_damaged(key)).copied().collect();
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

/// Writes list rows if this server leads. Otherwise it keeps them in memory only: those of the leader are stored.
async fn write_rows(store: &Store, writes: Vec<ProfileWrite>, up_to: Option<i64>) -> Result<(), StoreError> {
    if !store.leads() {
        return Ok(());
    }
    match store.write_profiles(writes, up_to).await {
        Err(StoreError::Deposed) => Ok(()),
        written => written,
    }
}

/// The row of a customer. `None` for one that is gone.
async fn row_of(
    snapshot: &Store,
    cache: Option<&CustomerCache>,
    policy: &ActivePolicy,
    customer: Option<Arc<Customer>>,
    today: NaiveDate,
) -> Result<Option<ListRow>, StoreError> {
    let Some(customer) = customer else { return Ok(None) };
    let purchased = match cache {
        Some(cache) => cache.purchases(snapshot, policy, &customer).await?,
        None => profile_view::purchases(snapshot, &customer).await?,
    };
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
