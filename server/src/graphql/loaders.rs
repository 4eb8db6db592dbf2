//! Data loaders: batch the reads of customers and purchases that the fields of one response request one by one.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_graphql::Result;
use dataloader::{BatchFn, cached::Loader};
use profile360_core::{
    graph::rows::ClusterKey,
    identifier::{Identifier, UnifiedId},
};
use profile360_store::{Store, StoreError};

use super::{
    App,
    error::{ErrorCode, unavailable},
};
use crate::{
    engine::active_policy::ActivePolicy,
    views::profile_view::{self, Customer, Loaded, Purchased},
};

type Answer<T> = std::result::Result<Option<Arc<T>>, Arc<StoreError>>;

/// The loaders of one response. They cache, so no two responses share them.
pub(super) struct Loaders {
    store: Arc<Store>,
    policy: Arc<ActivePolicy>,
    customers: Loader<ClusterKey, Answer<Customer>, Customers>,
    purchases: Loader<ClusterKey, Answer<Purchased>, Purchases>,
}

impl Loaders {
    pub(super) fn new(app: &App) -> Self {
        let customers = Customers { store: app.store.clone(), policy: app.policy.clone() };
        let customers = Loader::new(customers);
        let purchases = Loader::new(Purchases { store: app.store.clone(), customers: customers.clone() });
        Self { store: app.store.clone(), policy: app.policy.clone(), customers, purchases }
    }

    /// The customer of a cluster. The list lags a little behind the database, and a merge may come during a request: if the cluster
    /// no longer exists, the customer that the unified ID leads to.
    pub(super) async fn customer(&self, key: ClusterKey, id: UnifiedId) -> Result<Arc<Customer>> {
        match settle(self.customers.try_load(key).await)? {
            Some(customer) => Ok(customer),
            None => self.customer_of_id(id).await,
        }
    }

    /// The purchases of the customer of a cluster, which is found as in [`Loaders::customer`].
    pub(super) async fn purchases(&self, key: ClusterKey, id: UnifiedId) -> Result<Arc<Purchased>> {
        if let Some(purchased) = settle(self.purchases.try_load(key).await)? {
            return Ok(purchased);
        }
        let customer = self.customer_of_id(id).await?;
        let purchased = profile_view::purchases(&self.store, &customer).await.map_err(|error| unavailable(&error))?;
        Ok(Arc::new(purchased))
    }

    /// The customer of an identifier; `None` if it was never seen.
    pub(super) async fn customer_of(&self, identifier: &Identifier) -> Result<Option<Arc<Customer>>> {
        let identifiers = std::slice::from_ref(identifier);
        let clusters = profile_view::clusters_of_identifiers(&self.store, identifiers).await;
        let Some(key) = clusters.map_err(|error| unavailable(&error))?.remove(identifier) else { return Ok(None) };
        // Through the loader, as its cache then serves the customer's purchases.
        if let Some(customer) = settle(self.customers.try_load(key).await)? {
            return Ok(Some(customer));
        }
        let found = profile_view::of_identifiers(&self.store, &self.policy, identifiers).await;
        Ok(found.map_err(|error| unavailable(&error))?.remove(identifier))
    }

    async fn customer_of_id(&self, id: UnifiedId) -> Result<Arc<Customer>> {
        let found =
            profile_view::of_ids(&self.store, &self.policy, &[id]).await.map_err(|error| unavailable(&error))?;
        let gone = || ErrorCode::Unavailable.with("this customer no longer exists; try again");
        found.into_values().next().ok_or_else(gone)
    }
}

fn settle<T>(answer: std::io::Result<Answer<T>>) -> Result<Option<Arc<T>>> {
    match answer {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(unavailable(&error)),
        Err(_) => Err(ErrorCode::Internal.with("a read ended without a result")),
    }
}

struct Customers {
    store: Arc<Store>,
    policy: Arc<ActivePolicy>,
}

impl BatchFn<ClusterKey, Answer<Customer>> for Customers {
    async fn load(&mut self, keys: &[ClusterKey]) -> HashMap<ClusterKey, Answer<Customer>> {
        match profile_view::load_some(&self.store, &self.policy, keys).await {
            Ok(Loaded { mut customers, torn }) => {
                let torn: HashSet<ClusterKey> = torn.into_iter().collect();
                let answer = |key: &ClusterKey| match customers.remove(key) {
                    None if torn.contains(key) => Err(Arc::new(StoreError::Torn)),
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

struct Purchases {
    store: Arc<Store>,
    customers: Loader<ClusterKey, Answer<Customer>, Customers>,
}

impl BatchFn<ClusterKey, Answer<Purchased>> for Purchases {
    async fn load(&mut self, keys: &[ClusterKey]) -> HashMap<ClusterKey, Answer<Purchased>> {
        let mut answers = HashMap::with_capacity(keys.len());
        for (key, customer) in self.customers.try_load_many(keys.to_vec()).await.unwrap_or_default() {
            let answer = match customer {
                Ok(Some(customer)) => {
                    profile_view::purchases(&self.store, &customer).await.map(|it| Some(Arc::new(it))).map_err(Arc::new)
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            answers.insert(key, answer);
        }
        answers
    }
}
