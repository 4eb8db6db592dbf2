//! Data loaders: batch the reads of customers and purchases that the fields of one response request one by one.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use async_graphql::Result;
use dataloader::{BatchFn, cached::Loader};
use profile360_core::{
    graph::rows::ClusterKey,
    identifier::{
        Identifier, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    purchases::summaries::PurchaseSummaries,
};
use profile360_store::StoreError;

use super::{
    App,
    error::{ErrorCode, unavailable},
};
use crate::{
    engine::{
        directory::Directory,
        state::{Reading, State},
    },
    views::{
        customer_cache::{Found, RecentEvents},
        profile_view::{self, Customer, Loaded, Purchased},
    },
};

type Answer<T> = std::result::Result<Option<Arc<T>>, Arc<StoreError>>;

/// The loaders of one response, which read from its snapshot, or from the cache of all responses as of the same commit. They cache,
/// so no two responses share them.
pub(super) struct Loaders {
    source: Source,
    secret: IdSecret,
    cached: RwLock<Cached>,
}

/// Where customers come from.
#[derive(Clone)]
struct Source {
    reading: Arc<Reading>,
    directory: Arc<Directory>,
}

/// The commit of a response.
struct AsOf {
    state: Arc<State>,
    /// Its number for the cache.
    commit: i64,
}

#[derive(Clone)]
struct Cached {
    customers: Loader<ClusterKey, Answer<Customer>, Customers>,
    purchases: Loader<ClusterKey, Answer<Purchased>, Purchases>,
    summaries: Loader<ClusterKey, Answer<PurchaseSummaries>, Summaries>,
}

impl Cached {
    fn new(source: &Source) -> Self {
        let customers = Loader::new(Customers(source.clone()));
        let purchases = Loader::new(Purchases { source: source.clone(), customers: customers.clone() });
        let summaries = Loader::new(Summaries { source: source.clone(), customers: customers.clone() });
        Self { customers, purchases, summaries }
    }
}

impl Loaders {
    pub(super) fn new(app: &App) -> Self {
        let source = Source { reading: app.reading.clone(), directory: app.directory.clone() };
        let cached = RwLock::new(Cached::new(&source));
        Self { source, secret: app.secret.clone(), cached }
    }

    /// Lets what follows in this response see the last commit.
    pub(super) async fn refresh(&self) {
        self.source.reading.refresh().await;
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Cached::new(&self.source);
    }

    fn cached(&self) -> Cached {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The customer of a cluster. The list lags a little behind the database: if the cluster no longer exists, the customer that
    /// the unified ID leads to.
    pub(super) async fn customer(&self, key: ClusterKey, id: UnifiedId) -> Result<Arc<Customer>> {
        if let Some(customer) = settle(self.cached().customers.try_load(key).await)? {
            return Ok(customer);
        }
        let gone = || ErrorCode::Unavailable.with("this customer no longer exists; try again");
        self.customer_of_id(id).await?.ok_or_else(gone)
    }

    /// The purchases of the customer of a cluster, which is found as in [`Loaders::customer`].
    pub(super) async fn purchases(&self, key: ClusterKey, id: UnifiedId) -> Result<Arc<Purchased>> {
        if let Some(purchased) = settle(self.cached().purchases.try_load(key).await)? {
            return Ok(purchased);
        }
        let customer = self.customer(key, id).await?;
        let purchased = settle(self.cached().purchases.try_load(customer.key).await)?;
        purchased.ok_or_else(|| ErrorCode::Unavailable.with("this customer no longer exists; try again"))
    }

    /// The purchases of the customer of a cluster, summed up. The customer is found as in [`Loaders::customer`].
    pub(super) async fn summaries(&self, key: ClusterKey, id: UnifiedId) -> Result<Arc<PurchaseSummaries>> {
        if let Some(summaries) = settle(self.cached().summaries.try_load(key).await)? {
            return Ok(summaries);
        }
        let customer = self.customer(key, id).await?;
        let summaries = settle(self.cached().summaries.try_load(customer.key).await)?;
        summaries.ok_or_else(|| ErrorCode::Unavailable.with("this customer no longer exists; try again"))
    }

    /// The customer of an identifier; `None` if it was never seen.
    pub(super) async fn customer_of(&self, identifier: &Identifier) -> Result<Option<Arc<Customer>>> {
        if let Some(found) = self.remembered(unified_id(identifier, &self.secret)).await? {
            return Ok(Some(found));
        }
        let Source { reading, .. } = &self.source;
        let AsOf { state, .. } = self.source.as_of().await.map_err(|error| unavailable(&error))?;
        let found = profile_view::of_identifiers(&reading.store, &state.policy, std::slice::from_ref(identifier)).await;
        let found = found.map_err(|error| unavailable(&error))?.remove(identifier);
        self.remember(found).await
    }

    /// The customer that a unified ID leads to; `None` if it was never issued.
    pub(super) async fn customer_of_id(&self, id: UnifiedId) -> Result<Option<Arc<Customer>>> {
        if let Some(found) = self.remembered(id).await? {
            return Ok(Some(found));
        }
        let Source { reading, .. } = &self.source;
        let AsOf { state, .. } = self.source.as_of().await.map_err(|error| unavailable(&error))?;
        let found = profile_view::of_ids(&reading.store, &state.policy, &[id]).await;
        let found = found.map_err(|error| unavailable(&error))?;
        self.remember(found.into_values().next()).await
    }

    /// The newest events of a customer, if they are cached.
    pub(super) async fn recent_events(&self, customer: &Customer) -> Result<Option<Arc<RecentEvents>>> {
        let AsOf { state, commit } = self.source.as_of().await.map_err(|error| unavailable(&error))?;
        let cache = &self.source.directory.customers;
        let found = cache.customer(customer.key, commit, state.policy.retirements());
        Ok(found.and_then(|found| found.events))
    }

    /// Caches a customer's newest events, which were read from the snapshot.
    pub(super) async fn remember_events(&self, customer: &Customer, events: RecentEvents) -> Result<()> {
        let AsOf { commit, .. } = self.source.as_of().await.map_err(|error| unavailable(&error))?;
        self.source.directory.customers.put_events(customer.key, commit, Arc::new(events));
        Ok(())
    }

    async fn remembered(&self, id: UnifiedId) -> Result<Option<Arc<Customer>>> {
        let AsOf { state, commit } = self.source.as_of().await.map_err(|error| unavailable(&error))?;
        let found = self.source.directory.customers.customer_of_id(id, commit, state.policy.retirements());
        let Some(Found { customer, .. }) = found else { return Ok(None) };
        // Its purchases are then found without another read of the customer.
        self.cached().customers.prime(customer.key, Ok(Some(customer.clone()))).await;
        Ok(Some(customer))
    }

    /// Caches what was read from the snapshot.
    async fn remember(&self, found: Option<Arc<Customer>>) -> Result<Option<Arc<Customer>>> {
        let Some(customer) = found else { return Ok(None) };
        let AsOf { state, commit } = self.source.as_of().await.map_err(|error| unavailable(&error))?;
        self.source.directory.customers.put(commit, &customer, state.policy.retirements());
        self.cached().customers.prime(customer.key, Ok(Some(customer.clone()))).await;
        Ok(Some(customer))
    }
}

fn settle<T>(answer: std::io::Result<Answer<T>>) -> Result<Option<Arc<T>>> {
    match answer {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(unavailable(&error)),
        Err(_) => Err(ErrorCode::Internal.with("a read ended without a result")),
    }
}

struct Customers(Source);

impl BatchFn<ClusterKey, Answer<Customer>> for Customers {
    async fn load(&mut self, keys: &[ClusterKey]) -> HashMap<ClusterKey, Answer<Customer>> {
        match self.0.customers(keys).await {
            Ok(Loaded { mut customers, contradictory }) => {
                let damaged: HashSet<ClusterKey> = contradictory.into_iter().collect();
                let answer = |key: &ClusterKey| match customers.remove(key) {
                    None if damaged.contains(key) => Err(Arc::new(StoreError::Contradictory)),
                    found => Ok(found),
                };
                keys.iter().copied().zip(keys.iter().map(answer)).collect()
            }
            Err(error) => {
                let error = Arc::new(error);
                keys.iter().map(|key| (*key, Err(error.clone()))).collect()
            }
        }
    }
}

impl Source {
    async fn as_of(&self) -> std::result::Result<AsOf, StoreError> {
        let state = self.reading.state().await?;
        let commit = self.directory.customers.follow(&self.reading.store).await?;
        Ok(AsOf { state, commit })
    }

    /// Customers from the cache, and the others from the snapshot.
    async fn customers(&self, keys: &[ClusterKey]) -> std::result::Result<Loaded, StoreError> {
        let AsOf { state, commit } = self.as_of().await?;
        let (cache, retirements) = (&self.directory.customers, state.policy.retirements());
        let mut cached: BTreeMap<ClusterKey, Arc<Customer>> = BTreeMap::new();
        let mut unknown = Vec::new();
        for key in keys {
            match cache.customer(*key, commit, retirements) {
                Some(found) => drop(cached.insert(*key, found.customer)),
                None => unknown.push(*key),
            }
        }
        if unknown.is_empty() {
            return Ok(Loaded { customers: cached, contradictory: Vec::new() });
        }
        let mut loaded = profile_view::load_some(&self.reading.store, &state.policy, &unknown).await?;
        for customer in loaded.customers.values() {
            cache.put(commit, customer, retirements);
        }
        loaded.customers.append(&mut cached);
        Ok(loaded)
    }

    /// What a customer of the snapshot bought, from the cache or from the snapshot.
    async fn purchases(&self, customer: &Arc<Customer>) -> std::result::Result<Purchased, StoreError> {
        let state = self.reading.state().await?;
        self.directory.customers.purchases(&self.reading.store, &state.policy, customer).await
    }

    /// As [`Source::purchases`], summed up.
    async fn summaries(&self, customer: &Arc<Customer>) -> std::result::Result<Arc<PurchaseSummaries>, StoreError> {
        let state = self.reading.state().await?;
        self.directory.customers.summaries(&self.reading.store, &state.policy, customer).await
    }
}

struct Purchases {
    source: Source,
    customers: Loader<ClusterKey, Answer<Customer>, Customers>,
}

impl BatchFn<ClusterKey, Answer<Purchased>> for Purchases {
    async fn load(&mut self, keys: &[ClusterKey]) -> HashMap<ClusterKey, Answer<Purchased>> {
        let mut answers = HashMap::with_capacity(keys.len());
        for (key, customer) in self.customers.try_load_many(keys.to_vec()).await.unwrap_or_default() {
            let answer = match customer {
                Ok(Some(customer)) => {
                    self.source.purchases(&customer).await.map(|it| Some(Arc::new(it))).map_err(Arc::new)
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            answers.insert(key, answer);
        }
        answers
    }
}

struct Summaries {
    source: Source,
    customers: Loader<ClusterKey, Answer<Customer>, Customers>,
}

impl BatchFn<ClusterKey, Answer<PurchaseSummaries>> for Summaries {
    async fn load(&mut self, keys: &[ClusterKey]) -> HashMap<ClusterKey, Answer<PurchaseSummaries>> {
        let mut answers = HashMap::with_capacity(keys.len());
        for (key, customer) in self.customers.try_load_many(keys.to_vec()).await.unwrap_or_default() {
            let answer = match customer {
                Ok(Some(customer)) => self.source.summaries(&customer).await.map(Some).map_err(Arc::new),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            answers.insert(key, answer);
        }
        answers
    }
}
