//! Customers that were read recently, for all requests. An entry is of a commit, and valid until a later commit touches the customer.
//!
//! The cache follows the commits: it learns from each which customers it touched, from the pipeline or, for commits of other servers,
//! from the store. A reader names the commit of its snapshot, and gets an entry only if the cache knows that nothing touched it in
//! between. So an answer from the cache is the answer that the snapshot would give.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use profile360_core::{
    evidence::retirement::Retirements, graph::rows::ClusterKey, identifier::UnifiedId, message::Platform,
    profile::model::ProfileIdentifier, purchases::summaries::PurchaseSummaries, time::Timestamp,
};
use profile360_store::{Store, StoreError};
use quick_cache::{Weighter, unsync::Cache};

use super::{
    packed_purchases::PackedPurchases,
    profile_view::{self, Customer, Purchased},
};
use crate::{engine::active_policy::ActivePolicy, memory::estimate};

/// Commits whose touched customers are remembered, for readers of snapshots that are a little older.
const KEPT_COMMITS: usize = 256;
/// A gap of more commits is not read: the cache is emptied.
const MOST_READ: i64 = 64;

/// The cache of a projection.
#[derive(Debug)]
pub struct CustomerCache(Mutex<State>);

struct State {
    /// What the commits up to this one touched is known.
    up_to: i64,
    /// The last commits up to that one, without gaps, and what each touched.
    recent: VecDeque<(i64, Vec<ClusterKey>)>,
    entries: Cache<ClusterKey, Arc<Entry>, Bytes>,
    /// Where the customer of a unified ID was.
    keys: Cache<UnifiedId, ClusterKey>,
}

/// A customer as of a commit.
#[derive(Debug, Clone)]
struct Entry {
    commit: i64,
    customer: Arc<Customer>,
    /// Whether nothing has touched the customer since. Otherwise only its purchases are as they were.
    is_current: bool,
    /// When each member retires. A retirement that moves no message touches no customer.
    retired: Vec<Option<Timestamp>>,
    purchases: Option<Arc<PackedPurchases>>,
    /// Of the same purchases.
    summaries: Option<Arc<PurchaseSummaries>>,
    events: Option<Arc<RecentEvents>>,
    n_bytes: usize,
}

/// The newest events of a customer, without their properties.
#[derive(Debug)]
pub struct RecentEvents {
    /// The newest first.
    pub events: Vec<RecentEvent>,
    /// Whether there are no others.
    pub are_all: bool,
}

/// An event without its properties.
#[derive(Debug)]
pub struct RecentEvent {
    pub at: Timestamp,
    pub message_id: String,
    pub name: String,
    pub source: String,
    pub platform: Option<Platform>,
    /// The identifier that it is stored under.
    pub identifier: Arc<ProfileIdentifier>,
    pub session_id: Option<String>,
}

impl RecentEvents {
    fn n_bytes(&self) -> usize {
        let texts = |event: &RecentEvent| {
            let session = event.session_id.as_ref().map_or(0, String::len);
            event.message_id.len() + event.name.len() + event.source.len() + session
        };
        self.events.iter().map(|it| size_of::<RecentEvent>() + texts(it)).sum()
    }
}

/// How a commit changed what it touched.
#[derive(Debug)]
pub struct Changed {
    /// The clusters whose members it changed, or that it removed.
    pub regrouped: BTreeSet<ClusterKey>,
    /// The derived IDs of the identifiers under which it changed orders or refunds.
    pub purchases_of: BTreeSet<UnifiedId>,
}

