//! The active policy and the retirements: what every answer and every plan is computed by.

use std::{
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use profile360_core::{
    evidence::retirement::Retirements,
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};
use profile360_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// The policy and the retirements of one projection.
#[derive(Debug)]
pub struct ActivePolicy {
    pub version: i64,
    policy: Arc<CompiledPolicy>,
    /// Replaced by the pipeline only.
    retirements: RwLock<Arc<Retirements>>,
}

impl Deref for ActivePolicy {
    type Target = CompiledPolicy;

    fn deref(&self) -> &CompiledPolicy {
        &self.policy
    }
}

impl ActivePolicy {
    /// Combines a policy with the stored retirements.
    pub async fn load(store: &Store, version: i64, policy: CompiledPolicy) -> Result<Self, StoreError> {
        let retirements = Arc::new(load_retirements(store).await?);
        Ok(Self { version, policy: Arc::new(policy), retirements: RwLock::new(retirements) })
    }

    pub const fn compiled(&self) -> &Arc<CompiledPolicy> {
        &self.policy
    }

    pub fn retirements(&self) -> Arc<Retirements> {
        self.retirements.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_retirements(&self, retirements: Arc<Retirements>) {
        *self.retirements.write().unwrap_or_else(PoisonError::into_inner) = retirements;
    }
}

/// A version of the policy as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishedPolicy {
    pub published_at: Timestamp,
    pub published_by: String,
    /// The author's reason. Empty for the initial policy.
    #[serde(default)]
    pub reason: String,
    pub document: Policy,
}

/// A stored version of the policy. `None` if it is missing or cannot be read.
pub(crate) async fn published(store: &Store, version: i64) -> Result<Option<PublishedPolicy>, StoreError> {
    let Some(text) = store.policy(version).await? else { return Ok(None) };
    Ok(serde_json::from_str(&text).ok())
}

/// All stored retirements.
pub(crate) async fn load_retirements(store: &Store) -> Result<Retirements, StoreError> {
    let mut retirements = Retirements::default();
    for retirement in store.retirements().await? {
        retirements.put(retirement);
    }
    Ok(retirements)
}
