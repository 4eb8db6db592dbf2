//! Loads of one request: the customers and purchases that its fields ask for one by one are read together.

use std::{collections::HashMap, sync::Arc};

use async_graphql::Result;
use dataloader::{BatchFn, cached::Loader};
use profile360_core::plan::CellKey;

use super::{
    App,
    error::{ErrorCode, unavailable},
};
use crate::{
    customer::{self, Customer, Purchased},
    rules::Rules,
    store::{Store, StoreError},
};

type Answer<T> = std::result::Result<Option<Arc<T>>, Arc<StoreError>>;

/// Belongs to one request, so that no answer is older than its question.
pub(super) struct Loaders {
    customers: Loader<CellKey, Answer<Customer>, Customers>,
    purchases: Loader<CellKey, Answer<Purchased>, Purchases>,
}

impl Loaders {
    pub(super) fn new(app: &App) -> Self {
        let customers = Customers { store: app.store.clone(), rules: app.policy.clone() };
        let customers = Loader::new(customers);
        let purchases = Loader::new(Purchases { store: app.store.clone(), customers: customers.clone() });
        Self { customers, purchases }
    }

    /// The customer of a cell; `None` where a merge took it away since the question began.
    pub(super) async fn customer(&self, key: CellKey) -> Result<Option<Arc<Customer>>> {
        settle(self.customers.try_load(key).await)
    }

    pub(super) async fn purchases(&self, key: CellKey) -> Result<Arc<Purchased>> {
        Ok(settle(self.purchases.try_load(key).await)?.unwrap_or_default())
    }
}

fn settle<T>(answer: std::io::Result<Answer<T>>) -> Result<Option<Arc<T>>> {
    match answer {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(unavailable(&error)),
        Err(_) => Err(ErrorCode::Internal.with("a load came back without an answer")),
    }
}

struct Customers {
    store: Arc<Store>,
    rules: Arc<Rules>,
}

impl BatchFn<CellKey, Answer<Customer>> for Customers {
    async fn load(&mut self, keys: &[CellKey]) -> HashMap<CellKey, Answer<Customer>> {
        match customer::load(&self.store, &self.rules, keys).await {
            Ok(mut found) => keys.iter().map(|key| (*key, Ok(found.remove(key)))).collect(),
            Err(error) => {
                let error = Arc::new(error);
                keys.iter().map(|key| (*key, Err(error.clone()))).collect()
            }
        }
    }
}

struct Purchases {
    store: Arc<Store>,
    customers: Loader<CellKey, Answer<Customer>, Customers>,
}

impl BatchFn<CellKey, Answer<Purchased>> for Purchases {
    async fn load(&mut self, keys: &[CellKey]) -> HashMap<CellKey, Answer<Purchased>> {
        let mut answers = HashMap::with_capacity(keys.len());
        for (key, customer) in self.customers.try_load_many(keys.to_vec()).await.unwrap_or_default() {
            let answer = match customer {
                Ok(Some(customer)) => {
                    customer::purchases(&self.store, &customer).await.map(|it| Some(Arc::new(it))).map_err(Arc::new)
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            answers.insert(key, answer);
        }
        answers
    }
}