/// A customer, and what it bought if that is cached, too.
#[derive(Debug, Clone)]
pub struct Found {
    pub customer: Arc<Customer>,
    pub purchases: Option<Arc<PackedPurchases>>,
    pub summaries: Option<Arc<PurchaseSummaries>>,
    pub events: Option<Arc<RecentEvents>>,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<ClusterKey, Arc<Entry>> for Bytes {
    fn weight(&self, _: &ClusterKey, entry: &Arc<Entry>) -> u64 {
        entry.n_bytes as u64
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (n_entries, n_bytes) = (self.entries.len(), self.entries.weight());
        f.debug_struct("State")
            .field("up_to", &self.up_to)
            .field("n_entries", &n_entries)
            .field("n_bytes", &n_bytes)
            .finish_non_exhaustive()
    }
}

impl CustomerCache {
    /// An empty cache of so many bytes.
    pub fn new(n_bytes: usize) -> Self {
        /// A customer needs at least this.
        const SMALLEST: usize = 2_048;
        let n_entries = (n_bytes / SMALLEST).max(1);
        Self(Mutex::new(State {
            up_to: 0,
            recent: VecDeque::new(),
            entries: Cache::with_weighter(n_entries, n_bytes as u64, Bytes),
            keys: Cache::new(n_entries.saturating_mul(2)),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns what the next commit touched, and how. Other commits are ignored: [`CustomerCache::follow`] reads them.
    pub fn touch(&self, commit: i64, touched: Vec<ClusterKey>, changed: &Changed) {
        self.state().touch(commit, touched, Some(changed));
    }

    /// Learns what was touched up to the commit of a snapshot. Returns that commit.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn follow(&self, snapshot: &Store) -> Result<i64, StoreError> {
        let read = match snapshot.commit_read().await {
            Ok(None) => snapshot.last_commit().await.map(Some),
            read => read,
        };
        let commit = match read {
            Ok(commit) => commit.unwrap_or_default(),
            // A projection that another one has replaced is still read by the responses that began before; nothing is cached for it.
            Err(StoreError::Superseded) => return Ok(i64::MAX),
            Err(error) => return Err(error),
        };
        let up_to = self.state().up_to;
        if commit <= up_to {
            return Ok(commit);
        }
        let unknown = if commit - up_to <= MOST_READ { snapshot.commits(up_to, commit).await? } else { Vec::new() };
        let mut state = self.state();
        for (number, it) in unknown {
            state.touch(number, it.touched.into_iter().chain(it.removed).collect(), None);
        }
        if state.up_to < commit {
            state.restart_at(commit);
        }
        Ok(commit)
    }

    /// A customer as of a commit.
    pub fn customer(&self, key: ClusterKey, commit: i64, retirements: &Retirements) -> Option<Found> {
        self.state().entry(key, commit, retirements)
    }

    /// The customer of a unified ID as of a commit. `None` also if it is not cached under this ID.
    pub fn customer_of_id(&self, id: UnifiedId, commit: i64, retirements: &Retirements) -> Option<Found> {
        let mut state = self.state();
        let key = *state.keys.get(&id)?;
        let found = state.entry(key, commit, retirements)?;
        found.customer.members.iter().any(|(_, member)| member.unified_id == id).then_some(found)
    }

    /// Caches a customer as it is at a commit.
    pub fn put(&self, commit: i64, customer: &Arc<Customer>, retirements: &Retirements) {
        let n_bytes = memory_of(customer);
        let retired = retired_at(customer, retirements);
        let customer = customer.clone();
        let (purchases, summaries, events) = (None, None, None);
        let mut entry = Entry { commit, customer, is_current: true, retired, purchases, summaries, events, n_bytes };
        let customer = entry.customer.clone();
        let mut state = self.state();
        if commit == i64::MAX || !state.is_untouched_since(commit, customer.key) {
            return;
        }
        // Its purchases are known if they have not changed, and all are of the same members.
        if let Some(known) = state.entries.get(&customer.key).filter(|known| known.commit <= commit)
            && known.homes().eq(entry.homes())
        {
            entry.n_bytes += known.n_bytes_of_purchases();
            entry.purchases.clone_from(&known.purchases);
            entry.summaries.clone_from(&known.summaries);
        }
        for (_, member) in &customer.members {
            state.keys.insert(member.unified_id, customer.key);
        }
        state.entries.insert(customer.key, Arc::new(entry));
    }

    /// What a customer bought, from the cache, or from the snapshot that the customer is from.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn purchases(
        &self,
        snapshot: &Store,
        policy: &ActivePolicy,
        customer: &Arc<Customer>,
    ) -> Result<Purchased, StoreError> {
        let commit = self.follow(snapshot).await?;
        let found = self.customer(customer.key, commit, policy.retirements());
        if let Some(packed) = found.and_then(|found| found.purchases) {
            return Ok(packed.unpack());
        }
        let purchased = profile_view::purchases(snapshot, customer).await?;
        self.put_purchases(customer.key, commit, Arc::new(PackedPurchases::pack(&purchased)));
        Ok(purchased)
    }

    /// What a customer bought, summed up, from the cache, or from the snapshot that the customer is from.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn summaries(
        &self,
        snapshot: &Store,
        policy: &ActivePolicy,
        customer: &Arc<Customer>,
    ) -> Result<Arc<PurchaseSummaries>, StoreError> {
        let commit = self.follow(snapshot).await?;
        let found = self.customer(customer.key, commit, policy.retirements());
        if let Some(summaries) = found.and_then(|found| found.summaries) {
            return Ok(summaries);
        }
        let purchased = self.purchases(snapshot, policy, customer).await?;
        let orders: Vec<_> = purchased.orders.iter().collect();
        let refunds: Vec<_> = purchased.refunds.iter().collect();
        let summaries = Arc::new(PurchaseSummaries::new(&orders, &refunds, policy));
        let n_bytes = summaries.n_bytes();
        self.state().extend(customer.key, commit, n_bytes, |entry| entry.summaries = Some(summaries.clone()));
        Ok(summaries)
    }

    /// Caches what a customer bought as of a commit, next to the customer.
    fn put_purchases(&self, key: ClusterKey, commit: i64, purchases: Arc<PackedPurchases>) {
        let n_bytes = purchases.n_bytes();
        self.state().extend(key, commit, n_bytes, |entry| entry.purchases = Some(purchases));
    }

    /// Caches a customer's newest events as of a commit, next to the customer.
    pub fn put_events(&self, key: ClusterKey, commit: i64, events: Arc<RecentEvents>) {
        let n_bytes = events.n_bytes();
        self.state().extend(key, commit, n_bytes, |entry| entry.events = Some(events));
    }
}

impl State {
    /// Without `changed` everything of what is touched may have changed.
    fn touch(&mut self, commit: i64, touched: Vec<ClusterKey>, changed: Option<&Changed>) {
        if commit != self.up_to + 1 {
            return;
        }
        self.up_to = commit;
        for key in &touched {
            let Some((_, entry)) = self.entries.remove(key) else { continue };
            // While its members stay the same, each commit that changes purchases of one of them touches it.
            let keeps_purchases = entry.purchases.is_some()
                && changed.is_some_and(|changed| {
                    !changed.regrouped.contains(key) && !entry.homes().any(|home| changed.purchases_of.contains(&home))
                });
            if keeps_purchases {
                self.entries.insert(*key, Arc::new(Entry { is_current: false, events: None, ..Entry::clone(&entry) }));
            }
        }
        self.recent.push_back((commit, touched));
        if KEPT_COMMITS < self.recent.len() {
            self.recent.pop_front();
        }
    }

    fn restart_at(&mut self, commit: i64) {
        self.entries.clear();
        self.keys.clear();
        self.recent.clear();
        self.up_to = commit;
    }

    /// Whether no commit after this one touched the customer, as far as is known.
    fn is_untouched_since(&self, commit: i64, key: ClusterKey) -> bool {
        let is_known = self.up_to <= commit || self.recent.front().is_some_and(|(first, _)| *first <= commit + 1);
        is_known && !self.recent.iter().rev().take_while(|(it, _)| commit < *it).any(|(_, keys)| keys.contains(&key))
    }

    fn entry(&mut self, key: ClusterKey, commit: i64, retirements: &Retirements) -> Option<Found> {
        if self.up_to < commit {
            return None;
        }
        // What a commit up to `up_to` touched is not there any more.
        let entry = self.entries.get(&key).filter(|entry| entry.is_current && entry.commit <= commit)?;
        let is_same = entry.retired == retired_at(&entry.customer, retirements);
        is_same.then(|| Found {
            customer: entry.customer.clone(),
            purchases: entry.purchases.clone(),
            summaries: entry.summaries.clone(),
            events: entry.events.clone(),
        })
    }

    /// Adds to an entry what was read of the same customer as of a commit.
    fn extend(&mut self, key: ClusterKey, commit: i64, n_bytes: usize, add: impl FnOnce(&mut Entry)) {
        if !self.is_untouched_since(commit, key) {
            return;
        }
        // What is read at a commit before the entry's is of a customer that changed since, unless it is known that it did not.
        let entry = self.entries.get(&key).filter(|entry| entry.is_current && entry.commit <= commit);
        let Some(entry) = entry else { return };
        let mut entry = Entry::clone(entry);
        entry.n_bytes += n_bytes;
        add(&mut entry);
        self.entries.insert(key, Arc::new(entry));
    }
}

impl Entry {
    fn n_bytes_of_purchases(&self) -> usize {
        let packed = self.purchases.as_ref().map_or(0, |it| it.n_bytes());
        packed + self.summaries.as_ref().map_or(0, |it| it.n_bytes())
    }

    /// The derived IDs of its members, which its purchases are stored under.
    fn homes(&self) -> impl Iterator<Item = UnifiedId> {
        self.customer.members.iter().map(|(_, member)| member.unified_id)
    }
}

fn retired_at(customer: &Customer, retirements: &Retirements) -> Vec<Option<Timestamp>> {
    customer.members.iter().map(|(identifier, _)| retirements.retired_at(identifier)).collect()
}

/// About how much memory a customer needs.
fn memory_of(customer: &Customer) -> usize {
    let members: usize = customer.members.iter().map(|(_, state)| estimate(&**state)).sum();
    size_of::<Entry>() + size_of::<Customer>() + members + estimate(&customer.profile)
}
